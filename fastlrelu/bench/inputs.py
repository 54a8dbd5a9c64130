"""The arrays of a cell, the same in every process, and when two results count as equal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import ELU_GELU, LAYERS, Cell, shape_of

Array = NDArray[Any]
SLOPE = 0.01
# Timed in place, over and over: any smaller slope would make subnormals of the negative elements, then zeros.
SLOPE_IN_PLACE = 1.0

# Two units in the last place of a normal number, and one step between the subnormal ones.
_LAST_PLACES = {"float16": 2.0**-9, "bfloat16": 2.0**-6, "float32": 2.0**-22, "float64": 2.0**-51}
_SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 5e-324}


def dtype_of(name: str) -> np.dtype[Any]:
    """NumPy's dtype, bfloat16 included.

    Raises
    ------
    ImportError
        For bfloat16 without ml_dtypes.
    """
    if name == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)


@dataclass
class Inputs:
    """What the candidates of a cell work on."""

    operation: str
    dtype: np.dtype[Any]
    slope: float
    threads: int
    x: Array
    # grad: the gradient of the output; add: the bias; prelu: the slopes; layer: the matrix.
    second: Array

    @property
    def scalar(self) -> Any:
        """The slope beside an array in plain NumPy: of bfloat16's own type, since a Python float would widen it."""
        return self.dtype.type(self.slope) if self.dtype.kind == "V" else self.slope

    @property
    def channel_axis(self) -> int:
        """Where prelu's channels are; not looked at for other slopes."""
        return 1 if self.operation == "prelu_first" else -1

    @property
    def channel_slopes(self) -> Array:
        """Prelu's slopes in a shape that broadcasts with x."""
        return self.second[:, None] if self.operation == "prelu_first" else self.second


def make_inputs(cell: Cell) -> Inputs:
    """Normal numbers of random sign, from a seed, so that every process has the same."""
    dtype = dtype_of(cell.dtype)
    random = np.random.default_rng(cell.size)

    def normal(*shape: int) -> Array:
        return random.standard_normal(shape, np.float32).astype(dtype, copy=False)

    shape = shape_of(cell)
    if cell.operation == "layer":
        rows, width, columns = LAYERS[cell.size]
        x, second = normal(rows, width), normal(width, columns)
    else:
        x = normal(*shape)
        if cell.operation == "grad":
            second = normal(*shape)
        elif cell.operation == "add":
            second = normal(shape[-1])
        elif cell.operation.startswith("prelu"):
            of_weight = {"prelu_first": shape[1:2], "prelu_last": shape[2:], "prelu_shared": (1,)}
            weight_shape = of_weight.get(cell.operation, shape[1:])
            second = np.linspace(0.01, 0.3, math.prod(weight_shape)).astype(dtype).reshape(weight_shape)
        else:
            second = x[:0]
    return Inputs(cell.operation, dtype, SLOPE, cell.threads, x, second)


def difference(result: Array, ours: Array, operation: str) -> str | None:
    """How a result differs from ours; "" if bit for bit the same, None if only in the last place.

    A peer may round the slope, or the product, once more than NumPy does; and no two libraries add up a matrix product
    in the same order. ELU and GELU may be off by eight units in the last place of the value, or of 1 if that is more:
    to the left of 0 the usual forms of GELU subtract nearly equal numbers.
    """
    if result.shape != ours.shape:
        return f"its shape is {result.shape}, not {ours.shape}"
    if result.dtype != ours.dtype:
        return f"its dtype is {result.dtype}, not {ours.dtype}"
    if result.tobytes() == ours.tobytes() if result.nbytes < 1 << 24 else bool(np.array_equal(result, ours)):
        return ""
    wide = np.float64 if ours.dtype == np.float64 else np.float32
    a: Array = result.astype(wide, copy=False)
    b: Array = ours.astype(wide, copy=False)
    with np.errstate(all="ignore"):
        off = np.abs(a - b)
        if operation == "layer":
            allowed = 1e-3 + 1e-3 * np.abs(b)
        elif operation in ELU_GELU:
            allowed = 4 * _LAST_PLACES[ours.dtype.name] * np.maximum(1, np.abs(b))
        else:
            allowed = _LAST_PLACES[ours.dtype.name] * np.abs(b) + _SMALLEST[ours.dtype.name]
        wrong = ~(off <= allowed)
        if not wrong.any():
            return None
        worst = float(np.max(off[wrong] / np.abs(b[wrong])))
    return f"{np.count_nonzero(wrong):,} of {ours.size:,} elements, by up to {worst:.1g} of their value"
