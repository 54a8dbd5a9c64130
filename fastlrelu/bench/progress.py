"""What the terminal shows while measuring: a bar, the time left, and the last result."""

from __future__ import annotations

import statistics
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from .cells import LABELS, OURS, YARDSTICKS, Cell
from .turns import Stopwatch


def seconds_text(seconds: float) -> str:
    """A duration of a call, with its unit."""
    for unit, factor in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def ratio_text(ratio: float) -> str:
    """A ratio with three digits at most."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


class _TimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        seconds: float | None = task.fields.get("left")
        if seconds is None:
            return Text("-:-- left")
        return Text(f"{int(seconds) // 60}:{int(seconds) % 60:02} left")


def result_line(cell: Cell, watch: Stopwatch) -> str:
    """The cell in one line: our time, and how many times as long ``np.where`` and the fastest peer take."""
    times = watch.timed(cell) or {}
    medians = {name: statistics.median(t.rounds) for name, t in times.items() if t.rounds}
    ours = medians.get("fastlrelu")
    if ours is None:
        return f"{cell.title}: no time"
    parts = [f"{cell.title}: {seconds_text(ours)}"]
    if "where" in medians:
        parts.append(f"{cell.label('where')} {ratio_text(medians['where'] / ours)} times that")
    peers = {n: s for n, s in medians.items() if n not in (*OURS, *YARDSTICKS, "where")}
    if peers:
        fastest = min(peers, key=lambda name: peers[name])
        parts.append(f"{LABELS[fastest]} {ratio_text(peers[fastest] / ours)}")
    return ", ".join(parts)


class Display:
    """On a terminal a live bar above the last result; elsewhere one line for each cell."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(TextColumn("measuring"), BarColumn(40), TaskProgressColumn(), _TimeLeft())
        self._task = self._progress.add_task("", total=1.0, left=None)
        # Refreshed between cells alone: a thread that draws would take turns with what is measured.
        self._live = Live(self._drawn("starting the libraries"), console=console, auto_refresh=False, transient=True)

    def _drawn(self, line: str) -> Group:
        return Group(self._progress, Text(line, no_wrap=True, overflow="ellipsis"))

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, cell: Cell, watch: Stopwatch) -> None:
        """Show the cell just measured, if it was."""
        if not any(times.rounds for times in (watch.timed(cell) or {}).values()):
            return
        line = result_line(cell, watch)
        if self._console.is_terminal:
            self._progress.update(self._task, completed=watch.progress, left=watch.seconds_left())
            self._live.update(self._drawn(line), refresh=True)
        else:
            self._console.print(f"{watch.progress:4.0%}  {line}", markup=False, highlight=False, soft_wrap=True)
