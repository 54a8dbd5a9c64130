"""ELU and GELU with one thread, against PyTorch's, which are less accurate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from timing import Candidates, Result, normal, ratios, size

from .elu_gelu import ELU, GELU, GELU_TANH, SIZES, Function
from .torch_leaky_relu import set_threads


def torch_elu() -> Iterator[Result]:
    yield from against_torch("ELU", ELU[0], torch.ops.aten.elu.out, {}, 2.0)


def torch_gelu() -> Iterator[Result]:
    gelu = torch.ops.aten.gelu.out
    yield from against_torch("GELU", GELU[0], gelu, {}, 1.0)
    yield from against_torch("GELU by tanh", GELU_TANH[0], gelu, {"approximate": "tanh"}, 4.0)


def against_torch(
    name: str, act: Function, theirs: Callable[..., object], options: dict[str, str], least32: float
) -> Iterator[Result]:
    set_threads(1)
    for n in SIZES:
        for dtype, least in ((np.float32, least32), (np.float64, 1.5)):
            x = normal(n, dtype)
            out = np.empty_like(x)
            a, c = torch.from_numpy(x), torch.from_numpy(out.copy())
            candidates: Candidates = {"PyTorch": lambda: theirs(a, **options, out=c), "ours": lambda: act(x, out)}
            yield from ratios(f"{name} {size(n)} {x.dtype} out=", candidates, {"PyTorch / ours": least})
