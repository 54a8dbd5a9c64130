"""Dask, in a process of its own: the event loop of a cluster has threads, and other tests fork."""

from pathlib import Path

import pytest


@pytest.mark.timeout(120)
def test_every_check_passes(child):
    checks = Path(__file__).with_name("dask_checks.py")
    answer = child("-m", "pytest", "-p", "no:cacheprovider", "-q", "--timeout", "60", checks, limit=110)
    assert "skipped" not in answer
    assert " passed" in answer
