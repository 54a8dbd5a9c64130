# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""The direct calls of ELU and GELU: plain arrays straight to the kernels, all else to the ufuncs."""
cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact
from cpython.ref cimport PyObject, PyTypeObject

from .plain cimport (
    Parameter, backward_plain, bits_of, called, fl_set_vectorcall, forward_plain, get_ready, plain_in_place,
    vectorcallfunc
)
from ..dispatch.loops cimport (
    FL_OPERATION_elu, FL_OPERATION_elu_grad, FL_OPERATION_gelu, FL_OPERATION_gelu_grad, FL_OPERATION_gelu_tanh,
    FL_OPERATION_gelu_tanh_grad
)

import numpy as np

from ..ufuncs import elu_gelu as ufuncs

cnp.import_array()


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
    cdef Parameter parameter
    if PyFloat_CheckExact(alpha):
        parameter.value = alpha
        parameter.ready = False
        if plain_in_place(FL_OPERATION_elu, x, &parameter):
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

    cdef Parameter parameter
    cdef vectorcallfunc vectorcall

    def __cinit__(self, alpha=1.0):
        self.vectorcall = elu_called
        if isinstance(alpha, np.ndarray):
            raise TypeError(f"alpha must be a real number, not an array of shape {alpha.shape}")
        try:
            self.parameter.value = alpha
        except TypeError as error:
            raise TypeError(f"alpha must be a real number, not {alpha!r}") from error
        get_ready(&self.parameter)

    @property
    def alpha(self):
        return self.parameter.value

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
        return elu_activated(self, x, out)

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
        cdef object result = backward_plain(FL_OPERATION_elu_grad, grad_output, x, out, &self.parameter)
        return ufuncs.elu_grad(grad_output, x, self.parameter.value, out=out) if result is None else result

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
        return bits_of(self.parameter.value) == bits_of((<ELU>other).parameter.value)

    def __hash__(self):
        return hash((ELU, bits_of(self.parameter.value)))

    def __repr__(self):
        return f"ELU(alpha={self.parameter.value!r})"

    def __reduce__(self):
        return ELU, (self.parameter.value,)


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
    cdef vectorcallfunc vectorcall

    def __cinit__(self, approximate="none"):
        self.vectorcall = gelu_called
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
        return gelu_activated(self, x, out)

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


cdef object elu_activated(object self, object x, object out):
    cdef ELU act = <ELU>self
    cdef object result = forward_plain(FL_OPERATION_elu, x, out, &act.parameter)
    return ufuncs.elu(x, act.parameter.value, out=out) if result is None else result


cdef object elu_called(object self, PyObject *const *args, size_t count, PyObject *names):
    return called(self, elu_activated, args, count, names)


cdef object gelu_activated(object self, object x, object out):
    cdef GELU act = <GELU>self
    cdef object result = forward_plain(
        FL_OPERATION_gelu_tanh if act.by_tanh else FL_OPERATION_gelu, x, out, NULL)
    return (ufuncs.gelu_tanh if act.by_tanh else ufuncs.gelu)(x, out=out) if result is None else result


cdef object gelu_called(object self, PyObject *const *args, size_t count, PyObject *names):
    return called(self, gelu_activated, args, count, names)


cdef _call_without_tuples():
    cdef ELU elu = ELU()
    cdef GELU gelu = GELU()
    fl_set_vectorcall(<PyTypeObject *>ELU, <char *>&elu.vectorcall - <char *><void *>elu)
    fl_set_vectorcall(<PyTypeObject *>GELU, <char *>&gelu.vectorcall - <char *><void *>gelu)


_call_without_tuples()
for _function in (elu_, gelu_, gelu_tanh_):
    _function.__module__ = "fastlrelu"
