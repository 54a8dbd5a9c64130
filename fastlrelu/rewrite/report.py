"""A run of ``fastlrelu rewrite`` over files and standard input: what is printed, the exit status."""

from __future__ import annotations

import argparse
import gc
import io
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.text import Text

from fastlrelu.rewrite.files import python_files, replace_file
from fastlrelu.rewrite.formats import annotation, json_document, statistics
from fastlrelu.rewrite.work import Entry, Options, Outcome, search_bytes, search_file

OK, WOULD_CHANGE, FAILED = 0, 1, 2
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_SHORT = 100
# Starting a process takes about as long as searching this many files.
_FEW = 64
_AT_ONCE = 8


@dataclass
class Report:
    """What a run has to say, and the exit code it earns."""

    options: argparse.Namespace
    out: Console
    err: Console
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: list[Outcome] = field(default_factory=list)
    changed: int = 0
    failed: bool = False

    def fail(self, message: str) -> None:
        """Print one line about a path that could not be handled."""
        self.failed = True
        self.line(f"error: {message}", "bold red")

    def line(self, text: str, style: str = "") -> None:
        """Print one line on standard error, never wrapped."""
        self.err.print(Text(text, style), soft_wrap=True)

    def take(self, outcome: Outcome, path: Path | None) -> None:
        """Write and report what became of one file."""
        self.outcomes.append(outcome)
        if outcome.failure:
            self.fail(outcome.failure)
        elif outcome.left_alone:
            self.counts["files left alone"] += 1
            self.line(f"{outcome.name}: left alone: {outcome.left_alone}", "yellow")
        elif outcome.new != outcome.old:
            self.changed += 1
            if self.options.write and path is not None:
                try:
                    replace_file(path, outcome.new, outcome.old)
                except OSError as error:
                    self.fail(f"{outcome.name}: not written: {error.strerror or error}")
                    return
            elif not self.options.write and self.options.format == "text" and not self.options.statistics:
                self.show_diff(outcome.diff)
        self.entries(outcome)

    def show_diff(self, text: str) -> None:
        """Print a diff, coloured on a terminal."""
        if not self.out.is_terminal:
            _write(text)
            return
        # Beside a progress bar, the console of the bar has to print.
        console = self.err if self.err.is_terminal else self.out
        for line in text.splitlines():
            console.print(Text(line, _COLOURS.get(line[:1], "")), soft_wrap=True)

    def entries(self, outcome: Outcome) -> None:
        """Print one line for everything that was found in a file."""
        for entry in outcome.entries:
            state = _state(entry, self.options)
            self.counts[state] += 1
            if self.options.statistics:
                continue
            if self.options.format == "github":
                _write(annotation(outcome.name, entry))
            cell = f":cell {entry.cell}" if entry.cell else ""
            place = f"{outcome.name}{cell}:{entry.line}"
            if not self.options.quiet:
                arrow = f" -> {entry.new}" if entry.new else ""
                old = entry.old if len(entry.old) <= _SHORT else entry.old[:_SHORT] + "..."
                why = f" ({'; '.join(entry.reasons)})" if entry.reasons else ""
                self.line(f"{place}: {state}: {entry.form}: {old}{arrow}{why}")
            for line in entry.proof:
                self.line(f"{place}: verify: {line}")

    def total(self, files: int) -> None:
        """Print what is known at the end: the document, the counts, the last line of the summary."""
        as_json = self.options.format == "json"
        if self.options.statistics:
            _write(statistics(self.outcomes, as_json))
        elif as_json:
            _write(json_document(self.outcomes))
        if self.options.quiet:
            return
        parts = [f"{count} {state}" for state, count in sorted(self.counts.items())]
        found = sum(self.counts.values())
        plural = "" if files == 1 else "s"
        self.line(f"{files} file{plural}, {found} found" + (": " + ", ".join(parts) if parts else ""))


def _state(entry: Entry, options: argparse.Namespace) -> str:
    if not entry.new:
        return "left"
    if not entry.fixed:
        return "unsafe, left without --unsafe-fixes"
    done = "rewritten" if options.write else "would rewrite"
    return done if entry.safe else f"{done} (unsafe)"


def rewrite_all(args: argparse.Namespace) -> int:
    """Search every path, and rewrite what it holds as the options say.

    Parameters
    ----------
    args : argparse.Namespace
        What the parser of ``command.add_arguments`` gave.

    Returns
    -------
    int
        0; 1 if ``--check`` was given and something would change; 2 if a path failed.
    """
    report = Report(args, Console(highlight=False), Console(stderr=True, highlight=False))
    options = Options(args.unsafe_fixes, args.verify)
    names = [name for name in args.paths if name != "-"]
    files = list(python_files(Path(name) for name in names))
    if len(names) < len(args.paths):
        _standard_input(report, options)
    outcomes = track(
        _outcomes(files, options, args.jobs),
        "rewrite",
        total=len(files),
        console=report.err,
        transient=True,
        disable=not report.err.is_terminal or len(files) < 2,
    )
    for path, outcome in zip(files, outcomes, strict=True):
        report.take(outcome, path)
    report.total(len(files) + (len(names) < len(args.paths)))
    if report.failed:
        return FAILED
    return WOULD_CHANGE if args.check and report.changed else OK


def _outcomes(files: list[Path], options: Options, jobs: int) -> Iterator[Outcome]:
    """Yield the outcome of each file, in order, from as many processes as that pays for."""
    processes = jobs or min(_cpus(), 1 + len(files) // _FEW)
    search = partial(search_file, options=options)
    if processes == 1:
        usual = gc.get_threshold()
        _collect_seldom()
        try:
            yield from map(search, files)
        finally:
            gc.set_threshold(*usual)
        return
    # Not by fork: a progress bar has a thread of its own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _collect_seldom) as pool:
        yield from pool.map(search, files, chunksize=_AT_ONCE)


def _collect_seldom() -> None:
    # A syntax tree is many objects, all alive: the usual thresholds look through them again and again.
    gc.set_threshold(100_000, 20, 20)


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _standard_input(report: Report, options: Options) -> None:
    outcome = search_bytes("<stdin>", sys.stdin.buffer.read(), options)
    outcome.diff = outcome.diff.replace("a/<stdin>", "a/stdin").replace("b/<stdin>", "b/stdin")
    if report.options.write:
        sys.stdout.flush()
        sys.stdout.buffer.write(outcome.new)
        sys.stdout.buffer.flush()
    report.take(outcome, None)


def _write(text: str) -> None:
    # Straight bytes: the console would translate the line ends of a CRLF file.
    stream = sys.stdout
    if isinstance(getattr(stream, "buffer", None), io.BufferedIOBase):
        stream.flush()
        stream.buffer.write(text.encode(errors="surrogateescape"))
        stream.buffer.flush()
    else:
        stream.write(text)
