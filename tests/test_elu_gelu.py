"""ELU and GELU within one unit in the last place, the same at every level, on every way to the kernels."""

import copy
import pickle
import sys
from pathlib import Path

import exact
import numpy as np
import pytest

import fastlrelu as fl
import reference as ref
from fastlrelu.dispatch import loops

ROOT = Path(__file__).parent.parent
NAMES = list(exact.OPERATIONS)
ALPHA = 1.6732632423543772
# As NumPy programs have them: accurate enough to find an operand in the wrong place, at any dtype.
CALLABLES = [
    (fl.ELU(ALPHA), fl.elu_, "elu", (ALPHA,)),
    (fl.GELU(), fl.gelu_, "gelu", ()),
    (fl.GELU("tanh"), fl.gelu_tanh_, "gelu_tanh", ()),
]


def operands(name, x, rng):
    """x in its place among random alphas and gradients, which also have the telling values."""
    count, place, _ = exact.OPERATIONS[name]
    return [x if i == place else ref.random_values(rng, x.size, x.dtype) for i in range(count)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_within_one_unit(name, dtype, rng):
    x = exact.points(rng, name, np.dtype(dtype), 60)
    count, place, _ = exact.OPERATIONS[name]
    for scale in (1.0, 1.2345678, 1.9999):
        given = [x if i == place else np.full_like(x, scale) for i in range(count)]
        assert exact.errors(name, dtype, getattr(fl, name)(*given), *given).max() < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["elu", "elu_grad", "gelu_grad", "gelu_tanh_grad"])
def test_products_leave_the_range_only_at_the_end(name, dtype, rng):
    # A factor that alone would be 0 or subnormal, brought back by alpha or a gradient, and the other way round.
    info = np.finfo(dtype)
    low = exact.LOWEST[name][dtype is np.float64]
    scales = [info.max, info.max / 3, info.tiny * 3, info.smallest_subnormal * 5, 1e10]
    x = np.concatenate([np.linspace(1.9 * low, 0, 30), [-info.smallest_subnormal, -info.tiny]]).astype(dtype)
    count, place, _ = exact.OPERATIONS[name]
    for first in scales:
        for second in scales if count == 3 else scales[:1]:
            others = [np.full_like(x, first), np.full_like(x, second)][: count - 1]
            given = [*others[:place], x, *others[place:]]
            assert exact.errors(name, dtype, getattr(fl, name)(*given), *given).max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_longdouble_as_good_as_the_c_library(name, rng):
    x = exact.points(rng, name, np.dtype(np.float64), 40).astype(np.longdouble)
    x *= 1 + np.longdouble(2.0**-58)
    count, place, _ = exact.OPERATIONS[name]
    given = [x if i == place else np.ones_like(x) for i in range(count)]
    assert exact.errors(name, np.longdouble, getattr(fl, name)(*given), *given).max() < 8


@pytest.mark.parametrize("dtype", ref.HALVES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_half_is_rounded_once(simd_level, name, dtype):
    x = ref.every_half(dtype)
    count, place, _ = exact.OPERATIONS[name]
    for first, second in ((1.0, 1.0), (1.234, 1.673)):
        others = [dtype.type(first), dtype.type(second)][: count - 1]
        got = getattr(fl, name)(*others[:place], x, *others[place:])
        ref.assert_same_bits(got, exact.rounded_halves(name, x, dtype, getattr(fl, name), *others))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_everywhere(name, dtype, rng):
    x = ref.random_values(rng, 2000, dtype)
    given = operands(name, x, rng)
    function = getattr(fl, name)
    expected = function(*given)
    before = loops.level()
    try:
        for level in loops.levels():
            loops.use_level(level)
            ref.assert_same_bits(function(*given), expected)
            for n in (0, 1, 2, 15, 16, 17, 31, 255, 256, 257, 511, 1025):
                for start in (0, 1, 3):
                    part = slice(start, start + n)
                    ref.assert_same_bits(function(*(a[part] for a in given)), expected[part])
            for step in (-1, 2, -3):
                ref.assert_same_bits(function(*(a[::step] for a in given)), expected[::step])
            for i in range(len(given)):
                written = [a.copy() for a in given]
                function(*written, out=written[i])
                ref.assert_same_bits(written[i], expected)
                if len(given) == 1:
                    continue
                one = [a if i != j else a[5] for j, a in enumerate(given)]
                full = [a if i != j else np.full_like(a, a[5]) for j, a in enumerate(given)]
                ref.assert_same_bits(function(*one), function(*full))
    finally:
        loops.use_level(before)


@pytest.mark.covering(3)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_by_threads_and_streams(name, dtype, thread_count, store, rng):
    x = ref.random_values(rng, 70_001, np.dtype(dtype))
    given = operands(name, x, rng)
    function = getattr(fl, name)
    expected = np.concatenate([function(*(a[i : i + 5000] for a in given)) for i in range(0, x.size, 5000)])
    ref.assert_same_bits(function(*given), expected)
    ref.assert_same_bits(function(*given, out=np.zeros_like(x)), expected)
    ref.assert_same_bits(function(*(a[::-1] for a in given)), expected[::-1])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_beside_numbers_at_the_ends_of_the_range(simd_level, name, rng):
    # float64 scales its products only where a block has such a number.
    count = exact.OPERATIONS[name][0]
    given = [rng.standard_normal(600) * 3 for _ in range(count)]
    for i, a in enumerate(given):
        a[1 + i :: 7] = 0.0
        a[2 + i :: 11] = -0.0
    ufunc = getattr(fl, name)
    expected = ufunc(*given)
    others = np.arange(600) % 100 != 0
    for i in range(count):
        for extreme in (np.inf, 1e300, 1e-300, 5e-324):
            mixed = [a.copy() for a in given]
            mixed[i][~others] = extreme
            ref.assert_same_bits(ufunc(*mixed)[others], expected[others])


@pytest.mark.parametrize("name", NAMES)
def test_overlapping_operands_as_from_copies(name, rng):
    x = rng.standard_normal(1000).astype(np.float32)
    for ahead in (1, 3, 17):
        given = operands(name, x[ahead:], rng)
        expected = getattr(fl, name)(*given)
        backwards = getattr(fl, name)(*(a[::-1].copy() for a in given))
        ref.assert_same_bits(backwards[::-1], expected)
        written = x.copy()
        given = [written[ahead:] if a.base is x else a for a in given]
        getattr(fl, name)(*given, out=written[:-ahead])
        ref.assert_same_bits(written[:-ahead], expected)


def limits(dtype):
    return np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_zeros_infinities_and_nan(simd_level, dtype):
    x = limits(dtype)
    one, nan, inf = dtype.type(1), np.nan, np.inf
    for function, expected in [
        (lambda: fl.elu(x, one), [0.0, -0.0, inf, -1, nan]),
        (lambda: fl.elu(x, dtype.type(0)), [0.0, -0.0, inf, -0.0, nan]),
        (lambda: fl.elu(x, dtype.type(inf)), [nan, nan, inf, -inf, nan]),
        (lambda: fl.elu(x, dtype.type(nan)), [nan, nan, inf, nan, nan]),
        (lambda: fl.elu(x, -one), [-0.0, 0.0, inf, 1, nan]),
        (lambda: fl.elu_grad(one, x, one), [1, 1, 1, 0, nan]),
        (lambda: fl.gelu(x), [0.0, -0.0, inf, -0.0, nan]),
        (lambda: fl.gelu_tanh(x), [0.0, -0.0, inf, -0.0, nan]),
        (lambda: fl.gelu_grad(one, x), [0.5, 0.5, 1, -0.0, nan]),
        (lambda: fl.gelu_tanh_grad(one, x), [0.5, 0.5, 1, -0.0, nan]),
        (lambda: fl.gelu_grad(dtype.type(nan), x), [nan] * 5),
    ]:
        ref.assert_same_bits(function(), np.array(expected, dtype))


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize(("act", "in_place", "name", "others"), CALLABLES, ids=lambda v: str(v)[:12])
def test_direct_calls_are_the_ufuncs(act, in_place, name, others, dtype, rng):
    forward, backward = getattr(fl, name), getattr(fl, f"{name}_grad")
    for shape in ((1,), (17,), (3, 5, 7), (600,), ()):
        x, grad = (ref.random_values(rng, shape, dtype) for _ in range(2))
        out = np.empty_like(x)
        ref.assert_same_bits(act(x), forward(x, *others))
        assert act(x, out) is out
        ref.assert_same_bits(out, forward(x, *others))
        ref.assert_same_bits(act.grad(grad, x), backward(grad, x, *others))
        assert act.grad(grad, x, out=out) is out
        ref.assert_same_bits(out, backward(grad, x, *others))
        with np.errstate(all="ignore"):
            total = x + grad
            ref.assert_same_bits(act.add(x, grad), forward(total, *others))
            assert act.add(x, grad, out=out) is out
        ref.assert_same_bits(out, forward(total, *others))
        written = x.copy()
        assert in_place(written, *others) is written
        ref.assert_same_bits(written, forward(x, *others))
    grid = ref.random_values(rng, (20, 30), dtype)
    for view in (grid.T, grid[::2, 1::3], grid[::-1]):
        ref.assert_same_bits(act(view), forward(view, *others))
        ref.assert_same_bits(act.grad(view, view), backward(view, view, *others))
        written = view.copy("K")
        in_place(written, *others)
        ref.assert_same_bits(written, forward(view, *others))


@pytest.mark.parametrize("in_place", [fl.elu_, fl.gelu_, fl.gelu_tanh_])
@pytest.mark.parametrize(
    ("operand", "kind"),
    [
        (np.arange(-3, 3), TypeError),
        (np.zeros(3, complex), TypeError),
        ([-1.0, 2.0], TypeError),
        (-1.0, TypeError),
        (np.broadcast_to(np.float32(-1.0), 4), ValueError),
    ],
)
def test_what_cannot_be_overwritten(in_place, operand, kind):
    before = copy.deepcopy(operand)
    with pytest.raises(kind):
        in_place(operand)
    np.testing.assert_array_equal(operand, before)


def test_callables_are_values():
    values = [fl.ELU(), fl.ELU(0.5), fl.ELU(-0.0), fl.ELU(0.0), fl.ELU(np.nan), fl.GELU(), fl.GELU("tanh")]
    assert len(set(values)) == len(values)
    for act in values:
        assert pickle.loads(pickle.dumps(act)) == act
        assert copy.deepcopy(act) == act
    assert repr(fl.ELU(2)) == "ELU(alpha=2.0)"
    assert repr(fl.GELU()) == "GELU(approximate='none')"
    for wrong in (np.ones(2), "x", None, 1j):
        with pytest.raises(TypeError, match="alpha must be a real number"):
            fl.ELU(wrong)
    for wrong in ("erf", None, True, "Tanh"):
        with pytest.raises(ValueError, match="approximate must be 'none' or 'tanh'"):
            fl.GELU(wrong)


def test_integers_and_python_numbers():
    assert fl.gelu(np.arange(3, dtype=np.int8)).dtype == np.float16
    assert fl.gelu(2) == fl.gelu(2.0)
    for dtype in ref.DTYPES:
        assert fl.elu(np.ones(3, dtype), 1).dtype == dtype
        assert fl.elu_grad(1.0, np.ones(3, dtype), 0.5).dtype == dtype
        assert fl.gelu_grad(1, np.ones(3, dtype)).dtype == dtype
    with pytest.raises(TypeError):
        fl.gelu(np.ones(3, complex))


@pytest.mark.skipif(not (ROOT / "fastlrelu" / "kernels").exists(), reason="without a source tree there is no header")
def test_the_script_reproduces_the_coefficients(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import coefficients

    assert coefficients.header() == (ROOT / "fastlrelu" / "kernels" / "coefficients.h").read_text()
