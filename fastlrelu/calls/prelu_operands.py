"""What `prelu` and `prelu_grad` take, before and beside the kernels."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index


def as_index(axis: Any) -> int:
    """Before any shape is read: what ``__index__`` runs may change a shape."""
    if isinstance(axis, bool):
        raise TypeError(f"axis must be an integer, not {axis!r}")
    return operator.index(axis)


def checked_axis(shape: tuple[int, ...], weight_shape: tuple[int, ...], axis: int) -> int:
    """The axis, counted from the front, if the weight has one slope for each of its channels."""
    axis = normalize_axis_index(axis, len(shape))
    if len(weight_shape) != 1 or weight_shape[0] != shape[axis]:
        raise ValueError(
            f"weight must have one slope for each of the {shape[axis]} channels on axis {axis} of an array of shape "
            f"{shape}, not {weight_shape[0] if len(weight_shape) == 1 else f'shape {weight_shape}'}"
        )
    return axis


def broadcastable(weight: Any, ndim: int, axis: int) -> Any:
    if not hasattr(weight, "reshape"):
        weight = np.asarray(weight)
    return weight.reshape(weight.shape + (1,) * (ndim - axis - 1))


def as_operand(value: Any) -> Any:
    """What a ufunc takes: arrays and their like as they are, lists as arrays."""
    if not hasattr(type(value), "__array_ufunc__"):
        return np.asarray(value)
    if type(value).__array_ufunc__ is None or not hasattr(value, "shape"):
        raise TypeError(f"operand {type(value).__name__!r} is no array: it has no shape, or does not support ufuncs")
    return value


def is_ndarray(value: Any) -> bool:
    """Of a class that leaves ufuncs to NumPy, and whose elements all count: memory-mapped ones, for example."""
    return type(value).__array_ufunc__ is np.ndarray.__array_ufunc__ and not isinstance(value, np.ma.MaskedArray)
