"""LeakyReLU.add: the answers of add_leaky_relu for every way in which a bias or a residual is broadcast."""

import numpy as np
import pytest

import fastlrelu as fl
import reference as ref

SHAPES = [
    ((6, 5), (6, 5)),
    ((6, 5), (5,)),
    ((6, 5), (1, 5)),
    ((6, 5), (6, 1)),
    ((2, 3, 4, 4), (3, 1, 1)),
    ((2, 3, 4, 4), (1, 3, 1, 1)),
    ((2, 3, 4, 4), (2, 1, 1, 1)),
    ((2, 3, 17), (3, 1)),
    ((3, 40, 33), (33,)),
    ((2, 1500), (1500,)),
    ((4, 1), (4, 1)),
    ((0, 5), (5,)),
    ((5, 0), (0,)),
]
# What only the ufunc does: a single value, two axes, an operand that makes the result larger, other dtypes.
OTHERS = [((6, 5), (1,)), ((6, 5), ()), ((2, 3, 4), (3, 4)), ((1, 5), (6, 1)), ((5,), (6, 5)), ((6, 1), (5,))]


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize(("shape", "added"), SHAPES, ids=str)
def test_values(simd_level, dtype, shape, added, rng):
    act = fl.LeakyReLU(0.3)
    for order in "CF":
        x = ref.random_values(rng, shape, dtype).copy(order)
        y = ref.random_values(rng, added, dtype).copy(order)
        expected = ref.add_leaky_relu(x, y, 0.3)
        result = act.add(x, y)
        ref.assert_same_bits(result, expected)
        assert result.flags.f_contiguous == x.flags.f_contiguous
        out = np.empty_like(x)
        assert act.add(x, y, out) is out
        ref.assert_same_bits(out, expected)
        assert act.add(x, y, out=x) is x
        ref.assert_same_bits(x, expected)


@pytest.mark.parametrize(("shape", "added"), OTHERS, ids=str)
def test_other_shapes_take_the_ufunc(shape, added, rng):
    x, y = ref.random_values(rng, shape, np.float32), ref.random_values(rng, added, np.float32)
    ref.assert_same_bits(fl.LeakyReLU(0.3).add(x, y), ref.add_leaky_relu(x, y, np.float32(0.3)))


def test_other_operands_take_the_ufunc(rng):
    act = fl.LeakyReLU(0.3)
    x, y = ref.random_values(rng, (6, 8), np.float32), ref.random_values(rng, 8, np.float32)
    ref.assert_same_bits(act.add(x.astype(np.float64), y), ref.add_leaky_relu(x.astype(np.float64), y, 0.3))
    ref.assert_same_bits(act.add(x[:, ::2], y[::2]), ref.add_leaky_relu(x[:, ::2], y[::2], 0.3))
    ref.assert_same_bits(act.add(x, 1.5), ref.add_leaky_relu(x, np.float32(1.5), 0.3))
    ref.assert_same_bits(act.add([-1, 2], [0, 1]), fl.add_leaky_relu([-1, 2], [0, 1], 0.3))
    masked = act.add(np.ma.array(x, mask=x > 0), y)
    assert isinstance(masked, np.ma.MaskedArray)


def test_output_that_overlaps(rng):
    act = fl.LeakyReLU(0.3)
    for memory_of in ("bias", "residual", "shifted"):
        memory = ref.random_values(rng, 4000, np.float32)
        x, out = memory[:1500].reshape(3, 500), memory[1500:3000].reshape(3, 500)
        if memory_of == "shifted":
            out = memory[1:1501].reshape(3, 500)
        y = {"bias": memory[1600:2100], "residual": out, "shifted": memory[3000:3500]}[memory_of]
        expected = ref.add_leaky_relu(x, y, 0.3)
        act.add(x, y, out)
        ref.assert_same_bits(out, expected)


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "added"), [((300, 1024), (1024,)), ((4, 30, 50, 51), (30, 1, 1)), ((99, 5000), (5000,))]
)
def test_threads_and_streaming(dtype, shape, added, rng, thread_count, store):
    x, y = ref.random_values(rng, shape, dtype), ref.random_values(rng, added, dtype)
    expected = ref.add_leaky_relu(x, y, 0.3)
    act, out = fl.LeakyReLU(0.3), np.zeros(shape, dtype)
    ref.assert_same_bits(act.add(x, y), expected)
    ref.assert_same_bits(act.add(x, y, out), expected)
    ref.assert_same_bits(act.add(x, y, x), expected)


def test_no_floating_point_warning(simd_level, thread_count):
    largest = np.finfo(np.float32).max
    x = np.full((500, 400), -largest, np.float32)
    with np.errstate(all="raise"):
        assert (fl.LeakyReLU(2.0).add(x, x[0]) == -np.inf).all()


def test_errors_leave_everything_as_it_was():
    act = fl.LeakyReLU(0.3)
    x, y = -np.ones((3, 4)), np.ones(4)
    read_only = np.zeros((3, 4))
    read_only.flags.writeable = False
    for operands, error, text in [
        ((x, np.ones(3)), ValueError, "broadcast"),
        ((x, y, np.zeros((3, 5))), ValueError, "broadcast|shape"),
        ((x, y, np.zeros((3, 4), np.int32)), TypeError, "int32"),
        ((x, y, read_only), ValueError, "read-only"),
        ((x, y.astype(complex)), TypeError, "add_leaky_relu"),
    ]:
        with pytest.raises(error, match=text):
            act.add(*operands)
    assert (x == -1).all()
    assert (y == 1).all()
    assert not read_only.any()
