"""Leaky ReLU beyond the caches, and new arrays, with one thread and with two."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import fastlrelu as fl
from fastlrelu.bench.libraries.with_fastlrelu import inside
from fastlrelu.dispatch import loops
from timing import Candidates, Result, medians, normal, ratios, size

from .leaky_relu import act, copies, three_ways
from .settings import with_threads

LARGEST = 64 << 20


def huge() -> Iterator[Result]:
    x, y, out = normal(LARGEST), normal(LARGEST), np.zeros(LARGEST, np.float32)
    candidates = {**three_ways(x, out, y), **copies(x, out)}
    wanted = {"np.copyto / out=": 1.5, "np.copyto / in place": 1.9, "x.copy() / new array": 1.0}
    yield from ratios("64 M, 1 thread", candidates, wanted, rounds=9)
    candidates = {
        "x.copy()": lambda: x.copy(),
        "1 thread": lambda: act(x),
        "2 threads": with_threads(lambda: act(x), 2),
    }
    wanted = {"x.copy() / 2 threads": 1.8, "1 thread / 2 threads": 1.7}
    yield from ratios("64 M new array", candidates, wanted, rounds=9)
    yield Result("64 M new array: input plus output / growth of peak memory", memory_ratio(), 0.99)


def memory_ratio() -> float:
    code = (
        "import re, numpy as np, fastlrelu as fl\n"
        "x = np.ones(64 << 20, np.float32); act = fl.LeakyReLU(); act(x[:100])\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = peak(); y = act(x); print((peak() - before) * 1024 / y.nbytes)"
    )
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return 2 / (1 + float(grown.stdout))


def on_a_line(n: int) -> np.ndarray:
    """An array that begins at the start of a cache line."""
    whole = np.zeros(n + 16, np.float32)
    return whole[-(whole.ctypes.data // 4) % 16 :][:n]


def bare_loops() -> tuple[Callable[..., bytes | None], list[str]] | None:
    """The function of limits.c that runs one of its loops, and their names."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or platform.machine() != "x86_64":
        print("limits.c needs a C compiler and x86-64: left out", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "limits.so")
        source = Path(__file__).parents[1] / "limits.c"
        flags = ["-O3", "-fno-trapping-math", "-pthread", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, source, "-o", library], check=True)
        loop = ctypes.CDLL(library).limits_loop
    loop.restype = ctypes.c_char_p
    loop.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    names: list[str] = []
    while (name := loop(len(names), None, None, 0)) is not None:
        names.append(name.decode())
    return loop, names


def limits() -> Iterator[Result]:
    """Against the fastest of the bare loops in limits.c, which take turns with ours over the same arrays."""
    found = bare_loops()
    if found is None:
        return
    loop, names = found
    for n, wanted in ((1 << 20, 0.92), (4 << 20, 0.92), (16 << 20, 0.95), (64 << 20, 0.95)):
        x, y, out = on_a_line(n), on_a_line(n), on_a_line(n)
        x[:] = y[:] = normal(n)
        ours = three_ways(x, out, y)
        for way, target, beginnings in (("out=", out, ("out=", "streaming")), ("in place", y, ("in place",))):
            bare: Candidates = {
                name: lambda i=i: loop(i, target.ctypes.data, x.ctypes.data, n)
                for i, name in enumerate(names)
                if name.startswith(beginnings)
            }
            t = medians(bare, rounds=11)
            best = min(bare, key=lambda name: t[name])
            # Alone with it, since each finds in the caches what the one before has left there.
            t = medians({"ours": ours[way], best: bare[best]}, rounds=11)
            yield Result(f"{size(n)} {way}: best bare loop ({best}) / ours", t[best] / t["ours"], wanted)


def reuse() -> Iterator[Result]:
    """New arrays in memory that is used again; copies and `np.where` too, for which nothing is asked."""
    memory = fl.reuse_memory(1 << 30)
    for n in (1 << 20, 8 << 20, LARGEST):
        x = normal(n)
        out = np.zeros(n, np.float32)
        plain: Candidates = {
            "new array": lambda: act(x),
            "x.copy()": lambda: x.copy(),
            "np.where": lambda: np.where(x > 0, x, 0.01 * x),
        }
        reused = {f"{name}, reused": inside(memory, call) for name, call in plain.items()}
        wanted = {f"{name} / {name}, reused": 0.9 if name == "new array" else 0.0 for name in plain}
        if n == LARGEST:
            wanted["out= / new array, reused"] = 0.9
        yield from ratios(size(n), {"out=": lambda: act(x, out), **plain, **reused}, wanted, rounds=9)
    fl.release_memory()


def streaming() -> Iterator[Result]:
    """Whether the threshold is where plain and streaming stores cross."""
    threshold = loops.stream_threshold()

    def from_bytes(nbytes: int, x: np.ndarray, out: np.ndarray) -> Callable[[], object]:
        def call() -> None:
            loops.set_stream_threshold(nbytes)
            act(x, out)

        return call

    # Where streaming is faster although less is asked for, the output is left in the cache for the next operation.
    for share in (0.5, 1.0, 1.5, 2.0, 4.0):
        n = int(share * threshold) // 8
        x, out = normal(n), np.zeros(n, np.float32)
        candidates = {"plain": from_bytes(1 << 60, x, out), "streaming": from_bytes(1, x, out)}
        chosen = "plain / streaming" if share >= 1 else "streaming / plain"
        yield from ratios(f"out=, traffic {share} times the threshold", candidates, {chosen: 0.8})
    loops.set_stream_threshold(threshold)
