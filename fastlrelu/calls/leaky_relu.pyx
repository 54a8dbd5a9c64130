# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""The direct calls: the shortest way from a plain array to the kernels that the ufuncs use.

Each looks whether every operand is an exact, contiguous, aligned ndarray of one supported dtype. If so, ``run`` is
called on the data; if not, the ufunc is, so that the answer never depends on the way.
"""
cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact
from cpython.ref cimport PyObject, PyTypeObject

from .arrays cimport apart, new_like, overlap_allowed, plain_dtype, same_kind, same_layout, writable_like
from .plain cimport (
    Parameter, apply, backward, backward_plain, bits_of, called, fl_set_vectorcall, forward_plain, get_ready,
    plain_in_place, vectorcallfunc
)
from ..dispatch.channels cimport Channels, channels_of, run_by_channel
from ..dispatch.loops cimport (
    FL_MAX_INPUTS, FL_OPERATION_add_leaky_relu, FL_OPERATION_leaky_relu, FL_OPERATION_leaky_relu_grad, Row, row_of
)

import numpy as np

from ..ufuncs.operations import add_leaky_relu, leaky_relu, leaky_relu_grad

cnp.import_array()

cdef enum:
    # Instead of an axis.
    ELEMENTWISE = -1
    ONLY_UFUNC = -2


cdef inline int axis_of_values(cnp.ndarray x, cnp.ndarray y) noexcept:
    """The axis of ``x`` along which alone ``y`` varies when it is broadcast to the shape of ``x``.

    ELEMENTWISE if both have the same shape and layout, ONLY_UFUNC for all other pairs.
    """
    cdef int offset = cnp.PyArray_NDIM(x) - cnp.PyArray_NDIM(y)
    cdef int axis = ONLY_UFUNC
    cdef int i
    if same_layout(x, y):
        return ELEMENTWISE
    if offset < 0:
        return ONLY_UFUNC
    for i in range(cnp.PyArray_NDIM(y)):
        if cnp.PyArray_DIM(y, i) != 1:
            if axis != ONLY_UFUNC or cnp.PyArray_DIM(y, i) != cnp.PyArray_DIM(x, offset + i):
                return ONLY_UFUNC
            axis = offset + i
    return axis


cdef int add(cnp.ndarray x, cnp.ndarray y, int axis, cnp.ndarray out, const Parameter *slope, int dtype) except -1:
    cdef char *args[FL_MAX_INPUTS + 1]
    cdef const Row *row = row_of(FL_OPERATION_add_leaky_relu, dtype)
    cdef Channels shape
    cdef int status
    args[0] = <char *>cnp.PyArray_DATA(x)
    args[1] = <char *>cnp.PyArray_DATA(y)
    args[3] = <char *>cnp.PyArray_DATA(out)
    if axis == ELEMENTWISE:
        apply(FL_OPERATION_add_leaky_relu, args, slope, dtype, cnp.PyArray_SIZE(x))
        return 0
    args[2] = <char *>&slope.converted[dtype]
    shape = channels_of(x, axis)
    with nogil:
        status = run_by_channel(row, args, shape)
    if status < 0:
        raise MemoryError("no memory for the values of the channels")
    return 0


cdef _require_array(function, argument, value):
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{function} writes to {argument}, which must be a NumPy array, not {type(value).__name__}")


def leaky_relu_(x, negative_slope=0.01):
    """leaky_relu_(x, negative_slope=0.01)

    Leaky ReLU in place: each element of `x` that is not greater than 0 is multiplied by `negative_slope`.

    Parameters
    ----------
    x : ndarray
        Any shape, of a float dtype. Overwritten.
    negative_slope : float or array_like, default 0.01
        An array must broadcast to the shape of `x`.

    Returns
    -------
    ndarray
        `x` itself.

    Raises
    ------
    TypeError
        If `x` is not an array, or the result does not fit its dtype: integers, bool, complex, object.
    ValueError
        If `x` is read-only, or `negative_slope` does not broadcast to its shape. Nothing is written in any of these
        cases.

    See Also
    --------
    leaky_relu : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([-2.0, 0.0, 3.0])
    >>> fastlrelu.leaky_relu_(x, 0.1) is x
    True
    >>> x
    array([-0.2,  0. ,  3. ])
    """
    cdef Parameter slope
    if PyFloat_CheckExact(negative_slope):
        slope.value = negative_slope
        slope.ready = False
        if plain_in_place(FL_OPERATION_leaky_relu, x, &slope):
            return x
    _require_array("leaky_relu_", "x", x)
    leaky_relu(x, negative_slope, out=x)
    return x


def leaky_relu_grad_(grad_output, x, negative_slope=0.01):
    """leaky_relu_grad_(grad_output, x, negative_slope=0.01)

    Gradient of leaky ReLU in place: `grad_output` is multiplied by `negative_slope` where `x` is not greater than 0.

    Parameters
    ----------
    grad_output : ndarray
        The gradient with respect to the output. Any shape, of a float dtype. Overwritten.
    x : array_like
        The input of the forward pass. Must broadcast to the shape of `grad_output`. With a positive slope the output
        of the forward pass has the same signs and serves as well.
    negative_slope : float or array_like, default 0.01
        An array must broadcast to the shape of `grad_output`.

    Returns
    -------
    ndarray
        `grad_output` itself.

    Raises
    ------
    TypeError
        If `grad_output` is not an array, or the result does not fit its dtype: integers, bool, complex, object.
    ValueError
        If `grad_output` is read-only, or the shapes do not broadcast to its own. Nothing is written in any of these
        cases.

    See Also
    --------
    leaky_relu_grad : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> grad = np.array([1.0, 1.0])
    >>> fastlrelu.leaky_relu_grad_(grad, np.array([-2.0, 3.0]), 0.1)
    array([0.1, 1. ])
    """
    cdef int dtype = plain_dtype(grad_output)
    cdef Parameter slope
    if (
        dtype >= 0 and PyFloat_CheckExact(negative_slope) and cnp.PyArray_ISWRITEABLE(<cnp.ndarray>grad_output)
        and same_kind(x, <cnp.ndarray>grad_output, dtype)
        and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>grad_output)
    ):
        slope.value = negative_slope
        slope.ready = False
        backward(
            FL_OPERATION_leaky_relu_grad, <cnp.ndarray>grad_output, <cnp.ndarray>x, <cnp.ndarray>grad_output, &slope,
            dtype)
        return grad_output
    _require_array("leaky_relu_grad_", "grad_output", grad_output)
    leaky_relu_grad(grad_output, x, negative_slope, out=grad_output)
    return grad_output


@cython.final
cdef class LeakyReLU:
    """LeakyReLU(negative_slope=0.01)

    Leaky ReLU with a fixed slope, as an immutable callable: the shortest way to the kernels.

    Instances can be pickled, compared and hashed.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The factor of elements that are not greater than 0.

    Attributes
    ----------
    negative_slope : float

    Raises
    ------
    TypeError
        If `negative_slope` is not a real number.

    See Also
    --------
    leaky_relu : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> act = fastlrelu.LeakyReLU(0.1)
    >>> act(np.array([-2.0, 3.0]))
    array([-0.2,  3. ])
    >>> act.grad(np.array([1.0, 1.0]), np.array([-2.0, 3.0]))
    array([0.1, 1. ])
    """

    cdef Parameter slope
    cdef vectorcallfunc vectorcall

    def __cinit__(self, negative_slope=0.01):
        self.vectorcall = leaky_relu_called
        if isinstance(negative_slope, np.ndarray):
            raise TypeError(f"negative_slope must be a real number, not an array of shape {negative_slope.shape}")
        try:
            self.slope.value = negative_slope
        except TypeError as error:
            raise TypeError(f"negative_slope must be a real number, not {negative_slope!r}") from error
        get_ready(&self.slope)

    @property
    def negative_slope(self):
        return self.slope.value

    def __call__(self, x, out=None):
        """Leaky ReLU of `x`.

        Parameters
        ----------
        x : array_like
            Any shape.
        out : ndarray, optional
            Where the result is written: of the shape and dtype of the result, `x` itself allowed.

        Returns
        -------
        ndarray or scalar
            `out`, or a new array of the shape and dtype of `x`.
        """
        return leaky_relu_activated(self, x, out)

    def grad(self, grad_output, x, out=None):
        """The gradient with respect to `x`.

        Parameters
        ----------
        grad_output : array_like
            The gradient with respect to the output.
        x : array_like
            The input of the forward pass, of a shape that broadcasts with that of `grad_output`.
        out : ndarray, optional
            Where the result is written; `grad_output` itself allowed.

        Returns
        -------
        ndarray or scalar
            `out`, or a new array.
        """
        cdef object result = backward_plain(FL_OPERATION_leaky_relu_grad, grad_output, x, out, &self.slope)
        return leaky_relu_grad(grad_output, x, self.slope.value, out=out) if result is None else result

    def add(self, x, y, out=None):
        """Leaky ReLU of ``x + y`` in one pass: of a layer's output and its bias, or of a residual.

        The ufunc `add_leaky_relu` gives the same. This is its shortest way, and the only one that uses threads for a
        bias, which NumPy hands to a ufunc in copies of a few thousand elements.

        Parameters
        ----------
        x : array_like
            Any shape.
        y : array_like
            Of a shape that broadcasts with that of `x`: the same, or a bias of shape (C,) for (..., C), (C, 1, 1) for
            (N, C, H, W).
        out : ndarray, optional
            Where the result is written: of the shape and dtype of the result, `x` itself allowed.

        Returns
        -------
        ndarray or scalar
            `out`, or a new array of the shape to which `x` and `y` broadcast.

        Examples
        --------
        >>> import numpy as np, fastlrelu
        >>> act = fastlrelu.LeakyReLU(0.1)
        >>> act.add(np.array([[-2.0, 3.0], [0.0, 1.0]]), np.array([1.0, -2.0]))
        array([[-0.1,  1. ],
               [ 1. , -0.1]])
        """
        cdef int dtype = plain_dtype(x)
        cdef int axis = ONLY_UFUNC
        cdef cnp.ndarray result
        if dtype >= 0 and plain_dtype(y) == dtype:
            axis = axis_of_values(<cnp.ndarray>x, <cnp.ndarray>y)
        if axis != ONLY_UFUNC:
            if out is None:
                result = new_like(<cnp.ndarray>x)
                add(<cnp.ndarray>x, <cnp.ndarray>y, axis, result, &self.slope, dtype)
                return result
            if (
                writable_like(out, <cnp.ndarray>x, dtype)
                and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out)
                and (
                    apart(<cnp.ndarray>y, <cnp.ndarray>out)
                    or (axis == ELEMENTWISE and overlap_allowed(<cnp.ndarray>y, <cnp.ndarray>out))
                )
            ):
                add(<cnp.ndarray>x, <cnp.ndarray>y, axis, <cnp.ndarray>out, &self.slope, dtype)
                return out
        return add_leaky_relu(x, y, self.slope.value, out=out)

    def __eq__(self, other):
        if type(other) is not LeakyReLU:
            return NotImplemented
        return bits_of(self.slope.value) == bits_of((<LeakyReLU>other).slope.value)

    def __hash__(self):
        return hash((LeakyReLU, bits_of(self.slope.value)))

    def __repr__(self):
        return f"LeakyReLU(negative_slope={self.slope.value!r})"

    def __reduce__(self):
        return LeakyReLU, (self.slope.value,)


cdef object leaky_relu_activated(object self, object x, object out):
    cdef LeakyReLU act = <LeakyReLU>self
    cdef object result = forward_plain(FL_OPERATION_leaky_relu, x, out, &act.slope)
    return leaky_relu(x, act.slope.value, out=out) if result is None else result


cdef object leaky_relu_called(object self, PyObject *const *args, size_t count, PyObject *names):
    return called(self, leaky_relu_activated, args, count, names)


cdef _call_without_tuples():
    cdef LeakyReLU instance = LeakyReLU()
    fl_set_vectorcall(<PyTypeObject *>LeakyReLU, <char *>&instance.vectorcall - <char *><void *>instance)


_call_without_tuples()
for _function in (leaky_relu_, leaky_relu_grad_):
    _function.__module__ = "fastlrelu"
