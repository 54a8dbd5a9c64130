"""The suite is part of the package, so that ``fastlrelu bench`` runs the same code from a wheel."""

from fastlrelu.bench.suite import test_time

__all__ = ["test_time"]
