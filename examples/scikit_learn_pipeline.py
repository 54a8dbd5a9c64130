"""Random features with leaky ReLU in a scikit-learn pipeline, whose slope is chosen by cross-validation.

The fitted pipeline is pickled and loaded again; the program exits with 1 if the predictions differ.

Needs scikit-learn: pip install fastlrelu scikit-learn
"""

from __future__ import annotations

import pickle
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

import fastlrelu as fl


def main() -> int:
    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=0)
    pipeline = make_pipeline(
        StandardScaler(),
        GaussianRandomProjection(64, random_state=0),
        FunctionTransformer(fl.LeakyReLU()),
        RidgeClassifier(),
    )
    slopes = [fl.LeakyReLU(slope) for slope in (0.0, 0.01, 0.1, 0.3)]
    search = GridSearchCV(pipeline, {"functiontransformer__func": slopes}, cv=3).fit(train_x, train_y)
    print(f"best: {search.best_params_['functiontransformer__func']}")
    print(f"accuracy on the rest: {search.score(test_x, test_y):.3f}")
    again = pickle.loads(pickle.dumps(search))
    equal = np.array_equal(again.predict(test_x), search.predict(test_x))
    print(f"predictions after pickling: {'equal' if equal else 'DIFFERENT'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
