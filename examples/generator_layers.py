"""A generator block in NumPy with np.where as its activation; examples/generator_block.py rewrites a copy of it.

The residual dense block of ESRGAN, five 3x3 convolutions that each see the output of all before: Wang et al., ESRGAN:
Enhanced Super-Resolution Generative Adversarial Networks, 2018, section 3.1. Arrays are (images, height, width,
channels), float32.
"""

import numpy as np

SLOPE = 0.2
RESIDUAL_SCALE = 0.2


def leaky_relu(x):
    return np.where(x > 0, x, SLOPE * x)


def convolve(x, weight, bias):
    """3x3 convolution with zeros around the image, by im2col and one matrix product."""
    images, height, width, channels = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    # Channels last, so that the copy moves whole runs of them.
    columns = np.moveaxis(windows, 3, 5).reshape(images * height * width, 9 * channels)
    return (columns @ weight + bias).reshape(images, height, width, -1)


def generator_block(x, weights, biases):
    features = x
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        features = np.concatenate([features, leaky_relu(convolve(features, weight, bias))], axis=-1)
    return x + RESIDUAL_SCALE * convolve(features, weights[-1], biases[-1])


def parameters(channels, growth, seed):
    """Random weights and biases for a block: four layers of `growth` outputs and one of `channels`."""
    rng = np.random.default_rng(seed)
    inputs = [channels + i * growth for i in range(5)]
    outputs = [growth] * 4 + [channels]
    weights = [
        rng.standard_normal((9 * n, m), np.float32) / np.float32(3 * n**0.5)
        for n, m in zip(inputs, outputs, strict=True)
    ]
    return weights, [rng.standard_normal(m, np.float32) / 10 for m in outputs]
