"""How many processors this process may use: its affinity mask and its control-group CPU quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator


def affinity_count() -> int:
    """Processors that the affinity mask of this process leaves it.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _read(*path: str) -> str:
    try:
        with open(os.path.join(*path), encoding="ascii", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _processors(quota: str, period: str) -> float | None:
    """What a quota of microseconds in each period pays for; None where it is no limit or no number."""
    try:
        paid, out_of = float(quota), float(period)
    except ValueError:
        return None
    if not (paid > 0 and out_of > 0):
        return None
    share = paid / out_of
    return share if share < math.inf else None


def _quota_v2(folder: str) -> float | None:
    fields = _read(folder, "cpu.max").split()
    return _processors(*fields) if len(fields) == 2 else None


def _quota_v1(folder: str) -> float | None:
    return _processors(_read(folder, "cpu.cfs_quota_us"), _read(folder, "cpu.cfs_period_us"))


def _quotas(root: str) -> Iterator[float]:
    """Each quota between this process's control group and the root of its hierarchy."""
    for line in _read(root, "proc/self/cgroup").splitlines():
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        controllers = fields[1].split(",")
        mount = os.path.join(root, "sys/fs/cgroup")
        quota_of = _quota_v2
        if "cpu" in controllers:
            quota_of = _quota_v1
            together = os.path.join(mount, fields[1])
            mount = together if os.path.isdir(together) else os.path.join(mount, "cpu")
        elif fields[1] != "":
            continue
        # A container often sees its own group as the root of the mount, under a path that exists only outside.
        parts = [part for part in fields[2].split("/") if part not in ("", ".", "..")]
        for depth in range(len(parts), -1, -1):
            quota = quota_of(os.path.join(mount, *parts[:depth]))
            if quota is not None:
                yield quota


def quota_count(root: str | os.PathLike[str] = "/") -> int | None:
    """Processors that the CPU quota of this process pays for, rounded up.

    Parameters
    ----------
    root : path, optional
        Where ``proc`` and ``sys`` are found.

    Returns
    -------
    int or None
        The smallest quota between the process's control group and the root of the hierarchy, cgroup v1 and v2;
        None where there is no quota or none that can be read.
    """
    smallest = min(_quotas(os.fspath(root)), default=None)
    return None if smallest is None else max(1, math.ceil(smallest))
