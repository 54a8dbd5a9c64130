"""What evaluating an expression may change, and which arrays its value may share memory with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from fastlrelu.rewrite.names import Names
from fastlrelu.rewrite.source import METADATA, children, dotted, walk

# Built-ins that change nothing they are given, and keep none of it.
QUIET_BUILTINS = frozenset(
    {"abs", "all", "any", "bool", "complex", "divmod", "float", "format", "getattr", "hasattr", "hash", "id", "int"}
    | {"isinstance", "issubclass", "len", "max", "min", "pow", "print", "range", "repr", "round", "str", "sum", "super"}
    | {"type", "AssertionError", "IndexError", "KeyError", "NotImplementedError", "RuntimeError", "TypeError"}
    | {"ValueError"}
)
_CONTAINERS = frozenset({"dict", "enumerate", "iter", "list", "reversed", "set", "sorted", "tuple", "zip"})
# NumPy functions that write to no argument, up to this many: one more would be out.
QUIET_NUMPY = {
    **dict.fromkeys(("abs", "absolute", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "fabs", "floor", "isfinite"), 1),
    **dict.fromkeys(("isinf", "isnan", "log", "log1p", "log2", "negative", "positive", "sign", "signbit", "sin"), 1),
    **dict.fromkeys(("erf", "sinh", "sqrt", "square", "tan", "tanh", "reciprocal", "rint"), 1),
    **dict.fromkeys(("all", "any", "array", "asarray", "asanyarray", "ascontiguousarray", "copy", "count_nonzero"), 2),
    **dict.fromkeys(("shape", "size", "ndim", "squeeze", "ravel", "atleast_1d", "atleast_2d", "nonzero", "diag"), 2),
    **dict.fromkeys(("empty_like", "invert", "logical_not", "bitwise_not", "ones_like", "zeros_like"), 1),
    **dict.fromkeys(("empty", "ones", "zeros", "ndindex", "flatnonzero", "argwhere", "isscalar", "dtype"), 9),
    **dict.fromkeys(("float16", "float32", "float64", "int8", "int32", "int64", "bool_", "result_type"), 9),
    **dict.fromkeys(("add", "divide", "dot", "matmul", "multiply", "subtract", "power", "true_divide", "mod"), 2),
    **dict.fromkeys(("heaviside", "equal", "not_equal", "logical_and", "logical_or", "logical_xor", "fmax", "fmin"), 2),
    **dict.fromkeys(("expand_dims", "max", "mean", "min", "reshape", "sum", "transpose", "std", "var", "prod"), 2),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "maximum", "minimum", "bitwise_and"), 2),
    **dict.fromkeys(("full", "full_like", "where", "clip", "select", "piecewise", "concatenate", "stack"), 3),
    **dict.fromkeys(("vstack", "hstack", "broadcast_to", "linspace", "arange", "allclose", "array_equal"), 9),
    **dict.fromkeys(("choose", "argmax", "argmin", "bitwise_or", "outer", "tile", "repeat", "roll", "inner"), 2),
    **dict.fromkeys(
        ("einsum", "tensordot", "split", "pad", "swapaxes", "moveaxis", "isclose", "interp", "errstate"), 9
    ),
    **dict.fromkeys(("random.rand", "random.randn", "random.normal", "random.uniform", "random.default_rng"), 9),
    **dict.fromkeys(("ma.masked_greater", "ma.masked_greater_equal", "ma.masked_less", "ma.masked_less_equal"), 2),
    **dict.fromkeys(("random.random", "random.randint", "random.standard_normal", "vectorize", "fromiter"), 9),
}
# Of those, the ones whose result may be a view of what they are given.
_VIEWS = frozenset(
    {"asarray", "asanyarray", "ascontiguousarray", "atleast_1d", "atleast_2d", "broadcast_to", "diag", "expand_dims"}
    | {"ma.masked_greater", "ma.masked_greater_equal", "ma.masked_less", "ma.masked_less_equal"}
    | {"moveaxis", "ravel", "reshape", "split", "squeeze", "swapaxes", "transpose"}
)
VIEW_METHODS = frozenset(
    {"diagonal", "get", "items", "keys", "ravel", "reshape", "squeeze", "swapaxes", "transpose", "values", "view"}
)
QUIET_METHODS = VIEW_METHODS | frozenset(
    {"all", "any", "argmax", "argmin", "astype", "choose", "clip", "conj", "copy", "cumsum", "dot", "flatten"}
    | {"format", "item", "join", "max", "mean", "min", "nonzero", "prod", "repeat", "round", "startswith", "std"}
    | {"sum", "take", "tobytes", "tolist", "var", "normal", "uniform", "standard_normal", "debug", "info", "warning"}
)
VIEW_ATTRIBUTES = frozenset({"T", "mT", "base", "data", "flat", "imag", "real"})
# Methods that change their array, which a name for one of them then does.
_CHANGING = frozenset({"byteswap", "fill", "itemset", "partition", "put", "resize", "setfield", "setflags", "sort"})
# Functions that may read, write and bind every name around them.
_FRAME = frozenset({"eval", "exec", "globals", "locals", "vars"})
# Words that let other code run, or bind names, in the middle of an expression.
SUSPENDING = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_key(node: ast.expr) -> bool:
    """Tell whether a subscript is one literal key or number."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and is_key(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, str | int)


def path_of(node: ast.AST) -> str | None:
    """Return ``a.b`` or ``a.b['key']`` for what an assignment can bind, else None."""
    if isinstance(node, ast.Subscript) and is_key(node.slice):
        base = path_of(node.value)
        return None if base is None else f"{base}[{ast.unparse(node.slice)}]"
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None


@lru_cache(maxsize=4096)
def path_node(path: str) -> ast.expr:
    """Return the expression of a path, with no place in the file; nobody changes it."""
    node = ast.parse(path, mode="eval").body
    for child in walk(node):
        for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(child, attribute):
                delattr(child, attribute)
    return node


def is_written(target: ast.expr) -> bool:
    """Tell whether an assignment to ``target`` writes to an array, and binds nothing."""
    if isinstance(target, ast.Attribute):
        return target.attr in VIEW_ATTRIBUTES | METADATA | {"strides"}
    return isinstance(target, ast.Subscript) and is_number(target.slice)


def is_number(node: ast.expr) -> bool:
    """Tell whether a subscript is a whole number."""
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def is_below(path: str, base: str) -> bool:
    """Tell whether ``path`` is ``base`` or a part of it."""
    return path == base or path.startswith((f"{base}.", f"{base}["))


Answer = TypeVar("Answer")


class Effects:
    """Answers for the expressions of one file.

    Parameters
    ----------
    names : Names
        Which names are NumPy's.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        # Loops and branches ask again and again; the node is kept so that its id stays its own.
        self._known: dict[tuple[str, int, bool], tuple[ast.AST, Any]] = {}

    def _once(self, question: str, node: ast.AST, answer: Callable[[ast.AST], Answer]) -> Answer:
        key = (question, id(node), self._names.loose)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (node, answer(node))
        found: Answer = known[1]
        return found

    def numpy(self, node: ast.AST) -> str | None:
        """Return the NumPy name of a called function, or None."""
        return self._names.function(node.func) if isinstance(node, ast.Call) else None

    def function(self, node: ast.AST) -> str | None:
        """Return the name that NumPy has for ``node``, or None."""
        return self._names.function(node)

    def is_quiet(self, call: ast.Call) -> bool:
        """Tell whether a call changes nothing that it is given."""
        name = self.numpy(call)
        if name is not None and name in QUIET_NUMPY:
            keywords = {keyword.arg for keyword in call.keywords}
            return len(call.args) <= QUIET_NUMPY[name] and not keywords & {"out", None}
        function = call.func
        if name is None and isinstance(function, ast.Name | ast.Attribute) and self._names.scalar(function) is not None:
            return True
        if name is None and isinstance(function, ast.Name):
            return function.id in QUIET_BUILTINS | _CONTAINERS
        if name is None and isinstance(function, ast.Attribute):
            arguments = {keyword.arg for keyword in call.keywords}
            return function.attr in QUIET_METHODS and not arguments & {"out", None}
        return name == "abs"

    def changed(self, node: ast.AST) -> set[str]:
        """Return each path whose array or object a call in ``node`` may change."""
        return self._once("changed", node, lambda part: set(self._changed(part)))

    def _changed(self, node: ast.AST) -> Iterator[str]:
        for child in walk(node):
            loops = getattr(child, "generators", ())
            bodies = [part for part in children(child) if part not in loops] if loops else []
            changed = {path for part in bodies for path in self._changed(part)}
            for loop in loops:
                names = {name.id for name in walk(loop.target) if isinstance(name, ast.Name)}
                if any(is_below(path, name) for path in changed for name in names):
                    yield from self.shared(loop.iter)
            if not isinstance(child, ast.Call) or self.is_quiet(child):
                continue
            if self.numpy(child) is None:
                yield from self.shared(child.func.value if isinstance(child.func, ast.Attribute) else child.func)
            for argument in (*child.args, *(keyword.value for keyword in child.keywords)):
                yield from self.shared(argument)

    def calls_out(self, node: ast.AST) -> bool:
        """Tell whether code that is not known may run."""
        return self._once(
            "calls", node, lambda part: any(isinstance(c, ast.Call) and not self.is_quiet(c) for c in walk(part))
        )

    def sees_names(self, node: ast.AST) -> bool:
        """Tell whether a call in ``node`` may change or bind any name."""
        return any(isinstance(child, ast.Call) and dotted(child.func) in _FRAME for child in walk(node))

    def suspends(self, node: ast.AST) -> bool:
        """Tell whether other code may run, or a name be bound, while ``node`` is evaluated."""
        return self._once("suspends", node, lambda part: any(isinstance(child, SUSPENDING) for child in walk(part)))

    def shared(self, node: ast.AST | None) -> Iterator[str]:
        """Yield each path whose memory the value of ``node`` may be, or hold."""
        match node:
            case None | ast.Constant() | ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.JoinedStr():
                for part in (node.left, node.right) if isinstance(node, ast.BinOp) else ():
                    if isinstance(part, ast.List | ast.Tuple):
                        yield from self.shared(part)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                if isinstance(node, ast.Attribute) and node.attr in METADATA:
                    return
                path = path_of(node)
                if path is not None:
                    yield path
                    if isinstance(node, ast.Attribute) and node.attr in _CHANGING:
                        yield from self.shared(node.value)
                else:
                    yield from self.shared(node.value if not isinstance(node, ast.Name) else None)
            case ast.Call():
                name = self.numpy(node)
                if self.is_quiet(node):
                    function = node.func
                    if name is not None:
                        if name in _VIEWS or (name == "array" and node.keywords):
                            yield from self.shared(node.args[0] if node.args else None)
                    elif isinstance(function, ast.Attribute):
                        casts = function.attr == "astype" and any(k.arg == "copy" for k in node.keywords)
                        if function.attr in VIEW_METHODS or casts:
                            yield from self.shared(function.value)
                    elif isinstance(function, ast.Name) and function.id in _CONTAINERS | {"getattr", "max", "min"}:
                        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                            yield from self.shared(argument)
                    return
                for child in children(node):
                    yield from self.shared(child)
            case _:
                # A container, a conditional, a lambda or a comprehension: all that it names.
                for inner in children(node):
                    yield from self.shared(inner)

    def is_pure(self, node: ast.AST) -> bool:
        """Tell whether ``node`` can be evaluated again to the same value."""
        return self._once("pure", node, self._is_pure)

    def _is_pure(self, node: ast.AST) -> bool:
        for child in walk(node):
            if isinstance(child, (*SUSPENDING, *SCOPES, ast.JoinedStr)):
                return False
            if isinstance(child, ast.Call):
                name = self.numpy(child)
                if not self.is_quiet(child) or (name or "").startswith("random."):
                    return False
                if dotted(child.func) in {"print", "super", "id"}:
                    return False
        return True

    def is_new(self, node: ast.AST) -> bool:
        """Tell whether the value is an array that nothing else refers to."""
        match node:
            case ast.BinOp() | ast.Compare() | ast.List():
                return True
            case ast.UnaryOp(op=ast.Invert() | ast.USub()):
                return True
            case ast.Call(func=ast.Attribute(attr="copy" | "astype" | "clip" | "flatten" | "round")):
                return self.is_quiet(node) and not any(k.arg == "copy" for k in node.keywords)
            case ast.Call():
                name = self.numpy(node)
                if name == "array":
                    flags = [k.value for k in node.keywords if k.arg == "copy"]
                    return all(isinstance(flag, ast.Constant) and flag.value is True for flag in flags)
                return name in _NEW and self.is_quiet(node)
        return False


_NEW = frozenset(QUIET_NUMPY) - _VIEWS - {"shape", "size", "ndim", "isscalar", "dtype", "vectorize", "errstate"}
