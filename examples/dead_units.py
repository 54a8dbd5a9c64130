"""ReLU, leaky ReLU, PReLU, ELU and GELU side by side on handwritten digits: accuracy, dead units, time.

    python examples/dead_units.py [--picture dead_units.svg]

A hidden unit is dead if not one training image gives it a gradient: it cannot learn any more. Each activation trains
the network of `digits.py` from two seeds. The program exits with 1 unless ReLU has dead units and the others have none,
and unless all learn the digits.

Needs scikit-learn for the digits and matplotlib for the picture: pip install 'fastlrelu[test]'
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).parent))
import digits
from digits import Array, Network, PlainReLU, PReLU, WithFastlrelu

import fastlrelu as fl

HIDDEN = (128, 128)
SEEDS = (1, 2)
EPOCHS = 12
LEARNING_RATE = 0.2


class Activation:
    """Any of the callables, as the network wants it."""

    def __init__(self, act: fl.ELU | fl.GELU) -> None:
        self.act = act

    def forward(self, x: Array, layer: int) -> Array:
        result: Array = self.act(x)
        return result

    def backward(self, grad_output: Array, x: Array, layer: int) -> Array:
        result: Array = self.act.grad(grad_output, x)
        return result


ACTIVATIONS: dict[str, Any] = {
    "ReLU": PlainReLU,
    "leaky ReLU": WithFastlrelu,
    "PReLU": PReLU,
    "ELU": lambda: Activation(fl.ELU()),
    "GELU": lambda: Activation(fl.GELU()),
    "GELU by tanh": lambda: Activation(fl.GELU("tanh")),
}


@dataclass
class Outcome:
    """Means over the seeds: the share of right answers, the share of dead units, milliseconds in activations."""

    accuracy: float
    dead: float
    milliseconds: float


def dead_share(network: Network, images: Array) -> float:
    sums = network.forward(images)[1][:-1]
    gradients = [network.activation.backward(np.ones_like(s), s, layer) for layer, s in enumerate(sums)]
    return float(np.concatenate([~(g != 0).any(axis=0) for g in gradients]).mean())


def outcome(make: Any) -> Outcome:
    data = load_digits()
    images, labels = (data.data / 16).astype(np.float32), data.target
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1400], order[1400:]
    found = []
    for seed in SEEDS:
        network = Network.random((images.shape[1], *digits.HIDDEN, 10), make(), seed)
        network.train(images[train], labels[train], seed)
        seconds = network.activation_seconds
        found.append((network.accuracy(images[test], labels[test]), dead_share(network, images[train]), seconds * 1e3))
    return Outcome(*np.mean(found, axis=0).tolist())


def draw(outcomes: dict[str, Outcome], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "dead units", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(9, 2.6), sharey=True, layout="constrained")
    names = list(outcomes)[::-1]
    panels = [
        ("test accuracy, %", [100 * outcomes[n].accuracy for n in names], "#4477aa"),
        ("dead units, %", [100 * outcomes[n].dead for n in names], "#cc6677"),
        ("time in activations, ms", [outcomes[n].milliseconds for n in names], "#999933"),
    ]
    for axis, (title, values, colour) in zip(axes, panels, strict=True):
        bars = axis.barh(names, values, color=colour)
        axis.bar_label(bars, fmt="%.1f", padding=2)
        axis.set_title(title, fontsize=9)
        axis.set_xlim(0, 1.25 * max(values))
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", help="where the SVG is written")
    given = parser.parse_args()
    digits.HIDDEN, digits.EPOCHS, digits.LEARNING_RATE = HIDDEN, EPOCHS, LEARNING_RATE
    outcomes = {name: outcome(make) for name, make in ACTIVATIONS.items()}
    print(f"layers 64, {', '.join(map(str, digits.HIDDEN))}, 10; {EPOCHS} epochs; means of {len(SEEDS)} seeds")
    print(f"{'':14}{'test accuracy':>14}{'dead units':>12}{'in activations':>16}")
    for name, o in outcomes.items():
        print(f"{name:14}{o.accuracy:14.2%}{o.dead:12.2%}{o.milliseconds:13.1f} ms")
    if given.picture:
        draw(outcomes, given.picture)
    others = [o for name, o in outcomes.items() if name != "ReLU"]
    alive = outcomes["ReLU"].dead > 0 and all(o.dead == 0 for o in others)
    learned = all(o.accuracy > 0.9 for o in outcomes.values())
    print(
        f"dead units with ReLU alone: {'yes' if alive else 'NO'}; all learned the digits: {'yes' if learned else 'NO'}"
    )
    return 0 if alive and learned else 1


if __name__ == "__main__":
    sys.exit(main())
