"""Overlapping views against the same call on copies: above and below every threshold, stored and streamed, masked."""

import itertools
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlrelu as fl
import reference as ref
from fastlrelu.dispatch import loops
from fastlrelu.threads import choice

DTYPES = [np.dtype(t) for t in ("e", "f", "d")]
# Elements of a view: scalar ways, packing buffers, NumPy's own buffer of 8192, and teams from 256 KiB of traffic on.
SIZES = [1, 7, 9, 600, 8191, 8193, 70_000]


@st.composite
def placements(draw):
    """Where three views begin, in a buffer of one size class, and their steps."""
    n = draw(st.sampled_from(SIZES))
    steps = [draw(st.sampled_from([1, 1, 1, -1, 2, -2, 3])) for _ in range(3)]
    starts = [draw(st.sampled_from([0, 0, 1, 2, 3, 8, 15, 16, 17, 64, n // 2, n])) for _ in range(3)]
    return n, steps, starts


def view(memory, n, step, start):
    """`n` elements, `step` apart, from `start` on upwards or downwards to it."""
    return memory[start : start + (n - 1) * abs(step) + 1 : abs(step)][:: 1 if step > 0 else -1]


@contextmanager
def policy(threads, streamed):
    """So many threads from 256 KiB on, and every large result past the caches or none."""
    before = loops.stream_threshold()
    choice.set_parallel_bytes(256 << 10)
    loops.set_stream_threshold(1 if streamed else 1 << 60)
    try:
        with fl.num_threads(threads):
            yield
    finally:
        choice.set_parallel_bytes(None)
        loops.set_stream_threshold(before)


POLICIES = list(itertools.product((1, 2, 7), (False, True)))

CALLS = {
    "leaky_relu": lambda a, b, out: fl.leaky_relu(a, a.dtype.type(0.5), out=out),
    "leaky_relu, slopes": lambda a, b, out: fl.leaky_relu(a, b, out=out),
    "leaky_relu_grad": lambda a, b, out: fl.leaky_relu_grad(a, b, a.dtype.type(0.5), out=out),
    "add_leaky_relu": lambda a, b, out: fl.add_leaky_relu(a, b, a.dtype.type(0.5), out=out),
    "act": lambda a, b, out: fl.LeakyReLU(0.5)(a, out),
    "act.grad": lambda a, b, out: fl.LeakyReLU(0.5).grad(a, b, out),
    "act.add": lambda a, b, out: fl.LeakyReLU(0.5).add(a, b, out),
    "act.add, bias": lambda a, b, out: fl.LeakyReLU(0.5).add(a[None], b, out[None]),
    "leaky_relu_grad_": lambda a, b, out: fl.leaky_relu_grad_(out, b, 0.5),
    "prelu": lambda a, b, out: fl.prelu(a[None], b, out=out[None]),
}


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_any_three_views(simd_level, dtype, name):
    call = CALLS[name]

    @settings(max_examples=25, deadline=None, database=None)
    @given(placements(), st.sampled_from(POLICIES), st.integers(0, 2**32 - 1))
    def check(placement, how, seed):
        n, steps, starts = placement
        memory = ref.random_values(np.random.default_rng(seed), 4 * n + 200, dtype)
        a, b, out = (view(memory, n, step, start) for step, start in zip(steps, starts, strict=True))
        expected = out.copy()
        call(a.copy(), b.copy(), expected)
        untouched = memory.copy()
        view(untouched, n, steps[2], starts[2])[:] = expected
        with policy(*how):
            call(a, b, out)
        ref.assert_same_bits(memory, untouched)

    check()


@pytest.mark.covering(2)
@pytest.mark.parametrize("n", [5, 700, 9000, 70_000])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_masks_and_overlap(simd_level, dtype, n, rng):
    cases = itertools.product((0, 1, 17), (1, -1, 2), (0.0, 0.1, 0.9, 1.0))
    for (shift, step, share), how in zip(cases, itertools.cycle(POLICIES), strict=False):
        memory = ref.random_values(rng, 2 * n + 20, dtype)
        mask = rng.random(n) < share
        x, out = view(memory, n, 1, 0), view(memory, n, step, shift)
        expected = np.where(mask, ref.leaky_relu(x, dtype.type(0.5)), out)
        whole = memory.copy()
        view(whole, n, step, shift)[:] = expected
        with policy(*how):
            fl.leaky_relu(x, dtype.type(0.5), out=out, where=mask)
        ref.assert_same_bits(memory, whole)


@pytest.mark.covering(2)
@pytest.mark.parametrize("mode", ["r", "c", "r+"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_memory_maps(dtype, mode, thread_count, store, tmp_path, rng):
    values = ref.random_values(rng, 200_001, dtype)
    path = tmp_path / "x.bin"
    values.tofile(path)
    mapped = np.memmap(path, dtype, mode, offset=dtype.itemsize)
    expected = ref.leaky_relu(values[1:], dtype.type(0.1))
    act = fl.LeakyReLU(0.1)
    for result in (fl.leaky_relu(mapped, 0.1), act(mapped), fl.prelu(mapped[None], np.full(1, 0.1, dtype), 0)[0]):
        ref.assert_same_bits(result, expected)
    if mode == "r":
        for write in (lambda: fl.leaky_relu_(mapped), lambda: act(mapped, mapped), lambda: act(values[1:], mapped)):
            with pytest.raises(ValueError, match="read-only"):
                write()
    else:
        fl.leaky_relu_(mapped, 0.1)
        ref.assert_same_bits(mapped, expected)
        mapped.flush()
        del mapped
    # Only a map opened for it writes to the file.
    in_file = np.fromfile(path, dtype)
    ref.assert_same_bits(in_file[:1], values[:1])
    ref.assert_same_bits(in_file[1:], expected if mode == "r+" else values[1:])
