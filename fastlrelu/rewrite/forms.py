"""The table of forms: how each is found, and what its replacement is.

A new form is one entry in ``FORMS``. Its examples are rewritten by a test, which also proves
that a safe one gives the same bits, and they make the table in docs/rewrite.md.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from fastlrelu.rewrite.curves import find_elu, find_gelu, find_gelu_tanh
from fastlrelu.rewrite.effects import path_of
from fastlrelu.rewrite.leaks import Leak, Refusal, spelled
from fastlrelu.rewrite.loops import find_loop
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.reader import Reader
from fastlrelu.rewrite.reasons import (
    elu_reasons,
    gelu_reasons,
    is_sign_of,
    is_where,
    loop_reasons,
    maximum_reasons,
    sum_reasons,
    where_reasons,
)
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.sides import POSITIVE, NotPiecewise
from fastlrelu.rewrite.source import walk
from fastlrelu.rewrite.versions import plain

Found = Leak | Refusal | None


@dataclass(frozen=True)
class Form:
    """One way of writing an activation.

    Attributes
    ----------
    name : str
        What the summary calls it.
    find : callable
        Recognises an expression.
    reasons : callable
        Says why the replacement may differ; nothing to say means a safe fix.
    examples : tuple of str
        Lines the documentation shows; ``x``, ``g``, ``a`` and ``w`` are arrays.
    negative_slope : bool
        Whether a slope below 0 still makes sense in it.
    plain_slope : bool
        Whether the slope must be a number, a name or an array, as in every gradient.
    """

    name: str
    find: Callable[[ast.expr, Scene], Found]
    reasons: Callable[[Leak, Scene], list[str]]
    examples: tuple[str, ...]
    negative_slope: bool = False
    plain_slope: bool = False


_SUMS = {"add", "choose", "multiply", "select", "subtract"}
_TWO_INPUTS = {"add", "fmax", "fmin", "maximum", "minimum", "multiply", "subtract"}


def find_where(node: ast.expr, scene: Scene) -> Found:
    """Recognise np.where(mask, a, b)."""
    if not is_where(node, scene):
        return None
    leak = scene.classify(node)
    if leak is None:
        return _divided(node, scene)
    if isinstance(leak, Refusal):
        return leak
    if leak.grad is not None and not scene.reads_as_gradient(leak.grad):
        text = scene.source.code(leak.grad)
        return Refusal(f"mask and value are different arrays, and {text} may be no gradient")
    return leak


def _divided(node: ast.expr, scene: Scene) -> Refusal | None:
    assert isinstance(node, ast.Call)
    key = scene.source.key
    for kept, other in (node.args[1:], node.args[2:0:-1]):
        match other:
            case ast.BinOp(left=left, op=ast.Div()) if key(left) == key(kept) and is_sign_of(node.args[0], kept, scene):
                text = scene.source.code(other)
                return Refusal(f"{text} divides: the slope is the inverse")
    return None


def find_maximum(node: ast.expr, scene: Scene) -> Found:
    """Recognise np.maximum(x, slope * x)."""
    call = _extreme(node, scene)
    if call is None:
        return None
    found = _maximum(call, scene)
    if found is not None:
        return found
    for reading in scene.readings(call):
        if isinstance(reading, ast.Call) and len(reading.args) == 2:
            found = _maximum(reading, scene)
            if isinstance(found, Leak) and scene.write_out(found):
                return found
    return None


def _extreme(node: ast.expr, scene: Scene) -> ast.Call | None:
    """Return np.maximum of two arrays, whatever spelling of it ``node`` is."""
    name = scene.numpy(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    if name in {"maximum", "fmax", "minimum", "fmin"}:
        call, _ = without_out(node, scene)
        return call if len(call.args) == 2 and not call.keywords else None
    if name in {"max", "amax", "maximum.reduce"} and len(node.args) == 1:
        axes = {k.arg: k.value for k in node.keywords}
        along = isinstance(axes.get("axis"), ast.Constant) and ast.literal_eval(axes["axis"]) == 0
        stacked = node.args[0]
        if scene.numpy(stacked) in {"stack", "array"} and isinstance(stacked, ast.Call) and len(stacked.args) == 1:
            stacked = stacked.args[0] if not stacked.keywords else stacked
        fits = axes.keys() <= {"axis"} and (along or (name == "maximum.reduce" and not axes))
        if fits and isinstance(stacked, ast.List | ast.Tuple) and len(stacked.elts) == 2:
            return ast.Call(ast.Name("numpy:maximum", ast.Load()), stacked.elts, [])
    return None


def without_out(call: ast.Call, scene: Scene) -> tuple[ast.Call, ast.expr | None]:
    """Return a call of a ufunc of two inputs without its out=, and that."""
    if scene.numpy(call) not in _TWO_INPUTS:
        return call, None
    args, keywords = list(call.args), list(call.keywords)
    out = next((keyword.value for keyword in keywords if keyword.arg == "out"), None)
    if out is not None:
        keywords = [keyword for keyword in keywords if keyword.arg != "out"]
    elif len(args) == 3:
        out = args.pop()
    return (call, None) if out is None else (ast.Call(call.func, args, keywords), out)


def _maximum(node: ast.Call, scene: Scene) -> Found:
    name = scene.numpy(node)
    for x, product in (node.args, node.args[::-1]):
        if isinstance(x, ast.Constant):
            continue
        key = scene.source.key(x)
        reader = Reader(scene.source, scene.names, key, POSITIVE)
        try:
            quotient = reader.polynomial(product).divided_by(Polynomial.factor(X))
        except NotPiecewise:
            continue
        if quotient is None or not quotient.terms or quotient.mentions_x():
            continue
        slope = spelled(scene.source, scene.names, product, key, quotient, reader.atoms)
        if slope is None:
            continue
        text = scene.source.code(node)
        if name in {"minimum", "fmin"}:
            return Refusal(f"{text} leaks only for slopes of 1 or more")
        if isinstance(slope, ast.BinOp) and isinstance(slope.op, ast.Add):
            return Refusal(f"the slope {scene.source.code(slope)} is a sum, which may be over 1")
        return Leak("forward", x, slope, None, node)
    return None


def find_sum(*families: str) -> Callable[[ast.expr, Scene], Found]:
    """Return a search for sums and products made of these words of the vocabulary."""

    def find(node: ast.expr, scene: Scene) -> Found:
        arithmetic = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div)
        method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "choose"
        if not arithmetic and not method and scene.numpy(node) not in _SUMS:
            return None
        plain_call = without_out(node, scene)[0] if isinstance(node, ast.Call) else node
        leak = scene.classify(plain_call)
        if leak is None or isinstance(leak, Refusal):
            return leak
        if not leak.families & set(families):
            return None
        # What is not named is more likely the product of a layer than some weights.
        named = leak.grad is not None and path_of(plain(leak.grad)) is not None
        if leak.grad is not None and named and not scene.reads_as_gradient(leak.grad):
            text = scene.source.code(leak.grad)
            return Refusal(f"mask and value are different arrays, and {text} may be no gradient")
        if not any(scene.numpy(child) for child in walk(node)):
            reason = scene.names.plain_arrays_reason()
            if reason is not None:
                return Refusal(reason)
        return leak

    return find


FORMS: tuple[Form, ...] = (
    Form(
        "where",
        find_where,
        where_reasons,
        (
            "np.where(x > 0, x, a * x)",
            "np.where(x <= 0, a * x, x)",
            "np.where(np.greater(x, 0), x, np.multiply(a, x))",
            "np.where(x >= 0, x, 0.01 * x)",
            "np.where(x >= 0, x, a * x)",
            "np.where(x < 0, a * x, x)",
            "np.where(x > 0, x, a * 0.5 * x)",
            "np.where(x > 0, x, x * a * 0.5)",
            "np.where(x > 0, g, a * g)",
            "np.where(x < 0, a * g, g)",
            "np.where(x > 0, 1, a)",
            "np.where(x >= 0, 1, 0.01)",
            "np.where(x > 0, 1, a).astype(x.dtype)",
        ),
        negative_slope=True,
    ),
    Form(
        "maximum",
        find_maximum,
        maximum_reasons,
        (
            "np.maximum(x, 0.01 * x)",
            "np.maximum(x * 0.2, x)",
            "np.maximum(x, a * x)",
            "np.maximum(x, 1e-9 * x)",
        ),
        plain_slope=True,
    ),
    Form(
        "clip sum",
        find_sum("clip"),
        sum_reasons,
        (
            "np.clip(x, 0, None) + a * np.clip(x, None, 0)",
            "np.clip(x, 0, np.inf) + np.clip(x, -np.inf, 0) * a",
            "x.clip(min=0) + a * x.clip(max=0)",
        ),
    ),
    Form(
        "relu plus minimum",
        find_sum("relu"),
        sum_reasons,
        (
            "np.maximum(x, 0) + a * np.minimum(x, 0)",
            "np.maximum(0, x) - a * np.maximum(0, -x)",
        ),
    ),
    Form(
        "absolute value",
        find_sum("abs"),
        sum_reasons,
        (
            "0.5 * (1 + a) * x + 0.5 * (1 - a) * np.abs(x)",
            "g * (a + (1 - a) * np.heaviside(x, 0))",
        ),
    ),
    Form(
        "select",
        find_sum("select"),
        sum_reasons,
        ("np.select([x > 0, x <= 0], [x, a * x])",),
    ),
    Form(
        "times where",
        find_sum("where"),
        sum_reasons,
        (
            "g * np.where(x > 0, 1, a)",
            "np.where(x > 0, x, 0) + a * np.where(x < 0, x, 0)",
            "x * np.where(x > 0, 1.0, a)",
        ),
    ),
    Form(
        "bool arithmetic",
        find_sum("bool", "compare"),
        sum_reasons,
        (
            "x * (x > 0) + a * x * (x <= 0)",
            "(x > 0) + a * (x <= 0)",
            "(x > 0).astype(x.dtype) + (x <= 0).astype(x.dtype) * a",
            "g * ((x > 0) + a * (x <= 0))",
            "((x > 0) * (1 - a) + a) * x",
            "np.greater(x, 0) + np.less(x, 0) * a",
        ),
    ),
    Form(
        "elu",
        find_elu,
        elu_reasons,
        (
            "np.where(x > 0, x, a * np.expm1(x))",
            "np.where(x > 0, x, a * (np.exp(x) - 1))",
            "np.where(x <= 0, np.exp(np.minimum(x, 0)) - 1, x)",
            "np.maximum(x, 0) + a * np.expm1(np.minimum(x, 0))",
            "np.maximum(0, x) + np.minimum(0, a * (np.exp(x) - 1))",
        ),
    ),
    Form(
        "gelu by erf",
        find_gelu,
        gelu_reasons,
        (
            "0.5 * x * (1 + special.erf(x / np.sqrt(2)))",
            "x * (1 + special.erf(x / 2**0.5)) / 2",
        ),
    ),
    Form(
        "gelu by tanh",
        find_gelu_tanh,
        gelu_reasons,
        (
            "0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))",
            "0.5 * x * (1 + np.tanh(0.7978845608 * x * (1 + 0.044715 * x * x)))",
        ),
    ),
    Form(
        "loop",
        find_loop,
        loop_reasons,
        (
            "np.array([v if v > 0 else a * v for v in x])",
            "np.vectorize(lambda v: v if v > 0 else 0.01 * v)(x)",
            "np.piecewise(x, [x > 0, x <= 0], [lambda v: v, lambda v: a * v])",
        ),
    ),
)
