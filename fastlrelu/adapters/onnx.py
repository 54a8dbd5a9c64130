"""ONNX's LeakyRelu, PRelu, Elu and Gelu for ``onnx.reference.ReferenceEvaluator(model, new_ops=ops)``.

Where the reference implementation of ONNX 1.23 and the formula of the standard, ``f(x) = alpha * x for x < 0``,
``f(x) = x for x >= 0``, do not agree, the formula is followed:

- A slope of 0 given to LeakyRelu by a call or by a function is replaced there by the slope of the node itself
  (``alpha or self.alpha``). Here 0 is a slope as any other.
- An alpha that is infinite or nan gives nan for every positive x there. Here positive x stay as they are.
- A node whose alpha is an attribute of the function around it raises TypeError there. Here it works.
- A slope with more elements than x widens the output of PRelu there, and a slope of shape (C,) that does not broadcast
  is tried on every axis of that length. The standard allows broadcasting to the shape of x alone: here ValueError.

Otherwise the bits of LeakyRelu and PRelu are those of the reference. Elu and Gelu are more accurate than it.

``ReferenceEvaluator`` does not hand `new_ops` on to functions inside a model: ``onnx.inliner.inline_local_functions``
puts their nodes into the graph first.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun

import fastlrelu as fl

__all__ = ["Elu", "Gelu", "LeakyRelu", "PRelu", "ops"]

Array = NDArray[Any]

# From here on PRelu broadcasts as NumPy does; before, a slope of one dimension counted channels.
_FIRST_BROADCASTING_OPSET = 7


class _OneInputAndAlpha(OpRun):
    """A ufunc of a tensor and the attribute alpha."""

    op_domain = ""
    ufunc: ClassVar[np.ufunc]

    def _run(self, x: Array, alpha: float, consumed_inputs: object = None) -> tuple[Array]:
        """Apply the function.

        Parameters
        ----------
        x : ndarray
            Of any shape; float16, bfloat16, float32 or float64.
        alpha : float
            The attribute of the node, of the function around it, or the default of the standard.
        consumed_inputs : object
            An attribute of opset 1 that the standard itself ignores.

        Returns
        -------
        tuple of one ndarray
            Of the shape and dtype of `x`.

        Raises
        ------
        TypeError
            For a dtype that the standard does not have for the operator.
        """
        _check_float(x, type(self).__name__)
        return (np.asarray(self.ufunc(x, float(alpha))),)


class LeakyRelu(_OneInputAndAlpha):
    """ONNX LeakyRelu, opsets 1, 6 and 16: float16, bfloat16, float and double, with alpha 0.01 unless given.

    The attribute is a 32-bit float in the file, also for tensors of doubles, as in the reference implementation.

    References
    ----------
    ONNX operators, LeakyRelu: https://onnx.ai/onnx/operators/onnx__LeakyRelu.html
    """

    ufunc = fl.leaky_relu


class PRelu(OpRun):
    """ONNX PRelu, opsets 1, 6, 7, 9 and 16, with the slope as second input.

    From opset 7 on the slope must broadcast to the shape of x. Before, a slope of one element is shared and one of
    shape (C,) has an element for each channel, axis 1 of x. Integers are multiplied as integers, with wrap-around.

    References
    ----------
    ONNX operators, PRelu: https://onnx.ai/onnx/operators/onnx__PRelu.html
    """

    op_domain = ""

    def _run(self, x: Array, slope: Array, consumed_inputs: object = None) -> tuple[Array]:
        """Apply the function.

        Parameters
        ----------
        x : ndarray
            float16, bfloat16, float32, float64, or int32, int64, uint32, uint64.
        slope : ndarray
            Of the dtype of `x`, and of a shape that broadcasts to that of `x`.
        consumed_inputs : object
            An attribute of opset 1 that the standard itself ignores.

        Returns
        -------
        tuple of one ndarray
            Of the shape and dtype of `x`.

        Raises
        ------
        TypeError
            For two dtypes, and for dtypes that the standard does not have for PRelu.
        ValueError
            If `slope` does not broadcast to the shape of `x`.
        """
        if x.dtype != slope.dtype:
            raise TypeError(f"x is {x.dtype} and slope is {slope.dtype}; ONNX PRelu has one type for both")
        if self.run_params["opsets"].get(self.op_domain, _FIRST_BROADCASTING_OPSET) < _FIRST_BROADCASTING_OPSET:
            slope = _by_channel(slope, x)
        if slope.ndim > x.ndim or any(n not in (1, m) for n, m in zip(slope.shape[::-1], x.shape[::-1], strict=False)):
            raise ValueError(f"a slope of shape {slope.shape} does not broadcast to x of shape {x.shape}")
        if x.dtype.kind in "iu":
            # The ufunc would promote integers to float64, which has no room for 64 bits.
            return (np.where(x > 0, x, x * slope),)
        _check_float(x, "PRelu")
        # ONNX lays a slope of one dimension along the last axis; for all others the axis is not looked at.
        return (np.asarray(fl.prelu(x, slope, axis=-1)),)


class Elu(_OneInputAndAlpha):
    """ONNX Elu, opsets 1, 6 and 22, with alpha 1 unless given.

    References
    ----------
    ONNX operators, Elu: https://onnx.ai/onnx/operators/onnx__Elu.html
    """

    ufunc = fl.elu


class Gelu(OpRun):
    """ONNX Gelu, opset 20, in both forms.

    References
    ----------
    ONNX operators, Gelu: https://onnx.ai/onnx/operators/onnx__Gelu.html
    """

    op_domain = ""

    def _run(self, x: Array, approximate: Literal["none", "tanh"]) -> tuple[Array]:
        """Apply the function.

        Parameters
        ----------
        x : ndarray
            Of any shape; float16, bfloat16, float32 or float64.
        approximate : str
            ``"none"`` or ``"tanh"``.

        Returns
        -------
        tuple of one ndarray
            Of the shape and dtype of `x`.

        Raises
        ------
        TypeError
            For a dtype that the standard does not have for Gelu.
        ValueError
            For another word than these two.
        """
        _check_float(x, "Gelu")
        return (np.asarray(fl.GELU(approximate)(x)),)


def _check_float(x: Array, operator: str) -> None:
    if x.dtype.name not in ("float16", "bfloat16", "float32", "float64"):
        raise TypeError(f"ONNX {operator} does not take {x.dtype}")


def _by_channel(slope: Array, x: Array) -> Array:
    if slope.size == 1:
        return slope.reshape(())
    if slope.ndim == 1 and x.ndim > 1:
        return slope.reshape(-1, *[1] * (x.ndim - 2))
    return slope


ops: list[type[OpRun]] = [LeakyRelu, PRelu, Elu, Gelu]
"""For ``ReferenceEvaluator(model, new_ops=ops)``."""
