"""When a replacement is not bit for bit the same: the remarks of each form on one expression."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.leaks import Leak
from fastlrelu.rewrite.reader import Reader
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.sides import POSITIVE, ZERO
from fastlrelu.rewrite.slopes import FLOAT16_TINY
from fastlrelu.rewrite.source import mentions, walk

DTYPE_OF_MASK = "the dtype follows x, where the old line took that of the two slopes"
DTYPE_OF_GRADIENT = "the dtype also counts x, where the old line took that of the gradient alone"
ORDER = "the slope is multiplied up first, so the last bit may differ"
AT_ZERO = "at x == 0 a slope that is negative, inf or nan gives another result"
AT_NAN = "where x is nan the old code gives a number"
MASK_ROUNDS = "the mask rounds before it compares"
LABELLED = "a pandas column would give a Series, where np.where gave an array"
MAXIMUM = "np.maximum takes the other branch for slopes over 1, and gives nan for slope 0 at inf"
MAXIMUM_TINY = "in float16 the slope rounds to 0, and np.maximum then gives nan at inf"
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
CANCELS = "np.exp(x) - 1 cancels near 0, -0.0 comes out as 0.0, and last places differ everywhere"
ERF_OF_HALF = "special.erf gives a wider dtype for float16"
DOUBLES = "constants that NumPy computes are float64, and since NumPy 2 the dtype of the result is, too"
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


def is_where(node: ast.expr, scene: Scene) -> bool:
    return scene.numpy(node) == "where" and isinstance(node, ast.Call) and len(node.args) == 3


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
    if "cast" in leak.families:
        reasons.append(FAMILY_REASONS["cast"])
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
            product = scaled in (key(a), key(b)) and is_where(chosen, scene)
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


def elu_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return where an ELU differs from the ufunc."""
    powers = any(scene.numpy(child) == "exp" for child in walk(leak.old))
    reasons = [f"fastlrelu.elu is within 1 ulp of the exact value; {CANCELS if powers else ROUNDS}"]
    if _makes_doubles(leak.old, scene):
        reasons.append(DOUBLES)
    if is_where(leak.old, scene):
        assert isinstance(leak.old, ast.Call)
        if scene.may_be_labelled(leak.x):
            reasons.append(LABELLED)
        number = scene.slopes.number(leak.slope, scene.place)
        if number is None and zero_is_kept(leak.old.args[0], leak, scene):
            reasons.append(AT_ZERO.replace("a slope", "an alpha"))
        if not powers and leak.families & {"abs", "clip", "relu"}:
            reasons.append("-0.0 may come out as 0.0 in the old line")
        return reasons
    if "bounded" in leak.families:
        reasons.append("for an alpha below 0 the old line takes another branch")
    words = ("bool",) if "bool" in leak.families else ("relu",) if "relu" in leak.families else ()
    return [*reasons, *(FAMILY_REASONS[word].replace("slopes", "alphas") for word in words)]


def gelu_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return where a GELU differs from the ufunc."""
    curve = "erf" if leak.kind == "gelu" else "np.tanh"
    cancels = f"1 + {curve} cancels in the negative tail and gives nan at -inf, and last places differ everywhere"
    reasons = [f"fastlrelu.{leak.kind} is within 1 ulp of the exact value; {cancels}"]
    if curve == "erf":
        reasons.append(ERF_OF_HALF)
    if _makes_doubles(leak.old, scene):
        reasons.append(DOUBLES)
    return reasons


def _makes_doubles(node: ast.expr, scene: Scene) -> bool:
    """Tell whether NumPy computes one of the constants, which makes a float64 scalar of it."""
    return any(
        scene.names.function(child.func) in {"sqrt", "float64"} for child in walk(node) if isinstance(child, ast.Call)
    )


def loop_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return what changes when a loop over numbers becomes one call."""
    reasons = ["the old code computes number by number, dtype and last bit may differ, and takes one shape of array"]
    words = leak.families & {"relu", "bool", "abs", "clip"}
    reasons += [FAMILY_REASONS[family] for family in FAMILY_REASONS if family in words]
    if "relu" in leak.families:
        reasons.append("max and min of Python take a number where x is nan")
    if leak.kind == "gradient":
        return [*reasons, *(r for r in gradient_reasons(leak) if not r.startswith("the dtype"))]
    if leak.at_nan == "other":
        reasons.append(AT_NAN)
    return reasons
