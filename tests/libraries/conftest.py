"""What the tests against other libraries share: child processes."""

import os
import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import pytest


@pytest.fixture
def child():
    """Run Python with the given arguments in a process of its own, within a time limit; returns what it printed."""

    def run(*arguments, limit=60):
        # Threads and at-fork hooks of a library would outlive its test and disturb the tests that fork.
        answer = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            env=os.environ | {"KERAS_BACKEND": "numpy"},
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    return run


@pytest.fixture
def onnx_node_tests(monkeypatch):
    """ONNX's own node tests of the given operators, whose modules have their names."""
    from onnx.backend.test.case import node

    def cases(*operators):
        names = [operator.lower() for operator in operators]
        # Else each of some 200 modules makes the data of its tests, which takes 10 s.
        monkeypatch.setattr(node, "import_recursive", lambda _: [import_module(f"{node.__name__}.{n}") for n in names])
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [
                case for case in node.collect_testcases() if case.name.startswith(tuple(f"test_{n}" for n in names))
            ]

    return cases
