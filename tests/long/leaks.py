"""A million calls of each public function, right and wrong ones, in a process that must not grow.

    python tests/long/leaks.py [--calls 1000000]

About two minutes. Looks at the resident memory and at the blocks that Python has allocated.
"""

import argparse
import copy
import io
import pickle
import sys
import time
from contextlib import redirect_stdout

import ml_dtypes
import numpy as np

import fastlrelu as fl

X = np.linspace(-1, 1, 24, dtype=np.float32)
GRID = X.reshape(2, 3, 4)
HALF = X.astype(ml_dtypes.bfloat16)
WEIGHT = np.full(3, 0.1, np.float32)
ACT = fl.LeakyReLU(0.1)
READ_ONLY = np.broadcast_to(np.float32(1), 24)
OUT = np.empty_like(X)
LARGE = np.ones(40_000, np.float32)
MEMORY = fl.reuse_memory()


def fails(call):
    def attempt():
        try:
            call()
        except (TypeError, ValueError, AttributeError):
            return
        raise AssertionError("a call that should fail did not")

    return attempt


def context_manager():
    with fl.num_threads(2):
        pass


def memory_context():
    with fl.reuse_memory():
        fl.leaky_relu(LARGE, 0.1)
    MEMORY.start()
    fl.leaky_relu(LARGE, 0.1)
    MEMORY.stop()


def quiet_show_config():
    with redirect_stdout(io.StringIO()):
        fl.show_config()


# The share of the million calls: what reads files gets fewer.
CALLS = {
    "leaky_relu": (1, lambda: fl.leaky_relu(X, 0.1)),
    "leaky_relu, out": (1, lambda: fl.leaky_relu(X, 0.1, out=OUT)),
    "leaky_relu, bfloat16": (1, lambda: fl.leaky_relu(HALF, 0.1)),
    "leaky_relu, strided": (1, lambda: fl.leaky_relu(X[::2], 0.1)),
    "leaky_relu_grad": (1, lambda: fl.leaky_relu_grad(X, X, 0.1)),
    "add_leaky_relu": (1, lambda: fl.add_leaky_relu(X, X, 0.1)),
    "leaky_relu_": (1, lambda: fl.leaky_relu_(X, 1.0)),
    "leaky_relu_grad_": (1, lambda: fl.leaky_relu_grad_(OUT, X, 1.0)),
    "LeakyReLU()": (1, lambda: fl.LeakyReLU(0.1)),
    "act": (1, lambda: ACT(X)),
    "act, other dtype": (1, lambda: ACT([1, 2])),
    "act.grad": (1, lambda: ACT.grad(X, X, OUT)),
    "act.add": (1, lambda: ACT.add(X, X)),
    "act.add, bias": (1, lambda: ACT.add(GRID, GRID[0, 0])),
    "act, copied and compared": (1, lambda: copy.copy(pickle.loads(pickle.dumps(ACT))) == ACT and hash(ACT)),
    "prelu": (1, lambda: fl.prelu(GRID, WEIGHT)),
    "prelu, other dtype": (1, lambda: fl.prelu(GRID, WEIGHT.astype(np.float64))),
    "prelu, one slope": (1, lambda: fl.prelu(GRID, 0.25)),
    "prelu_": (1, lambda: fl.prelu_(GRID, np.ones_like(WEIGHT))),
    "prelu_grad, out": (1, lambda: fl.prelu_grad(GRID, GRID, 1.0, out=GRID)),
    "prelu_grad": (1, lambda: fl.prelu_grad(GRID, GRID, WEIGHT)),
    "prelu_grad, other dtype": (1, lambda: fl.prelu_grad(GRID, GRID, WEIGHT.astype(np.float64))),
    "get_num_threads": (1, fl.get_num_threads),
    "set_num_threads": (1, lambda: fl.set_num_threads(2)),
    "num_threads": (1, context_manager),
    "reuse_memory": (1, memory_context),
    "release_memory": (1, fl.release_memory),
    "config": (0.01, fl.config),
    "show_config": (0.01, quiet_show_config),
    "wrong dtype": (1, fails(lambda: fl.leaky_relu_(GRID.view(np.int32), 0.1))),
    "wrong shape": (1, fails(lambda: fl.leaky_relu(X, WEIGHT))),
    "wrong out": (1, fails(lambda: ACT(X, out=READ_ONLY))),
    "wrong out of grad": (1, fails(lambda: ACT.grad(X, X, out=WEIGHT))),
    "not an array": (1, fails(lambda: fl.leaky_relu_grad_([1.0], X))),
    "wrong slope": (1, fails(lambda: fl.LeakyReLU("x"))),
    "wrong weight": (1, fails(lambda: fl.prelu(GRID, X))),
    "wrong axis": (1, fails(lambda: fl.prelu_grad(GRID, GRID, WEIGHT, 7))),
    "wrong grad": (1, fails(lambda: fl.prelu_grad(X, GRID, WEIGHT))),
    "wrong number": (1, fails(lambda: fl.set_num_threads(0))),
    "wrong max_bytes": (1, fails(lambda: fl.reuse_memory(0))),
    "wrong context": (1, fails(lambda: fl.num_threads("2"))),
}


def resident_kib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    calls = parser.parse_args().calls
    leaking = []
    for name, (share, call) in CALLS.items():
        for _ in range(2000 if share == 1 else 50):
            call()
        started, memory, blocks = time.perf_counter(), resident_kib(), sys.getallocatedblocks()
        rounds = int(calls * share)
        for _ in range(rounds):
            call()
        grown, more = resident_kib() - memory, sys.getallocatedblocks() - blocks
        # One lost block of 16 bytes a call would be 15 MiB in a million.
        leaks = grown > 1024 or more > max(50, rounds // 1000)
        leaking += [name] * leaks
        print(
            f"{name}: {rounds} calls, {grown:+} KiB, {more:+} blocks, {time.perf_counter() - started:.0f} s"
            f"{'  LEAK' if leaks else ''}",
            flush=True,
        )
    return f"leaks: {', '.join(leaking)}" if leaking else 0


if __name__ == "__main__":
    sys.exit(main())
