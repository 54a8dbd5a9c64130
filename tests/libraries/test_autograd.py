"""HIPS autograd: values, and gradients of first and second order against numerical ones, forward and reverse."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad, hessian_vector_product
from autograd.test_util import check_grads

import fastlrelu as fl
import reference as ref
from fastlrelu.adapters.autograd import add_leaky_relu, leaky_relu, leaky_relu_grad, prelu

SHAPES = [((3, 4), ()), ((3, 4), (4,)), ((3, 4), (3, 1)), ((4,), (3, 4)), ((3, 1), (1, 4)), ((), (3,)), ((), ())]


def away_from_zero(rng, shape):
    """Values whose numerical gradient does not cross the kink."""
    values = rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape)
    return values if shape else float(values)


@pytest.mark.parametrize(("shape", "slope_shape"), SHAPES)
def test_leaky_relu_and_its_gradient(rng, shape, slope_shape):
    x, slope = away_from_zero(rng, shape), away_from_zero(rng, slope_shape)
    check_grads(leaky_relu, modes=["fwd", "rev"], order=2)(x, slope)
    grad_output = away_from_zero(rng, np.broadcast_shapes(shape, slope_shape))
    check_grads(leaky_relu_grad, modes=["fwd", "rev"], order=2)(grad_output, x, slope)


@pytest.mark.parametrize(("shape", "slope_shape"), SHAPES)
def test_add_leaky_relu(rng, shape, slope_shape):
    x, slope = away_from_zero(rng, shape), away_from_zero(rng, slope_shape)
    y = 0.03 * away_from_zero(rng, (4,)) if shape == (3, 4) else 0.03
    check_grads(add_leaky_relu, modes=["fwd", "rev"], order=2)(x, y, slope)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_prelu(rng, axis):
    x = away_from_zero(rng, (3, 4, 5))
    weight = away_from_zero(rng, (x.shape[axis],))
    check_grads(lambda x, w: prelu(x, w, axis), modes=["fwd", "rev"], order=2)(x, weight)
    check_grads(lambda x, w: prelu(x, w, axis=axis), modes=["fwd", "rev"], order=2)(x, weight)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((), 1), ((1,), 7), ((4,), 1), ((4, 1), 1), ((1, 4, 1), 1), ((4, 3), 1), ((2, 1, 3), 1), ((3,), -1)],
)
def test_prelu_with_slopes_of_any_shape(rng, shape, axis):
    x, weight = rng.standard_normal((2, 4, 3)), rng.random(shape)
    check_grads(lambda x, w: prelu(x, w, axis), modes=["fwd", "rev"], order=2)(x, weight)


def test_prelu_counts_axis_1_if_nothing_is_said(rng):
    x, weight = away_from_zero(rng, (3, 4, 5)), away_from_zero(rng, (4,))
    check_grads(prelu, modes=["fwd", "rev"], order=2)(x, weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", ref.SLOPES)
def test_the_bits_are_those_of_the_ufuncs(rng, dtype, slope):
    x = ref.random_values(rng, (5, 6), dtype)
    ref.assert_same_bits(leaky_relu(x, slope), ref.leaky_relu(x, slope))
    ref.assert_same_bits(add_leaky_relu(x, x[0], slope), ref.add_leaky_relu(x, x[0], slope))
    actual = elementwise_grad(leaky_relu)(x, slope)
    ref.assert_same_bits(actual, ref.leaky_relu_grad(np.ones_like(x), x, slope))


def test_the_gradient_at_zero_is_the_slope():
    assert grad(leaky_relu)(0.0, 0.25) == 0.25
    assert grad(leaky_relu)(-0.0, 0.25) == 0.25


def test_an_infinite_input_above_zero_does_not_spoil_the_gradient_of_the_slope():
    assert grad(lambda s: anp.sum(leaky_relu(np.array([np.inf, -2.0]), s)))(0.5) == -2


def test_prelu_weights_are_those_of_the_kernel(rng):
    x, weight = rng.standard_normal((4, 3, 500)).astype(np.float32), rng.random(3).astype(np.float32)
    upstream = rng.standard_normal(x.shape).astype(np.float32)
    grad_x, grad_weight = fl.prelu_grad(upstream, x, weight)
    loss = lambda x, w: anp.sum(prelu(x, w) * upstream)  # noqa: E731
    ref.assert_same_bits(grad(loss, 0)(x, weight), grad_x)
    ref.assert_same_bits(grad(loss, 1)(x, weight), grad_weight)


def test_second_order_through_a_network(rng):
    weight = away_from_zero(rng, (4, 3))
    x = away_from_zero(rng, (5, 4))
    loss = lambda w: anp.sum(leaky_relu(x @ w, 0.1) ** 2)  # noqa: E731
    check_grads(loss, modes=["fwd", "rev"], order=2)(weight)
    assert hessian_vector_product(loss)(weight, np.ones_like(weight)).shape == weight.shape
