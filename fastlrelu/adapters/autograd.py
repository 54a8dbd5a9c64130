"""The ufuncs and PReLU for HIPS autograd: forward and reverse mode, to any order.

``from fastlrelu.adapters.autograd import leaky_relu`` where autograd is to see through the function. The gradients are
those of `fastlrelu.leaky_relu_grad`: at x = 0 the slope of the negative side counts, and the slope may be an array
that broadcasts, with a gradient of its own.
"""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as anp
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f
from numpy.typing import ArrayLike

import fastlrelu as fl

__all__ = [
    "add_leaky_relu",
    "elu",
    "elu_grad",
    "gelu",
    "gelu_grad",
    "gelu_tanh",
    "gelu_tanh_grad",
    "leaky_relu",
    "leaky_relu_grad",
    "prelu",
]


@primitive
def leaky_relu(x: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Leaky ReLU with derivatives: `x` where it is greater than 0, else ``negative_slope * x``.

    Parameters
    ----------
    x, negative_slope : array_like
        As for `fastlrelu.leaky_relu`: float arrays or numbers that broadcast. Both have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013, equation 2. Gradient
    of the slope: He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015, equation 3.
    """
    return fl.leaky_relu(x, negative_slope)


@primitive
def leaky_relu_grad(grad_output: ArrayLike, x: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Gradient of leaky ReLU, itself with derivatives.

    Parameters
    ----------
    grad_output, x, negative_slope : array_like
        As for `fastlrelu.leaky_relu_grad`. `grad_output` and `negative_slope` have a gradient; that of `x` is 0.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    The derivative of equation 2 in Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models,
    ICML 2013.
    """
    return fl.leaky_relu_grad(grad_output, x, negative_slope)


@primitive
def add_leaky_relu(x: ArrayLike, y: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Leaky ReLU of a sum in one pass, with derivatives.

    Parameters
    ----------
    x, y, negative_slope : array_like
        As for `fastlrelu.add_leaky_relu`. All three have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Equation 2 in Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013, of
    ``x + y``.
    """
    return fl.add_leaky_relu(x, y, negative_slope)


@primitive
def prelu(x: ArrayLike, weight: ArrayLike, axis: int = 1) -> Any:
    """PReLU with derivatives: leaky ReLU with one slope for each channel, one for all, or of any shape that broadcasts.

    Parameters
    ----------
    x : array_like
        Floats.
    weight : array_like
        The slopes, as for `fastlrelu.prelu`.
    axis : int
        The axis of the channels.

    Returns
    -------
    ndarray
        Of the shape of `x` and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        If `weight` does not fit `x`.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015, equations 1 and 3.
    """
    return fl.prelu(x, weight, axis=axis)


@primitive
def _weight_grad(grad_output: Any, x: Any, weight: Any, axis: int) -> Any:
    """The gradient of the slopes of PReLU, reduced in the kernel; linear in `grad_output`, constant in `weight`."""
    return fl.prelu_grad(grad_output, x, weight, axis=axis)[1]


@primitive
def elu(x: ArrayLike, alpha: ArrayLike) -> Any:
    """ELU with derivatives: `x` where it is greater than 0, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    x, alpha : array_like
        As for `fastlrelu.elu`. Both have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units, ICLR 2016.
    """
    return fl.elu(x, alpha)


@primitive
def elu_grad(grad_output: ArrayLike, x: ArrayLike, alpha: ArrayLike) -> Any:
    """Gradient of ELU, itself with derivatives.

    Parameters
    ----------
    grad_output, x, alpha : array_like
        As for `fastlrelu.elu_grad`. All three have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units, ICLR 2016.
    """
    return fl.elu_grad(grad_output, x, alpha)


@primitive
def gelu(x: ArrayLike) -> Any:
    """GELU with derivatives: ``x * Phi(x)``.

    Parameters
    ----------
    x : array_like
        As for `fastlrelu.gelu`. It has a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.
    """
    return fl.gelu(x)


@primitive
def gelu_grad(grad_output: ArrayLike, x: ArrayLike) -> Any:
    """Gradient of GELU, itself with derivatives.

    Parameters
    ----------
    grad_output, x : array_like
        As for `fastlrelu.gelu_grad`. Both have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.
    """
    return fl.gelu_grad(grad_output, x)


@primitive
def gelu_tanh(x: ArrayLike) -> Any:
    """GELU by tanh with derivatives.

    Parameters
    ----------
    x : array_like
        As for `fastlrelu.gelu_tanh`. It has a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.
    """
    return fl.gelu_tanh(x)


@primitive
def gelu_tanh_grad(grad_output: ArrayLike, x: ArrayLike) -> Any:
    """Gradient of GELU by tanh, itself with derivatives.

    Parameters
    ----------
    grad_output, x : array_like
        As for `fastlrelu.gelu_tanh_grad`. Both have a gradient.

    Returns
    -------
    ndarray or scalar
        Of the broadcast shape and the common dtype.

    Raises
    ------
    TypeError
        For complex, object and string operands.
    ValueError
        For shapes that do not broadcast.

    References
    ----------
    Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415.
    """
    return fl.gelu_tanh_grad(grad_output, x)


def _gelu_curvature(x: Any) -> Any:
    """The second derivative of GELU."""
    return (2 - x * x) * anp.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _gelu_tanh_curvature(x: Any) -> Any:
    """The second derivative of ``x * share``, share = ``1 / (1 + exp(-w))``, with those of w."""
    a = 2 * math.sqrt(2 / math.pi)
    slope, bend = a * (1 + 3 * 0.044715 * x * x), a * 6 * 0.044715 * x
    share = 0.5 * (1 + anp.tanh(a / 2 * (x + 0.044715 * x**3)))
    first = share * (1 - share)
    return first * (2 * slope + x * ((1 - 2 * share) * slope * slope + bend))


def _below(x: Any, values: Any) -> Any:
    """`values` where `x` is not greater than 0, else 0: what a slope is multiplied by."""
    return anp.where(x > 0, 0.0, values)


def _along(weight: Any, x: Any, axis: int) -> Any:
    """`weight` in the shape that broadcasts to `x` as `prelu` lays it."""
    shape = anp.shape(weight)
    if shape in ((), (1,)):
        return anp.reshape(weight, ())
    if len(shape) == 1 and shape[0] == anp.shape(x)[axis]:
        return anp.reshape(weight, [-1 if i == axis % anp.ndim(x) else 1 for i in range(anp.ndim(x))])
    return weight


def _over_other_axes(values: Any, weight: Any, axis: int) -> Any:
    """The sums that belong to each slope, in the shape of `weight`."""
    shape = anp.shape(_along(weight, values, axis))
    shape = (1,) * (anp.ndim(values) - len(shape)) + shape
    return anp.reshape(
        anp.sum(values, axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True), anp.shape(weight)
    )


defvjp(
    leaky_relu,
    lambda ans, x, s: unbroadcast_f(x, lambda g: leaky_relu_grad(g, x, s)),
    lambda ans, x, s: unbroadcast_f(s, lambda g: _below(x, g * x)),
)
defjvp(
    leaky_relu,
    lambda g, ans, x, s: leaky_relu_grad(g, x, s),
    lambda g, ans, x, s: _below(x, g * x),
)
defvjp(
    leaky_relu_grad,
    lambda ans, grad, x, s: unbroadcast_f(grad, lambda g: leaky_relu_grad(g, x, s)),
    None,
    lambda ans, grad, x, s: unbroadcast_f(s, lambda g: _below(x, g * grad)),
)
defjvp(
    leaky_relu_grad,
    lambda g, ans, grad, x, s: leaky_relu_grad(g, x, s),
    None,
    lambda g, ans, grad, x, s: _below(x, g * grad),
)
defvjp(
    add_leaky_relu,
    lambda ans, x, y, s: unbroadcast_f(x, lambda g: leaky_relu_grad(g, x + y, s)),
    lambda ans, x, y, s: unbroadcast_f(y, lambda g: leaky_relu_grad(g, x + y, s)),
    lambda ans, x, y, s: unbroadcast_f(s, lambda g: _below(x + y, g * (x + y))),
)
defjvp(
    add_leaky_relu,
    lambda g, ans, x, y, s: leaky_relu_grad(g, x + y, s),
    lambda g, ans, x, y, s: leaky_relu_grad(g, x + y, s),
    lambda g, ans, x, y, s: _below(x + y, g * (x + y)),
)
defvjp(
    prelu,
    lambda ans, x, w, axis=1: lambda g: leaky_relu_grad(g, x, _along(w, x, axis)),
    lambda ans, x, w, axis=1: lambda g: _weight_grad(g, x, w, axis),
)
defjvp(
    prelu,
    lambda g, ans, x, w, axis=1: leaky_relu_grad(g, x, _along(w, x, axis)),
    lambda g, ans, x, w, axis=1: _below(x, _along(g, x, axis) * x),
)
defvjp(
    _weight_grad,
    lambda ans, grad, x, w, axis: lambda g: _below(x, _along(g, x, axis) * x),
    lambda ans, grad, x, w, axis: lambda g: _below(x, _along(g, x, axis) * grad),
    None,
)
defjvp(
    _weight_grad,
    lambda g, ans, grad, x, w, axis: _over_other_axes(_below(x, g * x), w, axis),
    lambda g, ans, grad, x, w, axis: _over_other_axes(_below(x, g * grad), w, axis),
    None,
)
defvjp(
    elu,
    lambda ans, x, a: unbroadcast_f(x, lambda g: elu_grad(g, x, a)),
    lambda ans, x, a: unbroadcast_f(a, lambda g: g * elu(_below(x, x), 1.0)),
)
defjvp(
    elu,
    lambda g, ans, x, a: elu_grad(g, x, a),
    lambda g, ans, x, a: g * elu(_below(x, x), 1.0),
)
defvjp(
    elu_grad,
    lambda ans, grad, x, a: unbroadcast_f(grad, lambda g: elu_grad(g, x, a)),
    lambda ans, grad, x, a: unbroadcast_f(x, lambda g: _below(x, elu_grad(g * grad, x, a))),
    lambda ans, grad, x, a: unbroadcast_f(a, lambda g: _below(x, elu_grad(g * grad, x, 1.0))),
)
defjvp(
    elu_grad,
    lambda g, ans, grad, x, a: elu_grad(g, x, a),
    lambda g, ans, grad, x, a: _below(x, elu_grad(g * grad, x, a)),
    lambda g, ans, grad, x, a: _below(x, elu_grad(g * grad, x, 1.0)),
)
for _function, _gradient, _curvature in (
    (gelu, gelu_grad, _gelu_curvature),
    (gelu_tanh, gelu_tanh_grad, _gelu_tanh_curvature),
):
    defvjp(_function, lambda ans, x, _gradient=_gradient: lambda g: _gradient(g, x))
    defjvp(_function, lambda g, ans, x, _gradient=_gradient: _gradient(g, x))
    defvjp(
        _gradient,
        lambda ans, grad, x, _gradient=_gradient: unbroadcast_f(grad, lambda g: _gradient(g, x)),
        lambda ans, grad, x, _curvature=_curvature: unbroadcast_f(x, lambda g: g * grad * _curvature(x)),
    )
    defjvp(
        _gradient,
        lambda g, ans, grad, x, _gradient=_gradient: _gradient(g, x),
        lambda g, ans, grad, x, _curvature=_curvature: g * grad * _curvature(x),
    )
