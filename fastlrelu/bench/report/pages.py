"""report.html and report.md."""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup

from ..comparison import Comparison
from ..progress import ratio_text
from ..results import Run
from . import plots, tables
from .findings import Figure, figures

FEW_LOSSES = 12
# Processors.
MUCH_LOAD = 0.15


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(__name__.rpartition(".")[0]),
        autoescape=jinja2.select_autoescape(["html", "html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _noise_text(run: Run) -> str:
    median, most = run.noise()
    busy = run.other_load > MUCH_LOAD
    verdict = "noisy" if median > 0.08 or busy else "quiet" if median < 0.02 else "fairly quiet"
    text = f"{verdict}: repeats spread by ±{100 * median:.1f} % in the median, "
    text += f"nine in ten by less than ±{100 * most:.0f} %"
    return f"{text}; other programs kept {run.other_load:.2f} processors busy"


def _notices(run: Run) -> list[str]:
    """What a reader has to know before anything else."""
    notices = []
    if run.interrupted:
        notices.append("This run was interrupted: the report shows what was measured until then.")
    if run.out_of_time():
        notices.append(f"The time for the run was over before {run.out_of_time()} of its cells were measured.")
    if run.other_load > MUCH_LOAD:
        notices.append(
            f"Other programs kept {run.other_load:.2f} processors busy meanwhile: "
            "on an idle machine the times would be others."
        )
    return notices


def _headline(drawn: list[Figure]) -> dict[str, str]:
    """The three numbers at the top."""
    numbers = {}
    speed = next((s for s in drawn[0].series if s.candidate == "fastlrelu"), None)
    if speed:
        best = max(y for _, y in speed.points)
        numbers["times as fast as np.where, at most"] = f"{ratio_text(best)}x"
    bandwidth = next((s for s in drawn[1].series if s.candidate == "fastlrelu"), None)
    if bandwidth:
        numbers["GB/s at most, one array in and one out"] = ratio_text(max(y for _, y in bandwidth.points))
    call = next((s for s in drawn[2].series if s.candidate == "fastlrelu"), None)
    if call:
        numbers["nanoseconds for a call on one element"] = f"{call.points[0][1]:.0f}"
    return numbers


def _content(run: Run, comparison: Comparison | None) -> dict[str, Any]:
    drawn = figures(run)
    lost = tables.losses(run)
    date = run.date.replace("T", " ").removesuffix("+00:00")
    kind = "quick run" if run.quick else "full run"
    return {
        "figures": drawn,
        "headline": _headline(drawn),
        "head": {
            **run.head,
            "Date": f"{date} UTC, {kind} of {run.seconds:.0f} s" if date else "unknown",
            "The machine was": _noise_text(run),
        },
        "notices": _notices(run),
        "losses": tables.losses_table(lost[:FEW_LOSSES]),
        "more_losses": tables.losses_table(lost[FEW_LOSSES:]),
        "losses_sentence": tables.losses_sentence(run, lost),
        "summary": tables.summary(run),
        "left_out": tables.left_out(run),
        "rounded": tables.rounded(run),
        "times": tables.times(run),
        "changes": tables.changes(comparison) if comparison else None,
        "changes_sentence": tables.changes_sentence(comparison) if comparison else "",
    }


def html(run: Run, comparison: Comparison | None = None) -> str:
    """The page: one file that loads nothing."""

    def draw(figure: Figure, form: str) -> Markup:
        # matplotlib escapes text itself.
        return Markup(plots.draw(figure, plots.WIDE if form == "wide" else plots.NARROW))

    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            **_content(run, comparison),
            draw=draw,
            legend=plots.legend,
            light=Markup(plots.variables(dark=False)),
            dark=Markup(plots.variables(dark=True)),
        )
    )


def markdown(run: Run, comparison: Comparison | None = None, images: bool = False) -> str:
    """The same in Markdown, with the plots as images where they are files."""
    return _environment().get_template("report.md.j2").render(**_content(run, comparison), images=images)
