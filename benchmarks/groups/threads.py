"""Threads: that the default number never loses to one, and a layer beside NumPy's matrix product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from timing import Result, medians, normal

from .leaky_relu import act
from .settings import one_and_default


def threads() -> Iterator[Result]:
    for k in range(27):
        x = normal(2**k)
        out = np.empty_like(x)
        for way, call in {"out=": lambda: act(x, out), "new": lambda: act(x)}.items():
            t = medians(one_and_default(call), rounds=51 if k < 22 else 15)
            ratio = t["1 thread"] / t["default threads"]
            yield Result(f"2^{k} {way}: 1 thread / default threads", ratio, 0.97)
            if k == 22 and way == "out=":
                yield Result("4 M out=: 1 thread / 2 threads", ratio, 1.25)


def layers() -> Iterator[Result]:
    for rows, columns in ((64, 256), (256, 512), (1024, 512), (4096, 256)):
        x, w = normal((rows, columns)), normal((columns, 1024))
        t = medians(one_and_default(lambda: act(x @ w)), rounds=41, round_seconds=0.02)
        ratio = t["1 thread"] / t["default threads"]
        yield Result(f"({rows}, {columns})x1024 layer: 1 thread / default", ratio, 0.97)
