"""The command line: ``fastlrelu`` and ``python -m fastlrelu``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from ._version import __version__
from .bench import command as bench
from .info import command as info


class Command(Protocol):
    """What the module of a subcommand has. What needs an extra is imported by `run` alone."""

    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace, /) -> int:
        """Run the command and return the exit status."""


# By name, which is the name of the command's extra too.
COMMANDS: dict[str, Command] = {"info": info, "bench": bench}


def _run(name: str, arguments: argparse.Namespace) -> int:
    try:
        return COMMANDS[name].run(arguments)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "fastlrelu":
            raise
        missing = f"{error.name} is not installed"
        print(f"fastlrelu {name}: {missing}: pip install 'fastlrelu[{name}]' brings what it needs", file=sys.stderr)
        return 2


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
    for name, command in COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.DESCRIPTION, description=command.DESCRIPTION))
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser.parse_args(given or ["info"])
    if parsed.command is None:
        parser.error(f"a command is missing: {', '.join(COMMANDS)}")
    return _run(parsed.command, parsed)


if __name__ == "__main__":
    sys.exit(main())
