"""Forms from real code and invented ones: found, never mistaken, and equal when run."""

from __future__ import annotations

import numpy as np
import pytest
from rewrite.modules import module, rewrite, rows

from fastlrelu.rewrite.proof import prove, run_both

CORPUS = rows("corpus.jsonl")
MORE = rows("more_forms.jsonl")
ALIKE = [row for row in CORPUS if row["class"] == "negative"]
LEAKS = [row for row in CORPUS if row["class"] != "negative"]
# One names two numbers whose sum must be 1, one calls a function that it does not show.
NOT_DECIDABLE = {"c053", "c092"}
# These are a thing that has a name, too.
ELU = {"c202", "c251"}
X = np.array([-300.0, -2.5, -1e-3, 1e-3, 0.75, 41.0])
GRAD = np.array([1.5, -2.0, 3.0, 0.25, -5.0, 0.125])


def by_id(row):
    return row["id"]


@pytest.mark.parametrize("row", LEAKS, ids=by_id)
def test_a_leaky_relu_of_real_code_is_found(row):
    result = rewrite(module(row), unsafe_fixes=True)
    assert bool(result.fixed) == (row["id"] not in NOT_DECIDABLE)


def test_the_share_that_is_found():
    found = sum(bool(rewrite(module(row), unsafe_fixes=True).fixed) for row in LEAKS)
    assert found >= 0.95 * len(LEAKS)


@pytest.mark.parametrize("row", ALIKE, ids=by_id)
def test_a_lookalike_of_real_code_is_never_rewritten(row):
    text = module(row)
    new = rewrite(text, unsafe_fixes=True).text
    assert "leaky_relu" not in new
    assert (new == text) == (row["id"] not in ELU)


@pytest.mark.parametrize("row", MORE, ids=by_id)
def test_an_invented_form_gets_the_fix_it_should(row):
    text = module(row)
    careful, bold = rewrite(text), rewrite(text, unsafe_fixes=True)
    assert (careful.text != text) == (row["fix"] == "safe")
    assert (bold.text != text) == (row["fix"] != "left")
    assert all(finding.reasons for finding in bold.findings if not finding.safe)


@pytest.mark.parametrize("row", [*LEAKS, *(r for r in MORE if r["fix"] != "left")], ids=by_id)
def test_old_and_new_code_give_equal_results(row):
    for finding in rewrite(module(row), unsafe_fixes=True).fixed:
        old, new = run_both(finding, X, GRAD, 0.125)
        assert old.shape == new.shape
        np.testing.assert_allclose(new.astype(float), old.astype(float), rtol=1e-6)
        if finding.safe:
            assert [line[:19] for line in prove(finding)] == ["same bits and dtype"]


@pytest.mark.parametrize("row", [*LEAKS, *MORE], ids=by_id)
def test_what_was_rewritten_stays(row):
    once = rewrite(module(row), unsafe_fixes=True).text
    assert rewrite(once, unsafe_fixes=True).text == once
