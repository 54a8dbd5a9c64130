"""fastlrelu itself, and the plain copy that nothing can beat."""

from __future__ import annotations

import contextvars
from typing import Any

import numpy as np

import fastlrelu as fl

from ..cells import ELU_GELU
from ..inputs import Array, Inputs
from . import Call

VERSION = fl.__version__
# Enough for what the np.where line takes at the largest size.
REUSED_LIMIT = 1 << 30


def set_threads(threads: int) -> None:
    """Limit fastlrelu; NumPy's matrix product is limited by the environment."""
    fl.set_num_threads(threads)


def inside(memory: fl.reuse_memory, call: Call) -> Call:
    """The call in a context of its own, where new arrays use this memory again."""
    context = contextvars.copy_context()
    context.run(memory.__enter__)
    return lambda: context.run(call)


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
        return lambda: act.add(x, second)
    if i.operation == "layer":
        return lambda: fl.leaky_relu_(x @ second, slope)
    if i.operation in ELU_GELU:
        functions: dict[str, Any] = {"elu": fl.ELU(), "gelu": fl.GELU(), "gelu_tanh": fl.GELU("tanh")}
        function = functions[i.operation]
        return lambda: function(x)
    axis = i.channel_axis
    return lambda: fl.prelu(x, second, axis)


def _build_limit(i: Inputs) -> Call:
    x, second = i.x, i.second
    if i.operation in ("out", "in_place"):
        out = np.empty_like(x)
        return lambda: np.copyto(out, x)
    if i.operation == "layer":
        return lambda: x @ second
    return lambda: x.copy()


def build(inputs: Inputs, candidate: str) -> Call:
    """The call to time."""
    x, slope = inputs.x, inputs.slope
    if candidate == "limit":
        return _build_limit(inputs)
    if candidate == "ufunc":
        leaky_relu = fl.leaky_relu
        return lambda: leaky_relu(x, slope)
    if candidate == "out":
        act, out = fl.LeakyReLU(slope), np.empty_like(x)
        return lambda: act(x, out)
    if candidate == "in_place":
        y = x.copy()
        leaky_relu_ = fl.leaky_relu_
        return lambda: leaky_relu_(y, slope)
    return inside(fl.reuse_memory(REUSED_LIMIT), build_ours(inputs)) if candidate == "reused" else build_ours(inputs)


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
