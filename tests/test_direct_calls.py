"""The direct calls: the answers of the ufuncs on every way, errors before anything is written, LeakyReLU as a value."""

import copy
import pickle

import numpy as np
import pytest

import fastlrelu as fl
import reference as ref

UNWRITABLE = [
    (np.arange(-3, 3), TypeError),
    (np.zeros(3, bool), TypeError),
    (np.zeros(3, complex), TypeError),
    ([-1.0, 2.0], TypeError),
    ((-1.0,), TypeError),
    (-1.0, TypeError),
    (np.float32(-1.0), TypeError),
    (None, TypeError),
    (np.broadcast_to(np.float32(-1.0), 4), ValueError),
]


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("slope", [*ref.SLOPES, 1e300, 1e-300, 1 / 3, 2.0**-15])
def test_the_same_answers_as_the_ufuncs(simd_level, dtype, slope, rng):
    act = fl.LeakyReLU(slope)
    for shape in ((1,), (17,), (3, 5, 7), (600,)):
        x, grad = (ref.random_values(rng, shape, dtype) for _ in range(2))
        forward, backward = ref.leaky_relu(x, slope), ref.leaky_relu_grad(grad, x, slope)
        out = np.empty_like(x)
        ref.assert_same_bits(act(x), forward)
        assert act(x, out) is out
        ref.assert_same_bits(out, forward)
        ref.assert_same_bits(act.grad(grad, x), backward)
        assert act.grad(grad, x, out=out) is out
        ref.assert_same_bits(out, backward)
        in_place = x.copy()
        assert fl.leaky_relu_(in_place, slope) is in_place
        ref.assert_same_bits(in_place, forward)
        in_place = grad.copy()
        assert fl.leaky_relu_grad_(in_place, x, slope) is in_place
        ref.assert_same_bits(in_place, backward)


@pytest.mark.parametrize("dtype", ref.HALVES, ids=str)
def test_slopes_are_rounded_as_numpy_rounds_them(dtype, rng):
    near_ties = (1 + rng.integers(0, 4096, 2000) / 4096) * 2.0 ** rng.integers(-30, 20, 2000)
    slopes = [*near_ties, *(near_ties * (1 + 2.0**-40)), *rng.standard_normal(500), 65519.99, 65520.0, -0.0]
    x = np.array([-1.0, 1.0], dtype)
    for slope in map(float, slopes):
        ref.assert_same_bits(fl.LeakyReLU(slope)(x), ref.leaky_relu(x, slope))


def test_other_operands_take_the_ufunc(rng):
    act = fl.LeakyReLU(0.1)
    grid = ref.random_values(rng, (20, 30), np.float32)
    for view in (grid.T, grid[::2, 1::3], grid[::-1]):
        ref.assert_same_bits(act(view), ref.leaky_relu(view, 0.1))
        ref.assert_same_bits(act.grad(view, view), ref.leaky_relu_grad(view, view, 0.1))
        written = view.copy("K")
        fl.leaky_relu_(written, 0.1)
        ref.assert_same_bits(written, ref.leaky_relu(view, 0.1))
    for operand in ([[-1.0, 2.0]], 3, -2.5, np.arange(-3, 3), np.float16(-1)):
        ref.assert_same_bits(act(operand), fl.leaky_relu(operand, 0.1))
    mixed = act.grad(grid.astype(np.float64), grid)
    ref.assert_same_bits(mixed, ref.leaky_relu_grad(grid.astype(np.float64), grid, 0.1))
    ref.assert_same_bits(act.grad(2.0, grid), ref.leaky_relu_grad(np.float32(2), grid, 0.1))
    column = ref.random_values(rng, (20, 1), np.float32)
    ref.assert_same_bits(act.grad(column, grid), ref.leaky_relu_grad(column, grid, 0.1))
    fortran = np.asfortranarray(grid)
    ref.assert_same_bits(act(grid, out=np.empty_like(fortran)), ref.leaky_relu(grid, 0.1))


def test_array_slopes_in_place(rng):
    x = ref.random_values(rng, (6, 5), np.float32)
    slopes = rng.random(5).astype(np.float32)
    expected = ref.leaky_relu(x, slopes)
    ref.assert_same_bits(fl.leaky_relu_(x, slopes), expected)
    with pytest.raises(ValueError, match="broadcast"):
        fl.leaky_relu_(x, np.ones((2, 6, 5)))


@pytest.mark.parametrize(("x", "error"), UNWRITABLE)
def test_in_place_raises_before_anything_is_written(x, error):
    before = copy.deepcopy(x)
    with pytest.raises(error):
        fl.leaky_relu_(x, 0.1)
    np.testing.assert_array_equal(x, before)
    with pytest.raises(error):
        fl.leaky_relu_grad_(x, -1.0, 0.1)
    np.testing.assert_array_equal(x, before)


def test_errors_name_the_value():
    with pytest.raises(TypeError, match="list"):
        fl.leaky_relu_([1.0])
    with pytest.raises(TypeError, match="tuple"):
        fl.leaky_relu_grad_((1.0,), np.ones(1))
    with pytest.raises(TypeError, match="int64"):
        fl.leaky_relu_(np.arange(3, dtype=np.int64))


def test_leaky_relu_is_a_value():
    act = fl.LeakyReLU(0.2)
    assert fl.LeakyReLU() == fl.LeakyReLU(0.01) != act
    assert act == fl.LeakyReLU(negative_slope=0.2)
    assert act != 0.2
    assert len({act, fl.LeakyReLU(0.2), fl.LeakyReLU(0.3)}) == 2
    assert repr(act) == "LeakyReLU(negative_slope=0.2)"
    assert eval(repr(act), {"LeakyReLU": fl.LeakyReLU}) == act
    for duplicate in (copy.copy(act), copy.deepcopy(act), pickle.loads(pickle.dumps(act))):
        assert duplicate == act
        assert duplicate.negative_slope == 0.2
    with pytest.raises(AttributeError):
        act.negative_slope = 0.3
    with pytest.raises(AttributeError):
        act.other = 1
    assert fl.LeakyReLU(np.float32(0.5)).negative_slope == 0.5
    assert fl.LeakyReLU(1).negative_slope == 1.0


@pytest.mark.parametrize("slope", ["0.1", None, 1j, [0.1], np.array([0.1]), np.array(0.1)])
def test_leaky_relu_takes_a_real_number(slope):
    with pytest.raises(TypeError):
        fl.LeakyReLU(slope)


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_no_floating_point_warning(simd_level, dtype, thread_count):
    values = np.resize(ref.telling_values(dtype), 150_000)
    for slope in ref.SLOPES:
        slope = dtype.type(slope)
        for x in (values[:20], values):
            with np.errstate(all="raise"):
                fl.leaky_relu(x, slope)
                fl.leaky_relu_grad(x, x[::-1], slope)
                fl.add_leaky_relu(x, x[::-1], slope)
                fl.LeakyReLU(1e300)(x)
                fl.prelu(x.reshape(1, -1), np.full(x.size, slope))
                fl.prelu_grad(x.reshape(2, -1), x.reshape(2, -1), np.full(x.size // 2, slope))


def test_activations_are_equal_where_their_results_are():
    nan = fl.LeakyReLU(float("nan"))
    assert nan == fl.LeakyReLU(float("nan"))
    assert nan in {nan: 1}
    assert fl.LeakyReLU(float("nan")) in {nan}
    # The one gives 0.0 for -1, the other -0.0.
    assert fl.LeakyReLU(0.0) != fl.LeakyReLU(-0.0)


def test_a_slope_that_is_no_number_is_named():
    with pytest.raises(TypeError, match=r"negative_slope must be a real number, not '0\.1'"):
        fl.LeakyReLU("0.1")


def test_every_form_of_a_call():
    act = fl.LeakyReLU(0.5)
    x, out = np.array([-2.0, 4.0]), np.empty(2)
    keywords = {"".join(["o", "ut"]): out}
    for call in (
        lambda: act(x, out),
        lambda: act(x, out=out),
        lambda: act(x=x, out=out),
        lambda: act(out=out, x=x),
        lambda: act(*[x], **keywords),
        lambda: act.__call__(x, out=out),
        lambda: type(act).__call__(act, x, out),
    ):
        out[:] = 0
        assert call() is out
        assert out.tolist() == [-1.0, 4.0]
    for call in (lambda: act(x), lambda: act(x=x), lambda: act(x, None), lambda: act(x, out=None)):
        assert call().tolist() == [-1.0, 4.0]
    assert [y.tolist() for y in map(act, [x, x])] == [[-1.0, 4.0]] * 2
    assert x.tolist() == [-2.0, 4.0]


@pytest.mark.parametrize(
    ("positional", "named", "words"),
    [
        (0, [], "at least 1 positional"),
        (0, ["out"], "positional argument"),
        (3, [], "at most 2 positional"),
        (1, ["where"], "unexpected keyword argument 'where'"),
        (2, ["out"], "multiple values for keyword argument 'out'"),
        (1, ["x"], "multiple values for keyword argument 'x'"),
        (1, ["out", "where"], "unexpected keyword argument 'where'|at most 2"),
    ],
)
def test_wrong_forms_of_a_call(positional, named, words):
    arrays = [np.ones(2) for _ in range(positional)]
    with pytest.raises(TypeError, match=words):
        fl.LeakyReLU()(*arrays, **{name: np.ones(2) for name in named})
