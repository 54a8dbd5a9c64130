"""Small functions of numbers: lambdas and definitions that are one expression."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastlrelu.rewrite.source import named_float, walk
from fastlrelu.rewrite.versions import is_atom

if TYPE_CHECKING:
    from fastlrelu.rewrite.scene import Scene


@dataclass(frozen=True)
class Body:
    """What a function returns.

    Attributes
    ----------
    parameters : tuple of str
        Their names, in order.
    defaults : dict
        Values of parameters that need not be given.
    value : ast.expr
        The expression, in terms of the parameters and of what the caller sees.
    """

    parameters: tuple[str, ...]
    defaults: dict[str, ast.expr]
    value: ast.expr


def given(body: Body, arguments: list[ast.expr]) -> dict[str, ast.expr] | None:
    """Return the values of all parameters in a call, None where the call does not fit."""
    values = {**body.defaults, **dict(zip(body.parameters, arguments, strict=False))}
    if len(arguments) > len(body.parameters) or values.keys() != set(body.parameters):
        return None
    return values


def body_of(node: ast.expr, scene: Scene, vectorized: bool = False) -> Body | None:
    """Return the body of a lambda, of a small function of the file, or of np.vectorize of one.

    Parameters
    ----------
    node : ast.expr
        What is called.
    scene : Scene
        Where.
    vectorized : bool
        Whether it has to be np.vectorize or np.frompyfunc of a function.
    """
    if vectorized and not scene.source.vectorizes:
        return None
    if isinstance(node, ast.Name):
        maker = _maker(node.id, scene)
        if isinstance(maker, ast.FunctionDef):
            decorators = [_decorator(d, scene) for d in maker.decorator_list]
            if decorators != (["vectorize"] if vectorized else []):
                return None
            value = returned(maker.body)
            return None if value is None else _body(maker.args, value, maker.name)
        return body_of(maker, scene, vectorized) if isinstance(maker, ast.expr) else None
    if isinstance(node, ast.Call):
        name = scene.numpy(node)
        fits = name == "vectorize" or (name == "frompyfunc" and len(node.args) == 3)
        if not vectorized or not fits or not node.args:
            return None
        if any(keyword.arg != "otypes" or not _is_float(keyword.value) for keyword in node.keywords):
            return None
        return body_of(node.args[0], scene)
    if isinstance(node, ast.Lambda) and not vectorized:
        return _body(node.args, node.body, "")
    return None


def _is_float(otypes: ast.expr) -> bool:
    match otypes:
        case ast.List(elts=[dtype]) | ast.Tuple(elts=[dtype]):
            return named_float(dtype) is not None
    return isinstance(otypes, ast.Constant) and otypes.value in {"e", "f", "d"}


def _decorator(node: ast.expr, scene: Scene) -> str | None:
    if isinstance(node, ast.Call):
        return None
    return scene.names.function(node)


def _maker(name: str, scene: Scene) -> ast.AST | None:
    """Return the one definition that a name has where it is called: a function, a lambda, a call."""
    state, flow = scene.state, scene.flow
    held = state.value(name) if state is not None else None
    if held is not None and flow is not None and is_atom(held):
        maker = flow.versions[held.id].statement  # type: ignore[attr-defined]
        return maker.value if isinstance(maker, ast.Assign) and len(maker.targets) == 1 else maker
    # A global, assigned once in the whole file.
    found = scene.source.bound.get(name, [])
    if len(found) != 1:
        return None
    if found[0] in scene.source.tree.body:
        return found[0]
    for statement in scene.source.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                return value
    return None


def _body(arguments: ast.arguments, value: ast.expr, own: str) -> Body | None:
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        return None
    names = tuple(argument.arg for argument in arguments.args)
    defaults = dict(zip(names[::-1], arguments.defaults[::-1], strict=False))
    if any(not isinstance(default, ast.Constant | ast.UnaryOp | ast.Name) for default in defaults.values()):
        return None
    if own and any(isinstance(node, ast.Name) and node.id == own for node in walk(value)):
        return None
    if any(isinstance(node, ast.Lambda | ast.NamedExpr | ast.Yield | ast.Await) for node in walk(value)):
        return None
    return Body(names, defaults, value) if names else None


def returned(body: list[ast.stmt]) -> ast.expr | None:
    """Return what a body of ifs and returns gives, as one expression."""
    rest = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if not rest:
        return None
    match rest[0]:
        case ast.Return(value=ast.expr() as value):
            return value
        case ast.If(test=test, body=then, orelse=orelse):
            first, second = returned(then), returned(orelse or rest[1:])
            return None if first is None or second is None else ast.IfExp(test, first, second)
    return None
