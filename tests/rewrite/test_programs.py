"""Whole modules run before and after the rewrite: the same outputs, through other arrays too."""

from __future__ import annotations

import numpy as np
import pytest

from fastlrelu.rewrite.fixes import rewrite

LAYER = '''
import numpy as np


class LeakyReLU:
    """As in courses: the mask is kept for the way back."""

    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def forward(self, x):
        self.mask = x > 0
        self.x = x
        return np.where(self.mask, x, self.alpha * x)

    def backward(self, dout):
        dx = dout.copy()
        dx[self.x <= 0] *= self.alpha
        return dx

    def derivative(self):
        return np.where(self.x > 0, 1, self.alpha)


def run(x, g):
    layer = LeakyReLU()
    return layer.forward(x), layer.backward(g), layer.derivative() * g
'''

FUNCTIONS = """
import numpy as np

ACTIVATIONS = {
    "leaky": (lambda z, a=0.2: np.maximum(a * z, z), lambda z, a=0.2: (z > 0) + a * (z <= 0)),
    "clip": (lambda z: np.clip(z, 0, None) + 0.2 * np.clip(z, None, 0), None),
}


def inplace(x, slope=0.1):
    x[x < 0] *= slope
    return x


def filled(x, slope=0.1):
    out = np.empty_like(x)
    positive = x > 0
    out[positive] = x[positive]
    out[~positive] = slope * x[~positive]
    return out


def fused(x, alpha=0.25):
    b = 1 - alpha
    y = (x > 0) * b
    y += alpha
    y *= x
    return y


def prelu(x, w):
    return np.maximum(0, x) + w * np.minimum(0, x)


def lasagne(x, leak=0.25):
    f1 = 0.5 * (1 + leak)
    f2 = 0.5 * (1 - leak)
    return f1 * x + f2 * np.abs(x)


def loop(x):
    return np.array([[v if v > 0 else 0.01 * v for v in row] for row in x])


def run(x, g):
    forward, derivative = ACTIVATIONS["leaky"]
    copied = x.copy()
    inplace(copied)
    weights = np.array([0.1, 0.2, 0.5])
    results = forward(x), derivative(x) * g, ACTIVATIONS["clip"][0](x), copied, filled(x)
    return *results, fused(x), prelu(x, weights), lasagne(x), loop(x)
"""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("text", "fixes"), [(LAYER, 3), (FUNCTIONS, 9)])
def test_a_module_computes_the_same(text, fixes, dtype):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 4, 3)).astype(dtype)
    result = rewrite(text, unsafe_fixes=True)
    assert len(result.fixed) == fixes
    outputs = []
    for source in (text, result.text):
        space = {}
        exec(source, space)
        outputs.append(space["run"](x.copy(), g.copy()))
    for old, new in zip(*outputs, strict=True):
        assert old.shape == new.shape
        np.testing.assert_allclose(new, old, rtol=4 * np.finfo(dtype).eps)
