"""Learn the slopes of PReLU by gradient descent, with the gradients from HIPS autograd.

The targets come from known slopes, so the program can tell whether the gradients lead there: it exits with 1 if a slope
is off by more than 0.001.

Needs autograd: pip install 'fastlrelu[autograd]'
"""

from __future__ import annotations

import sys
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

from fastlrelu.adapters.autograd import prelu

STEPS = 200
LEARNING_RATE = 1.0


def main() -> int:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 4))
    true_slopes = np.array([0.01, 0.1, 0.5, 1.5])
    targets = np.where(x > 0, x, true_slopes * x)

    def loss(slopes: Any) -> Any:
        return anp.mean((prelu(x, slopes) - targets) ** 2)

    slopes = np.full(4, 0.25)
    for step in range(STEPS):
        value, gradient = value_and_grad(loss)(slopes)
        slopes -= LEARNING_RATE * gradient
        if step % 50 == 0:
            print(f"step {step:3}: loss {value:.2e}, slopes {slopes.round(4)}")
    error = float(abs(slopes - true_slopes).max())
    print(f"slopes {slopes.round(4)}, off by {error:.1e} at most")
    return 0 if error < 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())
