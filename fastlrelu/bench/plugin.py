"""The pytest plugin that runs the suite: which cells, timed in turn by one stopwatch for the session."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from .plans import Plan, repository_plan
from .turns import Stopwatch

PLAN = pytest.StashKey[Plan]()
STOP = pytest.StashKey[threading.Event]()


def pytest_configure(config: pytest.Config) -> None:
    """Measure the repository's cells unless somebody chose others before."""
    config.stash.setdefault(PLAN, repository_plan())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each candidate in each cell."""
    if "cell" in metafunc.fixturenames and "candidate" in metafunc.fixturenames:
        cases = [
            pytest.param(cell, candidate, id=f"{cell}-{candidate}") for cell, candidate in metafunc.config.stash[PLAN]
        ]
        metafunc.parametrize(("cell", "candidate"), cases)


@pytest.fixture(scope="session")
def stopwatch(request: pytest.FixtureRequest) -> Iterator[Stopwatch]:
    """Times those candidates that were not deselected."""
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [(p["cell"], p["candidate"]) for p in params if "candidate" in p]
    stash = request.config.stash
    watch = Stopwatch(wanted, stash[PLAN].limits, stash.get(STOP, None))
    yield watch
    watch.close()
