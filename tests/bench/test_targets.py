"""The programs in ``benchmarks/`` that measure: every group is there, and its results can be read."""

import ast
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    # The command alone: PyTorch and numba are imported with the groups that need them.
    before = list(sys.path)
    sys.path.insert(0, str(FOLDER))
    try:
        return runpy.run_path(str(FOLDER / "targets.py"))["MODULES"]
    finally:
        sys.path[:] = before


def test_every_group_is_a_function_of_its_module(modules):
    for module, groups in modules.items():
        tree = ast.parse((FOLDER / "groups" / f"{module}.py").read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {group.replace("-", "_") for group in groups} <= functions


def test_a_group_prints_one_ratio_in_each_line():
    command = [sys.executable, str(FOLDER / "targets.py"), "--measure", "calls"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout.splitlines()
    results = [json.loads(line) for line in lines]
    assert len(results) == 4 * 5
    assert all(result["measured"] > 0 and result["wanted"] > 0 for result in results)
    assert results[0]["what"].startswith("n = 1: x.copy() / LeakyReLU()(x), ")


def test_an_unknown_group():
    command = [sys.executable, str(FOLDER / "targets.py"), "nonsense"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert "'nonsense'" in answer.stderr


def test_a_checkout_that_is_not_built(tmp_path):
    command = [sys.executable, str(FOLDER / "before_after.py"), str(tmp_path), str(tmp_path), "layers"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert "extensions" in answer.stderr
