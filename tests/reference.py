"""The oracle: what people write in NumPy, and the values that tell two functions apart."""

import math

import ml_dtypes
import numpy as np

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(t) for t in (np.float16, BFLOAT16, np.float32, np.float64, np.longdouble)]
HALVES = DTYPES[:2]
SLOPES = [0.0, 0.01, 0.25, 1.0, 1.3, -0.5, np.inf, np.nan]


def scalar(slope, dtype):
    """The slope as NumPy takes a Python float beside an array; ml_dtypes would widen the array to float32."""
    with np.errstate(all="ignore"):
        return dtype.type(slope) if dtype == BFLOAT16 and isinstance(slope, float) else slope


def leaky_relu(x, slope):
    with np.errstate(all="ignore"):
        return np.where(x > 0, x, scalar(slope, x.dtype) * x)


def leaky_relu_grad(grad_output, x, slope):
    with np.errstate(all="ignore"):
        return np.where(x > 0, grad_output, scalar(slope, x.dtype) * grad_output)


def add_leaky_relu(x, y, slope):
    with np.errstate(all="ignore"):
        return leaky_relu(x + y, slope)


def exact_sum(values):
    """The sum of float64 or longdouble values, correctly rounded."""
    if not np.isfinite(values).all():
        return values.dtype.type(np.sum(values))
    if values.dtype == np.float64:
        return math.fsum(values)
    digits = np.finfo(values.dtype).nmant + 1
    mantissas, exponents = np.frexp(values)
    exponents = (exponents - digits).tolist()
    least = min(exponents, default=0)
    whole = (int(mantissa) for mantissa in np.ldexp(mantissas, digits))
    total = sum(value << (exponent - least) for value, exponent in zip(whole, exponents, strict=True))
    more = max(0, total.bit_length() - digits)
    half, odd = (1 << more) >> 1, total >> more & 1
    return np.ldexp(values.dtype.type((total + half - (1 - odd if half else 0)) >> more), more + least)


def rounded(sums, dtype):
    """Float64 in another dtype, rounded once: bfloat16's own conversion goes by way of float32."""
    with np.errstate(all="ignore"):
        if dtype != BFLOAT16:
            return sums.astype(dtype)
        single = sums.astype(np.float32)
        inexact = np.isfinite(single) & (single != sums)
        bits = single.view(np.int32) - (inexact & (np.abs(single) > np.abs(sums)))
        return (bits | inexact).astype(np.int32).view(np.float32).astype(dtype)


def weight_gradient(grad_output, x, axes):
    """The sums over ``axes`` of grad_output * x where x is not greater than 0: exact ones of products in float64."""
    wide = np.longdouble if x.dtype == np.longdouble else np.float64
    with np.errstate(all="ignore"):
        products = np.where(x > 0, wide(0), grad_output.astype(wide) * x.astype(wide))
        products = np.moveaxis(products, axes, range(len(axes)))
        shape = products.shape[len(axes) :]
        columns = products.reshape(-1 if products.size else 0, math.prod(shape)).T
        return rounded(np.array([exact_sum(column) for column in columns], wide).reshape(shape), x.dtype)


OPERATIONS = {
    "leaky_relu": (1, leaky_relu),
    "leaky_relu_grad": (2, leaky_relu_grad),
    "add_leaky_relu": (2, add_leaky_relu),
}


def assert_same_bits(actual, expected):
    """Equal dtype, shape and bits; nan for nan, whatever its payload."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    with np.errstate(all="ignore"):
        nan = np.isnan(expected)
        wrong = np.isnan(actual) != nan
        wrong |= ~nan & ((actual != expected) | (np.signbit(actual) != np.signbit(expected)))
    if wrong.any():
        first = tuple(index[0] for index in np.nonzero(wrong))
        raise AssertionError(
            f"{np.count_nonzero(wrong)} of {wrong.size} differ, the first at {first}: "
            f"{actual[first]!r}, not {expected[first]!r}"
        )


def every_half(dtype):
    """All 65,536 values of a 16-bit dtype."""
    return np.arange(65536, dtype=np.uint16).view(dtype)


def telling_values(dtype):
    """Zeros, subnormals, neighbours of the limits, infinities, nan, of both signs, and plain numbers."""
    dtype = np.dtype(dtype)
    info = ml_dtypes.finfo(dtype) if dtype == BFLOAT16 else np.finfo(dtype)
    tiny, smallest, largest = info.tiny, info.smallest_subnormal, info.max
    with np.errstate(all="ignore"):
        positive = [0.0, smallest, tiny, tiny * dtype.type(0.5), 0.1, 1.0, 1.5, 3.0, 100.0, largest]
        values = [dtype.type(v) for v in [*positive, np.inf, np.nan]]
        return np.array([*values, *(-v for v in values)], dtype)


def random_values(rng, shape, dtype):
    """Normal numbers of random sign with the telling values strewn in."""
    values = rng.standard_normal(shape).astype(dtype)
    telling = telling_values(dtype)
    flat = values.reshape(-1)
    if flat.size:
        places = rng.integers(0, flat.size, max(1, flat.size // 8))
        flat[places] = telling[rng.integers(0, telling.size, places.size)]
    return values
