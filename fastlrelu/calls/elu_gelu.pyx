# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""The direct calls of ELU and GELU: plain arrays straight to the kernels, all else to the ufuncs."""
cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact
from libc.string cimport memcpy

from .arrays cimport new_like, overlap_allowed, plain_dtype, same_kind, writable_like
from ..dispatch.loops cimport (
    FL_MAX_INPUTS, FL_OPERATION_elu, FL_OPERATION_elu_grad, FL_OPERATION_gelu, FL_OPERATION_gelu_grad,
    FL_OPERATION_gelu_tanh, FL_OPERATION_gelu_tanh_grad, Operands, Row, fl_fp_enter, fl_fp_leave, fl_fp_state, row_of,
    run_known
)

import numpy as np

from ..ufuncs import elu_gelu as ufuncs

cdef extern from "kernels/slope.h" nogil:
    ctypedef union fl_slope:
        pass
    void fl_slope_of(fl_slope *slope, double value, int dtype)

cnp.import_array()

cdef enum:
    # From here on the work is worth letting other Python threads run; NumPy's own limit.
    NOGIL_ELEMENTS = 500


cdef unsigned long long bits_of(double value) noexcept:
    """0.0 and -0.0 give other results, and nan is one value."""
    cdef unsigned long long bits
    memcpy(&bits, &value, sizeof(bits))
    return bits


cdef inline void apply(int operation, char **args, const double *alpha, int dtype, Py_ssize_t n) noexcept:
    """Run an operation on plain arrays; ``alpha``, where there is one, is its last input, whose place is left free."""
    cdef const Row *row = row_of(operation, dtype)
    cdef Py_ssize_t strides[FL_MAX_INPUTS + 1]
    cdef Py_ssize_t nbytes = n * row.itemsize * (row.inputs + (alpha == NULL))
    cdef Operands kind
    cdef fl_fp_state before
    cdef fl_slope converted
    cdef int i
    if n == 0:
        return
    kind.contiguous = kind.independent = True
    kind.in_place = False
    for i in range(row.inputs + 1):
        strides[i] = row.itemsize
    fl_fp_enter(&before, row.all_units)
    if alpha != NULL:
        fl_slope_of(&converted, alpha[0], dtype)
        args[row.inputs - 1] = <char *>&converted
        strides[row.inputs - 1] = 0
    for i in range(row.inputs):
        kind.in_place |= args[i] == args[row.inputs]
    if n > NOGIL_ELEMENTS:
        with nogil:
            run_known(&kind, row, args, strides, n, nbytes, &before)
    else:
        run_known(&kind, row, args, strides, n, nbytes, &before)
    fl_fp_leave(&before, row.all_units)


cdef inline void forward(int operation, cnp.ndarray x, cnp.ndarray out, const double *alpha, int dtype) noexcept:
    cdef char *args[FL_MAX_INPUTS + 1]
    args[0] = <char *>cnp.PyArray_DATA(x)
    args[1 + (alpha != NULL)] = <char *>cnp.PyArray_DATA(out)
    apply(operation, args, alpha, dtype, cnp.PyArray_SIZE(x))


cdef inline void backward(
        int operation, cnp.ndarray grad_output, cnp.ndarray x, cnp.ndarray out, const double *alpha,
        int dtype) noexcept:
    cdef char *args[FL_MAX_INPUTS + 1]
    args[0] = <char *>cnp.PyArray_DATA(grad_output)
    args[1] = <char *>cnp.PyArray_DATA(x)
    args[2 + (alpha != NULL)] = <char *>cnp.PyArray_DATA(out)
    apply(operation, args, alpha, dtype, cnp.PyArray_SIZE(x))


cdef inline object forward_plain(int operation, object x, object out, const double *alpha):
    """The result, or None where only the ufunc will do."""
    cdef int dtype = plain_dtype(x)
    cdef cnp.ndarray result
    if dtype < 0:
        return None
    if out is None:
        result = new_like(<cnp.ndarray>x)
    elif writable_like(out, <cnp.ndarray>x, dtype) and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out):
        result = <cnp.ndarray>out
    else:
        return None
    forward(operation, <cnp.ndarray>x, result, alpha, dtype)
    return result


cdef inline object backward_plain(int operation, object grad_output, object x, object out, const double *alpha):
    """The result, or None where only the ufunc will do."""
    cdef int dtype = plain_dtype(x)
    cdef cnp.ndarray result
    if dtype < 0 or not same_kind(grad_output, <cnp.ndarray>x, dtype):
        return None
    if out is None:
        result = new_like(<cnp.ndarray>x)
    elif (
        writable_like(out, <cnp.ndarray>x, dtype)
        and overlap_allowed(<cnp.ndarray>x, <cnp.ndarray>out)
        and overlap_allowed(<cnp.ndarray>grad_output, <cnp.ndarray>out)
    ):
        result = <cnp.ndarray>out
    else:
        return None
    backward(operation, <cnp.ndarray>grad_output, <cnp.ndarray>x, result, alpha, dtype)
    return result


cdef bint plain_in_place(int operation, object x, const double *alpha) except -1:
    """Whether ``x`` could be overwritten here."""
    cdef int dtype = plain_dtype(x)
    if dtype < 0 or not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>x):
        return False
    forward(operation, <cnp.ndarray>x, <cnp.ndarray>x, alpha, dtype)
    return True


cdef _require_array(function, value):
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{function} writes to x, which must be a NumPy array, not {type(value).__name__}")


def _activation_of_sum(activation, x, y, out):
    """In place on the sum, where that is an array of its own dtype."""
    total = np.add(x, y, out=out)
    if isinstance(total, np.ndarray) and total.dtype.kind not in "biu":
        return activation(total, out=total)
    return activation(total, out=out)


def elu_(x, alpha=1.0):
    """elu_(x, alpha=1.0)

    ELU in place: each element of `x` that is not greater than 0 becomes ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    x : ndarray
        Any shape, of a float dtype. Overwritten.
    alpha : float or array_like, default 1.0
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
        If `x` is read-only, or `alpha` does not broadcast to its shape. Nothing is written in any of these cases.

    See Also
    --------
    elu : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> x = np.array([-1.0, 0.0, 3.0])
    >>> fastlrelu.elu_(x) is x
    True
    >>> x
    array([-0.63212056,  0.        ,  3.        ])
    """
    cdef double value
    if PyFloat_CheckExact(alpha):
        value = alpha
        if plain_in_place(FL_OPERATION_elu, x, &value):
            return x
    _require_array("elu_", x)
    ufuncs.elu(x, alpha, out=x)
    return x


def gelu_(x):
    """gelu_(x)

    GELU in place: each element of `x` becomes ``x * Phi(x)``.

    Parameters
    ----------
    x : ndarray
        Any shape, of a float dtype. Overwritten.

    Returns
    -------
    ndarray
        `x` itself.

    Raises
    ------
    TypeError
        If `x` is not an array, or the result does not fit its dtype: integers, bool, complex, object.
    ValueError
        If `x` is read-only. Nothing is written in any of these cases.

    See Also
    --------
    gelu : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> fastlrelu.gelu_(np.array([-1.0, 0.0, 3.0]))
    array([-0.15865525,  0.        ,  2.99595031])
    """
    if not plain_in_place(FL_OPERATION_gelu, x, NULL):
        _require_array("gelu_", x)
        ufuncs.gelu(x, out=x)
    return x


def gelu_tanh_(x):
    """gelu_tanh_(x)

    GELU by tanh in place.

    Parameters
    ----------
    x : ndarray
        Any shape, of a float dtype. Overwritten.

    Returns
    -------
    ndarray
        `x` itself.

    Raises
    ------
    TypeError
        If `x` is not an array, or the result does not fit its dtype: integers, bool, complex, object.
    ValueError
        If `x` is read-only. Nothing is written in any of these cases.

    See Also
    --------
    gelu_tanh : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> fastlrelu.gelu_tanh_(np.array([-1.0, 0.0, 3.0]))
    array([-0.15880801,  0.        ,  2.99636261])
    """
    if not plain_in_place(FL_OPERATION_gelu_tanh, x, NULL):
        _require_array("gelu_tanh_", x)
        ufuncs.gelu_tanh(x, out=x)
    return x


@cython.final
cdef class ELU:
    """ELU(alpha=1.0)

    ELU with a fixed alpha, as an immutable callable: the shortest way to the kernels.

    Instances can be pickled, compared and hashed.

    Parameters
    ----------
    alpha : float, default 1.0
        The limit of the negative side is -alpha.

    Attributes
    ----------
    alpha : float

    Raises
    ------
    TypeError
        If `alpha` is not a real number.

    See Also
    --------
    elu : the ufunc, with the formula and its source

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> act = fastlrelu.ELU()
    >>> act(np.array([-1.0, 3.0]))
    array([-0.63212056,  3.        ])
    >>> act.grad(np.array([1.0, 1.0]), np.array([-1.0, 3.0]))
    array([0.36787944, 1.        ])
    """

    cdef readonly double alpha

    def __cinit__(self, alpha=1.0):
        if isinstance(alpha, np.ndarray):
            raise TypeError(f"alpha must be a real number, not an array of shape {alpha.shape}")
        try:
            self.alpha = alpha
        except TypeError as error:
            raise TypeError(f"alpha must be a real number, not {alpha!r}") from error

    def __call__(self, x, out=None):
        """ELU of `x`.

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
        cdef object result = forward_plain(FL_OPERATION_elu, x, out, &self.alpha)
        return ufuncs.elu(x, self.alpha, out=out) if result is None else result

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
        cdef object result = backward_plain(FL_OPERATION_elu_grad, grad_output, x, out, &self.alpha)
        return ufuncs.elu_grad(grad_output, x, self.alpha, out=out) if result is None else result

    def add(self, x, y, out=None):
        """ELU of ``x + y``: of a layer's output and its bias, or of a residual. The sum is NumPy's, the rest in place.

        Parameters
        ----------
        x, y : array_like
            Of shapes that broadcast.
        out : ndarray, optional
            Where the result is written: of the shape and dtype of the result, `x` itself allowed.

        Returns
        -------
        ndarray or scalar
            `out`, or a new array of the shape to which `x` and `y` broadcast.
        """
        return _activation_of_sum(self, x, y, out)

    def __eq__(self, other):
        if type(other) is not ELU:
            return NotImplemented
        return bits_of(self.alpha) == bits_of((<ELU>other).alpha)

    def __hash__(self):
        return hash((ELU, bits_of(self.alpha)))

    def __repr__(self):
        return f"ELU(alpha={self.alpha!r})"

    def __reduce__(self):
        return ELU, (self.alpha,)


@cython.final
cdef class GELU:
    """GELU(approximate="none")

    GELU as an immutable callable: the shortest way to the kernels.

    Instances can be pickled, compared and hashed.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        ``"tanh"`` for the form that the GPT models were trained with. The names are PyTorch's and ONNX's.

    Attributes
    ----------
    approximate : str

    Raises
    ------
    ValueError
        If `approximate` is neither of the two.

    See Also
    --------
    gelu : the ufunc of "none", with the formula and its source
    gelu_tanh : the ufunc of "tanh"

    Examples
    --------
    >>> import numpy as np, fastlrelu
    >>> act = fastlrelu.GELU()
    >>> act(np.array([-1.0, 3.0]))
    array([-0.15865525,  2.99595031])
    >>> act.grad(np.array([1.0, 1.0]), np.array([-1.0, 3.0]))
    array([-0.08331547,  1.01194565])
    """

    cdef readonly str approximate
    cdef bint by_tanh

    def __cinit__(self, approximate="none"):
        if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
            raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
        self.approximate = str(approximate)
        self.by_tanh = approximate == "tanh"

    def __call__(self, x, out=None):
        """GELU of `x`.

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
        cdef object result = forward_plain(
            FL_OPERATION_gelu_tanh if self.by_tanh else FL_OPERATION_gelu, x, out, NULL)
        return (ufuncs.gelu_tanh if self.by_tanh else ufuncs.gelu)(x, out=out) if result is None else result

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
        cdef object result = backward_plain(
            FL_OPERATION_gelu_tanh_grad if self.by_tanh else FL_OPERATION_gelu_grad, grad_output, x, out, NULL)
        if result is not None:
            return result
        return (ufuncs.gelu_tanh_grad if self.by_tanh else ufuncs.gelu_grad)(grad_output, x, out=out)

    def add(self, x, y, out=None):
        """GELU of ``x + y``: of a layer's output and its bias, or of a residual. The sum is NumPy's, the rest in place.

        Parameters
        ----------
        x, y : array_like
            Of shapes that broadcast.
        out : ndarray, optional
            Where the result is written: of the shape and dtype of the result, `x` itself allowed.

        Returns
        -------
        ndarray or scalar
            `out`, or a new array of the shape to which `x` and `y` broadcast.
        """
        return _activation_of_sum(self, x, y, out)

    def __eq__(self, other):
        if type(other) is not GELU:
            return NotImplemented
        return self.by_tanh == (<GELU>other).by_tanh

    def __hash__(self):
        return hash((GELU, self.by_tanh))

    def __repr__(self):
        return f"GELU(approximate={self.approximate!r})"

    def __reduce__(self):
        return GELU, (self.approximate,)


for _function in (elu_, gelu_, gelu_tanh_):
    _function.__module__ = "fastlrelu"
