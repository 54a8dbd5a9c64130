"""Whether an expression is a leaky ReLU or its gradient, whatever way it is spelled."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.reader import Reader
from fastlrelu.rewrite.sides import NAN, NEGATIVE, POSITIVE, ZERO, NotPiecewise
from fastlrelu.rewrite.source import Source, is_everything, mentions, walk

_TWO_SIDED = frozenset(
    {"abs", "absolute", "clip", "fabs", "fmax", "fmin", "heaviside", "maximum", "minimum", "sign", "signbit"}
)
_COMPARING = frozenset({"equal", "greater", "greater_equal", "less", "less_equal", "not_equal"})
_WRAPPERS = frozenset(
    {"array", "asanyarray", "asarray", "ascontiguousarray", "copy", "double", "float16", "float32", "float64", "half"}
    | {"negative", "single"}
)


@dataclass(frozen=True)
class Refusal:
    """A near miss: what it looks like, and why it stays."""

    reason: str


@dataclass
class Leak:
    """A recognised activation or gradient.

    Attributes
    ----------
    kind : {"forward", "gradient", "elu", "gelu", "gelu_tanh"}
        Which function replaces it.
    x, slope, grad : ast.expr
        Its operands; ``grad`` is None for a bare mask of slopes, which multiplies 1. The slope of
        an ELU is alpha, that of a GELU a mere 1.
    old : ast.expr
        The expression, names of masks replaced by what they stand for.
    families : set of str
        Which words of the vocabulary it is made of.
    at_zero, at_nan : {"leak", "identity", "other"}
        Which branch it takes there; a forward says "other" where nan does not give nan.
    texts : dict of str
        How to write ``x``, ``slope`` and ``grad`` where the old code does not show it.
    """

    kind: Literal["forward", "gradient", "elu", "gelu", "gelu_tanh"]
    x: ast.expr
    slope: ast.expr
    grad: ast.expr | None
    old: ast.expr
    families: set[str] = field(default_factory=set)
    at_zero: str = "leak"
    at_nan: str = "leak"
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def is_mask(self) -> bool:
        """Whether it is an array of slopes, not yet multiplied by a gradient."""
        return self.kind == "gradient" and self.grad is None


def inputs(source: Source, names: Names, node: ast.AST) -> Iterator[ast.expr]:
    """Yield each expression that something in ``node`` compares with a constant."""
    for child in walk(node):
        found: list[ast.expr] = []
        if isinstance(child, ast.Compare):
            found = [child.left, *child.comparators]
        elif isinstance(child, ast.Call):
            name = names.function(child.func)
            if name in _TWO_SIDED | _COMPARING:
                found = [*child.args[:2], *(k.value for k in child.keywords if k.arg == "a")]
            elif isinstance(child.func, ast.Attribute) and child.func.attr == "clip":
                found = [child.func.value]
        for operand in found:
            inner: ast.expr | None = operand
            while inner is not None:
                if not isinstance(inner, ast.Constant):
                    yield inner
                inner = _inside(inner, names)


def _inside(node: ast.expr, names: Names) -> ast.expr | None:
    """Return what a sign, a copy, a cast or a full slice is of, or None."""
    match node:
        case ast.UnaryOp(operand=operand):
            return operand
        case ast.Subscript(value=value, slice=index) if is_everything(index):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="copy" | "astype")) if names.function(node.func) is None:
            return value
        case ast.Call(args=[first, *_]) if names.function(node.func) in _WRAPPERS:
            return first
    return None


def classify(source: Source, names: Names, node: ast.expr) -> Leak | None:
    """Return what leaky ReLU or gradient ``node`` is, or None.

    Every answer is exact algebra: on x > 0 the expression is x (or the gradient) and on x < 0 it
    is a slope times that. What happens at 0 and nan is noted in the result.
    """
    tried: set[str] = set()
    gradient: Leak | None = None
    for x in inputs(source, names, node):
        key = source.key(x)
        if key in tried:
            continue
        tried.add(key)
        try:
            leak = _on_both_sides(source, names, node, x)
        except NotPiecewise:
            continue
        # np.where(np.sign(x) > 0, x, a * x) is a gradient times x, but better a forward of x.
        if leak is not None and leak.kind == "forward":
            return leak
        gradient = gradient or leak
    return gradient


def _on_both_sides(source: Source, names: Names, node: ast.expr, x: ast.expr) -> Leak | None:
    key = source.key(x)
    above = Reader(source, names, key, POSITIVE)
    below = Reader(source, names, key, NEGATIVE)
    positive, negative = above.polynomial(node), below.polynomial(node)
    atoms = above.atoms | below.atoms
    leak: Leak
    if positive == Polynomial.factor(X):
        slope = negative.divided_by(positive)
        if slope is None or slope.mentions_x() or not slope.terms:
            return None
        if Reader(source, names, key, ZERO).polynomial(node).terms:
            return None
        found = spelled(source, names, node, key, slope, atoms)
        if found is None:
            return None
        leak = Leak("forward", x, found, None, node)
        try:
            at_nan = Reader(source, names, key, NAN).polynomial(node)
            leak.at_nan = "leak" if at_nan.mentions_x() else "other"
        except NotPiecewise:
            leak.at_nan = "leak"
    else:
        if positive.mentions_x() or negative.mentions_x():
            return None
        slope = negative.divided_by(positive)
        # A mask of 1 and -1 is a sign.
        if slope is None or (slope.constant() in (0, -1) and positive.constant() == 1):
            return None
        if not slope.terms or positive.constant() not in (None, 1):
            return None
        found = spelled(source, names, node, key, slope, atoms)
        if found is None:
            return None
        grad = None
        if positive.constant() is None:
            if positive.terms and set(positive.terms.values()) != {Fraction(1)}:
                return None
            grad = spelled(source, names, node, key, positive, atoms)
            if grad is None:
                return None
        leak = Leak("gradient", x, found, grad, node)
        leak.at_zero = _branch(source, names, node, key, ZERO, positive, negative)
        leak.at_nan = _branch(source, names, node, key, NAN, positive, negative)
    leak.families = above.used | below.used
    upstream = {name for term in positive.terms for name in term if leak.grad is not None}
    for other in (*above.widened, *below.widened):
        if not other.mentions_x() and not any(upstream & set(term) for term in other.terms):
            leak.families.add("wide")
    return leak


def _branch(
    source: Source,
    names: Names,
    node: ast.expr,
    x: str,
    side: int,
    identity: Polynomial,
    leak: Polynomial,
) -> str:
    try:
        value = Reader(source, names, x, side).polynomial(node)
    except NotPiecewise:
        return "other"
    return "identity" if value == identity else "leak" if value == leak else "other"


def spelled(
    source: Source,
    names: Names,
    node: ast.expr,
    x: str,
    wanted: Polynomial,
    atoms: dict[str, ast.expr],
) -> ast.expr | None:
    """Return the shortest part of ``node`` that is ``wanted``, or a product of such parts."""
    parts: list[ast.expr] = []
    for child in walk(node):
        if not isinstance(child, ast.expr) or isinstance(child, ast.Starred | ast.Lambda):
            continue
        if mentions(source, child, x):
            continue
        try:
            if Reader(source, names, x, POSITIVE).polynomial(child) == wanted:
                parts.append(child)
        except NotPiecewise:
            continue
    if parts:
        return min(parts, key=lambda part: len(source.key(part)))
    if len(wanted.terms) != 1:
        return None
    ((factors, coefficient),) = wanted.terms.items()
    if not factors or any(factor not in atoms for factor in factors):
        return None
    product: ast.expr | None = None
    if coefficient != 1:
        number = spelled(source, names, node, x, Polynomial.number(coefficient), atoms)
        if number is None:
            return None
        product = number
    for factor in factors:
        atom = atoms[factor]
        product = atom if product is None else ast.BinOp(product, ast.Mult(), atom)
    return product
