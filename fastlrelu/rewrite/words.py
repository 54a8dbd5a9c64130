"""Cheap tests of text: most files, and most functions of the others, need not be parsed or followed."""

from __future__ import annotations

import re

_NUMPY = re.compile(r"numpy|\bnp\b")
# A comparison with zero, or a function that has two sides of it: no form is without one.
_SIGN = re.compile(
    r"(?:[<>]=?|[!=]=)\s*\(?\s*-?(?:0(?![\dxXbBoO])|zero)|(?<![\w.])\(?(?:0(?:\.0*)?|zero)\)?\s*[<>]"
    r"|(?<![.\w])(?:max|min)\(|\ba?max\(\s*[\[(]|\bf?m(?:ax|in)imum\b|\bfm(?:ax|in)\b|\b(?:abs|absolute|fabs)\("
    r"|\b(?:clip|heaviside|sign|signbit|greater|less|greater_equal|less_equal|masked_\w+)\b",
    re.IGNORECASE,
)
# A function that is defined elsewhere may be mapped over an array.
_MAPPED = re.compile(r"\b(?:vectorize|frompyfunc|fromiter|map)\(|\bfor\b[^\n]*\bin\b[^\n]*\]\)")


def file_may_hold(text: str) -> bool:
    """Tell whether a file may hold anything to find."""
    return _NUMPY.search(text) is not None and _SIGN.search(text) is not None


def function_may_hold(text: str) -> bool:
    """Tell whether a function may hold an activation, or a part of one."""
    return _SIGN.search(text) is not None or _MAPPED.search(text) is not None
