"""Two checkouts against each other: the same cells, in turn, cell by cell.

    python benchmarks/before_after.py BEFORE AFTER [GROUP...] [--rounds 5]

BEFORE and AFTER are folders that fastlrelu can be imported from, their extensions built. In each round both have a new
process; for each cell one is timed, then the other, who is first in one round is second in the next. Printed are the
medians over the rounds, and the least and the most of now / before. GROUP is of threads, layers and pairs; all if none
is given. Nothing else may run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from timing import cpu_name, medians, normal, size

Call = Callable[[], object]
WARM_SECONDS = 0.1
LAYERS = ((64, 256), (256, 512), (1024, 512), (4096, 256))
OPERATIONS = ("out=", "gradient", "in place", "prelu")
GROUPS = {
    "threads": [f"2^{k} {way}" for k in range(0, 27, 2) for way in ("out=", "new")],
    "layers": [f"({rows}, {columns})x1024" for rows, columns in LAYERS],
    "pairs": [f"{size(n)} {way}" for n in (64 << 10, 256 << 10, 1 << 20, 16 << 20) for way in OPERATIONS],
}


def activation(n: int, way: str) -> Call:
    import fastlrelu as fl

    act, x, out = fl.LeakyReLU(), normal(n), np.zeros(n, np.float32)
    if way == "prelu":
        image, w = x.reshape(64, 64, -1), np.abs(normal(64))
        return lambda: fl.prelu(image, w, 1, out.reshape(image.shape))
    return {
        "out=": lambda: act(x, out),
        "new": lambda: act(x),
        "gradient": lambda: act.grad(x, x, out),
        # Slope 1: many times over, a smaller one would make subnormals of all negative elements.
        "in place": lambda: fl.leaky_relu_(x, 1.0),
    }[way]


def layer(rows: int, columns: int) -> Call:
    import fastlrelu as fl

    act, x, w = fl.LeakyReLU(), normal((rows, columns)), normal((columns, 1024))
    return lambda: act(x @ w)


def calls_of(group: str) -> Iterator[Call]:
    """The calls of a group's cells, in the order of its names; their number of threads is set."""
    import fastlrelu as fl

    default = fl.get_num_threads()
    fl.set_num_threads(2 if group == "pairs" else default)
    for cell, name in enumerate(GROUPS[group]):
        amount, _, way = name.partition(" ")
        if group == "layers":
            yield layer(*LAYERS[cell])
        elif group == "threads":
            yield activation(2 ** int(amount.removeprefix("2^")), way)
        else:
            unit, _, way = way.partition(" ")
            yield activation(int(amount) << {"K": 10, "M": 20}[unit], way)
    fl.set_num_threads(default)


def serve(groups: list[str]) -> None:
    """Time the next cell whenever a line comes in."""
    import fastlrelu as fl

    print(json.dumps(fl.__file__), flush=True)
    for group in groups:
        for call in calls_of(group):
            if not sys.stdin.readline():
                return
            # Until both have found out whether threads pay.
            deadline = time.perf_counter() + WARM_SECONDS
            while time.perf_counter() < deadline:
                call()
            print(json.dumps(medians({"call": call}, rounds=25)["call"]), flush=True)


class Checkout:
    """A process that imports fastlrelu from one folder."""

    def __init__(self, folder: Path, groups: list[str]) -> None:
        command = [sys.executable, __file__, "--serve", str(folder), str(folder), *groups]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        imported = Path(json.loads(self.process.stdout.readline() or '"nothing"'))
        if folder not in imported.parents:
            sys.exit(f"fastlrelu of {folder} cannot be imported: got {imported}. Are its extensions built?")

    def seconds(self) -> float:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    groups = arguments.groups or list(GROUPS)
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"unknown group {min(unknown)!r}; choose of {', '.join(GROUPS)}")
    if arguments.serve:
        return serve(groups)
    names = [f"{group}: {name}" for group in groups for name in GROUPS[group]]
    folders = [arguments.before.resolve(), arguments.after.resolve()]
    times = {name: ([], []) for name in names}
    for turn in range(arguments.rounds):
        checkouts = [Checkout(folder, groups) for folder in folders]
        for name in names:
            for place in (0, 1) if turn % 2 == 0 else (1, 0):
                times[name][place].append(checkouts[place].seconds())
        for checkout in checkouts:
            checkout.end()
        print(f"round {turn + 1} of {arguments.rounds}", file=sys.stderr)
    print(
        f"{cpu_name()}, {os.cpu_count()} processors; NumPy {np.__version__}\nbefore {folders[0]}\nnow    {folders[1]}"
    )
    print(f"{'':24}{'before, us':>12}{'now, us':>12}{'now / before':>14}   least to most")
    for name, (before, now) in times.items():
        ratios = [b / a for a, b in zip(before, now, strict=True)]
        a, b = statistics.median(before), statistics.median(now)
        row = f"{name:24}{1e6 * a:12.4g}{1e6 * b:12.4g}{b / a:14.3f}   {min(ratios):.3f} to {max(ratios):.3f}"
        print(row)


if __name__ == "__main__":
    main()
