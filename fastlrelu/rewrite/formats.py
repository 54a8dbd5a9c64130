"""The results in other forms than text: JSON, annotations of GitHub Actions, and counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fastlrelu.rewrite.work import Entry, Outcome


def json_document(outcomes: list[Outcome]) -> str:
    """Return all findings, and the files that were left alone, as one JSON document."""
    findings: list[dict[str, Any]] = []
    for outcome in outcomes:
        for entry in outcome.entries:
            found: dict[str, Any] = {"file": outcome.name, "line": entry.line, "column": entry.column}
            if entry.cell:
                found["cell"] = entry.cell
            found |= {
                "kind": entry.form,
                "safe": entry.safe,
                "fixed": entry.fixed,
                "reasons": list(entry.reasons),
                "old": entry.old,
                "new": entry.new or None,
            }
            if entry.proof:
                found["verify"] = list(entry.proof)
            findings.append(found)
    failed = [outcome.failure for outcome in outcomes if outcome.failure]
    alone = {outcome.name: outcome.left_alone for outcome in outcomes if outcome.left_alone}
    document = {"findings": findings, "left_alone": alone, "errors": failed}
    return json.dumps(document, indent=2) + "\n"


def annotation(name: str, entry: Entry) -> str:
    """Return the workflow command that shows a finding beside its line on GitHub."""
    level = "warning" if entry.fixed else "notice"
    text = entry.old + (f" -> {entry.new}" if entry.new else "")
    if entry.reasons:
        text += f" ({'; '.join(entry.reasons)})"
    where = f"file={_property(name)}"
    # A line of a cell is no line of the notebook.
    if not entry.cell:
        where += f",line={entry.line},col={entry.column}"
    return f"::{level} {where},title={_property(f'fastlrelu rewrite: {entry.form}')}::{_message(text)}\n"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def counts(outcomes: list[Outcome]) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Return the findings counted by form and kind of fix, and by reason."""
    forms: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        for entry in outcome.entries:
            kind = "safe" if entry.safe else "unsafe" if entry.new else "left"
            forms.setdefault(entry.form, Counter())[kind] += 1
            reasons.update(entry.reasons)
    return forms, reasons


def statistics(outcomes: list[Outcome], as_json: bool) -> str:
    """Return the counts as a table, or as JSON."""
    forms, reasons = counts(outcomes)
    kinds = ("safe", "unsafe", "left")
    if as_json:
        table = {form: {kind: found[kind] for kind in kinds} for form, found in sorted(forms.items())}
        return json.dumps({"forms": table, "reasons": dict(reasons.most_common())}, indent=2) + "\n"
    order = sorted(forms, key=lambda form: (-forms[form].total(), form))
    rows = [(form, forms[form].total(), *(forms[form][kind] for kind in kinds)) for form in order]
    total = Counter[str]()
    for found in forms.values():
        total += found
    rows.append(("all", total.total(), *(total[kind] for kind in kinds)))
    width = max(len(str(row[0])) for row in rows)
    lines = [f"{'form':{width}}  found  safe  unsafe  left"]
    lines += [f"{r[0]:{width}}  {r[1]:5}  {r[2]:4}  {r[3]:6}  {r[4]:4}" for r in rows]
    if reasons:
        lines += ["", "times  reason", *(f"{count:5}  {reason}" for reason, count in reasons.most_common())]
    return "\n".join(lines) + "\n"
