"""The command line of ``fastlrelu info``."""

from __future__ import annotations

import argparse

from . import proof, timing
from .config import show_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--no-timing", action="store_true", help="leave out the table of times (about ten seconds)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns
    -------
    int
        The exit status: 1 if any result differs from ``np.where``, or one of ELU and GELU between SIMD levels.
    """
    show_config()
    print()
    equal = proof.show()
    if not arguments.no_timing:
        print()
        timing.show()
    return 0 if equal else 1
