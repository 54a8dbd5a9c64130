"""Folds statements that change one array into the expression that the array then holds."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

from fastlrelu.rewrite.bindings import Place, assignment
from fastlrelu.rewrite.loops import where_call
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import Source

MASKED: dict[str, ast.cmpop] = {
    "ma.masked_greater": ast.Gt(),
    "ma.masked_greater_equal": ast.GtE(),
    "ma.masked_less": ast.Lt(),
    "ma.masked_less_equal": ast.LtE(),
}


def targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AugAssign) else []


def masked_view(name: ast.expr, scene: Scene, place: Place) -> ast.Call | None:
    """Return numpy.ma.masked_greater_equal(x, 0, copy=False) for a name that is bound to it."""
    found = scene.bindings.definition(name, place)
    if found is None or scene.numpy(found[0]) not in MASKED:
        return None
    match found[0]:
        case ast.Call(args=[_, _], keywords=[ast.keyword(arg="copy", value=ast.Constant(False))]):
            return found[0]
    return None


def start(place: Place, scene: Scene) -> tuple[ast.expr, ast.expr, bool] | None:
    """Return the array that a run is about, its first value, and whether it is a new array."""
    statement = place.statement
    bound = assignment(statement)
    if bound is not None:
        if isinstance(statement, ast.AnnAssign):
            return None
        target, value = bound
        return (target, _copied(value, scene), True) if _is_new_array(value, scene) else None
    for target in targets(statement):
        if isinstance(target, ast.Subscript):
            return target.value, target.value, False
    match statement:
        case ast.AugAssign(target=ast.Name() as name):
            viewed = masked_view(name, scene, place)
            array: ast.expr = viewed.args[0] if viewed is not None else name
            return array, array, False
        case ast.Expr(value=ast.Call() as call):
            written = _written(call, scene)
            return (written, written, False) if written is not None else None
    return None


def _is_new_array(value: ast.expr, scene: Scene) -> bool:
    match value:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult()):
            return True
        case ast.Call(func=ast.Attribute(attr="copy") as func, args=[]):
            if scene.names.function(func) is None:
                return True
    name = scene.numpy(value)
    assert name is None or isinstance(value, ast.Call)
    if name == "array" and isinstance(value, ast.Call):
        copied = [k for k in value.keywords if k.arg == "copy"]
        true = all(isinstance(k.value, ast.Constant) and k.value.value is True for k in copied)
        return len(value.args) == 1 and len(copied) == len(value.keywords) and true
    return name in {
        "copy",
        "empty",
        "empty_like",
        "full",
        "full_like",
        "ones",
        "ones_like",
        "zeros",
        "zeros_like",
    }


def _copied(value: ast.expr, scene: Scene) -> ast.expr:
    """Return what a copy is a copy of, anything else as it is."""
    match value:
        case ast.Call(func=ast.Attribute(value=array, attr="copy") as func, args=[]):
            return array if scene.names.function(func) is None else value
        case ast.Call(args=[array]) if scene.numpy(value) in {"copy", "array"}:
            return array
    return value


def _written(call: ast.Call, scene: Scene) -> ast.expr | None:
    name = scene.names.function(call.func)
    if name in {"copyto", "putmask", "place"} and call.args:
        return call.args[0]
    if name == "multiply":
        return next((k.value for k in call.keywords if k.arg == "out"), None)
    return None


def step(statement: ast.stmt, target: ast.expr, value: ast.expr, scene: Scene, place: Place) -> ast.expr | None:
    """Return what ``target`` holds after a statement that changes it, given what it held."""
    key = scene.source.key(target)

    def current(node: ast.expr) -> ast.expr:
        return replace_key(node, key, value, scene.source)

    match statement:
        case ast.AugAssign(target=ast.Subscript(value=array, slice=index), op=op, value=factor):
            if scene.source.key(array) != key or not isinstance(op, ast.Mult):
                return None
            factor = _unmasked(factor, index, scene)
            mask = _mask(index, scene, place)
            product = ast.BinOp(value, ast.Mult(), current(factor))
            return where_call(current(mask), product, value)
        case ast.Assign(targets=[ast.Subscript(value=array, slice=index)], value=assigned):
            if scene.source.key(array) != key:
                return None
            assigned = _unmasked(assigned, index, scene)
            return where_call(current(_mask(index, scene, place)), current(assigned), value)
        case ast.AugAssign(target=name, op=ast.Add() | ast.Sub() | ast.Mult() as op, value=other):
            viewed = masked_view(name, scene, place)
            if viewed is not None and scene.source.key(viewed.args[0]) == key:
                op_of_mask = MASKED[scene.numpy(viewed) or ""]
                mask = ast.Compare(value, [op_of_mask], [viewed.args[1]])
                return where_call(mask, value, ast.BinOp(value, op, current(other)))
            if scene.source.key(name) != key:
                return None
            return ast.BinOp(value, op, current(other))
        case ast.Expr(value=ast.Call() as call):
            written = _written(call, scene)
            if written is None or scene.source.key(written) != key:
                return None
            return _called(call, value, current, scene)
    return None


def _called(call: ast.Call, value: ast.expr, current: Callable[[ast.expr], ast.expr], scene: Scene) -> ast.expr | None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    match scene.names.function(call.func), call.args:
        case "putmask", [_, mask, new] if not keywords:
            return where_call(current(mask), current(new), value)
        case "copyto", [_, new] if keywords.keys() == {"where"}:
            return where_call(current(keywords["where"]), current(new), value)
        case "multiply", [a, b] if keywords.keys() == {"where", "out"}:
            product = ast.BinOp(current(a), ast.Mult(), current(b))
            return where_call(current(keywords["where"]), product, value)
    return None


def _mask(index: ast.expr, scene: Scene, place: Place) -> ast.expr:
    """Return the comparison behind a subscript: itself, np.nonzero of it, or its name."""
    if isinstance(index, ast.Name | ast.Attribute):
        found = scene.bindings.definition(index, place)
        if found is not None and scene.is_mask(found[0]):
            return _mask(found[0], scene, Place(place.body, found[1], place.function))
    if isinstance(index, ast.Call) and len(index.args) == 1:
        return index.args[0] if scene.numpy(index) in {"nonzero", "where"} else index
    return index


def _unmasked(node: ast.expr, index: ast.expr, scene: Scene) -> ast.expr:
    """Return ``a * x`` for ``a * x[mask]``, where the mask is the one that is assigned through."""
    wanted = scene.source.key(index)

    class Strip(ast.NodeTransformer):
        def visit_Subscript(self, child: ast.Subscript) -> ast.expr:
            if scene.source.key(child.slice) == wanted:
                return child.value
            return child

    stripped = Strip().visit(copy.deepcopy(node))
    assert isinstance(stripped, ast.expr)
    return stripped


def replace_key(node: ast.expr, key: str, value: ast.expr, source: Source) -> ast.expr:
    """Return ``node`` with every expression of this key replaced by ``value``."""

    class Replace(ast.NodeTransformer):
        def visit(self, child: ast.AST) -> ast.AST:
            # Not source.key, which would remember the spelling from before the replacement.
            if isinstance(child, ast.expr) and ast.unparse(child) == key:
                return value
            result = self.generic_visit(child)
            assert isinstance(result, ast.AST)
            return result

    replaced = Replace().visit(copy.deepcopy(node))
    assert isinstance(replaced, ast.expr)
    return replaced
