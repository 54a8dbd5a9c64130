"""JAX: its own leaky_relu, compiled by XLA for the CPU."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..cells import ELU_GELU
from ..inputs import Array, Inputs
from . import Call, UnsupportedError

VERSION: str = jax.__version__


def set_threads(threads: int) -> None:
    """Allow float64; the number of threads is in the environment."""
    jax.config.update("jax_enable_x64", True)


def _gradient(g: Any, x: Any, slope: float) -> Any:
    return jax.vjp(lambda x: jax.nn.leaky_relu(x, slope), x)[1](g)[0]


def build(i: Inputs, candidate: str) -> Call:
    """The call to time, until its result is there."""
    slope = i.slope
    x, second = jnp.asarray(i.x), jnp.asarray(i.second)
    if i.operation in ELU_GELU:
        tanh = i.operation == "gelu_tanh"
        function = jax.jit(jax.nn.elu if i.operation == "elu" else lambda x: jax.nn.gelu(x, approximate=tanh))
        return lambda: function(x).block_until_ready()
    if i.operation == "out":
        raise UnsupportedError("JAX arrays are immutable: no out=")
    if i.operation == "in_place":
        raise UnsupportedError("JAX arrays are immutable: nothing in place")
    if i.operation == "grad":
        gradient = jax.jit(lambda g, x: _gradient(g, x, slope))
        return lambda: gradient(second, x).block_until_ready()
    if i.operation == "add":
        forward = jax.jit(lambda x, b: jax.nn.leaky_relu(x + b, slope))
    elif i.operation == "layer":
        forward = jax.jit(lambda x, w: jax.nn.leaky_relu(x @ w, slope))
    elif i.operation.startswith("prelu"):
        second = jnp.asarray(i.channel_slopes)
        forward = jax.jit(lambda x, w: jnp.where(x > 0, x, w * x))
    else:
        alone = jax.jit(lambda x: jax.nn.leaky_relu(x, slope))
        return lambda: alone(x).block_until_ready()
    return lambda: forward(x, second).block_until_ready()


def to_numpy(result: Any) -> Array:
    """A copy."""
    return np.asarray(result)
