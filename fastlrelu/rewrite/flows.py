"""The flows of a file, each made when a form first asks for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from fastlrelu.rewrite.effects import path_of
from fastlrelu.rewrite.flow import Flow
from fastlrelu.rewrite.leaks import Leak
from fastlrelu.rewrite.memory import GIVEN
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source, walk
from fastlrelu.rewrite.versions import State, is_atom
from fastlrelu.rewrite.words import function_may_hold


class Flows:
    """Looks up the flow of each function.

    Parameters
    ----------
    source, names : Source, Names
        The file.
    """

    def __init__(self, source: Source, names: Names) -> None:
        self._source = source
        self._names = names
        self._known: dict[tuple[int, bool], Flow | None] = {}

    def of(self, function: ast.AST) -> Flow | None:
        """Return the flow of a function or module, None where nothing in it compares with zero."""
        key = (id(function), self._names.loose)
        if key not in self._known:
            whole = not isinstance(function, ast.stmt)
            text = self._source.text if whole else self._source.code(function)  # type: ignore[arg-type]
            found = Flow(self._source, self._names, function) if function_may_hold(text) else None
            self._known[key] = found
        return self._known[key]


def obstacle(flow: Flow, atoms: set[str]) -> str:
    """Return the remark on statements that may have changed a value."""
    crossed = sorted((flow.versions[atom].line, flow.versions[atom].path) for atom in atoms)
    parts = list(dict.fromkeys(f"line {line} may change {path}" for line, path in crossed))
    return "; ".join(parts)


def alias_reasons(
    leak: Leak, flow: Flow | None, state: State | None, nodes: Iterable[ast.expr | ast.stmt]
) -> list[str]:
    """Return which parameters must be two arrays: one is written to after the other was read."""
    if flow is None or state is None or not flow.writes:
        return []
    nodes = list(nodes)
    last = max(node.lineno for node in nodes)
    held = [state.value(path) for node in nodes for child in walk(node) if (path := path_of(child)) is not None]
    lines = [node.lineno for node in nodes]
    lines += [flow.versions[value.id].line for value in held if isinstance(value, ast.Name) and is_atom(value)]
    operands = [part for part in (leak.x, leak.grad) if part is not None]
    names = {child.id.partition("@")[0] for part in operands for child in walk(part) if isinstance(child, ast.Name)}
    found = []
    for name in sorted(name for name in names if ":" not in name):
        marks = state.storage[flow.object_of(state, name)]
        for line, path, written in sorted(flow.writes, key=lambda write: write[:2]):
            if GIVEN in marks and min(lines) <= line < last and written.isdisjoint(marks):
                found.append(f"{name} and {path}, two parameters, are taken for two arrays")
    return list(dict.fromkeys(found))
