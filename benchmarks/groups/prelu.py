"""PReLU and its gradient with one thread, against NumPy: slopes for channels, and as model files hold them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastlrelu as fl
from timing import Candidates, Result, normal, ratios

# The shape of x, and the axis of its channels.
CHANNELS = (((8, 64, 56, 56), 1), ((8, 56, 56, 64), -1))
# The shape of x, whether it is seen as channels first, and the shapes of weights that model files hold for it.
WEIGHTS: list[tuple[tuple[int, ...], bool, dict[str, tuple[int, ...]]]] = [
    ((8, 64, 56, 56), False, {"shared": (1,), "channels": (64, 1, 1), "elements": (64, 56, 56)}),
    ((8, 56, 56, 64), False, {"shared": (1,), "channels": (1, 1, 64), "elements": (56, 56, 64)}),
    ((8, 56, 56, 64), True, {"shared": (1,), "channels": (64, 1, 1)}),
]


def channel_operands() -> Iterator[tuple[str, int, np.ndarray, np.ndarray, np.ndarray]]:
    for shape, axis in CHANNELS:
        yield f"{shape} axis {axis}", axis, normal(shape), normal(shape)[::-1].copy(), np.abs(normal(64))


def shaped_operands() -> Iterator[tuple[str, str, np.ndarray, np.ndarray, np.ndarray]]:
    for shape, view, weights in WEIGHTS:
        x, g = normal(shape), normal(shape)[::-1].copy()
        if view:
            x, g = (np.moveaxis(a, -1, 1) for a in (x, g))
        for kind, weight_shape in weights.items():
            name = f"{x.shape}{', channels-last view' if view else ''}, weight {weight_shape}"
            yield kind, name, x, g, np.abs(normal(weight_shape))


def prelu() -> Iterator[Result]:
    for name, axis, x, g, w in channel_operands():
        slopes = w if axis == -1 else w[:, None, None]
        others = tuple(i for i in range(4) if i != axis % 4)
        candidates: Candidates = {
            "np.where": lambda: np.where(x > 0, x, slopes * x),
            "prelu": lambda: fl.prelu(x, w, axis),
            "NumPy": lambda: (np.where(x > 0, g, slopes * g), np.where(x > 0, 0, x * g).sum(axis=others)),
            "prelu_grad": lambda: fl.prelu_grad(g, x, w, axis),
        }
        yield from ratios(name, candidates, {"np.where / prelu": 25.0, "NumPy / prelu_grad": 10.0})


def prelu_shapes() -> Iterator[Result]:
    act = fl.LeakyReLU(0.25)
    for kind, name, x, g, w in shaped_operands():
        out = np.zeros_like(x)
        axis = 3 if w.shape[-1] > 1 else 1
        like = {
            "shared": ("LeakyReLU()", lambda: act(x, out), 0.95),
            "channels": ("one axis", lambda: fl.prelu(x, w.reshape(-1), axis, out), 0.95),
            "elements": ("LeakyReLU().add, which reads one more array", lambda: act.add(x, g, out), 0.8),
        }
        other, call, least = like[kind]
        if kind != "shared" or x.flags.c_contiguous:
            candidates: Candidates = {"prelu": lambda: fl.prelu(x, w, out=out), other: call}
            yield from ratios(f"{name}", candidates, {f"{other} / prelu": least})
    for _, name, x, g, w in shaped_operands():
        out = np.zeros_like(x)
        first = x.ndim - w.ndim
        others = tuple(i for i in range(x.ndim) if i < first or w.shape[i - first] == 1)
        candidates = {
            "NumPy": lambda: (
                np.where(x > 0, g, w * g),
                np.where(x > 0, 0, x * g).sum(axis=others).reshape(w.shape),
            ),
            "prelu_grad": lambda: fl.prelu_grad(g, x, w),
            "prelu_grad, out=": lambda: fl.prelu_grad(g, x, w, out=out),
        }
        wanted = {"NumPy / prelu_grad": 10.0, "NumPy / prelu_grad, out=": 10.0}
        yield from ratios(name, candidates, wanted, rounds=9)
