"""The choice of the SIMD level at import."""

import os
import subprocess
import sys

import pytest

import fastlrelu as fl
from fastlrelu.dispatch import loops

ASK = "import fastlrelu; print(fastlrelu.config()['simd'])"


def ask(level):
    environment = {**os.environ, "FASTLRELU_SIMD": level}
    return subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_this_process_runs_at_the_level_it_was_told():
    forced = os.environ.get("FASTLRELU_SIMD")
    assert fl.config()["simd"] == (forced or loops.levels()[0])


@pytest.mark.parametrize("level", loops.levels())
def test_a_forced_level_is_the_active_one(level):
    for spelling in (level, level.upper()):
        answer = ask(spelling)
        assert answer.stdout.strip() == level, answer.stderr


@pytest.mark.parametrize("level", ["avx9", "avx2 ", "none", "0"])
def test_an_unknown_level_is_an_import_error_that_lists_the_choice(level):
    answer = ask(level)
    assert answer.returncode != 0
    last_line = answer.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError")
    assert repr(level) in last_line
    assert all(name in last_line for name in loops.levels())


def test_the_last_level_is_the_baseline_and_all_have_names():
    levels = loops.levels()
    assert levels[-1] in ("baseline", "neon")
    assert len(set(levels)) == len(levels)
