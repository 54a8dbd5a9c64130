"""One run of ``fastlrelu bench``: what the user chose, the measurement, the files, the comparison."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

import fastlrelu as fl

from . import choices, files, machine, measurement, plans, progress, results
from .choices import UsageError
from .comparison import Comparison, compare
from .report import pages, plots, tables
from .report.findings import figures

__all__ = ["UsageError", "run"]

SHOWN_CHANGES = 20
SHOWN_COLUMNS = 110


def run(arguments: argparse.Namespace) -> int:
    """Measure, or read an earlier run; write the report; compare.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    UsageError
        For anything wrong with the arguments, the files they name, or the folder.
    """
    threshold = choices.percent(arguments.fail_above)
    if threshold is not None and arguments.compare is None:
        raise UsageError("--fail-above needs --compare")
    try:
        old = results.read(Path(arguments.compare)) if arguments.compare is not None else None
        if arguments.results is not None:
            return _finish(arguments, results.read(Path(arguments.results)), old, None, threshold)
    except results.BadResultsError as error:
        raise UsageError(str(error)) from None
    plan = _plan(arguments)
    files.make_folder(Path(arguments.output))
    started, load = time.monotonic(), machine.OtherLoad()
    console = Console(stderr=True)
    with progress.Display(console) as display:
        measured = measurement.measure(plan, display.show)
    if measured.failure:
        print(f"fastlrelu bench: the suite failed:\n{measured.failure}", file=sys.stderr)
    if not measured.benchmarks:
        print("fastlrelu bench: nothing was measured, nothing is written", file=sys.stderr)
        return 130 if measured.interrupted else 1
    document = results.to_json(measured, time.monotonic() - started, arguments.quick, load.processors())
    current = results.run_of(document)
    status = _finish(arguments, current, old, results.text_of(document), threshold)
    if current.out_of_time():
        print(f"The time was over before {current.out_of_time()} cells were measured.", file=sys.stderr)
    if measured.interrupted:
        print("Interrupted: the report has what was measured until then.", file=sys.stderr)
        return 130
    return 1 if measured.failure else status


def _plan(arguments: argparse.Namespace) -> plans.Plan:
    available = fl.get_num_threads()
    return plans.report_plan(
        arguments.quick,
        available,
        choices.sizes(arguments.sizes),
        choices.dtypes(arguments.dtypes),
        choices.threads(arguments.threads, available),
        choices.peers(arguments.against),
    )


def _finish(
    arguments: argparse.Namespace,
    current: results.Run,
    old: results.Run | None,
    document: str | None,
    threshold: float | None,
) -> int:
    comparison = compare(old, current) if old is not None else None
    if comparison is None or arguments.results is None:
        _write(
            Path(arguments.output),
            current,
            comparison if comparison and comparison.changes else None,
            document,
            arguments.plots,
        )
    if comparison is None:
        return 0
    if not comparison.changes:
        raise UsageError(f"{arguments.compare} has no cell in common with this run")
    return _show_changes(comparison, threshold)


def _write(
    folder: Path, current: results.Run, comparison: Comparison | None, document: str | None, with_plots: bool
) -> None:
    files.make_folder(folder)
    texts = {
        "report.html": pages.html(current, comparison),
        "report.md": pages.markdown(current, comparison, images=with_plots),
    }
    if document is not None:
        texts["results.json"] = document
    if with_plots:
        texts |= {f"{figure.key}.svg": plots.standalone(figure) for figure in figures(current) if figure.series}
    files.write_all(folder, texts)
    print(f"Wrote {', '.join(str(folder / name) for name in texts)}")


def _show_changes(comparison: Comparison, threshold: float | None) -> int:
    # A narrower terminal wraps lines rather than losing half the words.
    console = Console(width=max(SHOWN_COLUMNS, Console().width))
    table = tables.changes(comparison, SHOWN_CHANGES)
    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(table.head):
        shown.add_column(name, justify="left" if table.is_words(place) else "right", no_wrap=True)
    for row in table.rows:
        shown.add_row(*row)
    console.print(f"Since {comparison.old_date or 'the earlier run'}, the largest rises first:", markup=False)
    console.print(shown)
    hidden = len(comparison.changes) - len(table.rows)
    if hidden:
        print(f"... and {hidden} more")
    print(tables.changes_sentence(comparison))
    if threshold is None:
        return 0
    above = comparison.above(threshold)
    if not above:
        print(f"No fastlrelu time rose by more than {threshold:g} %.")
        return 0
    print(f"{len(above)} of fastlrelu's times rose by more than {threshold:g} %.")
    return 1
