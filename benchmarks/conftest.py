"""Which cells there are, and who times them; not as `pytest_plugins`, which pytest takes from its root folder alone."""

from fastlrelu.bench.plugin import pytest_configure, pytest_generate_tests, stopwatch

__all__ = ["pytest_configure", "pytest_generate_tests", "stopwatch"]
