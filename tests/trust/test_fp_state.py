"""The floating-point state is the caller's: the same after a call, obeyed within it, in every thread of a team."""

import fp_environment
import numpy as np
import pytest
from subprocesses import ALWAYS_PARALLEL, run_python

import fastlrelu as fl
import reference as ref
from fastlrelu.dispatch import loops
from fastlrelu.threads import choice

needs_mxcsr = pytest.mark.skipif(not fp_environment.available, reason="reads MXCSR out of glibc's fenv_t")

MASKED = 0x1F80
UPWARD = 0x6000
STATES = (MASKED, MASKED | 0x3F, MASKED | 0x15, MASKED | UPWARD, MASKED | fp_environment.FLUSH)


def sizes(dtype):
    """The last is one for a team."""
    return 3, 64, 1000, (300 << 10) // dtype.itemsize


def operands(n, dtype):
    """Values that raise every flag there is, in products, sums and comparisons."""
    values = ref.telling_values(dtype)
    rng = np.random.default_rng(n)
    x, y = (values[rng.integers(0, values.size, n)] for _ in range(2))
    return x, y


def direct_calls(x, y, slope):
    """The calls that do not pass through NumPy, which clears the flags itself."""
    act = fl.LeakyReLU(slope)
    out = np.empty_like(x)
    weight = np.full(1, 0.3, x.dtype)
    x_and_y, per_channel = np.stack([x, y]), weight.repeat(2)[:, None]
    return [
        lambda: act(x),
        lambda: act(x, out),
        lambda: act.grad(y, x),
        lambda: act.grad(y, x, out),
        lambda: act.add(x, y, out),
        lambda: act.add(x_and_y, per_channel),
        lambda: fl.leaky_relu_(out, slope),
        lambda: fl.leaky_relu_grad_(out, x, slope),
        lambda: fl.prelu(x[None], weight, 0),
        lambda: fl.prelu(x[None], weight, 0, out[None]),
        *(
            call
            for act in (fl.ELU(slope), fl.GELU(), fl.GELU("tanh"))
            for call in (lambda act=act: act(x), lambda act=act: act.grad(y, x, out))
        ),
    ]


def elu_gelu(x, y, alpha):
    return [
        fl.elu(x, alpha),
        fl.elu_grad(y, x, alpha),
        fl.gelu(x),
        fl.gelu_grad(y, x),
        fl.gelu_tanh(x),
        fl.gelu_tanh_grad(y, x),
    ]


def ufunc_calls(x, y, slope):
    weight = np.full(1, 0.3, x.dtype)
    return [
        lambda: fl.leaky_relu(x, slope),
        lambda: fl.leaky_relu_grad(y, x, slope),
        lambda: fl.add_leaky_relu(x, y, slope),
        lambda: fl.leaky_relu(x[::2], slope),
        lambda: fl.prelu_grad(y[None], x[None], weight, 0),
        lambda: elu_gelu(x, y, slope),
        lambda: elu_gelu(x[::2], y[::2], slope),
    ]


@pytest.mark.covering(2)
@needs_mxcsr
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_every_bit_is_as_before(simd_level, dtype, thread_count):
    for n in sizes(dtype):
        x, y = operands(n, dtype)
        for i, slope in enumerate((0.3, 1e300, -1e-300, np.inf, np.nan)):
            for j, call in enumerate(direct_calls(x, y, slope)):
                # Each call meets each state, and each slope does.
                with fp_environment.with_mxcsr(STATES[(i + j) % len(STATES)]):
                    before = fp_environment.state()
                    call()
                    after = fp_environment.state()
                assert after == before
        for call in ufunc_calls(x, y, dtype.type(0.3)):
            for state in (MASKED, MASKED | fp_environment.FLUSH, MASKED | UPWARD):
                with fp_environment.with_mxcsr(state):
                    call()
                    after = fp_environment.mxcsr()
                assert after == state


@needs_mxcsr
@pytest.mark.timeout(60)
def test_exceptions_that_trap_do_not_trap_in_a_kernel():
    """A host that unmasks exceptions, as debuggers of numerics do, is not ended by a lane that is thrown away."""
    code = """
import faulthandler
faulthandler.enable()
import numpy as np, fastlrelu as fl
from fastlrelu.dispatch import loops
import fp_environment as fp
import reference as ref
from test_fp_state import MASKED, direct_calls, operands, sizes, ufunc_calls

unmasked = MASKED & ~(fp.TRAP_INVALID | fp.TRAP_DIVIDE | fp.TRAP_OVERFLOW | fp.TRAP_UNDERFLOW)
for level in loops.levels():
    loops.use_level(level)
    for threads in (1, 7):
        fl.set_num_threads(threads)
        for dtype in ref.DTYPES:
            for n in sizes(dtype):
                x, y = operands(n, dtype)
                calls = direct_calls(x, y, 0.3) + direct_calls(x, y, 1e300) + ufunc_calls(x, y, dtype.type(0.3))
                for call in calls:
                    with fp.with_mxcsr(unmasked):
                        call()
                        after = fp.mxcsr()
                    assert after == unmasked, hex(after)
"""
    run_python(code, **ALWAYS_PARALLEL)


@pytest.mark.covering(3)
@needs_mxcsr
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("bits", [0x8000, 0x0040, fp_environment.FLUSH], ids=["FTZ", "DAZ", "both"])
def test_subnormals_are_flushed_as_numpy_flushes_them(simd_level, dtype, bits, thread_count):
    for n in sizes(dtype):
        x, y = operands(n, dtype)
        slope = dtype.type(0.3)
        weight = np.full(1, slope, dtype)
        with fp_environment.with_mxcsr(MASKED | bits):
            expected = ref.leaky_relu(x, slope), ref.leaky_relu_grad(y, x, slope), ref.add_leaky_relu(x, y, slope)
            results = fl.leaky_relu(x, slope), fl.leaky_relu_grad(y, x, slope), fl.add_leaky_relu(x, y, slope)
            direct = fl.LeakyReLU(0.3)(x), fl.LeakyReLU(0.3).grad(y, x)
            channels = fl.prelu(x[None], weight, 0)[0], fl.prelu_grad(y[None], x[None], weight, 0)[0][0]
        for result, wanted in zip(results, expected, strict=True):
            assert_same_memory(result, wanted)
        for result, wanted in zip(direct + channels, expected[:2] * 2, strict=True):
            assert_same_memory(result, wanted)


def assert_same_memory(result, expected):
    """As `assert_same_bits`, by way of integers: a comparison of floats may flush them too."""
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(result), nan)
    ref.assert_same_bits(result[~nan], expected[~nan])


@needs_mxcsr
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
@pytest.mark.parametrize("bits", [0x8000, 0x0040, fp_environment.FLUSH], ids=["FTZ", "DAZ", "both"])
def test_elu_and_gelu_flush_alike_everywhere(dtype, bits):
    """Nothing but subnormals is flushed, and the same ones at each level, by each thread."""
    n = sizes(dtype)[-1]
    x, y = operands(n, dtype)
    x[::2] = np.linspace(-120, 5, x[::2].size).astype(dtype)
    alpha = dtype.type(0.3)
    info = ref.ml_dtypes.finfo(dtype) if dtype == ref.BFLOAT16 else np.finfo(dtype)

    def subnormal(values):
        with np.errstate(invalid="ignore"):
            return (np.abs(values) < info.tiny) & (values != 0)

    plain = elu_gelu(x, y, alpha)
    before, answers = loops.level(), []
    choice.set_parallel_bytes(256 << 10)
    try:
        for level in loops.levels():
            loops.use_level(level)
            for threads in (1, 2):
                with fl.num_threads(threads), fp_environment.with_mxcsr(MASKED | bits):
                    answers.append(elu_gelu(x, y, alpha))
    finally:
        choice.set_parallel_bytes(None)
        loops.use_level(before)
    for other in answers:
        for result, first, wanted in zip(other, answers[0], plain, strict=True):
            assert_same_memory(result, first)
            touched = subnormal(x) | subnormal(y) | subnormal(wanted)
            assert_same_memory(result[~touched], wanted[~touched])


@pytest.mark.covering(2)
@needs_mxcsr
@pytest.mark.parametrize("direction", [0x0000, 0x2000, 0x4000, 0x6000])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_the_callers_rounding_counts_in_every_thread(simd_level, dtype, direction, thread_count, rng):
    x = rng.standard_normal(200_000).astype(dtype)
    slope = x.dtype.type(0.3)
    with fp_environment.with_mxcsr(MASKED | direction):
        expected = ref.leaky_relu(x, slope)
        result = fl.leaky_relu(x, slope)
    ref.assert_same_bits(result, expected)


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_no_warning_whatever_the_values(simd_level, dtype, thread_count):
    for n in sizes(dtype):
        x, y = operands(n, dtype)
        with np.errstate(all="raise"):
            for slope in (dtype.type(v) for v in (0.3, 0.0, -0.5)):
                for call in direct_calls(x, y, float(slope)) + ufunc_calls(x, y, slope):
                    call()


@pytest.mark.parametrize("dtype", ref.DTYPES, ids=str)
def test_one_two_and_seven_threads_give_the_same_bits(simd_level, dtype, rng):
    x, grad = (ref.random_values(rng, (11, 7, 4099), dtype) for _ in range(2))
    weight = rng.standard_normal(7).astype(dtype)
    choice.set_parallel_bytes(256 << 10)
    answers = []
    try:
        for threads in (1, 2, 7):
            with fl.num_threads(threads):
                forward = fl.leaky_relu(x, weight[:, None]), fl.add_leaky_relu(x, grad, dtype.type(0.1))
                channels = fl.prelu(x, weight), *fl.prelu_grad(grad, x, weight)
                answers.append((*forward, *channels, fl.LeakyReLU(0.1).grad(grad, x)))
    finally:
        choice.set_parallel_bytes(None)
    for other in answers[1:]:
        for result, wanted in zip(other, answers[0], strict=True):
            ref.assert_same_bits(result, wanted)
