"""What an expression is on one side of zero: the vocabulary of piecewise linear NumPy code.

``PIECES`` is the table: a NumPy function, and the remark on why sums and products of it are not
bit for bit the activation. A new function is one entry there and one method of ``Reader``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.source import Source, dotted, mentions

POSITIVE, ZERO, NEGATIVE = 1, 0, -1
NAN = 2


class NotPiecewise(Exception):  # noqa: N818
    """The expression is not linear in x on this side, or nothing here says so."""


@dataclass(frozen=True)
class Value:
    """A polynomial, or a truth value that NumPy would store as bool."""

    polynomial: Polynomial
    boolean: bool = False


def truth(value: bool) -> Value:
    """Return a mask that is all ``value``."""
    return Value(Polynomial.number(int(value)), boolean=True)


class Reader:
    """Reads one expression on one side of zero.

    Parameters
    ----------
    source, names : Source, Names
        The file that the expression is from.
    x : str
        The key of the activation's input.
    side : int
        ``POSITIVE``, ``ZERO``, ``NEGATIVE`` or ``NAN``.
    """

    def __init__(self, source: Source, names: Names, x: str, side: int) -> None:
        self.source = source
        self.names = names
        self.x = x
        self.side = side
        self.used: set[str] = set()
        self.atoms: dict[str, ast.expr] = {}

    def polynomial(self, node: ast.expr) -> Polynomial:
        """Return what ``node`` is on this side."""
        return self.value(node).polynomial

    def value(self, node: ast.expr) -> Value:
        """Return what ``node`` is on this side, and whether it is a mask."""
        if self.source.key(node) == self.x:
            return Value(Polynomial({}) if self.side == ZERO else Polynomial.factor(X))
        match node:
            case ast.Constant(value=bool(flag)):
                return truth(flag)
            case ast.Constant(value=int() | float() as number) if math.isfinite(number):
                return Value(Polynomial.number(Fraction(repr(number))))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Value(-self.polynomial(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return self.inverted(operand)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
                return self.arithmetic(left, op, right)
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=int() | float() as d)):
                # Of halves only: x / 5 is the author's own spelling of something else.
                if d == 2 and self.depends_on_x(left):
                    return Value(self.polynomial(left) * Polynomial.number(Fraction(1, 2)))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.compared(left, op, right)
            case ast.Call(func=ast.Attribute(value=array, attr=method), args=args, keywords=kws):
                method_of_x = method in METHODS and self.depends_on_x(array)
                if method_of_x and self.names.function(node.func) is None:
                    call = ast.Call(func=node.func, args=[array, *args], keywords=kws)
                    return self.called(METHODS[method], call)
        if isinstance(node, ast.Call) and (name := self.names.function(node.func)) in PIECES:
            assert name is not None
            if name not in _ATOMIC or self.depends_on_x(node):
                return self.called(name, node)
        if self.depends_on_x(node):
            raise NotPiecewise
        key = self.source.key(node)
        self.atoms.setdefault(key, node)
        return Value(Polynomial.factor(key))

    def depends_on_x(self, node: ast.AST) -> bool:
        """Tell whether the values of x, and not only its dtype or shape, are in ``node``."""
        return mentions(self.source, node, self.x)

    def called(self, name: str, call: ast.Call) -> Value:
        """Return what a call of the NumPy function ``name`` gives."""
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            raise NotPiecewise
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        piece = PIECES[name]
        self.used.add(piece.family)
        return piece.read(self, list(call.args), keywords)  # type: ignore[arg-type]

    def arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Value:
        """Return a sum, difference or product."""
        # Zero times an array still has its shape, and its nan.
        if isinstance(op, ast.Mult) and any(isinstance(n, ast.Constant) and n.value == 0 for n in (left, right)):
            raise NotPiecewise
        a, b = self.value(left), self.value(right)
        if a.boolean or b.boolean:
            self.used.add("bool")
        if self.side == NAN and (a.polynomial.mentions_x() or b.polynomial.mentions_x()):
            return Value(Polynomial.factor(X))
        if isinstance(op, ast.Mult):
            return Value(a.polynomial * b.polynomial, a.boolean and b.boolean)
        if isinstance(op, ast.Sub):
            return Value(a.polynomial - b.polynomial)
        return Value(a.polynomial + b.polynomial)

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Value:
        """Return the mask of a comparison whose answer is the same on this whole side."""
        difference = self.polynomial(left) - self.polynomial(right)
        if self.side == NAN and difference.mentions_x():
            return truth(False)
        sign = difference.sign(self.side)
        if sign is None:
            raise NotPiecewise
        match op:
            case ast.Gt():
                return truth(sign > 0)
            case ast.GtE():
                return truth(sign >= 0)
            case ast.Lt():
                return truth(sign < 0)
            case ast.LtE():
                return truth(sign <= 0)
        raise NotPiecewise

    def inverted(self, operand: ast.expr) -> Value:
        """Return the opposite of a mask."""
        value = self.value(operand)
        if not value.boolean:
            raise NotPiecewise
        return truth(value.polynomial.constant() == 0)

    def chosen(self, condition: ast.expr) -> bool:
        """Tell which way a mask decides on this side."""
        value = self.value(condition)
        constant = value.polynomial.constant()
        if constant is None or not value.boolean:
            raise NotPiecewise
        return constant != 0

    def extreme(self, a: Polynomial, b: Polynomial, largest: bool) -> Polynomial:
        """Return the larger or the smaller of two polynomials whose order is known."""
        if self.side == NAN and (a.mentions_x() or b.mentions_x()):
            return Polynomial.factor(X)
        sign = (a - b).sign(self.side)
        if sign is None:
            raise NotPiecewise
        return a if (sign >= 0) == largest else b

    def bound(self, node: ast.expr | None, infinity: int) -> Polynomial | None:
        """Return a limit of np.clip, None where it limits nothing."""
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return None
        if infinite(self.names, node) == infinity:
            return None
        return self.polynomial(node)


def infinite(names: Names, node: ast.expr) -> int:
    """Return the sign of a spelled infinity, 0 for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -infinite(names, node.operand)
    if isinstance(node, ast.Call) and dotted(node.func) == "float" and node.args:
        spelled = node.args[0]
        if isinstance(spelled, ast.Constant) and isinstance(spelled.value, str):
            return {"inf": 1, "+inf": 1, "-inf": -1}.get(spelled.value.lower(), 0)
    return {"inf": 1, "Inf": 1, "PINF": 1, "NINF": -1}.get(names.function(node) or "", 0)


Keywords = dict[str, ast.expr]
Arguments = list[ast.expr]


@dataclass(frozen=True)
class Piece:
    """One word of the vocabulary.

    Attributes
    ----------
    family : str
        Which remark of the report it falls under.
    read : callable
        Gives the value of a call on the reader's side.
    """

    family: str
    read: Callable[[Reader, Arguments, Keywords], Value]


def _exactly(count: int, args: Arguments, keywords: Keywords, ignored: str = "") -> None:
    if len(args) != count or keywords.keys() - set(ignored.split()):
        raise NotPiecewise


def _where(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(3, args, keywords)
    return reader.value(args[1] if reader.chosen(args[0]) else args[2])


def _extreme(largest: bool) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        a, b = (reader.polynomial(argument) for argument in args)
        return Value(reader.extreme(a, b, largest))

    return read


def _clip(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    limits = dict(zip(("a", "a_min", "a_max"), args, strict=False))
    for name, argument in keywords.items():
        limits[{"min": "a_min", "max": "a_max"}.get(name, name)] = argument
    if len(args) > 3 or limits.keys() - {"a", "a_min", "a_max"} or "a" not in limits:
        raise NotPiecewise
    value = reader.polynomial(limits["a"])
    low = reader.bound(limits.get("a_min"), -1)
    high = reader.bound(limits.get("a_max"), 1)
    if low is not None:
        value = reader.extreme(value, low, largest=True)
    if high is not None:
        value = reader.extreme(value, high, largest=False)
    return Value(value)


def _signed(on_side: Callable[[Polynomial, int], Polynomial]) -> Callable[..., Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(1, args, keywords)
        value = reader.polynomial(args[0])
        if reader.side == NAN and value.mentions_x():
            return Value(Polynomial.factor(X))
        sign = value.sign(reader.side)
        if sign is None:
            raise NotPiecewise
        return Value(on_side(value, sign))

    return read


def _heaviside(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    value = reader.polynomial(args[0])
    if reader.side == NAN and value.mentions_x():
        return Value(Polynomial.factor(X))
    sign = value.sign(reader.side)
    if sign is None:
        raise NotPiecewise
    return reader.value(args[1]) if sign == 0 else Value(Polynomial.number(int(sign > 0)))


def _compare(op: ast.cmpop) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.compared(args[0], op, args[1])

    return read


def _operate(op: ast.operator) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.arithmetic(args[0], op, args[1])

    return read


def _not(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    return reader.inverted(args[0])


def _same(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if not 1 <= len(args) <= 2 or keywords.keys() - {"dtype", "copy"}:
        raise NotPiecewise
    value = reader.value(args[0])
    if value.boolean:
        reader.used.add("bool")
    return Value(value.polynomial)


def _filled(number: int) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        if not 1 <= len(args) <= 2 or keywords.keys() - {"dtype", "shape"}:
            raise NotPiecewise
        return Value(Polynomial.number(number))

    return read


def _full(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if not 2 <= len(args) <= 3 or keywords.keys() - {"dtype"}:
        raise NotPiecewise
    return reader.value(args[1])


def _select(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    if len(args) not in (2, 3) or keywords.keys() - {"default"}:
        raise NotPiecewise
    conditions, choices = args[:2]
    if not isinstance(conditions, ast.List | ast.Tuple):
        raise NotPiecewise
    if not isinstance(choices, ast.List | ast.Tuple) or len(choices.elts) != len(conditions.elts):
        raise NotPiecewise
    for condition, choice in zip(conditions.elts, choices.elts, strict=True):
        if reader.chosen(condition):
            return reader.value(choice)
    default = args[2] if len(args) == 3 else keywords.get("default")
    return reader.value(default) if default is not None else Value(Polynomial({}))


def _undefined(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    return Value(Polynomial.factor("<memory nothing was written to>"))


PIECES: dict[str, Piece] = {
    "where": Piece("where", _where),
    "maximum": Piece("relu", _extreme(largest=True)),
    "fmax": Piece("relu", _extreme(largest=True)),
    "minimum": Piece("relu", _extreme(largest=False)),
    "fmin": Piece("relu", _extreme(largest=False)),
    "clip": Piece("clip", _clip),
    "abs": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "absolute": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "fabs": Piece("abs", _signed(lambda value, sign: value if sign >= 0 else -value)),
    "sign": Piece("abs", _signed(lambda _, sign: Polynomial.number(sign))),
    "heaviside": Piece("abs", _heaviside),
    "greater": Piece("compare", _compare(ast.Gt())),
    "greater_equal": Piece("compare", _compare(ast.GtE())),
    "less": Piece("compare", _compare(ast.Lt())),
    "less_equal": Piece("compare", _compare(ast.LtE())),
    "logical_not": Piece("compare", _not),
    "invert": Piece("compare", _not),
    "bitwise_not": Piece("compare", _not),
    "add": Piece("arithmetic", _operate(ast.Add())),
    "subtract": Piece("arithmetic", _operate(ast.Sub())),
    "multiply": Piece("arithmetic", _operate(ast.Mult())),
    "select": Piece("select", _select),
    "copy": Piece("cast", _same),
    "array": Piece("cast", _same),
    "asarray": Piece("cast", _same),
    **dict.fromkeys(("float16", "float32", "float64", "int8", "int32", "int64"), Piece("cast", _same)),
    "astype": Piece("cast", _same),
    "ones_like": Piece("like", _filled(1)),
    "zeros_like": Piece("like", _filled(0)),
    "ones": Piece("filled", _filled(1)),
    "zeros": Piece("filled", _filled(0)),
    "full_like": Piece("like", _full),
    "full": Piece("filled", _full),
    "empty_like": Piece("like", _undefined),
    "empty": Piece("filled", _undefined),
}
METHODS = {"astype": "astype", "clip": "clip", "copy": "copy"}
# Slopes such as np.float32(0.1) stay as the author wrote them.
_ATOMIC = frozenset({"array", "asarray", "float16", "float32", "float64", "astype", "copy"})
