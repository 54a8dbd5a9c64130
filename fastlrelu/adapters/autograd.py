"""The ufuncs and PReLU for HIPS autograd: forward and reverse mode, to any order.

``from fastlrelu.adapters.autograd import leaky_relu`` where autograd is to see through the function. The gradients are
those of `fastlrelu.leaky_relu_grad`: at x = 0 the slope of the negative side counts, and the slope may be an array
that broadcasts, with a gradient of its own.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
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


_MAAS = "Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013"
_HE = "He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015"
_CLEVERT = (
    "Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units, ICLR 2016."
)
_HENDRYCKS = "Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, https://arxiv.org/abs/1606.08415."

_SECTIONS = """

Parameters
----------
{operands} : array_like
    As for `fastlrelu.{name}`{operands_are}

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
{reference}
"""


def _elementwise(operands_are: str, reference: str) -> Callable[[Callable[..., Any]], Any]:
    """Make a primitive of a function of operands that broadcast, and end its docstring."""

    def decorate(function: Callable[..., Any]) -> Any:
        # python -OO leaves no docstring to end.
        if function.__doc__ is not None:
            function.__doc__ += _SECTIONS.format(
                operands=", ".join(inspect.signature(function).parameters),
                name=function.__name__,
                operands_are=operands_are,
                reference=reference,
            )
        return primitive(function)

    return decorate


@_elementwise(
    ": float arrays or numbers that broadcast. Both have a gradient.",
    f"{_MAAS}, equation 2. Gradient\nof the slope: {_HE}, equation 3.",
)
def leaky_relu(x: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Leaky ReLU with derivatives: `x` where it is greater than 0, else ``negative_slope * x``."""
    return fl.leaky_relu(x, negative_slope)


@_elementwise(
    ". `grad_output` and `negative_slope` have a gradient; that of `x` is 0.",
    f"The derivative of equation 2 in {_MAAS.removesuffix(' ICML 2013')}\nICML 2013.",
)
def leaky_relu_grad(grad_output: ArrayLike, x: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Gradient of leaky ReLU, itself with derivatives."""
    return fl.leaky_relu_grad(grad_output, x, negative_slope)


@_elementwise(". All three have a gradient.", f"Equation 2 in {_MAAS}, of\n``x + y``.")
def add_leaky_relu(x: ArrayLike, y: ArrayLike, negative_slope: ArrayLike) -> Any:
    """Leaky ReLU of a sum in one pass, with derivatives."""
    return fl.add_leaky_relu(x, y, negative_slope)


@_elementwise(". Both have a gradient.", _CLEVERT)
def elu(x: ArrayLike, alpha: ArrayLike) -> Any:
    """ELU with derivatives: `x` where it is greater than 0, else ``alpha * (exp(x) - 1)``."""
    return fl.elu(x, alpha)


@_elementwise(". All three have a gradient.", _CLEVERT)
def elu_grad(grad_output: ArrayLike, x: ArrayLike, alpha: ArrayLike) -> Any:
    """Gradient of ELU, itself with derivatives."""
    return fl.elu_grad(grad_output, x, alpha)


@_elementwise(". It has a gradient.", _HENDRYCKS)
def gelu(x: ArrayLike) -> Any:
    """GELU with derivatives: ``x * Phi(x)``."""
    return fl.gelu(x)


@_elementwise(". Both have a gradient.", _HENDRYCKS)
def gelu_grad(grad_output: ArrayLike, x: ArrayLike) -> Any:
    """Gradient of GELU, itself with derivatives."""
    return fl.gelu_grad(grad_output, x)


@_elementwise(". It has a gradient.", _HENDRYCKS)
def gelu_tanh(x: ArrayLike) -> Any:
    """GELU by tanh with derivatives."""
    return fl.gelu_tanh(x)


@_elementwise(". Both have a gradient.", _HENDRYCKS)
def gelu_tanh_grad(grad_output: ArrayLike, x: ArrayLike) -> Any:
    """Gradient of GELU by tanh, itself with derivatives."""
    return fl.gelu_tanh_grad(grad_output, x)


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


def _differentiate(function: Any, *partials: Callable[..., Any] | None) -> None:
    """Both modes, by ``partials[i](g, *operands)``: g times the partial derivative by operand i, None for 0."""

    def vjp(i: int, partial: Callable[..., Any]) -> Callable[..., Any]:
        return lambda ans, *operands: unbroadcast_f(operands[i], lambda g: partial(g, *operands))

    def jvp(partial: Callable[..., Any]) -> Callable[..., Any]:
        return lambda g, ans, *operands: partial(g, *operands)

    defvjp(function, *(partial and vjp(i, partial) for i, partial in enumerate(partials)))
    defjvp(function, *(partial and jvp(partial) for partial in partials))


_differentiate(
    leaky_relu,
    lambda g, x, slope: leaky_relu_grad(g, x, slope),
    lambda g, x, slope: _below(x, g * x),
)
_differentiate(
    leaky_relu_grad,
    lambda g, grad_output, x, slope: leaky_relu_grad(g, x, slope),
    None,
    lambda g, grad_output, x, slope: _below(x, g * grad_output),
)
_differentiate(
    add_leaky_relu,
    lambda g, x, y, slope: leaky_relu_grad(g, x + y, slope),
    lambda g, x, y, slope: leaky_relu_grad(g, x + y, slope),
    lambda g, x, y, slope: _below(x + y, g * (x + y)),
)
_differentiate(
    elu,
    lambda g, x, alpha: elu_grad(g, x, alpha),
    lambda g, x, alpha: g * elu(_below(x, x), 1.0),
)
_differentiate(
    elu_grad,
    lambda g, grad_output, x, alpha: elu_grad(g, x, alpha),
    lambda g, grad_output, x, alpha: _below(x, elu_grad(g * grad_output, x, alpha)),
    lambda g, grad_output, x, alpha: _below(x, elu_grad(g * grad_output, x, 1.0)),
)
_differentiate(gelu, lambda g, x: gelu_grad(g, x))
_differentiate(
    gelu_grad,
    lambda g, grad_output, x: gelu_grad(g, x),
    lambda g, grad_output, x: g * grad_output * _gelu_curvature(x),
)
_differentiate(gelu_tanh, lambda g, x: gelu_tanh_grad(g, x))
_differentiate(
    gelu_tanh_grad,
    lambda g, grad_output, x: gelu_tanh_grad(g, x),
    lambda g, grad_output, x: g * grad_output * _gelu_tanh_curvature(x),
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
