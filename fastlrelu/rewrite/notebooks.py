"""Jupyter notebooks: the source of cells is rewritten, every other byte of the file stays.

All code cells are searched as one module, since one imports NumPy for all. But they may be run
in any order, so no value is followed from one cell into another.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from fastlrelu.rewrite.fixes import MOST_ROUNDS, Rewritten, apply, planned
from fastlrelu.rewrite.flow import CELL
from fastlrelu.rewrite.search import Finding
from fastlrelu.rewrite.words import file_may_hold

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|NaN|-?Infinity")
# Cell magics whose cell is Python.
_PYTHON = frozenset({"capture", "prun", "time", "timeit"})
_MAGIC = re.compile(r"^(?P<kept>[ \t]*(?:[\w.\[\], ]+=[ \t]*)?)(?P<magic>[%!?].*|(?<=\S)[%!].*)$", re.MULTILINE)
_HELP = re.compile(r"^(?P<kept>[ \t]*)(?P<magic>[\w.]+\?\??[ \t]*)$", re.MULTILINE)


class NotANotebook(Exception):  # noqa: N818
    """The file is not a notebook as nbformat 4 has it."""


@dataclass
class _Node:
    """One JSON value and where its text is."""

    start: int
    end: int
    value: Any


@dataclass
class _Cell:
    """One code cell.

    Attributes
    ----------
    number : int
        Its place among all cells, from 1.
    node : _Node
        Its source: a string, or a list of strings.
    text : str
        The code.
    start : int
        Where the code starts in the module of all cells.
    """

    number: int
    node: _Node
    text: str
    start: int = 0
    edits: list[tuple[int, int, str]] = field(default_factory=list)


def rewrite_notebook(text: str, *, unsafe_fixes: bool = False, local: frozenset[str] = frozenset()) -> Rewritten:
    """Replace the hand-written activations in the code cells of a notebook.

    Parameters
    ----------
    text : str
        The whole file.
    unsafe_fixes : bool
        Whether to apply fixes that may change bits or dtypes, too.
    local : frozenset of str
        Packages of the project itself, for the place of the import.

    Returns
    -------
    Rewritten
        The new text and the findings, whose lines count within their cells.

    Raises
    ------
    NotANotebook
        If the file is not JSON, or has no list of cells.
    """
    result = Rewritten(text)
    for number in range(MOST_ROUNDS):
        once = _once(result.text, unsafe_fixes, local)
        result.findings += once.findings if not number else once.fixed
        if not once.fixed:
            break
        result.text = once.text
        result.fixed += once.fixed
    return result


def _once(text: str, unsafe_fixes: bool, local: frozenset[str]) -> Rewritten:
    cells = _code_cells(_parsed(text))
    module, lines = "", 1
    firsts: list[int] = []
    for cell in cells:
        cell.start = len(module)
        firsts.append(lines)
        code = f"{_python(cell.text)}\n{CELL}\n"
        module += code
        lines += code.count("\n")
    if not file_may_hold(module):
        return Rewritten(text)
    plan = planned(module, unsafe_fixes=unsafe_fixes, local=local)
    for edit in plan.edits:
        _place(edit, cells)
    for finding in plan.findings:
        _locate(finding, cells, firsts)
    new = [(cell.node.start, cell.node.end, _written(cell, text)) for cell in cells if cell.edits]
    return Rewritten(apply(text, new), plan.findings, plan.fixed)


def _locate(finding: Finding, cells: list[_Cell], firsts: list[int]) -> None:
    index = max(i for i, first in enumerate(firsts) if first <= finding.line)
    finding.cell = cells[index].number
    finding.line -= firsts[index] - 1


def _place(edit: tuple[int, int, str], cells: list[_Cell]) -> None:
    """Give an edit of the module to its cell."""
    start, end, new = edit
    cell = max((c for c in cells if c.start <= start), key=lambda c: c.start)
    start, end = start - cell.start, end - cell.start
    length = len(cell.text)
    if start > length:
        # After the line end that the module has and the cell lacks.
        start = end = length
        new = "\n" + new.removesuffix("\n")
    cell.edits.append((start, min(end, length), new))


def _python(text: str) -> str:
    """Return code of the same length that Python can read: magics become numbers, other languages too."""
    if _parses(text):
        return text
    first = text.lstrip().partition("\n")[0]
    if first.startswith("%%") and first[2:].partition(" ")[0].strip() not in _PYTHON:
        return re.sub(r"[^\n]", " ", text)
    for pattern in (_MAGIC, _HELP):
        text = pattern.sub(lambda found: found["kept"] + "0" * len(found["magic"]), text)
    return text if _parses(text) else re.sub(r"[^\n]", " ", text)


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
    return True


def _written(cell: _Cell, text: str) -> str:
    """Return the JSON of the new source, each line that stays as it was spelled."""
    new = apply(cell.text, cell.edits)
    ascii_only = text.isascii()
    if not isinstance(cell.node.value, list):
        return json.dumps(new, ensure_ascii=ascii_only)
    parts: list[_Node] = cell.node.value
    known = {part.value: text[part.start : part.end] for part in parts}
    lines = re.findall(r"[^\n]*\n|[^\n]+", new)
    written = [known.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in lines]
    opening = text[cell.node.start : parts[0].start]
    closing = text[parts[-1].end : cell.node.end]
    between = text[parts[0].end : parts[1].start] if len(parts) > 1 else "," + opening[1:]
    return opening + between.join(written) + closing


def _code_cells(notebook: _Node) -> list[_Cell]:
    fields = notebook.value
    if not isinstance(fields, dict) or "cells" not in fields or not isinstance(fields["cells"].value, list):
        raise NotANotebook("it has no list of cells")
    if _language(fields) not in ("", "python"):
        return []
    found = []
    for number, cell in enumerate(fields["cells"].value, 1):
        parts = cell.value if isinstance(cell.value, dict) else {}
        kind, node = parts.get("cell_type"), parts.get("source")
        if kind is None or node is None or kind.value != "code":
            continue
        if isinstance(node.value, str):
            found.append(_Cell(number, node, node.value))
        elif isinstance(node.value, list) and node.value and all(isinstance(p.value, str) for p in node.value):
            found.append(_Cell(number, node, "".join(part.value for part in node.value)))
    return [cell for cell in found if "\r" not in cell.text]


def _language(fields: dict[str, _Node]) -> str:
    metadata = fields["metadata"].value if "metadata" in fields else {}
    for name, key in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(name) if isinstance(metadata, dict) else None
        if part is not None and isinstance(part.value, dict) and key in part.value:
            return str(part.value[key].value).lower()
    return ""


def _parsed(text: str) -> _Node:
    try:
        node = _value(text, _skipped(text, 0))
    except (IndexError, ValueError) as error:
        raise NotANotebook(str(error) or "it ends too early") from error
    if _skipped(text, node.end) != len(text):
        raise NotANotebook(f"more text at character {node.end}")
    return node


def _skipped(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _value(text: str, at: int) -> _Node:
    """Read the JSON value that starts at a place."""
    first = text[at]
    if first == '"':
        value, end = scanstring(text, at + 1, True)
        return _Node(at, end, value)
    if first == "[":
        items: list[_Node] = []
        place = _skipped(text, at + 1)
        while text[place] != "]":
            items.append(_value(text, place))
            place = _next(text, items[-1].end, "]")
        return _Node(at, place + 1, items)
    if first == "{":
        fields: dict[str, _Node] = {}
        place = _skipped(text, at + 1)
        while text[place] != "}":
            key = _value(text, place)
            place = _skipped(text, key.end)
            if not isinstance(key.value, str) or text[place] != ":":
                raise ValueError(f"no key at character {place}")
            fields[key.value] = _value(text, _skipped(text, place + 1))
            place = _next(text, fields[key.value].end, "}")
        return _Node(at, place + 1, fields)
    found = _SCALAR.match(text, at)
    if found is None:
        raise ValueError(f"no JSON at character {at}")
    return _Node(at, found.end(), None)


def _next(text: str, at: int, closing: str) -> int:
    """Return where the next item starts, or the closing bracket is."""
    place = _skipped(text, at)
    if text[place] == closing:
        return place
    if text[place] != ",":
        raise ValueError(f"no comma at character {place}")
    following = _skipped(text, place + 1)
    if text[following] == closing:
        raise ValueError(f"a comma too many at character {place}")
    return following
