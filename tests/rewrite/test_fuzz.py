"""Snippets changed at random: see ``mutations.py``. ``tests/long/rewrite_mutants.py`` goes on for longer."""

from __future__ import annotations

import pytest
from rewrite.mutations import check, mutants


@pytest.mark.parametrize("seed", range(4))
def test_a_mutant_is_rewritten_to_the_same_function_or_left(seed):
    assert sum([check(snippet) for snippet in mutants(seed, 40)])
