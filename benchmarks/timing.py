"""How the programs here measure: candidates in turn, medians of many rounds, ratios of them."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Candidates = dict[str, Callable[[], object]]


@dataclass
class Result:
    """One target: a ratio that should be at least ``wanted``."""

    what: str
    measured: float
    wanted: float

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted


def medians(
    candidates: Candidates, rounds: int = 25, round_seconds: float = 0.002, pause: float = 0.0
) -> dict[str, float]:
    """Median seconds per call of each candidate; the candidates take turns in every round.

    With a ``pause`` between them, after which the idle threads of the one before no longer spin on the cores.
    """

    def seconds(call: Callable[[], object], calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) / calls

    calls = {}
    for name, call in candidates.items():
        # The first calls of all are slower, which would give the first candidate shorter rounds.
        fastest = min(seconds(call, 1) for _ in range(5))
        calls[name] = max(1, int(round_seconds / max(fastest, 1e-8)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            time.sleep(pause)
            # Untimed: what the candidate before or the pause took out of the caches, or gave back to the system.
            seconds(call, 1 + calls[name] // 4)
            samples[name].append(seconds(call, calls[name]))
    return {name: statistics.median(values) for name, values in samples.items()}


def ratios(
    cell: str, candidates: Candidates, wanted: dict[str, float], rounds: int = 25, pause: float = 0.0
) -> Iterator[Result]:
    """Time the candidates; each key of ``wanted`` names two of them: "other / ours"."""
    times = medians(candidates, rounds, pause=pause)
    for ratio, least in wanted.items():
        other, ours = ratio.split(" / ")
        both = f"{1e6 * times[other]:.4g} / {1e6 * times[ours]:.4g} us"
        yield Result(f"{cell}: {ratio}, {both}", times[other] / times[ours], least)


def normal(shape: int | tuple[int, ...], dtype: object = np.float32) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


def size(n: int) -> str:
    for unit, factor in (("M", 1 << 20), ("K", 1 << 10)):
        if n >= factor and n % factor == 0:
            return f"{n // factor} {unit}"
    return str(n)


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
        names = {name.strip(): value.strip() for name, value in fields.items()}
        return f"{names['model name']} family {names['cpu family']} model {names['model']}"
    except (OSError, KeyError, ValueError):
        return platform.processor()
