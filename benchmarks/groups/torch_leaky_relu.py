"""Leaky ReLU against PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

import fastlrelu as fl
from timing import Candidates, Result, normal, ratios, size

from .leaky_relu import SIZES, act, three_ways

functional, aten = torch.nn.functional, torch.ops.aten


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    fl.set_num_threads(threads)


def torch_calls() -> Iterator[Result]:
    set_threads(1)
    for n in (1, 16, 64, 256):
        x = normal(n)
        a = torch.from_numpy(x)
        candidates: Candidates = {
            "LeakyReLU()(x)": lambda: act(x),
            "PyTorch": lambda: functional.leaky_relu(a, 0.01),
        }
        yield from ratios(f"n = {n}", candidates, {"PyTorch / LeakyReLU()(x)": 8.0})


def torch_sizes() -> Iterator[Result]:
    for threads in (1, 2):
        set_threads(threads)
        for dtype in (np.float32, np.float64):
            for n in (*SIZES, 4 << 20, 16 << 20):
                x, y = normal(n, dtype), normal(n, dtype)
                out = np.empty_like(x)
                a, b, c = (torch.from_numpy(v) for v in (x, y.copy(), out.copy()))
                candidates: Candidates = {
                    **three_ways(x, out, y),
                    "PyTorch out=": lambda: aten.leaky_relu.out(a, 0.01, out=c),
                    "PyTorch new array": lambda: functional.leaky_relu(a, 0.01),
                    "PyTorch in place": lambda: functional.leaky_relu_(b, 1.0),
                }
                # Beyond, all are as fast as the memory, but for the spread of repeats.
                least = 1.0 if n <= SIZES[-1] else 0.95
                wanted = {f"PyTorch {way} / {way}": least for way in ("out=", "new array", "in place")}
                name = f"{size(n)} {x.dtype}, {threads} thread(s)"
                yield from ratios(name, candidates, wanted, pause=0.01 if threads > 1 else 0.0)


def torch_halves() -> Iterator[Result]:
    import ml_dtypes

    set_threads(1)
    for dtype, kind, least in ((np.float16, torch.float16, 1.6), (ml_dtypes.bfloat16, torch.bfloat16, 1.8)):
        x = normal(1 << 20, dtype)
        out = np.empty_like(x)
        a = torch.from_numpy(x.view(np.int16)).view(kind)
        c = torch.empty_like(a)
        candidates: Candidates = {
            "new array": lambda: act(x),
            "out=": lambda: act(x, out),
            "PyTorch new array": lambda: functional.leaky_relu(a, 0.01),
            "PyTorch out=": lambda: aten.leaky_relu.out(a, 0.01, out=c),
        }
        wanted = {f"PyTorch {way} / {way}": least for way in ("new array", "out=")}
        yield from ratios(f"{x.dtype} 1 M", candidates, wanted)


def torch_gradient() -> Iterator[Result]:
    set_threads(1)
    for n in (64 << 10, 1 << 20):
        x, g = normal(n), normal(n)[::-1].copy()
        a, b = torch.from_numpy(x), torch.from_numpy(g)
        candidates: Candidates = {
            "new array": lambda: act.grad(g, x),
            "PyTorch": lambda: aten.leaky_relu_backward(b, a, 0.01, False),
        }
        yield from ratios(f"gradient {size(n)}", candidates, {"PyTorch / new array": 1.2})
