"""Fixtures that the whole suite shares."""

import numpy as np
import pytest

import fastlrelu as fl
from fastlrelu.dispatch import loops
from fastlrelu.threads import choice


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
