# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""PReLU over whole arrays, out of place and in place.

Design
------
a. Where the weight varies along neighbouring axes of ``x`` alone, the arrays are (outer, channels, inner) in the order
   of their memory, and PReLU is leaky ReLU with one value for each channel: see ``dispatch/channels.pyx``. That is so
   for one slope of each channel in C and Fortran order and in permuted views, and for one of each element of a sample.
b. One slope for all is leaky ReLU itself. Everything else goes to the ufunc.
"""
cimport numpy as cnp
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .arrays cimport apart, native_dtype, new_in_order, weight_axis
from ..dispatch.channels cimport Channels, channels_along, run_by_channel
from ..dispatch.loops cimport (
    FL_OPERATION_leaky_relu, Operands, Row, fl_fp_enter, fl_fp_leave, fl_fp_state, row_of, run_known
)
from ..dispatch.memory_order cimport Axes, View, axes_of, axes_of_weight, gather, view_of

import numpy as np

from ..ufuncs.operations import leaky_relu
from .prelu_operands import as_index, as_operand, as_weight, broadcastable, first_axis

cdef extern from "kernels/slope.h" nogil:
    ctypedef union fl_slope:
        pass
    void fl_slope_of(fl_slope *slope, double value, int dtype)

cnp.import_array()


cdef void share_slope(
        const Row *row, int dtype, char *x, object weight, char *out, Py_ssize_t n) noexcept:
    """Leaky ReLU with one slope, a float or the element of an array."""
    cdef char *args[3]
    cdef Py_ssize_t strides[3]
    cdef Operands kind
    cdef fl_fp_state before
    cdef fl_slope slope
    args[0] = x
    args[1] = <char *>&slope
    args[2] = out
    strides[0] = strides[2] = row.itemsize
    strides[1] = 0
    kind.contiguous = kind.independent = True
    kind.in_place = x == out
    fl_fp_enter(&before, row.all_units)
    if PyFloat_CheckExact(weight):
        fl_slope_of(&slope, PyFloat_AS_DOUBLE(weight), dtype)
    else:
        memcpy(&slope, cnp.PyArray_DATA(<cnp.ndarray>weight), row.itemsize)
    with nogil:
        run_known(&kind, row, args, strides, n, 2 * n * row.itemsize, &before)
    fl_fp_leave(&before, row.all_units)


cdef object run_whole(object x, object weight, int first, object out):
    """The result, or None where only the ufunc will do."""
    cdef int dtype = native_dtype(x)
    cdef Py_ssize_t n
    cdef Axes axes, varying
    cdef View x_view, out_view, weight_view
    cdef Channels shape
    cdef cnp.ndarray result
    cdef const Row *row
    cdef char *args[3]
    cdef char *values = NULL
    cdef int status
    # A 0-d array is left to the ufunc, which makes a scalar of it.
    if dtype < 0 or cnp.PyArray_NDIM(<cnp.ndarray>x) == 0:
        return None
    if not PyFloat_CheckExact(weight) and native_dtype(weight) != dtype:
        return None
    axes_of(&axes, <cnp.ndarray>x)
    view_of(&x_view, &axes, <cnp.ndarray>x, 0)
    n = cnp.PyArray_SIZE(<cnp.ndarray>x)
    if not x_view.dense and n > 0:
        return None
    if out is None:
        result = new_in_order(<cnp.ndarray>x)
    else:
        if native_dtype(out) != dtype or not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>out) or out.shape != x.shape:
            return None
        result = <cnp.ndarray>out
    if n == 0:
        return result
    view_of(&out_view, &axes, result, 0)
    # Between the same memory and memory apart, NumPy works on a copy.
    if not out_view.dense or not (out_view.data == x_view.data or apart(<cnp.ndarray>x, result)):
        return None
    row = row_of(FL_OPERATION_leaky_relu, dtype)
    if PyFloat_CheckExact(weight) or cnp.PyArray_SIZE(<cnp.ndarray>weight) == 1:
        share_slope(row, dtype, x_view.data, weight, out_view.data, n)
        return result
    axes_of_weight(&varying, &axes, <cnp.ndarray>weight, first)
    if not channels_along(&axes, &varying, &shape):
        # Into the result, which NumPy would give another order for some orders of the weight.
        return leaky_relu(x, broadcastable(weight, x.ndim, first), out=result)
    view_of(&weight_view, &varying, <cnp.ndarray>weight, first)
    args[0] = x_view.data
    args[1] = weight_view.data
    args[2] = out_view.data
    if not weight_view.dense or not apart(<cnp.ndarray>weight, result):
        values = args[1] = <char *>malloc(shape.channels * row.itemsize)
        if values == NULL:
            raise MemoryError("no memory for the slopes of prelu")
        gather(values, &weight_view, &varying, 0, shape.channels, row.itemsize)
    with nogil:
        status = run_by_channel(row, args, shape)
    free(values)
    if status < 0:
        raise MemoryError("no memory for the slopes of prelu")
    return result


def prelu(x, weight, axis=1, out=None):
    """prelu(x, weight, axis=1, out=None)

    PReLU: leaky ReLU with learned slopes, one for each channel, one for all, or of any shape that broadcasts.

    For one slope of each channel, ``prelu(x, weight)[:, c]`` is ``x[:, c]`` where that is greater than 0, else
    ``weight[c] * x[:, c]``.

    Parameters
    ----------
    x : array_like
        Any float dtype, and what NumPy promotes to one.
    weight : array_like
        The slopes. The first of these that fits decides how they lie along `x`:

        1. a number, or shape () or (1,): one slope for all. `axis` is not looked at.
        2. shape (x.shape[axis],): one slope for each channel.
        3. any other shape that broadcasts to that of `x` and leaves it unchanged: as NumPy broadcasts it, (C, 1, 1)
           for example. With two dimensions or more `axis` is not looked at.

        So where both `axis` and broadcasting fit a one-dimensional weight, as (C,) does if the last axis has the length
        C too, `axis` counts.
    axis : int, default 1
        The axis of `x` that counts the channels: 1 for (N, C, H, W), -1 for (N, H, W, C).
    out : ndarray, optional
        Where the result is written: the shape of `x` and the dtype of the result, `x` itself allowed.

    Returns
    -------
    ndarray
        `out`, or a new array of the shape of `x`, with the dtype that ``leaky_relu(x, weight)`` has; a scalar if `x`
        has no dimensions.

    Raises
    ------
    ValueError
        If `weight` does not fit `x`, if `axis` is out of range (`numpy.exceptions.AxisError`, a ValueError) and the
        weight is one-dimensional with other than one slope, or `out` has another shape or is read-only.
    TypeError
        If a dtype is neither float, nor integer, nor bool, or the result does not fit the dtype of `out`.

    See Also
    --------
    prelu_ : in place
    prelu_grad : the gradients
    leaky_relu : the ufunc, whose slope broadcasts as NumPy does

    Notes
    -----
    What model files hold, for `x` of shape (N, C, H, W), or (N, H, W, C) for Keras:

    ================================ =================== ==============
    source                           weight              axis
    ================================ =================== ==============
    PyTorch ``nn.PReLU()``           (1,)                any
    PyTorch ``nn.PReLU(C)``          (C,)                1
    ONNX ``PRelu``                   (C, 1, 1), (1,), () any
    Keras, ``shared_axes=[1, 2]``    (1, 1, C)           any
    Keras ``PReLU()``                (H, W, C)           any
    ================================ =================== ==============

    For ONNX, a slope with one dimension lies along the last axis: ``axis=-1``.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, arXiv:1502.01852, equation 1.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([[-1.0, -1.0, 2.0]])
    >>> fastlrelu.prelu(x, [0.1, 0.2, 0.3])
    array([[-0.1, -0.2,  2. ]])
    >>> fastlrelu.prelu(x, 0.25)
    array([[-0.25, -0.25,  2.  ]])
    """
    cdef int first
    if out is not None and isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    first = weight_axis(x, weight, axis)
    if first < 0:
        x = as_operand(x)
        weight = as_weight(weight)
        axis = as_index(axis)
        first = first_axis(x.shape, np.shape(weight), axis)
    result = run_whole(x, weight, first, out)
    if result is not None:
        return result
    if getattr(out, "shape", x.shape) != x.shape:
        # The ufunc would repeat the result over a larger one.
        raise ValueError(f"out has shape {out.shape}, but x has shape {x.shape}")
    return leaky_relu(x, broadcastable(weight, x.ndim, first), out=out)


def prelu_(x, weight, axis=1):
    """prelu_(x, weight, axis=1)

    PReLU in place: each element of `x` that is not greater than 0 is multiplied by its slope.

    Parameters
    ----------
    x : ndarray
        Of a float dtype. Overwritten.
    weight : array_like
        The slopes, as for `prelu`. They may be a part of `x`: the former values count.
    axis : int, default 1
        The axis of `x` that counts the channels, as for `prelu`.

    Returns
    -------
    ndarray
        `x` itself.

    Raises
    ------
    TypeError
        If `x` is not an array, or the result does not fit its dtype: integers, bool, complex, object.
    ValueError
        If `x` is read-only, `weight` does not fit it, or `axis` is out of range. Nothing is written in any of these
        cases.

    See Also
    --------
    prelu : the same into another array, with the rule for shapes

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, arXiv:1502.01852, equation 1.

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([[-1.0, -1.0, 2.0]])
    >>> fastlrelu.prelu_(x, [0.1, 0.2, 0.3]) is x
    True
    >>> x
    array([[-0.1, -0.2,  2. ]])
    """
    if not isinstance(x, np.ndarray):
        raise TypeError(f"prelu_ writes to x, which must be a NumPy array, not {type(x).__name__}")
    prelu(x, weight, axis, out=x)
    return x


for _function in (prelu, prelu_):
    _function.__module__ = "fastlrelu"
