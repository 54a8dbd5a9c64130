"""The process of one library at one thread count: prepares, checks and times what it is told to, over two pipes.

Each library has a process of its own because thread pools of two libraries in one process disturb each other, some
limits can only be set before the import, and a crash then takes nothing else down. Requests and replies are lines of
JSON on standard input and output.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any, TextIO

import fastlrelu as fl

from . import inputs, libraries
from .cells import Cell
from .libraries import with_fastlrelu

Reply = dict[str, Any]
# Before the first round, for compilers and for fastlrelu's choice of threads, which are made once.
FIRST_SECONDS, FIRST_CALLS = 0.02, 200
# Longer calls are not repeated only to warm the caches: their arrays do not fit.
WARM_SECONDS = 0.02
# Idle threads of a pool may spin for a while, up to a tenth of a second with OpenBLAS, on the cores of whoever is next.
SETTLE_STEP, SETTLE_SECONDS = 0.002, 0.3


def seconds_per_call(call: Callable[[], object], calls: int) -> float:
    """Mean over `calls` calls, each result dropped at once."""
    turns = repeat(None, calls)
    start = time.perf_counter()
    for _ in turns:
        call()
    return (time.perf_counter() - start) / calls


class Worker:
    """What one process holds: its library, and the calls of the cell being measured."""

    def __init__(self, library: str, threads: int) -> None:
        self.library = libraries.load(library)
        self.library.set_threads(threads)
        self.threads = threads
        self.cell: Cell | None = None
        self.inputs: inputs.Inputs | None = None
        self.calls: dict[str, tuple[Callable[[], object], bool]] = {}

    def _inputs_of(self, cell: Cell) -> inputs.Inputs:
        if self.cell != cell or self.inputs is None:
            self.release()
            self.inputs, self.cell = inputs.make_inputs(cell), cell
        return self.inputs

    def release(self) -> Reply:
        """Let go of the cell's arrays, and of what is kept for new ones."""
        self.calls.clear()
        self.inputs = self.cell = None
        gc.collect()
        fl.release_memory()
        return {}

    def prepare(self, cell: list[Any], candidate: str) -> Reply:
        """Build one call, compare its result with ours, and see how long it takes."""
        given = self._inputs_of(Cell(*cell))
        difference: str | None = ""
        try:
            call = self._build(given, candidate)
            if candidate not in ("fastlrelu", "limit", "multiply"):
                ours = with_fastlrelu.build_ours(given)()
                difference = inputs.difference(self.library.to_numpy(call()), ours, given.operation)
                if difference:
                    return {"refused": f"differs from fastlrelu: {difference}"}
            if "in_place" in (given.operation, candidate):
                given.slope = inputs.SLOPE_IN_PLACE
                call = self._build(given, candidate)
                given.slope = inputs.SLOPE
        except libraries.UnsupportedError as error:
            return {"refused": str(error), "unsupported": True}
        except Exception as error:
            return {"refused": f"{type(error).__name__}: {one_line(str(error))}"}
        until = time.perf_counter() + FIRST_SECONDS
        for _ in range(FIRST_CALLS):
            call()
            if time.perf_counter() > until:
                break
        seconds = seconds_per_call(call, 1)
        self.calls[candidate] = (call, seconds < WARM_SECONDS)
        self._settle()
        return {"seconds": seconds, "same_bits": difference == ""}

    def _build(self, given: inputs.Inputs, candidate: str) -> Callable[[], object]:
        call: Callable[[], object] = self.library.build(given, candidate)
        return call

    def round(self, candidate: str, calls: int) -> Reply:
        """One round of `calls` calls."""
        if candidate not in self.calls:
            return {"refused": "its process had to be started again"}
        call, warm = self.calls[candidate]
        if warm:
            # Caches, and threads that sleep between two rounds.
            seconds_per_call(call, 1 + calls // 4)
        seconds = seconds_per_call(call, calls)
        self._settle()
        return {"seconds": seconds}

    def _settle(self) -> None:
        """Wait until the threads of this process sleep."""
        until = time.perf_counter() + SETTLE_SECONDS
        while self.threads > 1 and time.perf_counter() < until:
            before = time.process_time()
            time.sleep(SETTLE_STEP)
            if time.process_time() - before < SETTLE_STEP / 4:
                break


def one_line(text: str) -> str:
    """The first line of a message, short enough for a table."""
    first = text.strip().partition("\n")[0]
    return first if len(first) <= 160 else first[:157] + "..."


def _reply(stream: TextIO, reply: Reply) -> None:
    stream.write(json.dumps(reply) + "\n")
    stream.flush()


def main(library: str, threads: int) -> None:
    """Serve until standard input ends."""
    # Ctrl-C reaches the whole group; the process that was started first decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries print on standard output, which here carries the replies.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        worker = Worker(library, threads)
    except Exception as error:
        _reply(replies, {"missing": f"{type(error).__name__}: {one_line(str(error))}"})
        return
    _reply(replies, {"version": worker.library.VERSION})
    gc.disable()
    for line in sys.stdin:
        request = json.loads(line)
        _reply(replies, getattr(worker, request.pop("do"))(**request))
