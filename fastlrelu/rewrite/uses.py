"""What becomes of an array of slopes: a gradient is multiplied by it, or something else is."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.effects import Effects, path_of
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import children, walk


def misuse(name: str, statement: ast.stmt, scene: Scene) -> str | None:
    """Return why a named array of slopes is no derivative, as far as the function shows, or None.

    Parameters
    ----------
    name : str
        The name that ``statement`` binds.
    statement : ast.stmt
        The last line that makes the array.
    scene : Scene
        Its surroundings.
    """
    if scene.place is None:
        return None
    function = scene.place.function
    parents = {id(child): node for node in walk(function) for child in children(node)}
    last = statement.end_lineno or statement.lineno
    for node in walk(function):
        if isinstance(node, ast.Name) and node.id == name and node.lineno > last:
            reason = _misused(node, parents, scene)
            if reason is not None:
                return reason
    return None


def _misused(node: ast.Name, parents: dict[int, ast.AST], scene: Scene) -> str | None:
    parent = parents.get(id(node))
    effects = Effects(scene.names)
    other: ast.expr | None = None
    match parent:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            other = right if left is node else left
        case ast.BinOp() | ast.UnaryOp():
            return f"line {node.lineno} does more with {node.id} than multiply by it"
        case ast.AugAssign(target=target, op=ast.Mult(), value=value):
            other = value if target is node else target
        case ast.AugAssign():
            return f"line {node.lineno} does more with {node.id} than multiply by it"
        case ast.Call() if effects.numpy(parent) == "multiply":
            other = next((argument for argument in parent.args if argument is not node), None)
        case ast.Call() if not effects.is_quiet(parent) and parent.func is not node:
            return f"line {node.lineno} may change {node.id}"
        case ast.Subscript(ctx=ast.Store()):
            return f"line {node.lineno} writes to {node.id}"
    if other is None or path_of(other) is None or scene.reads_as_gradient(other):
        return None
    return f"line {node.lineno} multiplies {node.id} with {ast.unparse(other)}, which may be no gradient"
