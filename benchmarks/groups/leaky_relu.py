"""Leaky ReLU with one thread, against NumPy."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

import fastlrelu as fl
from timing import Candidates, Result, medians, normal, ratios, size

from .settings import at_level

SIZES = (4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20)
act = fl.LeakyReLU()
same = fl.LeakyReLU(1.0)


def three_ways(x: np.ndarray, out: np.ndarray, y: np.ndarray) -> Candidates:
    return {
        "out=": lambda: act(x, out),
        "new array": lambda: act(x),
        # Slope 1: many times over, a smaller one would make subnormals of all negative elements.
        "in place": lambda: fl.leaky_relu_(y, 1.0),
    }


def copies(x: np.ndarray, out: np.ndarray) -> Candidates:
    return {"np.copyto": lambda: np.copyto(out, x), "x.copy()": lambda: x.copy()}


def calls() -> Iterator[Result]:
    for n in (1, 16, 64, 256):
        x, y = normal(n), normal(n)
        candidates: Candidates = {
            "x.copy()": lambda: x.copy(),
            "LeakyReLU()(x)": lambda: act(x),
            "np.where": lambda: np.where(x > 0, x, 0.01 * x),
            "in place": lambda: fl.leaky_relu_(y, 1.0),
            "LeakyReLU()(x, out=x)": lambda: same(y, out=y),
            "ufunc": lambda: fl.leaky_relu(x, 0.01),
            "np.multiply": lambda: np.multiply(x, 0.01),
        }
        wanted = {
            "x.copy() / LeakyReLU()(x)": 1.0,
            "np.where / LeakyReLU()(x)": 15.0,
            "x.copy() / in place": 2.0,
            "x.copy() / LeakyReLU()(x, out=x)": 2.0,
            "np.multiply / ufunc": 1.0,
        }
        yield from ratios(f"n = {n}", candidates, wanted)


def sizes() -> Iterator[Result]:
    wanted = {"np.copyto / out=": 0.95, "x.copy() / new array": 0.95, "np.copyto / in place": 1.0}
    for dtype in (np.float32, np.float64):
        for n in SIZES:
            x, y = normal(n, dtype), normal(n, dtype)
            out = np.empty_like(x)
            yield from ratios(f"{size(n)} {x.dtype}", {**three_ways(x, out, y), **copies(x, out)}, wanted)


def halves() -> Iterator[Result]:
    import ml_dtypes

    from fastlrelu.dispatch import loops

    for dtype, wanted in ((np.float16, 150.0), (ml_dtypes.bfloat16, 60.0)):
        x = normal(1 << 20, dtype)
        slope = x.dtype.type(0.01)
        out = np.empty_like(x)
        candidates: Candidates = {
            "np.where": lambda: np.where(x > 0, x, slope * x),
            "new array": lambda: act(x),
            "out=": lambda: act(x, out),
        }
        yield from ratios(f"{x.dtype} 1 M", candidates, {"np.where / new array": wanted, "np.where / out=": wanted})
        if "avx512" in loops.levels():
            levels = {level: at_level(level, lambda: act(x, out)) for level in ("avx512", "avx2")}
            yield from ratios(f"{x.dtype} 1 M, SIMD levels", levels, {"avx512 / avx2": 0.5})
            loops.use_level(loops.levels()[0])


def gradient() -> Iterator[Result]:
    for n in (64 << 10, 1 << 20):
        x, g = normal(n), normal(n)[::-1].copy()
        candidates: Candidates = {
            "np.where": lambda: np.where(x > 0, g, 0.01 * g),
            "new array": lambda: act.grad(g, x),
        }
        yield from ratios(f"gradient {size(n)}", candidates, {"np.where / new array": 12.0})


def bias() -> Iterator[Result]:
    x, b = normal((4096, 1024)), normal(1024)
    candidates: Candidates = {
        "add_leaky_relu": lambda: fl.add_leaky_relu(x, b, 0.01),
        "LeakyReLU().add": lambda: act.add(x, b),
        # The ufunc gets the bias in copies from NumPy, as np.add does: nothing is asked beside that.
        "x + b": lambda: x + b,
        "x + b, then in place": lambda: fl.leaky_relu_(x + b, 0.01),
        "np.where": lambda: np.where(x + b > 0, x + b, 0.01 * (x + b)),
    }
    wanted = {
        f"{other} / {ours}": least
        for ours in ("LeakyReLU().add", "add_leaky_relu")
        for other, least in (("x + b, then in place", 1.8), ("np.where", 12.0))
    }
    yield from ratios("(4096, 1024) + (1024,)", candidates, {**wanted, "x + b / add_leaky_relu": 0.0})


def steps() -> Iterator[Result]:
    for k in range(1, 23):
        lengths = [2**k - 1, 2**k, 2**k + 1]
        pairs = [(normal(n), np.empty(n, np.float32)) for n in lengths]
        t = medians({str(x.size): lambda x=x, out=out: act(x, out) for x, out in pairs})
        per_element = [t[str(n)] / n for n in lengths]
        # Per call where the call itself costs more than its elements.
        per_call = [t[str(n)] for n in lengths]
        ratio = min(max(a) / min(a) for a in (per_element, per_call))
        yield Result(f"2^{k} and its neighbours: 1.25 / largest step", 1.25 / ratio, 1.0)


def strided() -> Iterator[Result]:
    x = normal((1000, 1000))
    views = {
        "x[:, ::2]": (x[:, ::2], 0.01),
        "x.T": (x.T, 0.01),
        "x[::-1, ::-1]": (x[::-1, ::-1], 0.01),
        "rows of 64": (x[:, 100:164], 0.01),
        "rows of 500": (x[:, 100:600], 0.01),
        "column slopes": (x, np.abs(normal((1000, 1)))),
        "row slopes": (x, np.abs(normal(1000))),
    }
    for name, (view, slope) in views.items():
        candidates: Candidates = {
            "np.where": lambda: np.where(view > 0, view, slope * view),
            "leaky_relu": lambda: fl.leaky_relu(view, slope),
        }
        yield from ratios(name, candidates, {"np.where / leaky_relu": 3.0})


def import_time() -> Iterator[Result]:
    code = "import numpy, time; s = time.perf_counter(); import fastlrelu; print(time.perf_counter() - s)"
    samples = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(15)
    ]
    yield Result("import: 15 ms / beyond import numpy", 0.015 / statistics.median(samples), 1.0)
