"""The loop written out and compiled by numba, with one thread, beyond the first caches."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np

from timing import Candidates, Result, normal, ratios, size

from .leaky_relu import three_ways

SLOPE = np.float32(0.01)


@numba.njit
def forward(x: np.ndarray, slope: np.float32, out: np.ndarray) -> np.ndarray:
    for i in range(x.size):
        out[i] = x[i] if x[i] > 0 else slope * x[i]
    return out


def numba_loops() -> Iterator[Result]:
    # Less than 1 by the spread of repeats.
    wanted = {f"numba {way} / {way}": 0.95 for way in ("out=", "new array", "in place")}
    for n in (64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20):
        x, y = normal(n), normal(n)
        out = np.empty_like(x)
        candidates: Candidates = {
            **three_ways(x, out, y),
            "numba out=": lambda: forward(x, SLOPE, out),
            "numba new array": lambda: forward(x, SLOPE, np.empty_like(x)),
            "numba in place": lambda: forward(y, np.float32(1), y),
        }
        yield from ratios(size(n), candidates, wanted)
