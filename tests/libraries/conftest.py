"""What the tests against other libraries share: child processes."""

import os
import subprocess
import sys

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
