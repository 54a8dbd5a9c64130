"""Fixtures that the whole suite shares, and the choice among a test's parameters."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest

import fastlrelu as fl
from fastlrelu.dispatch import loops
from fastlrelu.threads import choice


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "covering(strength): of all cases only so many that any values of `strength` parameters meet in one"
    )


def pytest_collection_modifyitems(config, items):
    by_test = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("covering")
        if mark is not None and hasattr(item, "callspec"):
            values = sorted((name, repr(value)) for name, value in item.callspec.params.items())
            meetings = combinations(values, *mark.args)
            by_test[item.nodeid.partition("[")[0]].append((item, set(meetings)))
    dropped = set()
    for cases in by_test.values():
        met = set()
        # First those in which everything meets for the first time, last those in which one thing does.
        for least in range(max(len(meetings) for _, meetings in cases), -1, -1):
            rest = []
            for item, meetings in cases:
                if least and len(meetings - met) >= least:
                    met |= meetings
                else:
                    rest.append((item, meetings))
            cases = rest
        dropped.update(item for item, _ in cases)
    config.hook.pytest_deselected(items=list(dropped))
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture(params=loops.levels())
def simd_level(request):
    """Each SIMD level of this CPU in turn."""
    before = loops.level()
    loops.use_level(request.param)
    yield request.param
    loops.use_level(before)


@pytest.fixture(params=[1, 2, 7])
def thread_count(request):
    """One, two and seven threads, for every array of 256 KiB and more."""
    choice.set_parallel_bytes(256 << 10)
    with fl.num_threads(request.param):
        yield request.param
    choice.set_parallel_bytes(None)


@pytest.fixture(params=["stored", "streamed"])
def store(request):
    """Large results stored plainly, and past the caches."""
    before = loops.stream_threshold()
    loops.set_stream_threshold(1 if request.param == "streamed" else 1 << 60)
    yield request.param
    loops.set_stream_threshold(before)


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)
