"""The command line: ``fastlrelu`` and ``python -m fastlrelu``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._version import __version__
from .info import command as info


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit status: 0, 1 where a check failed, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(prog="fastlrelu", description="Leaky ReLU for NumPy on CPUs.")
    parser.add_argument("--version", action="version", version=f"fastlrelu {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    info_parser = commands.add_parser("info", help=info.DESCRIPTION, description=info.DESCRIPTION)
    info.add_arguments(info_parser)
    info_parser.set_defaults(run=info.run)
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser.parse_args(given or ["info"])
    if parsed.command is None:
        parser.error("a command is missing: info")
    status: int = parsed.run(parsed)
    return status


if __name__ == "__main__":
    sys.exit(main())
