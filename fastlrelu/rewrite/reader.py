"""Reads an expression on one side of zero, word by word: see ``pieces.py`` for the words."""

from __future__ import annotations

import ast
import math
from fractions import Fraction

from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.pieces import ATOMIC, METHODS, PIECES
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.sides import NAN, NEGATIVE, POSITIVE, ZERO, NotPiecewise, Value, truth
from fastlrelu.rewrite.source import Source, dotted, is_everything, mentions


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
            if name not in ATOMIC or self.depends_on_x(node):
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
