"""Every layout that NumPy passes to a loop: strides, orders, offsets, byte orders, overlap, for inputs and outputs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastlrelu as fl
import reference as ref

SMALL = [np.dtype(t) for t in ("e", "f", "d")]


def strided(rng, n, stride, dtype, offset=0):
    """A view of ``n`` elements with this stride, in elements; 0 repeats one element."""
    if stride == 0:
        return np.broadcast_to(ref.random_values(rng, 1, dtype), (n,))
    base = ref.random_values(rng, abs(stride) * max(n, 1) + offset, dtype)
    return base[offset:][::stride][:n]


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 33, 1025])
def test_every_combination_of_strides(simd_level, dtype, n, rng):
    for stride_x, stride_slope, stride_out in itertools.product([1, -1, 2, 3, -2, 0], [0, 1, 2], [1, -1, 2, 3]):
        x = strided(rng, n, stride_x, dtype)
        slope = strided(rng, n, stride_slope, dtype)
        out = strided(rng, n, stride_out, dtype)
        expected = ref.leaky_relu(x, slope)
        assert fl.leaky_relu(x, slope, out=out) is out
        ref.assert_same_bits(out, expected)


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_strided_outputs_leave_the_gaps_alone(simd_level, dtype, rng):
    for n in (3, 50, 5000):
        base = ref.random_values(rng, 3 * n, dtype)
        before = base.copy()
        x = ref.random_values(rng, n, dtype)
        fl.leaky_relu(x, 0.5, out=base[1::3])
        ref.assert_same_bits(base[1::3], ref.leaky_relu(x, 0.5))
        ref.assert_same_bits(base[0::3], before[0::3])
        ref.assert_same_bits(base[2::3], before[2::3])


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_every_offset(simd_level, dtype, rng):
    base = ref.random_values(rng, 200, dtype)
    out = np.empty(200, dtype)
    for n, start, out_start in itertools.product([1, 15, 16, 17, 65], range(5), range(5)):
        x = base[start : start + n]
        fl.leaky_relu(x, 0.1, out=out[out_start : out_start + n])
        ref.assert_same_bits(out[out_start : out_start + n], ref.leaky_relu(x, 0.1))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_misaligned_and_byte_swapped(simd_level, dtype, rng):
    for n in (5, 300, 20_000):
        x = ref.random_values(rng, n, dtype)
        expected = ref.leaky_relu(x, 0.1)
        raw = np.zeros(n * dtype.itemsize + 1, np.uint8)
        misaligned = raw[1:].view(dtype)
        misaligned[:] = x
        assert not misaligned.flags.aligned
        ref.assert_same_bits(fl.leaky_relu(misaligned, 0.1), expected)
        ref.assert_same_bits(fl.LeakyReLU(0.1)(misaligned), expected)
        fl.leaky_relu_(misaligned, 0.1)
        ref.assert_same_bits(misaligned, expected)
        if dtype != ref.BFLOAT16:
            swapped = x.astype(dtype.newbyteorder())
            for result in (fl.leaky_relu(swapped, 0.1), fl.LeakyReLU(0.1)(swapped)):
                ref.assert_same_bits(result, expected)
            fl.leaky_relu_(swapped, 0.1)
            ref.assert_same_bits(swapped.astype(dtype), expected)


@pytest.mark.parametrize("order", ["C", "F"])
def test_order_of_a_new_array(order, rng):
    x = np.asarray(ref.random_values(rng, (30, 40, 5), np.float32), order=order)
    for result in (fl.leaky_relu(x, 0.1), fl.LeakyReLU(0.1)(x)):
        assert result.flags[f"{order}_CONTIGUOUS"]
        ref.assert_same_bits(result, ref.leaky_relu(x, 0.1))
    for view in (x.T, x[::2], x[:, ::-1], x.transpose(1, 0, 2), x[:, 3], x[..., 2:4]):
        for result in (fl.leaky_relu(view, 0.1), fl.LeakyReLU(0.1)(view)):
            ref.assert_same_bits(result, ref.leaky_relu(view, 0.1))
            assert result.strides == np.positive(view).strides


def test_empty_and_zero_dimensional():
    for shape in ((0,), (3, 0), (0, 5, 2)):
        x = np.empty(shape, np.float32)
        for result in (fl.leaky_relu(x, 0.1), fl.LeakyReLU()(x), fl.leaky_relu_(x)):
            assert result.shape == shape
            assert result.dtype == np.float32
    for x in (np.array(-2.0), np.float64(-2.0), -2.0):
        for result in (fl.leaky_relu(x, 0.5), fl.LeakyReLU(0.5)(x)):
            assert type(result) is np.float64
            assert result == -1.0
    zero_dimensional = np.array(-2.0)
    assert fl.leaky_relu_(zero_dimensional, 0.5) is zero_dimensional
    assert zero_dimensional == -1.0


@pytest.mark.covering(3)
@pytest.mark.parametrize("dtype", SMALL, ids=str)
@pytest.mark.parametrize("n", [10, 700, 150_000])
@pytest.mark.parametrize("shift", [-17, -4, -1, 0, 1, 2, 16, 33])
def test_overlapping_input_and_output(simd_level, dtype, n, shift, thread_count, store, rng):
    base = ref.random_values(rng, n + 100, dtype)
    start = 50
    for step in (1, -1):
        for call in (
            lambda x, out: fl.leaky_relu(x, 0.5, out=out),
            lambda x, out: fl.LeakyReLU(0.5)(x, out),
            lambda x, out: fl.leaky_relu(x, np.full(x.shape, 0.5, dtype), out=out),
        ):
            memory = base.copy()
            x = memory[start : start + n][::step]
            out = memory[start + shift : start + shift + n]
            expected = ref.leaky_relu(x.copy(), 0.5)
            call(x, out)
            ref.assert_same_bits(out, expected)


def test_slope_inside_the_output(simd_level, rng):
    for n in (20, 500):
        x = ref.random_values(rng, n, np.float32)
        x[3] = 0.5
        expected = ref.leaky_relu(x.copy(), np.float32(0.5))
        ref.assert_same_bits(fl.leaky_relu(x, x[3:4], out=x), expected)


def test_gradient_into_either_operand(simd_level, rng):
    for n in (20, 500, 200_000):
        grad, x = (ref.random_values(rng, n, np.float32) for _ in range(2))
        expected = ref.leaky_relu_grad(grad, x, 0.3)
        for into in (0, 1):
            operands = [grad.copy(), x.copy()]
            fl.leaky_relu_grad(*operands, 0.3, out=operands[into])
            ref.assert_same_bits(operands[into], expected)
        same = x.copy()
        ref.assert_same_bits(fl.leaky_relu_grad(same, same, 0.3, out=same), ref.leaky_relu(x, 0.3))


@pytest.mark.parametrize("dtype", SMALL, ids=str)
def test_any_views_of_one_buffer(simd_level, dtype):
    def view(shape_of):
        return st.builds(
            lambda start, stop, step: slice(start, stop, step),
            st.integers(0, shape_of),
            st.integers(0, shape_of),
            st.sampled_from([1, 2, 3]),
        )

    @settings(max_examples=150, deadline=None, database=None)
    @given(view(80), view(80), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
    def check(read, write, reverse_read, reverse_write, seed):
        memory = ref.random_values(np.random.default_rng(seed), 80, dtype)
        x = memory[read][:: -1 if reverse_read else 1]
        out = memory[write][:: -1 if reverse_write else 1]
        n = min(x.size, out.size)
        x, out = x[:n], out[:n]
        expected = ref.leaky_relu(x.copy(), 0.25)
        fl.leaky_relu(x, 0.25, out=out)
        ref.assert_same_bits(out, expected)

    check()


@settings(max_examples=150, deadline=None, database=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=6), st.integers(0, 2**32 - 1))
def test_any_broadcast(shapes, seed):
    rng = np.random.default_rng(seed)
    grad, x, slope = (ref.random_values(rng, shape, np.float32) for shape in shapes.input_shapes)
    ref.assert_same_bits(fl.leaky_relu_grad(grad, x, slope), ref.leaky_relu_grad(grad, x, slope))
    ref.assert_same_bits(fl.leaky_relu(x, slope), ref.leaky_relu(x, slope))
    ref.assert_same_bits(fl.add_leaky_relu(grad, x, slope), ref.add_leaky_relu(grad, x, slope))


def test_memory_mapped(tmp_path, rng):
    path = tmp_path / "x.bin"
    values = ref.random_values(rng, 100_000, np.float32)
    values.tofile(path)
    read_only = np.memmap(path, np.float32, "r")
    expected = ref.leaky_relu(values, 0.1)
    ref.assert_same_bits(fl.leaky_relu(read_only, 0.1), expected)
    with pytest.raises(ValueError, match="read-only"):
        fl.leaky_relu_(read_only, 0.1)
    writable = np.memmap(path, np.float32, "r+")
    fl.leaky_relu_(writable, 0.1)
    writable.flush()
    ref.assert_same_bits(np.fromfile(path, np.float32), expected)
