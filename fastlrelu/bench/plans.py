"""Which cells a run measures: the repository's suite, the quick run and the full one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .cells import DTYPES, ELU_GELU, ITEM_BYTES, LAYERS, PEERS, Cell
from .turns import Limits

LARGEST = 1 << 26
QUICK_SECONDS, FULL_SECONDS = 50.0, 1260.0
QUICK_SIZES = (1, 64, 1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 22)
FULL_SIZES = (*(1 << k for k in range(0, 27, 2)), 1 << 17, 1 << 19, 1 << 21)
# For operations and dtypes other than the first ones.
FEWER_SIZES = (1 << 8, 1 << 12, 1 << 16, 1 << 20, 1 << 22)
ACTIVATIONS = ("new", "out", "in_place", "grad", "add", "prelu_first", "prelu_last", "prelu_shared", "prelu_elements")
# Threads can make no difference below: no library starts them for so little.
SMALLEST_FOR_THREADS = 1 << 12


@dataclass(frozen=True)
class Plan:
    """The cells of a run, those first that matter most at each number of threads, and the peers in them."""

    cells: tuple[Cell, ...]
    against: tuple[str, ...] = PEERS
    limits: Limits = field(default_factory=Limits)

    def __iter__(self) -> Iterator[tuple[Cell, str]]:
        for cell in self.cells:
            for candidate in cell.candidates(self.against):
                yield cell, candidate


def repository_plan() -> Plan:
    """What ``pytest benchmarks`` measures: one thread, against NumPy, which is there wherever fastlrelu is."""
    operations = ("new", "out", "in_place", "grad", "prelu_first", "prelu_last")
    sizes = [1 << k for k in range(0, 25, 2)]
    cells = [Cell(o, d, n) for o in operations for d in ("float32", "float64") for n in sizes]
    return Plan(tuple(cells), against=("maximum",))


def thread_counts(available: int) -> tuple[int, ...]:
    """1, 2, 4, ... and all."""
    counts = [1 << k for k in range(available.bit_length()) if 1 << k < available]
    return (*counts, available)


def _activation_cells(quick: bool, sizes: Sequence[int] | None, dtypes: Sequence[str]) -> Iterator[Cell]:
    """At one thread."""
    main = dtypes[0]
    for operation in ("new", "out"):
        for n in sizes or sorted(QUICK_SIZES if quick else FULL_SIZES):
            yield Cell(operation, main, n)
    for operation in ACTIVATIONS:
        for dtype in dtypes:
            if dtype == main and operation in ("new", "out"):
                continue
            if sizes:
                chosen = sizes
            elif quick:
                chosen = [1 << 14, 1 << 20] if dtype == main else [1 << 18] if operation in ("new", "grad") else []
            else:
                chosen = [*FEWER_SIZES, 1 << 24] if dtype == main else FEWER_SIZES
            for n in chosen:
                yield Cell(operation, dtype, n)
    # In 16 bits only where nothing else is asked for: as float32, and NumPy's lines are slow or not there at all.
    for dtype in [d for d in dtypes if ITEM_BYTES[d] > 2] or dtypes:
        for operation in ELU_GELU:
            for n in sizes or ((1 << 16,) if quick and dtype == main else () if quick else (1 << 12, 1 << 16, 1 << 20)):
                yield Cell(operation, dtype, n)


def _is_plotted(cell: Cell, dtypes: Sequence[str]) -> bool:
    return cell.operation in ("new", "out") and cell.dtype == dtypes[0]


def _cells_at(
    count: int, counts: Sequence[int], quick: bool, sizes: Sequence[int] | None, dtypes: Sequence[str]
) -> Iterator[Cell]:
    """At some number of threads: all cells with the fewest threads, else those where threads can make a difference."""
    for cell in _activation_cells(quick, sizes, dtypes):
        worth_it = _is_plotted(cell, dtypes) if quick or 1 < count < counts[-1] else True
        if count == counts[0] or sizes or (worth_it and cell.size >= SMALLEST_FOR_THREADS):
            yield Cell(cell.operation, cell.dtype, cell.size, count)


def report_plan(
    quick: bool,
    available_threads: int,
    sizes: Sequence[int] | None = None,
    dtypes: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    against: Sequence[str] | None = None,
) -> Plan:
    """What ``fastlrelu bench`` measures.

    Parameters
    ----------
    quick : bool
        Fewer cells, for less than a minute.
    available_threads : int
        All threads.
    sizes, dtypes, threads, against : sequence, optional
        What the user chose instead of the plan's own.
    """
    dtypes = dtypes or DTYPES
    counts = sorted(threads or ({1, available_threads} if quick else thread_counts(available_threads)))
    layer_dtype = next((d for d in dtypes if d in ("float32", "float64")), "float32")
    layers = sorted(LAYERS)[: 2 if quick else None]
    plotted: list[Cell] = []
    others: list[Cell] = []
    # Those of the plots come first, so that a slow machine or Ctrl-C leaves out the others. All threads come last among
    # them and first among the others: at each change all libraries are started again.
    for count in counts:
        if count == counts[0]:
            plotted.append(Cell("call", "float32", 1, count))
        plotted += [c for c in _cells_at(count, counts, quick, sizes, dtypes) if _is_plotted(c, dtypes)]
        if count in (counts[0], counts[-1]):
            plotted += [Cell("layer", layer_dtype, n, count) for n in layers]
    for count in reversed(counts):
        others += [c for c in _cells_at(count, counts, quick, sizes, dtypes) if not _is_plotted(c, dtypes)]
    limits = Limits(QUICK_SECONDS, 0.05) if quick else Limits(FULL_SECONDS, 0.15)
    return Plan(tuple(dict.fromkeys(plotted + others)), tuple(against or PEERS), limits)
