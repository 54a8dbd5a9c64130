"""Walks a file and reports every activation in it: what to write instead, or why it stays."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from fastlrelu.rewrite.bindings import Place
from fastlrelu.rewrite.dtypes import settled
from fastlrelu.rewrite.effects import SCOPES
from fastlrelu.rewrite.flows import alias_reasons
from fastlrelu.rewrite.forms import FORMS, Form, without_out
from fastlrelu.rewrite.integers import holds_complex
from fastlrelu.rewrite.leaks import Leak, Refusal
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import Source, children, dotted, walk
from fastlrelu.rewrite.statements import Sequence, find_sequences
from fastlrelu.rewrite.uses import misuse
from fastlrelu.rewrite.words import function_may_hold

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_SIMPLE = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Expr
# Compilers of Python functions know NumPy, but not this package.
_COMPILERS = ("jit", "numba", "cuda", "guvectorize", "stencil", "tf.function", "pythran", "taichi")
# What a form is: anything else is looked into.
_FOUND = (ast.Call, ast.BinOp, ast.ListComp, ast.GeneratorExp)
_LATE = ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom


@dataclass(eq=False)
class Finding:
    """One activation of a file.

    Attributes
    ----------
    form : str
        The name of its form.
    line : int
        Where it starts.
    old : str
        The code that is there, on one line.
    new : str
        The code to write, empty where it stays.
    reasons : list of str
        Why the fix is unsafe, or why the code stays.
    edits : list of tuple
        Start, end and replacement in the text of the file.
    leak, nodes, scene, target, number, cast
        What ``--verify`` runs: the recognised leak, its code and surroundings, the array that
        statements write to, the slope where it is a number, and whether a cast to the dtype of
        x stands around it.
    call : str
        The call alone, where ``new`` also assigns.
    column, cell : int
        The column that it starts in, and the cell of a notebook, from 1; 0 in a file.
    """

    form: str
    line: int
    old: str
    new: str = ""
    reasons: list[str] = field(default_factory=list)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    leak: Leak | None = None
    nodes: list[ast.stmt] | ast.expr | None = None
    scene: Scene | None = None
    target: ast.expr | None = None
    number: float | None = None
    cast: bool = False
    call: str = ""
    column: int = 1
    cell: int = 0

    @property
    def left(self) -> bool:
        """Whether it stays, whatever fixes are asked for."""
        return not self.new

    @property
    def safe(self) -> bool:
        """Whether the new code gives the same bits."""
        return bool(self.new) and not self.reasons


def call_text(leak: Leak, source: Source, out: str | None = None) -> str:
    """Return the call that replaces a leak."""

    def text(name: str, operand: ast.expr) -> str:
        return leak.texts.get(name) or source.code(operand)

    arguments = [text("x", leak.x)]
    if not leak.kind.startswith("gelu"):
        arguments.append(text("slope", leak.slope))
    if leak.kind == "gradient":
        arguments.insert(0, "1.0" if leak.grad is None else text("grad", leak.grad))
    if out is not None:
        arguments.append(f"out={out}")
    function = {"forward": "leaky_relu", "gradient": "leaky_relu_grad"}.get(leak.kind, leak.kind)
    return f"fastlrelu.{function}({', '.join(arguments)})"


class Search:
    """Collects the findings of one file.

    Parameters
    ----------
    source : Source
        The file.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.scene = Scene.of(source)
        self.findings: list[Finding] = []

    def run(self) -> list[Finding]:
        """Return the findings from the top of the file to its end."""
        self._block(self.source.tree.body, self.source.tree, None)
        return self.findings

    def _block(self, body: list[ast.stmt], function: ast.AST, compiler: str | None) -> None:
        sequences = self._sequences(body, function)
        firsts = {min(sequence.indexes): sequence for sequence in sequences}
        done = {index for sequence in sequences for index in sequence.indexes}
        for index, statement in enumerate(body):
            place = Place(body, index, function)
            if index in firsts:
                self._sequence(firsts[index], function, compiler)
            elif index in done:
                continue
            elif isinstance(statement, _SIMPLE):
                self._expressions(statement, place, compiler, ())
            else:
                self._compound(statement, function, compiler)

    def _compound(self, statement: ast.stmt, function: ast.AST, compiler: str | None) -> None:
        if isinstance(statement, _FUNCTIONS | ast.ClassDef):
            compiler = compiler or self._compiler(statement)
        if isinstance(statement, _FUNCTIONS):
            text = self.source.code(statement)
            if not function_may_hold(text) and not any(f"{name}(" in text for name in self._mapped):
                return
            function = statement
        for _, value in ast.iter_fields(statement):
            parts = value if isinstance(value, list) else [value]
            if parts and isinstance(parts[0], ast.stmt):
                self._block(parts, function, compiler)
                continue
            for child in parts:
                if isinstance(child, ast.ExceptHandler | ast.match_case):
                    self._block(child.body, function, compiler)
                elif isinstance(child, ast.AST):
                    self._expressions(child, None, compiler, ())

    def _compiler(self, definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str | None:
        for decorator in definition.decorator_list:
            if (name := _compiling(decorator)) is not None:
                return name
        return self._compiled.get(definition.name)

    @cached_property
    def _mapped(self) -> list[str]:
        """Names of the file for functions of numbers that are mapped over arrays, as in ``act = np.vectorize(f)``."""
        if not self.source.vectorizes:
            return []
        return [
            name
            for statement in self.source.tree.body
            if isinstance(statement, ast.Assign) and self.scene.numpy(statement.value) in {"vectorize", "frompyfunc"}
            for name in (getattr(target, "id", "") for target in statement.targets)
            if name
        ]

    @cached_property
    def _compiled(self) -> dict[str, str]:
        """Functions that are compiled by a call, as in ``fast = njit(slow)``."""
        if not any(word in self.source.text for word in _COMPILERS):
            return {}
        return {
            argument.id: name
            for node in self.source.nodes
            if isinstance(node, ast.Call) and (name := _compiling(node.func)) is not None
            for argument in node.args
            if isinstance(argument, ast.Name)
        }

    def _expressions(
        self,
        node: ast.AST,
        place: Place | None,
        compiler: str | None,
        parents: tuple[ast.AST, ...],
    ) -> None:
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, _FOUND):
            finding = self._finding(node, self.scene.at(place, parents), compiler)
            if finding is not None:
                self.findings.append(finding)
                return
        if isinstance(node, SCOPES):
            place = None
        elif isinstance(node, ast.Call):
            compiler = compiler or _compiling(node.func)
        for child in children(node):
            self._expressions(child, place, compiler, (*parents, node))

    def _finding(self, node: ast.expr, scene: Scene, compiler: str | None) -> Finding | None:
        names = scene.names
        names.loose, names.loosely_used = True, []
        try:
            found = first_form(node, scene)
        finally:
            names.loose = False
        if found is None:
            return None
        finding = Finding("", node.lineno, " ".join(self.source.code(node).split()), nodes=node)
        finding.column = self._column(node)
        foreign = next((n for n in names.loosely_used if names.scalar(n) is None), None)
        strict = first_form(node, scene)
        if strict is None:
            finding.form = found[0].name
            module = names.foreign(foreign) if foreign is not None else None
            alias = (dotted(foreign) or "").partition(".")[0] if foreign is not None else ""
            library = "SciPy" if foreign is not None and names.looks_like_scipy(foreign) else "NumPy"
            finding.reasons = [f"{alias} is not {library} here: {module}"]
            return finding if module else None
        form, leak = strict
        finding.form = form.name
        refusal = self.refusal(form, leak, scene, compiler, [node])
        if refusal is not None:
            finding.reasons = [refusal]
            return finding
        assert isinstance(leak, Leak)
        misused = None
        match scene.place and scene.place.statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) as statement if leak.is_mask and value is node:
                misused = misuse(name, statement, scene)
        if misused is not None:
            finding.reasons = [misused]
            return finding
        finding.leak, finding.scene = leak, scene
        finding.number = scene.slopes.number(leak.slope, scene.place)
        finding.cast = leak.is_mask and scene.cast_to_dtype_of(leak.x)
        reasons = [*form.reasons(leak, scene), *scene.call_reasons(leak)]
        reasons += alias_reasons(leak, scene.flow, scene.state, [node])
        finding.reasons = settled(reasons, leak, scene, None)
        out = without_out(node, scene)[1] if isinstance(node, ast.Call) else None
        finding.new = call_text(leak, self.source, None if out is None else self.source.code(out))
        finding.edits = [(*self.source.span(node), finding.new)]
        return finding

    def _column(self, node: ast.expr | ast.stmt) -> int:
        start = self.source.span(node)[0]
        return start - self.source.line_of(start)[0] + 1

    def refusal(
        self,
        form: Form,
        leak: Leak | Refusal,
        scene: Scene,
        compiler: str | None,
        nodes: Iterable[ast.expr | ast.stmt],
    ) -> str | None:
        """Return why a recognised leak stays as it is, or None."""
        nodes = list(nodes)
        if any(isinstance(child, _LATE) for node in nodes for child in walk(node)):
            return "it assigns or waits inside the expression"
        if isinstance(leak, Refusal):
            return leak.reason
        if compiler is not None:
            return f"the function is compiled by {compiler}"
        flow, state = scene.flow, scene.state
        if flow is not None and state is not None and holds_complex(flow.converted(leak.x, state), flow):
            return f"{self.source.code(leak.x)} is complex"
        gradient = leak.kind == "gradient"
        x = self.source.key(leak.x)
        if leak.kind in ("forward", "gradient"):
            negative, plain = form.negative_slope and not gradient, gradient or form.plain_slope
            reason = scene.slopes.refusal(leak.slope, x, scene.place, negative=negative, plain=plain)
        else:
            reason = scene.slopes.no_alpha(leak.slope, x, scene.place)
        if reason is not None:
            return reason
        parts = [*nodes, leak.x, leak.slope, *([leak.grad] if leak.grad is not None else [])]
        for part in parts:
            if hasattr(part, "lineno") and self.source.has_comment(*self.source.span(part)):
                return "a comment stands inside it"
        return None

    def _sequences(self, body: list[ast.stmt], function: ast.AST) -> list[Sequence]:
        names = self.scene.names
        names.loose = True
        try:
            if not find_sequences(body, function, self.scene):
                return []
        finally:
            names.loose = False
        return find_sequences(body, function, self.scene)

    def _sequence(self, sequence: Sequence, function: ast.AST, compiler: str | None) -> None:
        leak, body = sequence.leak, sequence.body
        scene = self.scene.at(Place(body, sequence.last, function))
        statements = [body[index] for index in sorted(sequence.indexes)]
        old = "; ".join(" ".join(self.source.code(statement).split()) for statement in statements)
        finding = Finding(sequence.form.name, statements[0].lineno, old, nodes=statements)
        finding.column = self._column(statements[0])
        refusal = self.refusal(sequence.form, leak, scene, compiler, statements)
        if refusal is None and isinstance(leak, Leak) and leak.is_mask and isinstance(sequence.target, ast.Name):
            refusal = misuse(sequence.target.id, statements[-1], scene)
        if refusal is not None:
            finding.reasons = [refusal]
        else:
            assert isinstance(leak, Leak)
            target = self.source.code(sequence.target)
            out = target if sequence.in_place else None
            call = call_text(leak, self.source, out)
            finding.leak, finding.scene, finding.target = leak, scene, sequence.target
            finding.number = scene.slopes.number(leak.slope, scene.place)
            finding.new = call if sequence.in_place else f"{target} = {call}"
            reasons = [*sequence.reasons(scene), *scene.call_reasons(leak)]
            reasons += alias_reasons(leak, scene.flow, scene.state, [*sequence.needed, *statements])
            finding.reasons = settled(reasons, leak, scene, sequence.target)
            finding.edits = sequence.edits(self.source, finding.new)
            finding.nodes = [*sequence.needed, *statements]
            if isinstance(statements[-1], ast.For):
                # A loop is shown as the expression that it computes.
                finding.nodes, finding.call = leak.old, call_text(leak, self.source)
        self.findings.append(finding)


def first_form(node: ast.expr, scene: Scene) -> tuple[Form, Leak | Refusal] | None:
    """Return the first form in the table that recognises ``node``."""
    for form in FORMS:
        found = form.find(node, scene)
        if found is not None:
            return form, found
    return None


def _compiling(node: ast.expr) -> str | None:
    """Return the name of a decorator or function that compiles what it is given."""
    name = dotted(node.func if isinstance(node, ast.Call) else node) or ""
    return name if any(word in name for word in _COMPILERS) else None
