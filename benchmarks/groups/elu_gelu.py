"""ELU and GELU with one thread, against the lines of NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import fastlrelu as fl
from fastlrelu.bench.libraries import with_numpy
from fastlrelu.dispatch import loops
from timing import Candidates, Result, normal, ratios, size

from .settings import at_level

SIZES = (64 << 10, 1 << 20)
Function = Callable[..., np.ndarray]


# (the callable, in place, the line, the name of the line, the least gain over it in float32 and in float64)
ELU = (fl.ELU(), fl.elu_, with_numpy.elu, "NumPy's line", 15.0, 6.0)
GELU = (fl.GELU(), fl.gelu_, with_numpy.gelu, "SciPy's line", 10.0, 6.0)
GELU_TANH = (fl.GELU("tanh"), fl.gelu_tanh_, with_numpy.gelu_tanh, "NumPy's line", 0.0, 6.0)


def elu() -> Iterator[Result]:
    yield from activation("ELU", *ELU)


def gelu() -> Iterator[Result]:
    yield from activation("GELU", *GELU)
    yield from activation("GELU by tanh", *GELU_TANH)


def activation(
    name: str, act: Function, in_place: Function, line: Function, author: str, least32: float, least64: float
) -> Iterator[Result]:
    import ml_dtypes

    for n in SIZES:
        x, wide = normal(n), normal(n, np.float64)
        for array, least in ((x, least32), (wide, least64)):
            candidates: Candidates = {author: lambda: line(array), "ours": lambda: act(array)}
            yield from ratios(f"{name} {size(n)} {array.dtype}", candidates, {f"{author} / ours": least})
        half, brain = normal(n, np.float16), normal(n, ml_dtypes.bfloat16)
        arrays = [(a, np.empty_like(a)) for a in (x, half, brain)]
        candidates = {str(a.dtype): lambda a=a, out=out: act(a, out) for a, out in arrays}
        wanted = {"float32 / float16": 1.0, "float32 / bfloat16": 1.0}
        yield from ratios(f"{name} {size(n)} out=", candidates, wanted)
    lowest = [level for level in loops.levels() if level in ("baseline", "sse4.2")]
    x = normal(SIZES[0])
    levels = {level: at_level(level, lambda: act(x)) for level in lowest}
    wanted = {f"{author} / {level}": 3.0 for level in lowest}
    yield from ratios(f"{name} {size(x.size)}, SIMD levels", {author: lambda: line(x), **levels}, wanted)
    loops.use_level(loops.levels()[0])
    # What a call costs: as much as LeakyReLU's, but for the function of one element.
    leaky, one, y = fl.LeakyReLU(), normal(1), np.ones(1, np.float32)
    candidates = {
        "LeakyReLU()(x)": lambda: leaky(one),
        "ours": lambda: act(one),
        "leaky_relu_(x)": lambda: fl.leaky_relu_(y, 1.0),
        "in place": lambda: in_place(y),
    }
    yield from ratios(f"{name} n = 1", candidates, {"LeakyReLU()(x) / ours": 0.8, "leaky_relu_(x) / in place": 0.8})
