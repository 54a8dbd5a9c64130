"""The speed targets: what each asks, what this machine gives, and what falls short.

    python benchmarks/targets.py [GROUP...]

Every figure is a ratio within one process: candidates in turn, medians of many rounds. PyTorch cells need torch, which
is imported first there, so that both use one OpenMP. Nothing else may run on the machine meanwhile. Exits with 1 if a
target is missed.
"""

from __future__ import annotations

import argparse
import contextvars
import ctypes
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

GROUPS = [
    "calls",
    "sizes",
    "huge",
    "limits",
    "reuse",
    "streaming",
    "halves",
    "gradient",
    "bias",
    "prelu",
    "prelu-shapes",
    "threads",
    "layers",
    "steps",
    "strided",
    "import",
    "torch-calls",
    "torch-sizes",
    "torch-halves",
    "torch-gradient",
    "torch-prelu",
    "torch-prelu-shapes",
]

if len(sys.argv) > 2 and sys.argv[1] == "--measure" and sys.argv[2].startswith("torch"):
    import torch

import numpy as np

import fastlrelu as fl

Candidates = dict[str, Callable[[], object]]


@dataclass
class Result:
    """One target: a ratio that should be at least ``wanted``."""

    what: str
    measured: float
    wanted: float

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted


def medians(
    candidates: Candidates, rounds: int = 25, round_seconds: float = 0.002, pause: float = 0.0
) -> dict[str, float]:
    """Median seconds per call of each candidate; the candidates take turns in every round.

    With a ``pause`` between them, after which the idle threads of the one before no longer spin on the cores.
    """

    def seconds(call: Callable[[], object], calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) / calls

    calls = {}
    for name, call in candidates.items():
        # The first calls of all are slower, which would give the first candidate shorter rounds.
        fastest = min(seconds(call, 1) for _ in range(5))
        calls[name] = max(1, int(round_seconds / max(fastest, 1e-8)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            time.sleep(pause)
            # Untimed: what the candidate before or the pause took out of the caches, or gave back to the system.
            seconds(call, 1 + calls[name] // 4)
            samples[name].append(seconds(call, calls[name]))
    return {name: statistics.median(values) for name, values in samples.items()}


def normal(shape: int | tuple[int, ...], dtype: object = np.float32) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


def size(n: int) -> str:
    for unit, factor in (("M", 1 << 20), ("K", 1 << 10)):
        if n >= factor and n % factor == 0:
            return f"{n // factor} {unit}"
    return str(n)


def calls() -> Iterator[Result]:
    act = fl.LeakyReLU()
    same = fl.LeakyReLU(1.0)
    for n in (1, 16, 64, 256):
        x, y = normal(n), normal(n)
        t = medians(
            {
                "copy": lambda x=x: x.copy(),
                "act": lambda x=x: act(x),
                "where": lambda x=x: np.where(x > 0, x, 0.01 * x),
                "in place": lambda y=y: fl.leaky_relu_(y, 1.0),
                "out=x": lambda y=y: same(y, out=y),
                "ufunc": lambda x=x: fl.leaky_relu(x, 0.01),
                "multiply": lambda x=x: np.multiply(x, 0.01),
            }
        )
        yield Result(f"n = {n}: x.copy() / LeakyReLU()(x)", t["copy"] / t["act"], 1.0)
        yield Result(f"n = {n}: np.where / LeakyReLU()(x)", t["where"] / t["act"], 15.0)
        yield Result(f"n = {n}: x.copy() / in place", t["copy"] / t["in place"], 2.0)
        yield Result(f"n = {n}: x.copy() / LeakyReLU()(x, out=x)", t["copy"] / t["out=x"], 2.0)
        yield Result(f"n = {n}: np.multiply / ufunc", t["multiply"] / t["ufunc"], 1.0)


def torch_calls() -> Iterator[Result]:
    torch.set_num_threads(1)
    act = fl.LeakyReLU()
    for n in (1, 16, 64, 256):
        x = normal(n)
        tensor = torch.from_numpy(x)
        t = medians(
            {
                "act": lambda x=x: act(x),
                "torch": lambda tensor=tensor: torch.nn.functional.leaky_relu(tensor, 0.01),
            }
        )
        yield Result(f"n = {n}: PyTorch / LeakyReLU()(x)", t["torch"] / t["act"], 8.0)


def three_ways(x: np.ndarray, out: np.ndarray, y: np.ndarray) -> Candidates:
    act = fl.LeakyReLU()
    return {
        "out=": lambda: act(x, out),
        "new": lambda: act(x),
        # Slope 1: many times over, a smaller one would make subnormals of all negative elements.
        "in place": lambda: fl.leaky_relu_(y, 1.0),
    }


def sizes() -> Iterator[Result]:
    fl.set_num_threads(1)
    for dtype in (np.float32, np.float64):
        for n in (4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20):
            x, y = normal(n, dtype), normal(n, dtype)
            out = np.empty_like(x)
            t = medians(
                {
                    **three_ways(x, out, y),
                    "copyto": lambda x=x, out=out: np.copyto(out, x),
                    "copy": lambda x=x: x.copy(),
                }
            )
            name = f"{size(n)} {np.dtype(dtype)}"
            yield Result(f"{name}: np.copyto / out=", t["copyto"] / t["out="], 0.95)
            yield Result(f"{name}: x.copy() / new array", t["copy"] / t["new"], 0.95)
            yield Result(f"{name}: np.copyto / in place", t["copyto"] / t["in place"], 1.0)


def torch_sizes() -> Iterator[Result]:
    for threads in (1, 2):
        fl.set_num_threads(threads)
        torch.set_num_threads(threads)
        for dtype in (np.float32, np.float64):
            for n in (4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20):
                x, y = normal(n, dtype), normal(n, dtype)
                out = np.empty_like(x)
                a, b, c = (torch.from_numpy(v) for v in (x, y.copy(), out.copy()))
                t = medians(
                    {
                        **three_ways(x, out, y),
                        "torch out=": lambda a=a, c=c: torch.ops.aten.leaky_relu.out(a, 0.01, out=c),
                        "torch new": lambda a=a: torch.nn.functional.leaky_relu(a, 0.01),
                        "torch in place": lambda b=b: torch.nn.functional.leaky_relu_(b, 1.0),
                    },
                    pause=0.01 if threads > 1 else 0.0,
                )
                for way in ("out=", "new", "in place"):
                    name = f"{size(n)} {np.dtype(dtype)}, {threads} thread(s): PyTorch / {way}"
                    yield Result(name, t[f"torch {way}"] / t[way], 1.0)


def huge() -> Iterator[Result]:
    n = 64 << 20
    x, y, out = normal(n), normal(n), np.zeros(n, np.float32)
    fl.set_num_threads(1)
    t = medians({**three_ways(x, out, y), "copyto": lambda: np.copyto(out, x), "copy": lambda x=x: x.copy()}, rounds=9)
    yield Result("64 M: np.copyto / out=", t["copyto"] / t["out="], 1.5)
    yield Result("64 M: np.copyto / in place", t["copyto"] / t["in place"], 1.9)
    yield Result("64 M: x.copy() / new array, 1 thread", t["copy"] / t["new"], 1.0)
    act = fl.LeakyReLU()

    def with_two_threads() -> object:
        with fl.num_threads(2):
            return act(x)

    t = medians({"copy": lambda x=x: x.copy(), "one": lambda: act(x), "two": with_two_threads}, rounds=9)
    yield Result("64 M: x.copy() / new array, 2 threads", t["copy"] / t["two"], 1.8)
    yield Result("64 M new array: 1 thread / 2 threads", t["one"] / t["two"], 1.7)
    yield Result("64 M new array: input plus output / growth of peak memory", memory_ratio(), 0.99)


def on_a_line(n: int) -> np.ndarray:
    """An array that begins at the start of a cache line."""
    whole = np.zeros(n + 16, np.float32)
    return whole[-(whole.ctypes.data // 4) % 16 :][:n]


def limits() -> Iterator[Result]:
    """Against the fastest of the bare loops in limits.c, which take turns with ours over the same arrays."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or platform.machine() != "x86_64":
        print("limits.c needs a C compiler and x86-64: left out", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "limits.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "limits.c")
        flags = ["-O3", "-fno-trapping-math", "-pthread", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, source, "-o", library], check=True)
        loop = ctypes.CDLL(library).limits_loop
    loop.restype = ctypes.c_char_p
    loop.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    names = iter(lambda: loop(len(seen), None, None, 0), None)
    seen: list[str] = []
    for name in names:
        seen.append(name.decode())
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    for n, wanted in ((1 << 20, 0.92), (4 << 20, 0.92), (16 << 20, 0.95), (64 << 20, 0.95)):
        x, y, out = on_a_line(n), on_a_line(n), on_a_line(n)
        x[:] = y[:] = normal(n)
        ours: Candidates = {
            "out=": lambda x=x, out=out: act(x, out),
            "in place": lambda y=y: fl.leaky_relu_(y, 1.0),
        }
        for way, call in ours.items():
            target = y if way == "in place" else out
            bare: Candidates = {
                name: lambda i=i, t=target.ctypes.data, s=x.ctypes.data, n=n: loop(i, t, s, n)
                for i, name in enumerate(seen)
                if name.startswith("in place" if way == "in place" else ("out=", "streaming"))
            }
            t = medians({"ours": call, **bare}, rounds=11)
            best = min(bare, key=lambda name: t[name])
            yield Result(f"{size(n)} {way}: best bare loop ({best}) / ours", t[best] / t["ours"], wanted)


def reuse() -> Iterator[Result]:
    """New arrays in memory that is used again; `np.where` too, for which nothing is asked."""
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    memory = fl.reuse_memory(1 << 30)

    def inside(call: Callable[[], object]) -> Callable[[], object]:
        context = contextvars.copy_context()
        context.run(memory.__enter__)
        return lambda: context.run(call)

    for n in (1 << 20, 8 << 20, 64 << 20):
        x = normal(n)
        out = np.zeros(n, np.float32)
        plain: Candidates = {
            "new": lambda x=x: act(x),
            "copy": lambda x=x: x.copy(),
            "where": lambda x=x: np.where(x > 0, x, 0.01 * x),
        }
        reused = {f"{name}, reused": inside(call) for name, call in plain.items()}
        t = medians({"out=": lambda x=x, out=out: act(x, out), **plain, **reused}, rounds=9)
        if n == 64 << 20:
            yield Result(f"{size(n)}: out= / new array, reused", t["out="] / t["new, reused"], 0.9)
        yield Result(f"{size(n)}: new array / the same, reused", t["new"] / t["new, reused"], 0.9)
        for name in ("copy", "where"):
            ratio = t[name] / t[f"{name}, reused"]
            print(f"{size(n)}: {name}, without / with reused memory: {ratio:.2f}", file=sys.stderr)
        print({name: f"{1e3 * seconds:.2f} ms" for name, seconds in t.items()}, file=sys.stderr)
    fl.release_memory()


def streaming() -> Iterator[Result]:
    """Whether the threshold is where plain and streaming stores cross."""
    from fastlrelu.dispatch import caches, loops

    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    threshold = loops.stream_threshold()
    cache = max(caches.cache_sizes().values())
    # Where streaming is faster although less is asked for, the output is left in the cache for the next operation.
    for share in (0.5, 1.0, 1.5, 2.0, 4.0):
        n = int(share * cache) // 8
        x, out = normal(n), np.zeros(n, np.float32)

        def with_threshold(nbytes: int, x: np.ndarray = x, out: np.ndarray = out) -> Callable[[], object]:
            def call() -> None:
                loops.set_stream_threshold(nbytes)
                act(x, out)

            return call

        t = medians({"plain": with_threshold(1 << 60), "streaming": with_threshold(1)})
        chosen, other = ("streaming", "plain") if 8 * n >= threshold else ("plain", "streaming")
        yield Result(f"out=, traffic {share} times the last-level cache: {other} / {chosen}", t[other] / t[chosen], 0.8)
    loops.set_stream_threshold(threshold)


def memory_ratio() -> float:
    code = (
        "import re, numpy as np, fastlrelu as fl\n"
        "x = np.ones(64 << 20, np.float32); act = fl.LeakyReLU(); act(x[:100])\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = peak(); y = act(x); print((peak() - before) * 1024 / y.nbytes)"
    )
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return 2 / (1 + float(grown.stdout))


def halves() -> Iterator[Result]:
    import ml_dtypes

    from fastlrelu.dispatch import loops

    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    for dtype, wanted in ((np.float16, 150.0), (ml_dtypes.bfloat16, 60.0)):
        x = normal(1 << 20, dtype)
        slope = x.dtype.type(0.01)
        out = np.empty_like(x)
        t = medians(
            {
                "where": lambda x=x, slope=slope: np.where(x > 0, x, slope * x),
                "new": lambda x=x: act(x),
                "out=": lambda x=x, out=out: act(x, out),
            }
        )
        yield Result(f"{x.dtype} 1 M: np.where / new array", t["where"] / t["new"], wanted)
        yield Result(f"{x.dtype} 1 M: np.where / out=", t["where"] / t["out="], wanted)
        if "avx512" in loops.levels():

            def at(level: str, x: np.ndarray = x, out: np.ndarray = out) -> Callable[[], object]:
                def call() -> None:
                    loops.use_level(level)
                    act(x, out)

                return call

            t = medians({"avx512": at("avx512"), "avx2": at("avx2")})
            loops.use_level(loops.levels()[0])
            yield Result(f"{x.dtype} 1 M: AVX-512 / AVX2 level", t["avx512"] / t["avx2"], 0.5)


def torch_halves() -> Iterator[Result]:
    import ml_dtypes

    torch.set_num_threads(1)
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    for dtype, kind, wanted in (
        (np.float16, torch.float16, 1.6),
        (ml_dtypes.bfloat16, torch.bfloat16, 1.8),
    ):
        x = normal(1 << 20, dtype)
        out = np.empty_like(x)
        tensor = torch.from_numpy(x.view(np.int16)).view(kind)
        into = torch.empty_like(tensor)
        t = medians(
            {
                "new": lambda x=x: act(x),
                "out=": lambda x=x, out=out: act(x, out),
                "torch new": lambda a=tensor: torch.nn.functional.leaky_relu(a, 0.01),
                "torch out=": lambda a=tensor, c=into: torch.ops.aten.leaky_relu.out(a, 0.01, out=c),
            }
        )
        for way in ("new", "out="):
            yield Result(f"{x.dtype} 1 M: PyTorch / {way}", t[f"torch {way}"] / t[way], wanted)


def gradient() -> Iterator[Result]:
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    for n in (64 << 10, 1 << 20):
        x, g = normal(n), normal(n)[::-1].copy()
        t = medians(
            {
                "where": lambda x=x, g=g: np.where(x > 0, g, 0.01 * g),
                "grad": lambda x=x, g=g: act.grad(g, x),
            }
        )
        yield Result(f"gradient {size(n)}: np.where / new array", t["where"] / t["grad"], 12.0)


def torch_gradient() -> Iterator[Result]:
    torch.set_num_threads(1)
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
    for n in (64 << 10, 1 << 20):
        x, g = normal(n), normal(n)[::-1].copy()
        a, b = torch.from_numpy(x), torch.from_numpy(g)
        t = medians(
            {
                "grad": lambda x=x, g=g: act.grad(g, x),
                "torch": lambda a=a, b=b: torch.ops.aten.leaky_relu_backward(b, a, 0.01, False),
            }
        )
        yield Result(f"gradient {size(n)}: PyTorch / new array", t["torch"] / t["grad"], 1.2)


def bias() -> Iterator[Result]:
    fl.set_num_threads(1)
    x, b = normal((4096, 1024)), normal(1024)
    act = fl.LeakyReLU()
    t = medians(
        {
            "ufunc": lambda: fl.add_leaky_relu(x, b, 0.01),
            "add": lambda: act.add(x, b),
            "x + b": lambda: x + b,
            "two passes": lambda: fl.leaky_relu_(x + b, 0.01),
            "where": lambda: np.where(x + b > 0, x + b, 0.01 * (x + b)),
        }
    )
    for name, ours in (("LeakyReLU().add", "add"), ("add_leaky_relu", "ufunc")):
        yield Result(f"(4096, 1024) + (1024,): x + b, then in place / {name}", t["two passes"] / t[ours], 1.8)
        yield Result(f"(4096, 1024) + (1024,): np.where / {name}", t["where"] / t[ours], 12.0)
    # The ufunc gets the bias in copies from NumPy, as np.add does: that alone takes this share of its time.
    print(f"x + b alone / add_leaky_relu: {t['x + b'] / t['ufunc']:.2f}", file=sys.stderr)


PRELU_SHAPES = (((8, 64, 56, 56), 1), ((8, 56, 56, 64), -1))


def prelu() -> Iterator[Result]:
    fl.set_num_threads(1)
    for shape, axis in PRELU_SHAPES:
        x, g, w = normal(shape), normal(shape)[::-1].copy(), np.abs(normal(64))
        slopes = w if axis == -1 else w[:, None, None]
        others = tuple(i for i in range(4) if i != axis % 4)
        t = medians(
            {
                "where": lambda x=x, s=slopes: np.where(x > 0, x, s * x),
                "prelu": lambda x=x, w=w, axis=axis: fl.prelu(x, w, axis),
                "numpy grad": lambda x=x, g=g, s=slopes, others=others: (
                    np.where(x > 0, g, s * g),
                    np.where(x > 0, 0, x * g).sum(axis=others),
                ),
                "grad": lambda x=x, g=g, w=w, axis=axis: fl.prelu_grad(g, x, w, axis),
            }
        )
        yield Result(f"prelu {shape} axis {axis}: np.where", t["where"] / t["prelu"], 25.0)
        yield Result(f"prelu_grad {shape} axis {axis}: NumPy", t["numpy grad"] / t["grad"], 30.0)


def torch_prelu() -> Iterator[Result]:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        fl.set_num_threads(threads)
        for shape, axis in PRELU_SHAPES:
            x, g, w = normal(shape), normal(shape)[::-1].copy(), np.abs(normal(64))
            a, b, c = (torch.from_numpy(v) for v in (x, g, w))
            if axis == -1:
                a, b = a.permute(0, 3, 1, 2), b.permute(0, 3, 1, 2)
            t = medians(
                {
                    "prelu": lambda x=x, w=w, axis=axis: fl.prelu(x, w, axis),
                    "torch": lambda a=a, c=c: torch.nn.functional.prelu(a, c),
                },
                pause=0.01 if threads > 1 else 0.0,
            )
            name = f"{shape} axis {axis}, {threads} thread(s): PyTorch"
            yield Result(f"prelu {name}", t["torch"] / t["prelu"], 1.0)
            if threads == 1:
                # Apart: its temporaries decide whether others get their memory from the system or from the heap.
                t = medians(
                    {
                        "grad": lambda x=x, g=g, w=w, axis=axis: fl.prelu_grad(g, x, w, axis),
                        "torch grad": lambda a=a, b=b, c=c: torch_prelu_backward(b, a, c),
                    }
                )
                yield Result(f"prelu_grad {name}", t["torch grad"] / t["grad"], 20.0)


def torch_prelu_backward(grad, x, weight):  # type: ignore[no-untyped-def]
    grad_x, full = torch.ops.aten._prelu_kernel_backward(grad, x, weight.reshape(1, -1, 1, 1))
    return grad_x, full.sum(dim=(0, 2, 3))


# The shape of x, whether it is seen as channels first, and the shapes of weights that model files hold for it.
PRELU_WEIGHTS: list[tuple[tuple[int, ...], bool, dict[str, tuple[int, ...]]]] = [
    ((8, 64, 56, 56), False, {"shared": (1,), "channels": (64, 1, 1), "elements": (64, 56, 56)}),
    ((8, 56, 56, 64), False, {"shared": (1,), "channels": (1, 1, 64), "elements": (56, 56, 64)}),
    ((8, 56, 56, 64), True, {"shared": (1,), "channels": (64, 1, 1)}),
]


def prelu_operands() -> Iterator[tuple[str, str, np.ndarray, np.ndarray, np.ndarray]]:
    for shape, view, weights in PRELU_WEIGHTS:
        x, g = normal(shape), normal(shape)[::-1].copy()
        if view:
            x, g = (np.moveaxis(a, -1, 1) for a in (x, g))
        for kind, weight_shape in weights.items():
            weight = np.abs(normal(weight_shape))
            yield kind, f"{x.shape}{', channels-last view' if view else ''}, weight {weight_shape}", x, g, weight


def prelu_shapes() -> Iterator[Result]:
    fl.set_num_threads(1)
    for kind, name, x, g, w in prelu_operands():
        out, act = np.zeros_like(x), fl.LeakyReLU(0.25)
        forward: Candidates = {"prelu": lambda x=x, w=w, out=out: fl.prelu(x, w, out=out)}
        if kind == "shared" and not x.flags.c_contiguous:
            continue
        if kind == "shared":
            forward["other"] = lambda x=x, act=act, out=out: act(x, out)
            other, wanted = "LeakyReLU()", 0.95
        elif kind == "channels":
            axis = 3 if w.shape[-1] > 1 else 1
            one = w.reshape(-1)
            forward["other"] = lambda x=x, one=one, axis=axis, out=out: fl.prelu(x, one, axis, out)
            other, wanted = f"a weight of shape (64,) on axis {axis}", 0.95
        else:
            forward["other"] = lambda x=x, g=g, act=act, out=out: act.add(x, g, out)
            other, wanted = "LeakyReLU().add, which reads one more array", 0.8
        t = medians(forward)
        yield Result(f"prelu {name}: {other}", t["other"] / t["prelu"], wanted)
    for _, name, x, g, w in prelu_operands():
        out = np.zeros_like(x)
        first = x.ndim - w.ndim
        others = tuple(i for i in range(x.ndim) if i < first or w.shape[i - first] == 1)
        t = medians(
            {
                "numpy": lambda x=x, g=g, w=w, others=others: (
                    np.where(x > 0, g, w * g),
                    np.where(x > 0, 0, x * g).sum(axis=others).reshape(w.shape),
                ),
                "grad": lambda x=x, g=g, w=w: fl.prelu_grad(g, x, w),
                "grad out": lambda x=x, g=g, w=w, out=out: fl.prelu_grad(g, x, w, out=out),
            },
            rounds=9,
        )
        yield Result(f"prelu_grad {name}: NumPy", t["numpy"] / t["grad"], 10.0)
        yield Result(f"prelu_grad {name}, out=: NumPy", t["numpy"] / t["grad out"], 10.0)


def torch_prelu_shapes() -> Iterator[Result]:
    torch.set_num_threads(1)
    fl.set_num_threads(1)
    for _, name, x, g, w in prelu_operands():
        a, b = torch.from_numpy(x), torch.from_numpy(g)
        c = torch.from_numpy(w.reshape((1,) * (x.ndim - w.ndim) + w.shape))
        others = [i for i, n in enumerate(c.shape) if n == 1]

        def backward(a=a, b=b, c=c, others=others):  # type: ignore[no-untyped-def]
            grad_x, full = torch.ops.aten._prelu_kernel_backward(b, a, c)
            return grad_x, full.sum(dim=others)

        t = medians({"grad": lambda x=x, g=g, w=w: fl.prelu_grad(g, x, w), "torch": backward}, rounds=15)
        yield Result(f"prelu_grad {name}: PyTorch's backward", t["torch"] / t["grad"], 4.0)


def one_thread(call: Callable[[], object]) -> Callable[[], object]:
    one = fl.num_threads(1)

    def limited() -> object:
        with one:
            return call()

    return limited


def default_threads(call: Callable[[], object]) -> Callable[[], object]:
    """As many switches of the limit as `one_thread` makes, to a number that changes nothing."""
    default = fl.num_threads(fl.get_num_threads())

    def limited() -> object:
        with default:
            return call()

    return limited


def threads() -> Iterator[Result]:
    act = fl.LeakyReLU()
    for k in range(27):
        x = normal(2**k)
        out = np.empty_like(x)
        for way, call in {"out=": lambda x=x, out=out: act(x, out), "new": lambda x=x: act(x)}.items():
            rounds = 51 if k < 22 else 15
            t = medians({"one": one_thread(call), "default": default_threads(call)}, rounds=rounds)
            yield Result(f"2^{k} {way}: 1 thread / default threads", t["one"] / t["default"], 0.97)
            if k == 22 and way == "out=":
                yield Result("4 M out=: 1 thread / 2 threads", t["one"] / t["default"], 1.25)


def layers() -> Iterator[Result]:
    act = fl.LeakyReLU()
    for rows, columns in ((64, 256), (256, 512), (1024, 512), (4096, 256)):
        x, w = normal((rows, columns)), normal((columns, 1024))

        def layer(x: np.ndarray = x, w: np.ndarray = w) -> object:
            return act(x @ w)

        t = medians({"one": one_thread(layer), "default": default_threads(layer)}, rounds=41, round_seconds=0.02)
        yield Result(f"({rows}, {columns})x1024 layer: 1 thread / default", t["one"] / t["default"], 0.97)


def steps() -> Iterator[Result]:
    fl.set_num_threads(1)
    act = fl.LeakyReLU()
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
    fl.set_num_threads(1)
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
        t = medians(
            {
                "where": lambda v=view, s=slope: np.where(v > 0, v, s * v),
                "ufunc": lambda v=view, s=slope: fl.leaky_relu(v, s),
            }
        )
        yield Result(f"{name}: np.where / leaky_relu", t["where"] / t["ufunc"], 3.0)


def import_time() -> Iterator[Result]:
    code = "import numpy, time; s = time.perf_counter(); import fastlrelu; print(time.perf_counter() - s)"
    samples = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(15)
    ]
    yield Result("import: 15 ms / beyond import numpy", 0.015 / statistics.median(samples), 1.0)


MEASURES: dict[str, Callable[[], Iterator[Result]]] = {
    name: globals()[{"import": "import_time"}.get(name, name.replace("-", "_"))] for name in GROUPS
}


def measure(group: str) -> None:
    for result in MEASURES[group]():
        print(json.dumps(asdict(result)), flush=True)


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
        names = {name.strip(): value.strip() for name, value in fields.items()}
        return f"{names['model name']} family {names['cpu family']} model {names['model']}"
    except (OSError, KeyError, ValueError):
        return platform.processor()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all if none is given")
    parser.add_argument("--measure", metavar="GROUP", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return 0
    unknown = [group for group in arguments.groups if group not in GROUPS]
    if unknown:
        parser.error(f"unknown group {unknown[0]!r}; choose of {', '.join(GROUPS)}")
    print(f"{cpu_name()}, {os.cpu_count()} processors; Python {platform.python_version()}, NumPy {np.__version__}")
    fl.show_config()
    missed = total = 0
    for group in arguments.groups or GROUPS:
        print(f"\n{group}")
        lines = subprocess.run(
            [sys.executable, __file__, "--measure", group], stdout=subprocess.PIPE, text=True, check=False
        )
        if lines.returncode:
            print(f"  failed with status {lines.returncode}")
            missed += 1
        for line in lines.stdout.splitlines():
            result = Result(**json.loads(line))
            total += 1
            missed += not result.met
            mark = "    " if result.met else "MISS"
            print(f"  {mark} {result.measured:8.2f}  wanted {result.wanted:6.2f}  {result.what}")
    print(f"\n{total} targets measured, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
