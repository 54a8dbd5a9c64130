"""The table of forms: how each is found, and when its replacement is not bit for bit the same.

A new form is one entry in ``FORMS``. Its examples are rewritten by a test, which also proves
that a safe one gives the same bits, and they make the table in docs/rewrite.md.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from fastlrelu.rewrite.effects import path_of
from fastlrelu.rewrite.leaks import Leak, Refusal, spelled
from fastlrelu.rewrite.loops import find_loop
from fastlrelu.rewrite.pieces import POSITIVE, ZERO, NotPiecewise, Reader
from fastlrelu.rewrite.polynomial import Polynomial, X
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.slopes import FLOAT16_TINY
from fastlrelu.rewrite.source import mentions, walk
from fastlrelu.rewrite.versions import plain

Found = Leak | Refusal | None


@dataclass(frozen=True)
class Form:
    """One way of writing a leaky ReLU.

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


DTYPE_OF_MASK = "the dtype follows x, where the old line took that of the two slopes"
DTYPE_OF_GRADIENT = "the dtype also counts x, where the old line took that of the gradient alone"
ORDER = "the slope is multiplied up first, so the last bit may differ"
AT_ZERO = "at x == 0 a slope that is negative, inf or nan gives another result"
AT_NAN = "where x is nan the old code gives a number"
MASK_ROUNDS = "the mask rounds before it compares"
LABELLED = "a pandas column would give a Series, where np.where gave an array"
MAXIMUM = "np.maximum takes the other branch for slopes over 1, and gives nan for slope 0 at inf"
MAXIMUM_TINY = "in float16 the slope rounds to 0, and np.maximum then gives nan at inf"

_SUMS = {"add", "choose", "multiply", "select", "subtract"}
_TWO_INPUTS = {"add", "fmax", "fmin", "maximum", "minimum", "multiply", "subtract"}
_NOT = {"bitwise_not", "invert", "logical_not"}
DTYPE_OF_SLOPES = "the old line takes the dtype of the slopes"
FAMILY_REASONS = {
    "bool": "a mask times inf is nan in the old line, and -0.0 may come out as 0.0",
    "relu": "-0.0 comes out as 0.0 in the old line, and slopes of inf as nan",
    "clip": "-0.0 comes out as 0.0 in the old line, and slopes of inf as nan",
    "abs": "the old line rounds more than once, gives nan at inf, and 0.0 for -0.0",
    "select": "np.select gives its default where x is nan",
    "where": DTYPE_OF_SLOPES,
    "wide": "a mask times a number is float64 in the old line, where the new dtype is that of x",
    "flat": "the old line takes indices of one dimension",
    "bounded": "for slopes below 0 or over 1 the old line takes another branch",
    "cast": "the old line casts, where the new one has the dtype of x",
    "filled": "the dtype follows x, where the old lines filled an array of float64",
}
ROUNDS = "the old line rounds more than once"
SUMS = "a mask times inf is nan in the old line, and sums give 0.0 for -0.0"


def gradient_reasons(leak: Leak) -> list[str]:
    """Return where a gradient differs: its dtype, at 0 and at nan."""
    reasons = [DTYPE_OF_MASK if leak.is_mask else DTYPE_OF_GRADIENT]
    if leak.at_zero != "leak":
        old = "1" if leak.at_zero == "identity" else "neither branch"
        reasons.append(f"at x == 0 the slope is negative_slope, in the old line {old}")
    if leak.at_nan != "leak":
        reasons.append("where x is nan the slope is negative_slope, not so in the old line")
    return reasons


def _is_where(node: ast.expr, scene: Scene) -> bool:
    return scene.numpy(node) == "where" and isinstance(node, ast.Call) and len(node.args) == 3


def find_where(node: ast.expr, scene: Scene) -> Found:
    """Recognise np.where(mask, a, b)."""
    if not _is_where(node, scene):
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


def is_one_product(node: ast.expr, leak: Leak, scene: Scene) -> bool:
    """Tell whether ``node`` is the slope times x (or the gradient), rounded once."""
    key = scene.source.key
    wanted = {key(leak.slope), key(leak.x if leak.grad is None else leak.grad)}
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return {key(left), key(right)} == wanted
        case ast.Call(args=[left, right], keywords=[]):
            return scene.numpy(node) == "multiply" and {key(left), key(right)} == wanted
    return False


def where_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return where np.where differs from the ufunc."""
    assert isinstance(leak.old, ast.Call)
    key = scene.source.key
    condition, first, second = leak.old.args
    reasons = []
    if leak.is_mask:
        reasons = gradient_reasons(leak)
        if scene.cast_to_dtype_of(leak.x):
            reasons.remove(DTYPE_OF_MASK)
        if not {key(first), key(second)} & {"1", "1.0"}:
            reasons.append(ORDER)
        return reasons
    kept = leak.x if leak.grad is None else leak.grad
    leaking = first if key(second) == key(kept) else second
    exact = is_one_product(leaking, leak, scene)
    if not exact or key(kept) not in {key(first), key(second)}:
        reasons.append(ORDER)
    if not is_sign_of(condition, leak.x, scene):
        reasons.append(MASK_ROUNDS)
    if leak.kind == "gradient":
        return reasons + gradient_reasons(leak)
    if scene.may_be_labelled(leak.x):
        reasons.append(LABELLED)
    number = scene.slopes.number(leak.slope, scene.place)
    if zero_is_kept(condition, leak, scene) and not (number is not None and 0 < number < 1):
        reasons.append(AT_ZERO)
    return reasons


def is_sign_of(condition: ast.expr, x: ast.expr, scene: Scene) -> bool:
    """Tell whether a mask compares x itself with 0, so that nothing is rounded before."""
    match condition:
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return is_sign_of(operand, x, scene)
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE() | ast.Lt() | ast.LtE()], comparators=[right]):
            sides = [left, right]
        case ast.Call(args=[operand]) if scene.numpy(condition) in _NOT:
            return is_sign_of(operand, x, scene)
        case ast.Call(args=[operand]) if scene.numpy(condition) == "signbit":
            return scene.source.key(operand) == scene.source.key(x)
        case ast.Call(args=[left, right]):
            sides = [left, right]
        case _:
            return False
    key = scene.source.key
    signs = (side.args[0] if isinstance(side, ast.Call) and scene.numpy(side) == "sign" else side for side in sides)
    return any(key(side) in {key(x), f"-{key(x)}"} for side in signs)


def zero_is_kept(condition: ast.expr, leak: Leak, scene: Scene) -> bool:
    """Tell whether x == 0 is on the side that is left as it is."""
    x = scene.source.key(leak.x)
    at_zero = Reader(scene.source, scene.names, x, ZERO).chosen(condition)
    return at_zero == Reader(scene.source, scene.names, x, POSITIVE).chosen(condition)


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


def maximum_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return where np.maximum differs from the ufunc."""
    assert isinstance(leak.old, ast.Call)
    first, second = leak.old.args
    product = second if scene.source.key(first) == scene.source.key(leak.x) else first
    reasons = [] if is_one_product(product, leak, scene) else [ORDER]
    number = scene.slopes.number(leak.slope, scene.place)
    if number is None:
        reasons.append(MAXIMUM)
    elif number < FLOAT16_TINY:
        reasons.append(MAXIMUM_TINY)
    return reasons


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


def sum_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return the remarks on every word that a sum or product is made of."""
    reasons = [FAMILY_REASONS[f] for f in FAMILY_REASONS if f in leak.families]
    if "where" in leak.families and "bool" not in leak.families and _adds(leak.old):
        reasons.append(SUMS)
    if "abs" not in leak.families and _adds_slopes(leak, scene):
        reasons.append(ROUNDS)
    if "where" in leak.families and ORDER not in reasons:
        reasons += _product_reasons(leak, scene)
    if leak.kind == "gradient":
        return [*reasons, *gradient_reasons(leak)]
    if leak.at_nan == "other" and "select" not in leak.families:
        reasons.append(AT_NAN)
    return reasons or ([] if "where" in leak.families else [ORDER])


def _product_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return where a product with one np.where of 1 and a slope differs, beside its dtype."""
    key = scene.source.key
    scaled = key(leak.x if leak.grad is None else leak.grad)
    match leak.old:
        case ast.BinOp(left=a, op=ast.Mult(), right=b) | ast.Call(args=[a, b]):
            chosen = b if key(a) == scaled else a
            product = scaled in (key(a), key(b)) and _is_where(chosen, scene)
        case _:
            return [] if _adds(leak.old) else [ORDER]
    if not product:
        return [] if _adds(leak.old) else [ORDER]
    assert isinstance(chosen, ast.Call)
    condition, first, second = chosen.args
    branches = {key(first), key(second)}
    if key(leak.slope) not in branches or not branches & {"1", "1.0"} or not is_sign_of(condition, leak.x, scene):
        return [ORDER]
    number = scene.slopes.number(leak.slope, scene.place)
    literal = number is not None and 0 < number < 1
    forward = leak.kind == "forward"
    return [AT_ZERO] if forward and not literal and zero_is_kept(condition, leak, scene) else []


def _adds_slopes(leak: Leak, scene: Scene) -> bool:
    """Tell whether numbers that do not depend on x are added, as in 1 - a."""
    x = scene.source.key(leak.x)
    return any(
        isinstance(child, ast.BinOp)
        and isinstance(child.op, ast.Add | ast.Sub)
        and not all(mentions(scene.source, side, x) for side in (child.left, child.right))
        for child in walk(leak.old)
    )


def _adds(node: ast.expr) -> bool:
    return any(isinstance(child, ast.BinOp) and isinstance(child.op, ast.Add | ast.Sub) for child in walk(node))


def loop_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return what changes when a loop over numbers becomes one call."""
    reasons = ["the old code computes the dtype from the numbers, and takes one shape of array only"]
    words = leak.families & {"relu", "bool", "abs", "clip"}
    reasons += [FAMILY_REASONS[family] for family in FAMILY_REASONS if family in words]
    if "relu" in leak.families:
        reasons.append("max and min of Python take a number where x is nan")
    if leak.kind == "gradient":
        return [*reasons, *(r for r in gradient_reasons(leak) if not r.startswith("the dtype"))]
    if leak.at_nan == "other":
        reasons.append(AT_NAN)
    return reasons


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
