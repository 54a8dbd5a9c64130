"""Keras 3 on the NumPy backend; run by test_keras.py in a process of its own, with KERAS_BACKEND=numpy."""

import keras
import ml_dtypes
import numpy as np
import pytest

import fastlrelu as fl
import reference as ref
from fastlrelu.adapters.keras import ELU, LeakyReLU, PReLU, elu, gelu, leaky_relu, replace_layers

# Keras 3.15 has Variable.__array__ without the argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

FLOATS = [np.float16, ml_dtypes.bfloat16, np.float32]
SLOPES = [0.01, 0.2, 0.3, 0.5, 1.0]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("slope", SLOPES)
def test_the_function_has_the_bits_of_keras_for_slopes_up_to_1(rng, dtype, slope):
    x = ref.random_values(rng, (3, 4, 5), dtype)
    with np.errstate(all="ignore"):
        ref.assert_same_bits(leaky_relu(x, slope), keras.ops.leaky_relu(x, slope))
    ref.assert_same_bits(leaky_relu(x, slope), ref.leaky_relu(x, slope))


@pytest.mark.parametrize("dtype", FLOATS)
def test_slopes_over_1_are_leaky_relu_where_keras_takes_the_other_branch(dtype):
    x = np.array([-2, 3], dtype)
    assert keras.ops.leaky_relu(x, 2.0).tolist() == [-2, 6]
    assert leaky_relu(x, 2.0).tolist() == [-4, 3]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "bool"])
def test_integers_become_floats_as_in_other_functions_of_keras(dtype):
    x = np.array([0, 1, 3]).astype(dtype)
    assert leaky_relu(x).dtype == keras.ops.exp(x).dtype == np.float32
    assert leaky_relu(keras.KerasTensor((3,), dtype)).dtype == "float32"
    ref.assert_same_bits(leaky_relu(x, 0.5), ref.leaky_relu(x.astype(np.float32), 0.5))


def test_float64_stays_where_keras_makes_it_float32():
    x = np.array([-2.0, 3.0])
    assert keras.ops.leaky_relu(x).dtype == np.float32
    assert leaky_relu(x).dtype == LeakyReLU(dtype="float64")(x).dtype == np.float64
    ref.assert_same_bits(leaky_relu(x, 0.1), ref.leaky_relu(x, 0.1))


def test_a_list_is_a_tensor():
    ref.assert_same_bits(leaky_relu([-2.0, 3.0], 0.5), np.array([-1, 3], np.float32))


def models():
    """A functional model with the function, both layers and an activation, and the same in Keras' own words."""
    for function, leaky, shared in [
        (leaky_relu, LeakyReLU, PReLU),
        (keras.ops.leaky_relu, keras.layers.LeakyReLU, keras.layers.PReLU),
    ]:
        keras.utils.set_random_seed(3)
        images = keras.Input((8, 8, 3))
        y = keras.layers.Conv2D(4, 3)(images)
        y = shared(alpha_initializer=keras.initializers.RandomUniform(0, 0.5), shared_axes=[1, 2])(y)
        y = function(keras.layers.Conv2D(4, 3)(y), negative_slope=0.1)
        y = shared(alpha_initializer=keras.initializers.RandomUniform(0, 0.5))(leaky()(y))
        y = keras.layers.Dense(5, activation=function)(keras.layers.Flatten()(y))
        yield keras.Model(images, y)


def test_a_model_predicts_what_keras_predicts(rng):
    ours, theirs = models()
    theirs.set_weights(ours.get_weights())
    images = rng.standard_normal((7, 8, 8, 3)).astype(np.float32)
    expected = theirs.predict(images, verbose=0)
    np.testing.assert_array_equal(ours.predict(images, verbose=0), expected)
    np.testing.assert_array_equal(ours(images), theirs(images))


def test_a_saved_model_comes_back(tmp_path, rng):
    ours, _ = models()
    ours.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    kinds = {type(layer) for layer in again.layers}
    assert {LeakyReLU, PReLU} <= kinds
    images = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.predict(images, verbose=0), ours.predict(images, verbose=0))


def test_a_model_with_the_layers_of_keras_takes_these_up(tmp_path, rng):
    _, inner = models()
    named = keras.layers.Dense(4, activation="leaky_relu")
    theirs = keras.Sequential([keras.Input((8, 8, 3)), inner, named, keras.layers.LeakyReLU(0.1)])
    ours = replace_layers(theirs)
    nested = next(layer for layer in ours.layers if isinstance(layer, keras.Model))
    assert {LeakyReLU, PReLU} <= {type(layer) for layer in nested.layers}
    assert ours.layers[-2].activation is leaky_relu
    assert type(ours.layers[-1]) is LeakyReLU
    assert named.activation is keras.activations.leaky_relu
    images = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    expected = theirs.predict(images, verbose=0)
    np.testing.assert_array_equal(ours.predict(images, verbose=0), expected)
    ours.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[-2].activation is leaky_relu
    np.testing.assert_array_equal(again.predict(images, verbose=0), expected)


@pytest.mark.parametrize(
    ("sample", "shared_axes", "weight_shape"),
    [
        ((6, 5, 4), None, (6, 5, 4)),
        ((6, 5, 4), [1, 2], (1, 1, 4)),
        ((6, 5, 4), [1, 2, 3], (1, 1, 1)),
        ((6, 5, 4), [2], (6, 1, 4)),
        ((7,), None, (7,)),
        ((7,), [1], (1,)),
    ],
)
def test_slopes_of_a_saved_file_of_keras(tmp_path, rng, sample, shared_axes, weight_shape):
    layer = keras.layers.PReLU(keras.initializers.RandomUniform(0.1, 0.5), shared_axes=shared_axes)
    keras.Sequential([keras.Input(sample), layer]).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    weight = loaded.layers[-1].get_weights()[0]
    assert weight.shape == weight_shape
    x = rng.standard_normal((3, *sample)).astype(np.float32)
    expected = loaded.predict(x, verbose=0)
    np.testing.assert_array_equal(fl.prelu(x, weight, axis=-1), expected)
    ours = replace_layers(loaded)
    assert type(ours.layers[-1]) is PReLU
    np.testing.assert_array_equal(ours.predict(x, verbose=0), expected)


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "float32", "mixed_float16", "mixed_bfloat16"])
def test_layers_keep_the_dtype_of_their_policy(rng, policy):
    x = ref.random_values(rng, (2, 3, 4), np.float32)
    for ours, theirs in [
        (LeakyReLU(0.25, dtype=policy), keras.layers.LeakyReLU(0.25, dtype=policy)),
        (PReLU("ones", dtype=policy), keras.layers.PReLU("ones", dtype=policy)),
    ]:
        with np.errstate(all="ignore"):
            actual, expected = ours(x), theirs(x)
        assert actual.dtype == expected.dtype == policy.removeprefix("mixed_")
        if isinstance(ours, LeakyReLU):
            ref.assert_same_bits(actual, expected)
        else:
            ref.assert_same_bits(actual, x.astype(actual.dtype))


def test_a_config_is_that_of_keras():
    layer = LeakyReLU(0.25, name="act")
    assert layer.get_config() == keras.layers.LeakyReLU(0.25, name="act").get_config()
    assert LeakyReLU.from_config(layer.get_config()).negative_slope == 0.25
    with pytest.raises(ValueError, match="negative_slope"):
        LeakyReLU(-0.1)


@pytest.mark.parametrize("dtype", FLOATS)
def test_elu_and_gelu_are_near_those_of_keras(rng, dtype):
    x = rng.standard_normal((3, 40)).astype(dtype)
    close = {"rtol": 0.03, "atol": 0.03} if dtype != np.float32 else {"rtol": 1e-5, "atol": 1e-6}
    for ours, theirs in [
        (elu(x, 0.7), keras.activations.elu(x, 0.7)),
        (gelu(x), keras.activations.gelu(x)),
        (gelu(x, True), keras.activations.gelu(x, approximate=True)),
    ]:
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours.astype(np.float32), np.asarray(theirs).astype(np.float32), **close)


def test_a_model_with_elu_and_gelu_is_replaced_and_saved(tmp_path, rng):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5,))
    hidden = keras.layers.ELU(0.5)(keras.layers.Dense(8, activation="elu")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4, activation="gelu")(hidden))
    ours = replace_layers(model)
    assert [type(layer) for layer in ours.layers[2:3]] == [ELU]
    assert [ours.layers[i].activation for i in (1, 3)] == [elu, gelu]
    x = rng.standard_normal((7, 5)).astype(np.float32)
    np.testing.assert_allclose(ours.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    functional = keras.Model(inputs, gelu(elu(ours(inputs), 0.3), True))
    functional.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), functional.predict(x, verbose=0))
