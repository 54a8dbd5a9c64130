"""Write the constants of ELU and GELU: `python tools/coefficients.py > fastlrelu/kernels/coefficients.h`.

Each polynomial is the best one of its degree by relative error, found by Remez exchange at 50 decimal digits: the error
takes its largest value, with alternating sign, at one point more than there are free coefficients. They are written as
C functions in Estrin's order, whose short chains of dependent operations keep a CPU's multipliers busy.

Needs mpmath: `python -m pip install --group tools`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp

Real = Callable[[mp.mpf], mp.mpf]

mp.mp.dps = 50

# A factor below one by this much keeps an exact product off the ties of a 16-bit dtype, on the side of the true result.
OFF_TIES = 1 - mp.mpf(2) ** -44

PHI_0 = 1 / mp.sqrt(2 * mp.pi)
TANH_A = 2 * mp.sqrt(2 / mp.pi)
TANH_B = TANH_A * mp.mpf("0.044715")


def scaled_tail(t: mp.mpf) -> mp.mpf:
    """Phi(-t) without its factor exp(-t**2 / 2)."""
    return mp.exp(t * t / 2) * mp.erfc(t / mp.sqrt(2)) / 2


def tanh_exponent(t: mp.mpf) -> mp.mpf:
    """w of the tanh form, which is x / (1 + exp(-w(x)))."""
    return t * (TANH_A + TANH_B * t * t)


GELU_ZERO = mp.findroot(lambda t: scaled_tail(t) - PHI_0 * t, (0.75, 0.76))
TANH_ZERO = mp.findroot(lambda t: 1 + mp.exp(-tanh_exponent(t)) - t * (TANH_A + 3 * TANH_B * t * t), (0.75, 0.76))


def scaled_gradient(t: mp.mpf) -> mp.mpf:
    """(Phi(-t) - t * phi(t)) / exp(-t**2 / 2) without its zero: over (GELU_ZERO - t)."""
    if abs(t - GELU_ZERO) < mp.mpf("1e-12"):
        t = GELU_ZERO + mp.mpf("1e-12")
    return (scaled_tail(t) - PHI_0 * t) / (GELU_ZERO - t)


def exp2_quotient(f: mp.mpf) -> mp.mpf:
    return mp.log(2) if f == 0 else mp.expm1(f * mp.log(2)) / f


def exp_remainder(r: mp.mpf) -> mp.mpf:
    """What is left of exp(r) after 1 + r + r**2 / 2, over r**3."""
    if abs(r) < mp.mpf("1e-6"):
        return mp.mpf(1) / 6 + r / 24 + r * r / 120
    return (mp.expm1(r) - r - r * r / 2) / r**3


@dataclass(frozen=True)
class Polynomial:
    name: str
    meaning: str
    function: Real
    low: mp.mpf
    high: mp.mpf
    degree: int
    # The error counts in units of the function divided by this.
    weight: Real
    # A constant term that is given, not found, and what the coefficients are multiplied by at the end.
    constant: mp.mpf | None = None
    factor: mp.mpf | int = 1
    # How many terms, the constant first, are left to the caller, who adds them with more than working precision.
    apart: int = 0


def extremes(errors: list[mp.mpf], wanted: int) -> list[int]:
    """The places of the largest error in each run of one sign; the smaller end goes while there are too many."""
    found: list[int] = []
    for i, error in enumerate(errors):
        if found and (errors[found[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[found[-1]]):
                found[-1] = i
        else:
            found.append(i)
    while len(found) > wanted:
        found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
    return found


def remez(polynomial: Polynomial) -> tuple[list[mp.mpf], mp.mpf]:
    """The coefficients, constant first, and the largest error."""
    first = 0 if polynomial.constant is None else 1
    unknown = polynomial.degree + 1 - first
    steps = 24 * (unknown + 1)
    middle, radius = (polynomial.low + polynomial.high) / 2, (polynomial.high - polynomial.low) / 2
    grid = [middle - radius * mp.cos(mp.pi * i / steps) for i in range(steps + 1)]
    # At 0 there may be nothing to weigh: a constant term is given, or the weight is 0.
    grid = [x for x in grid if abs(x) > 1e-20]
    targets = [polynomial.function(x) - (polynomial.constant or 0) for x in grid]
    weights = [polynomial.weight(x) for x in grid]
    powers = [[x**j for j in range(first, polynomial.degree + 1)] for x in grid]
    places = [round((len(grid) - 1) * (i + 0.5) / (unknown + 1)) for i in range(unknown + 1)]
    best: tuple[list[mp.mpf], mp.mpf] | None = None
    for _ in range(12):
        matrix = mp.matrix(unknown + 1, unknown + 1)
        right = mp.matrix(unknown + 1, 1)
        for row, i in enumerate(places):
            for column, power in enumerate(powers[i]):
                matrix[row, column] = power
            matrix[row, unknown] = (-1) ** row / weights[i]
            right[row] = targets[i]
        solution = mp.lu_solve(matrix, right)
        found = [solution[j] for j in range(unknown)]
        errors = [
            weight * (target - mp.fdot(found, power))
            for weight, target, power in zip(weights, targets, powers, strict=True)
        ]
        largest = max(abs(error) for error in errors)
        if best is None or largest < best[1]:
            best = ([] if polynomial.constant is None else [polynomial.constant]) + found, largest
        if largest < abs(solution[unknown]) * mp.mpf("1.01"):
            break
        places = extremes(errors, unknown + 1)
        if len(places) < unknown + 1:
            break
    assert best is not None
    return best


def hexadecimal(value: mp.mpf) -> str:
    """The float64 nearest to `value`, in C's notation."""
    return float(value).hex()


def pair(value: mp.mpf, bits: int = 53) -> tuple[mp.mpf, mp.mpf]:
    """`value` as a number of at most `bits` bits and the rest."""
    with mp.workprec(bits):
        high = +value
    return high, value - high


def estrin(coefficients: list[str], power: int = 1) -> str:
    if len(coefficients) == 1:
        return coefficients[0]
    while power * 2 < len(coefficients):
        power *= 2
    name = "x" if power == 1 else f"x{power}"
    low, high = estrin(coefficients[:power]), estrin(coefficients[power:])
    return f"({low} + {high} * {name})"


def in_c(polynomial: Polynomial) -> str:
    coefficients, error = remez(polynomial)
    coefficients = [c * polynomial.factor for c in coefficients]
    lines = []
    for i in range(polynomial.apart):
        # 26 bits: a product of two such numbers is exact.
        high, low = pair(coefficients.pop(0), 26 if i else 53)
        lines += [
            f"#define FL_{polynomial.name.upper()}_{i} {hexadecimal(high)}",
            f"#define FL_{polynomial.name.upper()}_{i}_LOW {hexadecimal(low)}",
        ]
    squares, power = [], 2
    while power < len(coefficients):
        half = "x" if power == 2 else f"x{power // 2}"
        squares.append(f"x{power} = {half} * {half}")
        power *= 2
    low, high = mp.nstr(polynomial.low, 5), mp.nstr(polynomial.high, 5)
    bits = mp.nstr(-mp.log(error, 2), 3)
    body = estrin([hexadecimal(c) for c in coefficients])
    return "\n".join(
        [
            f"/* {polynomial.meaning}; {low} <= x <= {high}, error 2**-{bits}. */",
            *lines,
            f"static ALWAYS_INLINE double fl_{polynomial.name}(const double x) {{",
            *([f"const double {', '.join(squares)};"] if squares else []),
            f"return {body[1:-1]};",
            "}",
        ]
    )


def of_argument(function: Real, k: mp.mpf) -> Real:
    """As a function of (t - k) / (t + k)."""
    return lambda u: function(k * (1 + u) / (1 - u))


def of_share(function: Real, k: mp.mpf) -> Real:
    """As a function of t / (t + k)."""
    return lambda v: function(k * v / (1 - v))


def relative(function: Real) -> Real:
    return lambda x: 1 / function(x)


def polynomials() -> list[Polynomial]:
    half = mp.mpf(1) / 2
    # The range of the exponent's rest, and a little more for the rounding of the quotient that it is left by.
    rest = mp.log(2) / 2 * mp.mpf("1.0001")
    k, single_limit, single_gradient_limit = mp.mpf(4), mp.mpf(15), mp.mpf(20)
    wide_k, wide_limit = mp.mpf(5.25), mp.mpf(56)
    single_tail = of_share(lambda t: scaled_tail(t) * (t + k), k)
    single_gradient = of_share(scaled_gradient, k)
    # Multiplied so that they change little, at t = 0 least: then the rounding of the argument does not count.
    tail = of_argument(lambda t: scaled_tail(t) * (t + mp.mpf(1.25)), wide_k)
    gradient = of_argument(lambda t: scaled_gradient(t) * (t + mp.mpf(1.5)) / (t + mp.mpf(2.5)), k)
    return [
        Polynomial(
            "single_exp2",
            "(2**x - 1) / x",
            exp2_quotient,
            -half * mp.mpf("1.0001"),
            half * mp.mpf("1.0001"),
            6,
            relative(exp2_quotient),
            constant=mp.log(2),
            factor=OFF_TIES,
        ),
        Polynomial(
            "single_tail",
            "exp(t**2 / 2) * Phi(-t) * (t + 4) of x = t / (t + 4)",
            single_tail,
            mp.mpf(0),
            single_limit / (single_limit + k),
            11,
            relative(single_tail),
            constant=mp.mpf(2),
            factor=OFF_TIES,
        ),
        Polynomial(
            "single_gradient",
            "(exp(t**2 / 2) * Phi(-t) - t * phi(0)) / (zero - t) of x = t / (t + 4)",
            single_gradient,
            mp.mpf(0),
            single_gradient_limit / (single_gradient_limit + k),
            10,
            relative(single_gradient),
            factor=OFF_TIES,
        ),
        Polynomial(
            "exp",
            "(exp(x) - 1 - x - x**2 / 2) / x**3",
            exp_remainder,
            -rest,
            rest,
            9,
            lambda r: r**3 / mp.expm1(r),
        ),
        Polynomial(
            "tail",
            "exp(t**2 / 2) * Phi(-t) * (t + 1.25) of x = (t - 5.25) / (t + 5.25), less its first four terms, over x**4",
            tail,
            mp.mpf(-1),
            (wide_limit - wide_k) / (wide_limit + wide_k),
            24,
            relative(tail),
            apart=4,
        ),
        Polynomial(
            "gradient",
            "(exp(t**2 / 2) * Phi(-t) - t * phi(0)) / (zero - t) * (t + 1.5) / (t + 2.5) of x = (t - 4) / (t + 4), "
            "less its constant, over x",
            gradient,
            mp.mpf(-1),
            (wide_limit - k) / (wide_limit + k),
            22,
            relative(gradient),
            apart=1,
        ),
    ]


def constants() -> list[tuple[str, str]]:
    log2 = mp.log(2)
    # 41 bits: a product with a number of 12 bits is exact.
    first, rest = pair(log2, 41)
    second, _ = pair(rest, 41)
    values = [
        ("LOG2_E", 1 / log2),
        ("LOG_2_FIRST", first),
        ("LOG_2_SECOND", second),
        ("SINGLE_EXP_1", OFF_TIES),
        ("SINGLE_GAUSS", -1 / (2 * log2)),
        ("SINGLE_TANH_A", -TANH_A / log2),
        ("SINGLE_TANH_B", -TANH_B / log2),
        ("SINGLE_TANH_E", OFF_TIES * mp.exp(-tanh_exponent(TANH_ZERO))),
    ]
    # 26 bits: a product of two such numbers is exact.
    for name, value, bits in [
        ("GELU_ZERO", GELU_ZERO, 53),
        ("TANH_A", TANH_A, 53),
        ("TANH_B", TANH_B, 26),
        ("TANH_3B", 3 * TANH_B, 26),
        ("TANH_ZERO", TANH_ZERO, 53),
        ("TANH_ZERO_SHORT", TANH_ZERO, 26),
        ("TANH_ZERO_SQUARE", TANH_ZERO**2, 53),
        ("TANH_E", mp.exp(-tanh_exponent(TANH_ZERO)), 26),
    ]:
        high, low = pair(value, bits)
        values += [(name, high), (f"{name}_LOW", low)]
    return [(name, hexadecimal(value)) for name, value in values]


def long_constants() -> list[tuple[str, mp.mpf]]:
    return [
        ("SQRT_HALF", 1 / mp.sqrt(2)),
        ("GELU_ZERO", GELU_ZERO),
        ("TANH_A", TANH_A),
        ("TANH_B", TANH_B),
        ("TANH_ZERO", TANH_ZERO),
    ]


Series = list[mp.mpf]
TERMS = 60


def times(a: Series, b: Series) -> Series:
    """The product of two power series, as long as the shorter."""
    return [mp.fdot(a[: n + 1], b[n::-1]) for n in range(min(len(a), len(b)))]


def gelu_series() -> Series:
    """The gradient of GELU around its zero at -GELU_ZERO, from the linear term on.

    It is the integral of (2 - x**2) * phi(x).
    """
    x = -GELU_ZERO
    density = [PHI_0 * mp.exp(-x * x / 2)]
    for n in range(TERMS):
        density.append(-(x * density[n] + (density[n - 1] if n else 0)) / (n + 1))
    slope = times([2 - x * x, -2 * x, mp.mpf(-1), *[mp.mpf(0)] * TERMS], density)
    return [slope[n] / (n + 1) for n in range(TERMS)]


def tanh_series() -> Series:
    """The same for the tanh form, share + x * share', where share' = share * (1 - share) * w'."""
    x = -TANH_ZERO
    growth = [TANH_A + 3 * TANH_B * x * x, 6 * TANH_B * x, 3 * TANH_B, *[mp.mpf(0)] * TERMS]
    share = [1 / (1 + mp.exp(-tanh_exponent(x)))]
    for n in range(TERMS + 1):
        square = times(share, share)
        share.append(mp.fdot([s - q for s, q in zip(share, square, strict=True)], growth[n::-1]) / (n + 1))
    # Term n of x * share' is x * (n + 1) * share[n + 1] + n * share[n].
    return [(n + 1) * share[n] + x * (n + 1) * share[n + 1] for n in range(1, TERMS + 1)]


def long_list(series: Series) -> str:
    return ", ".join(f"{mp.nstr(term, 36)}L" for term in series)


def header() -> str:
    lines = [
        "/* Written by tools/coefficients.py, which says what each number is. Do not edit. */",
        "#ifndef FASTLRELU_COEFFICIENTS_H",
        "#define FASTLRELU_COEFFICIENTS_H",
        "",
        '#include "compiler.h"',
        "",
        "/* clang-format off */",
        *(f"#define FL_{name} {value}" for name, value in constants()),
        "",
    ]
    for polynomial in polynomials():
        lines += [in_c(polynomial), ""]
    lines.append("/* For longdouble: the first 53 bits, and all that follows. */")
    for name, value in long_constants():
        high, low = pair(value)
        lines += [f"#define FL_LONG_{name} {hexadecimal(high)}L", f"#define FL_LONG_{name}_LOW {mp.nstr(low, 30)}L"]
    lines += [
        "",
        "/* The Taylor series of GELU's gradients around their zeros, from the linear term on. */",
        f"#define FL_LONG_GELU_SERIES {long_list(gelu_series())}",
        f"#define FL_LONG_TANH_SERIES {long_list(tanh_series())}",
        f"#define FL_LONG_PHI_0 {mp.nstr(PHI_0, 40)}L",
        f"#define FL_LONG_SQRT_PI_INVERSE {mp.nstr(1 / mp.sqrt(mp.pi), 40)}L",
        "",
    ]
    return "\n".join([*lines, "/* clang-format on */", "", "#endif", ""])


if __name__ == "__main__":
    sys.stdout.write(header())
