"""Which floating-point dtype an expression surely has, and which reasons that takes away."""

from __future__ import annotations

import ast

from fastlrelu.rewrite.leaks import Leak
from fastlrelu.rewrite.reasons import (
    DOUBLES,
    DTYPE_OF_GRADIENT,
    DTYPE_OF_MASK,
    DTYPE_OF_SLOPES,
    ERF_OF_HALF,
    FAMILY_REASONS,
)
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.source import FLOAT_NAMES, FLOATS, dotted, named_float
from fastlrelu.rewrite.statement_forms import KEPT_DTYPE, UNKNOWN
from fastlrelu.rewrite.versions import is_atom

NUMBER = "number"
# Functions of floats that keep the dtype of their first argument.
_KEEPING = frozenset(
    {"abs", "absolute", "array", "asarray", "ascontiguousarray", "copy", "empty_like", "exp", "expm1", "fabs", "log"}
    | {"log1p", "negative", "ones_like", "ravel", "reshape", "sign", "sqrt", "square", "tanh", "transpose"}
    | {"zeros_like"}
)
_JOINING = frozenset({"add", "divide", "dot", "fmax", "fmin", "matmul", "maximum", "minimum", "multiply", "subtract"})
_KEEPING_METHODS = frozenset({"clip", "copy", "flatten", "ravel", "reshape", "squeeze", "swapaxes", "transpose"})
_DRAWN = frozenset({"normal", "rand", "randn", "random", "random_sample", "standard_normal", "uniform"})
_MOST = 40


class Dtypes:
    """Infers dtypes at one place; None is an answer for everything that is not proven.

    Parameters
    ----------
    scene : Scene
        The place.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._left = _MOST

    def of(self, node: ast.expr) -> str | None:
        """Return the dtype of a NumPy array or scalar, ``NUMBER`` for a Python number, or None."""
        self._left -= 1
        if self._left < 0:
            return None
        match node:
            case ast.Constant(value=bool()):
                return None
            case ast.Constant(value=int() | float()):
                return NUMBER
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self.of(operand)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.MatMult(), right=right):
                return _joined(self.of(left), self.of(right))
            case ast.Attribute(value=value, attr="T"):
                return self.of(value)
            case ast.Subscript(value=value, slice=ast.Slice() | ast.Tuple() | ast.Constant(value=None)):
                return self.of(value)
            case ast.Name() | ast.Attribute():
                return self._named(node)
            case ast.Call():
                return self._called(node)
        return None

    def _named(self, node: ast.expr) -> str | None:
        scene, flow = self._scene, self._scene.flow
        held: ast.expr | None = node
        if not is_atom(node):
            state = scene.state
            held = state.value(scene.source.key(node)) if state is not None else None
        if held is not None and is_atom(held) and flow is not None:
            version = flow.versions[scene.source.key(held)]
            maker = version.statement
            if isinstance(maker, ast.AnnAssign):
                return self.annotated(maker.annotation)
            if version.definition is not None:
                return self.of(version.definition)
            if version.before is not None:
                # Whatever changed it in place, an array keeps its dtype; a name may not.
                return None
            if (
                isinstance(maker, ast.Assign)
                and len(maker.targets) == 1
                and not isinstance(maker.targets[0], ast.Tuple)
            ):
                before = flow.before.get(id(maker))
                return None if before is None else self.of(flow.converted(maker.value, before))
            return None
        if held is not None and scene.source.key(held) != scene.source.key(node):
            return self.of(held)
        return self._parameter(node)

    def _parameter(self, node: ast.expr) -> str | None:
        function = self._scene.place.function if self._scene.place is not None else None
        if not isinstance(node, ast.Name) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            if argument.arg == node.id and argument.annotation is not None:
                return self.annotated(argument.annotation)
        return None

    def annotated(self, annotation: ast.expr) -> str | None:
        """Return the dtype that ``NDArray[np.float32]`` or ``np.ndarray[..., np.dtype[np.float32]]`` names."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return None
        match annotation:
            case ast.Subscript(value=base, slice=inner):
                last = (dotted(base) or "").rpartition(".")[2]
                if last == "NDArray":
                    return named_float(inner)
                if last == "ndarray" and isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
                    match inner.elts[1]:
                        case ast.Subscript(value=dtype, slice=scalar) if (dotted(dtype) or "").endswith("dtype"):
                            return named_float(scalar)
        return None

    def _called(self, call: ast.Call) -> str | None:
        name = self._scene.numpy(call)
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        if "dtype" in keywords:
            known = name in _KEEPING | {"zeros", "ones", "empty", "full", "full_like"}
            return named_float(keywords["dtype"]) if known or _drawing(call) else None
        if name is None:
            match call.func:
                case ast.Attribute(attr="astype") if call.args:
                    return self._dtype(call.args[0])
                case ast.Attribute(value=value, attr=method) if method in _KEEPING_METHODS:
                    return self.of(value)
                case ast.Attribute(value=value, attr="dot") if len(call.args) == 1:
                    return _joined(self.of(value), self.of(call.args[0]))
                case ast.Name(id="float"):
                    return NUMBER
            return None
        last = name.rpartition(".")[2]
        if name.startswith("random.") and last in _DRAWN and (call.args or "size" in keywords):
            return "float64"
        if FLOAT_NAMES.get(name, name) in FLOATS and len(call.args) == 1:
            return FLOAT_NAMES.get(name, name)
        if name in {"zeros", "ones", "empty"}:
            return "float64" if len(call.args) == 1 else self._dtype(call.args[1])
        if name in {"array", "asarray"} and len(call.args) == 2:
            return self._dtype(call.args[1])
        if name in _KEEPING and call.args:
            kept = self.of(call.args[0])
            return None if kept == NUMBER else kept
        if name in _JOINING and len(call.args) == 2:
            return _joined(self.of(call.args[0]), self.of(call.args[1]))
        if name == "where" and len(call.args) == 3:
            return _joined(self.of(call.args[1]), self.of(call.args[2]))
        return None

    def _dtype(self, node: ast.expr) -> str | None:
        match node:
            case ast.Attribute(value=value, attr="dtype"):
                found = self.of(value)
                return None if found == NUMBER else found
        return named_float(node)


def _drawing(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _DRAWN


def _joined(a: str | None, b: str | None) -> str | None:
    if a is None or b is None:
        return None
    if NUMBER in (a, b):
        return a if b == NUMBER else b
    return max(a, b)


def settled(reasons: list[str], leak: Leak, scene: Scene, target: ast.expr | None) -> list[str]:
    """Return the reasons that remain once dtypes are known.

    Parameters
    ----------
    reasons : list of str
        Why the fix may differ for arrays of any dtype.
    leak : Leak
        What is replaced.
    scene : Scene
        Where.
    target : ast.expr or None
        The array that statements write to.
    """
    x = Dtypes(scene).of(leak.x)
    if x is None or x == NUMBER:
        return reasons
    slope = Dtypes(scene).of(leak.slope)
    grad = Dtypes(scene).of(leak.grad) if leak.grad is not None else None
    gone = {UNKNOWN} if x == "float16" else {UNKNOWN, ERF_OF_HALF}
    if x == "float64":
        gone.add(DOUBLES)
    if slope in (NUMBER, x):
        gone.add(KEPT_DTYPE)
        wide = x == "float64" and (leak.grad is None or grad == x)
        if wide:
            # Numbers make float64 of a mask, and that is the dtype of x.
            gone |= {DTYPE_OF_MASK, DTYPE_OF_SLOPES, FAMILY_REASONS["wide"], FAMILY_REASONS["filled"]}
    if grad == x:
        gone.add(DTYPE_OF_GRADIENT)
    return [reason for reason in reasons if reason not in gone]
