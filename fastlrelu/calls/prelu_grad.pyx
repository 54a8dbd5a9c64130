# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""The gradients of PReLU: see ``dispatch/weight_gradient.pyx`` for how the sums are made."""
cimport numpy as cnp

from .arrays cimport native_dtype, new_in_order
from ..dispatch.loops cimport FL_DTYPES, FL_OPERATION_leaky_relu, row_of, sums_of
from ..dispatch.memory_order cimport axes_of, axes_of_weight, view_of
from ..dispatch.weight_gradient cimport Gradient, sum_gradient

import numpy as np

from ..dispatch import loops
from ..threads import choice
from .prelu_grad_operands import checked_output, gradients_of_other_arrays, in_one_dtype, scalars_as_arrays
from .prelu_operands import as_index, as_operand, as_output, as_weight, first_axis

cnp.import_array()

cdef int works[FL_DTYPES]
for _dtype, _name in loops.dtype_names.items():
    works[_dtype] = choice.number_of_work(f"prelu_grad {_name}")


cdef int run_whole(
        cnp.ndarray grad_output, cnp.ndarray x, cnp.ndarray weight, int first, cnp.ndarray grad_x,
        cnp.ndarray grad_weight, int dtype) except -1:
    """Both gradients, of arrays of one dtype in native byte order, whatever their strides."""
    cdef Gradient call
    if cnp.PyArray_SIZE(x) == 0:
        grad_weight.fill(0)
        return 0
    call.row = row_of(FL_OPERATION_leaky_relu, dtype)
    call.kernels = sums_of(dtype)
    call.dtype = dtype
    call.work = works[dtype]
    axes_of(&call.axes, x)
    axes_of_weight(&call.varying, &call.axes, weight, first)
    view_of(&call.grad, &call.axes, grad_output, 0)
    view_of(&call.x, &call.axes, x, 0)
    view_of(&call.grad_x, &call.axes, grad_x, 0)
    view_of(&call.weight, &call.varying, weight, first)
    view_of(&call.grad_weight, &call.varying, grad_weight, first)
    with nogil:
        sum_gradient(&call)
    return 0


def prelu_grad(grad_output, x, weight, axis=1, out=None):
    """prelu_grad(grad_output, x, weight, axis=1, out=None)

    The gradients of `prelu` with respect to its input and its slopes.

    ``grad_x`` is `grad_output` where `x` is greater than 0, else the slope times `grad_output`; ``grad_weight`` is the
    sum of ``grad_output * x`` over the elements of each slope that are not.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the output of `prelu`, of the shape of `x`.
    x : array_like
        The input of `prelu`.
    weight : array_like
        The slopes, as for `prelu`.
    axis : int, default 1
        The axis of `x` that counts the channels, as for `prelu`.
    out : ndarray, optional
        Where ``grad_x`` is written: the shape of `x` and the dtype of the result, `grad_output` or `x` itself allowed.

    Returns
    -------
    grad_x : ndarray
        `out`, or a new array of the shape of `x`.
    grad_weight : ndarray
        A new array of the shape of `weight`, of shape () for a number. Products are in float64 (long double for long
        double), their sum is exact, rounded to float64 at the end, and from there to the dtype of the result. So it has
        the same bits whatever the layouts of the operands in memory, for any number of threads, at any SIMD level, in
        a thread that rounds to nearest and keeps subnormals.

    Raises
    ------
    ValueError
        If the shapes of `grad_output` and `x` differ, `weight` does not fit `x`, `axis` is out of range and looked at,
        or `out` has another shape or is read-only. Nothing is written in any of these cases.
    TypeError
        If a dtype is neither float, nor integer, nor bool, or the result does not fit the dtype of `out`.

    See Also
    --------
    prelu : the forward pass, with the rule for shapes

    Notes
    -----
    Beside the operands and the results, less than 1 MB of memory is used, for arrays of one dtype. Operands of
    another dtype or byte order are converted first, and an `out` that overlaps an operand in part is filled by way of a
    copy.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, arXiv:1502.01852, equations 2 and 3. Demmel, Nguyen: Fast
    Reproducible Floating-Point Summation, 2013, doi:10.1109/ARITH.2013.9.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([[-1.0, -4.0, 2.0], [-3.0, 4.0, 5.0]])
    >>> grad_x, grad_weight = fastlrelu.prelu_grad(np.ones((2, 3)), x, [0.1, 0.2, 0.3])
    >>> grad_x
    array([[0.1, 0.2, 1. ],
           [0.1, 1. , 1. ]])
    >>> grad_weight
    array([-4., -4.,  0.])
    >>> fastlrelu.prelu_grad(np.ones((2, 3)), x, 0.25)[1]
    array(-8.)
    """
    cdef int first, dtype
    cdef cnp.ndarray grad_x, grad_weight
    grad_output = as_operand(grad_output)
    x = as_operand(x)
    weight = as_weight(weight)
    axis = as_index(axis)
    out = as_output(out)
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output has shape {grad_output.shape}, but x has shape {x.shape}")
    first = first_axis(x.shape, np.shape(weight), axis)
    if out is not None and out.shape != x.shape:
        raise ValueError(f"out has shape {out.shape}, but x has shape {x.shape}")
    grad_output, x, weight = scalars_as_arrays(grad_output, x, weight)
    number = type(weight) in (float, int)
    if not (
        cnp.PyArray_CheckExact(grad_output) and cnp.PyArray_CheckExact(x)
        and (number or cnp.PyArray_CheckExact(weight)) and (out is None or cnp.PyArray_CheckExact(out))
    ):
        return gradients_of_other_arrays(prelu_grad, grad_output, x, weight, axis, first, out)
    dtype = native_dtype(x)
    if dtype < 0 or native_dtype(grad_output) != dtype or native_dtype(weight) != dtype:
        grad_output, x, weight = in_one_dtype(grad_output, x, weight)
        dtype = native_dtype(x)
    if out is None:
        grad_x = new_in_order(<cnp.ndarray>x)
    else:
        grad_x = checked_output(out, grad_output, x)
        if np.may_share_memory(weight, grad_x):
            weight = weight.copy()
    grad_weight = np.empty(weight.shape, x.dtype)
    run_whole(grad_output, x, weight, first, grad_x, grad_weight, dtype)
    if out is None:
        return grad_x, grad_weight
    if grad_x is not out:
        with np.errstate(all="ignore"):
            np.copyto(out, grad_x, casting="same_kind")
    return out, grad_weight


prelu_grad.__module__ = "fastlrelu"
