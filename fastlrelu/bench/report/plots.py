"""Figures as SVG, drawn by matplotlib; every colour is a CSS variable, so that a page can be light or dark."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from ..cells import LABELS
from .findings import Figure, Series

# Drawn in these colours, which stand for variables and appear nowhere else.
TEXT, LINE, SURFACE = "#010101", "#020202", "#030303"
_COLOURS = {name: f"#0400{place:02x}" for place, name in enumerate(LABELS)}
_MARKERS = {"fastlrelu": "o", "where": "s", "maximum": "D", "numexpr": "v", "numba": "^", "torch": "P",
            "onnxruntime": "X", "jax": "*"}  # fmt: skip
STANDALONE_STYLE = """<style>
svg { --text: #1c1f23; --line: #d5d9de; --surface: #ffffff; --font: system-ui, sans-serif;
%s }
@media (prefers-color-scheme: dark) { svg { --text: #e6e8ea; --line: #3a4047; --surface: #14171a;
%s } }
</style>"""
# Light and dark, by candidate.
PALETTE = {
    "fastlrelu": ("#d9480f", "#ff8a4c"),
    "ufunc": ("#e8793f", "#d9743c"),
    "out": ("#e8793f", "#d9743c"),
    "in_place": ("#e8793f", "#d9743c"),
    "reused": ("#f08c00", "#ffd08a"),
    "limit": ("#8b929a", "#8b929a"),
    "multiply": ("#8b929a", "#8b929a"),
    "where": ("#343a40", "#ced4da"),
    "where_reused": ("#868e96", "#7d8791"),
    "maximum": ("#8d6e63", "#bcaaa4"),
    "numexpr": ("#b58105", "#e9c46a"),
    "numba": ("#2b8a3e", "#69db7c"),
    "torch": ("#1c6fd1", "#74b4ff"),
    "onnxruntime": ("#8e3ab0", "#da8bf0"),
    "jax": ("#0b7f8f", "#3bc9db"),
}


@dataclass(frozen=True)
class Format:
    """How large a plot is, and whether it names its series itself."""

    width: float
    height: float
    font: float
    legend: bool = False


WIDE = Format(8.2, 3.5, 8.0)
NARROW = Format(3.7, 3.0, 7.6)
STANDALONE = Format(8.2, 4.1, 8.0, legend=True)


def variables(dark: bool) -> str:
    """The colours of the candidates as CSS declarations."""
    return " ".join(f"--c-{name}: {colours[dark]};" for name, colours in PALETTE.items())


def _power(value: float, _: object = None) -> str:
    return f"$2^{{{round(value).bit_length() - 1}}}$" if value >= 1024 else f"{value:g}"


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.10g}"


def _lines(axes: Any, figure: Figure, form: Format) -> None:
    axes.set_xscale("log", base=2)
    by_threads = figure.x_label == "threads"
    xs = sorted({x for series in figure.series for x, _ in series.points})
    for series in figure.series:
        ours, limit = series.candidate == "fastlrelu", series.candidate == "limit"
        axes.plot(
            *zip(*series.points, strict=True),
            color=_COLOURS[series.candidate],
            label=series.label,
            linewidth=2.2 if ours else 1.1,
            linestyle=(0, (4, 3)) if limit else "-",
            marker=None if limit and len(xs) > 1 else _MARKERS.get(series.candidate, "o"),
            markersize=4.5 if ours else 3.2,
            zorder=4 if ours else 3,
        )
    if by_threads:
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.set_ylim(bottom=0)
        axes.margins(x=0.12)
    else:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_power))
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        every = max(1, len(xs) // (5 if form.width < 5 else 10))
        axes.set_xticks(xs[::every] if len(xs) > 1 else xs)
    axes.xaxis.set_minor_locator(NullLocator())
    if figure.key == "speedup":
        axes.axhline(1, color=TEXT, linewidth=0.6, zorder=2)
    for x, name in figure.marks:
        axes.axvline(x, color=TEXT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=2)
        axes.annotate(
            name, (x, 1), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points", va="top"
        )


def _bars(axes: Any, figure: Figure, form: Format) -> None:
    names = figure.categories
    values = [series.points[0][1] for series in figure.series]
    colours = [_COLOURS[series.candidate] for series in figure.series]
    axes.barh(range(len(values)), values, color=colours, height=0.66, zorder=3)
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:,.0f}", (value, place), xytext=(4, 0), textcoords="offset points", va="center", color=TEXT
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(4 if form.width < 5 else 8))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.grid(visible=False, axis="y")


def _dots(axes: Any, figure: Figure, form: Format) -> None:
    for series in figure.series:
        if series.candidate == "limit":
            continue
        ours = series.candidate == "fastlrelu"
        axes.plot(
            [value for _, value in series.points],
            [place for place, _ in series.points],
            color=_COLOURS[series.candidate],
            label=series.label,
            linestyle="none",
            marker=_MARKERS.get(series.candidate, "o"),
            markersize=8 if ours else 6,
            alpha=1 if ours else 0.85,
            zorder=4 if ours else 3,
        )
    axes.axvline(1, color=_COLOURS["limit"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
    axes.set_yticks(range(len(figure.categories)), figure.categories)
    axes.set_ylim(len(figure.categories) - 0.5, -0.5)
    values = [value for series in figure.series for _, value in series.points]
    if max(values) > 8 * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    else:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5 if form.width < 5 else 10))


_DRAW = {"lines": _lines, "bars": _bars, "dots": _dots}


def _style(form: Format) -> dict[str, Any]:
    return {
        "svg.fonttype": "none",
        "font.size": form.font,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.edgecolor": TEXT,
        "axes.labelcolor": TEXT,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "text.color": TEXT,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "ytick.major.size": 0,
        "xtick.major.size": 3,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
        "mathtext.default": "regular",
    }


def draw(figure: Figure, form: Format) -> str:
    """The SVG element.

    Parameters
    ----------
    figure : Figure
        With at least one series.
    form : Format
        Its size.
    """
    style: Any = {**_style(form), "svg.hashsalt": f"{figure.key}-{form.width}-{form.legend}"}
    with mpl.rc_context(style):
        height = form.height
        if figure.kind == "bars":
            height = 0.55 + 0.19 * len(figure.categories) * (1.15 if form.width < 5 else 1.0)
        elif figure.kind == "dots":
            height = 0.75 + 0.42 * len(figure.categories)
        if form.legend:
            height += 0.4
        canvas = Canvas(figsize=(form.width, height), layout="constrained")
        FigureCanvasSVG(canvas)
        canvas.patch.set_alpha(0)
        axes = canvas.add_subplot()
        axes.patch.set_alpha(0)
        _DRAW[figure.kind](axes, figure, form)
        axes.set_xlabel(figure.x_label)
        axes.set_ylabel(figure.y_label)
        if form.legend:
            canvas.suptitle(f"{figure.title}\n{figure.subtitle}", fontsize=form.font + 1, x=0.01, ha="left")
            if figure.kind != "bars":
                canvas.legend(loc="outside lower center", ncols=min(6, len(figure.series)))
        stream = io.StringIO()
        canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _with_variables(stream.getvalue(), f"{figure.key}-{'w' if form.width > 5 else 'n'}", figure)


def _with_variables(text: str, prefix: str, figure: Figure) -> str:
    svg = text[text.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # On a page it would be a rule for the whole page.
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    # Several plots share a page: their ids must not.
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    names = {TEXT: "--text", LINE: "--line", SURFACE: "--surface"}
    names |= {colour: f"--c-{name}" for name, colour in _COLOURS.items()}
    svg = re.sub(r"#0[1-4][0-9a-f]{4}", lambda match: f"var({names[match[0]]})" if match[0] in names else match[0], svg)
    # The page's own font; what was measured for the layout is wider than most.
    svg = re.sub(r"(font: [0-9.]+px )[^;\"]*", r"\g<1>var(--font)", svg)
    label = f"{figure.title}: {figure.subtitle}"
    opening = f'<svg role="img" aria-label="{label}" data-plot="{figure.key}" stroke-linejoin="round" '
    svg = re.sub(r"^<svg ", opening, svg)
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )


def standalone(figure: Figure) -> str:
    """A file of its own: with a title, a legend and colours for light and dark."""
    svg = draw(figure, STANDALONE)
    style = STANDALONE_STYLE % (variables(dark=False), variables(dark=True))
    return re.sub(r"^(<svg[^>]*>)", rf"\1{style}", svg) + "\n"


def legend(figure: Figure) -> list[Series]:
    """What the page names beside a plot; bars carry their own names."""
    if figure.kind == "bars":
        return []
    return [s for s in figure.series if figure.kind != "dots" or s.candidate != "limit"]
