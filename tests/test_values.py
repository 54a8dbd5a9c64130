"""Bit for bit what ``np.where`` gives, at every SIMD level: each value, each length around each vector width."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastlrelu as fl
import reference as ref

LENGTHS = [*range(70), 127, 128, 129, 255, 256, 257, 1000, 4097]


@pytest.mark.parametrize("dtype", ref.HALVES, ids=str)
@pytest.mark.parametrize("slope", ref.SLOPES)
def test_every_half(simd_level, dtype, slope):
    x = ref.every_half(dtype)
    ref.assert_same_bits(fl.leaky_relu(x, slope), ref.leaky_relu(x, slope))
    grad_output = x[::-1].copy()
    ref.assert_same_bits(fl.leaky_relu_grad(grad_output, x, slope), ref.leaky_relu_grad(grad_output, x, slope))
    shifted = np.roll(x, 12345)
    ref.assert_same_bits(fl.add_leaky_relu(x, shifted, slope), ref.add_leaky_relu(x, shifted, slope))


@pytest.mark.parametrize("dtype", ref.HALVES, ids=str)
def test_every_half_as_a_slope(simd_level, dtype, rng):
    slopes = ref.every_half(dtype)
    x = -ref.random_values(rng, slopes.size, dtype)
    ref.assert_same_bits(fl.leaky_relu(x, slopes), ref.leaky_relu(x, slopes))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("name", ref.OPERATIONS)
def test_every_length(simd_level, dtype, name, rng):
    inputs, expected = ref.OPERATIONS[name]
    for n in LENGTHS:
        arrays = [ref.random_values(rng, n, dtype) for _ in range(inputs)]
        ref.assert_same_bits(getattr(fl, name)(*arrays, 0.2), expected(*arrays, 0.2))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("name", ref.OPERATIONS)
@pytest.mark.parametrize("slope", ref.SLOPES)
def test_telling_values(simd_level, dtype, name, slope):
    inputs, expected = ref.OPERATIONS[name]
    values = ref.telling_values(dtype)
    arrays = [grid.ravel() for grid in np.meshgrid(*[values] * inputs)]
    ref.assert_same_bits(getattr(fl, name)(*arrays, slope), expected(*arrays, slope))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("name", ref.OPERATIONS)
def test_every_broadcast_operand(simd_level, dtype, name, rng):
    inputs, expected = ref.OPERATIONS[name]
    for mask in range(2 ** (inputs + 1)):
        for n in (1, 3, 33, 100):
            operands = [ref.random_values(rng, n if mask >> i & 1 else (), dtype) for i in range(inputs + 1)]
            with np.errstate(all="ignore"):
                wanted = expected(*operands)
            ref.assert_same_bits(getattr(fl, name)(*operands), wanted)


def elements(width):
    bits = {16: np.float16, 32: np.float32, 64: np.float64}[width]
    return hnp.arrays(f"uint{width}", st.integers(0, 200), elements=st.integers(0, 2**width - 1)).map(
        lambda a: a.view(bits)
    )


@pytest.mark.parametrize("width", [16, 32, 64])
def test_any_bit_pattern(simd_level, width):
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(elements(width), st.floats(width=width))
    def check(x, slope):
        ref.assert_same_bits(fl.leaky_relu(x, slope), ref.leaky_relu(x, slope))
        grad_output = x[::-1].copy()
        ref.assert_same_bits(fl.leaky_relu_grad(grad_output, x, slope), ref.leaky_relu_grad(grad_output, x, slope))

    check()


@pytest.mark.covering(3)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("name", ref.OPERATIONS)
def test_large_arrays(simd_level, dtype, name, thread_count, store, rng):
    inputs, expected = ref.OPERATIONS[name]
    n = 200_003
    arrays = [ref.random_values(rng, n, dtype) for _ in range(inputs)]
    wanted = expected(*arrays, 0.3)
    ref.assert_same_bits(getattr(fl, name)(*arrays, 0.3), wanted)
    # Present memory, which alone is streamed to, from the start of a cache line and not.
    present = np.zeros(n + 1, dtype)
    for outside, out in ((0, present[1:]), (-1, present[:-1])):
        present[outside] = 0
        ref.assert_same_bits(getattr(fl, name)(*arrays, 0.3, out=out), wanted)
        assert present[outside] == 0
    slopes = ref.random_values(rng, n, dtype)
    ref.assert_same_bits(getattr(fl, name)(*arrays, slopes, out=present[1:]), expected(*arrays, slopes))
    for i in range(inputs):
        operands = [a.copy() for a in arrays]
        getattr(fl, name)(*operands, 0.3, out=operands[i])
        ref.assert_same_bits(operands[i], wanted)


@pytest.mark.parametrize("dtype", ["e", "f", "d"])
def test_lengths_around_every_threshold(simd_level, dtype, rng):
    # Whole cache lines, packing, blocks of a team, the first team.
    for nbytes in (2 << 10, 4 << 10, 128 << 10, 256 << 10):
        for n in range(nbytes // np.dtype(dtype).itemsize - 1, nbytes // np.dtype(dtype).itemsize + 2):
            x = ref.random_values(rng, n + 1, dtype)
            for part in (x[:n], x[1:]):
                expected = ref.leaky_relu(part, 0.1)
                ref.assert_same_bits(fl.leaky_relu(part, 0.1), expected)
                ref.assert_same_bits(fl.leaky_relu(part, 0.1, out=np.empty_like(part)), expected)
                ref.assert_same_bits(fl.leaky_relu_(part.copy(), 0.1), expected)


def test_lengths_that_only_large_arrays_reach(rng):
    # The question whether memory is there, streaming, and the team without a first call alone, as they are set here.
    for nbytes in (4 << 20, fl.config()["stream_bytes"], 64 << 20):
        for n in range(nbytes // 8 - 1, nbytes // 8 + 2):
            x = rng.standard_normal(n, np.float32)
            expected = ref.leaky_relu(x, 0.1)
            ref.assert_same_bits(fl.leaky_relu(x, 0.1), expected)
            ref.assert_same_bits(fl.leaky_relu(x, 0.1, out=np.zeros_like(x)), expected)
            ref.assert_same_bits(fl.leaky_relu_(x, 0.1), expected)


def test_a_python_number_keeps_the_dtype(rng):
    for dtype in ref.DTYPES:
        x = ref.random_values(rng, 50, dtype)
        for number in (0.01, 1, 0, -2):
            assert fl.leaky_relu(x, number).dtype == dtype
            assert fl.leaky_relu_grad(x, x, number).dtype == dtype
            assert fl.leaky_relu_grad(1.0, x, number).dtype == dtype
            assert fl.add_leaky_relu(x, 1, number).dtype == dtype


def test_a_float32_slope_array_widens_as_in_numpy(rng):
    slopes = rng.random(50).astype(np.float32)
    for dtype in ref.HALVES:
        x = ref.random_values(rng, 50, dtype)
        ref.assert_same_bits(fl.leaky_relu(x, slopes), ref.leaky_relu(x, slopes))


@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "H", "i", "I", "q", "Q"])
def test_integers_are_promoted_as_by_arctan2(dtype):
    x = np.array([0, 1, 3]).astype(dtype)
    for slope in (0.25, np.float32(0.25), np.float16(0.25)):
        expected = np.arctan2(x, slope).dtype
        got = fl.leaky_relu(x, slope)
        assert got.dtype == expected
        np.testing.assert_array_equal(got, x.astype(expected))


@pytest.mark.parametrize("x", [1j, "1", b"1", None, object(), np.datetime64(0, "s")])
def test_no_loop_for_other_dtypes(x):
    for call in (
        lambda: fl.leaky_relu(np.array([x]), 0.1),
        lambda: fl.leaky_relu_grad(np.array([x]), 1.0, 0.1),
        lambda: fl.LeakyReLU()(np.array([x])),
    ):
        with pytest.raises(TypeError):
            call()
