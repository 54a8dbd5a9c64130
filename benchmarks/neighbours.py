"""Threads beside another package's OpenMP, and in a forked child: they must not lose to one thread.

    python benchmarks/neighbours.py [PACKAGE...]

Each package that is installed is imported first in a process of its own, and its threads are used: those of PyTorch,
scikit-learn and numba. Then activations are timed with one thread and with the default number, in turn, alone and with
a call of the package's threads before each. Last, the same in the child of a fork. Ratios: one thread / default.
"""

from __future__ import annotations

import os
import subprocess
import sys

from timing import cpu_name

SETUPS = {
    "nothing": "others = lambda: None",
    "torch": "import torch; many = torch.ones(1 << 20)\ndef others(): torch.nn.functional.leaky_relu(many)",
    "sklearn": (
        "from sklearn.metrics import pairwise_distances_argmin\nimport numpy as np\n"
        "points = np.random.default_rng(0).standard_normal((2000, 8))\n"
        "def others(): pairwise_distances_argmin(points, points)"
    ),
    "numba": (
        "import numba, numpy as np; many = np.ones(1 << 20)\nnumba.config.THREADING_LAYER = 'omp'\n"
        "@numba.njit(parallel=True)\ndef scale(x):\n    for i in numba.prange(x.size):\n        x[i] *= 1.0\n"
        "def others(): scale(many)"
    ),
}

MEASURE = """
others()
import os, sys
import numpy as np
import fastlrelu as fl
from groups.settings import one_and_default
from timing import medians, normal

config = fl.config()
print(f"  {config['openmp_library']}; idle threads stay awake {config['openmp_idle']}")
act = fl.LeakyReLU()

def after_others(call):
    def both():
        others()
        return call()
    return both

def ratio(n, wrap):
    x = normal(n)
    out = np.empty_like(x)
    ways = one_and_default(lambda: act(x, out))
    t = medians({name: wrap(way) for name, way in ways.items()}, rounds=31)
    return t["1 thread"] / t["default threads"]

def child():
    print(f"  2^24 in a forked child: {ratio(1 << 24, lambda call: call):.2f}", flush=True)
    os._exit(0)

for k in (16, 18, 20, 22, 24):
    alone, after = ratio(1 << k, lambda call: call), ratio(1 << k, after_others)
    print(f"  2^{k} alone: {alone:.2f}, after a call of the other's: {after:.2f}", flush=True)
if os.fork() == 0:
    child()
os.wait()
"""


def main() -> None:
    print(cpu_name())
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, setup in ((name, SETUPS[name]) for name in sys.argv[1:] or SETUPS):
        print(f"{name} first", flush=True)
        answer = subprocess.run(
            [sys.executable, "-c", f"{setup}\n{MEASURE}"], env={**os.environ, "PYTHONPATH": folder}, check=False
        )
        if answer.returncode:
            print("  not measured: is it installed?")


if __name__ == "__main__":
    main()
