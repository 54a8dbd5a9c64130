"""The values that names and arrays have between two changes, and expressions made of them.

Code is read in single-assignment form: each change of a name or an array makes a new version,
spelled as one name with an ``@``, such as ``mask@3``. Expressions of versions can be compared,
whatever was assigned meanwhile.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastlrelu.rewrite.effects import SCOPES, path_node
from fastlrelu.rewrite.source import children

_MOST_NODES = 4000
_DEEPEST = 24
_LONGEST = 500


@dataclass(frozen=True)
class Version:
    """One value.

    Attributes
    ----------
    atom : str
        How expressions spell it.
    path : str
        The name, attribute or key that had it first.
    statement : ast.stmt or None
        Where it came to be.
    definition : ast.expr or None
        What it equals, in versions; None where that is not known.
    before : ast.expr or None
        For a value that a statement may have changed: what it was before.
    """

    atom: str
    path: str
    statement: ast.AST | None
    definition: ast.expr | None = None
    before: ast.expr | None = None

    @property
    def line(self) -> int:
        """The line of the statement."""
        return getattr(self.statement, "lineno", 0)


@dataclass
class State:
    """What is known before or after a statement.

    Attributes
    ----------
    names : dict
        The object that each path refers to.
    values : dict
        The value of each object.
    storage : dict
        Marks of the memory that each object may use: two that share one may be views.
    made : dict
        The statement that made an object that nothing else referred to then.
    """

    names: dict[str, int] = field(default_factory=dict)
    values: dict[int, ast.expr] = field(default_factory=dict)
    storage: dict[int, frozenset[int]] = field(default_factory=dict)
    made: dict[int, ast.stmt] = field(default_factory=dict)

    def copy(self) -> State:
        """Return a state that can change on its own."""
        return State(dict(self.names), dict(self.values), dict(self.storage), dict(self.made))

    def value(self, path: str) -> ast.expr | None:
        """Return the value of a path that was met, or None."""
        number = self.names.get(path)
        return None if number is None else self.values[number]


def spelling(node: ast.AST) -> str:
    """Return what ``ast.unparse`` does, at once for a name."""
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


class TooLarge(Exception):  # noqa: N818
    """An expression grew beyond what anybody writes by hand."""


def rebuild(node: ast.expr, change: Callable[[ast.expr], ast.expr | None]) -> ast.expr:
    """Return ``node`` with parts replaced; what does not change is shared, with its place in the file."""
    budget = [_MOST_NODES]

    def built(part: ast.AST) -> ast.AST:
        budget[0] -= 1
        if budget[0] < 0:
            raise TooLarge
        if isinstance(part, ast.expr):
            changed = change(part)
            if changed is not None:
                return changed
        fields = {}
        same = True
        for name, value in ast.iter_fields(part):
            new: object = value
            if isinstance(value, ast.AST):
                new = built(value)
                same = same and new is value
            elif isinstance(value, list):
                new = [built(item) if isinstance(item, ast.AST) else item for item in value]
                same = same and all(a is b for a, b in zip(new, value, strict=True))
            fields[name] = new
        return part if same else type(part)(**fields)

    result = built(node)
    assert isinstance(result, ast.expr)
    return result


Node = TypeVar("Node", bound=ast.AST)


def copied(node: Node) -> Node:
    """Return a copy in which no two parts are one object, as a transformer needs it."""

    def part(value: object) -> object:
        if isinstance(value, list):
            return [part(item) for item in value]
        return copied(value) if isinstance(value, ast.AST) else value

    return ast.copy_location(type(node)(**{name: part(value) for name, value in ast.iter_fields(node)}), node)


def is_atom(node: ast.AST) -> bool:
    """Tell whether a node is a version and not a name of the file."""
    return isinstance(node, ast.Name) and "@" in node.id


def plain(node: ast.expr) -> ast.expr:
    """Return ``node`` with versions replaced by the paths they belong to."""

    def named(part: ast.expr) -> ast.expr | None:
        if is_atom(part):
            assert isinstance(part, ast.Name)
            return path_node(part.id.partition("@")[0])
        return None

    return rebuild(node, named)


class Expansion:
    """Spells versions out, as deep as asked.

    Parameters
    ----------
    versions : dict
        All versions of a function.
    wanted : callable
        Which definitions to put in the place of a version.
    opaque : set of str
        Versions that stay, whatever their definition.
    forced : set of str
        Versions that are spelled out, whatever their definition.
    beyond : bool
        Whether to look through statements that may have changed a value.
    """

    def __init__(
        self,
        versions: dict[str, Version],
        wanted: Callable[[ast.expr], bool],
        opaque: frozenset[str] = frozenset(),
        forced: frozenset[str] = frozenset(),
        beyond: bool = False,
    ) -> None:
        self._versions = versions
        self._wanted = wanted
        self._opaque = opaque
        self._forced = forced
        self._beyond = beyond
        self._known: dict[str, ast.expr] = {}
        self._sizes: dict[int, tuple[ast.AST, int]] = {}
        self._depth = 0
        self.used: set[str] = set()
        self.crossed: set[str] = set()

    def of(self, node: ast.expr) -> ast.expr:
        """Return ``node`` with versions spelled out.

        Raises
        ------
        TooLarge
            If that is longer than anybody writes.
        """
        result = rebuild(node, self._one)
        # Parts are shared, so a short way to build it may lead to a tree without end.
        if self._size(result) > _LONGEST:
            raise TooLarge
        return result

    def _size(self, node: ast.AST) -> int:
        known = self._sizes.get(id(node))
        if known is not None and known[0] is node:
            return known[1]
        size = 1 + sum(self._size(child) for child in children(node))
        self._sizes[id(node)] = (node, size)
        return size

    def _one(self, node: ast.expr) -> ast.expr | None:
        if isinstance(node, SCOPES):
            return node
        if not is_atom(node):
            return None
        assert isinstance(node, ast.Name)
        version = self._versions[node.id]
        if node.id in self._opaque or self._depth > _DEEPEST:
            return node
        if node.id not in self._known:
            self._known[node.id] = self._spelled(version, node)
        return self._known[node.id]

    def _spelled(self, version: Version, node: ast.expr) -> ast.expr:
        self._depth += 1
        try:
            wanted = version.atom in self._forced
            if version.definition is not None and (wanted or self._wanted(version.definition)):
                self.used.add(version.atom)
                return self.of(version.definition)
            if self._beyond and version.before is not None:
                self.crossed.add(version.atom)
                return self.of(version.before)
        finally:
            self._depth -= 1
        return node
