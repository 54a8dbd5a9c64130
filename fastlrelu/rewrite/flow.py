"""Follows values through the statements of one function, branches and loops included."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from fastlrelu.rewrite.effects import SCOPES, VIEW_ATTRIBUTES, Effects, is_below, path_node, path_of
from fastlrelu.rewrite.folding import Change, changes
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source
from fastlrelu.rewrite.versions import State, TooLarge, Version, is_atom, rebuild

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_JUMPS = ast.Return | ast.Raise | ast.Break | ast.Continue
_QUIET_CONTEXTS = frozenset({"errstate", "printoptions"})
_MOST_PASSES = 4
# Stands between the cells of a notebook, which may be run in any order.
CELL = "__cell_of_a_notebook__"


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


class Flow:
    """The values in one function, or at the top level of a module.

    Parameters
    ----------
    source, names : Source, Names
        The file.
    function : ast.AST
        The function or the module.
    """

    def __init__(self, source: Source, names: Names, function: ast.AST) -> None:
        self._source = source
        self._names = names
        self.effects = Effects(names)
        self.versions: dict[str, Version] = {}
        self.before: dict[int, State] = {}
        self.steps: dict[int, Step] = {}
        self._objects: dict[tuple[str, str], int] = {}
        self._count = 0
        self._recording = True
        self._touched: set[str] = set()
        self._unstable = _rebound_elsewhere(function)
        body = getattr(function, "body", [])
        if isinstance(body, list):
            self._block(body, State())

    # Objects and their values

    def _new_object(self) -> int:
        self._count += 1
        return self._count

    def object_of(self, state: State, path: str) -> int:
        """Return the object that a path refers to."""
        if path in state.names:
            return state.names[path]
        value, base = self._natural(state, path)
        key = (path, ast.unparse(value))
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
            return node, frozenset()
        assert isinstance(node, ast.Attribute | ast.Subscript)
        base = path_of(node.value)
        assert base is not None
        number = self.object_of(state, base)
        held = state.values[number]
        view = node.attr in VIEW_ATTRIBUTES if isinstance(node, ast.Attribute) else _is_number(node.slice)
        storage = state.storage[number] if view else frozenset()
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
            return part if ast.unparse(found) == self._source.key(part) else found

        return rebuild(node, version)

    def _is_unchanged(self, scope: ast.AST, state: State) -> bool:
        for child in ast.walk(scope):
            if (
                isinstance(child, ast.Name)
                and child.id in state.names
                and ast.unparse(self.value(state, child.id)) != child.id
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
        self._bind(state, path, self._opaque(path, statement), storage)

    def forget(self, state: State, path: str, statement: ast.AST) -> None:
        """Let a path hold nothing that is known."""
        self._bind_below(state, path, self._opaque(path, statement))

    def _bind(self, state: State, path: str, value: ast.expr, storage: frozenset[int] = frozenset()) -> int:
        number = self._new_object()
        state.values[number] = value
        state.storage[number] = storage | {number}
        self._point(state, path, number)
        return number

    def _point(self, state: State, path: str, number: int) -> None:
        for other in [other for other in state.names if is_below(other, path)]:
            del state.names[other]
            self._touched.add(other)
        state.names[path] = number
        self._touched.add(path)

    def _disturb(self, state: State, path: str, statement: ast.AST) -> None:
        """Something may change the object of a path, and everything that it holds or shares."""
        number = self.object_of(state, path)
        numbers = {number} | {n for p, n in state.names.items() if is_below(p, path)}
        marks = frozenset().union(*(state.storage[n] for n in numbers))
        held = set(state.names.values())
        self._renew(state, {n for n in held if n in numbers or not marks.isdisjoint(state.storage[n])}, statement)

    def _renew(self, state: State, numbers: set[int], statement: ast.AST) -> None:
        """Give objects values that are not known; what is read through them is not what it was before."""
        paths: dict[int, list[str]] = {}
        parts = []
        for path, number in state.names.items():
            paths.setdefault(number, []).append(path)
            if "." in path or "[" in path:
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
        if change.rebinds:
            # Of a number this would make another object, of an array it changes the one there is.
            for other in [p for p, n in state.names.items() if n == number and p != path]:
                self._bind_below(state, other, self._opaque(other, statement, old))
                self._touched.add(other)
        held = set(state.names.values()) - {number}
        self._renew(state, {n for n in held if not marks.isdisjoint(state.storage[n])}, statement)
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
            for child in ast.walk(node):
                if isinstance(child, ast.NamedExpr):
                    self._bind_opaque(state, child.target.id, statement)
            return
        for path in set(self.effects.changed(node)):
            self._disturb(state, path, statement)
        if self._unstable and any(isinstance(c, ast.Call) and not self.effects.is_quiet(c) for c in ast.walk(node)):
            for path in [p for p in state.names if p.partition(".")[0].partition("[")[0] in self._unstable]:
                self._disturb(state, path, statement)

    # Statements

    def _block(self, body: list[ast.stmt], state: State | None) -> State | None:
        for statement in body:
            if state is None:
                break
            if self._recording:
                self.before[id(statement)] = state.copy()
            before = state
            try:
                state = self._statement(statement, before)
            except TooLarge:
                for path in list(before.names):
                    self._disturb(before, path, statement)
        return state

    def _statement(self, statement: ast.stmt, state: State) -> State | None:
        match statement:
            case ast.Expr(value=ast.Name(id=name)) if name == CELL:
                return State()
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr():
                self._simple(statement, state)
            case ast.If():
                self._evaluate(statement.test, state, statement)
                after = self._block(statement.body, state.copy())
                otherwise = self._block(statement.orelse, state.copy())
                return self._merged(after, otherwise, statement)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement, state)
            case ast.With() | ast.AsyncWith():
                return self._with(statement, state)
            case ast.Try() | ast.TryStar():
                return self._try(statement, state)
            case ast.Match():
                self._evaluate(statement.subject, state, statement)
                result: State | None = state.copy()
                for case in statement.cases:
                    branch = state.copy()
                    for child in ast.walk(case.pattern):
                        bound = getattr(child, "name", None) or getattr(child, "rest", None)
                        if isinstance(bound, str):
                            self._bind_opaque(branch, bound, statement)
                    self._evaluate(case.guard, branch, statement)
                    result = self._merged(result, self._block(case.body, branch), statement)
                return result
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for part in (*statement.decorator_list, *getattr(statement, "bases", ())):
                    self._evaluate(part, state, statement)
                self._bind_opaque(state, statement.name, statement)
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._bind_opaque(state, name, statement)
            case ast.Delete():
                for target in statement.targets:
                    self._store(target, state, statement)
            case _:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        self._evaluate(child, state, statement)
        return None if isinstance(statement, _JUMPS) else state

    def _simple(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr, state: State) -> None:
        value = statement.value
        if value is None:
            return
        change = None if self.effects.suspends(statement) else changes(statement, state, self)
        if change is not None and path_of(change.target) is not None:
            for part in change.evaluated:
                self._evaluate(part, state, statement)
            self._mutate(state, change, statement)
            if isinstance(statement, ast.Assign):
                (target,) = statement.targets
                if isinstance(change.result, ast.expr):
                    self._assign(target, change.result, state, statement)
            return
        self._evaluate(value, state, statement)
        if isinstance(statement, ast.AugAssign):
            self._store(statement.target, state, statement)
        elif isinstance(statement, ast.AnnAssign):
            self._assign(statement.target, value, state, statement)
        elif isinstance(statement, ast.Assign):
            if len(statement.targets) == 1:
                self._assign(statement.targets[0], value, state, statement)
            else:
                first = statement.targets[0]
                self._assign(first, value, state, statement)
                for target in statement.targets[1:]:
                    self._assign(target, first if path_of(first) else value, state, statement)

    def _store(self, target: ast.expr, state: State, statement: ast.AST) -> None:
        """A target gets a value that is not known."""
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._store(element, state, statement)
            return
        if isinstance(target, ast.Starred):
            self._store(target.value, state, statement)
            return
        path = path_of(target)
        if path is not None and not (isinstance(target, ast.Subscript) and _is_number(target.slice)):
            self._bind_opaque(state, path, statement)
            return
        base: ast.expr = target
        while path_of(base) is None or base is target:
            if not isinstance(base, ast.Attribute | ast.Subscript | ast.Starred):
                self._evaluate(base, state, statement)
                for shared in set(self.effects.shared(base)):
                    self._disturb(state, shared, statement)
                return
            base = base.value
        self._disturb(state, path_of(base) or "", statement)

    def _assign(self, target: ast.expr, value: ast.expr, state: State, statement: ast.stmt) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, state, statement)
            return
        path = path_of(target)
        if path is None or (isinstance(target, ast.Subscript) and _is_number(target.slice)):
            self._store(target, state, statement)
            return
        source = path_of(value)
        if source is not None and self._names.function(value) is None:
            self._point_to_value(state, path, source)
            return
        shared = frozenset().union(
            *(state.storage[self.object_of(state, other)] for other in set(self.effects.shared(value)))
        )
        same = self.same_value(value, state)
        if same is not None:
            held = same
        else:
            pure = self.effects.is_pure(value)
            held = self._version(path, statement, self.converted(value, state) if pure else None)
        number = self._bind(state, path, held, frozenset() if self.effects.is_new(value) else shared)
        if self.effects.is_new(value):
            state.made[number] = statement

    def _point_to_value(self, state: State, path: str, source: str) -> None:
        number = self.object_of(state, source)
        if not is_below(source, path):
            self._point(state, path, number)
            return
        value = state.values[number]
        storage = state.storage[number]
        self._bind(state, path, value, storage)

    def same_value(self, node: ast.expr, state: State) -> ast.expr | None:
        """Return the value of what ``node`` is a copy or another spelling of, or None."""
        match node:
            case ast.IfExp(body=body, orelse=orelse):
                first, second = self.same_value(body, state), self.same_value(orelse, state)
                if first is not None and second is not None and ast.unparse(first) == ast.unparse(second):
                    return first
                return None
            case ast.Call(func=ast.Attribute(value=array, attr="copy"), args=[], keywords=[]):
                if self.effects.numpy(node) is None and self.effects.is_pure(array):
                    return self.converted(array, state)
                return None
            case ast.Call(args=[array], keywords=keywords):
                same = self.effects.numpy(node) in {"copy", "array", "asarray", "ascontiguousarray", "asanyarray"}
                if same and {k.arg for k in keywords} <= {"copy"} and path_of(array) is not None:
                    return self.converted(array, state)
                return None
        if path_of(node) is not None and self._names.function(node) is None:
            return self.converted(node, state)
        return None

    def _unpack(self, target: ast.Tuple | ast.List, value: ast.expr, state: State, statement: ast.stmt) -> None:
        starred = any(isinstance(element, ast.Starred) for element in target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) and not starred:
            # All values are read before any is bound.
            old = state.copy()
            for element, part in zip(target.elts, value.elts, strict=True):
                path, source = path_of(element), path_of(part)
                if path is None or isinstance(element, ast.Subscript):
                    self._store(element, state, statement)
                elif source is not None and self._names.function(part) is None:
                    number = self.object_of(old, source)
                    state.values.setdefault(number, old.values[number])
                    state.storage.setdefault(number, old.storage[number])
                    self._point(state, path, number)
                else:
                    pure = self.effects.is_pure(part)
                    held = self._version(path, statement, self.converted(part, old) if pure else None)
                    shared = frozenset().union(
                        *(old.storage[self.object_of(old, other)] for other in set(self.effects.shared(part)))
                    )
                    self._bind(state, path, held, shared)
            return
        whole = None
        if not starred and self.effects.is_pure(value):
            whole = self.converted(value, state)
        shared_paths = list(self.effects.shared(value))
        for position, element in enumerate(target.elts):
            path = path_of(element)
            if path is None or isinstance(element, ast.Subscript) or whole is None:
                self._store(element, state, statement)
                continue
            self._bind_opaque(state, path, statement, shared_paths)
            part = ast.Subscript(whole, ast.Constant(position), ast.Load())
            state.values[state.names[path]] = self._version(path, statement, part)

    # Control flow

    def _merged(self, a: State | None, b: State | None, statement: ast.AST) -> State | None:
        if a is None or b is None:
            return b if a is None else a
        merged = State({}, {**a.values, **b.values}, {**a.storage, **b.storage}, {})
        merged.made = {n: made for n, made in a.made.items() if b.made.get(n) is made}
        pairs: dict[tuple[int, int], int] = {}
        for path in sorted({*a.names, *b.names}, key=len):
            first, second = self.object_of(a, path), self.object_of(b, path)
            pair = (first, second)
            if pair not in pairs:
                values = a.values[first], b.values[second]
                same = ast.unparse(values[0]) == ast.unparse(values[1])
                number = first if first == second else self._new_object()
                before = self.before.get(id(statement))
                old = before.value(path) if before is not None else None
                merged.values[number] = values[0] if same else self._opaque(path, statement, old)
                merged.storage[number] = a.storage[first] | b.storage[second] | {number}
                pairs[pair] = number
            merged.names[path] = pairs[pair]
        return merged

    def _rehearsed(self, body: list[ast.stmt], state: State) -> set[str]:
        """Return the paths that a block may change."""
        recording, touched = self._recording, self._touched
        self._recording, self._touched = False, set()
        try:
            self._block(body, state.copy())
            return self._touched
        finally:
            self._recording, self._touched = recording, touched | self._touched

    def _blur(self, state: State, paths: set[str], statement: ast.AST) -> None:
        self._renew(state, {state.names[path] for path in paths if path in state.names}, statement)

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While, state: State) -> State | None:
        header = statement.test if isinstance(statement, ast.While) else statement.iter
        if isinstance(statement, ast.For):
            lowered = changes(statement, state, self)
            if lowered is not None:
                self._evaluate(header, state, statement)
                inner = state.copy()
                touched = self._rehearsed([ast.Assign([statement.target], header, lineno=0), *statement.body], inner)
                known = path_of(lowered.target) or ""
                number = self.object_of(state, known)
                others = {p for p in touched if state.names.get(p) != number}
                self._store(statement.target, inner, statement)
                self._blur(inner, touched, statement)
                self._block(statement.body, inner)
                self._mutate(state, lowered, statement)
                self._blur(state, others, statement)
                return state
        self._evaluate(header, state, statement)
        paths: set[str] = set()
        for _ in range(_MOST_PASSES):
            trial = state.copy()
            self._blur(trial, paths, statement)
            if not isinstance(statement, ast.While):
                self._store(statement.target, trial, statement)
            found = self._rehearsed(statement.body, trial)
            if found <= paths:
                break
            paths |= found
        else:
            paths |= set(state.names)
        self._blur(state, paths, statement)
        inner = state.copy()
        if not isinstance(statement, ast.While):
            self._store(statement.target, inner, statement)
        else:
            self._evaluate(header, inner, statement)
        self._block(statement.body, inner)
        if not isinstance(statement, ast.While):
            self._store(statement.target, state, statement)
        # After the loop each of them is what the last round left.
        missing = [path for path in paths if path not in state.names]
        self._blur(state, paths, statement)
        for path in missing:
            self._bind_opaque(state, path, statement)
        return self._block(statement.orelse, state)

    def _with(self, statement: ast.With | ast.AsyncWith, state: State) -> State | None:
        quiet = True
        for item in statement.items:
            self._evaluate(item.context_expr, state, statement)
            quiet = quiet and self.effects.numpy(item.context_expr) in _QUIET_CONTEXTS
            if item.optional_vars is not None:
                self._store(item.optional_vars, state, statement)
        if quiet:
            return self._block(statement.body, state)
        touched = self._rehearsed(statement.body, state)
        before = state.copy()
        after = self._block(statement.body, state)
        if after is None:
            # The context may swallow an exception and go on.
            after = before
        self._blur(after, touched, statement)
        return after

    def _try(self, statement: ast.Try | ast.TryStar, state: State) -> State | None:
        touched = self._rehearsed(statement.body, state)
        broken = state.copy()
        self._blur(broken, touched, statement)
        for path in touched - set(broken.names):
            self._bind_opaque(broken, path, statement)
        result = self._block(statement.body, state)
        if result is not None:
            result = self._block(statement.orelse, result)
        for handler in statement.handlers:
            caught = broken.copy()
            if handler.name:
                self._bind_opaque(caught, handler.name, statement)
            result = self._merged(result, self._block(handler.body, caught), statement)
        if not statement.finalbody:
            return result
        ended = result if result is not None else broken.copy()
        final = self._merged(ended, broken, statement)
        done = self._block(statement.finalbody, final)
        return None if result is None else done


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _rebound_elsewhere(function: ast.AST) -> set[str]:
    """Return names that other functions may assign to while this one runs."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
    return found
