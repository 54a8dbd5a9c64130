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
from fastlrelu.rewrite.source import Source, dotted, is_everything, mentions

_FLOATS = frozenset({"double", "float", "float16", "float32", "float64", "half", "longdouble", "single"})
_CASTS = (
    "bool_",
    "double",
    "float16",
    "float32",
    "float64",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "single",
    "uint8",
)

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
        # What masks were multiplied with or added to: a number makes float64 of them.
        self.widened: list[Polynomial] = []
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
            case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() as op, right=right):
                return self.combined(left, op, right)
            case ast.Subscript(value=inner, slice=index):
                if is_everything(index):
                    return self.value(inner)
                if self.depends_on_x(index) and (table := self.elements(inner)) is not None:
                    return self.picked(index, table, boolean=False)
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=int() | float() as d)):
                # Of halves only: x / 5 is the author's own spelling of something else.
                if d == 2 and self.depends_on_x(left):
                    return Value(self.polynomial(left) * Polynomial.number(Fraction(1, 2)))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.compared(left, op, right)
            case ast.Call(func=ast.Attribute(value=array, attr=method), args=args, keywords=kws):
                method_of_x = method in METHODS and self.depends_on_x(array)
                if method_of_x and self.names.function(node.func) is None:
                    given = [ast.Tuple(args, ast.Load())] if method == "choose" and len(args) > 1 else args
                    call = ast.Call(func=node.func, args=[array, *given], keywords=kws)
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
        if a.boolean != b.boolean:
            self.widened.append(b.polynomial if a.boolean else a.polynomial)
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
            case ast.Eq():
                return truth(sign == 0)
            case ast.NotEq():
                return truth(sign != 0)
        raise NotPiecewise

    def combined(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Value:
        """Return what &, | or ^ make of two masks."""
        a, b = self.value(left), self.value(right)
        if not a.boolean or not b.boolean:
            raise NotPiecewise
        first, second = a.polynomial.constant() != 0, b.polynomial.constant() != 0
        match op:
            case ast.BitAnd():
                return truth(first and second)
            case ast.BitOr():
                return truth(first or second)
            case ast.BitXor():
                return truth(first != second)
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
        sign = self.order(a - b)
        return a if (sign >= 0) == largest else b

    def order(self, difference: Polynomial) -> int:
        """Return the sign of a difference; one slope in it counts as a number between 0 and 1."""
        sign = difference.sign(self.side)
        if sign is not None:
            return sign
        factor = 1
        if all(factors.count(X) == 1 for factors in difference.terms):
            quotient = difference.divided_by(Polynomial.factor(X))
            if quotient is None or self.side not in (POSITIVE, NEGATIVE):
                raise NotPiecewise
            difference, factor = quotient, self.side
        symbols = set(difference.terms) - {()}
        if len(symbols) != 1 or difference.mentions_x() or any(len(symbol) != 1 for symbol in symbols):
            raise NotPiecewise
        at_zero = difference.terms.get((), Fraction(0))
        at_one = at_zero + difference.terms[symbols.pop()]
        if at_zero >= 0 and at_one >= 0:
            sign = 1
        elif at_zero <= 0 and at_one <= 0:
            sign = -1
        else:
            raise NotPiecewise
        self.used.add("bounded")
        return sign * factor

    def elements(self, node: ast.expr) -> list[ast.expr] | None:
        """Return the entries of a table that is written out, or None."""
        if isinstance(node, ast.Call) and self.names.function(node.func) in {"array", "asarray"} and node.args:
            node = node.args[0]
        return node.elts if isinstance(node, ast.List | ast.Tuple) else None

    def picked(self, index: ast.expr, table: list[ast.expr], boolean: bool) -> Value:
        """Return the entry of a table that a mask, as a number, picks on this side."""
        value = self.value(index)
        number = value.polynomial.constant()
        if number is None or (value.boolean and not boolean) or number not in range(len(table)):
            raise NotPiecewise
        return self.value(table[int(number)])

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
        a, b = (reader.value(argument) for argument in args)
        if a.boolean != b.boolean:
            reader.widened.append(b.polynomial if a.boolean else a.polynomial)
        return Value(reader.extreme(a.polynomial, b.polynomial, largest))

    return read


def _clip(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    limits = dict(zip(("a", "a_min", "a_max"), args, strict=False))
    for name, argument in keywords.items():
        limits[{"min": "a_min", "max": "a_max"}.get(name, name)] = argument
    if len(args) > 3 or limits.keys() - {"a", "a_min", "a_max"} or "a" not in limits:
        raise NotPiecewise
    clipped = reader.value(limits["a"])
    value = clipped.polynomial
    if clipped.boolean:
        reader.used.add("wide")
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
    dtype = args[1] if len(args) == 2 else keywords.get("dtype")
    value = reader.value(args[0])
    if dtype is None:
        return value
    return _cast(reader, value, dtype)


def _cast(reader: Reader, value: Value, dtype: ast.expr) -> Value:
    """Return a value as another dtype holds it."""
    name = (dotted(dtype) or "").rpartition(".")[2]
    if isinstance(dtype, ast.Constant):
        name = str(dtype.value)
    if value.boolean:
        reader.used.add("bool")
    if name in {"bool", "bool_"}:
        if value.boolean:
            return value
        sign = value.polynomial.sign(reader.side)
        if sign is None or reader.side == NAN:
            raise NotPiecewise
        return truth(sign != 0)
    same = isinstance(dtype, ast.Attribute) and dtype.attr == "dtype" and reader.source.key(dtype.value) == reader.x
    if not same:
        reader.used.add("cast")
    constant = value.polynomial.constant()
    if value.boolean or (constant is not None and constant.denominator == 1):
        # Any dtype holds 0 and 1.
        return Value(value.polynomial)
    if same or name in _FLOATS:
        return Value(value.polynomial)
    raise NotPiecewise


def _converted(dtype: str) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(1, args, keywords)
        return _cast(reader, reader.value(args[0]), ast.Constant(dtype))

    return read


def _negative(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    return Value(-reader.polynomial(args[0]))


def _flat(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    """Read the indices of a mask of one dimension as the mask itself."""
    reader.used.add("flat")
    return reader.value(args[0])


def _signbit(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(1, args, keywords)
    value = reader.polynomial(args[0])
    sign = value.sign(reader.side)
    if sign is None or reader.side == NAN:
        raise NotPiecewise
    return truth(sign < 0)


def _choose(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    table = reader.elements(args[1])
    if table is None:
        raise NotPiecewise
    return reader.picked(args[0], table, boolean=True)


def _take(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    return _choose(reader, args[::-1], {})


def _combine(op: ast.operator) -> Callable[[Reader, Arguments, Keywords], Value]:
    def read(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
        _exactly(2, args, keywords)
        return reader.combined(args[0], op, args[1])

    return read


def _halved(reader: Reader, args: Arguments, keywords: Keywords) -> Value:
    _exactly(2, args, keywords)
    return reader.value(ast.BinOp(args[0], ast.Div(), args[1]))


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
    "divide": Piece("arithmetic", _halved),
    "true_divide": Piece("arithmetic", _halved),
    "negative": Piece("arithmetic", _negative),
    "positive": Piece("arithmetic", _same),
    "equal": Piece("compare", _compare(ast.Eq())),
    "not_equal": Piece("compare", _compare(ast.NotEq())),
    "flat": Piece("compare", _flat),
    "signbit": Piece("compare", _signbit),
    "logical_and": Piece("compare", _combine(ast.BitAnd())),
    "bitwise_and": Piece("compare", _combine(ast.BitAnd())),
    "logical_or": Piece("compare", _combine(ast.BitOr())),
    "bitwise_or": Piece("compare", _combine(ast.BitOr())),
    "logical_xor": Piece("compare", _combine(ast.BitXor())),
    "choose": Piece("select", _choose),
    "take": Piece("select", _take),
    **dict.fromkeys(("copy", "array", "asarray", "asanyarray", "ascontiguousarray"), Piece("same", _same)),
    **{name: Piece("cast", _converted(name)) for name in _CASTS},
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
METHODS = {"astype": "astype", "choose": "choose", "clip": "clip", "copy": "copy"}
# Slopes such as np.float32(0.1) stay as the author wrote them.
_ATOMIC = frozenset({"array", "asarray", "astype", "copy", "take"}) | frozenset(_CASTS)
