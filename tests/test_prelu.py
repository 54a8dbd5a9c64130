"""PReLU and its gradients: every layout against NumPy, the weight gradient against long double, errors."""

import numpy as np
import pytest

import fastlrelu as fl
import reference as ref

SHAPES = [
    ((8, 16, 28, 28), 1),
    ((8, 28, 28, 16), -1),
    ((3, 5), 1),
    ((3, 5), 0),
    ((7,), 0),
    ((7,), -1),
    ((100, 3), -1),
    ((3, 5, 7), 1),
    ((2, 1, 50), 1),
    ((1, 3000, 3, 3), 1),
    ((2, 3000, 5), 1),
    ((2, 1030, 2), 1),
    ((4, 3000), 0),
    ((2, 3, 70_001), 1),
    ((1, 1, 200_000), 1),
    ((5000, 17), 1),
    ((9, 5, 7, 9), 1),
    ((9, 5, 8, 8), 1),
    ((7, 5, 15), 1),
    ((7, 5, 16), 1),
    ((8, 5, 16), 1),
    ((3, 200, 15), 1),
    ((3, 200, 16), 1),
    ((3, 200, 63), 1),
    ((3, 200, 64), 1),
    ((3, 4, 257), 1),
    ((0, 3), 1),
    ((3, 0), 1),
    ((3, 4, 0), 1),
]


def channel_shaped(weight, ndim, axis):
    return weight.reshape(weight.shape + (1,) * (ndim - 1 - axis % ndim))


def exact_weight_gradient(grad_output, x, axis):
    return ref.weight_gradient(grad_output, x, tuple(i for i in range(x.ndim) if i != axis % x.ndim))


def arrays(rng, shape, axis, dtype):
    x, grad = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    return x, grad, rng.random(shape[axis]).astype(dtype)


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_values(simd_level, dtype, shape, axis, order, rng):
    x = np.asarray(ref.random_values(rng, shape, dtype), order=order)
    weight = rng.standard_normal(shape[axis]).astype(dtype)
    expected = ref.leaky_relu(x, channel_shaped(weight, x.ndim, axis))
    result = fl.prelu(x, weight, axis)
    ref.assert_same_bits(result, expected)
    assert result.flags.f_contiguous == x.flags.f_contiguous
    out = np.empty_like(x)
    assert fl.prelu(x, weight, axis=axis, out=out) is out
    ref.assert_same_bits(out, expected)
    assert fl.prelu(x, weight, axis, out=x) is x
    ref.assert_same_bits(x, expected)


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_gradients(simd_level, dtype, shape, axis, order, rng):
    x, grad, weight = (np.asarray(a, order=order) for a in arrays(rng, shape, axis, dtype))
    grad_x, grad_weight = fl.prelu_grad(grad, x, weight, axis)
    slopes = channel_shaped(weight, x.ndim, axis)
    ref.assert_same_bits(grad_x, ref.leaky_relu_grad(grad, x, slopes))
    ref.assert_same_bits(grad_weight, exact_weight_gradient(grad, x, axis))


@pytest.mark.parametrize("inner", [1, 2, 3, 7, 15, 16, 17])
def test_every_number_of_channels(inner, rng):
    # Summed by column, the channels share or split a block according to their number.
    for channels in [*range(1, 40), *range(40, 600, 3), 1023, 1024, 1025]:
        x, grad, weight = arrays(rng, (3, channels, inner), 1, np.float64)
        grad_x, grad_weight = fl.prelu_grad(grad, x, weight)
        ref.assert_same_bits(grad_x, ref.leaky_relu_grad(grad, x, weight[:, None]))
        ref.assert_same_bits(grad_weight, exact_weight_gradient(grad, x, 1))
        ref.assert_same_bits(fl.prelu(x, weight), ref.leaky_relu(x, weight[:, None]))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 16, 17, 64, 60, 1000, 1024, 1025, 5000])
def test_channels_wherever_the_output_begins(channels, dtype, rng, store):
    # The values are written out so that each piece begins with a cache line of the output.
    n = max(8, 20_000 // channels)
    x, _, weight = arrays(rng, (n, channels), 1, dtype)
    expected = ref.leaky_relu(x, weight)
    for start in (0, 1, 3, 15, 16, 31):
        memory = np.zeros(x.size + 64, dtype)
        out = memory[start : start + x.size].reshape(x.shape)
        ref.assert_same_bits(fl.prelu(x, weight, -1, out), expected)
        assert not memory[:start].any()
        assert not memory[start + x.size :].any()


@pytest.mark.covering(3)
@pytest.mark.parametrize(("shape", "axis"), [*SHAPES[:2], SHAPES[9], SHAPES[13], SHAPES[15]], ids=str)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_the_same_bits_for_any_thread_count_and_level(shape, axis, dtype, rng, simd_level, thread_count, store):
    x, grad, weight = arrays(rng, shape, axis, dtype)
    results = (fl.prelu(x, weight, axis), *fl.prelu_grad(grad, x, weight, axis))
    with fl.num_threads(1):
        fl.dispatch.loops.use_level("baseline" if "baseline" in fl.dispatch.loops.levels() else "neon")
        expected = (fl.prelu(x, weight, axis), *fl.prelu_grad(grad, x, weight, axis))
    for result, wanted in zip(results, expected, strict=True):
        ref.assert_same_bits(result, wanted)


def test_special_values_in_the_weight_gradient():
    x = np.array([[np.inf, -np.inf, np.nan, 0.0, -0.0, 2.0, -3.0]])
    ones = np.ones_like(x)
    for grad_output in (ones, 0 * ones, np.inf * ones):
        with np.errstate(all="ignore"):
            expected = np.where(x > 0, 0.0, x * grad_output)[0]
            _, grad_weight = fl.prelu_grad(grad_output, x, np.full(7, 0.5))
        np.testing.assert_array_equal(grad_weight, expected)


def test_other_operands_give_the_same_answer(rng):
    x, grad, weight = arrays(rng, (4, 6, 10), 1, np.float32)
    expected = fl.prelu(x, weight)
    expected_x, expected_weight = fl.prelu_grad(grad, x, weight)
    big = np.zeros((4, 6, 20), np.float32)
    big[..., ::2] = x
    strided = big[..., ::2]
    swapped = x.astype(x.dtype.newbyteorder())
    for other in (strided, swapped):
        ref.assert_same_bits(fl.prelu(other, weight), expected)
        grad_x, grad_weight = fl.prelu_grad(grad, other, weight)
        ref.assert_same_bits(grad_x, expected_x)
        ref.assert_same_bits(grad_weight, expected_weight)
    ref.assert_same_bits(fl.prelu(x, weight[::-1]), ref.leaky_relu(x, weight[::-1][:, None]))
    doubles = fl.prelu(x, weight.tolist())
    ref.assert_same_bits(doubles, ref.leaky_relu(x, np.array(weight.tolist())[:, None]))
    assert fl.prelu_grad(grad, x, weight.tolist())[1].dtype == np.float64
    integers = np.arange(-6, 6).reshape(4, 3)
    ref.assert_same_bits(fl.prelu(integers, [0.5, 1.0, 2.0]), ref.leaky_relu(integers, np.array([0.5, 1, 2])))
    out = np.empty((4, 6, 20), np.float32)[..., ::2]
    assert fl.prelu(x, weight, out=out) is out
    ref.assert_same_bits(out, expected)


def test_weight_inside_the_output(rng):
    memory = rng.standard_normal((6, 6)).astype(np.float32)
    expected = ref.leaky_relu(memory.copy(), memory[0].copy())
    ref.assert_same_bits(fl.prelu(memory, memory[0], out=memory), expected)


def test_masked_arrays_keep_their_mask():
    x = np.ma.masked_array([[-1.0, -2.0], [3.0, -4.0]], mask=[[0, 1], [0, 0]])
    result = fl.prelu(x, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(result.mask, x.mask)
    _, grad_weight = fl.prelu_grad(np.ma.ones((2, 2)), x, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(grad_weight, [-1.0, -4.0])


@pytest.mark.parametrize("call", [fl.prelu, lambda x, w, axis=1: fl.prelu_grad(x, x, w, axis)])
def test_errors_name_both_numbers(call):
    x = np.ones((2, 3, 4), np.float32)
    for wrong in (np.ones(5, np.float32), np.ones(0, np.float32), [0.1, 0.2]):
        with pytest.raises(ValueError, match=f"3 channels on axis 1 .*4 places on its last axis, not {len(wrong)}"):
            call(x, wrong)
    for wrong, message in [
        (np.ones((2, 1)), r"\(2, 1\).*\(2, 3, 4\): on axis 1 of x it has 2 slopes, not 1 or 3"),
        (np.ones((0, 3, 4)), "on axis 0 of x it has 0 slopes, not 1 or 2"),
        (np.ones((1, 1, 1, 1)), r"\(1, 1, 1, 1\) has 4 axes, but x of shape \(2, 3, 4\) has 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            call(x, wrong)
    for axis in (3, -4, 17):
        with pytest.raises(ValueError, match=rf"{axis}.*3"):
            call(x, np.ones(3), axis)
    with pytest.raises(TypeError):
        call(x, np.ones(3), 1.5)
    with pytest.raises(TypeError):
        call(x.astype(complex), np.ones(3))


def test_shapes_and_outputs_that_do_not_fit():
    x = np.ones((2, 3), np.float32)
    weight = np.ones(3, np.float32)
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(2, 3\)"):
        fl.prelu_grad(np.ones((3, 2)), x, weight)
    read_only = np.zeros((2, 3), np.float32)
    read_only.flags.writeable = False
    for out, error in [
        (read_only, ValueError),
        (np.zeros((3, 2), np.float32), ValueError),
        (np.zeros((4, 2, 3), np.float32), ValueError),
        (np.zeros((1, 2, 3)), ValueError),
        (np.zeros((2, 3), int), TypeError),
    ]:
        with pytest.raises(error):
            fl.prelu(x, weight, out=out)
        assert not out.any()


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("which", range(3))
def test_gradients_of_misaligned_operands(dtype, which, rng):
    x, grad, weight = arrays(rng, (4, 6), 1, dtype)
    expected = fl.prelu_grad(grad, x, weight)
    operands = [grad, x, weight]
    misaligned = np.zeros(operands[which].nbytes + 1, np.uint8)[1:].view(dtype).reshape(operands[which].shape)
    misaligned[:] = operands[which]
    assert not misaligned.flags.aligned
    operands[which] = misaligned
    for result, wanted in zip(fl.prelu_grad(*operands), expected, strict=True):
        ref.assert_same_bits(result, wanted)


def memory_mapped(folder, array):
    path = folder / f"{array.dtype}{array.size}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64"])
@pytest.mark.parametrize("mapped", ["grad_output", "x", "weight"])
def test_weight_gradients_of_memory_mapped_arrays_are_those_of_plain_ones(tmp_path, dtype, mapped):
    """Once their products and sums were in their own dtype: int8 wrapped, float16 overflowed and lost digits."""
    operands = {
        "grad_output": np.full((3000, 2), 100, dtype),
        "x": np.full((3000, 2), -100, dtype),
        "weight": np.full(2, 1, dtype),
    }
    expected = fl.prelu_grad(**operands)
    operands[mapped] = memory_mapped(tmp_path, operands[mapped])
    results = fl.prelu_grad(**operands)
    for result, wanted in zip(results, expected, strict=True):
        assert type(result) is np.ndarray
        ref.assert_same_bits(result, wanted)


def test_weight_gradients_of_matrices_and_masked_arrays():
    grad, x, weight = np.array([[1.0, 1.0], [2.0, 5.0]]), np.array([[-1.0, 2.0], [-3.0, -4.0]]), np.full(2, 0.5)
    expected_x, expected_weight = fl.prelu_grad(grad, x, weight)
    with pytest.warns(PendingDeprecationWarning):
        grad_x, grad_weight = fl.prelu_grad(np.matrix(grad), np.matrix(x), weight)
    assert type(grad_x) is np.matrix
    ref.assert_same_bits(np.asarray(grad_x), expected_x)
    ref.assert_same_bits(grad_weight, expected_weight)

    many = np.full((3000, 2), -1, np.float16)
    masked = np.ma.array(many, mask=np.zeros_like(many, bool))
    masked[0, 1] = np.ma.masked
    grad_x, grad_weight = fl.prelu_grad(-many, masked, np.full(2, 0.5, np.float16))
    assert grad_x.dtype == grad_weight.dtype == np.float16
    assert grad_weight.tolist() == [-3000.0, float(np.float16(-2999))]


def test_a_bfloat16_weight_gradient_is_rounded_once():
    bfloat16 = ref.BFLOAT16
    x, weight = np.full((3, 1), -1, bfloat16), np.ones(1, bfloat16)
    for sign in (1.0, -1.0):
        # The sum is just above the middle of two bfloat16; as a float32 it would be the middle, which goes to even.
        grad = np.array([[sign], [sign * 2.0**-8], [sign * 2.0**-30]]).astype(bfloat16)
        assert float(fl.prelu_grad(grad, x, weight)[1][0]) == -sign * 1.0078125
        below = np.array([[sign * 1.0078125], [sign * 2.0**-8], [-sign * 2.0**-30]]).astype(bfloat16)
        assert float(fl.prelu_grad(below, x, weight)[1][0]) == -sign * 1.0078125
    for total in (np.inf, -np.inf, np.nan, 0.0, 2.0**-140, -(2.0**-133)):
        grad = np.array([[total], [0.0], [0.0]]).astype(bfloat16)
        grad_weight = fl.prelu_grad(grad, x, weight)[1].astype(np.float64)
        np.testing.assert_array_equal(grad_weight, [-float(grad[0, 0])])


class Axis:
    """Runs the caller's code when it is asked which axis it is."""

    def __init__(self, action):
        self.action = action

    def __index__(self):
        self.action()
        return 1


@pytest.mark.parametrize("gradient", [False, True])
def test_an_axis_that_changes_the_shape_of_x(gradient):
    """Once this wrote past the array."""
    x = np.ones((2, 300), np.float32)
    weight = np.full(300, 0.1, np.float32)
    operands = (x, x, weight) if gradient else (x, weight)

    def flatten():
        x.resize(600, refcheck=False)

    with pytest.raises(np.exceptions.AxisError):
        (fl.prelu_grad if gradient else fl.prelu)(*operands, axis=Axis(flatten))
    x = np.ones((2, 300), np.float32)
    operands = (x, x, weight) if gradient else (x, weight)
    with pytest.raises(ValueError, match="weight must have one slope"):
        (fl.prelu_grad if gradient else fl.prelu)(*operands, axis=Axis(lambda: x.resize(300, 2, refcheck=False)))


def test_an_axis_is_no_bool():
    x, weight = np.ones((2, 3)), np.ones(3)
    for function, operands in ((fl.prelu, (x, weight)), (fl.prelu_grad, (x, x, weight))):
        with pytest.raises(TypeError, match="True"):
            function(*operands, axis=True)


def test_out_in_a_tuple_is_checked_too():
    x, weight = -np.ones((2, 3), np.float32), np.full(3, 0.5, np.float32)
    out = np.zeros_like(x)
    assert fl.prelu(x, weight, out=(out,)) is out
    assert (out == -0.5).all()
    larger = np.zeros((4, 2, 3), np.float32)
    with pytest.raises(ValueError, match="out has shape"):
        fl.prelu(x, weight, out=(larger,))
    assert not larger.any()


def test_an_operand_that_is_no_array():
    class NoUfunc:
        __array_ufunc__ = None

    x = np.ones((2, 3))
    for operands in ((x, NoUfunc()), (NoUfunc(), np.ones(3))):
        with pytest.raises(TypeError, match="NoUfunc"):
            fl.prelu(*operands)
