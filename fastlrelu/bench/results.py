"""results.json: pytest-benchmark's own format with one key more, and the same as objects."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_benchmark

import fastlrelu as fl

from .cells import DTYPES, LABELS, OPERATIONS, OURS, Cell
from .machine import cache_bytes, head, machine_info
from .measurement import Measured
from .turns import OUT_OF_TIME


class BadResultsError(Exception):
    """A file that holds no results of this suite; the message, of one line, says which and why."""


@dataclass(frozen=True)
class Result:
    """One candidate in one cell: seconds per call."""

    cell: Cell
    candidate: str
    median: float
    q1: float
    q3: float
    rounds: int
    same_bits: bool

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median."""
        return (self.q3 - self.q1) / 2 / self.median

    @property
    def gigabytes_per_second(self) -> float:
        """Of the memory traffic that the operation needs."""
        return self.cell.nbytes / self.median / 1e9


@dataclass(frozen=True)
class Omission:
    """One candidate that has no time in one cell."""

    cell: Cell
    candidate: str
    reason: str
    unsupported: bool


@dataclass
class Run:
    """All results of a run."""

    cells: dict[Cell, dict[str, Result]] = field(default_factory=dict)
    omissions: list[Omission] = field(default_factory=list)
    head: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    caches: dict[int, int] = field(default_factory=dict)
    date: str = ""
    interrupted: bool = False
    quick: bool = False
    seconds: float = 0.0
    # Processors that other programs kept busy.
    other_load: float = 0.0

    def results(self) -> list[Result]:
        """All of them in the order of measurement."""
        return [result for candidates in self.cells.values() for result in candidates.values()]

    def out_of_time(self) -> int:
        """The number of cells that the time did not suffice for."""
        return len({omission.cell for omission in self.omissions if omission.reason == OUT_OF_TIME})

    def noise(self) -> tuple[float, float]:
        """The spread of repeats: its median over all results, and the spread that nine in ten stay under."""
        spreads = sorted(result.spread for result in self.results())
        if not spreads:
            return 0.0, 0.0
        return statistics.median(spreads), spreads[min(len(spreads) - 1, int(0.9 * len(spreads)))]


def to_json(measured: Measured, seconds: float, quick: bool, other_load: float) -> dict[str, Any]:
    """What results.json holds."""
    info = machine_info()
    return {
        "machine_info": info,
        # What was measured is the installed release; the folder that the command was called in says nothing about it.
        "commit_info": {"id": f"v{fl.__version__}", "time": None, "dirty": False, "project": "fastlrelu", "branch": ""},
        "benchmarks": measured.benchmarks,
        "datetime": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": pytest_benchmark.__version__,
        "fastlrelu": {
            "head": head(info, measured.versions),
            "caches": cache_bytes(),
            "missing": measured.missing,
            "omitted": measured.omitted,
            "interrupted": measured.interrupted,
            "quick": quick,
            "seconds": round(seconds, 1),
            "other_load": round(other_load, 3),
        },
    }


def text_of(document: Mapping[str, Any]) -> str:
    """The text of results.json: one line for each benchmark, so that two runs can be told apart line by line."""
    rest = {key: value for key, value in document.items() if key != "benchmarks"}
    lines = ",\n  ".join(json.dumps(benchmark) for benchmark in document["benchmarks"])
    return json.dumps(rest, indent=1)[:-2] + ',\n "benchmarks": [\n  ' + lines + "\n ]\n}\n"


def _cell(fields: Mapping[str, Any]) -> Cell:
    cell = Cell(fields["operation"], fields["dtype"], int(fields["size"]), int(fields["threads"]))
    if cell.operation not in OPERATIONS or cell.dtype not in DTYPES or cell.size < 1 or cell.threads < 1:
        raise ValueError(f"no such cell: {cell}")
    return cell


def _result(benchmark: Mapping[str, Any]) -> Result:
    extra, stats = benchmark["extra_info"], benchmark["stats"]
    median, q1, q3 = (float(stats[name]) for name in ("median", "q1", "q3"))
    if not all(math.isfinite(number) and number > 0 for number in (median, q1, q3)):
        raise ValueError(f"times of {benchmark.get('name')} are not positive numbers")
    if extra["candidate"] not in LABELS:
        raise ValueError(f"no such candidate: {extra['candidate']!r}")
    same_bits = bool(extra.get("same_bits", True))
    return Result(_cell(extra), extra["candidate"], median, q1, q3, int(stats["rounds"]), same_bits)


def run_of(document: Any) -> Run:
    """The objects for a document.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If it is none of this suite's.
    """
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        raise ValueError("no list of benchmarks")
    own = document.get("fastlrelu", {})
    run = Run(
        head=dict(own.get("head", {})),
        missing=dict(own.get("missing", {})),
        caches={int(level): int(nbytes) for level, nbytes in own.get("caches", {}).items()},
        date=str(document.get("datetime", "")),
        interrupted=bool(own.get("interrupted", False)),
        quick=bool(own.get("quick", False)),
        seconds=float(own.get("seconds", 0.0)),
        other_load=float(own.get("other_load", 0.0)),
    )
    for benchmark in document["benchmarks"]:
        result = _result(benchmark)
        run.cells.setdefault(result.cell, {})[result.candidate] = result
    for entry in own.get("omitted", []):
        run.omissions.append(
            Omission(_cell(entry), entry["candidate"], entry["reason"], bool(entry.get("unsupported", False)))
        )
    return run


def read(path: Path) -> Run:
    """Read a results.json.

    Raises
    ------
    BadResultsError
        If it cannot be read or holds no results of this suite.
    """
    try:
        run = run_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadResultsError(f"{path}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise BadResultsError(f"{path} is not JSON: {error}") from None
    except UnicodeDecodeError:
        raise BadResultsError(f"{path} is not JSON: it is not text in UTF-8") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise BadResultsError(f"{path} holds no results of fastlrelu bench: {reason}") from None
    if not any(name in OURS for candidates in run.cells.values() for name in candidates):
        raise BadResultsError(f"{path} holds no results of fastlrelu bench: no time of fastlrelu in it")
    return run
