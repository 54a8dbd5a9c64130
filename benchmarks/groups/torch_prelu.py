"""PReLU and its gradient against PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator

import torch

import fastlrelu as fl
from timing import Candidates, Result, ratios

from .prelu import channel_operands, shaped_operands
from .torch_leaky_relu import set_threads


def backward(grad, x, weight, others):  # type: ignore[no-untyped-def]
    grad_x, full = torch.ops.aten._prelu_kernel_backward(grad, x, weight)
    return grad_x, full.sum(dim=others)


def torch_prelu() -> Iterator[Result]:
    for threads in (1, 2):
        set_threads(threads)
        for name, axis, x, g, w in channel_operands():
            a, b, c = (torch.from_numpy(v) for v in (x, g, w))
            if axis == -1:
                a, b = a.permute(0, 3, 1, 2), b.permute(0, 3, 1, 2)
            candidates: Candidates = {
                "prelu": lambda: fl.prelu(x, w, axis),
                "PyTorch": lambda: torch.nn.functional.prelu(a, c),
            }
            pause = 0.01 if threads > 1 else 0.0
            yield from ratios(f"{name}, {threads} thread(s)", candidates, {"PyTorch / prelu": 1.0}, pause=pause)
            if threads == 1:
                # Apart: its temporaries decide whether others get their memory from the system or from the heap.
                weight = c.reshape(1, -1, 1, 1)
                candidates = {
                    "prelu_grad": lambda: fl.prelu_grad(g, x, w, axis),
                    "PyTorch": lambda: backward(b, a, weight, (0, 2, 3)),
                }
                yield from ratios(f"{name}, 1 thread", candidates, {"PyTorch / prelu_grad": 4.0})


def torch_prelu_shapes() -> Iterator[Result]:
    set_threads(1)
    for _, name, x, g, w in shaped_operands():
        a, b = torch.from_numpy(x), torch.from_numpy(g)
        c = torch.from_numpy(w.reshape((1,) * (x.ndim - w.ndim) + w.shape))
        others = [i for i, n in enumerate(c.shape) if n == 1]
        candidates: Candidates = {
            "prelu_grad": lambda: fl.prelu_grad(g, x, w),
            "PyTorch's backward": lambda: backward(b, a, c, others),
        }
        yield from ratios(name, candidates, {"PyTorch's backward / prelu_grad": 4.0}, rounds=15)
