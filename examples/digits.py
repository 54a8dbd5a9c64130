"""Train a small network on handwritten digits, twice: with the np.where line and with fastlrelu.

Both runs start from one seed and differ in the activation lines alone. The program exits with 1 unless the weights
after training are equal bit for bit. It then compares leaky ReLU with plain ReLU and with PReLU, whose slopes are
learned through `prelu_grad`, by test accuracy and by the share of hidden units that are dead: not active for a single
training image.

Needs scikit-learn, for its bundled copy of the digits: pip install 'fastlrelu[test]'
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import fastlrelu as fl

Array = NDArray[np.float32]

SLOPE = 0.1
HIDDEN = (256, 256)
EPOCHS = 30
BATCH = 128
LEARNING_RATE = 0.5


class WithNumPy:
    """Leaky ReLU as people write it."""

    def forward(self, x: Array, layer: int) -> Array:
        return np.where(x > 0, x, SLOPE * x)

    def backward(self, grad_output: Array, x: Array, layer: int) -> Array:
        return np.where(x > 0, grad_output, SLOPE * grad_output)


class WithFastlrelu:
    """The same two lines with fastlrelu."""

    def forward(self, x: Array, layer: int) -> Array:
        return fl.leaky_relu(x, SLOPE)

    def backward(self, grad_output: Array, x: Array, layer: int) -> Array:
        return fl.leaky_relu_grad(grad_output, x, SLOPE)


class PlainReLU:
    """For comparison: slope 0, no gradient on the negative side."""

    def forward(self, x: Array, layer: int) -> Array:
        return fl.leaky_relu(x, 0.0)

    def backward(self, grad_output: Array, x: Array, layer: int) -> Array:
        return fl.leaky_relu_grad(grad_output, x, 0.0)


class PReLU:
    """One learned slope for each hidden unit, updated at each backward pass."""

    def __init__(self) -> None:
        self.slopes = [np.full(n, 0.25, np.float32) for n in HIDDEN]

    def forward(self, x: Array, layer: int) -> Array:
        return fl.prelu(x, self.slopes[layer])

    def backward(self, grad_output: Array, x: Array, layer: int) -> Array:
        grad_x, grad_slopes = fl.prelu_grad(grad_output, x, self.slopes[layer])
        self.slopes[layer] -= np.float32(LEARNING_RATE) * grad_slopes
        return grad_x


@dataclass
class Network:
    """Fully connected layers with an activation between them, softmax and cross-entropy at the end."""

    activation: Any
    weights: list[Array]
    biases: list[Array]
    activation_seconds: float = field(default=0.0)

    @classmethod
    def random(cls, sizes: tuple[int, ...], activation: Any, seed: int) -> Network:
        rng = np.random.default_rng(seed)
        scale = [np.float32(np.sqrt(2 / n)) for n in sizes]
        pairs = list(pairwise(sizes))
        weights = [s * rng.standard_normal(pair, np.float32) for s, pair in zip(scale, pairs, strict=False)]
        return cls(activation, weights, [np.zeros(n, np.float32) for n in sizes[1:]])

    def timed(self, call: Callable[..., Array], *arguments: Any) -> Array:
        start = time.perf_counter()
        result = call(*arguments)
        self.activation_seconds += time.perf_counter() - start
        return result

    def forward(self, images: Array) -> tuple[list[Array], list[Array]]:
        """The inputs of each layer and the sums before each activation; the last sum is the logits."""
        inputs, sums = [images], []
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            sums.append(inputs[-1] @ weight + bias)
            if layer < len(self.weights) - 1:
                inputs.append(self.timed(self.activation.forward, sums[-1], layer))
        return inputs, sums

    def gradients(self, images: Array, labels: NDArray[np.intp]) -> tuple[float, list[Array], list[Array]]:
        """Mean cross-entropy, and its gradients with respect to weights and biases."""
        inputs, sums = self.forward(images)
        shifted = sums[-1] - sums[-1].max(axis=1, keepdims=True)
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        rows = np.arange(len(labels))
        loss = -float(log_probability[rows, labels].mean())
        grad = np.exp(log_probability)
        grad[rows, labels] -= 1
        grad /= np.float32(len(labels))
        grad_weights: list[Array] = []
        grad_biases: list[Array] = []
        for layer in reversed(range(len(self.weights))):
            grad_weights.insert(0, inputs[layer].T @ grad)
            grad_biases.insert(0, grad.sum(axis=0))
            if layer > 0:
                grad_input = grad @ self.weights[layer].T
                grad = self.timed(self.activation.backward, grad_input, sums[layer - 1], layer - 1)
        return loss, grad_weights, grad_biases

    def train(self, images: Array, labels: NDArray[np.intp], seed: int) -> None:
        rng = np.random.default_rng(seed)
        rate = np.float32(LEARNING_RATE)
        for _ in range(EPOCHS):
            order = rng.permutation(len(images))
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                _, grad_weights, grad_biases = self.gradients(images[batch], labels[batch])
                for parameter, grad in zip([*self.weights, *self.biases], [*grad_weights, *grad_biases], strict=True):
                    parameter -= rate * grad

    def accuracy(self, images: Array, labels: NDArray[np.intp]) -> float:
        return float((self.forward(images)[1][-1].argmax(axis=1) == labels).mean())

    def dead_share(self, images: Array) -> float:
        """Share of hidden units that are positive for none of the images."""
        hidden = self.forward(images)[1][:-1]
        return float(np.concatenate([~(sums > 0).any(axis=0) for sums in hidden]).mean())


def main() -> int:
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    labels = digits.target
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1400], order[1400:]
    sizes = (images.shape[1], *HIDDEN, 10)

    def trained(activation: Any) -> Network:
        network = Network.random(sizes, activation, seed=1)
        network.train(images[train], labels[train], seed=2)
        return network

    networks = {
        "np.where": trained(WithNumPy()),
        "fastlrelu": trained(WithFastlrelu()),
        "ReLU": trained(PlainReLU()),
        "PReLU": trained(PReLU()),
    }
    print(f"{len(train)} digits to learn, {len(test)} to test, layers {sizes}, {EPOCHS} epochs, slope {SLOPE}")
    print(f"{'':12}{'test accuracy':>15}{'in activations':>16}{'dead units':>12}")
    for name, network in networks.items():
        seconds = network.activation_seconds
        accuracy = network.accuracy(images[test], labels[test])
        dead = network.dead_share(images[train])
        print(f"{name:12}{accuracy:15.2%}{seconds * 1e3:13.1f} ms{dead:12.2%}")
    numpy, fast = networks["np.where"], networks["fastlrelu"]
    equal = all(
        a.tobytes() == b.tobytes()
        for a, b in zip([*numpy.weights, *numpy.biases], [*fast.weights, *fast.biases], strict=True)
    )
    ratio = numpy.activation_seconds / fast.activation_seconds
    print(f"time in activations: np.where / fastlrelu = {ratio:.1f}")
    print(f"weights after training: {'equal bit for bit' if equal else 'DIFFERENT'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
