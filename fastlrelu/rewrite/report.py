"""A run of ``fastlrelu rewrite`` over files and standard input: diffs, the summary, the exit status."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.text import Text

from fastlrelu.rewrite.files import (
    Decoded,
    decode,
    local_packages,
    python_files,
    replace_file,
)
from fastlrelu.rewrite.fixes import Rewritten, diff, rewrite
from fastlrelu.rewrite.search import Finding

OK, WOULD_CHANGE, FAILED = 0, 1, 2
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_SHORT = 100


@dataclass
class Report:
    """What a run has to say, and the exit code it earns."""

    options: argparse.Namespace
    out: Console
    err: Console
    counts: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    failed: bool = False

    def fail(self, message: str) -> None:
        """Print one line about a path that could not be handled."""
        self.failed = True
        self.line(f"error: {message}", "bold red")

    def line(self, text: str, style: str = "") -> None:
        """Print one line on standard error, never wrapped."""
        self.err.print(Text(text, style), soft_wrap=True)

    def show_diff(self, text: str) -> None:
        """Print a diff, coloured on a terminal."""
        if not self.out.is_terminal:
            _write(text)
            return
        # Beside a progress bar, the console of the bar has to print.
        console = self.err if self.err.is_terminal else self.out
        for line in text.splitlines():
            console.print(Text(line, _COLOURS.get(line[:1], "")), soft_wrap=True)

    def findings(self, name: str, result: Rewritten) -> None:
        """Print one line for everything that was found in a file."""
        for finding in result.findings:
            state = _state(finding, result, self.options)
            self.counts[state] += 1
            if not self.options.quiet:
                arrow = f" -> {finding.new}" if finding.new else ""
                old = finding.old if len(finding.old) <= _SHORT else finding.old[:_SHORT] + "..."
                why = f" ({'; '.join(finding.reasons)})" if finding.reasons else ""
                self.line(f"{name}:{finding.line}: {state}: {finding.form}: {old}{arrow}{why}")
            if self.options.verify and finding.new:
                from fastlrelu.rewrite.proof import prove

                for line in prove(finding):
                    self.line(f"{name}:{finding.line}: verify: {line}")

    def total(self, files: int) -> None:
        """Print the last line of the summary."""
        if self.options.quiet:
            return
        parts = [f"{count} {state}" for state, count in sorted(self.counts.items())]
        found = sum(self.counts.values())
        plural = "" if files == 1 else "s"
        self.line(f"{files} file{plural}, {found} found" + (": " + ", ".join(parts) if parts else ""))


def _state(finding: Finding, result: Rewritten, options: argparse.Namespace) -> str:
    if finding.left:
        return "left"
    if not any(finding is fixed for fixed in result.fixed):
        return "unsafe, left without --unsafe-fixes"
    done = "rewritten" if options.write else "would rewrite"
    return done if finding.safe else f"{done} (unsafe)"


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
    names = [name for name in args.paths if name != "-"]
    files = list(python_files(Path(name) for name in names))
    if len(names) < len(args.paths):
        _standard_input(report)
    for path in track(
        files,
        "rewrite",
        console=report.err,
        transient=True,
        disable=not report.err.is_terminal or len(files) < 2,
    ):
        _file(path, report)
    report.total(len(files) + (len(names) < len(args.paths)))
    if report.failed:
        return FAILED
    return WOULD_CHANGE if args.check and report.changed else OK


def _file(path: Path, report: Report) -> None:
    name = os.path.normpath(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        report.fail(f"{name}: {error.strerror or error}")
        return
    decoded, result = _rewritten(name, data, local_packages(path), report)
    if decoded is None or result is None:
        return
    if result.text != decoded.text:
        report.changed += 1
        if report.options.write:
            try:
                replace_file(path, decoded.encode(result.text), data)
            except OSError as error:
                report.fail(f"{name}: not written: {error.strerror or error}")
                return
        else:
            report.show_diff(diff(decoded.text, result.text, name))
    report.findings(name, result)


def _standard_input(report: Report) -> None:
    data = sys.stdin.buffer.read()
    decoded, result = _rewritten("<stdin>", data, frozenset(), report)
    if decoded is None or result is None:
        return
    report.changed += result.text != decoded.text
    if report.options.write:
        sys.stdout.flush()
        sys.stdout.buffer.write(decoded.encode(result.text))
        sys.stdout.buffer.flush()
    elif result.text != decoded.text:
        report.show_diff(diff(decoded.text, result.text, "stdin"))
    report.findings("<stdin>", result)


def _rewritten(
    name: str, data: bytes, local: frozenset[str], report: Report
) -> tuple[Decoded | None, Rewritten | None]:
    try:
        decoded = decode(data)
        unsafe = report.options.unsafe_fixes
        return decoded, rewrite(decoded.text, unsafe_fixes=unsafe, local=local)
    except UnicodeDecodeError as error:
        reason = f"not {error.encoding} at byte {error.start}"
    except SyntaxError as error:
        reason = f"not Python: {error.msg}" + (f" at line {error.lineno}" if error.lineno else "")
    except RecursionError:
        reason = "nested too deeply"
    report.counts["files left alone"] += 1
    report.line(f"{name}: left alone: {reason}", "yellow")
    if name == "<stdin>" and report.options.write:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return None, None


def _write(text: str) -> None:
    # Straight bytes: the console would translate the line ends of a CRLF file.
    stream = sys.stdout
    if isinstance(getattr(stream, "buffer", None), io.BufferedIOBase):
        stream.flush()
        stream.buffer.write(text.encode(errors="surrogateescape"))
        stream.buffer.flush()
    else:
        stream.write(text)
