"""Draws a ``Chart``.  Every length on paper is in inches and fixed, so that nothing moves or is clipped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from pytest_cortex.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from pytest_cortex.reporting.chart_rows import Chart, Mark

WIDTH = 9.0
ROW = 0.46
MARGIN = 0.15
HEAD = 1.05  # title, result and legend
FOOT = 0.6  # ticks and axis label
WIDEST_LABEL = 2.4
VALUES = 1.9  # the column of numbers at the right

INK, MUTED, FAINT = "#1f2328", "#59636e", "#dfe3e7"
SMALL, NORMAL, TITLE = 8, 9.5, 13
POINTS_PER_INCH = 72
UPPER_LINE, LOWER_LINE = -0.17, 0.2  # the two lines of text in a row, in rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a verdict is drawn: colour and shape say the same, for those who see only one of them."""

    colour: str
    marker: str


# Colours of Okabe and Ito, told apart with every common kind of colour blindness.
LOOKS = {
    "PASS": Look(colour="#0072B2", marker="o"),
    "FAIL": Look(colour="#D55E00", marker="X"),
    "INCONCLUSIVE": Look(colour="#CC79A7", marker="^"),
    "no gate": Look(colour="#6e7781", marker="s"),
}


def figure(chart: Chart, subtitle: str) -> Figure:
    """Returns *chart* as a figure; the caller has set the style."""
    labels = [shorten(visible(mark.label), WIDEST_LABEL, _inches) for mark in chart.marks]
    left = 2 * MARGIN + max(_widest(labels, NORMAL), _widest((mark.detail for mark in chart.marks), SMALL))
    body = max(len(chart.marks), 1) * ROW
    height = HEAD + body + FOOT
    drawn = Figure(figsize=(WIDTH, height))
    axes = drawn.add_axes((left / WIDTH, FOOT / height, (WIDTH - left - VALUES) / WIDTH, body / height))
    _scale(axes, chart)
    for row, (mark, label) in enumerate(zip(chart.marks, labels, strict=True)):
        _draw(axes, row, mark)
        _annotate(axes, row, mark, label)
    if not chart.marks:
        axes.text(
            0.5,
            0.5,
            "nothing was measured",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=MUTED,
            backgroundcolor="white",
        )
    _head(drawn, chart, subtitle)
    return drawn


def visible(text: str) -> str:
    """Returns *text* with a box for each character the font lacks; matplotlib would warn of it."""
    known = _characters()
    return "".join(char if ord(char) in known else "□" for char in text)


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())


def _widest(texts: Iterable[str], size: float) -> float:
    return max((_inches(text, size) for text in texts), default=0.0)


def _inches(text: str, size: float = NORMAL) -> float:
    font = FontProperties(family="DejaVu Sans", size=size)
    width, _height, _descent = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS_PER_INCH


def _scale(axes: Axes, chart: Chart) -> None:
    rows = max(len(chart.marks), 1)
    furthest = max((place for mark in chart.marks for place in mark.positions), default=1.0)
    axes.set_xlim(0, 1.04 * furthest)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=(1, 2, 5, 10), integer=chart.integer_ticks))
    axes.set_yticks([])
    axes.set_xlabel(chart.axis_label, color=MUTED, labelpad=6)
    axes.tick_params(axis="x", colors=MUTED, length=3)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)


def _draw(axes: Axes, row: int, mark: Mark) -> None:
    look = _look(mark.verdict)
    axes.vlines(mark.ideal, row - 0.38, row + 0.38, color=MUTED, linewidth=0.9)
    if mark.low is not None and mark.high is not None:
        axes.barh(row, mark.high - mark.low, height=0.4, left=mark.low, color=look.colour, alpha=0.35)
    if mark.limit is not None:
        axes.vlines(mark.limit, row - 0.3, row + 0.3, color=INK, linewidth=2.2)
    if mark.ceiling is not None:
        axes.add_line(_diamond((mark.ceiling,), (row,)))
    if mark.value is not None:
        axes.add_line(_dot((mark.value,), (row,), look))


def _look(verdict: str) -> Look:
    return LOOKS.get(verdict, LOOKS["no gate"])


def _dot(x: Sequence[float], y: Sequence[float], look: Look) -> Line2D:
    return Line2D(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=7.5,
        markerfacecolor=look.colour,
        markeredgecolor="white",
        markeredgewidth=0.7,
        clip_on=False,  # drawn whole at the very edge of the axes as well
    )


def _diamond(x: Sequence[float], y: Sequence[float]) -> Line2D:
    return Line2D(
        x,
        y,
        linestyle="none",
        marker="D",
        markersize=10,  # larger than a dot, so that it is seen around one
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.1,
        clip_on=False,
    )


def _annotate(axes: Axes, row: int, mark: Mark, label: str) -> None:
    right = 1 - (VALUES - MARGIN) / WIDTH
    for x, line, text, colour, size in (
        (MARGIN / WIDTH, UPPER_LINE, label, INK, NORMAL),
        (MARGIN / WIDTH, LOWER_LINE, mark.detail, MUTED, SMALL),
        (right, UPPER_LINE, mark.value_text, INK, NORMAL),
        (right, LOWER_LINE, mark.verdict_text, MUTED, SMALL),
    ):
        place = blended_transform_factory(axes.figure.transFigure, axes.transData)
        # A name with two dollar signs is a name, not mathematics.
        axes.text(x, row + line, text, transform=place, color=colour, fontsize=size, va="center", parse_math=False)


def _head(drawn: Figure, chart: Chart, subtitle: str) -> None:
    height = drawn.get_figheight()
    for text, below, colour, size in ((chart.title, 0.31, INK, TITLE), (subtitle, 0.53, MUTED, SMALL)):
        y = 1 - below / height
        drawn.text(MARGIN / WIDTH, y, visible(text), color=colour, fontsize=size, parse_math=False)
    handles = list(_handles(chart))
    drawn.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(MARGIN / WIDTH, 1 - 0.62 / height),
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        borderaxespad=0,
        borderpad=0.3,
        columnspacing=1.4,
        handletextpad=0.5,
        handlelength=1.6,
    )


def _handles(chart: Chart) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    measured = [mark for mark in chart.marks if mark.value is not None]
    for verdict, look in LOOKS.items():
        if any(_look(mark.verdict) is look for mark in measured):
            yield _named(_dot((), (), look), verdict)
    if measured:
        yield Patch(color=LOOKS["no gate"].colour, alpha=0.35, linewidth=0, label="interval")
    if any(mark.limit is not None for mark in chart.marks):
        yield _named(_stroke(INK, 2.2), "limit")
    if any(mark.ceiling is not None for mark in chart.marks):
        yield _named(_diamond((), ()), "ceiling of the graph")
    if chart.marks:
        yield _named(_stroke(MUTED, 0.9), chart.ideal_label)


def _stroke(colour: str, width: float) -> Line2D:
    return Line2D((), (), linestyle="none", marker="|", markersize=11, markeredgecolor=colour, markeredgewidth=width)


def _named(sample: Line2D, label: str) -> Line2D:
    sample.set_label(label)
    return sample
