"""Snippets changed at random: see ``mutations.py``. ``tests/long/rewrite_mutants.py`` goes on for longer."""

from __future__ import annotations

import dataclasses

import pytest
from rewrite import mutations
from rewrite.mutations import check, mutants


@pytest.mark.parametrize("seed", range(4))
def test_a_mutant_is_rewritten_to_the_same_function_or_left(seed):
    assert sum([check(snippet) for snippet in mutants(seed, 40)])


@pytest.mark.parametrize("first", ["", "alpha = -alpha\n"])
def test_an_alpha_below_zero_excuses_no_wrong_rewrite(first, monkeypatch):
    snippet = f"{first}return np.maximum(0, x) + np.minimum(0, alpha * (np.exp(x) - 1))"
    assert check(snippet)
    right = mutations.rewrite

    def wrong(text, **options):
        result = right(text, **options)
        return dataclasses.replace(result, text=result.text.replace("elu(x, alpha)", "elu(x, 2 * alpha)"))

    monkeypatch.setattr(mutations, "rewrite", wrong)
    with pytest.raises(AssertionError, match="return 0"):
        check(snippet)
