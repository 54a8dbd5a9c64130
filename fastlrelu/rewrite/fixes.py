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
from fastlrelu.rewrite.words import file_may_hold

MOST_ROUNDS = 4
_SKIP = re.compile(r"#\s*fastlrelu:\s*skip\b")


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


@dataclass
class Plan:
    """The edits of one file, not made yet."""

    edits: list[tuple[int, int, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)


def rewrite(text: str, *, unsafe_fixes: bool = False, local: frozenset[str] = frozenset()) -> Rewritten:
    """Replace the hand-written activations in the source of a module.

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
        If ``text`` is not Python, and has the words of an activation in it.

    Examples
    --------
    >>> from fastlrelu.rewrite.fixes import rewrite
    >>> print(rewrite("import numpy as np\\ny = np.where(x > 0, x, 0.1 * x)\\n").text, end="")
    import fastlrelu
    import numpy as np
    y = fastlrelu.leaky_relu(x, 0.1)
    """
    if not file_may_hold(text):
        return Rewritten(text)
    result = Rewritten(text)
    for number in range(MOST_ROUNDS):
        plan = planned(result.text, unsafe_fixes=unsafe_fixes, local=local)
        result.findings += plan.findings if not number else plan.fixed
        if not plan.fixed:
            break
        # What was left for the sake of a line that is gone may be free now.
        result.text = apply(result.text, plan.edits)
        result.fixed += plan.fixed
        Source(result.text)
    return result


def planned(text: str, *, unsafe_fixes: bool, local: frozenset[str]) -> Plan:
    """Return what to change in the source of a module, as ``rewrite`` would."""
    source = Source(text)
    search = Search(source)
    findings = search.run()
    _heed_comments(source, findings)
    fixed = [finding for finding in findings if finding.safe or (unsafe_fixes and finding.new)]
    if fixed and is_bound(source):
        for finding in findings:
            if finding.new:
                finding.new = ""
                finding.reasons = [f"the file uses the name {PACKAGE} for something else"]
        fixed = []
    if not fixed:
        return Plan([], findings)
    offered = list(fixed)
    unread = leftover_edits(source, Effects(search.scene.names), fixed)
    findings = [f for f in findings if f in fixed or f not in offered]
    edits = [*unread, *(edit for finding in fixed for edit in finding.edits)]
    if not is_imported(source):
        edits.append(import_edit(source, local))
    return Plan(edits, findings, fixed)


def _heed_comments(source: Source, findings: list[Finding]) -> None:
    """Leave what a comment on one of its lines asks to leave."""
    if not _SKIP.search(source.text):
        return
    skipped = [span for span in source.comments if _SKIP.match(source.text[slice(*span)])]
    lines = {source.line_of(start) for start, _ in skipped}
    for finding in findings:
        for start, end, _ in finding.edits:
            first, last = source.line_of(start)[0], source.line_of(max(end - 1, start))[1]
            if any(first <= line[0] < last for line in lines):
                finding.new, finding.edits = "", []
                finding.reasons = ["a comment says to skip it"]
                break


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
