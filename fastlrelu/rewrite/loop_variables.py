"""What a loop leaves behind for the lines after it."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.leaks import Refusal
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import walk


def left_behind(loop: ast.For, path: str, function: ast.AST, names: Names, *, listed: bool) -> Refusal | None:
    """Return why a loop has to stay for the sake of what is read after it, or None."""
    inside = {id(node) for node in walk(loop)}
    stored = {n.id for n in walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - {path}
    arrays: set[int] = set()
    bound: set[int] = set()
    for node in walk(function):
        if isinstance(node, ast.Call) and names.function(node.func) in {"array", "asarray"} and node.args:
            arrays.add(id(node.args[0]))
        if isinstance(node, ast.For | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
            targets = [node.target] if isinstance(node, ast.For) else [g.target for g in node.generators]
            own = {n.id for target in targets for n in walk(target) if isinstance(n, ast.Name)}
            bound |= {id(n) for n in walk(node) if isinstance(n, ast.Name) and n.id in own}
    for node in walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal) and not stored.isdisjoint(node.names):
            return Refusal(f"line {node.lineno} makes a variable of the loop one of another function")
        if not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Store) or id(node) in inside:
            continue
        if node.id in stored and id(node) not in bound:
            return Refusal(f"line {node.lineno} reads {node.id}, which the loop leaves behind")
        if listed and node.id == path and id(node) not in arrays:
            return Refusal(f"line {node.lineno} reads {node.id} as a list")
    return None
