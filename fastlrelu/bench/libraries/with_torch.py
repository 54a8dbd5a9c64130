"""PyTorch: its own functions, without autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..inputs import Array, Inputs
from . import Call

VERSION: str = torch.__version__


def set_threads(threads: int) -> None:
    """Limit PyTorch's pool; switch autograd off, as for inference."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)


def _tensor(array: Array) -> Any:
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def build(i: Inputs, candidate: str) -> Call:
    """The call to time."""
    slope = i.slope
    leaky_relu, leaky_relu_ = torch.nn.functional.leaky_relu, torch.nn.functional.leaky_relu_
    x, second = _tensor(i.x), _tensor(i.second)
    if i.operation == "elu":
        return lambda: torch.nn.functional.elu(x)
    if i.operation in ("gelu", "gelu_tanh"):
        gelu, approximate = torch.nn.functional.gelu, "tanh" if i.operation == "gelu_tanh" else "none"
        return lambda: gelu(x, approximate=approximate)
    if i.operation == "out":
        out = torch.empty_like(x)
        into = torch.ops.aten.leaky_relu.out
        return lambda: into(x, slope, out=out)
    if i.operation == "in_place":
        y = x.clone()
        return lambda: leaky_relu_(y, slope)
    if i.operation == "grad":
        backward = torch.ops.aten.leaky_relu_backward
        return lambda: backward(second, x, slope, False)
    if i.operation == "add":
        return lambda: leaky_relu_(x + second, slope)
    if i.operation == "layer":
        return lambda: leaky_relu_(x @ second, slope)
    if i.operation in ("prelu_first", "prelu_last"):
        # Channels are axis 1 in PyTorch; with channels last in memory that is a view.
        last = i.operation == "prelu_last"
        view = x.movedim(-1, 1) if last else x
        prelu = torch.nn.functional.prelu
        return (lambda: prelu(view, second).movedim(1, -1)) if last else (lambda: prelu(view, second))
    if i.operation == "prelu_shared":
        return lambda: torch.nn.functional.prelu(x, second)
    if i.operation == "prelu_elements":
        # The operator behind prelu, which itself takes weights of one dimension alone.
        kernel = torch.ops.aten._prelu_kernel
        return lambda: kernel(x, second[None])
    return lambda: leaky_relu(x, slope)


def to_numpy(result: Any) -> Array:
    """A NumPy array on the tensor's memory."""
    if result.dtype == torch.bfloat16:
        import ml_dtypes

        return np.ascontiguousarray(result.view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    return np.asarray(result.numpy())
