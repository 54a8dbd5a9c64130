"""Objects and their values while a function is followed: what is bound, changed, shared or lost."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from fastlrelu.rewrite.effects import (
    SCOPES,
    SUSPENDING,
    VIEW_ATTRIBUTES,
    Effects,
    is_below,
    is_number,
    path_node,
    path_of,
)
from fastlrelu.rewrite.folding import Change
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source, children, walk
from fastlrelu.rewrite.versions import State, Version, is_atom, rebuild, spelling

# Marks of memory that other code may change in any call, that something else may hold, and that may be what it holds.
EXPOSED, ESCAPED, FOREIGN = -1, -2, -3
# The mark of a parameter.
GIVEN = -4
_MARKS = frozenset({EXPOSED, ESCAPED, FOREIGN, GIVEN})


@dataclass(frozen=True)
class Step:
    """A statement that changes one array in a known way.

    Attributes
    ----------
    target : ast.expr
        The array, as the statement names it.
    path : str
        Its path.
    number : int
        Its object.
    old, new : ast.expr
        Its value before and after, as one version each.
    value : ast.expr
        What the statement makes of it.
    whole : bool
        Whether every element is written, whatever was there.
    masked : bool
        Whether it writes through a mask.
    listed : bool
        Whether it fills a list.
    """

    target: ast.expr
    path: str
    number: int
    old: ast.expr
    new: ast.expr
    value: ast.expr
    whole: bool
    masked: bool
    listed: bool


class Memory:
    """The values of one function, or of the top level of a module.

    Parameters
    ----------
    source, names : Source, Names
        The file.
    function : ast.AST
        The function or the module.
    """

    def __init__(self, source: Source, names: Names, function: ast.AST) -> None:
        self.source = source
        self._names = names
        self.effects = Effects(names)
        self.versions: dict[str, Version] = {}
        self.before: dict[int, State] = {}
        self.steps: dict[int, Step] = {}
        self._objects: dict[tuple[str, str], int] = {}
        self._count = 0
        self._recording = True
        self._touched: set[str] = set()
        self._kept: set[int] = set()
        self._all_kept = False
        self._unstable = _rebound_elsewhere(function, self.effects)
        self._called = {n.func.id for n in walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        self._own = _bound_in(function)
        arguments = getattr(function, "args", None)
        self._parameters = {node.arg for node in walk(arguments) if isinstance(node, ast.arg)} if arguments else set()
        # The line, the path and the memory of each write to a parameter.
        self.writes: set[tuple[int, str, frozenset[int]]] = set()

    # Objects and their values

    def _new_object(self) -> int:
        self._count += 1
        return self._count

    def object_of(self, state: State, path: str) -> int:
        """Return the object that a path refers to."""
        if path in state.names:
            return state.names[path]
        value, base = self._natural(state, path)
        key = (path, spelling(value))
        number = self._objects.get(key)
        if number is None:
            number = self._objects[key] = self._new_object()
        state.names[path] = number
        state.values.setdefault(number, value)
        state.storage.setdefault(number, frozenset({number}) | base)
        return number

    def _natural(self, state: State, path: str) -> tuple[ast.expr, frozenset[int]]:
        """Return what an unassigned path is in terms of what it is a part of, and whose memory it has."""
        node = path_node(path)
        if isinstance(node, ast.Name):
            if path in self._parameters:
                return node, frozenset({GIVEN})
            return node, frozenset({EXPOSED}) if self._may_be_rebound(path) else frozenset()
        assert isinstance(node, ast.Attribute | ast.Subscript)
        base = path_of(node.value)
        assert base is not None
        number = self.object_of(state, base)
        held = state.values[number]
        view = node.attr in VIEW_ATTRIBUTES if isinstance(node, ast.Attribute) else is_number(node.slice)
        # A dict or an object that was made of arrays may hold any of them.
        storage = state.storage[number] - (frozenset() if view else {number, GIVEN})
        storage |= {FOREIGN} if view and not self._has_escaped(storage) else {EXPOSED, FOREIGN}
        if isinstance(node, ast.Attribute):
            return ast.Attribute(held, node.attr, ast.Load()), storage
        return ast.Subscript(held, node.slice, ast.Load()), storage

    def value(self, state: State, path: str) -> ast.expr:
        """Return the value of a path."""
        return state.values[self.object_of(state, path)]

    def converted(self, node: ast.expr, state: State) -> ast.expr:
        """Return an expression with every path replaced by the version it has in ``state``."""

        def version(part: ast.expr) -> ast.expr | None:
            if isinstance(part, SCOPES):
                return part if self._is_unchanged(part, state) else self._opaque("scope", part)
            if is_atom(part):
                return part
            if isinstance(part, ast.Name | ast.Attribute) and self._names.function(part) is not None:
                return part
            path = path_of(part)
            if path is None:
                return None
            found = self.value(state, path)
            return part if spelling(found) == self.source.key(part) else found

        return rebuild(node, version)

    def _is_unchanged(self, scope: ast.AST, state: State) -> bool:
        for child in walk(scope):
            if (
                isinstance(child, ast.Name)
                and child.id in state.names
                and spelling(self.value(state, child.id)) != child.id
            ):
                return False
        return True

    def _opaque(self, path: str, statement: ast.AST, before: ast.expr | None = None) -> ast.Name:
        return self._version(path, statement, None, before)

    def _version(
        self, path: str, statement: ast.AST, definition: ast.expr | None, before: ast.expr | None = None
    ) -> ast.Name:
        self._count += 1
        atom = f"{path}@{self._count}"
        self.versions[atom] = Version(atom, path, statement, definition, before)
        return ast.Name(atom, ast.Load())

    # Changes of a state

    def _bind_opaque(self, state: State, path: str, statement: ast.AST, shared: Iterable[str] = ()) -> None:
        storage = frozenset().union(*(state.storage[self.object_of(state, other)] for other in set(shared)))
        storage |= {FOREIGN} if storage else storage
        self._bind(state, path, self._opaque(path, statement), storage)

    def _escape(self, state: State, paths: Iterable[str]) -> None:
        """Something else may now hold the objects of some paths."""
        marks = frozenset().union(*(state.storage[self.object_of(state, path)] for path in set(paths))) - _MARKS
        # Never forgotten: what a branch or a round of a loop keeps is kept afterwards.
        self._kept |= marks

    def _may_be_rebound(self, path: str) -> bool:
        """Tell whether other code can let a path refer to another object."""
        return _is_part(path) or (self._own is not None and path not in self._own)

    def _note_write(self, path: str, marks: frozenset[int], statement: ast.AST) -> None:
        if GIVEN in marks:
            self.writes.add((getattr(statement, "lineno", 0), path, marks - _MARKS))

    def _has_escaped(self, storage: frozenset[int]) -> bool:
        return self._all_kept or ESCAPED in storage or not self._kept.isdisjoint(storage)

    def _reaches(self, written: frozenset[int], marks: frozenset[int]) -> bool:
        """Tell whether a write to memory with some marks may change memory with others."""
        return not (written - _MARKS).isdisjoint(marks) or (FOREIGN in written and self._has_escaped(marks))

    def forget(self, state: State, path: str, statement: ast.AST) -> None:
        """Let a path hold nothing that is known."""
        self._bind_below(state, path, self._opaque(path, statement))

    def _bind(self, state: State, path: str, value: ast.expr, storage: frozenset[int] = frozenset()) -> int:
        number = self._new_object()
        state.values[number] = value
        state.storage[number] = storage | ({number, FOREIGN} if self._has_escaped(storage) else {number})
        self._point(state, path, number)
        return number

    def _point(self, state: State, path: str, number: int) -> None:
        for other in [other for other in state.names if is_below(other, path)]:
            del state.names[other]
            self._touched.add(other)
        state.names[path] = number
        self._touched.add(path)
        if _is_part(path):
            state.storage[number] |= {ESCAPED}

    def _disturb(self, state: State, path: str, statement: ast.AST) -> None:
        """Something may change the object of a path, and everything that it holds or shares."""
        number = self.object_of(state, path)
        numbers = {number} | {n for p, n in state.names.items() if is_below(p, path)}
        marks = frozenset().union(*(state.storage[n] for n in numbers))
        held = set(state.names.values())
        self._renew(state, {n for n in held if n in numbers or self._reaches(marks, state.storage[n])}, statement)

    def _renew(self, state: State, numbers: set[int], statement: ast.AST) -> None:
        """Give objects values that are not known; what is read through them is not what it was before."""
        paths: dict[int, list[str]] = {}
        parts = []
        for path, number in state.names.items():
            paths.setdefault(number, []).append(path)
            if _is_part(path):
                parts.append((path, number))
        for number in numbers:
            own = paths.get(number, ())
            self._touched.update(own)
            state.made.pop(number, None)
            state.values[number] = self._opaque(own[0] if own else "gone", statement, state.values[number])
            for path in own:
                for other, inner in parts:
                    if inner not in numbers and other != path and is_below(other, path):
                        below = self._bind_below(state, other, self._opaque(other, statement, state.values[inner]))
                        self._touched.add(other)
                        state.storage[below] |= state.storage[number]

    def _bind_below(self, state: State, path: str, value: ast.expr) -> int:
        number = self._new_object()
        state.values[number] = value
        state.storage[number] = frozenset({number})
        state.names[path] = number
        return number

    def _mutate(self, state: State, change: Change, statement: ast.stmt) -> None:
        """An array changes in a way that is known."""
        path = path_of(change.target)
        assert path is not None
        number = self.object_of(state, path)
        old = state.values[number]
        marks = state.storage[number]
        self._note_write(path, marks, statement)
        if change.rebinds:
            # Of a number this would make another object, of an array it changes the one there is.
            for other in [p for p, n in state.names.items() if n == number and p != path]:
                self._bind_below(state, other, self._opaque(other, statement, old))
                self._touched.add(other)
        held = set(state.names.values()) - {number}
        self._renew(state, {n for n in held if self._reaches(marks, state.storage[n])}, statement)
        for other in [p for p in state.names if p != path and is_below(p, path)]:
            del state.names[other]
            self._touched.add(other)
        pure = self.effects.is_pure(change.value)
        new = self._version(path, statement, change.value if pure else None, old)
        state.values[number] = new
        self._touched |= {p for p, n in state.names.items() if n == number}
        if self._recording:
            known = (old, new, change.value, change.whole, change.masked, change.listed)
            self.steps[id(statement)] = Step(change.target, path, number, *known)

    def _evaluate(self, node: ast.AST | None, state: State, statement: ast.AST) -> None:
        """Account for what evaluating an expression may change."""
        if node is None:
            return
        if self.effects.suspends(node):
            for path in list(state.names):
                self._disturb(state, path, statement)
            for child in walk(node):
                if isinstance(child, SUSPENDING):
                    self._escape(state, self.effects.shared(child.value))
                if isinstance(child, ast.NamedExpr):
                    self._bind_opaque(state, child.target.id, statement, self.effects.shared(child.value))
            return
        if self.effects.sees_names(node):
            for path in list(state.names):
                number = self._bind_below(state, path, self._opaque(path, statement, self.value(state, path)))
                state.storage[number] |= {ESCAPED}
                self._touched.add(path)
            self._all_kept = True
            return
        changed = self.effects.changed(node)
        for path in changed:
            self._disturb(state, path, statement)
        if self.effects.calls_out(node):
            for path in [p for p in state.names if p.partition(".")[0].partition("[")[0] in self._unstable]:
                self._disturb(state, path, statement)
            held = set(state.names.values())
            known = {n for n in held if EXPOSED in state.storage[n] or self._has_escaped(state.storage[n])}
            self._renew(state, known, statement)
            for path in [p for p in state.names if state.names[p] in known and self._may_be_rebound(p)]:
                number = state.names[path]
                below = self._bind_below(state, path, self._opaque(path, statement, state.values[number]))
                state.storage[below] |= state.storage[number]
                self._touched.add(path)
        self._escape(state, changed)


def _is_part(path: str) -> bool:
    return "." in path or "[" in path


def _bound_in(function: ast.AST) -> set[str] | None:
    """Return the names that belong to a function, None for a module."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    own: set[str] = set()
    queue: list[ast.AST] = [function.args, *function.body]
    for node in queue:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif not isinstance(node, SCOPES):
            queue += children(node)
    return own


def _rebound_elsewhere(function: ast.AST, effects: Effects) -> set[str]:
    """Return names that other functions may assign to, or write to, while this one runs."""
    found: set[str] = set()
    for node in walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function:
            parts = [n for n in walk(node) if isinstance(n, ast.Subscript | ast.Attribute)]
            paths = {path_of(part.value) or "" for part in parts if isinstance(part.ctx, ast.Store)}
            paths |= effects.changed(ast.Module(node.body, []))
            roots = {path.partition(".")[0].partition("[")[0] for path in paths}
            found |= roots - (_bound_in(node) or set())
    return found
