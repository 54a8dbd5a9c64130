"""Forms that name a function of one number and map it: comprehensions, vectorize, piecewise."""

from __future__ import annotations

import ast
import copy

from fastlrelu.rewrite.folding import where_call
from fastlrelu.rewrite.leaks import Leak, Refusal, classify
from fastlrelu.rewrite.scene import Scene


class _Substitution(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr) -> None:
        self._name = name
        self._value = value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._value if node.id == self._name else node


def substitute(node: ast.expr, name: str, value: ast.expr) -> ast.expr:
    """Return ``node`` with a variable replaced by an expression."""
    replaced = _Substitution(name, value).visit(copy.deepcopy(node))
    assert isinstance(replaced, ast.expr)
    return replaced


def find_loop(node: ast.expr, scene: Scene) -> Leak | Refusal | None:
    """Recognise a leaky ReLU of numbers that is mapped over an array."""
    mapped = _mapped(node, scene)
    if mapped is None:
        return None
    body, operand = mapped
    leak = classify(scene.source, scene.names, body)
    if leak is None or scene.source.key(leak.x) != scene.source.key(operand):
        return None
    return leak if leak.grad is None else None


def _mapped(node: ast.expr, scene: Scene) -> tuple[ast.expr, ast.expr] | None:
    match node:
        case ast.ListComp() if scene.parents:
            match scene.parents[-1]:
                # With a dtype, the call around stays.
                case ast.Call(args=[only], keywords=[_, *_]) as call:
                    is_array = only is node and scene.numpy(call) in {"array", "asarray"}
                    return _comprehension(node) if is_array else None
        case ast.Call(args=[ast.ListComp() as loop], keywords=[]) if scene.numpy(node) in {
            "array",
            "asarray",
        }:
            return _comprehension(loop)
        case ast.Call(args=[ast.Call(func=ast.Name(id="list"), args=[inner])], keywords=[]) if scene.numpy(node) in {
            "array",
            "asarray",
        }:
            match inner:
                case ast.Call(func=ast.Name(id="map"), args=[ast.Lambda() as body, operand]):
                    return _applied(body, operand)
        case ast.Call(func=ast.Call(args=[ast.Lambda() as body]) as outer, args=[operand]):
            if scene.numpy(outer) == "vectorize":
                return _applied(body, operand)
        case ast.Call(args=[operand, conditions, functions], keywords=[]):
            if scene.numpy(node) == "piecewise":
                return _piecewise(operand, conditions, functions)
    return None


def _comprehension(loop: ast.ListComp) -> tuple[ast.expr, ast.expr] | None:
    match loop:
        case ast.ListComp(
            elt=elt,
            generators=[ast.comprehension(target=ast.Name(id=name), iter=operand, ifs=[], is_async=0)],
        ):
            if isinstance(elt, ast.ListComp):
                inner = _comprehension(elt)
                if inner is None or not isinstance(inner[1], ast.Name) or inner[1].id != name:
                    return None
                return substitute(inner[0], name, operand), operand
            return (_branches(elt, name, operand), operand) if _is_choice(elt) else None
    return None


def _applied(body: ast.Lambda, operand: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    match body:
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name)], defaults=[]), body=choice):
            if _is_choice(choice):
                return _branches(choice, name, operand), operand
    return None


def _is_choice(node: ast.expr) -> bool:
    return isinstance(node, ast.IfExp)


def _branches(node: ast.expr, name: str, operand: ast.expr) -> ast.expr:
    assert isinstance(node, ast.IfExp)
    parts = (substitute(part, name, operand) for part in (node.test, node.body, node.orelse))
    return where_call(*parts)


def _piecewise(operand: ast.expr, conditions: ast.expr, functions: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    if not isinstance(conditions, ast.List) or not isinstance(functions, ast.List):
        return None
    values: list[ast.expr] = []
    for function in functions.elts:
        match function:
            case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name)], defaults=[]), body=body):
                values.append(substitute(body, name, operand))
            case ast.Constant():
                values.append(function)
            case _:
                return None
    extra = len(values) - len(conditions.elts)
    if extra not in (0, 1):
        return None
    result: ast.expr = values[-1] if extra else ast.Constant(0)
    for condition, value in zip(conditions.elts, values, strict=False):
        result = where_call(condition, value, result)
    return result, operand
