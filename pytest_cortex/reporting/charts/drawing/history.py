"""Draws the history, a panel per program and kind of machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from pytest_cortex.reporting.charts.drawing.paper import (
    LABEL,
    MARGIN,
    SMALL,
    WIDTH,
    Paper,
    dot,
    fitted,
    head_height,
    interval_area,
    named,
    note_height,
    patch_of_interval,
)
from pytest_cortex.reporting.charts.theme import LOOKS, NO_GATE
from pytest_cortex.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.history import Run, Trend, Trends
    from pytest_cortex.reporting.charts.theme import Theme

TITLE = "Speedup from run to run"

PANEL = 2.0
PANEL_HEAD, PLOT_HEIGHT = 0.42, 1.15
PLOT_LEFT = 0.75
PLOT_WIDTH = WIDTH - PLOT_LEFT - 0.65  # half a date reaches out at either end
FOOT = 0.24
# With more runs than this, marks are smaller, and only those that did not pass have one.
MOST_MARKS = 60
ROOM_FOR_A_DATE = 1.25  # inches


def figure(shown: Trends, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    handles = list(_handles(shown, theme))
    top = head_height(handles)
    body = len(shown.trends) * PANEL
    paper = Paper(top + body + FOOT + note_height(shown.left_out), theme)
    paper.write_head(TITLE, subtitle, handles)
    paper.write_note(shown.left_out)
    for number, trend in enumerate(shown.trends):
        _panel(paper, top + number * PANEL, trend)
    label = "Runs in the order of time, evenly spaced"
    paper.write(WIDTH / 2, top + body + FOOT / 2, label, size=LABEL, muted=True, align="center")
    return paper.figure


def _panel(paper: Paper, top: float, trend: Trend) -> None:
    earlier = f" · {plural(trend.earlier, 'earlier run')} not shown" if trend.earlier else ""
    room = WIDTH - 2 * MARGIN
    paper.write(MARGIN, top + 0.1, fitted(trend.label, room))
    paper.write(MARGIN, top + 0.27, fitted(f"{trend.detail}{earlier}", room, SMALL), size=SMALL, muted=True)
    axes = paper.axes(left=PLOT_LEFT, top=top + PANEL_HEAD, width=PLOT_WIDTH, height=PLOT_HEIGHT)
    _scale(axes, trend, paper.theme)
    _draw(axes, trend.runs, paper.theme)


def _scale(axes: Axes, trend: Trend, theme: Theme) -> None:
    around = [place for run in trend.runs for place in (run.speedup, run.low, run.high, run.limit) if place is not None]
    beside = 0.1 * (max(around) - min(around)) or 0.1 * max(around) or 1.0
    axes.set_xlim(-0.5, len(trend.runs) - 0.5)
    axes.set_ylim(max(0.0, min(around) - beside), max(around) + beside)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(trend.runs)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: trend.runs[round(value)].time))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.6g}"))
    axes.set_ylabel("Speedup", color=theme.muted, fontsize=LABEL)
    axes.grid(axis="y", color=theme.faint, linewidth=0.8)


def _ticks(runs: Sequence[Run]) -> list[int]:
    """As many runs, evenly spread, as there is room for their dates."""
    room = int(PLOT_WIDTH / ROOM_FOR_A_DATE)
    count = min(room, len(runs))
    return [round(place * (len(runs) - 1) / max(count - 1, 1)) for place in range(count)]


def _draw(axes: Axes, runs: Sequence[Run], theme: Theme) -> None:
    places = range(len(runs))
    size = 6.5 if len(runs) <= MOST_MARKS else 4.5
    known = [run.low is not None and run.high is not None for run in runs]
    low, high = [run.low or 0.0 for run in runs], [run.high or 0.0 for run in runs]
    axes.fill_between(places, low, high, where=known, **interval_area(LOOKS[NO_GATE]))
    axes.plot(places, [run.speedup for run in runs], color=theme.muted, linewidth=1.2)
    axes.add_line(_limit(*_steps(runs), theme))
    for verdict, look in LOOKS.items():
        seen = [place for place in places if runs[place].verdict == verdict]
        if seen and (verdict != "PASS" or len(runs) <= MOST_MARKS):
            axes.add_line(dot(seen, [runs[place].speedup for place in seen], look, theme, size=size))


def _steps(runs: Sequence[Run]) -> tuple[list[float], list[float]]:
    """The limit as a line that changes half-way between two runs, with gaps where there was none."""
    x: list[float] = []
    y: list[float] = []
    for place, run in enumerate(runs):
        limit = float("nan") if run.limit is None else run.limit
        x += [place - 0.5, place + 0.5]
        y += [limit, limit]
    return x, y


def _limit(x: Sequence[float], y: Sequence[float], theme: Theme) -> Line2D:
    return Line2D(x, y, color=theme.ink, linewidth=1.8)


def _handles(shown: Trends, theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    runs = [run for trend in shown.trends for run in trend.runs]
    for verdict, look in LOOKS.items():
        if any(run.verdict == verdict for run in runs):
            yield named(dot((), (), look, theme), verdict)
    if any(run.low is not None for run in runs):
        yield patch_of_interval(LOOKS[NO_GATE], "interval")
    if any(run.limit is not None for run in runs):
        yield named(_limit((), (), theme), "limit")
