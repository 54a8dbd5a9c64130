"""The size of the last-level cache, and what follows from it for large outputs."""

from __future__ import annotations

import os

_UNKNOWN = 32 << 20
# The call alone is faster with streaming stores from three quarters on (benchmarks/targets.py streaming), but then the
# next operation would have found the output in the cache.
_TRAFFIC_PER_CACHE = 1
# What a core reaches fast: the largest third-level cache of a few cores' own. Larger ones are a whole processor's, of
# which a virtual machine may have a share alone; there streaming is faster from this traffic on, the output's next use
# included (benchmarks/targets.py streaming: Xeon, 480 MiB).
_OWN_CACHE = 96 << 20
_OF_SHARED_CACHE = 64 << 20
_SYSCONF_NAMES = {
    1: "SC_LEVEL1_DCACHE_SIZE",
    2: "SC_LEVEL2_CACHE_SIZE",
    3: "SC_LEVEL3_CACHE_SIZE",
}


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def _from_sysfs(root: str) -> dict[int, int]:
    sizes: dict[int, int] = {}
    folder = os.path.join(root, "sys/devices/system/cpu/cpu0/cache")
    for number in range(8):
        index = os.path.join(folder, f"index{number}")
        try:
            if _read(os.path.join(index, "type")) != "Instruction":
                size = _read(os.path.join(index, "size")).removesuffix("K")
                sizes[int(_read(os.path.join(index, "level")))] = int(size) << 10
        except (OSError, ValueError):
            continue
    return sizes


def cache_sizes(root: str | os.PathLike[str] = "/") -> dict[int, int]:
    """Bytes of each data cache level of the first processor.

    Parameters
    ----------
    root : path, optional
        Where ``sys`` is found.

    Returns
    -------
    dict of int to int
        Cache level to bytes; empty where the system does not say.
    """
    sizes = _from_sysfs(os.fspath(root))
    if not sizes and hasattr(os, "sysconf"):
        for level, name in _SYSCONF_NAMES.items():
            if name in os.sysconf_names and os.sysconf(name) > 0:
                sizes[level] = os.sysconf(name)
    return sizes


def stream_bytes() -> int:
    """Bytes of memory traffic from which an output is stored past the caches.

    Returns
    -------
    int
        ``FASTLRELU_STREAM_BYTES`` if set, else the size of the last-level cache, or 64 MiB where that
        is larger than 96: with more than that, too little of the data is still in the cache when it
        is used next.

    Raises
    ------
    ImportError
        If ``FASTLRELU_STREAM_BYTES`` is not a positive whole number.
    """
    return bytes_from_environment("FASTLRELU_STREAM_BYTES") or stream_bytes_for(cache_sizes())


def stream_bytes_for(sizes: dict[int, int]) -> int:
    """`stream_bytes` of a CPU with these caches (level to bytes)."""
    largest = max(sizes.values(), default=_UNKNOWN)
    return int(_TRAFFIC_PER_CACHE * largest) if largest <= _OWN_CACHE else _OF_SHARED_CACHE


def stream_reason() -> str:
    """Where the value of `stream_bytes` comes from, in words."""
    if os.environ.get("FASTLRELU_STREAM_BYTES"):
        return "FASTLRELU_STREAM_BYTES"
    sizes = cache_sizes()
    if not sizes:
        return "a guess: no cache sizes are known"
    if max(sizes.values()) > _OWN_CACHE:
        return "the share of one core in a last-level cache of many"
    return "the size of the last-level cache"


def bytes_from_environment(name: str) -> int | None:
    """A number of bytes that the user set, None if unset; ImportError, naming it, if it is no positive whole number."""
    text = os.environ.get(name)
    if not text:
        return None
    # Eighteen digits fit a 64-bit integer.
    if not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise ImportError(f"{name}={text!r} is not a positive whole number of bytes below 10**18")
    return int(text)
