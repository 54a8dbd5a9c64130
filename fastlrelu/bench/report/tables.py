"""The tables of a report, as text by row."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from ..cells import DTYPES, LABELS, LAYERS, LIBRARIES, OPERATIONS, Cell, size_text
from ..comparison import Comparison
from ..progress import ratio_text, seconds_text
from ..results import Result, Run
from ..turns import OUT_OF_TIME
from .findings import ORDER, is_peer

WORDS = ("dtype", "fastest", "spreads", "also faster", "where", "why")


@dataclass(frozen=True)
class Table:
    """A table; some columns are words, the others numbers."""

    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    title: str = ""

    def is_words(self, column: int) -> bool:
        """Whether a column is set from the left."""
        return column == 0 or self.head[column] in WORDS


def _elements(cell: Cell) -> str:
    if cell.operation == "layer":
        return "({}, {}) x {}".format(*LAYERS[cell.size])
    return size_text(cell.size)


def _where(cell: Cell) -> list[str]:
    return [OPERATIONS[cell.operation].title, cell.dtype, _elements(cell), str(cell.threads)]


@dataclass(frozen=True)
class Loss:
    """A cell in which somebody is faster."""

    cell: Cell
    ours: Result
    faster: list[Result]

    @property
    def factor(self) -> float:
        """How many times as long as the fastest of them we take."""
        return self.ours.median / self.faster[0].median

    @property
    def within_spread(self) -> bool:
        """Whether the middle halves of the repeats overlap."""
        return self.ours.q1 <= self.faster[0].q3


def losses(run: Run) -> list[Loss]:
    """Each cell where a peer is faster, the largest loss first."""
    found = []
    for cell, column in run.cells.items():
        ours = column.get("fastlrelu")
        if ours is None:
            continue
        faster = [r for name, r in column.items() if is_peer(name) and r.median < ours.median]
        if faster:
            found.append(Loss(cell, ours, sorted(faster, key=lambda result: result.median)))
    return sorted(found, key=lambda loss: loss.factor, reverse=True)


def losses_table(found: list[Loss]) -> Table:
    """Losses, one in each row."""
    table = Table(
        ["what", "dtype", "elements", "threads", "fastlrelu", "fastest", "its time", "ratio", "spreads", "also faster"]
    )
    for loss in found:
        best = loss.faster[0]
        also = ", ".join(
            f"{r.cell.label(r.candidate)} {ratio_text(loss.ours.median / r.median)}x" for r in loss.faster[1:]
        )
        table.rows.append(
            [
                *_where(loss.cell),
                seconds_text(loss.ours.median),
                loss.cell.label(best.candidate),
                seconds_text(best.median),
                f"{loss.factor:.2f}x",
                "overlap" if loss.within_spread else "apart",
                also or "-",
            ]
        )
    return table


def losses_sentence(run: Run, found: list[Loss]) -> str:
    """How many there are, and how many of them count."""
    compared = sum("fastlrelu" in column and any(map(is_peer, column)) for column in run.cells.values())
    if not found:
        return f"None: in none of the {compared} cells is any other candidate faster than fastlrelu."
    clear = sum(not loss.within_spread for loss in found)
    text = f"Somebody is faster in {len(found)} of {compared} cells"
    text += f", in {clear} of them by more than the spread of repeats. The ratio is fastlrelu's time to theirs."
    if any(loss.cell.operation == "layer" for loss in found):
        text += " In a layer the product decides, and each library has its own."
    return text


def summary(run: Run) -> Table:
    """One row for each operation and dtype: how we compare with ``np.where``, and with the fastest of the others."""
    head = ["operation", "dtype", "cells", "np.where: least", "median", "most", "fastest other: least", "median"]
    table = Table(head)
    for operation in OPERATIONS:
        for dtype in DTYPES:
            columns = [
                column
                for cell, column in run.cells.items()
                if (cell.operation, cell.dtype) == (operation, dtype) and "fastlrelu" in column
            ]
            ratios = [c["where"].median / c["fastlrelu"].median for c in columns if "where" in c]
            fastest = [
                min(r.median for n, r in c.items() if is_peer(n) and n != "where") / c["fastlrelu"].median
                for c in columns
                if any(is_peer(n) and n != "where" for n in c)
            ]
            if not ratios and not fastest:
                continue
            cells = [f"{ratio_text(f(ratios))}x" if ratios else "-" for f in (min, statistics.median, max)]
            cells += [f"{ratio_text(f(fastest))}x" if fastest else "-" for f in (min, statistics.median)]
            table.rows.append([OPERATIONS[operation].title, dtype, str(len(columns)), *cells])
    return table


def times(run: Run) -> list[Table]:
    """All medians: a table for each operation, dtype and number of threads."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in run.cells:
        groups.setdefault((cell.operation, cell.dtype, cell.threads), []).append(cell)
    found = []
    for (operation, dtype, threads), cells in groups.items():
        names = [name for name in ORDER if any(name in run.cells[cell] for cell in cells)]
        count = "1 thread" if threads == 1 else f"{threads} threads"
        table = Table(
            ["elements", *(cells[0].label(name) for name in names)],
            title=f"{OPERATIONS[operation].title}, {dtype}, {count}",
        )
        for cell in sorted(cells, key=lambda cell: cell.size):
            column = run.cells[cell]
            table.rows.append(
                [_elements(cell), *(seconds_text(column[n].median) if n in column else "-" for n in names)]
            )
        found.append(table)
    return found


def left_out(run: Run) -> Table:
    """Who is not in the report, and why: libraries that are missing, results that differ, what they cannot do."""
    table = Table(["candidate", "where", "why"])
    for library, reason in sorted(run.missing.items()):
        table.rows.append([LABELS.get(library, library), "everywhere", f"could not be imported: {reason}"])
    grouped: dict[tuple[bool, str, str, str], list[Cell]] = {}
    for o in run.omissions:
        if LIBRARIES[o.candidate] in run.missing or o.reason == OUT_OF_TIME:
            continue
        # The counts differ from size to size, what is wrong does not.
        reason = o.reason.partition(":")[0] if o.reason.startswith("differs") else o.reason
        grouped.setdefault((o.unsupported, o.candidate, o.cell.dtype, reason), []).append(o.cell)
    for (_, candidate, dtype, reason), cells in sorted(grouped.items(), key=lambda item: item[0]):
        operations = ", ".join(dict.fromkeys(OPERATIONS[cell.operation].title for cell in cells))
        if reason.startswith("differs"):
            worst = [o.reason for o in run.omissions if o.candidate == candidate and o.cell in cells]
            reason = f"not timed, its result {max(worst, key=len)}"
        table.rows.append([cells[0].label(candidate), f"{dtype}: {operations}", reason])
    return table


def rounded(run: Run) -> str:
    """Who gives other bits than NumPy, within the last place."""
    names: dict[str, set[str]] = {}
    for cell, column in run.cells.items():
        for name, result in column.items():
            if not result.same_bits and OPERATIONS[cell.operation].exact:
                names.setdefault(name, set()).add(cell.dtype)
    aside = "sums of matrix products, ELU and GELU aside: fastlrelu's ELU and GELU are right to the last place, "
    aside += "and the others were timed if they differ by no more than eight units in it, or in that of 1."
    if not names:
        return f"All results are the same bit for bit, {aside}"
    parts = [f"{LABELS[name]} ({', '.join(sorted(dtypes))})" for name, dtypes in names.items()]
    return (
        f"Right to the last place, but not the same bits as NumPy's: {', '.join(parts)}. "
        f"All others are bit for bit the same, {aside}"
    )


def changes(comparison: Comparison, most: int | None = None) -> Table:
    """The changes of fastlrelu between two runs, the largest rise first."""
    table = Table(["what", "dtype", "elements", "threads", "before", "now", "change", "spread"])
    for change in comparison.changes[:most]:
        where = _where(change.new.cell)
        if change.new.candidate != "fastlrelu":
            where[0] = LABELS[change.new.candidate]
        table.rows.append(
            [
                *where,
                seconds_text(change.old.median),
                seconds_text(change.new.median),
                f"{change.percent:+.1f} %",
                f"±{change.spread_percent:.1f} %" + (" overlap" if change.within_spread else ""),
            ]
        )
    return table


def changes_sentence(comparison: Comparison) -> str:
    """How fastlrelu changed, and how everybody else did meanwhile."""
    percents = [change.percent for change in comparison.changes]
    text = f"{len(percents)} of fastlrelu's times are in both runs: {statistics.median(percents):+.1f} % in the median"
    text += f", from {min(percents):+.1f} % to {max(percents):+.1f} %."
    clear = sum(not change.within_spread for change in comparison.changes)
    text += f" In {clear} of them the middle halves of the repeats do not overlap."
    if comparison.others_percent is not None:
        text += f" All others changed by {comparison.others_percent:+.1f} % in the median: that much is the machine."
    if comparison.only_old or comparison.only_new:
        text += f" Only in the older run: {comparison.only_old}; only in the newer one: {comparison.only_new}."
    return text
