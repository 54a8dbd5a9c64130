"""The table of forms for the documentation, made by rewriting the examples of each form."""

from __future__ import annotations

from fastlrelu.rewrite.forms import FORMS
from fastlrelu.rewrite.search import Finding, Search
from fastlrelu.rewrite.source import Source
from fastlrelu.rewrite.statement_forms import SEQUENCES

ALL_FORMS = (*FORMS, *SEQUENCES)


def example_finding(example: str) -> Finding:
    """Return what is found in an example of a form.

    Parameters
    ----------
    example : str
        Statements on ``x``, ``g``, ``a`` and what they bind.
    """
    (finding,) = Search(Source(f"import numpy as np\nfrom scipy import special\n{example}\n")).run()
    return finding


def markdown_table() -> str:
    """Return the table of forms, one row for each example.

    Returns
    -------
    str
        Markdown.
    """
    rows = ["| Form | Old | New | Fix | Why unsafe |", "|---|---|---|---|---|"]
    for form in ALL_FORMS:
        for example in form.examples:
            finding = example_finding(example)
            old = "`<br>`".join(example.splitlines())
            why = "; ".join(finding.reasons)
            fix = "safe" if finding.safe else "unsafe"
            rows.append(f"| {form.name} | `{old}` | `{finding.new}` | {fix} | {why} |")
    return "\n".join(rows) + "\n"
