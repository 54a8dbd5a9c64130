"""What a run shows: the points of each plot, and one sentence about them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..cells import ITEM_BYTES, LABELS, LAYERS, OPERATIONS, OURS, YARDSTICKS, Cell, size_text
from ..progress import ratio_text, seconds_text
from ..results import Result, Run

ORDER = tuple(LABELS)
# Those that do not call NumPy's matrix product.
OWN_PRODUCT = ("torch", "onnxruntime", "jax")


@dataclass(frozen=True)
class Series:
    """The points of one candidate; y is a number, x a number or the place of a category."""

    candidate: str
    label: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Figure:
    """One plot before it is drawn."""

    key: str
    title: str
    subtitle: str
    kind: str  # lines, bars, dots
    x_label: str
    y_label: str
    series: list[Series]
    sentence: str
    categories: list[str] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)


Column = dict[str, Result]


def is_peer(candidate: str) -> bool:
    """Whether being slower than this is a loss."""
    return candidate not in OURS and candidate not in YARDSTICKS


def _threads_text(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _dtype_rank(dtype: str) -> int:
    return list(ITEM_BYTES).index(dtype) if dtype not in ("float32",) else -1


def _sizes_of(run: Run, operation: str) -> tuple[str, int, dict[int, Column]]:
    """The dtype and number of threads with the most sizes, float32 and few threads first, and the cells by size."""
    groups: dict[tuple[str, int], dict[int, Column]] = {}
    for cell, column in run.cells.items():
        if cell.operation == operation and "fastlrelu" in column:
            groups.setdefault((cell.dtype, cell.threads), {})[cell.size] = column
    if not groups:
        return "float32", 1, {}
    best = max(groups, key=lambda key: (len(groups[key]), -_dtype_rank(key[0]), -key[1]))
    return *best, dict(sorted(groups[best].items()))


def _series(columns: Iterable[tuple[float, Column]], value: Callable[[Result, Column], float | None]) -> list[Series]:
    points: dict[str, list[tuple[float, float]]] = {}
    label: dict[str, str] = {}
    for x, column in columns:
        for name, result in column.items():
            y = value(result, column)
            if y is not None:
                points.setdefault(name, []).append((x, y))
                label[name] = result.cell.label(name)
    return [Series(name, label[name], points[name]) for name in ORDER if name in points]


def _range_text(values: list[float]) -> str:
    low, high = ratio_text(min(values)), ratio_text(max(values))
    return low if low == high else f"{low} to {high}"


def _times(count: int, all_of: int) -> str:
    return "at none" if count == 0 else f"at {count}" if count < all_of else "at all"


def speedup(run: Run) -> Figure:
    """Speed-up over ``np.where`` by size."""
    dtype, threads, columns = _sizes_of(run, "new")
    columns = {n: column for n, column in columns.items() if "where" in column}
    series = _series(columns.items(), lambda result, column: column["where"].median / result.median)
    sentence = "The run measured no sizes for this plot."
    if columns:
        ratios = [column["where"].median / column["fastlrelu"].median for column in columns.values()]
        sizes = f"from {size_text(min(columns))} to {size_text(max(columns))} elements"
        if len(columns) == 1:
            sizes = f"at {size_text(min(columns))} elements"
        sentence = f"fastlrelu is {_range_text(ratios)} times as fast as np.where {sizes}"
        sentence += f", {ratio_text(statistics.median(ratios))} times in the median" if len(columns) > 2 else ""
        sentence += _closest_peer(columns) + _reused(columns)
    return Figure(
        "speedup",
        "Speed-up over np.where",
        f"new array, {dtype}, {_threads_text(threads)}; higher is faster",
        "lines",
        "elements",
        "times as fast as np.where",
        series,
        sentence,
    )


def _closest_peer(columns: dict[int, Column]) -> str:
    gaps: dict[str, list[float]] = {}
    for column in columns.values():
        for name, result in column.items():
            if is_peer(name) and name != "where":
                gaps.setdefault(name, []).append(result.median / column["fastlrelu"].median)
    if not gaps:
        return "."
    closest = min(gaps, key=lambda name: statistics.median(gaps[name]))
    wins, total = sum(gap < 1 for gap in gaps[closest]), len(gaps[closest])
    middle = statistics.median(gaps[closest])
    text = f"; the closest of the others, {LABELS[closest]}, takes {ratio_text(middle)} times as long"
    if total > 1:
        text += f" in the median and is faster {_times(wins, total)} of {total} sizes"
    return text + "."


def _reused(columns: dict[int, Column]) -> str:
    gains = {
        name: max(
            (c[name].median / c[again].median for c in columns.values() if {name, again} <= c.keys()), default=0.0
        )
        for name, again in (("fastlrelu", "reused"), ("where", "where_reused"))
    }
    if not all(gains.values()):
        return ""
    times = {name: ratio_text(gain) for name, gain in gains.items()}
    return f" In memory that is reused it is up to {times['fastlrelu']} times as fast, np.where {times['where']} times."


def bandwidth(run: Run) -> Figure:
    """GB/s by size, with the copy as the roofline."""
    dtype, threads, columns = _sizes_of(run, "out")
    series = _series(columns.items(), lambda result, column: result.gigabytes_per_second)
    marks = []
    if columns:
        for level, nbytes in sorted(run.caches.items()):
            n = nbytes / (2 * ITEM_BYTES[dtype])
            if min(columns) < n < max(columns):
                marks.append((n, f"L{level}"))
    sentence = "The run measured no sizes for this plot."
    if columns:
        best = max(columns, key=lambda n: columns[n]["fastlrelu"].gigabytes_per_second)
        peak = columns[best]["fastlrelu"].gigabytes_per_second
        sentence = f"fastlrelu moves up to {ratio_text(peak)} GB/s, at {size_text(best)} elements"
        last_level = max(run.caches.values(), default=0)
        largest = max(columns)
        ratios = [c["limit"].median / c["fastlrelu"].median for n, c in columns.items() if "limit" in c and n >= 4096]
        if ratios:
            sentence += f"; from 4,096 elements on that is {_range_text(ratios)} times the speed of np.copyto"
        if Cell("out", dtype, largest, threads).nbytes > 2 * last_level > 0:
            memory = columns[largest]["fastlrelu"].gigabytes_per_second
            sentence += f"; past the last cache {ratio_text(memory)} GB/s are left"
        sentence += "."
    return Figure(
        "bandwidth",
        "Memory traffic",
        f"out=, {dtype}, {_threads_text(threads)}; the plain copy is the roofline, "
        "dotted lines are where x and out fill a cache",
        "lines",
        "elements",
        "GB/s",
        series,
        sentence,
        marks=marks,
    )


def call_cost(run: Run) -> Figure:
    """What one call on one element costs."""
    cell = next((c for c in run.cells if c.operation == "call" and "fastlrelu" in run.cells[c]), None)
    column = run.cells[cell] if cell else {}
    ranked = sorted(column.values(), key=lambda result: result.median)
    series = [Series(r.candidate, r.cell.label(r.candidate), [(i, r.median * 1e9)]) for i, r in enumerate(ranked)]
    sentence = "The run did not get as far as this plot."
    if column:
        ours = column["fastlrelu"].median
        sentence = f"A call of LeakyReLU on one element takes {seconds_text(ours)}"
        parts = [
            f"{column[name].cell.label(name)} {ratio_text(column[name].median / ours)} times as long"
            for name in ("limit", "where", "torch")
            if name in column
        ]
        sentence += "".join(f", {part}" for part in parts) + "."
    return Figure(
        "calls",
        "Cost of a call",
        f"one element, float32, {_threads_text(cell.threads if cell else 1)}; shorter is better",
        "bars",
        "nanoseconds",
        "",
        series,
        sentence,
        categories=[s.label for s in series],
    )


def scaling(run: Run) -> Figure:
    """Memory traffic by number of threads, at the size with the most thread counts."""
    groups: dict[tuple[str, str, int], dict[int, Column]] = {}
    for cell, column in run.cells.items():
        if cell.operation in ("new", "out") and "fastlrelu" in column:
            groups.setdefault((cell.operation, cell.dtype, cell.size), {})[cell.threads] = column
    if not groups:
        return _empty_scaling()
    operation, dtype, size = max(
        groups, key=lambda key: (len(groups[key]), -_dtype_rank(key[1]), min(key[2], 1 << 24), key[0] == "out")
    )
    columns = dict(sorted(groups[operation, dtype, size].items()))
    few, many = min(columns), max(columns)
    sentence = f"Only one number of threads, {few}, was measured: there is nothing to compare."
    if many > few:
        sentence = (
            f"With {many} threads fastlrelu is {_gain(columns, 'fastlrelu', few, many)} times as fast as with {few}"
        )
        others = [
            f"{columns[many][name].cell.label(name)} {_gain(columns, name, few, many)}"
            for name in ("limit", "torch", "numba")
            if all(name in columns[count] for count in (few, many))
        ]
        sentence += (f" ({', '.join(others)})" if others else "") + f", at {size_text(size)} elements."
    return Figure(
        "threads",
        "Threads",
        f"{OPERATIONS[operation].title}, {dtype}, {size_text(size)} elements; higher is faster",
        "lines",
        "threads",
        "GB/s",
        _series(columns.items(), lambda result, column: result.gigabytes_per_second),
        sentence,
    )


def _gain(columns: dict[int, Column], name: str, few: int, many: int) -> str:
    return ratio_text(columns[few][name].median / columns[many][name].median)


def _empty_scaling() -> Figure:
    sentence = "The run did not get as far as this plot."
    return Figure("threads", "Threads", "", "lines", "threads", "GB/s", [], sentence)


def layer(run: Run) -> Figure:
    """The layer after a matmul, against the product alone."""
    groups: dict[int, dict[int, Column]] = {}
    for cell, column in run.cells.items():
        if cell.operation == "layer" and {"fastlrelu", "limit"} <= column.keys():
            groups.setdefault(cell.threads, {})[cell.size] = column
    threads = max(groups, default=1)
    columns = dict(sorted(groups.get(threads, {}).items()))
    names = ["({}, {}) x {}".format(*LAYERS[size]) for size in columns]
    sentence = "The run did not get as far as this plot."
    if columns:
        parts = []
        for name in ("fastlrelu", "maximum", "where"):
            added = [100 * (c[name].median / c["limit"].median - 1) for c in columns.values() if name in c]
            if added:
                parts.append(f"{LABELS[name]} {_percent_range(added)}")
        sentence = f"On top of NumPy's product alone, the activation adds: {', '.join(parts)}"
        quicker = {n for c in columns.values() for n in OWN_PRODUCT if n in c and c[n].median < c["limit"].median}
        if quicker:
            labels = ", ".join(LABELS[name] for name in ORDER if name in quicker)
            sentence += f"; with products of their own, faster than NumPy's alone: {labels}"
        sentence += "."
    return Figure(
        "layer",
        "A layer: matmul, then activation",
        f"{next(iter(columns.values()))['fastlrelu'].cell.dtype if columns else 'float32'}, {_threads_text(threads)}; "
        "1 is NumPy's product without an activation; left is faster",
        "dots",
        "time, as a multiple of np.matmul alone",
        "",
        _series(
            [(i, column) for i, column in enumerate(columns.values())],
            lambda result, column: result.median / column["limit"].median,
        ),
        sentence,
        categories=names,
    )


def _percent_range(values: list[float]) -> str:
    low, high = (f"{value:.0f}".replace("-0", "0") for value in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def figures(run: Run) -> list[Figure]:
    """All plots, in the order of the report."""
    return [speedup(run), bandwidth(run), call_cost(run), scaling(run), layer(run)]
