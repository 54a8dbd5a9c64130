"""What this installation uses on this machine, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _caches, _loops, _teams, _threads, _ufuncs
from ._version import __version__


def config() -> dict[str, Any]:
    """What fastlrelu uses on this machine, and why.

    Returns
    -------
    dict
        ``version``, ``numpy``: versions. ``simd``: the level in use; ``simd_available``: those of this CPU, best first.
        ``openmp``: whether threads were built in. ``threads``: what `get_num_threads` returns; ``threads_reason``: the
        rule that set it. ``parallel_bytes``, ``stream_bytes``: the memory traffic from which a call may use threads,
        and from which a new or separate output is stored past the caches; ``parallel_reason``, ``stream_reason``: where
        they come from. ``parallel_measured``: GB/s by one thread and by several, for each
        size that was tried, with output memory ``present`` or ``new``.
        ``caches``: bytes by level. ``dtypes``: names of the supported dtypes.

    See Also
    --------
    show_config : the same as text
    """
    caches = _caches.cache_sizes()
    return {
        "version": __version__,
        "numpy": np.__version__,
        "simd": _loops.level(),
        "simd_available": _loops.levels(),
        "dtypes": _ufuncs.dtypes(),
        "openmp": _threads.openmp,
        "threads": _threads.get_num_threads(),
        "threads_reason": _threads.threads_reason(),
        "parallel_bytes": _teams.parallel_bytes(),
        "parallel_reason": _teams.parallel_reason(),
        "parallel_measured": _teams.measurements(),
        "stream_bytes": _loops.stream_threshold(),
        "stream_reason": _caches.stream_reason(),
        "caches": caches,
    }


def _size(nbytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if nbytes < 1024:
            return f"{nbytes:.4g} {unit}"
        nbytes /= 1024
    return f"{nbytes:.4g} GiB"


def show_config() -> None:
    """Print what `config` returns, as text.

    See Also
    --------
    config : the same as a dict
    """
    c = config()
    caches = ", ".join(f"L{level} {_size(nbytes)}" for level, nbytes in sorted(c["caches"].items()))
    print(f"fastlrelu {c['version']}, NumPy {c['numpy']}")
    print(f"SIMD      {c['simd']} (this CPU has: {', '.join(c['simd_available'])})")
    print(f"dtypes    {', '.join(c['dtypes'])}")
    print(f"OpenMP    {'yes' if c['openmp'] else 'NO: built without threads'}")
    print(f"threads   {c['threads']}: {c['threads_reason']}")
    print(f"          from {_size(c['parallel_bytes'])} of traffic: {c['parallel_reason']}")
    print(f"streaming from {_size(c['stream_bytes'])} of traffic: {c['stream_reason']}")
    print(f"caches    {caches or 'unknown'}")
    for row in c["parallel_measured"]:
        alone, together = (f"{v:.1f}" if v else "-" for v in (row["alone"], row["together"]))
        kind = f"{row['work']}, {_size(row['bytes'])}, output {row['memory']}"
        print(f"  {kind}: {alone} GB/s with one thread, {together} with several")
