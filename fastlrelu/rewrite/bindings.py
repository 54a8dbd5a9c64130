"""What a name stands for where it is used, as far as straight-line code before it can tell."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import Source, dotted, mentions

_QUIET_BUILTINS = frozenset({"abs", "bool", "float", "int", "isinstance", "len", "print", "range"})
# NumPy functions that write to no argument, up to this many: one more would be out.
_QUIET_NUMPY = {
    **dict.fromkeys(("abs", "absolute", "exp", "expm1", "log", "sign", "sqrt", "square", "tanh"), 1),
    **dict.fromkeys(("all", "any", "array", "asarray", "copy", "count_nonzero", "shape", "size"), 1),
    **dict.fromkeys(("empty_like", "invert", "logical_not", "ones_like", "zeros_like"), 1),
    **dict.fromkeys(("add", "divide", "dot", "full_like", "matmul", "multiply", "subtract"), 2),
    **dict.fromkeys(("expand_dims", "max", "mean", "min", "reshape", "sum", "transpose"), 2),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "maximum", "minimum"), 2),
    **dict.fromkeys(("clip", "where"), 3),
}
# Nonlinear functions: what they return is no slope, it is the other branch of ELU or softplus.
_CURVES = frozenset(
    {"cosh", "elu", "erf", "exp", "exp2", "expm1", "gelu", "log", "log1p", "logaddexp", "power"}
    | {"selu", "sigmoid", "silu", "sinh", "softplus", "swish", "tanh"}
)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


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


def assignment(statement: ast.stmt) -> tuple[ast.expr, ast.expr] | None:
    """Return target and value of a plain assignment to one name or attribute."""
    match statement:
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
            return target, value
        case ast.AnnAssign(target=ast.Name() | ast.Attribute() as target, value=ast.expr() as v):
            return target, v
    return None


def roots(node: ast.AST) -> set[str]:
    """Return every name that is read in ``node``."""
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


class Bindings:
    """Looks names up in one file.

    Parameters
    ----------
    source, names : Source, Names
        The file.
    """

    def __init__(self, source: Source, names: Names) -> None:
        self._source = source
        self._names = names
        self._assigned: dict[int, dict[str, list[int]]] = {}

    def _assignments(self, body: list[ast.stmt]) -> dict[str, list[int]]:
        found = self._assigned.get(id(body))
        if found is None:
            found = self._assigned[id(body)] = {}
            for index, statement in enumerate(body):
                bound = assignment(statement)
                if bound is not None:
                    found.setdefault(self._source.key(bound[0]), []).append(index)
        return found

    def definition(self, node: ast.expr, place: Place) -> tuple[ast.expr, int] | None:
        """Return the expression that ``node`` still equals at ``place``, and its statement.

        None where it is bound elsewhere, or where a statement between may have changed what the
        expression is made of.
        """
        key = self._source.key(node)
        indexes = self._assignments(place.body).get(key, ())
        index = max((i for i in indexes if i < place.index), default=None)
        if index is None:
            return None
        bound = assignment(place.body[index])
        assert bound is not None
        watched = {key, *self._paths(bound[1])}
        between = place.body[index + 1 : place.index]
        if all(self.harmless(statement, watched) for statement in between):
            return bound[1], index
        return None

    def has_definitions(self, node: ast.expr, place: Place) -> bool:
        """Tell whether anything in ``node`` is assigned to on a line before."""
        assigned = self._assignments(place.body)
        return any(
            isinstance(child, ast.Name | ast.Attribute)
            and any(index < place.index for index in assigned.get(self._source.key(child), ()))
            for child in ast.walk(node)
        )

    def _paths(self, node: ast.expr) -> set[str]:
        skipped: set[int] = set()
        paths: set[str] = set()
        for child in ast.walk(node):
            if id(child) in skipped:
                continue
            if (path := dotted(child)) is not None:
                paths.add(path)
                skipped |= {id(inner) for inner in ast.walk(child)}
        return paths

    def harmless(self, statement: ast.stmt, watched: set[str]) -> bool:
        """Tell whether a statement surely leaves the ``watched`` names and arrays as they are."""
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return True
        if isinstance(statement, ast.Pass | ast.Assert):
            return self._quiet(statement, watched)
        bound = assignment(statement)
        if bound is None:
            called = statement.value if isinstance(statement, ast.Expr) else None
            if not isinstance(called, ast.Call) or dotted(called.func) not in _QUIET_BUILTINS:
                return False
        else:
            target = dotted(bound[0])
            if target is None or any(path == target or path.startswith(target + ".") for path in watched):
                return False
        return self._quiet(statement, watched)

    def _quiet(self, statement: ast.stmt, watched: set[str]) -> bool:
        names = {path.partition(".")[0] for path in watched}
        for node in ast.walk(statement):
            if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
                return False
            if not isinstance(node, ast.Call):
                continue
            if any(keyword.arg in ("out", "where", None) for keyword in node.keywords):
                return False
            most = _QUIET_NUMPY.get(self._names.function(node.func) or "", 0)
            if len(node.args) <= most or dotted(node.func) in _QUIET_BUILTINS:
                continue
            if roots(node) & names:
                return False
        return True

    def expand(self, node: ast.expr, place: Place, wanted: Callable[[ast.expr], bool], depth: int = 4) -> ast.expr:
        """Return ``node`` with names replaced by their definitions where ``wanted`` likes them."""
        if depth == 0:
            return node
        bindings = self

        class Expander(ast.NodeTransformer):
            def _replace(self, child: ast.expr) -> ast.expr:
                found = bindings.definition(child, place)
                if found is None or not wanted(found[0]):
                    return child
                value, index = found
                there = Place(place.body, index, place.function)
                return bindings.expand(value, there, wanted, depth - 1)

            def visit_Name(self, child: ast.Name) -> ast.expr:
                return self._replace(child)

            def visit_Attribute(self, child: ast.Attribute) -> ast.expr:
                return self._replace(child)

            def visit(self, child: ast.AST) -> Any:
                # Inside these, a name may be a parameter.
                return child if isinstance(child, _SCOPES) else super().visit(child)

        expanded = Expander().visit(copy.deepcopy(node))
        assert isinstance(expanded, ast.expr)
        return expanded

    def is_curve(self, slope: ast.expr, x: str, place: Place | None) -> bool:
        """Tell whether a slope is made from x, or by exp and its like, where it is bound."""
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
        for node in ast.walk(where):
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
        for child in ast.walk(node):
            if isinstance(child, ast.Call):
                name = child.func
                last = name.attr if isinstance(name, ast.Attribute) else dotted(name)
                if last in _CURVES:
                    return True
        return mentions(self._source, node, x)


def has_call(node: ast.AST, names: Names) -> bool:
    """Tell whether evaluating ``node`` may run code that is not a plain NumPy view or cast."""
    quiet = {"reshape", "astype", "ravel", "squeeze", "view", "transpose", "item", "copy"}
    for child in ast.walk(node):
        if not isinstance(child, ast.Call):
            continue
        if names.function(child.func) is not None or dotted(child.func) in _QUIET_BUILTINS:
            continue
        if not (isinstance(child.func, ast.Attribute) and child.func.attr in quiet):
            return True
    return False
