"""Rewrites snippets of the test suite changed at random, and runs each before and after.

    python tests/long/rewrite_mutants.py [SECONDS] [SEED]

For each: no exception but SyntaxError, code that parses, a second rewrite that changes nothing, and the same results.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rewrite.mutations import check, mutants


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    start, seen, rewritten = time.monotonic(), 0, 0
    for seed in itertools.count(first):
        for snippet in mutants(seed, 100):
            with contextlib.redirect_stdout(io.StringIO()):
                rewritten += check(snippet)
            seen += 1
        if time.monotonic() - start > seconds:
            break
    print(f"{seen} mutants of seeds {first} to {seed}, {rewritten} rewritten, all the same functions")


if __name__ == "__main__":
    main()
