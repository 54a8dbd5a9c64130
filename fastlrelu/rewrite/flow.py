"""Follows values through the statements of one function, branches and loops included."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.effects import is_below, is_written, path_of
from fastlrelu.rewrite.folding import changes
from fastlrelu.rewrite.memory import FOREIGN, Memory
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source, children, is_everything, walk
from fastlrelu.rewrite.versions import State, TooLarge, spelling

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_JUMPS = ast.Return | ast.Raise | ast.Break | ast.Continue
_QUIET_CONTEXTS = frozenset({"errstate", "printoptions"})
_MOST_PASSES = 4
# Stands between the cells of a notebook, which may be run in any order.
CELL = "__cell_of_a_notebook__"


class Flow(Memory):
    """The values in one function, or at the top level of a module, statement by statement.

    Parameters
    ----------
    source, names : Source, Names
        The file.
    function : ast.AST
        The function or the module.
    """

    def __init__(self, source: Source, names: Names, function: ast.AST) -> None:
        super().__init__(source, names, function)
        body = getattr(function, "body", [])
        if isinstance(body, list):
            self._block(body, State())

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
                    for child in walk(case.pattern):
                        bound = getattr(child, "name", None) or getattr(child, "rest", None)
                        if isinstance(bound, str):
                            self._bind_opaque(branch, bound, statement, self.effects.shared(statement.subject))
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
                for child in children(statement):
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
            self._escape_stored(statement, state)
            if isinstance(statement, ast.Assign):
                (target,) = statement.targets
                if isinstance(change.result, ast.expr):
                    self._assign(target, change.result, state, statement)
            return
        self._evaluate(value, state, statement)
        if isinstance(statement, ast.AugAssign):
            self._store(statement.target, state, statement)
            self._escape(state, self.effects.shared(value))
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

    def _escape_stored(self, statement: ast.stmt, state: State) -> None:
        """A list or dict may hold what is assigned to a part of it, or added to it."""
        match statement:
            case ast.Assign(targets=[ast.Subscript(slice=index)], value=value) if not is_everything(index):
                same = isinstance(value, ast.Subscript) and self.source.key(value.slice) == self.source.key(index)
                self._escape(state, () if same else self.effects.shared(value))
            case ast.AugAssign(target=ast.Name() | ast.Attribute(), value=value):
                self._escape(state, self.effects.shared(value))

    def _store(self, target: ast.expr, state: State, statement: ast.AST, holder: ast.expr | None = None) -> None:
        """A target gets a value that is not known, such as an element of ``holder``."""
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._store(element, state, statement, holder)
            return
        if isinstance(target, ast.Starred):
            self._store(target.value, state, statement, holder)
            return
        path = path_of(target)
        if path is not None and not is_written(target):
            self._bind_opaque(state, path, statement, self.effects.shared(holder))
            return
        base: ast.expr = target
        while path_of(base) is None or base is target:
            if not isinstance(base, ast.Attribute | ast.Subscript | ast.Starred):
                self._evaluate(base, state, statement)
                for shared in set(self.effects.shared(base)):
                    self._disturb(state, shared, statement)
                return
            base = base.value
        path = path_of(base) or ""
        self._note_write(path, state.storage[self.object_of(state, path)], statement)
        self._disturb(state, path, statement)

    def _assign(self, target: ast.expr, value: ast.expr, state: State, statement: ast.stmt) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, state, statement)
            return
        path = path_of(target)
        if path is None or is_written(target):
            self._store(target, state, statement)
            self._escape(state, self.effects.shared(value))
            return
        source = path_of(value)
        if isinstance(value, ast.Attribute) and path in self._called:
            # A bound method: a call of it may change what it belongs to.
            self._bind_opaque(state, path, statement, self.effects.shared(value.value))
            return
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
        if shared or self.effects.calls_out(value):
            shared |= {FOREIGN}
        if isinstance(value, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.BinOp | ast.ListComp):
            self._escape(state, self.effects.shared(value))
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
                if first is not None and second is not None and spelling(first) == spelling(second):
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
                if path is None or isinstance(element, ast.Subscript) or is_written(element):
                    self._store(element, state, statement)
                    self._escape(state, self.effects.shared(part))
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
            if path is None or isinstance(element, ast.Subscript) or is_written(element) or whole is None:
                self._store(element, state, statement, value)
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
                same = spelling(values[0]) == spelling(values[1])
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
                self._store(statement.target, inner, statement, header)
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
                self._store(statement.target, trial, statement, header)
            found = self._rehearsed(statement.body, trial)
            if found <= paths:
                break
            paths |= found
        else:
            paths |= set(state.names)
        self._blur(state, paths, statement)
        inner = state.copy()
        if not isinstance(statement, ast.While):
            self._store(statement.target, inner, statement, header)
        else:
            self._evaluate(header, inner, statement)
        ended = self._block(statement.body, inner)
        if not isinstance(statement, ast.While):
            self._store(statement.target, state, statement, header)
        # After the loop each of them is what the last round left.
        missing = [path for path in paths if path not in state.names]
        self._blur(state, paths, statement)
        for path in missing:
            self._bind_opaque(state, path, statement)
        for path in paths & ended.names.keys() if ended is not None else ():
            state.storage[self.object_of(state, path)] |= ended.storage[ended.names[path]]  # type: ignore[union-attr]
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
