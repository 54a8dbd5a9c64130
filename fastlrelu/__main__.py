"""The command line: ``fastlrelu`` and ``python -m fastlrelu``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from ._version import __version__

# The name is that of the subpackage, whose module ``command`` has ``add_arguments`` and ``run``, and of the extra that
# brings what it imports. Only the one that is called is imported: NumPy alone is enough for the others.
COMMANDS = {
    "info": "show the configuration, prove equality with np.where, and time this machine",
    "bench": "measure this machine and write a report: fastlrelu against NumPy and the libraries that are installed",
    "rewrite": "find hand-written leaky ReLUs in Python files and replace them",
}


def _without_its_extra(name: str, error: ModuleNotFoundError) -> int:
    if error.name is None or error.name.partition(".")[0] == "fastlrelu":
        raise error
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
    given = list(sys.argv[1:] if arguments is None else arguments) or ["info"]
    parser = argparse.ArgumentParser(prog="fastlrelu", description="Leaky ReLU for NumPy on CPUs.")
    parser.add_argument("--version", action="version", version=f"fastlrelu {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    chosen: Any = None
    try:
        for name, description in COMMANDS.items():
            subparser = subparsers.add_parser(name, help=description, description=description)
            if given[0] == name:
                chosen = importlib.import_module(f".{name}.command", __package__)
                chosen.add_arguments(subparser)
        parsed = parser.parse_args(given)
        if chosen is None:
            parser.error(f"a command is missing: {', '.join(COMMANDS)}")
        status: int = chosen.run(parsed)
    except ModuleNotFoundError as error:
        return _without_its_extra(given[0], error)
    return status


if __name__ == "__main__":
    sys.exit(main())
