"""fastlrelu itself, the NumPy lines that it replaces, and the plain copy that nothing can beat."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastlrelu as fl

from ..inputs import Array, Inputs
from . import Call, Unsupported

VERSION = np.__version__


def set_threads(threads: int) -> None:
    """Limit fastlrelu; NumPy's matrix product is limited by the environment."""
    fl.set_num_threads(threads)


def build_ours(i: Inputs) -> Call:
    """The fastlrelu call of the operation: also what the results of all others are compared with."""
    x, second, slope = i.x, i.second, i.slope
    act = fl.LeakyReLU(slope)
    if i.operation in ("new", "call"):
        return lambda: act(x)
    if i.operation == "out":
        out = np.empty_like(x)
        return lambda: act(x, out)
    if i.operation == "in_place":
        y = x.copy()
        return lambda: fl.leaky_relu_(y, slope)
    if i.operation == "grad":
        return lambda: act.grad(second, x)
    if i.operation == "add":
        return lambda: fl.add_leaky_relu(x, second, slope)
    if i.operation == "layer":
        return lambda: fl.leaky_relu_(x @ second, slope)
    axis = i.channel_axis
    return lambda: fl.prelu(x, second, axis)


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
            return np.maximum(y, scratch, out=out)

        return into
    if i.operation in ("add", "layer"):
        product = i.operation == "layer"

        def after() -> Array:
            t = x @ second if product else x + second
            return np.maximum(t, s * t, out=t)

        return after
    if i.operation == "grad":
        raise Unsupported("no gradient by np.maximum")
    slopes = i.channel_slopes
    return lambda: np.maximum(x, slopes * x)


def _build_limit(i: Inputs) -> Call:
    x, second = i.x, i.second
    if i.operation in ("out", "in_place"):
        out = np.empty_like(x)
        return lambda: np.copyto(out, x)
    if i.operation == "layer":
        return lambda: x @ second
    return lambda: x.copy()


def _build_call_only(i: Inputs, candidate: str) -> Call:
    x, slope, s = i.x, i.slope, i.scalar
    if candidate == "ufunc":
        leaky_relu = fl.leaky_relu
        return lambda: leaky_relu(x, slope)
    if candidate == "out":
        act, out = fl.LeakyReLU(slope), np.empty_like(x)
        return lambda: act(x, out)
    if candidate == "in_place":
        y = x.copy()
        leaky_relu_ = fl.leaky_relu_
        # Slope 1: over and over, a smaller one would end in subnormals.
        leaky_relu_(y, slope)
        return lambda: leaky_relu_(y, 1.0)
    return lambda: np.multiply(x, s)


def build(inputs: Inputs, candidate: str) -> Call:
    """The call to time."""
    if candidate == "fastlrelu":
        return build_ours(inputs)
    if candidate == "where":
        return _build_where(inputs)
    if candidate == "maximum":
        return _build_maximum(inputs)
    if candidate == "limit":
        return _build_limit(inputs)
    return _build_call_only(inputs, candidate)


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
