"""Keras 3 on the NumPy backend. It imports JAX, which warns at every fork, hence a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("keras_checks.py")
MISSING = [name for name in ("keras", "jax") if find_spec(name) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"without {' and '.join(MISSING)}, which the extra test-libraries has: JAX alone is 300 MB"
)


@pytest.mark.timeout(120)
def test_every_check_passes(child):
    answer = child("-m", "pytest", "-p", "no:cacheprovider", "-q", CHECKS, limit=110)
    assert "skipped" not in answer
    assert "failed" not in answer
    assert " passed" in answer


@pytest.mark.timeout(70)
def test_another_backend_is_refused():
    answer = subprocess.run(
        [sys.executable, "-c", "import fastlrelu.adapters.keras"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"KERAS_BACKEND": "jax"},
    )
    assert answer.returncode == 1
    assert "ImportError: fastlrelu.adapters.keras works on arrays of NumPy, and Keras runs on jax" in answer.stderr
