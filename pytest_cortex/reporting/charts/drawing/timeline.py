"""Draws timelines: a panel per measurement, a track per worker, a bar per module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pytest_cortex.reporting.charts.drawing.paper import (
    LABEL,
    MARGIN,
    SMALL,
    TINY,
    WIDTH,
    Paper,
    area,
    fitted,
    head_height,
    inches,
    note_height,
    stroke,
    visible,
    widest,
)
from pytest_cortex.reporting.charts.theme import BLUE, VERMILLION, Fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.timeline import Bar, Timeline, Timelines
    from pytest_cortex.reporting.charts.theme import Theme

TITLE = "Timeline: the parallel run of median length"

TRACK = 0.25
BAR, CRITICAL_BAR = 0.16, 0.22  # heights: where bars are too narrow for a hatch, they differ in height
PANEL_HEAD = 0.42  # name and small print
PHASES = 0.14  # the names of phases
PANEL_FOOT = 0.5
FOOT = 0.2  # label of the time axis
NARROWEST = 0.012  # inches: what takes no time can still be seen
WITH_EDGES = 0.06  # inches: of narrower bars the edges would be all that is seen
INVISIBLE = 0.005  # inches: narrower gaps between narrow bars
LEAST_NAME = 0.8  # inches: in less room, names are not shortened but left out

MODULE = Fill(colour=BLUE)
CRITICAL = Fill(colour=VERMILLION, hatch="//////")


def figure(shown: Timelines, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    handles = list(_handles(shown, theme))
    top = head_height(handles)
    heights = [_height(one) for one in shown.timelines]
    paper = Paper(top + sum(heights) + FOOT + note_height(shown.left_out), theme)
    paper.write_head(TITLE, subtitle, handles)
    paper.write_note(shown.left_out)
    y = top
    for one, height in zip(shown.timelines, heights, strict=True):
        _panel(paper, y, one)
        y += height
    paper.write(WIDTH / 2, y + FOOT / 2, "Time from the operation's start", size=LABEL, muted=True, align="center")
    return paper.figure


def _head(one: Timeline) -> float:
    return PANEL_HEAD + (PHASES if one.phases else 0.0)


def _height(one: Timeline) -> float:
    return _head(one) + len(one.tracks) * TRACK + PANEL_FOOT


def _panel(paper: Paper, top: float, one: Timeline) -> None:
    theme = paper.theme
    left = 2 * MARGIN + widest(one.tracks, SMALL)
    width = WIDTH - left - 2 * MARGIN
    paper.write(MARGIN, top + 0.1, fitted(one.label, WIDTH - 2 * MARGIN))
    paper.write(MARGIN, top + 0.27, fitted(one.detail, WIDTH - 2 * MARGIN, SMALL), size=SMALL, muted=True)
    upper = top + _head(one)
    for number, name in enumerate(one.tracks):
        paper.write(MARGIN, upper + (number + 0.5) * TRACK, name, size=SMALL, muted=True)
    axes = paper.axes(left=left, top=upper, width=width, height=len(one.tracks) * TRACK)
    axes.set_ylim(len(one.tracks) * TRACK, 0)
    axes.set_xlim(0, one.end_s or 1.0)
    _time_axis(axes, one.end_s, theme)
    _draw(axes, one, width / (one.end_s or 1.0), theme)
    _write_phases(paper, upper - 0.07, left, width, one)


def _time_axis(axes: Axes, end_s: float, theme: Theme) -> None:
    factor, unit = (1.0, "s") if end_s >= 1 else (1e3, "ms") if end_s >= 1e-3 else (1e6, "µs")
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _place: f"{seconds * factor:.6g} {unit}"))
    axes.grid(axis="x", color=theme.faint, linewidth=0.8)


def _draw(axes: Axes, one: Timeline, inches_per_s: float, theme: Theme) -> None:
    """Draws all bars of one kind at once: thousands of single ones would take seconds and megabytes."""
    least_s = NARROWEST / inches_per_s
    for critical, fill in ((False, MODULE), (True, CRITICAL)):
        bars = [bar for bar in one.bars if bar.critical is critical]
        wide = [bar for bar in bars if bar.length_s * inches_per_s >= WITH_EDGES]
        narrow = [bar for bar in bars if bar.length_s * inches_per_s < WITH_EDGES]
        if narrow:
            joined = _joined(narrow, INVISIBLE / inches_per_s)
            axes.add_patch(PathPatch(_boxes(joined, least_s), facecolor=fill.colour, linewidth=0))
        if wide:
            axes.add_patch(PathPatch(_boxes(wide, least_s), **area(fill, theme)))
    for bar in one.bars:
        _write_name(axes, bar, bar.length_s * inches_per_s - 0.06, theme)
    for _, start_s in one.phases:
        axes.axvline(start_s, color=theme.ink, linewidth=1.1)


def _joined(bars: Sequence[Bar], gap_s: float) -> list[Bar]:
    """Makes one bar of those between which nobody could see a gap."""
    joined: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (bar.track, bar.start_s)):
        last = joined[-1] if joined else None
        if last is not None and last.track == bar.track and bar.start_s - last.end_s <= gap_s:
            joined[-1] = replace(last, length_s=max(last.end_s, bar.end_s) - last.start_s)
        else:
            joined.append(bar)
    return joined


def _boxes(bars: Sequence[Bar], least_s: float) -> Path:
    corners: list[tuple[float, float]] = []
    for bar in bars:
        left, right = bar.start_s, bar.start_s + max(bar.length_s, least_s)
        upper, lower = _edges(bar)
        corners += [(left, upper), (right, upper), (right, lower), (left, lower), (left, upper)]
    box = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners, box * len(bars))


def _edges(bar: Bar) -> tuple[float, float]:
    middle, height = (bar.track + 0.5) * TRACK, CRITICAL_BAR if bar.critical else BAR
    return middle - height / 2, middle + height / 2


def _write_name(axes: Axes, bar: Bar, room: float, theme: Theme) -> None:
    """Writes a module's name on its bar, on a strip of paper so that it can be read, if there is room for it."""
    if room < LEAST_NAME and room < inches(visible(bar.module), TINY):
        return
    axes.text(
        bar.start_s + bar.length_s / 2,
        (bar.track + 0.5) * TRACK,
        fitted(bar.module, room, TINY),
        fontsize=TINY,
        color=theme.ink,
        horizontalalignment="center",
        verticalalignment="center",
        parse_math=False,
        bbox={"facecolor": theme.paper, "edgecolor": "none", "boxstyle": "square,pad=0.12"},
    )


def _write_phases(paper: Paper, y: float, left: float, width: float, one: Timeline) -> None:
    """Writes the phases' names above where they begin, as far as they do not run into each other."""
    end = 0.0
    for name, start_s in one.phases:
        x = left + start_s / (one.end_s or 1.0) * width
        if x >= end and x + inches(name, TINY) <= WIDTH - MARGIN:
            paper.write(x, y, name, size=TINY, muted=True)
            end = x + inches(name, TINY) + 0.08


def _handles(shown: Timelines, theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    bars = [bar for one in shown.timelines for bar in one.bars]
    if any(not bar.critical for bar in bars):
        yield Patch(label="module", **area(MODULE, theme))
    if any(bar.critical for bar in bars):
        yield Patch(label="module on the critical path", **area(CRITICAL, theme))
    if any(one.phases for one in shown.timelines):
        yield stroke(theme.ink, 1.1, "a phase begins")
