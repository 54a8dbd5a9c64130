"""The proof, on this machine, that every result has the bits of the ``np.where`` line.

ELU and GELU are not NumPy's bits: they are the same bits at every SIMD level.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dispatch import loops
from ..ufuncs import registration
from ..ufuncs.elu_gelu import elu, elu_grad, gelu, gelu_grad, gelu_tanh, gelu_tanh_grad
from ..ufuncs.operations import add_leaky_relu, leaky_relu, leaky_relu_grad

SLOPES = (0.0, 0.01, 0.2, 1.3, -0.5, float("inf"), float("nan"))
LENGTHS = (*range(1, 68), 127, 128, 129, 1000)


def _scalar(slope: float, dtype: np.dtype[Any]) -> Any:
    # NumPy widens a bfloat16 array beside a Python float; the slope in the array's own dtype does not.
    return dtype.type(slope) if dtype.kind == "V" else slope


def _same(actual: NDArray[Any], expected: NDArray[Any]) -> bool:
    nan = np.isnan(expected)
    equal = (actual == expected) & (np.signbit(actual) == np.signbit(expected))
    return bool(actual.dtype == expected.dtype and np.all(np.where(nan, np.isnan(actual), equal)))


def _inputs(dtype: np.dtype[Any]) -> NDArray[Any]:
    """All values of a 16-bit dtype; of a wider one every exponent and sign, and random numbers."""
    if dtype.itemsize == 2:
        return np.arange(65536, dtype=np.uint16).view(dtype)
    limits = np.finfo(dtype)
    powers = np.ldexp(dtype.type(1), np.arange(limits.minexp - limits.nmant, limits.maxexp))
    special = np.array([0.0, np.inf, np.nan, limits.max], dtype)
    positive = np.concatenate([special, powers, powers * dtype.type(1.7)])
    normal = np.random.default_rng(0).standard_normal(10_000).astype(dtype)
    return np.concatenate([positive, -positive, normal])


def _differences(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Results compared at the SIMD level in use, and calls whose results differ from ``np.where``."""
    x = _inputs(dtype)
    y = x[::-1].copy()
    compared = wrong = 0
    for slope in SLOPES:
        s = _scalar(slope, dtype)
        total = x + y
        pairs = [
            (leaky_relu(x, slope), np.where(x > 0, x, s * x)),
            (leaky_relu_grad(y, x, slope), np.where(x > 0, y, s * y)),
            (add_leaky_relu(x, y, slope), np.where(total > 0, total, s * total)),
        ]
        for n in LENGTHS:
            part = x[-n:]
            pairs.append((leaky_relu(part, slope), np.where(part > 0, part, s * part)))
        compared += sum(actual.size for actual, _ in pairs)
        wrong += sum(not _same(actual, expected) for actual, expected in pairs)
    return compared, wrong


def _elu_gelu(dtype: np.dtype[Any]) -> dict[str, list[NDArray[Any]]]:
    """Results of ELU and GELU, with their gradients, at the SIMD level in use."""
    x = _inputs(dtype)
    y = x[::-1].copy()
    parts = [x, *(x[-n:] for n in LENGTHS)]
    return {
        "elu": [*(elu(part, 1.0) for part in parts), elu(x, -0.5), elu_grad(y, x, 1.3)],
        "gelu": [*(gelu(part) for part in parts), gelu_grad(y, x)],
        "gelu_tanh": [*(gelu_tanh(part) for part in parts), gelu_tanh_grad(y, x)],
    }


def _show_elu_gelu() -> bool:
    print("ELU and GELU, the same bits at every SIMD level:")
    best, *others = loops.levels()
    words: dict[str, list[str]] = {"elu": [], "gelu": [], "gelu_tanh": []}
    equal = True
    for name in registration.dtypes():
        with np.errstate(all="ignore"):
            loops.use_level(best)
            expected = _elu_gelu(np.dtype(name))
            for level in others:
                loops.use_level(level)
                for function, results in _elu_gelu(np.dtype(name)).items():
                    wrong = sum(not _same(*pair) for pair in zip(results, expected[function], strict=True))
                    if wrong:
                        words[function].append(f"{name} DIFFERS in {wrong} calls at {level}")
                        equal = False
        for function, results in expected.items():
            words[function].append(f"{name} {sum(result.size for result in results):,}")
    for function, found in words.items():
        print(f"  {function:9} {'  '.join(found)}")
    return equal


def show() -> bool:
    """Compare every dtype at every SIMD level and print what came out.

    Returns
    -------
    bool
        Whether all results are equal.
    """
    print("Equal to np.where, bit for bit:")
    before = loops.level()
    equal = True
    try:
        for level in loops.levels():
            loops.use_level(level)
            words = []
            for name in registration.dtypes():
                with np.errstate(all="ignore"):
                    compared, wrong = _differences(np.dtype(name))
                words.append(f"{name} {compared:,}" if not wrong else f"{name} DIFFERS in {wrong} calls")
                equal = equal and not wrong
            print(f"  {level:9} {'  '.join(words)}")
        equal = _show_elu_gelu() and equal
    finally:
        loops.use_level(before)
    return equal
