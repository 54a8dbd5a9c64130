"""The NumPy lines that fastlrelu replaces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastlrelu as fl

from ..cells import ELU_GELU
from ..inputs import Array, Inputs
from . import Call, UnsupportedError
from .with_fastlrelu import REUSED_LIMIT, inside

VERSION = np.__version__


def set_threads(threads: int) -> None:
    """Nothing to do: NumPy's ufuncs have no threads, and its matrix product is limited by the environment."""


def elu(x: Array) -> Array:
    """ELU as people write it."""
    return np.where(x > 0, x, np.expm1(x))


def gelu(x: Array) -> Array:
    """GELU as people write it; needs SciPy."""
    from scipy import special

    number = x.dtype.type
    result: Array = number(0.5) * x * (number(1) + special.erf(x / number(math.sqrt(2))))
    return result


def gelu_tanh(x: Array) -> Array:
    """GELU by tanh as people write it."""
    number = x.dtype.type
    inner = number(math.sqrt(2 / math.pi)) * (x + number(0.044715) * x * x * x)
    result: Array = number(0.5) * x * (number(1) + np.tanh(inner))
    return result


def _build_elu_gelu(i: Inputs) -> Call:
    if i.operation == "gelu":
        if i.dtype.itemsize == 2:
            raise UnsupportedError(f"SciPy's erf gives no {i.dtype.name}")
        try:
            import scipy.special  # noqa: F401
        except ImportError as error:
            raise UnsupportedError(f"SciPy could not be imported: {error}") from None
    line = {"elu": elu, "gelu": gelu, "gelu_tanh": gelu_tanh}[i.operation]
    x = i.x
    return lambda: line(x)


def _build_where(i: Inputs) -> Call:
    x, second, s = i.x, i.second, i.scalar
    if i.operation in ("new", "out", "call"):
        return lambda: np.where(x > 0, x, s * x)
    if i.operation == "in_place":
        y = x.copy()

        def in_place() -> Array:
            y[...] = np.where(y > 0, y, s * y)
            return y

        return in_place
    if i.operation == "grad":
        return lambda: np.where(x > 0, second, s * second)
    if i.operation in ("add", "layer"):
        product = i.operation == "layer"

        def after() -> Array:
            t = x @ second if product else x + second
            return np.where(t > 0, t, s * t)

        return after
    slopes = i.channel_slopes
    return lambda: np.where(x > 0, x, slopes * x)


def _build_maximum(i: Inputs) -> Call:
    x, second, s = i.x, i.second, i.scalar
    if i.operation in ("new", "call"):
        return lambda: np.maximum(x, s * x)
    if i.operation in ("out", "in_place"):
        scratch = np.empty_like(x)
        y = x.copy() if i.operation == "in_place" else x
        out = y if i.operation == "in_place" else np.empty_like(x)

        def into() -> Array:
            np.multiply(y, s, out=scratch)
            np.maximum(y, scratch, out=out)
            return out

        return into
    if i.operation in ("add", "layer"):
        product = i.operation == "layer"

        def after() -> Array:
            t = x @ second if product else x + second
            np.maximum(t, s * t, out=t)
            return t

        return after
    if i.operation == "grad":
        raise UnsupportedError("no gradient by np.maximum")
    slopes = i.channel_slopes
    return lambda: np.maximum(x, slopes * x)


def build(inputs: Inputs, candidate: str) -> Call:
    """The call to time."""
    if candidate == "multiply":
        x, s = inputs.x, inputs.scalar
        return lambda: np.multiply(x, s)
    if candidate == "maximum":
        return _build_maximum(inputs)
    line = _build_elu_gelu(inputs) if inputs.operation in ELU_GELU else _build_where(inputs)
    return inside(fl.reuse_memory(REUSED_LIMIT), line) if candidate == "where_reused" else line


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
