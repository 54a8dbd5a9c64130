"""numexpr: the np.where line as one expression."""

from __future__ import annotations

from typing import Any

import numexpr
import numpy as np

from ..inputs import Array, Inputs
from . import Call, UnsupportedError

VERSION: str = numexpr.__version__


def set_threads(threads: int) -> None:
    """Limit numexpr's pool."""
    numexpr.set_num_threads(threads)


def build(i: Inputs, candidate: str) -> Call:
    """The call to time."""
    if i.dtype.itemsize == 2:
        raise UnsupportedError(f"numexpr has no {i.dtype.name}")
    evaluate = numexpr.evaluate
    x, second = i.x, i.second
    # As an array of the same dtype: numexpr would compute in float64 beside a Python float.
    names: dict[str, Array] = {"x": x, "s": np.asarray(i.slope, i.dtype)}
    line = "where(x > 0, x, s * x)"
    if i.operation == "out":
        out = np.empty_like(x)
        return lambda: evaluate(line, names, out=out)
    if i.operation == "in_place":
        y = x.copy()
        return lambda: evaluate(line, {"x": y, "s": names["s"]}, out=y)
    if i.operation == "grad":
        names["g"] = second
        return lambda: evaluate("where(x > 0, g, s * g)", names)
    if i.operation == "add":
        names["b"] = second
        return lambda: evaluate("where(x + b > 0, x + b, s * (x + b))", names)
    if i.operation == "layer":

        def layer() -> Any:
            y = x @ second
            return evaluate(line, {"x": y, "s": names["s"]}, out=y)

        return layer
    if i.operation.startswith("prelu"):
        names["s"] = i.channel_slopes
    return lambda: evaluate(line, names)


def to_numpy(result: Any) -> Array:
    """The result itself."""
    return np.asarray(result)
