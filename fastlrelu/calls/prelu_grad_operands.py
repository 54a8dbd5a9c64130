"""What `prelu_grad` makes of operands that are not plain arrays of one dtype, and of its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ufuncs.operations import leaky_relu_grad
from .prelu_operands import broadcastable, is_ndarray, summed_axes

Gradients = tuple[Any, Any]


def scalars_as_arrays(*operands: Any) -> tuple[Any, ...]:
    return tuple(np.asarray(value) if isinstance(value, np.generic) else value for value in operands)


def common_dtype(grad_output: Any, x: Any, weight: Any) -> np.dtype[Any]:
    """That in which the ufunc computes the gradient of ``x``."""
    slopes = type(weight) if type(weight) in (float, int) else weight.dtype
    return leaky_relu_grad.resolve_dtypes((grad_output.dtype, x.dtype, slopes, None))[-1]


def in_one_dtype(grad_output: Any, x: Any, weight: Any) -> tuple[Any, ...]:
    common = common_dtype(grad_output, x, weight)
    return tuple(np.asarray(value, common) for value in (grad_output, x, weight))


def checked_output(out: Any, grad_output: Any, x: Any) -> Any:
    """``out`` itself, or where that will not do, a new array that is copied to it at the end."""
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    if not np.can_cast(x.dtype, out.dtype, "same_kind"):
        raise TypeError(f"cannot cast the gradient from {x.dtype} to {out.dtype}, the dtype of out")
    if out.dtype == x.dtype and all(
        not np.may_share_memory(value, out) or (value.ctypes.data == out.ctypes.data and value.strides == out.strides)
        for value in (grad_output, x)
    ):
        return out
    return np.empty_like(x)


def gradients_of_other_arrays(
    prelu_grad: Callable[..., Gradients], grad_output: Any, x: Any, weight: Any, axis: int, first: int, out: Any
) -> Gradients:
    """``grad_x`` of the class that the arrays' own rules give; masked, labelled and lazy ones add up by their rules."""
    operands = grad_output, x, weight
    slopes = broadcastable(weight, x.ndim, first)
    # pandas adds up along one axis at most.
    if all(is_ndarray(value) or hasattr(value, "iloc") for value in operands) and (out is None or is_ndarray(out)):
        plain = (value if type(value) in (float, int) else np.asarray(value) for value in operands)
        grad_x, grad_weight = prelu_grad(*plain, axis, None if out is None else np.asarray(out))
        if out is not None:
            return out, grad_weight
        if all(type(value) in (np.ndarray, np.memmap, float, int) for value in operands):
            return grad_x, grad_weight
        return leaky_relu_grad(grad_output, x, slopes), grad_weight
    shape = np.shape(weight)
    wide_x, products = wide_products(grad_output, x, slopes)
    grad_x = leaky_relu_grad(grad_output, x, slopes, out=out)
    with np.errstate(all="ignore"):
        # The products where x is not greater than 0, else 1 - 1: a product with a mask would make nan of inf.
        totals = leaky_relu_grad(1.0, wide_x, products) - (wide_x > 0)
        others = summed_axes(x.shape, shape, first)
        totals = (totals.sum(axis=others) if others else totals).astype(grad_x.dtype)
        return grad_x, totals if totals.shape == shape else np.reshape(totals, shape)


def wide_products(grad_output: Any, x: Any, slopes: Any) -> Gradients:
    """``x`` and the products in the dtype of the sums: before ``out`` is written, which may be one of them."""
    common = common_dtype(grad_output, x, slopes)
    wide = np.longdouble if common == np.longdouble else np.float64
    with np.errstate(all="ignore"):
        wide_x = x.astype(wide)
        return wide_x, np.multiply(wide_x, grad_output.astype(wide))
