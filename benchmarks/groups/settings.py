"""Calls under a setting of fastlrelu's: the threads, the SIMD level."""

from __future__ import annotations

from collections.abc import Callable

import fastlrelu as fl
from fastlrelu.dispatch import loops

Call = Callable[[], object]


def with_threads(call: Call, threads: int | None = None) -> Call:
    """A call with a limit of threads; None is the present limit, set as often, so that it costs the same."""
    limit = fl.num_threads(threads or fl.get_num_threads())

    def limited() -> object:
        with limit:
            return call()

    return limited


def one_and_default(call: Call) -> dict[str, Call]:
    return {"1 thread": with_threads(call, 1), "default threads": with_threads(call)}


def at_level(level: str, call: Call) -> Call:
    def at() -> object:
        loops.use_level(level)
        return call()

    return at
