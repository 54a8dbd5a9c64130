"""How many processors this process may use: its affinity mask and its control-group CPU quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _quota_v2(folder: Path) -> float | None:
    fields = _read(folder / "cpu.max").split()
    try:
        quota, period = float(fields[0]), float(fields[1])
    except (IndexError, ValueError):
        return None
    return quota / period if 0 < quota < math.inf and 0 < period < math.inf else None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = float(_read(folder / "cpu.cfs_quota_us"))
        period = float(_read(folder / "cpu.cfs_period_us"))
    except ValueError:
        return None
    return quota / period if 0 < quota < math.inf and 0 < period < math.inf else None


def _quotas(root: Path) -> Iterator[float]:
    """Each quota between this process's control group and the root of its hierarchy."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        controllers = fields[1].split(",")
        if fields[1] == "":
            mount, quota_of = root / "sys/fs/cgroup", _quota_v2
        elif "cpu" in controllers:
            mount, quota_of = root / "sys/fs/cgroup" / fields[1], _quota_v1
            if not mount.is_dir():
                mount = root / "sys/fs/cgroup/cpu"
        else:
            continue
        # A container often sees its own group as the root of the mount, under a path that exists only outside.
        group = Path(*[part for part in fields[2].split("/") if part not in ("", ".", "..")])
        for folder in (mount / group, *(mount / parent for parent in group.parents)):
            quota = quota_of(folder)
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
    smallest = min(_quotas(Path(root)), default=None)
    return None if smallest is None else max(1, math.ceil(smallest))
