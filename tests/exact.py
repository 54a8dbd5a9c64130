"""The oracle of ELU and GELU: mpmath's values, and errors in units in the last place."""

import ml_dtypes
import mpmath as mp
import numpy as np

import reference as ref

mp.mp.prec = 200

TANH_A = 2 * mp.sqrt(2 / mp.pi)
TANH_B = TANH_A * mp.mpf("0.044715")


def normal_distribution(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def gelu_gradient(x):
    return normal_distribution(x) + x * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def tanh_share(x):
    return 1 / (1 + mp.exp(-x * (TANH_A + TANH_B * x * x)))


def gelu_tanh_gradient(x):
    share = tanh_share(x)
    return share + x * share * (1 - share) * (TANH_A + 3 * TANH_B * x * x)


# The arguments as the ufuncs have them, and which of them is x.
OPERATIONS = {
    "elu": (2, 0, lambda x, alpha: x if x > 0 else alpha * mp.expm1(x)),
    "elu_grad": (3, 1, lambda grad, x, alpha: grad if x > 0 else grad * alpha * mp.exp(x)),
    "gelu": (1, 0, lambda x: x * normal_distribution(x)),
    "gelu_grad": (2, 1, lambda grad, x: grad * gelu_gradient(x)),
    "gelu_tanh": (1, 0, lambda x: x * tanh_share(x)),
    "gelu_tanh_grad": (2, 1, lambda grad, x: grad * gelu_tanh_gradient(x)),
}

# Where x is so far below that every result has underflown, by dtype of 4 and 8 bytes; and the zero of the function.
LOWEST = {
    "elu": (-20, -40),
    "elu_grad": (-105, -750),
    "gelu": (-14.6, -38.8),
    "gelu_grad": (-14.8, -39),
    "gelu_tanh": (-10.5, -22.5),
    "gelu_tanh_grad": (-10.7, -22.6),
}
ZEROS = {
    "gelu_grad": -0.7517915246935645,
    "gelu_tanh_grad": -0.7524614220710163,
}


def format_of(dtype):
    """Bits of the significand, and the exponents of the smallest subnormal number and of the first too large one."""
    dtype = np.dtype(dtype)
    info = ml_dtypes.finfo(dtype) if dtype == ref.BFLOAT16 else np.finfo(dtype)
    return info.nmant + 1, int(info.minexp) - info.nmant, int(info.maxexp)


def number(value):
    """A number of any dtype as mpmath's, exactly."""
    if not np.isfinite(value):
        return mp.mpf(float(value))
    fraction, exponent = np.frexp(np.longdouble(value))
    high = float(fraction)
    return mp.ldexp(mp.mpf(high) + mp.mpf(float(fraction - np.longdouble(high))), int(exponent))


def exactly(name, *arguments):
    return OPERATIONS[name][2](*map(number, arguments))


def unit(value, dtype):
    """The distance of neighbours of `dtype` around an exact value."""
    bits, smallest, _ = format_of(dtype)
    return mp.ldexp(1, max(mp.frexp(value)[1] - bits, smallest)) if value else mp.ldexp(1, smallest)


def error(result, exact, dtype):
    """How many units the result is from the exact value; infinity counts as the first number too large."""
    limit = mp.ldexp(1, format_of(dtype)[2])
    result = limit * int(np.sign(result)) if np.isinf(result) else number(result)
    exact = max(-limit, min(limit, exact))
    return float(abs(result - exact) / unit(exact, dtype))


def errors(name, dtype, results, *arguments):
    return np.array([error(result, exactly(name, *a), dtype) for result, *a in zip(results, *arguments, strict=True)])


def points(rng, name, dtype, n):
    """`n` negative and positive x of each kind: evenly spaced, of every magnitude, around zero and roundings."""
    low = LOWEST[name][dtype.itemsize == 8]
    smallest = -1074 if dtype.itemsize == 8 else -149
    multiples = np.log(2) * (rng.integers(low * 1.4, 0, n) + 0.5)
    kinds = [
        rng.uniform(low, 0, n),
        -np.exp2(rng.uniform(smallest, np.log2(-low), n)),
        rng.uniform(-2, 0, n),
        # Where the exponent's integer part changes, for exp(x) and exp(-x**2 / 2).
        multiples * (1 + rng.uniform(-1e-6, 1e-6, n)),
        -np.sqrt(-2 * multiples),
    ]
    if name in ZEROS:
        kinds.append(ZEROS[name] * (1 + rng.choice([-1, 1], n) * 10 ** rng.uniform(-17, -1, n)))
    below = np.concatenate(kinds)
    above = rng.choice(-below, n)
    return np.concatenate([below, above]).astype(dtype)


def rounded_halves(name, x, dtype, function, *others):
    """The exact values for 16-bit numbers, rounded once.

    `function` computes them in float64 within one unit; mpmath decides where that is not enough.
    """
    bits, smallest, largest = format_of(dtype)
    place = OPERATIONS[name][1]
    arguments = [*others[:place], x, *others[place:]]
    with np.errstate(all="ignore"):
        wide = function(*(np.asarray(a).astype(np.float64) for a in arguments))
        units = np.ldexp(1.0, np.maximum(np.frexp(wide)[1] - bits, smallest))
        steps = wide / units
        rounded = np.rint(steps) * units
        near_tie = np.isfinite(steps) & (np.abs(np.abs(steps - np.trunc(steps)) - 0.5) < 1e-9)
    for i in np.flatnonzero(near_tie):
        value = exactly(name, *(np.broadcast_to(a, x.shape)[i] for a in arguments)) / mp.mpf(float(units[i]))
        rounded[i] = float(mp.nint(value)) * units[i]
    with np.errstate(all="ignore"):
        rounded = np.where(np.abs(rounded) >= np.ldexp(1.0, largest), np.copysign(np.inf, rounded), rounded)
        return np.where(rounded == 0, np.copysign(0.0, wide), rounded).astype(np.float32).astype(dtype)
