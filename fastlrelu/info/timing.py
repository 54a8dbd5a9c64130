"""The table of times: what people write, and what fastlrelu takes for it, at sizes from one element to 2**24."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from ..calls.leaky_relu import LeakyReLU, leaky_relu_
from ..threads import number

SIZES = [2**k for k in range(0, 25, 2)]
ROUNDS = 9
ROUND_SECONDS = 0.004


def medians(candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds per call of each candidate.

    The candidates take turns in every round, so that what disturbs the machine disturbs them alike.
    """
    calls: dict[str, int] = {}
    for name, call in candidates.items():
        call()
        start = time.perf_counter()
        call()
        calls[name] = max(1, int(ROUND_SECONDS / max(time.perf_counter() - start, 1e-8)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            repeat = range(calls[name])
            start = time.perf_counter()
            for _ in repeat:
                call()
            samples[name].append((time.perf_counter() - start) / calls[name])
    return {name: statistics.median(values) for name, values in samples.items()}


def _text(seconds: float) -> str:
    for unit, factor in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000 or unit == "ms":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError


def _candidates(n: int) -> dict[str, Callable[[], object]]:
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    y, z = x.copy(), np.empty_like(x)
    act = LeakyReLU(0.01)
    return {
        "np.where": lambda: np.where(x > 0, x, 0.01 * x),
        "np.maximum": lambda: np.maximum(x, 0.01 * x),
        "new array": lambda: act(x),
        "out=": lambda: act(x, z),
        # Slope 1: many times over, a smaller one would make subnormals of all negative elements.
        "in place": lambda: leaky_relu_(y, 1.0),
    }


def show() -> None:
    """Time float32 arrays of random sign and print one row for each size."""
    threads = number.get_num_threads()
    print(f"float32, random signs, slope 0.01, up to {threads} thread(s); median of {ROUNDS} rounds, in turn")
    columns = ["np.where", "np.maximum", "new array", "out=", "in place"]
    print(f"{'elements':>10}" + "".join(f"{c:>12}" for c in columns) + "   np.where / new, out=, in place")
    for n in SIZES:
        times = medians(_candidates(n))
        ratios = "".join(f"{times['np.where'] / times[c]:9.1f}" for c in columns[2:])
        print(f"{n:>10}" + "".join(f"{_text(times[c]):>12}" for c in columns) + "  " + ratios)
