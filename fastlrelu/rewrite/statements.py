"""Finds forms of more than one statement: masked assignment, with a copy or in place, and fused steps.

A run of statements on one array is folded into a single expression, which is then recognised
like any other: ``y = x.copy(); y[y < 0] *= a`` reads as ``where(x < 0, x * a, x)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fastlrelu.rewrite.bindings import Place
from fastlrelu.rewrite.effects import is_below, path_of
from fastlrelu.rewrite.flow import Flow
from fastlrelu.rewrite.folding import WRITERS
from fastlrelu.rewrite.forms import Form
from fastlrelu.rewrite.integers import FILLED
from fastlrelu.rewrite.leaks import Leak, Refusal, classify
from fastlrelu.rewrite.loop_variables import left_behind
from fastlrelu.rewrite.memory import Step
from fastlrelu.rewrite.reasons import FAMILY_REASONS
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import Source, is_everything, mentions, walk
from fastlrelu.rewrite.statement_forms import COPIED, FUSED, IN_PLACE, LOOPED, UNKNOWN
from fastlrelu.rewrite.versions import State, TooLarge, is_atom
from fastlrelu.rewrite.words import function_may_hold


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
        The block, of which ``indexes`` are the run.
    in_place : bool
        Whether the array is there before, so that the new call writes to it.
    needed : list of ast.stmt
        Statements before it that define what it reads.
    """

    form: Form
    leak: Leak | Refusal
    target: ast.expr
    body: list[ast.stmt]
    indexes: set[int]
    in_place: bool
    needed: list[ast.stmt]

    @property
    def last(self) -> int:
        """Where the replacement goes."""
        return max(self.indexes)

    def reasons(self, scene: Scene) -> list[str]:
        """Return why the fix is unsafe."""
        assert isinstance(self.leak, Leak)
        reasons = [*self.form.reasons(self.leak, scene), *self._of_makers(scene)]
        if not _calls_numpy(self.body, self.indexes, scene):
            reasons.append(UNKNOWN)
        return list(dict.fromkeys(reasons))

    def _of_makers(self, scene: Scene) -> Iterator[str]:
        """Yield how the dtypes of arrays that are not made any more differ from that of x."""
        assert isinstance(self.leak, Leak)
        x = self.leak.texts.get("x") or scene.source.code(self.leak.x)
        for index in self.indexes - {self.last}:
            match self.body[index]:
                case ast.Assign(value=ast.Call(args=args, keywords=keywords) as call):
                    name = scene.numpy(call) or ""
                    given = {keyword.arg: keyword.value for keyword in keywords}.get("dtype")
                    if given is None and len(args) > (place := FILLED.get(name, len(args))):
                        given = args[place]
                    if given is None and name in FILLED:
                        yield FAMILY_REASONS["filled"]
                    makes = name in FILLED or name.endswith("_like")
                    if given is not None and makes and scene.source.code(given) != f"{x}.dtype":
                        yield FAMILY_REASONS["cast"]

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


def find_sequences(body: list[ast.stmt], function: ast.AST, scene: Scene) -> list[Sequence]:
    """Return the runs of a block that are activations; none shares a statement with another."""
    if not any(_may_be_step(statement, body, scene.source) for statement in body):
        return []
    here = scene.at(Place(body, 0, function))
    flow = here.flow
    if flow is None or not any(id(statement) in flow.steps for statement in body):
        return []
    found: list[Sequence] = []
    done: set[int] = set()
    for last in reversed(range(len(body))):
        if last in done or id(body[last]) not in flow.steps:
            continue
        sequence = _ending_at(body, last, function, here, flow)
        if sequence is None or sequence.indexes & done:
            continue
        done |= sequence.indexes
        found.append(sequence)
    return found[::-1]


def _may_be_step(statement: ast.stmt, body: list[ast.stmt], source: Source) -> bool:
    """Tell, before anything is followed, whether a statement may be the last of a run."""
    match statement:
        case ast.AugAssign(op=ast.Add() | ast.Sub(), value=ast.Constant(value=int())):
            return False
        case ast.AugAssign(target=ast.Subscript(slice=index)) | ast.Assign(targets=[ast.Subscript(slice=index)]):
            return is_everything(index) or not isinstance(index, ast.Constant | ast.Slice | ast.Tuple)
        case ast.AugAssign():
            # A sum or product of steps begins in the same block, with a comparison or its like.
            return function_may_hold(source.text[source.span(body[0])[0] : source.span(statement)[1]])
        case ast.For():
            return ("[" in (text := source.code(statement)) or ".append(" in text) and function_may_hold(text)
        case ast.Assign(value=ast.Call(func=function)) | ast.Expr(value=ast.Call(func=function)):
            last = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            return last in WRITERS
    return False


def _ending_at(body: list[ast.stmt], last: int, function: ast.AST, scene: Scene, flow: Flow) -> Sequence | None:
    step = flow.steps[id(body[last])]
    if _is_unfinished(body, last, step, flow, scene):
        return None
    here = scene.at(Place(body, last, function))
    steps, made = _history(body, last, step, flow, scene)
    for first in sorted(steps):
        fresh = made is not None and first == min(steps)
        if _is_expression(body[first], first, last, fresh) or (step.listed and not fresh):
            continue
        opening = flow.steps[id(body[first])]
        state = flow.before[id(body[last])].copy()
        opaque: frozenset[str] = frozenset()
        if fresh:
            for path in [p for p in state.names if state.names[p] == step.number or is_below(p, step.path)]:
                flow.forget(state, path, body[last])
            # The line that made the array goes, so its name holds what it held before.
            state.names.pop(step.path, None)
            earlier = flow.before[id(body[made])] if made is not None else state
            number = earlier.names.get(step.path)
            if number is not None:
                state.names[step.path] = number
                state.values.setdefault(number, earlier.values[number])
                state.storage.setdefault(number, earlier.storage[number])
        else:
            state.values[step.number] = opening.old
            if isinstance(opening.old, ast.Name) and is_atom(opening.old):
                opaque = frozenset({opening.old.id})
        indexes = {i for i in steps if i >= first} | ({made} if fresh and made is not None else set())
        if any(isinstance(body[index], ast.For) for index in indexes - {last}):
            # Its variables may be read afterwards.
            continue
        chain = [flow.steps[id(body[i])].old for i in steps if i > first or fresh]
        forced = frozenset(held.id for held in chain if isinstance(held, ast.Name) and is_atom(held))
        preferred = "" if fresh else step.path
        leak = _classified(step.value, here, flow, (opaque, forced), state, preferred)
        if leak is None and not fresh and opaque:
            leak = _classified(step.value, here, flow, (frozenset(), forced | opaque), state, preferred)
        if leak is None or (not fresh and _reads_old(leak, opening.old, scene.source)):
            continue
        form = IN_PLACE if not fresh else COPIED
        if isinstance(body[last], ast.For):
            form = LOOPED
        elif fresh and not any(flow.steps[id(body[i])].masked for i in indexes if id(body[i]) in flow.steps):
            form = FUSED
        found = _gated(leak, step.target, here, indexes)
        loop = body[last]
        if isinstance(loop, ast.For) and isinstance(found, Leak):
            found = left_behind(loop, step.path, function, here.names, listed=step.listed) or found
        return Sequence(form, found, step.target, body, indexes, not fresh, _needed(leak, here, flow, indexes))
    return None


def _is_expression(statement: ast.stmt, first: int, last: int, fresh: bool) -> bool:
    """Tell whether one line alone is better rewritten as the expression that it evaluates."""
    if first != last or fresh:
        return False
    match statement:
        case ast.Assign():
            return not isinstance(statement.targets[0], ast.Subscript) or is_everything(statement.targets[0].slice)
        case ast.Expr(value=ast.Call(keywords=keywords)):
            return not any(keyword.arg in {"where", "mask", "a"} for keyword in keywords) and _writes_out(statement)
    return False


def _writes_out(statement: ast.Expr) -> bool:
    call = statement.value
    assert isinstance(call, ast.Call)
    last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return last not in {"putmask", "copyto"} or (last == "copyto" and len(call.args) + len(call.keywords) == 2)


def _is_unfinished(body: list[ast.stmt], last: int, step: Step, flow: Flow, scene: Scene) -> bool:
    """Tell whether the next line about the array writes to a part of it, so that it is not done yet."""
    for statement in body[last + 1 :]:
        if _mentions(statement, step, flow.before.get(id(statement)), scene.source):
            target: ast.expr | None = statement.target if isinstance(statement, ast.AugAssign) else None
            if isinstance(statement, ast.Assign):
                target = statement.targets[0]
            if isinstance(statement, ast.AugAssign) and not step.masked and path_of(statement.target) == step.path:
                # One more step of a sum.
                return True
            stored = isinstance(target, ast.Subscript) and path_of(target.value) == step.path
            return stored and not is_everything(target.slice)  # type: ignore[union-attr]
    return False


def _history(body: list[ast.stmt], last: int, step: Step, flow: Flow, scene: Scene) -> tuple[set[int], int | None]:
    """Return the steps that lead to the last one with nothing reading the array, and what made it."""
    steps = {last}
    value = step.old
    for index in reversed(range(last)):
        statement = body[index]
        earlier = flow.steps.get(id(statement))
        state = flow.before.get(id(statement))
        if state is None:
            break
        if earlier is not None and earlier.number == step.number:
            if scene.source.key(earlier.new) != scene.source.key(value) or not flow.effects.is_pure(earlier.value):
                break
            if isinstance(statement, ast.Assign) and not isinstance(statement.targets[0], ast.Subscript):
                break
            steps.add(index)
            value = earlier.old
            continue
        following = flow.before[id(body[index + 1])]
        if following.made.get(step.number) is statement and step.number not in state.names.values():
            plain_target = isinstance(statement, ast.Assign) and len(statement.targets) == 1
            same_path = plain_target and path_of(statement.targets[0]) == step.path  # type: ignore[attr-defined]
            alone = sum(number == step.number for number in following.names.values()) == 1
            whole = same_path and alone and scene.source.key(following.values[step.number]) == scene.source.key(value)
            pure = plain_target and flow.effects.is_pure(statement.value)  # type: ignore[attr-defined]
            return steps, index if whole and pure else None
        if _mentions(statement, step, following, scene.source):
            break
    return steps, None


def _mentions(statement: ast.stmt, step: Step, state: State | None, source: Source) -> bool:
    """Tell whether a statement reads the array, under whatever name."""
    paths = {step.path}
    if state is not None:
        paths |= {path for path, number in state.names.items() if number == step.number}
    for child in walk(statement):
        path = path_of(child)
        if path is not None and any(is_below(path, known) for known in paths):
            return True
    return False


def _reads_old(leak: Leak, old: ast.expr, source: Source) -> bool:
    """Tell whether the slope is what the array held: then no value is known to be scaled."""
    return mentions(source, leak.slope, source.key(old))


def _needed(leak: Leak, scene: Scene, flow: Flow, indexes: set[int]) -> list[ast.stmt]:
    """Return the statements before that define what the run reads."""
    assert scene.place is not None
    key = scene.source.key
    operands = {key(part) for part in (leak.x, leak.slope, leak.grad) if part is not None}
    run = [scene.place.body[index] for index in indexes]
    queue: list[tuple[ast.stmt, ast.AST]] = [(statement, statement) for statement in run]
    found: dict[int, ast.stmt] = {}
    while queue:
        statement, node = queue.pop()
        state = flow.before.get(id(statement))
        for child in walk(node):
            path = path_of(child)
            held = state.value(path) if state is not None and path is not None else None
            if held is None or not is_atom(held) or key(held) in operands:
                continue
            version = flow.versions[key(held)]
            maker = version.statement
            if version.definition is None or not isinstance(maker, ast.Assign | ast.AugAssign | ast.AnnAssign):
                continue
            if maker not in run and id(maker) not in found:
                found[id(maker)] = maker
                queue.append((maker, maker))
    return sorted(found.values(), key=lambda statement: statement.lineno)


def _calls_numpy(body: list[ast.stmt], indexes: set[int], scene: Scene) -> bool:
    return any(scene.numpy(node) for index in indexes for node in walk(body[index]))


def _classified(
    value: ast.expr,
    scene: Scene,
    flow: Flow,
    spelled: tuple[frozenset[str], frozenset[str]],
    state: State,
    preferred: str,
) -> Leak | None:
    try:
        for reading in scene.spelled_out(value, flow, *spelled):
            leak = classify(scene.source, scene.names, reading)
            if leak is not None and scene.write_out(leak, state, preferred):
                return leak
    except TooLarge:
        return None
    return None


def _gated(leak: Leak, target: ast.expr, scene: Scene, indexes: set[int]) -> Leak | Refusal:
    assert scene.place is not None
    if leak.grad is not None and not scene.reads_as_gradient(leak.grad, target):
        text = scene.source.code(leak.grad)
        return Refusal(f"mask and value are different arrays, and {text} may be no gradient")
    if _calls_numpy(scene.place.body, indexes, scene):
        return leak
    reason = scene.names.plain_arrays_reason()
    return Refusal(reason) if reason is not None else leak
