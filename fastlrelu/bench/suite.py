"""The benchmark suite: ``pytest benchmarks`` in the repository, ``fastlrelu bench`` wherever the wheel is installed.

pytest-benchmark times one candidate after the other. Here those of a cell take turns, so they are timed together when
the first of them is due, and each test then plays its own rounds back to pytest-benchmark, through its clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from itertools import chain

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .cells import Cell
from .turns import Stopwatch

_recorded: deque[float] = deque()


def recorded_time() -> float:
    """The clock: 0 at the start of a round, and at its end the seconds that the round had taken."""
    return _recorded.popleft()


@pytest.mark.benchmark(timer=recorded_time)
def test_time(cell: Cell, candidate: str, stopwatch: Stopwatch, benchmark: BenchmarkFixture) -> None:
    """One candidate in one cell."""
    if not benchmark.enabled:
        pytest.skip("benchmarks are disabled")
    times = stopwatch.times(cell)[candidate]
    if times.refused:
        pytest.skip(times.refused)
    benchmark.group = str(cell)
    benchmark.params = {**asdict(cell), "candidate": candidate}
    benchmark.extra_info.update(benchmark.params, calls_per_round=times.calls, same_bits=times.same_bits)
    _recorded.clear()
    _recorded.extend(chain.from_iterable((0.0, seconds) for seconds in times.rounds))
    benchmark.pedantic(lambda: None, rounds=len(times.rounds))
