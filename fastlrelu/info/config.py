"""What this installation uses on this machine, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._version import __version__
from ..dispatch import caches, loops
from ..memory import reuse
from ..threads import choice, idle, number, region
from ..ufuncs import registration


def config() -> dict[str, Any]:
    """What fastlrelu uses on this machine, and why.

    Returns
    -------
    dict
        ``version``, ``numpy``: versions. ``simd``: the level in use; ``simd_available``: those of this CPU, best first.
        ``openmp``: whether threads were built in. ``openmp_library``: the file of the OpenMP library in use, another
        package's where that was loaded first; ``openmp_idle``: how long its threads stay awake. ``threads``: what
        `get_num_threads` returns; ``threads_reason``: the rule that set it. ``parallel_bytes``, ``stream_bytes``: the
        memory traffic from which a call may use threads, and from which a new or separate output is stored past the
        caches; ``parallel_reason``, ``stream_reason``: where they come from. ``parallel_measured``: GB/s by one thread
        and by several, for each kind of call that was tried.
        ``caches``: bytes by level. ``dtypes``: names of the supported dtypes. ``memory_held``, ``memory_blocks``: what
        `reuse_memory` keeps now, in bytes and blocks; ``memory_limit``: the most that it may keep, 0 where it is not in
        use; ``memory_reused``: how many blocks were used again since the import.

    See Also
    --------
    show_config : the same as text
    """
    library = region.library()
    return {
        "version": __version__,
        "numpy": np.__version__,
        "simd": loops.level(),
        "simd_available": loops.levels(),
        "dtypes": registration.dtypes(),
        "openmp": region.compiled,
        "openmp_library": library,
        "openmp_idle": None if library is None else idle.waits(library, region.llvm),
        "threads": number.get_num_threads(),
        "threads_reason": number.threads_reason(),
        "parallel_bytes": choice.parallel_bytes(),
        "parallel_reason": choice.parallel_reason(),
        "parallel_measured": choice.measurements(),
        "stream_bytes": loops.stream_threshold(),
        "stream_reason": caches.stream_reason(),
        "caches": caches.cache_sizes(),
        **reuse.totals(),
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
    cache_text = ", ".join(f"L{level} {_size(nbytes)}" for level, nbytes in sorted(c["caches"].items()))
    print(f"fastlrelu {c['version']}, NumPy {c['numpy']}")
    print(f"SIMD      {c['simd']} (this CPU has: {', '.join(c['simd_available'])})")
    print(f"dtypes    {', '.join(c['dtypes'])}")
    print(f"OpenMP    {c['openmp_library'] or 'yes' if c['openmp'] else 'NO: built without threads'}")
    if c["openmp_idle"]:
        print(f"          idle threads stay awake: {c['openmp_idle']}")
    print(f"threads   {c['threads']}: {c['threads_reason']}")
    print(f"          from {_size(c['parallel_bytes'])} of traffic: {c['parallel_reason']}")
    print(f"streaming from {_size(c['stream_bytes'])} of traffic: {c['stream_reason']}")
    print(f"caches    {cache_text or 'unknown'}")
    if c["memory_limit"]:
        blocks = f"{c['memory_blocks']} blocks, {c['memory_reused']} used again so far"
        print(f"memory    {_size(c['memory_held'])} of {_size(c['memory_limit'])} kept for new arrays: {blocks}")
    else:
        print("memory    not kept for new arrays: see reuse_memory")
    for row in c["parallel_measured"]:
        alone, together = (f"{v:.1f}" if v else "-" for v in (row["alone"], row["together"]))
        kind = f"{row['work']}, {_size(row['bytes'])}, output {row['memory']}"
        print(f"  {kind}: {alone} GB/s with one thread, {together} with several")
