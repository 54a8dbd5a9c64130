"""What changed between two runs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .cells import OURS
from .results import Result, Run


@dataclass(frozen=True)
class Change:
    """One fastlrelu call in both runs."""

    old: Result
    new: Result

    @property
    def percent(self) -> float:
        """By how much the median rose."""
        return (self.new.median / self.old.median - 1) * 100

    @property
    def within_spread(self) -> bool:
        """Whether the middle halves of the repeats of both runs overlap."""
        return self.new.q1 <= self.old.q3 and self.old.q1 <= self.new.q3

    @property
    def spread_percent(self) -> float:
        """The spread of both runs together, in percent of the old median."""
        return 100 * (self.old.spread + self.new.spread)


@dataclass(frozen=True)
class Comparison:
    """All changes, the largest rise first."""

    old_date: str
    changes: list[Change]
    only_old: int
    only_new: int
    # The median change of everybody else: what the machine itself did between the runs.
    others_percent: float | None

    def above(self, percent: float) -> list[Change]:
        """The changes beyond a threshold."""
        return [change for change in self.changes if change.percent > percent]


def compare(old: Run, new: Run) -> Comparison:
    """Match the results of two runs by cell and candidate."""
    olds = {(r.cell, r.candidate): r for r in old.results()}
    news = {(r.cell, r.candidate): r for r in new.results()}
    both = olds.keys() & news.keys()
    ours = sorted(
        (Change(olds[key], news[key]) for key in both if key[1] in OURS),
        key=lambda change: change.percent,
        reverse=True,
    )
    others = [Change(olds[key], news[key]).percent for key in both if key[1] not in OURS]
    mine = {name: {key for key in keys if key[1] in OURS} for name, keys in (("old", olds), ("new", news))}
    return Comparison(
        old.date,
        ours,
        only_old=len(mine["old"] - mine["new"]),
        only_new=len(mine["new"] - mine["old"]),
        others_percent=statistics.median(others) if others else None,
    )
