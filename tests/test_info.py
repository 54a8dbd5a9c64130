"""``python -m fastlrelu``: what it shows, and that NumPy alone is enough for it."""

import subprocess
import sys

import pytest

from fastlrelu.__main__ import main
from fastlrelu.dispatch import loops
from fastlrelu.info import proof, timing
from fastlrelu.ufuncs import registration

ALONE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"ml_dtypes", "rich", "pytest_benchmark", "libcst", "threadpoolctl"}:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from fastlrelu.__main__ import main
sys.exit(main(["info", "--no-timing"]))
"""


@pytest.mark.timeout(60)
def test_the_whole_command():
    answer = subprocess.run(
        [sys.executable, "-m", "fastlrelu"], capture_output=True, text=True, timeout=50, check=False
    )
    assert answer.returncode == 0, answer.stderr
    for level in loops.levels():
        assert f"\n  {level} " in answer.stdout
    assert "DIFFERS" not in answer.stdout
    rows = [
        line.split()[0]
        for line in answer.stdout.splitlines()
        if (" us" in line or " ms" in line) and "awake" not in line
    ]
    assert rows == [*map(str, timing.SIZES), *map(str, timing.ELU_GELU_SIZES)]
    for function in ("elu", "gelu", "gelu_tanh"):
        assert f"\n  {function} " in answer.stdout


def test_numpy_alone_is_enough():
    answer = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "bfloat16" not in answer.stdout


def test_a_wrong_result_is_found(monkeypatch, capsys):
    monkeypatch.setattr(proof, "leaky_relu", lambda x, slope: x + 0 * x)
    assert main(["info", "--no-timing"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


@pytest.mark.skipif(len(loops.levels()) == 1, reason="one SIMD level is like itself")
def test_a_difference_between_levels_is_found(monkeypatch, capsys):
    monkeypatch.setattr(proof, "gelu", lambda x: x * x.dtype.type(loops.levels().index(loops.level())))
    assert main(["info", "--no-timing"]) == 1
    said = capsys.readouterr().out
    assert f"DIFFERS in {1 + len(proof.LENGTHS)} calls at {loops.levels()[-1]}" in said
    assert said.count("DIFFERS") == len(loops.levels()[1:]) * len(registration.dtypes())


@pytest.mark.parametrize("arguments", [["nonsense"], ["info", "--nonsense"], ["--nonsense"]])
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "nonsense" in capsys.readouterr().err
