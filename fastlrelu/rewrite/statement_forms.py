"""The forms of more than one statement, with their remarks."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.forms import Form
from fastlrelu.rewrite.leaks import Leak
from fastlrelu.rewrite.reasons import (
    AT_NAN,
    AT_ZERO,
    FAMILY_REASONS,
    ROUNDS,
    gradient_reasons,
    sum_reasons,
    where_reasons,
)
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import walk

KEPT_DTYPE = "the dtype also counts the slope, where the old lines kept that of the array"
OPERAND = "nothing in these lines says that the mask has the shape of the array"
STEPS = "the old lines take more than one step, and need not cover every x"
UNKNOWN = "nothing in these lines says that the array is NumPy's"


def sequence_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return why a masked assignment is not bit for bit the ufunc."""
    number = scene.slopes.number(leak.slope, scene.place)
    reasons = [KEPT_DTYPE] if number is None else []
    if leak.kind == "gradient":
        if leak.grad is not None:
            reasons.append(OPERAND)
        elif _computes(leak.old):
            reasons.append(STEPS)
        reasons += [r for r in gradient_reasons(leak) if not r.startswith("the dtype")]
    else:
        reasons += where_reasons(leak, scene) if _is_one_choice(leak.old, scene) else [STEPS]
        if leak.at_nan == "other":
            reasons.append(AT_NAN)
    reasons += [FAMILY_REASONS[family] for family in ("bounded", "cast", "filled", "flat") if family in leak.families]
    return reasons


def _computes(node: ast.expr) -> bool:
    return any(isinstance(child, ast.BinOp) for child in walk(node))


def _is_one_choice(node: ast.expr, scene: Scene) -> bool:
    """Tell whether an expression is one np.where, with none inside."""
    if scene.numpy(node) != "where" or not isinstance(node, ast.Call) or len(node.args) != 3:
        return False
    return not any(isinstance(child, ast.Call) and child is not node and len(child.args) == 3 for child in walk(node))


def fused_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return why fused steps are not bit for bit the ufunc."""
    return [*(reason for reason in sum_reasons(leak, scene) if reason != ROUNDS), ROUNDS]


def looped_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return what changes when a loop over indices becomes one call."""
    reasons = [STEPS, KEPT_DTYPE]
    if leak.kind == "gradient":
        reasons += [r for r in gradient_reasons(leak) if not r.startswith("the dtype")]
    elif leak.at_nan == "other":
        reasons.append(AT_NAN)
    reasons.append(AT_ZERO)
    return reasons + [FAMILY_REASONS[f] for f in ("bounded", "cast", "filled", "flat") if f in leak.families]


def _nothing(node: ast.expr, scene: Scene) -> None:
    return None


COPIED = Form(
    "masked assignment",
    _nothing,
    sequence_reasons,
    (
        "y = x.copy()\ny[y < 0] *= a",
        "y = np.copy(x)\ny[x <= 0] = a * x[x <= 0]",
        "dx = np.array(dout, copy=True)\ndx[x <= 0] *= a",
        "d = np.ones_like(x)\nd[x < 0] = a",
    ),
)

IN_PLACE = Form(
    "masked assignment in place",
    _nothing,
    sequence_reasons,
    ("x[x < 0] *= a", "np.multiply(x, a, out=x, where=x < 0)", "dx[x <= 0] *= a"),
)

FUSED = Form(
    "fused steps",
    _nothing,
    fused_reasons,
    ("y = (x > 0) * (1 - a)\ny += a\ny *= x",),
)

LOOPED = Form(
    "loop over indices",
    _nothing,
    looped_reasons,
    (
        "y = np.zeros_like(x)\nfor i in range(len(x)):\n    y[i] = x[i] if x[i] > 0 else a * x[i]",
        "for i in range(len(x)):\n    if x[i] < 0:\n        x[i] *= a",
    ),
)

SEQUENCES = (COPIED, IN_PLACE, FUSED, LOOPED)
