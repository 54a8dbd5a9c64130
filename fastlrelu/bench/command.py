"""The command line of ``fastlrelu bench``."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--quick", action="store_true", help="within a minute; the full run takes up to 21")
    parser.add_argument("--sizes", metavar="N,...", help="numbers of elements, such as 1,1000,2^20")
    parser.add_argument("--dtypes", metavar="NAME,...", help="of float32, float64, float16, bfloat16")
    parser.add_argument("--threads", metavar="N,...", help="numbers of threads, or all")
    parser.add_argument(
        "--against",
        metavar="NAME,...",
        help="of maximum, numexpr, numba, torch, onnxruntime, jax; by default whichever are installed. "
        "np.where and a plain copy are always measured",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        default=".",
        help="where report.html, report.md and results.json are written; by default the current folder",
    )
    parser.add_argument(
        "--plots", action="store_true", help="write each plot as a file of its own too, such as speedup.svg"
    )
    parser.add_argument(
        "--results",
        metavar="FILE",
        help="measure nothing: write the report of, or compare, the results.json of an earlier run",
    )
    parser.add_argument("--compare", metavar="FILE", help="show what changed since the run of another results.json")
    parser.add_argument(
        "--fail-above",
        metavar="PERCENT",
        help="with --compare: exit with 1 if the median of any fastlrelu call rose by more than this",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns
    -------
    int
        The exit status: 0; 1 where a change is above the threshold or the suite failed; 2 for wrong usage; 130 after
        Ctrl-C.
    """
    # Imported here, because it needs the packages of the extra, and the other commands do not.
    from . import session

    try:
        return session.run(arguments)
    except session.UsageError as error:
        print(f"fastlrelu bench: {error}", file=sys.stderr)
        return 2
