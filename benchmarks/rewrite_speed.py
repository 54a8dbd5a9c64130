"""How long ``fastlrelu rewrite`` takes for 1,000 files of scikit-learn's size, scikit-learn being installed.

    python benchmarks/rewrite_speed.py [--files 1000] [--jobs N...]

Copies of scikit-learn's own modules, each one as often as it takes to have enough, are searched by the command in a
process of its own, start included, with one process and then with as many as there are CPUs.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def sources() -> list[Path]:
    """Return scikit-learn's Python files, tests included."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        sys.exit("scikit-learn is not installed")
    return sorted(Path(spec.origin).parent.rglob("*.py"))


def fill(folder: Path, files: list[Path], count: int) -> int:
    """Copy files until there are ``count``, in turn; return their bytes."""
    size = 0
    for number in range(count):
        source = files[number % len(files)]
        target = folder / f"m{number:04}_{source.name}"
        shutil.copyfile(source, target)
        size += target.stat().st_size
    return size


def seconds(folder: Path, jobs: int) -> float:
    """Return how long the command takes."""
    command = [sys.executable, "-m", "fastlrelu", "rewrite", "--unsafe-fixes", "--quiet", "--jobs", str(jobs)]
    start = time.perf_counter()
    subprocess.run([*command, str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, cpus], help="processes of each run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        size = fill(Path(name), sources(), arguments.files)
        versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("scikit-learn", "libcst"))
        print(
            f"{platform.processor() or platform.machine()}, {cpus} CPUs, Python {platform.python_version()}, {versions}"
        )
        print(f"{arguments.files} files, {size / 1e6:.1f} MB")
        for jobs in dict.fromkeys(arguments.jobs):
            print(f"{jobs} process{'' if jobs == 1 else 'es'}: {seconds(Path(name), jobs):.1f} s", flush=True)


if __name__ == "__main__":
    main()
