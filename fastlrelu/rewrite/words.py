"""Cheap tests of text: most files, and most functions of the others, need not be parsed or followed."""

from __future__ import annotations

import re
from functools import lru_cache

# Strings and comments, in the order in which they open, so that a quote within one opens no other.
_SILENT = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*"'
    r"|'[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*'"
    r"|#[^\r\n]*",
    re.DOTALL,
)
_NUMPY = re.compile(r"numpy|\bnp\b|scipy")
# A comparison with zero, or a function that has two sides of it: no form is without one.
_AFTER = re.compile(r"[<>!=](?:(?<=[<>])=?|=)\s*\(?\s*-?(?:0(?![\dxbo])|zero)")
_BEFORE = re.compile(r"[0z](?:(?<![\w.]0)(?:\.0*)?|(?<![\w.]z)ero)\)?\s*[<>]")
_TWO_SIDED = ("max", "min", "abs", "clip", "heaviside", "sign", "greater", "less", "masked_")
_CALLED = re.compile(
    r"(?<![.\w])(?:max|min)\(|\ba?max\(\s*[\[(]|\bf?m(?:ax|in)imum\b|\bfm(?:ax|in)\b|\b(?:abs|absolute|fabs)\("
    r"|\b(?:clip|heaviside|sign|signbit|greater|less|greater_equal|less_equal|masked_\w+)\b"
)
# GELU has no side: erf is enough to look closer, and the cubic constant of the form by tanh.
_GELU = re.compile(r"\berf\b|0(?:44715|35677)")
# A function that is defined elsewhere may be mapped over an array.
_MAPPED = re.compile(r"\b(?:vectorize|frompyfunc|fromiter|map)\(|\bfor\b[^\n]*\bin\b[^\n]*\]\)")


def file_may_hold(text: str) -> bool:
    """Tell whether a file may hold anything to find."""
    return _NUMPY.search(text) is not None and _has_sign(_spoken(text))


@lru_cache(maxsize=512)
def function_may_hold(text: str) -> bool:
    """Tell whether a function may hold an activation, or a part of one."""
    spoken = _spoken(text)
    return _has_sign(spoken) or _MAPPED.search(spoken) is not None


def _spoken(text: str) -> str:
    """Return code without its strings and comments."""
    return _SILENT.sub('""', text)


def _has_sign(code: str) -> bool:
    code = code.lower()
    if _AFTER.search(code) is not None or _BEFORE.search(code) is not None:
        return True
    if _GELU.search(code) is not None:
        return True
    return any(word in code for word in _TWO_SIDED) and _CALLED.search(code) is not None
