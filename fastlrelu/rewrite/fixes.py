"""Rewrites the text of one file: which findings become edits, and the edits applied."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import unified_diff

from fastlrelu.rewrite.effects import Effects
from fastlrelu.rewrite.imports import PACKAGE, import_edit, is_bound, is_imported
from fastlrelu.rewrite.leftovers import leftover_edits
from fastlrelu.rewrite.search import Finding, Search
from fastlrelu.rewrite.source import Source


@dataclass
class Rewritten:
    """What became of one file.

    Attributes
    ----------
    text : str
        The new text, the old one where nothing changes.
    findings : list of Finding
        Everything that was found.
    fixed : list of Finding
        Those that ``text`` has the fixes of.
    """

    text: str
    findings: list[Finding] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)


def rewrite(text: str, *, unsafe_fixes: bool = False, local: frozenset[str] = frozenset()) -> Rewritten:
    """Replace the hand-written leaky ReLUs in the source of a module.

    Parameters
    ----------
    text : str
        The source, with any line ends.
    unsafe_fixes : bool
        Whether to apply fixes that may change bits or dtypes, too.
    local : frozenset of str
        Packages of the project itself, for the place of the import.

    Returns
    -------
    Rewritten
        The new text and the findings.

    Raises
    ------
    SyntaxError
        If ``text`` is not Python.

    Examples
    --------
    >>> from fastlrelu.rewrite.fixes import rewrite
    >>> print(rewrite("import numpy as np\\ny = np.where(x > 0, x, 0.1 * x)\\n").text, end="")
    import fastlrelu
    import numpy as np
    y = fastlrelu.leaky_relu(x, 0.1)
    """
    source = Source(text)
    if "numpy" not in text and "np" not in text:
        return Rewritten(text)
    search = Search(source)
    findings = search.run()
    fixed = [finding for finding in findings if finding.safe or (unsafe_fixes and finding.new)]
    if fixed and is_bound(source):
        for finding in findings:
            if finding.new:
                finding.new = ""
                finding.reasons = [f"the file uses the name {PACKAGE} for something else"]
        fixed = []
    if not fixed:
        return Rewritten(text, findings)
    offered = list(fixed)
    unread = leftover_edits(source, Effects(search.scene.names), fixed)
    findings = [finding for finding in findings if finding in fixed or not any(finding is f for f in offered)]
    edits = [*unread, *(edit for finding in fixed for edit in finding.edits)]
    if not is_imported(source):
        edits.append(import_edit(source, local))
    changed = apply(text, edits)
    Source(changed)
    return Rewritten(changed, findings, fixed)


def apply(text: str, edits: list[tuple[int, int, str]]) -> str:
    """Return ``text`` with the edits made; they must not overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def diff(old: str, new: str, name: str) -> str:
    """Return the change as a unified diff that ``patch`` and ``git apply`` take.

    Parameters
    ----------
    old, new : str
        The two texts.
    name : str
        The path to put in the header.
    """
    path = name.lstrip("/")
    # Not str.splitlines, which also breaks at form feeds, and Python source may hold those.
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    lines = [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in unified_diff(before, after, f"a/{path}", f"b/{path}")
    ]
    return "".join(lines)
