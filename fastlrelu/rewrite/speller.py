"""Writes a value, given in versions, with the names that hold it where it is needed."""

from __future__ import annotations

import ast
from contextlib import suppress
from functools import cached_property

from fastlrelu.rewrite.effects import SCOPES, path_node, path_of
from fastlrelu.rewrite.flow import Flow
from fastlrelu.rewrite.source import Source, walk
from fastlrelu.rewrite.versions import Expansion, State, TooLarge, is_atom, rebuild, spelling


class _NotHeld(Exception):  # noqa: N818
    """No name holds the value any more."""


class Speller:
    """Writes values at one place.

    Parameters
    ----------
    source, flow : Source, Flow
        The file and the function.
    state : State
        What names hold there.
    preferred : str
        The name to use where several hold a value.
    """

    def __init__(self, source: Source, flow: Flow, state: State, preferred: str = "") -> None:
        self._source = source
        self._flow = flow
        self._state = state
        self._preferred = preferred
        self._everything = Expansion(flow.versions, lambda _: True)

    def text(self, node: ast.expr) -> str | None:
        """Return code that gives the value, None where there is none."""
        try:
            written = rebuild(node, self._written)
        except (_NotHeld, TooLarge):
            return None
        return self._source.code(written) if written is node else spelling(written)

    @cached_property
    def _holders(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, number in self._state.names.items():
            value = self._state.values[number]
            keys = {spelling(value)}
            if is_atom(value):
                with suppress(TooLarge):
                    keys.add(spelling(self._everything.of(value)))
            for key in keys:
                found.setdefault(key, []).append(path)
        return found

    def _holder(self, node: ast.expr) -> str | None:
        own = node.id.partition("@")[0] if isinstance(node, ast.Name) else ""
        keys = [spelling(node)]
        with suppress(TooLarge):
            keys.append(spelling(self._everything.of(node)))
        for key in keys:
            paths = self._holders.get(key)
            if paths:
                likely = [path for path in (self._preferred, own) if path in paths]
                return likely[0] if likely else min(paths, key=len)
        return None

    def _written(self, node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Constant):
            return node
        # A masked assignment is read as a choice, which has no spelling in the file.
        if isinstance(node, SCOPES) or (isinstance(node, ast.Name) and node.id.startswith("numpy:")):
            raise _NotHeld
        if isinstance(node, ast.Name) and is_atom(node):
            holder = self._holder(node)
            if holder is not None:
                return path_node(holder)
            version = self._flow.versions[node.id]
            if version.definition is None:
                raise _NotHeld
            return rebuild(version.definition, self._written)
        if isinstance(node, ast.Name | ast.Attribute) and self._flow.effects.function(node):
            return node
        path = path_of(node)
        if path is not None and not any(is_atom(child) for child in walk(node)):
            held = self._state.value(path)
            if held is None:
                held = self._flow.value(self._state, path)
            if spelling(held) == path:
                likely = self._state.value(self._preferred)
                return path_node(self._preferred) if likely is not None and spelling(likely) == path else node
            holder = self._holder(node)
            if holder is None:
                raise _NotHeld
            return path_node(holder)
        if isinstance(node, ast.BinOp | ast.Call | ast.Attribute | ast.Subscript | ast.UnaryOp | ast.Compare):
            holder = self._holder(node)
            if holder is not None:
                return path_node(holder)
        return None
