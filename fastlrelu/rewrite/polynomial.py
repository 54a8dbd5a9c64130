"""Polynomials with exact coefficients: what a piecewise expression is on one side of zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

X = "<x>"


@dataclass(frozen=True)
class Polynomial:
    """A sum of products of named factors; ``X`` names the activation's input."""

    terms: Mapping[tuple[str, ...], Fraction]

    @classmethod
    def number(cls, value: Fraction | int) -> Polynomial:
        """Return the constant ``value``."""
        return cls({(): Fraction(value)} if value else {})

    @classmethod
    def factor(cls, name: str) -> Polynomial:
        """Return the polynomial that is ``name`` itself."""
        return cls({(name,): Fraction(1)})

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for factors, coefficient in other.terms.items():
            terms[factors] = terms.get(factors, Fraction(0)) + coefficient
        return Polynomial({f: c for f, c in terms.items() if c})

    def __mul__(self, other: Polynomial) -> Polynomial:
        total = Polynomial({})
        for mine, a in self.terms.items():
            for theirs, b in other.terms.items():
                total += Polynomial({tuple(sorted(mine + theirs)): a * b})
        return total

    def __neg__(self) -> Polynomial:
        return self * Polynomial.number(-1)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def constant(self) -> Fraction | None:
        """Return the value of a polynomial without factors, else None."""
        if not self.terms:
            return Fraction(0)
        return self.terms[()] if set(self.terms) == {()} else None

    def mentions_x(self) -> bool:
        """Tell whether any term has ``X`` in it."""
        return any(X in factors for factors in self.terms)

    def divided_by(self, divisor: Polynomial) -> Polynomial | None:
        """Return the quotient by a one-term divisor, or None where a term does not hold it."""
        if len(divisor.terms) != 1:
            return None
        ((factors, coefficient),) = divisor.terms.items()
        quotient = {}
        for mine, value in self.terms.items():
            rest = list(mine)
            for factor in factors:
                if factor not in rest:
                    return None
                rest.remove(factor)
            quotient[tuple(rest)] = value / coefficient
        return Polynomial(quotient)

    def sign(self, side: int) -> int | None:
        """Return the sign where ``X`` has the sign ``side``, or None where it is not known."""
        if not self.terms:
            return 0
        if len(self.terms) > 1:
            return None
        ((factors, coefficient),) = self.terms.items()
        own = 1 if coefficient > 0 else -1
        if factors == ():
            return own
        return own * side if factors == (X,) else None
