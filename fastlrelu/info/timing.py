"""The table of times: what people write, and what fastlrelu takes for it, at sizes from one element to 2**24."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from ..bench.libraries import with_numpy
from ..calls.elu_gelu import ELU, GELU
from ..calls.leaky_relu import LeakyReLU, leaky_relu_
from ..threads import number

SIZES = [2**k for k in range(0, 25, 2)]
ELU_GELU_SIZES = [1, 2**10, 2**16, 2**20]
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


def _elu_gelu_candidates(n: int) -> dict[str, Callable[[], object]]:
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    elu, gelu, gelu_tanh = ELU(), GELU(), GELU("tanh")
    return {
        "by np.expm1": lambda: with_numpy.elu(x),
        "elu": lambda: elu(x),
        "by np.tanh": lambda: with_numpy.gelu_tanh(x),
        "gelu_tanh": lambda: gelu_tanh(x),
        "gelu": lambda: gelu(x),
    }


def _table(
    sizes: list[int], candidates: Callable[[int], dict[str, Callable[[], object]]], ratios: dict[str, str], heading: str
) -> None:
    """One row for each size: the times, and how many times as long the other of each pair takes."""
    for place, n in enumerate(sizes):
        times = medians(candidates(n))
        if place == 0:
            print(f"{'elements':>10}" + "".join(f"{name:>12}" for name in times) + f"   {heading}")
        quotients = "".join(f"{times[other] / times[ours]:9.1f}" for ours, other in ratios.items())
        print(f"{n:>10}" + "".join(f"{_text(seconds):>12}" for seconds in times.values()) + f"  {quotients}")


def show() -> None:
    """Time float32 arrays of random sign and print one row for each size."""
    threads = number.get_num_threads()
    print(f"float32, random signs, slope 0.01, up to {threads} thread(s); median of {ROUNDS} rounds, in turn")
    ours = dict.fromkeys(("new array", "out=", "in place"), "np.where")
    _table(SIZES, _candidates, ours, "np.where / new, out=, in place")
    print("\nELU, alpha 1, and GELU: new arrays, and the lines that people write")
    lines = {"elu": "by np.expm1", "gelu_tanh": "by np.tanh"}
    _table(ELU_GELU_SIZES, _elu_gelu_candidates, lines, "by np.expm1 / elu, by np.tanh / gelu_tanh")
