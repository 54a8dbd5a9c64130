"""The example that trains on real digits: its own check, and its gradients against central differences."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits():
    spec = importlib.util.spec_from_file_location("digits", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits"] = module
    spec.loader.exec_module(module)
    return module


def test_the_program(digits, monkeypatch, capsys):
    # The bits and the accuracies need no more epochs.
    monkeypatch.setattr(digits, "EPOCHS", 6)
    assert digits.main() == 0
    answer = capsys.readouterr().out
    assert "equal bit for bit" in answer
    accuracies = [float(line.split()[1].rstrip("%")) for line in answer.splitlines() if " ms " in line]
    assert len(accuracies) == 4
    assert min(accuracies) > 90


def test_a_difference_is_noticed(digits, monkeypatch, capsys):
    monkeypatch.setattr(digits, "EPOCHS", 1)
    monkeypatch.setattr(digits.WithFastlrelu, "forward", lambda self, x, layer: digits.fl.leaky_relu(x, 0.11))
    assert digits.main() == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_gradients_are_central_differences(digits, monkeypatch):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(digits, "HIDDEN", (7, 6))
    images = rng.standard_normal((9, 5))
    labels = rng.integers(0, 4, 9)
    for activation in (digits.WithFastlrelu(), digits.WithNumPy(), digits.PlainReLU()):
        network = digits.Network.random((5, 7, 6, 4), activation, seed=3)
        network.weights = [w.astype(np.float64) for w in network.weights]
        network.biases = [rng.standard_normal(b.shape) for b in network.biases]
        _, grad_weights, grad_biases = network.gradients(images, labels)
        check_differences(
            lambda network=network: network.gradients(images, labels)[0],
            [*network.weights, *network.biases],
            [*grad_weights, *grad_biases],
        )


def test_prelu_gradients_are_central_differences():
    import fastlrelu as fl

    rng = np.random.default_rng(6)
    x, weight, upstream = rng.standard_normal((4, 3, 5)), rng.random(3), rng.standard_normal((4, 3, 5))
    grad_x, grad_weight = fl.prelu_grad(upstream, x, weight)
    check_differences(lambda: float((fl.prelu(x, weight) * upstream).sum()), [x, weight], [grad_x, grad_weight])


def check_differences(loss, parameters, gradients, step=1e-6):
    for parameter, gradient in zip(parameters, gradients, strict=True):
        flat, expected = parameter.reshape(-1), np.asarray(gradient).reshape(-1)
        for i in range(flat.size):
            middle = flat[i]
            flat[i] = middle + step
            above = loss()
            flat[i] = middle - step
            below = loss()
            flat[i] = middle
            assert (above - below) / (2 * step) == pytest.approx(expected[i], rel=1e-4, abs=1e-7)


def test_dead_units_are_counted(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import dead_units

    rng = np.random.default_rng(7)
    images = rng.standard_normal((50, 5)).astype(np.float32)
    counts = {}
    for name, make in dead_units.ACTIVATIONS.items():
        monkeypatch.setattr(dead_units.digits, "HIDDEN", (8, 8))
        network = dead_units.Network.random((5, 8, 8, 3), make(), seed=1)
        network.biases[0][:2] = -7
        counts[name] = dead_units.dead_share(network, images)
    assert counts.pop("ReLU") >= 2 / 16
    assert set(counts.values()) == {0.0}
    outcomes = {name: dead_units.Outcome(0.9, 0.1, 3.0) for name in dead_units.ACTIVATIONS}
    dead_units.draw(outcomes, str(tmp_path / "picture.svg"))
    assert "GELU by tanh" in (tmp_path / "picture.svg").read_text()
