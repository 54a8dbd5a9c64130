"""Lines that nothing reads any more once an activation is one call: named masks, scaled branches."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from fastlrelu.rewrite.effects import Effects
from fastlrelu.rewrite.search import Finding
from fastlrelu.rewrite.source import Source, walk
from fastlrelu.rewrite.statements import removal

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_DYNAMIC = frozenset({"eval", "exec", "locals", "vars"})


@dataclass
class _Use:
    """One place where a function reads or binds a name."""

    node: ast.Name
    statement: ast.stmt
    body: list[ast.stmt]


class Leftovers:
    """Finds the statements of one function that the fixes leave without a use.

    Parameters
    ----------
    source : Source
        The file.
    function : ast.FunctionDef or ast.AsyncFunctionDef
        The function.
    effects : Effects
        Which calls change nothing.
    fixed : list of Finding
        The fixes to be made.
    """

    def __init__(
        self,
        source: Source,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        effects: Effects,
        fixed: list[Finding],
    ) -> None:
        self._source = source
        self._effects = effects
        self._fixed = fixed
        self._uses: dict[str, list[_Use]] = {}
        self._fixed_names: set[str] = {
            argument.arg for argument in walk(function.args) if isinstance(argument, ast.arg)
        }
        self._own = {id(child) for child in walk(function)}
        self._dynamic = False
        self._collect(function.body, nested=False)
        self.gone: dict[int, tuple[list[ast.stmt], ast.stmt]] = {}

    def _collect(self, body: list[ast.stmt], nested: bool) -> None:
        for statement in body:
            blocks: list[list[ast.stmt]] = []
            for _, value in ast.iter_fields(statement):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    blocks.append(value)
                elif isinstance(value, list):
                    blocks += [v.body for v in value if isinstance(v, ast.ExceptHandler | ast.match_case)]
            inside = {id(node) for block in blocks for inner in block for node in walk(inner)}
            for node in walk(statement):
                if id(node) in inside:
                    continue
                if isinstance(node, ast.Name):
                    self._uses.setdefault(node.id, []).append(_Use(node, statement, body))
                    self._dynamic |= node.id in _DYNAMIC
                elif isinstance(node, ast.Global | ast.Nonlocal):
                    self._fixed_names |= set(node.names)
                elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                    # A name in there may be another one.
                    self._fixed_names |= {n.id for n in walk(node) if isinstance(n, ast.Name)}
            within = nested or isinstance(statement, _FUNCTIONS | ast.ClassDef)
            if within:
                self._fixed_names |= {n.id for n in walk(statement) if isinstance(n, ast.Name)}
                self._fixed_names |= {n.arg for n in walk(statement) if isinstance(n, ast.arg)}
            for block in blocks:
                self._collect(block, within)

    def find(self) -> list[tuple[list[ast.stmt], ast.stmt]]:
        """Return the statements to remove, with their blocks."""
        if self._dynamic:
            return []
        queue = sorted({n for finding in self._fixed for n in self._read_by(finding)})
        while queue:
            name = queue.pop()
            made = self._made(name)
            if made is None:
                continue
            for use in made:
                self.gone[id(use.statement)] = (use.body, use.statement)
            read = {n.id for use in made for n in walk(use.statement) if isinstance(n, ast.Name)}
            # The new code may need what only a removed line read.
            queue += sorted(n for n in read - {name} if not any(_names(finding, n) for finding in self._fixed))
        return list(self.gone.values())

    def _read_by(self, finding: Finding) -> set[str]:
        lines = {edit[:2] for edit in finding.edits}
        return {
            name
            for name, uses in self._uses.items()
            if not _names(finding, name) and any(self._within(use.node, lines) for use in uses)
        }

    def _within(self, node: ast.Name, spans: set[tuple[int, int]]) -> bool:
        start, end = self._source.span(node)
        return any(first <= start and end <= last for first, last in spans)

    def _made(self, name: str) -> list[_Use] | None:
        """Return the statements that make a value which nothing is left to read, or None."""
        if name in self._fixed_names:
            return None
        spans: set[tuple[int, int]] = set()
        for finding in self._fixed:
            if not _names(finding, name):
                spans |= {edit[:2] for edit in finding.edits}
        uses = [use for use in self._uses[name] if not self._within(use.node, spans)]
        makers = [use for use in uses if self._makes(use, name)]
        if not any(isinstance(use.statement, ast.Assign) for use in makers):
            return None
        makes = {id(use.statement) for use in makers}
        if any(id(use.statement) not in makes and id(use.statement) not in self.gone for use in uses):
            return None
        return makers

    def _makes(self, use: _Use, name: str) -> bool:
        """Tell whether a statement does nothing but give the name, or its array, a value."""
        statement = use.statement
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return self._effects.is_pure(value) and self._is_own(statement)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=target))]) if target == name:
                return self._effects.is_pure(statement.value) and self._is_new(name)
            case ast.AugAssign(target=ast.Name(id=target) | ast.Subscript(value=ast.Name(id=target))):
                return target == name and self._effects.is_pure(statement.value) and self._is_new(name)
            case ast.Expr(value=ast.Call(args=[ast.Name(id=target), *_]) as call) if target == name:
                return self._effects.numpy(call) in {"putmask", "copyto"} and self._is_new(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr="fill"))):
                return target == name and self._is_new(name)
        return False

    def _is_own(self, statement: ast.stmt) -> bool:
        return id(statement) in self._own

    def _is_new(self, name: str) -> bool:
        """Tell whether the array of a name was made here, so that nobody else sees its changes."""
        bound = [
            use.statement.value
            for use in self._uses[name]
            if isinstance(use.statement, ast.Assign) and isinstance(use.node.ctx, ast.Store)
            if use.statement.targets[0] is use.node
        ]
        return bool(bound) and all(self._effects.is_new(value) for value in bound)


def _names(finding: Finding, name: str) -> bool:
    """Tell whether the new code still has a name in it."""
    return any(re.search(rf"\b{re.escape(name)}\b", new) for _, _, new in finding.edits)


def leftover_edits(source: Source, effects: Effects, fixed: list[Finding]) -> list[tuple[int, int, str]]:
    """Return the edits that remove what the fixes leave unread; drop fixes of such lines.

    Parameters
    ----------
    source : Source
        The file.
    effects : Effects
        Which calls change nothing.
    fixed : list of Finding
        The fixes; those that only made a value which is not read any more are taken out.
    """
    edits: list[tuple[int, int, str]] = []
    cuts: list[tuple[int, int, str]]
    for function in walk(source.tree):
        if not isinstance(function, _FUNCTIONS):
            continue
        start, end = source.span(function)
        inside = [f for f in fixed if all(start <= first and last <= end for first, last, _ in f.edits)]
        if not inside:
            continue
        gone = Leftovers(source, function, effects, inside).find()
        cuts = []
        numbers = {id(statement) for _, statement in gone}
        for body, statement in gone:
            if statement is body[-1] and all(id(other) in numbers for other in body):
                cut = (*source.span(statement), "pass")
            else:
                cut = (*removal(source, body, body.index(statement)), "")
            # An inner function was looked at as a part of the outer one, too.
            if cut not in edits:
                cuts.append(cut)
        unread = [
            finding
            for finding in inside
            if finding.edits and all(any(a <= s and e <= b for a, b, _ in cuts) for s, e, _ in finding.edits)
        ]
        others = [edit for finding in inside if finding not in unread for edit in finding.edits]
        if any(first < end and start < last for first, last, _ in cuts for start, end, _ in (*others, *edits)):
            # Two edits of one line: what is not read any more stays.
            continue
        for finding in unread:
            fixed.remove(finding)
        edits += cuts
    return edits
