"""scikit-learn: LeakyReLU in a FunctionTransformer is cloned, pickled and searched over."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import fastlrelu as fl
import reference as ref


@pytest.fixture
def pipeline():
    act = FunctionTransformer(fl.LeakyReLU(0.1), inverse_func=fl.LeakyReLU(10.0), check_inverse=True)
    return make_pipeline(StandardScaler(), act, Ridge())


def test_a_transformer_has_the_bits_of_np_where(rng):
    x = ref.random_values(rng, (30, 4), np.float32)
    transformer = FunctionTransformer(fl.LeakyReLU(0.1)).fit(x)
    ref.assert_same_bits(transformer.transform(x), ref.leaky_relu(x, 0.1))
    ref.assert_same_bits(transformer.fit_transform(x), ref.leaky_relu(x, 0.1))


def test_clones_and_pickles_predict_the_same(pipeline, rng):
    x, y = rng.standard_normal((100, 5)), rng.standard_normal(100)
    expected = pipeline.fit(x, y).predict(x)
    again = clone(pipeline)
    assert again[1].func == pipeline[1].func == fl.LeakyReLU(0.1)
    np.testing.assert_array_equal(again.fit(x, y).predict(x), expected)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        loaded = pickle.loads(pickle.dumps(pipeline, protocol))
        np.testing.assert_array_equal(loaded.predict(x), expected)


def test_the_inverse(pipeline, rng):
    x = rng.standard_normal((50, 3))
    transformer = pipeline[:2].fit(x)
    np.testing.assert_allclose(transformer.inverse_transform(transformer.transform(x)), x)


def test_the_slope_is_searched_over(rng):
    x = rng.standard_normal((80, 3))
    y = ref.leaky_relu(x, 0.3).sum(axis=1)
    pipeline = make_pipeline(FunctionTransformer(fl.LeakyReLU(0.1)), Ridge(1e-6))
    slopes = [fl.LeakyReLU(slope) for slope in (0.0, 0.1, 0.3, 0.9)]
    search = GridSearchCV(pipeline, {"functiontransformer__func": slopes}, cv=3).fit(x, y)
    assert search.best_params_ == {"functiontransformer__func": fl.LeakyReLU(0.3)}


def test_within_a_longer_pipeline(rng):
    x = rng.standard_normal((40, 3))
    features = make_pipeline(Nystroem(n_components=8, random_state=0), FunctionTransformer(fl.LeakyReLU(0.1)))
    ref.assert_same_bits(features.fit_transform(x), ref.leaky_relu(clone(features[0]).fit_transform(x), 0.1))
