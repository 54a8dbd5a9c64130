"""Forms of more than one statement: masked assignment, with a copy or in place, and fused steps.

A run of statements on one array is folded into a single expression, which is then recognised
like any other: ``y = x.copy(); y[y < 0] *= a`` reads as ``where(x < 0, x * a, x)``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from fastlrelu.rewrite.bindings import Place
from fastlrelu.rewrite.folding import masked_view, start, step, targets
from fastlrelu.rewrite.forms import AT_NAN, FAMILY_REASONS, Form, gradient_reasons, where_reasons
from fastlrelu.rewrite.leaks import Leak, Refusal, classify
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import Source, mentions

KEPT_DTYPE = "the dtype also counts the slope, where the old lines kept that of the array"
OPERAND = "nothing in these lines says that the mask has the shape of the array"
STEPS = "the old lines take more than one step, and need not cover every x"
UNKNOWN = "nothing in these lines says that the array is NumPy's"


@dataclass
class Sequence:
    """A run of statements that is one activation.

    Attributes
    ----------
    form, leak : Form, Leak or Refusal
        What it is.
    target : ast.expr
        The array that it writes to.
    body : list of ast.stmt
        The block, of which ``indexes`` are the run and ``needed`` define names that it reads.
    in_place : bool
        Whether the array is there before, so that the new call writes to it.
    """

    form: Form
    leak: Leak | Refusal
    target: ast.expr
    body: list[ast.stmt]
    indexes: set[int]
    in_place: bool
    needed: set[int]

    @property
    def last(self) -> int:
        """Where the replacement goes."""
        return max(self.indexes)

    def reasons(self, scene: Scene) -> list[str]:
        """Return why the fix is unsafe."""
        assert isinstance(self.leak, Leak)
        reasons = self.form.reasons(self.leak, scene)
        return reasons if _calls_numpy(self.body, self.indexes, scene) else [*reasons, UNKNOWN]

    def edits(self, source: Source, new: str) -> list[tuple[int, int, str]]:
        """Return the edits that put ``new`` in the place of the last statement."""
        edits = [(*removal(source, self.body, index), "") for index in sorted(self.indexes) if index != self.last]
        return [*edits, (*source.span(self.body[self.last]), new)]


def removal(source: Source, body: list[ast.stmt], index: int) -> tuple[int, int]:
    """Return the text to cut for a statement: its line, or its part of one."""
    start, end = source.span(body[index])
    line_start, _ = source.line_of(start)
    _, line_end = source.line_of(end - 1)
    before, after = source.text[line_start:start], source.text[end:line_end]
    if not before.strip() and not after.strip():
        return line_start, line_end
    if after.lstrip().startswith(";") and index + 1 < len(body):
        following = source.span(body[index + 1])[0]
        if following < line_end:
            return start, following
    if after.lstrip().startswith("#"):
        return start, end + len(after) - len(after.lstrip())
    return start, end


def find_sequence(place: Place, scene: Scene) -> Sequence | None:
    """Return the longest run that starts at ``place`` and is an activation, or None."""
    started = start(place, scene)
    if started is None:
        return None
    target, value, fresh = started
    first = value
    key = scene.source.key(target)
    steps: list[tuple[int, ast.expr]] = []
    if not fresh:
        value = step(place.statement, target, value, scene, place) or value
        steps.append((place.index, value))
    for index in range(place.index + 1, len(place.body)):
        statement = place.body[index]
        there = Place(place.body, index, place.function)
        stepped = step(statement, target, value, scene, there)
        if stepped is not None:
            value = stepped
            steps.append((index, value))
        elif _reads(statement, key, scene.source) or not scene.bindings.harmless(
            statement, {key, *_watched(value, scene)}
        ):
            break
    for index, folded in reversed(steps):
        leak = _classified(folded, place, index, scene)
        if leak is None or (not fresh and mentions(scene.source, leak.slope, key)):
            continue
        operands = [scene.source.code(part) for part in (leak.x, leak.slope, leak.grad) if part is not None]
        # The line that made the array goes, so nothing that is left may be read from it.
        if (
            fresh
            and not _reads(first, key, scene.source)
            and any(_reads(ast.parse(f"({text})"), key, scene.source) for text in operands)
        ):
            continue
        indexes = {i for i, _ in steps if i <= index} | {place.index}
        form = IN_PLACE if not fresh else COPIED
        if fresh and not _has_masked(place.body, indexes):
            form = FUSED
        needed = _definitions(place, indexes, scene)
        found = _gated(leak, target, scene, place, indexes)
        return Sequence(form, found, target, place.body, indexes, not fresh, needed)
    return None


def _definitions(start: Place, indexes: set[int], scene: Scene) -> set[int]:
    """Return the statements before that define masks and numbers which a run reads."""
    found: set[int] = set()
    queue = sorted(indexes)
    for index in queue:
        for node in ast.walk(start.body[index]):
            if not isinstance(node, ast.Name | ast.Attribute):
                continue
            for place in (Place(start.body, index, start.function), start):
                bound = scene.bindings.definition(node, place)
                if bound is None or bound[1] in found | indexes:
                    continue
                plain = scene.is_arithmetic(bound[0]) or isinstance(bound[0], ast.Constant)
                if plain or masked_view(node, scene, place) is not None:
                    found.add(bound[1])
                    queue.append(bound[1])
    return found


def _reads(node: ast.AST, key: str, source: Source) -> bool:
    return any(isinstance(child, ast.expr) and source.key(child) == key for child in ast.walk(node))


def _watched(value: ast.expr, scene: Scene) -> set[str]:
    return {scene.source.key(child) for child in ast.walk(value) if isinstance(child, ast.Name | ast.Attribute)}


def _calls_numpy(body: list[ast.stmt], indexes: set[int], scene: Scene) -> bool:
    return any(scene.numpy(node) for index in indexes for node in ast.walk(body[index]))


def _has_masked(body: list[ast.stmt], indexes: set[int]) -> bool:
    return any(isinstance(target, ast.Subscript) for index in indexes for target in targets(body[index]))


def _classified(folded: ast.expr, start: Place, last: int, scene: Scene) -> Leak | None:
    leak = classify(scene.source, scene.names, folded)
    # Names from before the run hold through it: it writes to nothing but its own array.
    for place in (start, Place(start.body, last, start.function)):
        if leak is None:
            if not scene.bindings.has_definitions(folded, place):
                continue
            expanded = scene.bindings.expand(folded, place, scene.is_arithmetic)
            leak = classify(scene.source, scene.names, expanded)
    return leak


def _gated(leak: Leak, target: ast.expr, scene: Scene, place: Place, indexes: set[int]) -> Leak | Refusal:
    here = scene.at(place)
    if leak.grad is not None and not here.reads_as_gradient(leak.grad, target):
        text = scene.source.code(leak.grad)
        return Refusal(f"mask and value are different arrays, and {text} may be no gradient")
    if _calls_numpy(place.body, indexes, scene):
        return leak
    reason = scene.names.plain_arrays_reason()
    return Refusal(reason) if reason is not None else leak


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
        reasons += where_reasons(leak, scene) if _is_one_choice(leak.old) else [STEPS]
        if leak.at_nan == "other":
            reasons.append(AT_NAN)
    if "filled" in leak.families:
        reasons.append(FAMILY_REASONS["filled"])
    return reasons


def _computes(node: ast.expr) -> bool:
    return any(isinstance(child, ast.BinOp) for child in ast.walk(node))


def _is_one_choice(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and not any(
        isinstance(child, ast.Call) and child is not node and len(child.args) == 3 for child in ast.walk(node)
    )


def fused_reasons(leak: Leak, scene: Scene) -> list[str]:
    """Return why fused steps are not bit for bit the ufunc."""
    return [FAMILY_REASONS["bool"], "the old lines round more than once"]


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
SEQUENCES = (COPIED, IN_PLACE, FUSED)
