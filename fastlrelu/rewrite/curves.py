"""Recognises ELU, and GELU by erf and by tanh, by the algebra that recognises leaky ReLU."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from fastlrelu.rewrite.leaks import Leak, Refusal, inputs
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.reader import Reader
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.sides import NEGATIVE, POSITIVE, ZERO, NotPiecewise, Value
from fastlrelu.rewrite.slopes import computed
from fastlrelu.rewrite.source import Source, mentions, walk
from fastlrelu.rewrite.versions import Expansion, TooLarge

_EXP, _ERF, _TANH = "<exp(x)>", "<erf>", "<tanh>"
_ODD = {"erf": _ERF, "tanh": _TANH}
_CURVES = frozenset({_EXP, _ERF, _TANH})
_MOST_DIGITS = 1e-6
_CUBE = 0.044715
_HIGHEST_POWER = 3
_CASTS = frozenset({"float", "float32", "float64"})
_HAS_EXP = re.compile(r"\bexp(?:m1)?\b")
_HAS_ODD = re.compile(r"\b(?:erf|tanh)\b")


class CurveReader(Reader):
    """Reads exp, erf and tanh too, each call as one factor that knows its argument."""

    def __init__(self, scene: Scene, x: str, side: int) -> None:
        super().__init__(scene.source, scene.names, x, side)
        self.arguments: dict[str, Polynomial] = {}

    def value(self, node: ast.expr) -> Value:
        """Return what ``node`` is on this side."""
        if self.source.key(node) == self.x or isinstance(node, ast.Constant):
            return super().value(node)
        number = constant(self.names, node)
        if number is not None:
            return Value(Polynomial.number(Fraction(number)))
        match node:
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self.divided(left, right)
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self.raised(base, exponent)
            case ast.Call(args=[first, *rest], keywords=[]):
                name = self.names.function(node.func)
                if name in {"divide", "true_divide"} and len(rest) == 1:
                    return self.divided(first, rest[0])
                if name == "power" and len(rest) == 1:
                    return self.raised(first, rest[0])
                if name in {"exp", "expm1", "square", *_ODD} and not rest and self.depends_on_x(first):
                    assert name is not None
                    return Value(self.curve(name, self.polynomial(first)))
        return super().value(node)

    def divided(self, left: ast.expr, right: ast.expr) -> Value:
        """Return a quotient by a number."""
        number = constant(self.names, right)
        if not number or not self.depends_on_x(left):
            return super().value(ast.BinOp(left, ast.Div(), right))
        return Value(self.polynomial(left) * Polynomial.number(1 / Fraction(number)))

    def raised(self, base: ast.expr, exponent: ast.expr) -> Value:
        """Return a small power."""
        number = constant(self.names, exponent)
        if number is None or not self.depends_on_x(base) or number not in range(1, _HIGHEST_POWER + 1):
            return super().value(ast.BinOp(base, ast.Pow(), exponent))
        result = factor = self.polynomial(base)
        for _ in range(int(number) - 1):
            result = result * factor
        return Value(result)

    def curve(self, name: str, argument: Polynomial) -> Polynomial:
        """Return a function of a polynomial."""
        if name == "square":
            return argument * argument
        one = Polynomial.number(1)
        if not argument.terms:
            return one if name == "exp" else argument
        if name in _ODD:
            key, negative = _ODD[name], all(coefficient < 0 for coefficient in argument.terms.values())
            argument = -argument if negative else argument
            if self.arguments.setdefault(key, argument) != argument:
                raise NotPiecewise
            return -Polynomial.factor(key) if negative else Polynomial.factor(key)
        if argument != Polynomial.factor(X):
            raise NotPiecewise
        return Polynomial.factor(_EXP) if name == "exp" else Polynomial.factor(_EXP) - one

    def order(self, difference: Polynomial) -> int:
        """Return the sign of a difference; exp(x) - 1 has that of x, and alpha counts as above 0."""
        if not any(factor in _CURVES for factors in difference.terms for factor in factors):
            return super().order(difference)
        for sign in (1, -1):
            alpha = amplitude(difference * Polynomial.number(sign))
            if alpha is not None and self.side in (POSITIVE, NEGATIVE) and _is_positive(alpha):
                if alpha.constant() is None:
                    self.used.add("bounded")
                return sign * self.side
        raise NotPiecewise


def constant(names: Names, node: ast.expr) -> float | None:
    """Return the number that an expression of numbers, square roots and pi is, or None."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = constant(names, operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right):
            a, b = constant(names, left), constant(names, right)
            return None if a is None or b is None else computed(a, op, b)
        case ast.Name() | ast.Attribute():
            return math.pi if names.scalar(node) == "pi" else None
        case ast.Call(args=[argument], keywords=[]):
            inner = constant(names, argument)
            name = "float" if isinstance(node.func, ast.Name) and node.func.id == "float" else names.scalar(node.func)
            if inner is None or (name != "sqrt" and name not in _CASTS):
                return None
            return inner if name in _CASTS else math.sqrt(inner) if inner >= 0 else None
    return None


def amplitude(polynomial: Polynomial) -> Polynomial | None:
    """Return what exp(x) - 1 is multiplied by, None for anything else."""
    alpha = Polynomial({f: c for f, c in polynomial.terms.items() if _EXP in f}).divided_by(Polynomial.factor(_EXP))
    if alpha is None or not alpha.terms or any(_EXP in factors for factors in alpha.terms):
        return None
    return alpha if polynomial == alpha * (Polynomial.factor(_EXP) - Polynomial.number(1)) else None


def _is_positive(alpha: Polynomial) -> bool:
    return len(alpha.terms) == 1 and all(coefficient > 0 for coefficient in alpha.terms.values())


@lru_cache(maxsize=64)
def _says(source: Source, function: ast.AST, words: re.Pattern[str]) -> bool:
    text = source.code(function) if isinstance(function, ast.stmt) else source.text
    return words.search(text) is not None


def _readings(node: ast.expr, scene: Scene, words: re.Pattern[str]) -> Iterator[ast.expr]:
    """Yield an expression, then with every name in it spelled out, where it may hold a curve."""
    function = scene.place.function if scene.place is not None else scene.source.tree
    if not _says(scene.source, function, words):
        return
    yield node
    flow, state = scene.flow, scene.state
    if flow is None or state is None:
        return
    try:
        yield Expansion(flow.versions, lambda _: True).of(flow.converted(node, state))
    except TooLarge:
        return


def _shown(leak: Leak, node: ast.expr, scene: Scene) -> bool:
    """Tell whether the operands can be written where the expression stands."""
    return leak.old is node or scene.write_out(leak)


def find_elu(node: ast.expr, scene: Scene) -> Leak | Refusal | None:
    """Recognise what is x above zero and alpha * (exp(x) - 1) below, where both sides are in one expression."""
    if not isinstance(node, ast.BinOp) and scene.numpy(node) not in {"where", "add"}:
        return None
    for reading in _readings(node, scene, _HAS_EXP):
        if not any(scene.numpy(child) in {"exp", "expm1"} for child in walk(reading)):
            continue
        for x in {scene.source.key(x): x for x in inputs(scene.source, scene.names, reading)}.values():
            try:
                leak = _elu(reading, x, scene)
            except NotPiecewise:
                continue
            if leak is not None and _shown(leak, node, scene):
                return leak
    return None


def _elu(node: ast.expr, x: ast.expr, scene: Scene) -> Leak | None:
    key = scene.source.key(x)
    above, below = (CurveReader(scene, key, side) for side in (POSITIVE, NEGATIVE))
    alpha = amplitude(below.polynomial(node))
    if alpha is None or above.polynomial(node) != Polynomial.factor(X) or not _is_positive(alpha):
        return None
    if CurveReader(scene, key, ZERO).polynomial(node).terms:
        return None
    written: ast.expr | None = ast.Constant(1.0)
    if alpha.constant() != 1:
        written = _written(node, key, alpha, scene)
    if written is None:
        return None
    return Leak("elu", x, written, None, node, above.used | below.used)


def _written(node: ast.expr, x: str, alpha: Polynomial, scene: Scene) -> ast.expr | None:
    """Return the shortest part of an expression that is alpha."""
    parts = []
    for child in walk(node):
        if isinstance(child, ast.expr) and not mentions(scene.source, child, x):
            try:
                if CurveReader(scene, x, POSITIVE).polynomial(child) == alpha:
                    parts.append(child)
            except NotPiecewise:
                continue
    return min(parts, key=lambda part: len(scene.source.key(part)), default=None)


def find_gelu(node: ast.expr, scene: Scene) -> Leak | Refusal | None:
    """Recognise x / 2 * (1 + erf(x / sqrt(2))), however it is multiplied out."""
    return _gelu(node, scene, "erf", "gelu")


def find_gelu_tanh(node: ast.expr, scene: Scene) -> Leak | Refusal | None:
    """Recognise x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))), however it is multiplied out."""
    return _gelu(node, scene, "tanh", "gelu_tanh")


def _gelu(node: ast.expr, scene: Scene, function: str, kind: str) -> Leak | None:
    if not isinstance(node, ast.BinOp) and scene.numpy(node) not in {"multiply", "divide", "true_divide"}:
        return None
    for reading in _readings(node, scene, _HAS_ODD):
        for call in walk(reading):
            if not isinstance(call, ast.Call) or scene.numpy(call) != function or len(call.args) != 1:
                continue
            tried = {scene.source.key(x): x for x in walk(call.args[0]) if isinstance(x, ast.expr)}
            for key, x in tried.items():
                if isinstance(x, ast.Constant) or scene.names.scalar(x) or not _is_gelu(reading, key, function, scene):
                    continue
                leak = Leak("gelu" if kind == "gelu" else "gelu_tanh", x, ast.Constant(1.0), None, reading)
                if _shown(leak, node, scene):
                    return leak
    return None


def _is_gelu(node: ast.expr, x: str, function: str, scene: Scene) -> bool:
    half = Fraction(1, 2)
    curve = _ODD[function]
    try:
        for side in (POSITIVE, NEGATIVE):
            reader = CurveReader(scene, x, side)
            wanted = {(X,): half, tuple(sorted((curve, X))): half}
            if reader.polynomial(node).terms != wanted or set(reader.arguments) != {curve}:
                return False
            argument = dict(reader.arguments[curve].terms)
            first = float(argument.pop((X,), 0))
            third = float(argument.pop((X, X, X), 0))
            if argument or not _near(first, math.sqrt(0.5) if function == "erf" else math.sqrt(2 / math.pi)):
                return False
            if third != 0 if function == "erf" else not _near(third, first * _CUBE):
                return False
        return not CurveReader(scene, x, ZERO).polynomial(node).terms
    except NotPiecewise:
        return False


def _near(number: float, exact: float) -> bool:
    """Tell whether a constant was meant, written with six digits or more."""
    return abs(number - exact) <= _MOST_DIGITS * exact
