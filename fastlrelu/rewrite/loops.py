"""Forms that name a function of one number and map it: comprehensions, vectorize, piecewise."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.folding import where_call
from fastlrelu.rewrite.functions import Body, body_of, given
from fastlrelu.rewrite.leaks import Leak, Refusal, classify
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import Source, walk
from fastlrelu.rewrite.versions import rebuild

_ARRAYS = frozenset({"array", "asarray"})
_BUILTINS = {"max": "maximum", "min": "minimum"}
_READ = frozenset({"enumerate", "len", "list", "map", "max", "min", "range"})


def substitute(node: ast.expr, values: dict[str, ast.expr]) -> ast.expr:
    """Return ``node`` with variables replaced by expressions."""
    return rebuild(node, lambda part: values.get(part.id) if isinstance(part, ast.Name) else None)


def rebinds_builtin(source: Source, *nodes: ast.AST) -> bool:
    """Tell whether a builtin that is called anywhere in ``nodes`` may be something else in this file."""
    calls = [part.func for node in nodes for part in walk(node) if isinstance(part, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    return not (called & _READ).isdisjoint(source.bound)


def of_arrays(node: ast.expr, scene: Scene | None = None) -> ast.expr:
    """Return an expression of single numbers as NumPy would compute it for whole arrays."""

    def changed(part: ast.expr) -> ast.expr | None:
        match part:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return where_call(*(of_arrays(inner, scene) for inner in (test, body, orelse)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ast.UnaryOp(ast.Invert(), of_arrays(operand, scene))
            case ast.Call(func=ast.Name(id="max" | "min" as name), args=[a, b], keywords=[]):
                function = ast.Name(f"numpy:{_BUILTINS[name]}", ast.Load())
                return ast.Call(function, [of_arrays(a, scene), of_arrays(b, scene)], [])
            case ast.Call(func=ast.Name() as function, args=args, keywords=[]) if scene is not None:
                called = body_of(function, scene)
                values = None if called is None else given(called, args)
                if called is not None and values is not None:
                    return of_arrays(substitute(called.value, values))
        return None

    return rebuild(node, changed)


def find_loop(node: ast.expr, scene: Scene) -> Leak | Refusal | None:
    """Recognise a leaky ReLU of numbers that is mapped over an array."""
    mapped = _mapped(node, scene)
    if mapped is None:
        return None
    body, operand = mapped
    if rebinds_builtin(scene.source, node, body):
        return None
    leak = classify(scene.source, scene.names, of_arrays(body, scene))
    if leak is None or scene.source.key(leak.x) != scene.source.key(operand):
        return None
    return leak if leak.grad is None else None


def _mapped(node: ast.expr, scene: Scene) -> tuple[ast.expr, ast.expr] | None:
    """Return an expression of one element, and the array, which stands in it for the element."""
    match node:
        case ast.ListComp() | ast.GeneratorExp() if scene.parents:
            wanted = _ARRAYS if isinstance(node, ast.ListComp) else {"fromiter"}
            match scene.parents[-1]:
                # With a dtype, the call around stays.
                case ast.Call(args=[first, *_], keywords=keywords) as call:
                    if first is node and scene.numpy(call) in wanted and (keywords or call.args[1:]):
                        return _comprehension(node)
        case ast.Call(args=[ast.ListComp() as loop], keywords=[]) if scene.numpy(node) in _ARRAYS:
            return _comprehension(loop)
        case ast.Call(func=ast.Name(id="list"), args=[inner]) if scene.parents:
            match scene.parents[-1]:
                case ast.Call(args=[first, *rest], keywords=keywords) as call:
                    if first is node and scene.numpy(call) in _ARRAYS and (keywords or rest):
                        return _map(inner, scene)
        case ast.Call(args=[ast.Call(func=ast.Name(id="list"), args=[inner])], keywords=[]):
            return _map(inner, scene) if scene.numpy(node) in _ARRAYS else None
        case ast.Call(func=ast.Name(id="map"), args=[_, _]) if scene.parents:
            match scene.parents[-1]:
                case ast.Call(args=[first, *_]) as call if first is node and scene.numpy(call) == "fromiter":
                    return _map(node, scene)
    if not isinstance(node, ast.Call):
        return None
    if scene.numpy(node) == "piecewise":
        return _piecewise(node, scene)
    return _vectorized(node, scene)


def _vectorized(node: ast.Call, scene: Scene) -> tuple[ast.expr, ast.expr] | None:
    """Return what np.vectorize(f)(x, a) computes for one element."""
    if not node.args or node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    body = body_of(node.func, scene, vectorized=True)
    values = None if body is None else given(body, node.args)
    if body is None or values is None:
        return None
    whole = substitute(body.value, values)
    leak = classify(scene.source, scene.names, of_arrays(whole, scene))
    operands = [argument for argument in node.args if leak and scene.source.key(argument) == scene.source.key(leak.x)]
    return (whole, operands[0]) if operands else None


def _map(node: ast.expr, scene: Scene) -> tuple[ast.expr, ast.expr] | None:
    match node:
        case ast.Call(func=ast.Name(id="map"), args=[function, operand], keywords=[]):
            return _applied(body_of(function, scene), operand)
    return None


def _applied(body: Body | None, operand: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    values = None if body is None else given(body, [operand])
    return None if body is None or values is None else (substitute(body.value, values), operand)


def _comprehension(loop: ast.ListComp | ast.GeneratorExp) -> tuple[ast.expr, ast.expr] | None:
    match loop.generators:
        case [ast.comprehension(target=ast.Name(id=name), iter=operand, ifs=[], is_async=0)]:
            indexed = _indexed(loop.elt, name, operand)
            if indexed is not None:
                return indexed
            if isinstance(loop.elt, ast.ListComp):
                inner = _comprehension(loop.elt)
                if inner is None or not isinstance(inner[1], ast.Name) or inner[1].id != name:
                    return None
                return substitute(inner[0], {name: operand}), operand
            return substitute(loop.elt, {name: operand}), operand
        case [
            ast.comprehension(target=ast.Name(id=row), iter=operand, ifs=[], is_async=0),
            ast.comprehension(target=ast.Name(id=name), iter=ast.Name(id=inner_row), ifs=[], is_async=0),
        ] if inner_row == row:
            # One flat list of the rows of a matrix.
            flat = ast.Call(ast.Attribute(operand, "ravel", ast.Load()), [], [])
            return substitute(loop.elt, {name: flat}), flat
    return None


def _indexed(element: ast.expr, index: str, bounds: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return the body of ``[... x[i] ... for i in range(len(x))]``."""
    match bounds:
        case ast.Call(func=ast.Name(id="range"), args=[ast.Call(func=ast.Name(id="len"), args=[array])]):
            pass
        case (
            ast.Call(
                func=ast.Name(id="range"),
                args=[ast.Subscript(value=ast.Attribute(value=array, attr="shape"), slice=ast.Constant(0))],
            )
            | ast.Call(func=ast.Name(id="range"), args=[ast.Attribute(value=array, attr="size")])
        ):
            pass
        case _:
            return None
    key = f"{ast.unparse(array)}[{index}]"
    whole = rebuild(element, lambda part: array if ast.unparse(part) == key else None)
    if any(isinstance(part, ast.Name) and part.id == index for part in walk(whole)):
        return None
    return whole, array


def _piecewise(node: ast.Call, scene: Scene) -> tuple[ast.expr, ast.expr] | None:
    if len(node.args) < 3 or node.keywords:
        return None
    operand, conditions, functions = node.args[:3]
    extra_arguments = node.args[3:]
    if isinstance(conditions, ast.Compare | ast.Call):
        conditions = ast.List([conditions], ast.Load())
    if not isinstance(conditions, ast.List | ast.Tuple) or not isinstance(functions, ast.List | ast.Tuple):
        return None
    values: list[ast.expr] = []
    for function in functions.elts:
        if isinstance(function, ast.Constant):
            values.append(function)
            continue
        body = body_of(function, scene)
        arguments = None if body is None else given(body, [operand, *extra_arguments])
        if body is None or arguments is None:
            return None
        values.append(substitute(body.value, arguments))
    extra = len(values) - len(conditions.elts)
    if extra not in (0, 1):
        return None
    result: ast.expr = values[-1] if extra else ast.Constant(0)
    # The last condition that holds wins.
    for condition, value in zip(conditions.elts, values, strict=False):
        result = where_call(condition, value, result)
    return result, operand
