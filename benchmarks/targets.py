"""The speed targets: what each asks, what this machine gives, and what falls short.

    python benchmarks/targets.py [GROUP...]

Every figure is a ratio within one process: candidates in turn, medians of many rounds. PyTorch cells need torch, which
is imported before fastlrelu there, so that both use one OpenMP; gelu needs SciPy, numba the package of that name.
Nothing else may run on the machine meanwhile. Exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict

import numpy as np

from timing import Result, cpu_name

# The groups of each module in groups/: each is a function of that name.
MODULES = {
    "leaky_relu": ["calls", "sizes", "halves", "gradient", "bias", "steps", "strided", "import-time"],
    "memory": ["huge", "limits", "reuse", "streaming"],
    "prelu": ["prelu", "prelu-shapes"],
    "elu_gelu": ["elu", "gelu"],
    "threads": ["threads", "layers"],
    "numba_loops": ["numba-loops"],
    "torch_leaky_relu": ["torch-calls", "torch-sizes", "torch-halves", "torch-gradient"],
    "torch_prelu": ["torch-prelu", "torch-prelu-shapes"],
    "torch_elu_gelu": ["torch-elu", "torch-gelu"],
}
GROUPS = {group: module for module, groups in MODULES.items() for group in groups}


def measure(group: str) -> None:
    """Print the results of one group as lines of JSON."""
    # First, for those that import torch before fastlrelu.
    module = importlib.import_module(f"groups.{GROUPS[group]}")
    import fastlrelu as fl

    if GROUPS[group] != "threads":
        fl.set_num_threads(1)
    for result in getattr(module, group.replace("-", "_"))():
        print(json.dumps(asdict(result)), flush=True)


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
    import fastlrelu as fl

    print(f"{cpu_name()}, {os.cpu_count()} processors; Python {platform.python_version()}, NumPy {np.__version__}")
    fl.show_config()
    missed = total = 0
    for group in arguments.groups or GROUPS:
        print(f"\n{group}", flush=True)
        command = [sys.executable, __file__, "--measure", group]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                result = Result(**json.loads(line))
                total += 1
                missed += not result.met
                mark = "    " if result.met else "MISS"
                print(f"  {mark} {result.measured:8.2f}  wanted {result.wanted:6.2f}  {result.what}", flush=True)
        if process.returncode:
            print(f"  failed with status {process.returncode}")
            missed += 1
    print(f"\n{total} targets measured, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
