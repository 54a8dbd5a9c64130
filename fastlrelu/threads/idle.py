"""How long OpenMP's idle threads stay awake.

By default they spin for milliseconds after each region. On a machine with no more cores than threads they then take the
cores of NumPy's own threads, those of a matrix product for one. Asleep at once, they take tens of microseconds to wake
up. So they are told to stay awake for a few microseconds, as long as it takes to come from one call to the next.
OpenMP reads that once, when it is loaded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from .pauses import pauses_in

AWAKE_NANOSECONDS = 20_000
_USER_SETTINGS = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")

_told = ""
_loaded_before: frozenset[str] = frozenset()


def _openmp_libraries() -> frozenset[str]:
    """Paths of the files in this process's memory that may be OpenMP libraries."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
            return frozenset(line.split(maxsplit=5)[-1].rstrip("\n") for line in lines if "omp" in line)
    except OSError:
        return frozenset()


@contextlib.contextmanager
def short_waits() -> Iterator[None]:
    """The environment in which OpenMP is to be loaded: with what it is told, unless the user has told it something."""
    global _told, _loaded_before
    _loaded_before = _openmp_libraries()
    by_user = [f"{name}={os.environ[name]}" for name in _USER_SETTINGS if name in os.environ]
    if by_user:
        _told = f"as long as {', '.join(by_user)} says"
        yield
        return
    # libgomp's setting, rounds of a loop with a pause in each, and LLVM's, which is in milliseconds.
    settings = {"GOMP_SPINCOUNT": str(pauses_in(AWAKE_NANOSECONDS)), "KMP_BLOCKTIME": "0"}
    _told = f"{AWAKE_NANOSECONDS // 1000} us"
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            del os.environ[name]


def waits(library: str, llvm: bool) -> str:
    """How long the idle threads of the OpenMP library at this path stay awake, in words."""
    if os.path.realpath(library) in _loaded_before:
        return "as long as whoever loaded it before fastlrelu wants"
    return "not at all" if llvm and _told[0].isdigit() else _told
