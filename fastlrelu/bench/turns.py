"""The stopwatch: the candidates of a cell take turns, round after round, so that what disturbs one disturbs all."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from .cells import ITEM_BYTES, LIBRARIES, REUSED, Cell, weight
from .processes import LostError, Process


@dataclass(frozen=True)
class Limits:
    """How long to time: all cells together, and one candidate in one cell where that leaves the choice."""

    seconds: float | None = None
    candidate_seconds: float = 0.15


# A round is repeated calls for about as long as this: well above the timer's grain and the pipes' delay.
ROUND_SECONDS = 0.002
FEWEST_ROUNDS, MOST_ROUNDS = 5, 25
# Calls longer than this are timed this often only.
LONG_CALL_SECONDS, LONG_CALL_ROUNDS = 0.25, 3
# Inputs, a result, and what the np.where line puts in between; and what is kept where memory is reused.
ARRAYS_PER_PROCESS, ARRAYS_REUSED = 4, 4
INTERRUPTED = "interrupted"
OUT_OF_TIME = "the time for the run was over"


@dataclass
class Times:
    """What came of one candidate in one cell: seconds per call of each round, or why there are none."""

    rounds: list[float] = field(default_factory=list)
    calls: int = 0
    same_bits: bool = True
    refused: str = ""
    unsupported: bool = False


class Stopwatch:
    """Times cells, each once, and shares out the time that a run may take.

    Parameters
    ----------
    wanted : iterable of (Cell, str)
        All cells of the run with the candidates to time there.
    limits : Limits
        What the whole run may take, and one candidate.
    stop : threading.Event, optional
        Once it is set, nothing more is timed; a cell with fewer than the fewest rounds is given up.
    """

    def __init__(self, wanted: Iterable[tuple[Cell, str]], limits: Limits, stop: threading.Event | None = None) -> None:
        self.wanted: dict[Cell, list[str]] = {}
        for cell, candidate in wanted:
            self.wanted.setdefault(cell, []).append(candidate)
        self.versions: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self._limits = limits
        self.stop = stop or threading.Event()
        self._deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
        self._started = time.monotonic()
        self._weights = sum(weight(cell) * len(names) for cell, names in self.wanted.items())
        self._done_weights = 0.0
        self._processes: dict[str, Process] = {}
        self._threads = 0
        self._done: tuple[Cell, dict[str, Times]] | None = None

    def times(self, cell: Cell) -> dict[str, Times]:
        """Time a cell, or return what was timed if it is still the same one."""
        if self._done is None or self._done[0] != cell:
            self._done = (cell, self._measure(cell))
            own = weight(cell) * len(self.wanted[cell])
            self._weights -= own
            self._done_weights += own
        return self._done[1]

    def timed(self, cell: Cell) -> dict[str, Times] | None:
        """What was timed for the cell if it is the last one."""
        return self._done[1] if self._done is not None and self._done[0] == cell else None

    def seconds_left(self) -> float | None:
        """How long the rest may take, from how long the cells so far took; None before the first."""
        if self._done_weights == 0:
            return None
        elapsed = time.monotonic() - self._started
        estimate = elapsed * self._weights / self._done_weights
        left = self.remaining_seconds()
        return estimate if left is None else max(0.0, min(estimate, left))

    @property
    def progress(self) -> float:
        """The share of the run that is done, 0 to 1."""
        total = self._weights + self._done_weights
        return self._done_weights / total if total else 1.0

    def remaining_seconds(self) -> float | None:
        """Until the time for the whole run is over; None if it is not limited."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.end()
        self._processes.clear()

    def _share(self, cell: Cell) -> float:
        """Seconds for this cell, from what is left for it and the following."""
        own = weight(cell) * len(self.wanted[cell])
        free = self._limits.candidate_seconds * len(self.wanted[cell])
        left = self.remaining_seconds()
        return free if left is None else min(free, left * own / max(self._weights, own))

    def _start(self, threads: int) -> None:
        """Have the processes of all libraries at this thread count, started side by side."""
        if threads == self._threads:
            return
        self.close()
        self._threads = threads
        libraries = {LIBRARIES[n] for cell, names in self.wanted.items() if cell.threads == threads for n in names}
        for library in sorted(libraries - set(self.missing)):
            self._processes[library] = Process(library, threads)
        for library, process in self._processes.items():
            hello = process.hello()
            if "missing" in hello:
                self.missing[library] = hello["missing"]
            else:
                self.versions[library] = hello["version"]

    def _lose(self, library: str) -> None:
        self._processes.pop(library).end()
        self._processes[library] = Process(library, self._threads)

    def _measure(self, cell: Cell) -> dict[str, Times]:
        left = self.remaining_seconds()
        if left is not None and left <= 0:
            return {name: Times(refused=OUT_OF_TIME) for name in self.wanted[cell]}
        self._start(cell.threads)
        arrays = ARRAYS_PER_PROCESS * len(self._processes)
        arrays += ARRAYS_REUSED if set(REUSED) & set(self.wanted[cell]) else 0
        needed = cell.size * ITEM_BYTES[cell.dtype] * arrays
        available = psutil.virtual_memory().available
        if needed > available / 2:
            reason = f"not measured: it needs {needed >> 20:,} MiB of the {available >> 20:,} MiB of free memory"
            return {name: Times(refused=reason) for name in self.wanted[cell]}
        share = self._share(cell)
        started = time.monotonic()
        times = {name: Times() for name in self.wanted[cell]}
        estimates = {}
        for name, result in times.items():
            if self.stop.is_set():
                break
            reply = self._ask(cell, name, result, prepare=True)
            if reply is not None:
                estimates[name] = reply
        turns = self._take_turns(cell, times, estimates, started + share)
        if turns < FEWEST_ROUNDS and self.stop.is_set():
            return {name: Times(refused=INTERRUPTED) for name in times}
        for process in {self._process(name) for name in estimates} - {None}:
            assert process is not None
            try:
                process.ask("release")
            except LostError:
                continue
        return times

    def _take_turns(self, cell: Cell, times: dict[str, Times], estimates: dict[str, float], until: float) -> int:
        """The number of rounds."""
        for name, seconds in estimates.items():
            times[name].calls = max(1, int(ROUND_SECONDS / max(seconds, 1e-8)))
        for turn in range(MOST_ROUNDS):
            if self.stop.is_set() or (turn >= FEWEST_ROUNDS and time.monotonic() > until):
                return turn
            # In another order each time: whoever follows finds the memory that the one before gave back.
            for name, seconds in random.Random(turn).sample(list(estimates.items()), len(estimates)):
                if times[name].refused or (seconds > LONG_CALL_SECONDS and turn >= LONG_CALL_ROUNDS):
                    continue
                measured = self._ask(cell, name, times[name])
                if measured is not None:
                    times[name].rounds.append(measured)
                    # The first estimates were of single, often cold, calls.
                    times[name].calls = max(1, int(ROUND_SECONDS / max(min(times[name].rounds), 1e-8)))
        return MOST_ROUNDS

    def _process(self, name: str) -> Process | None:
        return self._processes.get(LIBRARIES[name])

    def _ask(self, cell: Cell, name: str, result: Times, prepare: bool = False) -> float | None:
        """Seconds per call, or None after noting in the result why there are none."""
        process = self._process(name)
        library = LIBRARIES[name]
        if process is None or library in self.missing:
            result.refused = self.missing.get(library, "its process is gone")
            return None
        try:
            reply = process.prepare(cell, name) if prepare else process.ask("round", candidate=name, calls=result.calls)
        except LostError as error:
            result.refused = str(error)
            result.rounds.clear()
            self._lose(library)
            return None
        if "refused" in reply:
            result.refused, result.unsupported = reply["refused"], reply.get("unsupported", False)
            return None
        if prepare:
            result.same_bits = reply["same_bits"]
        seconds: float = reply["seconds"]
        return seconds
