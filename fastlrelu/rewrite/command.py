"""The command line of ``fastlrelu rewrite``."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``fastlrelu rewrite`` to a parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    """
    parser.description = (
        "Find hand-written leaky ReLUs, ELUs and GELUs that use NumPy and replace them by fastlrelu, in Python files "
        "and Jupyter notebooks. Prints a diff and a summary; nothing is written without --write."
    )
    parser.epilog = (
        "Exit codes: 0 done, 1 --check found something to change, 2 a path could not be read "
        "or written, or the arguments are wrong. A line with the comment '# fastlrelu: skip' is left alone."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file or directory; - is standard input")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--write", action="store_true", help="change the files")
    mode.add_argument("--check", action="store_true", help="exit 1 if anything would change")
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="also apply fixes that may change bits or dtypes, for the reasons in the summary",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="run old and new expressions on nan, -0.0, inf and every float dtype, and print both",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="what goes to standard output: the diff, one JSON document, or annotations for GitHub Actions",
    )
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="count what was found by form and by reason, instead of one line for each",
    )
    parser.add_argument(
        "--jobs",
        type=_count,
        default=0,
        metavar="N",
        help="processes to search with; one for each CPU where there are many files",
    )
    parser.add_argument("--quiet", action="store_true", help="no summary")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns
    -------
    int
        0; 1 if ``--check`` was given and something would change; 2 if a path failed.

    Raises
    ------
    ModuleNotFoundError
        Without the extra ``fastlrelu[rewrite]``.
    """
    # Here and not above: the command line itself needs no extra.
    from .report import rewrite_all

    return rewrite_all(arguments)
