"""The chart of two runs: a row per measurement, the earlier run above the later one, each with its interval.

Import this module late: it loads matplotlib.  The same numbers give the same bytes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from pytest_cortex.wording import estimate, plural, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

Shown: TypeAlias = tuple[float, float | None, float | None]

# In inches, and fixed, so that nothing moves or is clipped.
_WIDTH, _ROW, _HEAD, _FOOT, _MARGIN = 9.0, 0.62, 0.85, 0.6, 0.15
_LABELS, _VALUES = 2.5, 2.2
_DPI, _MOST_PIXELS = 144, 40_000  # the rasteriser refuses 65,536
_INK, _MUTED, _FAINT, _BLUE, _VERMILLION = "#1f2328", "#59636e", "#dfe3e7", "#0072B2", "#D55E00"
_NORMAL, _SMALL, _TITLE = 9.5, 8, 13
_POINTS_PER_INCH = 72
_LEVELS = (-0.17, 0.17)  # where A and B stand in a row

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "path",
    "svg.hashsalt": "pytest-cortex",
    "text.usetex": False,
    "text.parse_math": False,  # a name with two dollar signs is a name
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement in both runs.

    Attributes:
        label: Which, on one line.
        workers: P.
        first: Speedup in A with the ends of its interval.
        second: The same in B.
        verdict: What is proven of B, empty if nothing is.
    """

    label: str
    workers: int
    first: Shown
    second: Shown
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How one run is drawn: shape and colour say the same."""

    name: str
    colour: str
    marker: str


_LOOKS = (_Look(name="A", colour=_BLUE, marker="o"), _Look(name="B", colour=_VERMILLION, marker="D"))


def encode(rows: Sequence[Row], *, subtitle: str, format_: Literal["svg", "png"]) -> bytes:
    """Returns the bytes of the chart.

    Args:
        rows: From top to bottom.
        subtitle: Which runs these are.
        format_: ``"svg"`` or ``"png"``.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that the font lacks is shown as a box, and that is all
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        drawn = _figure(rows, subtitle)
        buffer = BytesIO()
        dpi = min(_DPI, _MOST_PIXELS / drawn.get_figheight())
        drawn.savefig(buffer, format=format_, dpi=dpi, metadata=_metadata(rows, format_))
    return buffer.getvalue()


def _metadata(rows: Iterable[Row], format_: str) -> dict[str, str | None]:
    values = "; ".join(
        f"{row.label}: A {estimate(*row.first)}, B {estimate(*row.second)} {row.verdict}" for row in rows
    )
    # Dates and versions would change the bytes.
    volatile = ("Date", "Creator") if format_ == "svg" else ("Software",)
    return {"Title": "Two runs", "Description": f"Speedups: {values}", **dict.fromkeys(volatile)}


def _figure(rows: Sequence[Row], subtitle: str) -> Figure:
    body = max(len(rows), 1) * _ROW
    height = _HEAD + body + _FOOT
    drawn = Figure(figsize=(_WIDTH, height))
    axes = drawn.add_axes((_LABELS / _WIDTH, _FOOT / height, (_WIDTH - _LABELS - _VALUES) / _WIDTH, body / height))
    _scale(axes, rows)
    for place, row in enumerate(rows):
        _draw(axes, place, row)
        _annotate(axes, place, row)
    if not rows:
        axes.text(0.5, 0.5, "no measurement is in both", transform=axes.transAxes, ha="center", va="center")
    for text, below, colour, size in (("Two runs", 0.31, _INK, _TITLE), (subtitle, 0.53, _MUTED, _SMALL)):
        fitting = shorten(text, _WIDTH - 2 * _MARGIN, lambda each: _inches(each, _SMALL))
        drawn.text(_MARGIN / _WIDTH, 1 - below / height, fitting, color=colour, fontsize=size)
    samples = [_mark((), (), look, label=look.name) for look in _LOOKS]
    place_ = (_MARGIN / _WIDTH, 1 - 0.58 / height)
    drawn.legend(handles=samples, loc="upper left", bbox_to_anchor=place_, ncols=2, frameon=False, fontsize=_SMALL)
    return drawn


def _scale(axes: Axes, rows: Sequence[Row]) -> None:
    numbers = [number for row in rows for number in (*row.first, *row.second) if number is not None]
    axes.set_xlim(0, 1.06 * max(numbers, default=1.0))
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=(1, 2, 5, 10)))
    axes.set_yticks([])
    axes.set_xlabel("Speedup (sequential time / parallel time)", color=_MUTED, labelpad=6)
    axes.tick_params(axis="x", colors=_MUTED, length=3)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=_FAINT, linewidth=0.8)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(_MUTED)


def _draw(axes: Axes, place: int, row: Row) -> None:
    for look, level, (value, low, high) in zip(_LOOKS, _LEVELS, (row.first, row.second), strict=True):
        if low is not None and high is not None:
            axes.barh(place + level, high - low, height=0.26, left=low, color=look.colour, alpha=0.35)
        axes.add_line(_mark((value,), (place + level,), look))


def _mark(x: Sequence[float], y: Sequence[float], look: _Look, label: str = "") -> Line2D:
    return Line2D(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=7,
        markerfacecolor=look.colour,
        markeredgecolor="white",
        markeredgewidth=0.7,
        clip_on=False,
        label=label,
    )


def _annotate(axes: Axes, place: int, row: Row) -> None:
    label = shorten(row.label, _LABELS - 2 * _MARGIN, lambda each: _inches(each, _NORMAL))
    right = 1 - (_VALUES - _MARGIN) / _WIDTH
    detail = plural(row.workers, "worker") + (f", B is {row.verdict}" if row.verdict else "")
    for x, level, text, colour, size in (
        (_MARGIN / _WIDTH, _LEVELS[0], label, _INK, _NORMAL),
        (_MARGIN / _WIDTH, _LEVELS[1], detail, _MUTED, _SMALL),
        (right, _LEVELS[0], f"A  {estimate(*row.first)}", _INK, _SMALL),
        (right, _LEVELS[1], f"B  {estimate(*row.second)}", _INK, _SMALL),
    ):
        where = blended_transform_factory(axes.figure.transFigure, axes.transData)
        axes.text(x, place + level, text, transform=where, color=colour, fontsize=size, va="center")


def _inches(text: str, size: float) -> float:
    font = mpl.font_manager.FontProperties(family="DejaVu Sans", size=size)
    width, _height, _descent = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / _POINTS_PER_INCH
