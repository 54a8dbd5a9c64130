"""The head of a report: this machine, this installation, and what else was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

import psutil
import pytest_benchmark
from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info

import fastlrelu as fl

from ..threads.processors import affinity_count, quota_count
from .cells import LABELS


def machine_info() -> dict[str, Any]:
    """pytest-benchmark's description, without the host's name: a report is meant to be handed on."""
    info: dict[str, Any] = pytest_benchmark_generate_machine_info()
    info["node"] = ""
    return info


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
    return f"{name}, {platform.system()} {platform.release()}"


def _size(nbytes: int) -> str:
    return f"{nbytes >> 20} MiB" if nbytes >= 1 << 20 else f"{nbytes >> 10} KiB"


def head(info: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, str]:
    """The rows of the head, in their order."""
    config = fl.config()
    quota = quota_count()
    cpu = info.get("cpu", {})
    model = cpu.get("brand_raw") or info.get("processor") or info.get("machine") or "unknown"
    caches = ", ".join(f"L{level} {_size(nbytes)}" for level, nbytes in sorted(config["caches"].items()))
    peers = [
        f"{LABELS.get(name, name)} {version}"
        for name, version in sorted(versions.items())
        if name not in ("numpy", "fastlrelu")
    ]
    return {
        "CPU": f"{model} ({platform.machine()})",
        "Cores": f"{os.cpu_count()}, of which this process may use {affinity_count()}",
        "Quota": "none" if quota is None else f"pays for {quota}",
        "Caches": caches or "unknown",
        "System": _system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "fastlrelu": config["version"],
        "SIMD level": f"{config['simd']}, of {', '.join(config['simd_available'])}",
        "NumPy": config["numpy"],
        "Peers": ", ".join(peers) or "none",
        "Threads": f"{config['threads']}: {config['threads_reason']}"
        if config["openmp"]
        else "1: built without OpenMP",
        "Thread policy": f"from {_size(config['parallel_bytes'])} of traffic: {config['parallel_reason']}",
        "Stored past the caches": f"from {_size(config['stream_bytes'])} of traffic: {config['stream_reason']}",
        "Measured with": f"pytest-benchmark {pytest_benchmark.__version__}",
    }


class OtherLoad:
    """How many processors other programs kept busy since this object was made."""

    def __init__(self) -> None:
        self._before = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        own = os.times()
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
        # Linux counts guests in user time as well.
        busy -= getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
        return busy - own.user - own.system - own.children_user - own.children_system, own.elapsed

    def processors(self) -> float:
        """The average, after the processes of the run have ended."""
        busy, elapsed = self._now()
        return max(0.0, (busy - self._before[0]) / max(elapsed - self._before[1], 1e-3))


def cache_bytes() -> dict[str, int]:
    """Bytes by cache level, as JSON's own types."""
    return {str(level): nbytes for level, nbytes in sorted(fl.config()["caches"].items())}
