"""What a name stands for where it is used, as far as straight-line code before it can tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fastlrelu.rewrite.effects import QUIET_BUILTINS
from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source, dotted, mentions, unversioned, walk
from fastlrelu.rewrite.versions import plain

# Nonlinear functions: what they return is no slope, it is the other branch of ELU or softplus.
_CURVES = frozenset(
    {"cosh", "elu", "erf", "exp", "exp2", "expm1", "gelu", "log", "log1p", "logaddexp", "power"}
    | {"selu", "sigmoid", "silu", "sinh", "softplus", "swish", "tanh"}
)


@dataclass(frozen=True)
class Place:
    """A statement and those before it in the same block.

    Attributes
    ----------
    body : list of ast.stmt
        The block.
    index : int
        Where in the block the statement is.
    function : ast.AST
        The innermost function around it, or the module.
    """

    body: list[ast.stmt]
    index: int
    function: ast.AST

    @property
    def statement(self) -> ast.stmt:
        """The statement itself."""
        return self.body[self.index]


class Bindings:
    """Looks names up in one file.

    Parameters
    ----------
    source : Source
        The file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def _paths(self, node: ast.expr) -> set[str]:
        skipped: set[int] = set()
        paths: set[str] = set()
        for child in walk(node):
            if id(child) in skipped:
                continue
            if (path := dotted(child)) is not None:
                paths.add(path)
                skipped |= {id(inner) for inner in walk(child)}
        return paths

    def is_curve(self, slope: ast.expr, x: str, place: Place | None) -> bool:
        """Tell whether a slope is made from x, or by exp and its like, where it is bound."""
        slope, x = plain(slope), unversioned(x)
        wanted = {path for path in self._paths(slope) if path != x}
        function = place.function if place is not None else self._source.tree
        seen: set[str] = set()
        while wanted:
            path = wanted.pop()
            seen.add(path)
            where = self._source.tree if "." in path else function
            for value in self._bound_values(where, path):
                if self._is_curved(value, x):
                    return True
                wanted |= self._paths(value) - seen - {x}
        return self._is_curved(slope, x)

    def _bound_values(self, where: ast.AST, path: str) -> Iterator[ast.expr]:
        for node in walk(where):
            match node:
                case ast.Assign(targets=targets, value=value):
                    is_target = any(dotted(target) == path for target in targets)
                case ast.NamedExpr(target=target, value=value):
                    is_target = dotted(target) == path
                case _:
                    continue
            # `slope = slope - rate * gradient` trains the slope: made from itself, not from x.
            if is_target and path not in self._paths(value):
                yield value

    def _is_curved(self, node: ast.AST, x: str) -> bool:
        for child in walk(node):
            if isinstance(child, ast.Call):
                name = child.func
                last = name.attr if isinstance(name, ast.Attribute) else dotted(name)
                if last in _CURVES:
                    return True
        return mentions(self._source, node, x)


def has_call(node: ast.AST, names: Names) -> bool:
    """Tell whether evaluating ``node`` may run code that is not a plain NumPy view or cast."""
    quiet = {"reshape", "astype", "ravel", "squeeze", "view", "transpose", "item", "copy"}
    for child in walk(node):
        if not isinstance(child, ast.Call):
            continue
        if names.function(child.func) is not None or dotted(child.func) in QUIET_BUILTINS:
            continue
        if not (isinstance(child.func, ast.Attribute) and child.func.attr in quiet):
            return True
    return False
