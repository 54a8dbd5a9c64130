"""The table of forms: every example is found as its form, proven, and in the documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastlrelu.rewrite.catalogue import ALL_FORMS, example_finding, markdown_table
from fastlrelu.rewrite.proof import prove, run_both

EXAMPLES = [(form.name, example) for form in ALL_FORMS for example in form.examples]
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "rewrite.md"


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_found_as_its_form(name, example):
    assert example_finding(example).form == name


@pytest.mark.parametrize("example", [example for _, example in EXAMPLES])
def test_a_safe_example_is_the_same_and_an_unsafe_one_nearly(example):
    if "special" in example:
        pytest.importorskip("scipy")
    finding = example_finding(example)
    assert finding.safe == prove(finding)[0].startswith("same") or finding.reasons
    x = np.array([-3.0, -0.5, 0.25, 7.0])
    old, new = run_both(finding, x, -x[::-1], 0.125)
    np.testing.assert_allclose(new, old, rtol=1e-9)


def test_the_documentation_has_the_table():
    assert markdown_table() in DOCUMENTATION.read_text()
