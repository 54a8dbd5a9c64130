"""The sides of zero, and what an expression may be on one of them."""

from __future__ import annotations

from dataclasses import dataclass

from fastlrelu.rewrite.polynomial import Polynomial

POSITIVE, ZERO, NEGATIVE = 1, 0, -1
NAN = 2


class NotPiecewise(Exception):  # noqa: N818
    """The expression is not linear in x on this side, or nothing here says so."""


@dataclass(frozen=True)
class Value:
    """A polynomial, or a truth value that NumPy would store as bool."""

    polynomial: Polynomial
    boolean: bool = False


def truth(value: bool) -> Value:
    """Return a mask that is all ``value``."""
    return Value(Polynomial.number(int(value)), boolean=True)
