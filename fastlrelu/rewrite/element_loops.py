"""Loops over indices and elements that are one expression of whole arrays."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastlrelu.rewrite.effects import is_number, path_of
from fastlrelu.rewrite.folding import Change, where_call
from fastlrelu.rewrite.loops import of_arrays, rebinds_builtin
from fastlrelu.rewrite.source import walk
from fastlrelu.rewrite.versions import State, rebuild

if TYPE_CHECKING:
    from fastlrelu.rewrite.flow import Flow


@dataclass
class _Nest:
    """The loops around a body.

    Attributes
    ----------
    indices : list of str
        The loop variables that index, the outermost first.
    elements : dict
        Loop variables that are an element, with their array.
    bounds : list of ast.expr
        What each index goes up to, in versions.
    whole : list of ast.expr
        Arrays whose whole shape is gone through.
    """

    indices: list[str] = field(default_factory=list)
    elements: dict[str, ast.expr] = field(default_factory=dict)
    bounds: list[ast.expr] = field(default_factory=list)
    whole: list[ast.expr] = field(default_factory=list)


_ALLOCATING = frozenset({"empty", "full", "ones", "zeros"})


class _NotElementwise(Exception):  # noqa: N818
    """The loop does something else, or nothing shows that it does not."""


def lowered(loop: ast.For, state: State, flow: Flow) -> Change | None:
    """Return the change that a loop makes to the one array it writes, or None."""
    nest = _Nest()
    if rebinds_builtin(flow.source, loop):
        return None
    try:
        appended = _appended(loop, nest, state, flow)
        if appended is not None:
            return appended
        body = _inside(loop, nest, state, flow)
        return _Writer(nest, state, flow, loop).change(body)
    except _NotElementwise:
        return None


def _appended(loop: ast.For, nest: _Nest, state: State, flow: Flow) -> Change | None:
    """Return the change of an empty list that gets one number for each element of an array."""
    match loop.target, loop.body:
        case ast.Name(id=element), [*_, ast.Expr() | ast.If()] if path_of(loop.iter) is not None:
            nest.elements[element] = loop.iter
            nest.whole.append(flow.converted(loop.iter, state))
            body = loop.body
        case _, [*_, ast.Expr() | ast.If()] if isinstance(loop.iter, ast.Call):
            body = _inside(loop, nest, state, flow)
        case _:
            return None
    lists = {
        node.func.value.id
        for statement in body
        for node in walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        if isinstance(node.func.value, ast.Name)
    }
    if len(lists) != 1 or loop.orelse:
        if isinstance(loop.target, ast.Name):
            nest.elements.pop(loop.target.id, None)
        nest.whole.clear()
        nest.indices.clear()
        nest.bounds.clear()
        return None
    name = lists.pop()
    held = state.value(name)
    definition = flow.versions[held.id].definition if isinstance(held, ast.Name) and held.id in flow.versions else None
    if not isinstance(definition, ast.List) or definition.elts or len(nest.indices) > 1:
        raise _NotElementwise
    return _Writer(nest, state, flow, loop).listed(body, name)


def _inside(loop: ast.For, nest: _Nest, state: State, flow: Flow) -> list[ast.stmt]:
    """Note what a loop goes through, and return the body of the innermost."""
    if loop.orelse:
        raise _NotElementwise
    match loop.target, loop.iter:
        case ast.Name(id=index), ast.Call(func=ast.Name(id="range"), args=[bound], keywords=[]):
            nest.indices.append(index)
            nest.bounds.append(flow.converted(bound, state))
        case ast.Tuple(elts=[ast.Name(id=index), ast.Name(id=element)]), ast.Call(args=[array], keywords=[]) as call:
            named = path_of(array) is not None
            if not named or not (_is_builtin(call, "enumerate") or flow.effects.numpy(call) == "ndenumerate"):
                raise _NotElementwise
            nest.indices.append(index)
            nest.elements[element] = array
            nest.whole.append(flow.converted(array, state))
        case ast.Name(id=index), ast.Call() as call if flow.effects.numpy(call) == "ndindex":
            match call.args:
                case [ast.Attribute(value=array, attr="shape")] | [
                    ast.Starred(value=ast.Attribute(value=array, attr="shape"))
                ]:
                    nest.indices.append(index)
                    nest.whole.append(flow.converted(array, state))
                case _:
                    raise _NotElementwise
        case ast.Tuple(elts=names), ast.Call() as call if flow.effects.numpy(call) == "ndindex":
            match call.args:
                case [ast.Attribute(value=array, attr="shape")] | [
                    ast.Starred(value=ast.Attribute(value=array, attr="shape"))
                ] if all(isinstance(name, ast.Name) for name in names):
                    nest.indices += [name.id for name in names if isinstance(name, ast.Name)]
                    nest.whole.append(flow.converted(array, state))
                case _:
                    raise _NotElementwise
        case _:
            raise _NotElementwise
    match loop.body:
        case [ast.For() as inner]:
            return _inside(inner, nest, state, flow)
    return loop.body


def _is_builtin(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == name


class _Writer:
    """Reads the body of a nest as what it makes of one element."""

    def __init__(self, nest: _Nest, state: State, flow: Flow, loop: ast.For) -> None:
        self._nest = nest
        stored = [n.id for n in walk(loop) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)]
        self._bound = frozenset(stored)
        variables = [*nest.indices, *nest.elements]
        if any(stored.count(name) > 1 for name in variables):
            raise _NotElementwise
        self._state = state
        self._flow = flow
        self._target: ast.expr | None = None
        self._covered: set[str] = set()
        self._read: set[str] = set()
        self._value: ast.expr | None = None
        self._numbers: dict[str, ast.expr] = dict(nest.elements)

    def change(self, body: list[ast.stmt]) -> Change:
        """Return the change that the whole nest makes."""
        self._target = self._written(body)
        path = path_of(self._target)
        if path is None:
            raise _NotElementwise
        old = self._target
        value, numbers = self._after(body, old, self._numbers, last=True)
        if numbers != self._numbers and value is old:
            raise _NotElementwise
        whole = of_arrays(self._elements(value))
        self._check_unbound(whole, self._target, *self._nest.elements.values())
        self._check_bounds(whole)
        self._check_arrays(path)
        return Change(self._target, self._flow.converted(whole, self._state))

    def listed(self, body: list[ast.stmt], name: str) -> Change:
        """Return what a list holds to which every round appends one number."""
        whole = of_arrays(self._elements(self._appended(body, name, self._numbers)))
        if any(isinstance(part, ast.Name) and part.id == name for part in walk(whole)):
            raise _NotElementwise
        self._target = ast.Name(name, ast.Load())
        self._check_unbound(whole, self._target, *self._nest.elements.values())
        self._check_bounds(whole)
        if not {ast.unparse(self._flow.value(self._state, read)) for read in self._read} <= self._covered:
            raise _NotElementwise
        return Change(self._target, self._flow.converted(whole, self._state), listed=True)

    def _appended(self, body: list[ast.stmt], name: str, numbers: dict[str, ast.expr]) -> ast.expr:
        def current(node: ast.expr, numbers: dict[str, ast.expr]) -> ast.expr:
            return rebuild(node, lambda part: numbers.get(part.id) if isinstance(part, ast.Name) else None)

        match body:
            case [ast.Assign(targets=[ast.Name(id=number)], value=value), *rest] if rest:
                return self._appended(rest, name, {**numbers, number: current(value, numbers)})
            case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=to), attr="append"), args=[value]))]:
                if to == name:
                    return current(value, numbers)
            case [ast.If(test=test, body=then, orelse=orelse)] if orelse:
                branches = [self._appended(part, name, numbers) for part in (then, orelse)]
                return where_call(of_arrays(current(test, numbers)), *branches)
        raise _NotElementwise

    def _check_unbound(self, *read: ast.expr) -> None:
        """What is read has to be the same in every round; numbers of one round are already replaced."""
        if any(isinstance(part, ast.Name) and part.id in self._bound for node in read for part in walk(node)):
            raise _NotElementwise

    def _check_bounds(self, value: ast.expr) -> None:
        """Every bound has to be the length of an array that is read or written."""
        assert self._target is not None
        arrays = {ast.unparse(self._flow.converted(self._target, self._state))}
        arrays |= {
            ast.unparse(self._flow.converted(part, self._state))
            for part in walk(value)
            if isinstance(part, ast.expr) and path_of(part)
        }
        for axis, bound in enumerate(self._nest.bounds):
            match bound:
                case ast.Call(func=ast.Name(id="len"), args=[array]) if axis == 0:
                    pass
                case ast.Call(func=ast.Name(id="len"), args=[ast.Subscript(value=array, slice=row)]) if axis == 1:
                    named = isinstance(row, ast.Name) and row.id.partition("@")[0] == self._nest.indices[0]
                    if not named and not is_number(row):
                        raise _NotElementwise
                case ast.Subscript(value=ast.Attribute(value=array, attr="shape"), slice=ast.Constant(value=number)):
                    if number != axis:
                        raise _NotElementwise
                case ast.Attribute(value=array, attr="size") if len(self._nest.bounds) == 1:
                    pass
                case ast.Name() if (version := self._flow.versions.get(bound.id)) and version.definition is not None:
                    # n = len(x) or n, m = x.shape on a line before.
                    self._nest.bounds[axis] = version.definition
                    self._check_bounds(value)
                    return
                case _:
                    raise _NotElementwise
            if ast.unparse(array) not in arrays:
                raise _NotElementwise
            self._covered.add(ast.unparse(array))
        self._covered |= {ast.unparse(array) for array in self._nest.whole}
        if any(ast.unparse(array) not in arrays for array in self._nest.whole):
            raise _NotElementwise

    def _check_arrays(self, path: str) -> None:
        """No two arrays share memory, and all have the shape that is gone through, as far as anything shows it."""
        state = self._state
        own = self._flow.object_of(state, path)
        for other in {*self._read, *map(ast.unparse, self._nest.elements.values())} - {path}:
            if not state.storage[own].isdisjoint(state.storage[self._flow.object_of(state, other)]):
                raise _NotElementwise
        held = self._flow.value(state, path)
        alike = {*self._covered}
        while isinstance(held, ast.Name) and (version := self._flow.versions.get(held.id)) is not None:
            following = version.before or version.definition
            if following is None:
                break
            held = following
        shape = self._shape(held)
        target = ast.unparse(self._flow.value(state, path))
        read = {ast.unparse(self._flow.value(state, name)) for name in self._read}
        same = {name for name in {*read, *self._covered} if shape is not None and self._is_shape_of(shape, name)}
        if same & self._covered or target in self._covered or shape in self._bound_shapes():
            alike |= {*same, target}
        if {target, *read} <= alike or (target == path and not any("@" in name for name in read)):
            # Of parameters nothing shows the shape; out= refuses another one.
            return
        raise _NotElementwise

    def _shape(self, made: ast.expr) -> str | None:
        """Return the text of the shape that an array is made with."""
        if not isinstance(made, ast.Call) or not made.args:
            return None
        name = self._flow.effects.numpy(made) or ""
        if name not in _ALLOCATING and not name.endswith("_like"):
            return None
        first = ast.unparse(rebuild(made.args[0], self._defined))
        return f"{first}.shape" if name.endswith("_like") else first

    def _defined(self, part: ast.expr) -> ast.expr | None:
        version = self._flow.versions.get(part.id) if isinstance(part, ast.Name) else None
        return version.definition if version is not None and not self._is_array(part) else None

    def _is_array(self, part: ast.expr) -> bool:
        return ast.unparse(part) in self._covered | {
            ast.unparse(self._flow.value(self._state, name)) for name in self._read
        }

    def _is_shape_of(self, shape: str, array: str) -> bool:
        axes = ", ".join(f"{array}.shape[{axis}]" for axis in range(len(self._nest.bounds)))
        one = {f"len({array})", f"{array}.shape[0]", f"{array}.size", f"(len({array}),)", f"({array}.shape[0],)"}
        return shape in {f"{array}.shape", f"({axes})", *(one if len(self._nest.indices) == 1 else ())}

    def _bound_shapes(self) -> set[str]:
        bounds = [ast.unparse(rebuild(bound, self._defined)) for bound in self._nest.bounds]
        return {"(" + ", ".join(bounds) + ")", *(bounds if len(bounds) == 1 else ())} if bounds else set()

    def _written(self, body: list[ast.stmt]) -> ast.expr:
        """Return the one array that the body stores into."""
        found: dict[str, ast.expr] = {}
        for statement in body:
            for node in walk(statement):
                targets: list[ast.expr] = []
                if isinstance(node, ast.Assign):
                    targets = node.targets
                elif isinstance(node, ast.AugAssign):
                    targets = [node.target]
                for target in targets:
                    array = self._array_at(target)
                    if array is not None:
                        found[ast.unparse(array)] = array
        if len(found) != 1:
            raise _NotElementwise
        return next(iter(found.values()))

    def _array_at(self, node: ast.expr) -> ast.expr | None:
        """Return ``x`` for ``x[i, j]`` or ``x[i][j]`` with the indices of the loops, in order."""
        if not isinstance(node, ast.Subscript):
            return None
        wanted = self._nest.indices
        if isinstance(node.slice, ast.Tuple):
            if [getattr(part, "id", None) for part in node.slice.elts] == wanted:
                return node.value
            return None
        parts: list[str | None] = []
        base: ast.expr = node
        while isinstance(base, ast.Subscript) and isinstance(base.slice, ast.Name):
            parts.insert(0, base.slice.id)
            base = base.value
        return base if parts == wanted and path_of(base) is not None else None

    def _elements(self, node: ast.expr) -> ast.expr:
        """Return an expression with ``x[i, j]`` and loop variables replaced by ``x``."""

        def changed(part: ast.expr) -> ast.expr | None:
            if isinstance(part, ast.Name) and part.id in self._nest.elements:
                return self._nest.elements[part.id]
            return self._noted(self._array_at(part))

        return rebuild(node, changed)

    def _noted(self, array: ast.expr | None) -> ast.expr | None:
        if array is not None and (path := path_of(array)) is not None:
            self._read.add(path)
        return array

    def _after(
        self, body: list[ast.stmt], value: ast.expr, numbers: dict[str, ast.expr], *, last: bool
    ) -> tuple[ast.expr, dict[str, ast.expr]]:
        """Return what the element is after some statements, and the numbers they name."""
        assert self._target is not None
        target = ast.unparse(self._target)
        for statement in body:
            held = value

            def current(node: ast.expr, held: ast.expr = held, numbers: dict[str, ast.expr] = numbers) -> ast.expr:
                def changed(part: ast.expr) -> ast.expr | None:
                    if isinstance(part, ast.Name) and part.id in numbers:
                        # Of a matrix it is a row, which the store before it changed too.
                        if held is not self._target and target in ast.unparse(numbers[part.id]):
                            raise _NotElementwise
                        return numbers[part.id]
                    array = self._noted(self._array_at(part))
                    if array is not None and ast.unparse(array) == target:
                        return held
                    return array

                return rebuild(node, changed)

            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=assigned):
                    numbers = {**numbers, name: current(assigned)}
                case ast.Assign(targets=[ast.Subscript() as stored], value=assigned):
                    if self._array_at(stored) is None:
                        raise _NotElementwise
                    value = current(assigned)
                case ast.AugAssign(target=ast.Subscript() as stored, op=op, value=other):
                    if self._array_at(stored) is None or not isinstance(op, ast.Add | ast.Sub | ast.Mult):
                        raise _NotElementwise
                    value = ast.BinOp(held, op, current(other))
                case ast.If(test=test, body=then, orelse=orelse):
                    ends = last and statement is body[-1]
                    first, kept = self._after(then, held, numbers, last=ends)
                    second, others = self._after(orelse, held, numbers, last=ends)
                    if not ends and (kept != numbers or others != numbers):
                        raise _NotElementwise
                    value = where_call(of_arrays(current(test)), first, second)
                case ast.Pass():
                    pass
                case ast.Continue() if last and statement is body[-1]:
                    pass
                case _:
                    raise _NotElementwise
        return value, numbers
