"""The sums of PReLU's weight gradient: exact, so the same bits for any layout, thread count and SIMD level."""

import itertools

import numpy as np
import pytest

import fastlrelu as fl
import reference as ref

SHAPE = (6, 40, 9, 11)
# Of the axes of x: those over which a weight of that shape is summed.
WEIGHTS = {(1,): (0, 1, 2, 3), (40, 1, 1): (0, 2, 3), (40, 9, 11): (0,), (6, 1, 9, 1): (1, 3), (11,): (0, 1, 2)}


def spread_values(rng, shape, dtype, decades):
    """Normal numbers times powers of ten up to so many decades apart, as far as the dtype has them."""
    info = ref.ml_dtypes.finfo(dtype) if dtype == ref.BFLOAT16 else np.finfo(dtype)
    with np.errstate(all="ignore"):
        values = rng.standard_normal(shape) * np.longdouble(10) ** rng.uniform(-decades / 2, decades / 2, shape)
        return np.clip(values, -np.longdouble(info.max), np.longdouble(info.max)).astype(dtype)


def in_memory_order(values, axes):
    return np.ascontiguousarray(values.transpose(axes)).transpose(np.argsort(axes))


@pytest.mark.parametrize("decades", [0, 40, 600])
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_the_same_bits_in_every_order_of_memory(dtype, decades, rng):
    x, grad = (spread_values(rng, SHAPE, dtype, decades) for _ in range(2))
    for shape, summed in WEIGHTS.items():
        weight = np.full(shape, 0.25, dtype)
        expected = ref.weight_gradient(grad, x, summed).reshape(shape)
        for axes in itertools.permutations(range(4)):
            own = [in_memory_order(values, axes) for values in (grad, x)]
            ref.assert_same_bits(fl.prelu_grad(*own, weight, -1)[1], expected)
        ref.assert_same_bits(fl.prelu_grad(own[0], x, weight, -1)[1], expected)
        ref.assert_same_bits(fl.prelu_grad(grad, x[::-1, :, ::-1][::-1, :, ::-1], weight, -1)[1], expected)


@pytest.mark.covering(2)
@pytest.mark.parametrize("decades", [0, 60])
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1)], ids=str)
def test_the_same_bits_for_any_thread_count_and_level(axes, dtype, decades, rng, simd_level, thread_count):
    # So large that a team works on parts of tiles, and that one weight takes more values than its bins hold.
    x, grad = (spread_values(rng, (8, 4, 90, 110), dtype, decades) for _ in range(2))
    own = [in_memory_order(values, axes) for values in (grad, x)]
    for shape, summed in {(1,): (0, 1, 2, 3), (4, 1, 1): (0, 2, 3)}.items():
        grad_weight = fl.prelu_grad(*own, np.full(shape, 0.25, dtype))[1]
        ref.assert_same_bits(grad_weight, ref.weight_gradient(grad, x, summed).reshape(shape))


@pytest.mark.parametrize("order", ["C", "F"])
def test_nothing_is_lost_where_values_cancel(order, rng):
    for dtype, largest, middle, least in [
        (np.float16, 6e4, 1.0, 6e-8),
        (np.float32, 3e38, 1.0, 1e-45),
        (np.float64, 1e300, 1.0, 5e-324),
        (np.longdouble, np.finfo(np.longdouble).max / 4, np.longdouble(1), np.finfo(np.longdouble).smallest_subnormal),
    ]:
        grad = np.array([largest, middle, -largest, least, least, -middle, least], dtype).repeat(100)
        x = np.full((3, 700), -1, dtype)
        rows = np.stack([rng.permutation(grad) for _ in range(3)])
        expected = np.full(3, -300 * np.array(least, dtype).astype(np.longdouble)).astype(dtype)
        own = (np.asarray(values, order=order) for values in (rows, x))
        ref.assert_same_bits(fl.prelu_grad(*own, np.ones(3, dtype), 0)[1], expected)


@pytest.mark.parametrize("columns", [1, 5, 200])
def test_infinities_nan_and_sums_beyond_the_largest_value(columns):
    largest = np.finfo(np.float64).max
    for values, total in [
        ([np.inf, 1.0, -largest], np.inf),
        ([-np.inf, 1.0, largest], -np.inf),
        ([np.inf, 1.0, -np.inf], np.nan),
        ([np.nan, 1.0, np.inf], np.nan),
        ([largest, largest, -largest], largest),
        ([largest, largest, 1.0], np.inf),
        ([-largest, -largest, largest / 4], -np.inf),
        ([-0.0, 0.0, -0.0], 0.0),
    ]:
        grad = np.array(values)[:, None].repeat(columns, axis=1)
        x = np.full_like(grad, -1)
        grad[:, 1:] = 1.0
        expected = np.full(columns, -3.0)
        expected[0] = -total if total else 0.0
        for layout in (np.ascontiguousarray, np.asfortranarray):
            ref.assert_same_bits(fl.prelu_grad(layout(grad), layout(x), np.ones(columns), -1)[1], expected)


@pytest.mark.parametrize("least", [2.0**-90, 2.0**-300])
def test_the_last_of_three_values_decides_between_two_results(least):
    """Within a window of the bins, and where the superaccumulators are needed."""
    half, unit = 2.0**-53, 2.0**-52
    for values, total in [
        ([1.0, half, 0.0], 1.0),
        ([1.0, half, least], 1.0 + unit),
        ([1.0, half, -least], 1.0),
        ([1.0 + unit, half, 0.0], 1.0 + 2 * unit),
        ([1.0 + unit, half, -least], 1.0 + unit),
        ([2.0, -half, -least], 2.0 - unit),
        ([2.0, -half * 2, -least], 2.0 - unit),
        ([2.0, -half, 0.0], 2.0),
    ]:
        for sign in (1.0, -1.0):
            grad = sign * np.array([values]).T
            grad_weight = fl.prelu_grad(grad, np.full_like(grad, -1), np.ones(1), -1)[1]
            ref.assert_same_bits(grad_weight, np.array([-sign * total]))


@pytest.mark.parametrize("least", [2.0**-90, 0.0, -(2.0**-90)])
def test_the_last_bin_decides_between_two_results(least):
    # A window that begins above 1.0, and a sum so far above it that half a unit and the last bit are 64 bits apart.
    grad = np.concatenate([[1.0], np.zeros(1500), np.full(1 << 16, 2.0**10), [-1.0, 2.0**-27, least]])
    expected = 2.0**26 + (2.0**-26 if least > 0 else 0)
    for sign in (1.0, -1.0):
        grad_weight = fl.prelu_grad(sign * grad, np.full_like(grad, -1), 1.0)[1]
        ref.assert_same_bits(grad_weight, np.array(-sign * expected))


def test_more_values_than_the_bins_have_room_for(rng):
    """A window that begins just above them has room for 2**17."""
    n = 5 << 17
    grad, x = (rng.uniform(1, 2, (n, 2)).astype(np.float32) for _ in range(2))
    # What comes first decides where the window begins.
    grad[:2048] *= np.float32(2.0**-10)
    expected = ref.weight_gradient(grad, -x, (0,))
    for layout in (np.ascontiguousarray, np.asfortranarray):
        grad_weight = fl.prelu_grad(layout(grad.astype(np.float64)), layout(-x.astype(np.float64)), np.ones(2))[1]
        ref.assert_same_bits(grad_weight.astype(np.float32), expected)
        ref.assert_same_bits(grad_weight, ref.weight_gradient(grad.astype(np.float64), -x.astype(np.float64), (0,)))
