"""``--verify``: runs an old expression and its replacement on values where they could differ.

Nothing of the user's module runs. Only the expression itself is compiled, with every name,
attribute and call that is not NumPy's replaced by a stand-in value.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastlrelu.rewrite.folding import MASKED
from fastlrelu.rewrite.pieces import PIECES
from fastlrelu.rewrite.scene import Scene
from fastlrelu.rewrite.search import Finding
from fastlrelu.rewrite.source import METADATA, walk
from fastlrelu.rewrite.versions import copied

_F16, _F32, _F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
_DTYPES: list[tuple[np.dtype[Any], np.dtype[Any]]] = [(_F16, _F16), (_F32, _F32), (_F64, _F64)]
_MIXED: list[tuple[np.dtype[Any], np.dtype[Any]]] = [(_F32, _F16), (_F64, _F32)]
_NUMBERS = (0.01, 0.25, 0.0, -0.0, -0.5, 1.0, 2.0, np.inf, np.nan)
_SLOPES = (*_NUMBERS, np.float64(0.3), np.array([0.3], np.float32))
_BUILTINS = {"abs": abs, "float": float, "list": list, "map": map}
_METHODS = METADATA | {"astype", "clip", "copy"}
_CURVES = {"exp", "expm1", "erf", "power", "sqrt", "square", "tanh"}
_RUN = PIECES.keys() | _CURVES | {"nonzero", "piecewise", "putmask", "copyto", "vectorize", *MASKED}
_SHOWN = 3

Array = NDArray[np.floating[Any]]


def prove(finding: Finding) -> list[str]:
    """Return the proof that a replacement is the same, or examples of where it is not.

    Parameters
    ----------
    finding : Finding
        One that has something to write.

    Returns
    -------
    list of str
        Lines to print.
    """
    slopes = _slopes(finding)
    has_gradient = finding.leak is not None and finding.leak.grad is not None
    pairs = _DTYPES + _MIXED if has_gradient else _DTYPES
    runs, differences = 0, []
    for (dtype, grad), slope in itertools.product(pairs, slopes):
        runs += 1
        found = _difference(finding, dtype, grad, slope)
        if found is not None:
            both = "" if grad is dtype else f" with a gradient of {grad}"
            differences.append(f"{dtype}{both}, slope {slope}: {found}")
    if not differences:
        tried = f"{len(slopes)} slopes" if len(slopes) > 1 else f"slope {slopes[0]}"
        return [f"same bits and dtype in float16, float32 and float64, for nan, inf, -0.0 and subnormal x, {tried}"]
    shown = [f"differs: {line}" for line in differences[:_SHOWN]]
    return [*shown, f"differs in {len(differences)} of {runs} runs"]


def values(dtype: np.dtype[Any]) -> Array:
    """Return the numbers of a dtype that tell two formulas apart."""
    info = np.finfo(dtype)
    positive = [0.0, info.smallest_subnormal, info.tiny, 0.37, 1.0, 3.0, info.max, np.inf]
    return np.array([np.nan, *positive, *(-np.array(positive))], dtype)


def _slopes(finding: Finding) -> tuple[Any, ...]:
    return _SLOPES if finding.number is None else (finding.number,)


def _difference(finding: Finding, dtype: np.dtype[Any], grad_dtype: np.dtype[Any], slope: Any) -> str | None:
    x = values(dtype)
    grad = np.repeat(values(grad_dtype), len(x))
    x = np.tile(x, len(x))
    try:
        old, new = run_both(finding, x, grad, slope)
    except Exception as error:
        return f"one of them raises {error!r}"
    if old.dtype != new.dtype:
        return f"the dtype was {old.dtype}, becomes {new.dtype}"
    if old.shape != new.shape:
        return f"the shape was {old.shape}, becomes {new.shape}"
    same = (old == new) & (np.signbit(old) == np.signbit(new)) | np.isnan(old) & np.isnan(new)
    if same.all():
        return None
    at = int(np.argmin(same))
    return f"x = {x[at]} gave {old[at]}, gives {new[at]}"


def run_both(finding: Finding, x: Array, grad: Array, slope: Any) -> tuple[Array, Array]:
    """Return what the old and the new code of a finding give.

    Parameters
    ----------
    finding : Finding
        One that has something to write.
    x, grad : ndarray
        What stands in for the input and the gradient.
    slope : float or ndarray
        What stands in for a slope that is no number.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        old, new = (np.asarray(_run(finding, program, x, grad, slope)) for program in _programs(finding))
    return old, new


def _run(finding: Finding, side: ast.Module, x: Array, grad: Array, slope: Any) -> Any:
    import fastlrelu

    space: dict[str, Any] = {
        "__builtins__": _BUILTINS,
        "numpy_": np,
        "math_": math,
        "fastlrelu": fastlrelu,
        "x_": x[np.newaxis].copy() if _is_nested(finding) else x.copy(),
        "g_": grad.copy(),
        "s_": slope,
    }
    start = "x_" if finding.leak is not None and finding.leak.grad is None else "g_"
    space["y_"] = space[start]
    names = {node.id for node in walk(side) if isinstance(node, ast.Name)}
    others = sorted(name for name in names if name.startswith("other"))
    uses_slope = "s_" in names
    for position, name in enumerate(others):
        space[name] = 0.5 if position or uses_slope else slope
    if "special_" in names:
        space["special_"] = importlib.import_module("scipy.special")
    exec(compile(side, "<verify>", "exec"), space)
    if "result_" not in space:
        return space[_target_name(finding)]
    return space["result_"].astype(x.dtype) if finding.cast else space["result_"]


def _is_nested(finding: Finding) -> bool:
    """Tell whether a comprehension goes over the rows of a matrix."""
    code = finding.nodes
    loops = walk(code) if isinstance(code, ast.expr) else ()
    return sum(isinstance(node, ast.ListComp) for node in loops) > 1


def _target_name(finding: Finding) -> str:
    return _names(finding).get(_target_key(finding), "y_")


def _target_key(finding: Finding) -> str:
    assert finding.scene is not None
    return finding.scene.source.key(finding.target) if finding.target is not None else ""


def _names(finding: Finding) -> dict[str, str]:
    leak, scene = finding.leak, finding.scene
    assert leak is not None
    assert scene is not None
    key = scene.source.key
    names = {_target_key(finding): "y_"} if finding.target is not None else {}
    code = finding.nodes if isinstance(finding.nodes, list) else [leak.old]
    spelled = {key(child) for part in code for child in walk(part)}
    if not isinstance(leak.slope, ast.Constant) and key(leak.slope) in spelled:
        names[key(leak.slope)] = "s_"
    if leak.grad is not None:
        names[key(leak.grad)] = "g_"
    return {**names, key(leak.x): "x_"}


def _programs(finding: Finding) -> Iterator[ast.Module]:
    """Yield the old and the new code with stand-ins for names."""
    scene, leak = finding.scene, finding.leak
    assert scene is not None
    assert leak is not None
    names = _names(finding)
    if isinstance(finding.nodes, list):
        for statements in (finding.nodes, ast.parse(finding.new).body):
            yield _module([copied(statement) for statement in statements], scene, names)
        return
    assert finding.nodes is not None
    old = finding.nodes if finding.form == "loop" else leak.old
    for expression in (old, ast.parse(finding.call or finding.new, mode="eval").body):
        yield _module([_result(copied(expression))], scene, names)


def _result(expression: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name("result_", ast.Store())], expression)


def _module(statements: list[ast.stmt], scene: Scene, names: dict[str, str]) -> ast.Module:
    stand_in = _StandIn(scene, names)
    module = ast.Module([stand_in.visit(statement) for statement in statements], [])
    return ast.fix_missing_locations(module)


class _StandIn(ast.NodeTransformer):
    """Puts stand-in names where the code reads anything but NumPy."""

    def __init__(self, scene: Scene, names: dict[str, str]) -> None:
        self._scene = scene
        self._names = dict(names)
        self._kept = {"fastlrelu", "result_", *_BUILTINS}

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Lambda):
            self._kept |= {argument.arg for argument in node.args.args}
        if isinstance(node, ast.ListComp):
            bound = (child.target for child in node.generators)
            self._kept |= {target.id for target in bound if isinstance(target, ast.Name)}
        if not isinstance(node, ast.expr):
            return self.generic_visit(node)
        key = self._scene.source.key(node)
        if isinstance(node, ast.Name) and node.id in self._kept:
            return node
        if key in self._names:
            return ast.Name(self._names[key], getattr(node, "ctx", ast.Load()))
        if isinstance(node, ast.Name | ast.Attribute):
            name = self._scene.names.function(node)
            if name is not None:
                library = "special_" if name == "erf" else "numpy_"
                return ast.parse(f"{library}.{name}", mode="eval").body
            if (name := self._scene.names.scalar(node)) is not None:
                return ast.parse(f"math_.{name}", mode="eval").body
        if self._is_read(node):
            self._names[key] = name = f"other{len(self._names)}_"
            return ast.Name(name, getattr(node, "ctx", ast.Load()))
        return self.generic_visit(node)

    def _is_read(self, node: ast.expr) -> bool:
        """Tell whether the node reads the user's program, which has to be replaced."""
        match node:
            case ast.Name():
                return True
            case ast.Attribute(value=ast.Name(id="fastlrelu")):
                return False
            case ast.Attribute(attr=attribute):
                return attribute not in _METHODS
            case ast.Subscript(ctx=ast.Load(), value=value):
                return self._scene.source.key(value) not in self._names
            case ast.Call(func=ast.Attribute(value=ast.Name(id="fastlrelu"))):
                return False
            case ast.Call(func=func):
                known = self._scene.names.scalar(func) in _RUN
                method = isinstance(func, ast.Attribute) and func.attr in _METHODS
                built_in = isinstance(func, ast.Name) and func.id in _BUILTINS
                return not (known or method or built_in or isinstance(func, ast.Call))
        return False
