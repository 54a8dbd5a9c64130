"""Put fastlrelu into a Keras 3 model that predicts on the NumPy backend.

The model is built with Keras' own layers, as an old one would be; `replace_layers` copies it with those of fastlrelu.
The program exits with 1 if a prediction differs.

Needs Keras, and JAX, which its NumPy backend imports: pip install 'fastlrelu[keras]'
"""

from __future__ import annotations

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "numpy"

import keras
import numpy as np

from fastlrelu.adapters.keras import replace_layers


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((256,)),
            keras.layers.Dense(512),
            keras.layers.LeakyReLU(negative_slope=0.1),
            keras.layers.Dense(256, activation="leaky_relu"),
            keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25)),
            keras.layers.Dense(10),
        ]
    )


def main() -> int:
    x = np.random.default_rng(0).standard_normal((4096, 256), np.float32)
    theirs = model()
    ours = replace_layers(theirs)
    print("layers:", ", ".join(f"{type(layer).__module__}.{type(layer).__name__}" for layer in ours.layers))
    predictions, seconds = [], []
    for network in (theirs, ours):
        network(x)
        start = time.perf_counter()
        predictions.append(np.asarray(network(x)))
        seconds.append(time.perf_counter() - start)
    print(f"{seconds[0] * 1e3:.1f} ms with Keras' own layers, {seconds[1] * 1e3:.1f} ms with fastlrelu's")
    equal = np.array_equal(*predictions)
    print(f"predictions: {'equal' if equal else 'DIFFERENT'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
