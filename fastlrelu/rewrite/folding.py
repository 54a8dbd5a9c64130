"""What an array holds after a statement that changes it, as one expression."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastlrelu.rewrite.effects import path_node, path_of
from fastlrelu.rewrite.integers import holds_integers
from fastlrelu.rewrite.source import is_everything
from fastlrelu.rewrite.versions import State, is_atom, rebuild

if TYPE_CHECKING:
    from fastlrelu.rewrite.flow import Flow

MASKED: dict[str, ast.cmpop] = {
    "ma.masked_greater": ast.Gt(),
    "ma.masked_greater_equal": ast.GtE(),
    "ma.masked_less": ast.Lt(),
    "ma.masked_less_equal": ast.LtE(),
}
# Functions that write their result to out=, with the number of their inputs.
_WRITING = {
    **dict.fromkeys(("abs", "absolute", "fabs", "negative", "sign", "logical_not", "positive"), 1),
    **dict.fromkeys(("add", "multiply", "subtract", "maximum", "minimum", "fmax", "fmin", "heaviside"), 2),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"), 2),
    "clip": 3,
}


# The last names of all calls that change an array in a known way.
WRITERS = frozenset({*_WRITING, "copyto", "fill", "putmask"})


@dataclass(frozen=True)
class Change:
    """A change of one array.

    Attributes
    ----------
    target : ast.expr
        The array.
    value : ast.expr
        What it holds afterwards, in versions.
    whole : bool
        Whether every element is written, whatever was there.
    masked : bool
        Whether it is written through a mask.
    listed : bool
        Whether it is a list, to which the statement appends every element.
    rebinds : bool
        Whether a number in the place of the array would be another object afterwards.
    evaluated : tuple of ast.expr
        The expressions that the statement evaluates.
    result : ast.expr or None
        What a call that writes also returns.
    """

    target: ast.expr
    value: ast.expr
    whole: bool = False
    masked: bool = False
    listed: bool = False
    rebinds: bool = False
    evaluated: tuple[ast.expr, ...] = field(default=())
    result: ast.expr | None = None


def where_call(condition: ast.expr, first: ast.expr, second: ast.expr) -> ast.Call:
    """Return np.where(condition, first, second) as the reader knows it."""
    return ast.Call(ast.Name("numpy:where", ast.Load()), [condition, first, second], [])


def masked_view(node: ast.expr, state: State, flow: Flow) -> ast.Call | None:
    """Return numpy.ma.masked_greater_equal(x, 0, copy=False) for a name that is bound to it."""
    path = path_of(node)
    held = state.value(path) if path is not None else None
    definition = flow.versions[held.id].definition if isinstance(held, ast.Name) and is_atom(held) else None
    if definition is None or flow.effects.numpy(definition) not in MASKED:
        return None
    match definition:
        case ast.Call(args=[_, _], keywords=[ast.keyword(arg="copy", value=ast.Constant(False))]):
            return definition
    return None


def changes(statement: ast.stmt, state: State, flow: Flow) -> Change | None:
    """Return the known change that a statement makes to an array, or None."""
    change = _changes(statement, state, flow)
    path = path_of(change.target) if change is not None else None
    if change is None or path is None or change.rebinds or change.listed:
        return change
    return None if holds_integers(flow.value(state, path), flow) else change


def _changes(statement: ast.stmt, state: State, flow: Flow) -> Change | None:
    match statement:
        case ast.AugAssign(target=ast.Subscript() as target, op=op, value=value):
            return _stored(target, value, op, state, flow)
        case ast.AugAssign(target=target, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, value=value):
            viewed = masked_view(target, state, flow)
            other = flow.converted(value, state)
            if viewed is not None:
                array = viewed.args[0]
                mask = ast.Compare(array, [MASKED[flow.effects.numpy(viewed) or ""]], [viewed.args[1]])
                # The view holds the array as it was named when the view was made.
                named = next((p for p, n in state.names.items() if _same(state.values[n], array)), None)
                if named is None:
                    return None
                written = where_call(mask, array, ast.BinOp(array, op, other))
                return Change(path_node(named), written, masked=True, evaluated=(value,))
            old = flow.converted(_loaded(target), state)
            return Change(target, ast.BinOp(old, op, other), rebinds=True, evaluated=(value,))
        case ast.Assign(targets=[ast.Subscript() as target], value=value):
            return _stored(target, value, None, state, flow)
        case ast.Expr(value=ast.Call() as call):
            return _written(call, state, flow)
        case ast.Assign(targets=[_], value=ast.Call() as call):
            return _written(call, state, flow)
        case ast.For():
            from fastlrelu.rewrite.element_loops import lowered

            return lowered(statement, state, flow)
    return None


def _same(a: ast.expr, b: ast.expr) -> bool:
    return ast.unparse(a) == ast.unparse(b)


def _loaded(target: ast.expr) -> ast.expr:
    path = path_of(target)
    return target if path is None else path_node(path)


def _stored(target: ast.Subscript, value: ast.expr, op: ast.operator | None, state: State, flow: Flow) -> Change | None:
    path = path_of(target.value)
    if path is None:
        return None
    held = flow.value(state, path)
    if is_everything(target.slice):
        other = flow.converted(value, state)
        if op is not None and not isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            return None
        new = other if op is None else ast.BinOp(held, op, other)
        return Change(target.value, new, whole=op is None, evaluated=(value,))
    if isinstance(target.slice, ast.Slice | ast.Tuple | ast.Constant):
        return None
    index = _mask(flow.converted(target.slice, state), flow)
    raw = flow.converted(target.slice, state)
    other = _unmasked(flow.converted(value, state), {ast.unparse(index), ast.unparse(raw)})
    if op is not None:
        if not isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            return None
        other = ast.BinOp(held, op, other)
    return Change(target.value, where_call(index, other, held), masked=True, evaluated=(target.slice, value))


def _mask(index: ast.expr, flow: Flow) -> ast.expr:
    """Return the comparison behind a subscript: np.nonzero of it stands for itself."""
    if isinstance(index, ast.Name) and is_atom(index):
        definition = flow.versions[index.id].definition
        if definition is not None:
            found = _mask(definition, flow)
            return found if found is not definition else index
    if isinstance(index, ast.Subscript) and isinstance(index.slice, ast.Constant) and index.slice.value == 0:
        inner = _mask(index.value, flow)
        return _flat(inner) if inner is not index.value else index
    if isinstance(index, ast.Call) and len(index.args) == 1 and not index.keywords:
        if flow.effects.numpy(index) == "flatnonzero":
            return _flat(index.args[0])
        return index.args[0] if flow.effects.numpy(index) in {"nonzero", "where"} else index
    return index


def _flat(mask: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("numpy:flat", ast.Load()), [mask], [])


def _unmasked(node: ast.expr, masks: set[str]) -> ast.expr:
    """Return ``a * x`` for ``a * x[mask]``, where the mask is the one that is assigned through."""

    def stripped(part: ast.expr) -> ast.expr | None:
        if isinstance(part, ast.Subscript) and ast.unparse(part.slice) in masks:
            return part.value
        return None

    return rebuild(node, stripped)


def _written(call: ast.Call, state: State, flow: Flow) -> Change | None:
    name = flow.effects.numpy(call)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    if len(keywords) < len(call.keywords) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if name in {"putmask", "copyto"}:
        first, second, third = ("a", "mask", "values") if name == "putmask" else ("dst", "src", "where")
        given = dict(zip((first, second, third), call.args, strict=False)) | keywords
        if first not in given or second not in given or given.keys() - {first, second, third}:
            return None
        if name == "putmask":
            mask: ast.expr | None = given[second]
            new = given.get(third)
        else:
            mask, new = given.get(third), given[second]
        if new is None or path_of(given[first]) is None or (name == "copyto" and len(call.args) > 2):
            return None
        return _filled(given[first], mask, new, state, flow)
    if name is None:
        match call.func:
            case ast.Attribute(value=array, attr="fill") if len(call.args) == 1 and path_of(array) is not None:
                value = flow.converted(call.args[0], state)
                return Change(array, value, whole=True, evaluated=(call.args[0],))
        return None
    if name not in _WRITING:
        return None
    inputs = _WRITING[name]
    out: ast.expr | None = keywords.pop("out", None)
    mask = keywords.pop("where", None)
    args = list(call.args)
    if out is None and len(args) == inputs + 1:
        out = args.pop()
    if isinstance(out, ast.Tuple) and len(out.elts) == 1:
        out = out.elts[0]
    if out is None or path_of(out) is None or keywords.keys() - {"a_min", "a_max"}:
        return None
    kept = [keyword for keyword in call.keywords if keyword.arg in keywords]
    value = ast.Call(call.func, [flow.converted(a, state) for a in args], kept)
    if mask is None:
        return Change(out, value, whole=True, evaluated=tuple(args), result=out)
    old = flow.value(state, path_of(out) or "")
    chosen = where_call(_mask(flow.converted(mask, state), flow), value, old)
    return Change(out, chosen, masked=True, evaluated=(*args, mask), result=out)


def _filled(target: ast.expr, mask: ast.expr | None, new: ast.expr, state: State, flow: Flow) -> Change:
    value = flow.converted(new, state)
    if mask is None:
        return Change(target, value, whole=True, evaluated=(new,))
    chosen = where_call(_mask(flow.converted(mask, state), flow), value, flow.value(state, path_of(target) or ""))
    return Change(target, chosen, masked=True, evaluated=(mask, new))
