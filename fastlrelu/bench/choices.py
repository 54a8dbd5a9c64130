"""What the user chose on the command line, checked before anything is measured."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import TypeVar

from .cells import DTYPES, PEERS

T = TypeVar("T")
MOST_ELEMENTS = 1 << 30
ALIASES = {"pytorch": "torch", "np.maximum": "maximum", "ort": "onnxruntime"}


class UsageError(Exception):
    """Something about the command line; the message is one line."""


def _each(option: str, text: str | None, convert: Callable[[str], T]) -> list[T] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"{option} {text!r} names nothing")
    return list(dict.fromkeys(convert(word) for word in words))


def sizes(text: str | None) -> list[int] | None:
    """Numbers of elements, ascending."""

    def size(word: str) -> int:
        match = re.fullmatch(r"([0-9]{1,12})(?:(?:\^|\*\*)([0-9]{1,2}))?", word)
        number = int(match[1]) ** int(match[2] or 1) if match else 0
        if not 1 <= number <= MOST_ELEMENTS:
            raise UsageError(f"--sizes: {word!r} is no number of elements from 1 to 2^30")
        return number

    chosen = _each("--sizes", text, size)
    return sorted(chosen) if chosen else None


def _one_of(option: str, known: tuple[str, ...], aliases: dict[str, str] | None = None) -> Callable[[str], str]:
    def check(word: str) -> str:
        name = (aliases or {}).get(word.lower(), word.lower())
        if name not in known:
            raise UsageError(f"{option}: {word!r} is none of {', '.join(known)}")
        return name

    return check


def dtypes(text: str | None) -> list[str] | None:
    """Names of dtypes."""
    return _each("--dtypes", text, _one_of("--dtypes", DTYPES))


def peers(text: str | None) -> list[str] | None:
    """Names of candidates."""
    return _each("--against", text, _one_of("--against", PEERS, ALIASES))


def threads(text: str | None, available: int) -> list[int] | None:
    """Numbers of threads."""
    most = max(available, os.cpu_count() or 1)

    def count(word: str) -> int:
        if word == "all":
            return available
        if not word.isdecimal() or not 1 <= int(word) <= most:
            raise UsageError(f"--threads: {word!r} is no number of threads from 1 to {most}, nor all")
        return int(word)

    return _each("--threads", text, count)


def percent(text: str | None) -> float | None:
    """A threshold."""
    if text is None:
        return None
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"--fail-above: {text!r} is no percentage of 0 or more")
    return value
