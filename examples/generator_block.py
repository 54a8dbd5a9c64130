"""Let ``fastlrelu rewrite`` change a generator of super-resolution images, and compare before and after.

generator_layers.py has the block as people write it in NumPy, with np.where. A copy of it in a temporary folder goes
through ``fastlrelu rewrite --write``; then both run on the same images in turn. The program prints the difference that
the rewriter made and both times, and exits with 1 unless the outputs are equal bit for bit.

Needs the rewriter: pip install 'fastlrelu[rewrite]'
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

BEFORE = Path(__file__).with_name("generator_layers.py")


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rewrite(source: Path, folder: Path) -> Path:
    """A rewritten copy of a module, made by the command that a user would type."""
    copy = folder / source.name
    shutil.copyfile(source, copy)
    subprocess.run([sys.executable, "-m", "fastlrelu", "rewrite", "--write", "--quiet", copy], check=True, timeout=60)
    return copy


def changes(before: Path, after: Path) -> str:
    old, new = (path.read_text(encoding="utf-8").splitlines(keepends=True) for path in (before, after))
    return "".join(difflib.unified_diff(old, new, "before", "after", n=0))


def median_seconds(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Medians of calls that are made in turn, so that what else the machine does falls on all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for measured, call in zip(times, calls, strict=True):
            start = time.perf_counter()
            call()
            measured.append(time.perf_counter() - start)
    return [statistics.median(measured) for measured in times]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--size", type=int, default=64, help="height and width")
    parser.add_argument("--channels", type=int, default=64, help="of the images; the paper has 64")
    parser.add_argument("--growth", type=int, default=32, help="channels that each layer adds; the paper has 32")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = rewrite(BEFORE, Path(folder))
        print(changes(BEFORE, path))
        before, after = load("before", BEFORE), load("after", path)
    weights, biases = before.parameters(options.channels, options.growth, seed=1)
    shape = (options.images, options.size, options.size, options.channels)
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    wanted, got = (module.generator_block(x, weights, biases) for module in (before, after))
    blocks = [lambda m=module: m.generator_block(x, weights, biases) for module in (before, after)]
    sums = before.convolve(x, weights[0], biases[0])
    activations = [lambda m=module: m.leaky_relu(sums) for module in (before, after)]
    for what, calls in (("whole block", blocks), ("one activation", activations)):
        old, new = median_seconds(calls, options.rounds)
        print(f"{what}: {old * 1e3:.2f} ms with np.where, {new * 1e3:.2f} ms rewritten, ratio {old / new:.2f}")
    equal = got.dtype == wanted.dtype and got.tobytes() == wanted.tobytes()
    rewritten = "fastlrelu" in vars(after)
    print(
        f"output: {'equal bit for bit' if equal else 'DIFFERENT'}{'' if rewritten else ', but nothing was rewritten'}"
    )
    return 0 if equal and rewritten else 1


if __name__ == "__main__":
    sys.exit(main())
