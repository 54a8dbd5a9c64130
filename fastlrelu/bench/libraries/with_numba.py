"""numba: the loop written out and compiled, in parallel where there is more than one thread."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ..inputs import Array, Inputs
from . import Call, UnsupportedError

VERSION: str = numba.__version__


def set_threads(threads: int) -> None:
    """Limit numba's pool."""
    numba.set_num_threads(threads)


def _forward(x: Any, s: Any, out: Any) -> None:
    for k in numba.prange(x.size):
        out[k] = x[k] if x[k] > 0 else s * x[k]


def _in_place(x: Any, s: Any) -> None:
    for k in numba.prange(x.size):
        x[k] = x[k] if x[k] > 0 else s * x[k]


def _gradient(g: Any, x: Any, s: Any, out: Any) -> None:
    for k in numba.prange(x.size):
        out[k] = g[k] if x[k] > 0 else s * g[k]


def _add(x: Any, b: Any, s: Any, out: Any) -> None:
    for row in numba.prange(x.shape[0]):
        for k in range(x.shape[1]):
            t = x[row, k] + b[k]
            out[row, k] = t if t > 0 else s * t


def _prelu_first(x: Any, w: Any, out: Any) -> None:
    for row in numba.prange(x.shape[0] * x.shape[1]):
        n, c = row // x.shape[1], row % x.shape[1]
        for k in range(x.shape[2]):
            t = x[n, c, k]
            out[n, c, k] = t if t > 0 else w[c] * t


def _prelu_last(x: Any, w: Any, out: Any) -> None:
    for row in numba.prange(x.shape[0] * x.shape[1]):
        n, k = row // x.shape[1], row % x.shape[1]
        for c in range(x.shape[2]):
            t = x[n, k, c]
            out[n, k, c] = t if t > 0 else w[c] * t


def _prelu_shared(x: Any, w: Any, out: Any) -> None:
    for row in numba.prange(x.shape[0] * x.shape[1]):
        n, c = row // x.shape[1], row % x.shape[1]
        for k in range(x.shape[2]):
            t = x[n, c, k]
            out[n, c, k] = t if t > 0 else w[0] * t


def _prelu_elements(x: Any, w: Any, out: Any) -> None:
    for row in numba.prange(x.shape[0] * x.shape[1]):
        n, k = row // x.shape[1], row % x.shape[1]
        for c in range(x.shape[2]):
            t = x[n, k, c]
            out[n, k, c] = t if t > 0 else w[k, c] * t


_compiled: dict[tuple[Any, bool], Any] = {}


def _compile(function: Any, threads: int) -> Any:
    key = function, threads > 1
    if key not in _compiled:
        _compiled[key] = numba.njit(parallel=threads > 1)(function)
    return _compiled[key]


def build(i: Inputs, candidate: str) -> Call:
    """The call to time."""
    if i.dtype.itemsize == 2:
        raise UnsupportedError(f"numba compiles no {i.dtype.name} for CPUs")
    x, second = i.x, i.second
    s = i.dtype.type(i.slope)

    def into_new(function: Any, *arguments: Any) -> Call:
        compiled = _compile(function, i.threads)

        def call() -> Array:
            out = np.empty_like(x)
            compiled(*arguments, out)
            return out

        return call

    if i.operation == "grad":
        return into_new(_gradient, second, x, s)
    if i.operation == "add":
        return into_new(_add, x, second, s)
    prelus = {
        "prelu_first": _prelu_first,
        "prelu_last": _prelu_last,
        "prelu_shared": _prelu_shared,
        "prelu_elements": _prelu_elements,
    }
    if i.operation in prelus:
        return into_new(prelus[i.operation], x, second)
    if i.operation in ("new", "call"):
        return into_new(_forward, x, s)
    if i.operation == "out":
        forward, out = _compile(_forward, i.threads), np.empty_like(x)

        def into() -> Array:
            forward(x, s, out)
            return out

        return into
    in_place, y = _compile(_in_place, i.threads), x.copy()

    def overwrite() -> Array:
        result = x @ second if i.operation == "layer" else y
        in_place(result.reshape(-1), s)
        return result

    return overwrite


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
