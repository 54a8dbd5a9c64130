"""Which arrays surely hold bools or integers, where a slope is cut off, or complex numbers, which no ufunc takes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastlrelu.rewrite.effects import path_of
from fastlrelu.rewrite.source import dotted, walk
from fastlrelu.rewrite.versions import Expansion, TooLarge, Version, is_atom

if TYPE_CHECKING:
    from fastlrelu.rewrite.flow import Flow

_DEEPEST = 12
_ASSIGNING = ast.Assign | ast.For | ast.While | ast.If | ast.With | ast.Try
_ASKING = frozenset(
    {"equal", "greater", "greater_equal", "invert", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and"}
    | {"logical_not", "logical_or", "logical_xor", "not_equal", "signbit"}
)
_KEEPING = frozenset({"array", "asarray", "ascontiguousarray", "copy", "empty_like", "full_like", "ones_like"})
_KEEPING_METHODS = frozenset({"copy", "flatten", "ravel", "reshape", "transpose"})
_COMPLEX = re.compile(r"\b[\d.]+j\b|\bcomplex")
_REAL = re.compile(r"\b(abs|absolute|angle|imag|real)\b")
# Where their dtype stands.
FILLED = {"zeros": 1, "ones": 1, "empty": 1, "full": 2}


def holds_integers(node: ast.expr, flow: Flow, depth: int = 0) -> bool:
    """Tell whether an expression of versions is surely an array, or a number, of bools or integers."""
    if depth > _DEEPEST:
        return False

    def inner(part: ast.expr) -> bool:
        return holds_integers(part, flow, depth + 1)

    match node:
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return bool(parts) and all(map(inner, parts))
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Invert() | ast.Not()):
            return True
        case ast.UnaryOp(operand=operand):
            return inner(operand)
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor()):
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return inner(left) and inner(right)
        case ast.Subscript(value=value):
            return inner(value)
        case ast.Name() if is_atom(node):
            version = flow.versions[node.id]
            # Whatever changed it in place, an array keeps its dtype.
            held = version.before or version.definition
            return (held is not None and inner(held)) or any(map(inner, _assigned(version)))
        case ast.Call():
            return _called(node, flow, depth + 1)
    return False


def holds_complex(node: ast.expr, flow: Flow) -> bool:
    """Tell whether an expression of versions looks complex: the ufuncs do not take such arrays."""
    try:
        text = ast.unparse(Expansion(flow.versions, lambda _: True, beyond=True).of(node))
    except TooLarge:
        return False
    return _COMPLEX.search(text) is not None and _REAL.search(text) is None


def _assigned(version: Version) -> list[ast.expr]:
    """Return what the statement that ended what was known assigns to the name."""
    inside = walk(version.statement) if isinstance(version.statement, _ASSIGNING) else []
    assigned = [node for node in inside if isinstance(node, ast.Assign)]
    return [node.value for node in assigned if any(path_of(target) == version.path for target in node.targets)]


def _called(call: ast.Call, flow: Flow, depth: int) -> bool:
    name = flow.effects.numpy(call)
    dtype = next((keyword.value for keyword in call.keywords if keyword.arg == "dtype"), None)
    if name is None:
        match call.func:
            case ast.Attribute(attr="astype"):
                return _is_integer(dtype or (call.args[0] if call.args else None))
            case ast.Attribute(attr="integers" | "randint"):
                return True
            case ast.Attribute(value=value, attr=method) if method in _KEEPING_METHODS:
                return holds_integers(value, flow, depth)
        return False
    if name in FILLED and dtype is None and len(call.args) > FILLED[name]:
        dtype = call.args[FILLED[name]]
    if name in {"array", "asarray"} | _KEEPING and dtype is None and len(call.args) > 1 and name != "full_like":
        dtype = call.args[1]
    if dtype is not None:
        return _is_integer(dtype)
    if name in _ASKING or name == "random.randint":
        return True
    if name == "arange":
        # Hardly anybody gives it a float that is not spelled out.
        return not any(isinstance(part, ast.Constant) and isinstance(part.value, float) for part in walk(call))
    if name == "where":
        return len(call.args) == 3 and all(holds_integers(part, flow, depth) for part in call.args[1:])
    if name == "full":
        return len(call.args) == 2 and holds_integers(call.args[1], flow, depth)
    return name in {"zeros_like", *_KEEPING} and bool(call.args) and holds_integers(call.args[0], flow, depth)


def _is_integer(dtype: ast.expr | None) -> bool:
    if isinstance(dtype, ast.Constant) and isinstance(dtype.value, str):
        name = dtype.value
    else:
        name = (dotted(dtype) or "").rpartition(".")[2] if dtype is not None else ""
    return name.startswith(("int", "uint", "bool")) or name in {"i", "i4", "i8", "long", "byte"}
