"""The NumPy lines that fastlrelu replaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import Array, Inputs
from . import Call, UnsupportedError

VERSION = np.__version__


def set_threads(threads: int) -> None:
    """Nothing to do: NumPy's ufuncs have no threads, and its matrix product is limited by the environment."""


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
    return _build_where(inputs) if candidate == "where" else _build_maximum(inputs)


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
