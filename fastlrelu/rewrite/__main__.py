"""``python -m fastlrelu.rewrite``."""

from __future__ import annotations

import argparse
import sys

from fastlrelu.rewrite.command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="fastlrelu rewrite")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
