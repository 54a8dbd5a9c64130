"""Runs the suite with pytest, in this process, and collects what pytest-benchmark makes of each test."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_benchmark.plugin

from . import plugin
from .cells import Cell
from .plans import Plan
from .turns import INTERRUPTED, Stopwatch

FOLDER = Path(__file__).parent
ARGUMENTS = (
    str(FOLDER / "suite.py"),
    f"--rootdir={FOLDER}",
    "-c",
    str(FOLDER / "pytest.ini"),
    "--noconftest",
    "--import-mode=importlib",
    "--assert=plain",
    "--capture=no",
    "--benchmark-quiet",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
)


@dataclass
class Measured:
    """What a run has measured so far."""

    benchmarks: list[dict[str, Any]] = field(default_factory=list)
    omitted: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""


class _Recorder:
    """Hooks between pytest and the progress display."""

    def __init__(
        self, plan: Plan, measured: Measured, show: Callable[[Cell, Stopwatch], None], stop: threading.Event
    ) -> None:
        self._plan = plan
        self._measured = measured
        self._show = show
        self._stop = stop
        self._current: Cell | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[plugin.PLAN] = self._plan
        config.stash[plugin.STOP] = self._stop

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Function, nextitem: pytest.Function | None) -> None:
        fixtures: dict[str, Any] = dict(item.funcargs)
        watch: Stopwatch = fixtures["stopwatch"]
        params: dict[str, Any] = dict(item.callspec.params)
        cell, candidate = params["cell"], params["candidate"]
        if watch.timed(cell) is None:
            return
        self._measured.versions.update(watch.versions)
        self._measured.missing.update(watch.missing)
        times = watch.times(cell)[candidate]
        following = dict(nextitem.callspec.params).get("cell") if nextitem is not None else None
        if self._stop.is_set() and (times.refused == INTERRUPTED or following != cell):
            item.session.shouldstop = INTERRUPTED
        if times.refused == INTERRUPTED:
            return
        if times.refused:
            self._measured.omitted.append(
                {**asdict(cell), "candidate": candidate, "reason": times.refused, "unsupported": times.unsupported}
            )
        else:
            self._measured.benchmarks.append(fixtures["benchmark"].stats.as_dict(include_data=False))
        if cell != self._current:
            self._current = cell
            self._show(cell, watch)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._measured.failure = self._measured.failure or report.longreprtext

    def pytest_internalerror(self, excrepr: object) -> None:
        self._measured.failure = self._measured.failure or str(excrepr)


@contextmanager
def _own_settings() -> Generator[None]:
    """Keep the user's pytest settings out of the run."""
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    before["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _interruptible(stop: threading.Event) -> Generator[None]:
    """The first Ctrl-C asks the run to stop; only the second raises KeyboardInterrupt, wherever it then hits."""

    def handler(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def measure(plan: Plan, show: Callable[[Cell, Stopwatch], None]) -> Measured:
    """Run the suite.

    Parameters
    ----------
    plan : Plan
        The cells.
    show : callable
        Called after each cell.

    Returns
    -------
    Measured
        All results, or those before Ctrl-C.
    """
    measured = Measured()
    stop = threading.Event()
    plugins = [pytest_benchmark.plugin, plugin, _Recorder(plan, measured, show, stop)]
    # pytest-benchmark makes a folder for its storage as soon as it starts, by default in the current one.
    with _own_settings(), _interruptible(stop), tempfile.TemporaryDirectory() as storage:
        status = pytest.main([*ARGUMENTS, f"--benchmark-storage={storage}"], plugins=plugins)
    measured.interrupted = status == pytest.ExitCode.INTERRUPTED
    if not measured.failure and status not in (pytest.ExitCode.OK, pytest.ExitCode.INTERRUPTED):
        measured.failure = f"pytest ended with status {int(status)}"
    return measured
