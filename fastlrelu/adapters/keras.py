"""Leaky ReLU, PReLU, ELU and GELU for Keras 3 on the NumPy backend (``KERAS_BACKEND=numpy``).

The layers take the arguments of Keras' own and are saved with a model. `replace_layers` puts them into a model that was
built or saved with Keras' own.

Results differ from Keras' own where its formula is not leaky ReLU: it computes ``maximum(x, slope * x)``, which takes
the other branch for slopes over 1, and its PReLU is a sum that gives nan at infinities and loses the sign of -0.0.

Raises
------
ImportError
    On import, if Keras runs on another backend.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import keras
import numpy as np

import fastlrelu as fl

__all__ = ["ELU", "LeakyReLU", "PReLU", "elu", "gelu", "leaky_relu", "replace_layers"]

Activation = TypeVar("Activation", bound=Callable[..., Any])

if keras.backend.backend() != "numpy":
    raise ImportError(
        f"fastlrelu.adapters.keras works on arrays of NumPy, and Keras runs on {keras.backend.backend()}: "
        "set KERAS_BACKEND=numpy before the first import of keras"
    )


class _Operation(keras.Operation):
    """What a functional model keeps of a call of an activation function on a symbolic tensor."""

    function: Callable[..., Any]

    def __init__(self, *, name: str | None = None, **settings: Any) -> None:
        super().__init__(name=name)
        self.settings = settings

    def call(self, x: Any) -> Any:
        """Compute on arrays."""
        return type(self).function(x, **self.settings)

    def compute_output_spec(self, x: Any) -> Any:
        """Give the shape and dtype of the result as a symbolic tensor."""
        return keras.KerasTensor(x.shape, dtype=_result_dtype(x.dtype))

    def get_config(self) -> dict[str, Any]:
        """Give what is saved with the model."""
        return {**super().get_config(), **self.settings}


def _activation(function: Activation) -> Activation:
    """Let a function of a float array take what Keras hands to activations, and be saved with a model."""
    signature = inspect.signature(function)

    @wraps(function)
    def activation(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, keras.KerasTensor):
            return function(_floats(x), *args, **kwargs)
        settings = signature.bind(x, *args, **kwargs)
        settings.apply_defaults()
        del settings.arguments["x"]
        return operation(**settings.arguments)(x)

    register = keras.saving.register_keras_serializable(package="fastlrelu")
    name = function.__name__.title().replace("_", "") + "Operation"
    operation = register(type(name, (_Operation,), {"function": staticmethod(activation)}))
    register(activation)
    return cast(Activation, activation)


@_activation
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Leaky ReLU as an activation function: ``Dense(10, activation=leaky_relu)``.

    Parameters
    ----------
    x : array_like or KerasTensor
        float16, bfloat16, float32 or float64, which Keras' own would round to float32. Integers and bool are converted
        to ``keras.config.floatx()`` first; Keras' own multiplies them by a slope that was cut to an integer.
    negative_slope : float
        The slope for x <= 0, of any value. The default is that of Keras.

    Returns
    -------
    ndarray or KerasTensor
        Of the shape of `x`, and of its dtype where that is a float.

    Raises
    ------
    TypeError
        For complex, object and string arrays.

    References
    ----------
    Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013, equation 2.
    """
    return fl.leaky_relu(x, negative_slope)


@keras.saving.register_keras_serializable(package="fastlrelu")
class LeakyReLU(keras.layers.LeakyReLU):
    """The layer ``keras.layers.LeakyReLU`` on the kernels of fastlrelu.

    Parameters
    ----------
    negative_slope : float
        0.3 by default, as in Keras, which does not allow a negative one.
    **kwargs
        Those of every Keras layer, such as `name` and `dtype`.

    Raises
    ------
    ValueError
        For a negative slope.
    """

    def call(self, inputs: Any) -> Any:
        """Compute on an array or a symbolic tensor of any shape, see `leaky_relu`."""
        return leaky_relu(inputs, self.negative_slope)


@keras.saving.register_keras_serializable(package="fastlrelu")
class PReLU(keras.layers.PReLU):
    """The layer ``keras.layers.PReLU`` on the kernels of fastlrelu.

    Parameters
    ----------
    **kwargs
        Those of ``keras.layers.PReLU``: `alpha_initializer`, `shared_axes` and so on. Without `shared_axes`, and with
        those that leave neighbouring axes or none, threads work over the whole array.

    References
    ----------
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015, equation 1.
    """

    def call(self, inputs: Any) -> Any:
        """Compute on an array of shape ``(batch, ...)``, see `leaky_relu` for dtypes."""
        # The slopes have the shape of a sample, so that those with one dimension lie along the last axis.
        return fl.prelu(_floats(inputs), keras.ops.convert_to_tensor(self.alpha), axis=-1)


@_activation
def elu(x: Any, alpha: float = 1.0) -> Any:
    """ELU as an activation function: ``Dense(10, activation=elu)``.

    Parameters
    ----------
    x : array_like or KerasTensor
        As for `leaky_relu`.
    alpha : float
        The limit of the negative side is -alpha.

    Returns
    -------
    ndarray or KerasTensor
        Of the shape of `x`, and of its dtype where that is a float.

    Raises
    ------
    TypeError
        For complex, object and string arrays.
    """
    return fl.elu(x, alpha)


@_activation
def gelu(x: Any, approximate: bool = False) -> Any:
    """GELU as an activation function: ``Dense(10, activation=gelu)``.

    Parameters
    ----------
    x : array_like or KerasTensor
        As for `leaky_relu`.
    approximate : bool
        By tanh; the default is that of Keras' activation, where its ``ops.gelu`` has True.

    Returns
    -------
    ndarray or KerasTensor
        Of the shape of `x`, and of its dtype where that is a float.

    Raises
    ------
    TypeError
        For complex, object and string arrays.
    """
    return (fl.gelu_tanh if approximate else fl.gelu)(x)


@keras.saving.register_keras_serializable(package="fastlrelu")
class ELU(keras.layers.ELU):
    """The layer ``keras.layers.ELU`` on the kernels of fastlrelu.

    Parameters
    ----------
    **kwargs
        `alpha`, 1 by default, and those of every Keras layer.
    """

    def call(self, inputs: Any) -> Any:
        """Compute on an array or a symbolic tensor of any shape, see `elu`."""
        return elu(inputs, self.alpha)


def replace_layers(model: keras.Model) -> keras.Model:
    """Copy a model, with the layers of this module in place of Keras' own.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, with models nested in it or not. It is not changed.

    Returns
    -------
    keras.Model
        With the layers of this module for Keras' own of the same name, with `leaky_relu`, `elu` and `gelu` where a
        layer's activation was ``"leaky_relu"``, ``"elu"`` or ``"gelu"``, and with copies of the weights. Calls of
        ``keras.ops`` on symbolic tensors stay as they are.

    Raises
    ------
    ValueError
        For a subclassed model, whose layers Keras cannot copy.
    """
    ours = {keras.layers.LeakyReLU: LeakyReLU, keras.layers.PReLU: PReLU, keras.layers.ELU: ELU}
    functions = {keras.activations.leaky_relu: leaky_relu, keras.activations.elu: elu, keras.activations.gelu: gelu}

    def replace(layer: keras.Layer) -> keras.Layer:
        kind: Any = ours.get(type(layer), type(layer))
        new = kind.from_config(layer.get_config())
        activation: Any = getattr(new, "activation", None)
        if activation in functions:
            new.activation = functions[activation]
        return new

    copy = keras.models.clone_model(model, clone_function=replace, recursive=True)
    for new_weight, weight in zip(copy.weights, model.weights, strict=True):
        new_weight.assign(weight.value)
    return copy


def _result_dtype(dtype: str) -> str:
    floats: str = keras.config.floatx()
    return dtype if "float" in dtype else floats


def _floats(x: Any) -> Any:
    """The array in a float dtype, as Keras' own functions such as ``ops.exp`` convert integers."""
    if not isinstance(x, np.ndarray | np.generic):
        # Not for arrays: it would copy them, and make float32 of float64.
        x = keras.ops.convert_to_tensor(x)
    return x.astype(keras.config.floatx()) if x.dtype.kind in "biu" else x
