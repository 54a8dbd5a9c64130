"""The flows of a file, each made when a form first asks for it."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.flow import Flow
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source
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
