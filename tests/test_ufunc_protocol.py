"""The ufuncs behave as NumPy's own do: keywords, methods, subclasses, pickling, errors."""

import copy
import pickle

import numpy as np
import pytest

import fastlrelu as fl
import reference as ref

UFUNCS = [getattr(fl, name) for name in ref.OPERATIONS]
X = np.array([-2.0, -0.0, 0.0, 3.0, -np.inf])


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_is_a_ufunc(ufunc):
    assert isinstance(ufunc, np.ufunc)
    assert ufunc is getattr(fl, ufunc.__name__)
    assert ufunc.nout == 1
    assert ufunc.signature is None
    assert [t[-1] for t in ufunc.types] == ["e", "f", "d", "g"]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_pickle_and_copy_give_the_same_object(ufunc):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(ufunc, protocol)) is ufunc
    assert copy.copy(ufunc) is ufunc
    assert copy.deepcopy(ufunc) is ufunc


def test_out():
    out = np.empty(5)
    assert fl.leaky_relu(X, 0.1, out) is out
    assert fl.leaky_relu(X, 0.1, out=(out,)) is out
    ref.assert_same_bits(out, ref.leaky_relu(X, 0.1))
    single = np.empty(5, np.float32)
    fl.leaky_relu(X, 0.1, out=single)
    ref.assert_same_bits(single, ref.leaky_relu(X, 0.1).astype(np.float32))
    wide = np.empty((3, 5))
    fl.leaky_relu(X, 0.1, out=wide)
    ref.assert_same_bits(wide, np.broadcast_to(ref.leaky_relu(X, 0.1), (3, 5)))


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty(4), ValueError),
        (np.empty((5, 1)), ValueError),
        (np.zeros(5, int), TypeError),
        (np.zeros(5, bool), TypeError),
        ([0.0] * 5, TypeError),
        (np.broadcast_to(0.0, 5), ValueError),
    ],
)
def test_an_unfit_out_raises_and_keeps_its_values(out, error):
    before = copy.deepcopy(out)
    for call in (lambda: fl.leaky_relu(X, 0.1, out=out), lambda: fl.LeakyReLU(0.1)(X, out=out)):
        with pytest.raises(error):
            call()
        np.testing.assert_array_equal(out, before)


@pytest.mark.parametrize("n", [5, 3000, 200_000])
def test_where(simd_level, n, rng):
    x = ref.random_values(rng, n, np.float32)
    mask = rng.random(n) < 0.5
    out = ref.random_values(rng, n, np.float32)
    expected = np.where(mask, ref.leaky_relu(x, 0.1), out)
    fl.leaky_relu(x, 0.1, out=out, where=mask)
    ref.assert_same_bits(out, expected)


def test_dtype_casting_and_order():
    single = X.astype(np.float32)
    wide = fl.leaky_relu(single, 0.1, dtype=np.float64)
    ref.assert_same_bits(wide, ref.leaky_relu(single.astype(np.float64), 0.1))
    with pytest.raises(TypeError):
        fl.leaky_relu(X, 0.1, dtype=np.float32, casting="safe")
    narrow = fl.leaky_relu(X, 0.1, dtype=np.float32, casting="same_kind")
    ref.assert_same_bits(narrow, ref.leaky_relu(single, 0.1))
    with pytest.raises(TypeError):
        fl.leaky_relu(X, 0.1, dtype=int)
    ref.assert_same_bits(fl.leaky_relu(single, 0.1, signature="ff->f"), ref.leaky_relu(single, 0.1))
    grid = np.ones((3, 4))
    assert fl.leaky_relu(grid, 0.1, order="F").flags.f_contiguous


def test_methods():
    slopes = np.array([0.1, 0.5])
    ref.assert_same_bits(fl.leaky_relu.outer(X, slopes), ref.leaky_relu(X[:, None], slopes))
    at = X.copy()
    fl.leaky_relu.at(at, [0, 3, 0], 0.5)
    ref.assert_same_bits(at, np.array([-0.5, -0.0, 0.0, 3.0, -np.inf]))


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 2, 9, 1000, 200_000])
def test_reduce_and_accumulate_go_in_order(simd_level, dtype, n, thread_count, rng):
    x = -np.abs(rng.standard_normal(n)).astype(dtype)
    expected = np.empty_like(x)
    expected[0] = x[0]
    # The sign changes with every step, so the value settles at once and the loop in Python can be short.
    for i in range(1, min(n, 1000)):
        expected[i] = ref.leaky_relu(expected[i - 1 : i], x[i : i + 1])[0]
    expected[1000:] = expected[min(n, 1000) - 1]
    ref.assert_same_bits(fl.leaky_relu.accumulate(x), expected)
    ref.assert_same_bits(fl.leaky_relu.reduce(x), expected[-1])
    if n > 1 and dtype != ref.BFLOAT16:
        pairs = np.stack([x, x])
        ref.assert_same_bits(fl.leaky_relu.reduce(pairs, axis=0), ref.leaky_relu(x, x))


def test_subclass_and_array_ufunc():
    class Tagged(np.ndarray):
        pass

    tagged = X.view(Tagged)
    for result in (fl.leaky_relu(tagged, 0.1), fl.LeakyReLU(0.1)(tagged)):
        assert type(result) is Tagged
        ref.assert_same_bits(result, ref.leaky_relu(X, 0.1))
    assert type(fl.leaky_relu(tagged, 0.1, subok=False)) is np.ndarray

    masked = np.ma.masked_invalid(X)
    for result in (fl.leaky_relu(masked, 0.1), fl.LeakyReLU(0.1)(masked)):
        np.testing.assert_array_equal(result.mask, masked.mask)
        ref.assert_same_bits(result.compressed(), ref.leaky_relu(X[:4], 0.1))

    class Recorder:
        def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
            return ufunc, method, len(inputs), sorted(keywords)

    assert fl.leaky_relu(Recorder(), 0.1) == (fl.leaky_relu, "__call__", 2, [])
    assert fl.LeakyReLU()(Recorder()) == (fl.leaky_relu, "__call__", 2, [])
    assert fl.LeakyReLU().grad(1.0, Recorder()) == (fl.leaky_relu_grad, "__call__", 3, [])


def test_reads_a_read_only_input():
    x = X.copy()
    x.flags.writeable = False
    ref.assert_same_bits(fl.leaky_relu(x, 0.1), ref.leaky_relu(X, 0.1))


def test_wrong_number_of_operands():
    with pytest.raises(TypeError):
        fl.leaky_relu(X)
    with pytest.raises(TypeError):
        fl.leaky_relu_grad(X, X)
    with pytest.raises(ValueError, match="broadcast"):
        fl.leaky_relu(X, np.ones(4))
