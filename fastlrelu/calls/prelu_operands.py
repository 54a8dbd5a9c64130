"""What `prelu` and `prelu_grad` take, before and beside the kernels."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

Shape = tuple[int, ...]


def as_index(axis: Any) -> int:
    """Before any shape is read: what ``__index__`` runs may change a shape."""
    if isinstance(axis, bool):
        raise TypeError(f"axis must be an integer, not {axis!r}")
    return operator.index(axis)


def first_axis(shape: Shape, weight_shape: Shape, axis: int) -> int:
    """The axis of ``x`` along which axis 0 of the weight lies; any number does for one slope.

    The rule of `prelu`: one slope first, then one for each place on `axis`, then NumPy's broadcasting.
    """
    if weight_shape in ((), (1,)):
        return 0
    ndim = len(weight_shape)
    if ndim == 1:
        axis = normalize_axis_index(axis, len(shape))
        if weight_shape[0] == shape[axis]:
            return axis
    first = len(shape) - ndim
    if first >= 0 and all(n in (1, m) for n, m in zip(weight_shape, shape[first:], strict=True)):
        return first
    if ndim == 1:
        raise ValueError(
            f"weight must have one slope for each of the {shape[axis]} channels on axis {axis} of an array of shape "
            f"{shape}, or 1, or one for each of the {shape[-1]} places on its last axis, not {weight_shape[0]}"
        )
    if first < 0:
        raise ValueError(f"weight of shape {weight_shape} has {ndim} axes, but x of shape {shape} has {len(shape)}")
    wrong = next(i for i in range(ndim - 1, -1, -1) if weight_shape[i] not in (1, shape[first + i]))
    raise ValueError(
        f"weight of shape {weight_shape} does not broadcast to x of shape {shape}: on axis {first + wrong} of x it has "
        f"{weight_shape[wrong]} slopes, not 1 or {shape[first + wrong]}"
    )


def broadcastable(weight: Any, ndim: int, first: int) -> Any:
    """The weight as NumPy broadcasts it to an array of ``ndim`` dimensions."""
    shape = np.shape(weight)
    if shape == ():
        return weight
    if not hasattr(weight, "reshape"):
        weight = np.asarray(weight)
    wanted = () if shape == (1,) else shape + (1,) * (ndim - first - len(shape))
    return weight if shape == wanted else weight.reshape(wanted)


def summed_axes(shape: Shape, weight_shape: Shape, first: int) -> Shape:
    """The axes of ``x`` along which the gradient of the weight is summed."""
    if weight_shape in ((), (1,)):
        return tuple(range(len(shape)))
    kept = {first + i for i, n in enumerate(weight_shape) if n != 1}
    return tuple(i for i in range(len(shape)) if i not in kept)


def as_operand(value: Any) -> Any:
    """What a ufunc takes: arrays and their like as they are, lists as arrays."""
    if not hasattr(type(value), "__array_ufunc__"):
        return np.asarray(value)
    if type(value).__array_ufunc__ is None or not hasattr(value, "shape"):
        raise TypeError(f"operand {type(value).__name__!r} is no array: it has no shape, or does not support ufuncs")
    return value


def as_weight(value: Any) -> Any:
    """Likewise, and Python's numbers as they are: beside an array they take its dtype."""
    return value if type(value) in (float, int) else as_operand(value)


def as_output(out: Any) -> Any:
    """An array or None; ufuncs take a tuple of one too."""
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    if out is not None and not hasattr(out, "__array_ufunc__"):
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    return out


def is_ndarray(value: Any) -> bool:
    """Of a class that leaves ufuncs to NumPy, and whose elements all count: memory-mapped ones, for example."""
    return type(value) in (float, int) or (
        type(value).__array_ufunc__ is np.ndarray.__array_ufunc__ and not isinstance(value, np.ma.MaskedArray)
    )
