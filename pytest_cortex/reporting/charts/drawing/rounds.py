"""Draws how the speedups of single rounds are spread, a small panel per measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from pytest_cortex.reporting.charts.drawing.paper import (
    LABEL,
    MARGIN,
    TINY,
    WIDTH,
    Paper,
    dot,
    fitted,
    head_height,
    interval_area,
    named,
    note_height,
    patch_of_interval,
    stroke,
)
from pytest_cortex.reporting.charts.theme import LOOKS, NO_GATE, look_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.rounds import Spread, Spreads
    from pytest_cortex.reporting.charts.theme import Theme

TITLE = "Speedup round by round"
AXIS_LABEL = "Speedup of a round (sequential time / parallel time); upwards, the share of rounds that are no faster"

PANEL = 1.72  # from panel to panel, downwards
PANEL_HEAD, PLOT_HEIGHT = 0.5, 0.85
FOOT = 0.24
Y_TICKS = 0.42  # inches at the left of a plot
GAP = 0.2


def figure(shown: Spreads, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    columns = 1 if len(shown.spreads) == 1 else 2 if len(shown.spreads) <= 4 else 3
    handles = list(_handles(shown, theme))
    top = head_height(handles)
    body = -(-len(shown.spreads) // columns) * PANEL
    paper = Paper(top + body + FOOT + note_height(shown.left_out), theme)
    paper.write_head(TITLE, subtitle, handles)
    paper.write_note(shown.left_out)
    width = (WIDTH - 2 * MARGIN + GAP) / columns
    for number, spread in enumerate(shown.spreads):
        line, column = divmod(number, columns)
        _panel(paper, MARGIN + column * width, top + line * PANEL, width - GAP, spread)
    paper.write(WIDTH / 2, top + body + FOOT / 2, AXIS_LABEL, size=LABEL, muted=True, align="center")
    return paper.figure


def _panel(paper: Paper, left: float, top: float, width: float, spread: Spread) -> None:
    theme = paper.theme
    paper.write(left, top + 0.1, fitted(spread.label, width))
    paper.write(left, top + 0.25, fitted(spread.counted_text, width, TINY), size=TINY, muted=True)
    if spread.not_counted:
        paper.write(left, top + 0.37, fitted(f"not counted: {spread.not_counted}", width, TINY), size=TINY, muted=True)
    plot_width = width - Y_TICKS - 0.1
    axes = paper.axes(left=left + Y_TICKS, top=top + PANEL_HEAD, width=plot_width, height=PLOT_HEIGHT)
    _scale(axes, spread, theme)
    _draw(axes, spread, theme)


def _scale(axes: Axes, spread: Spread, theme: Theme) -> None:
    places = [*spread.speedups, *(place for place in (spread.tested, spread.low, spread.high) if place is not None)]
    low, high = min(places), max(places)
    beside = 0.06 * (high - low) or 0.02 * high or 1.0
    axes.set_xlim(max(0.0, low - beside), high + beside)
    axes.set_ylim(0, 1.04)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.6g}"))
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.0%}"))
    axes.tick_params(labelsize=TINY)
    axes.grid(color=theme.faint, linewidth=0.8)


def _draw(axes: Axes, spread: Spread, theme: Theme) -> None:
    look = look_of(spread.verdict)
    if spread.low is not None and spread.high is not None:
        axes.axvspan(spread.low, spread.high, **interval_area(look))
    axes.ecdf(spread.speedups, color=look.colour, linewidth=1.5, clip_on=False)
    if spread.tested is not None:
        axes.axvline(spread.tested, color=theme.ink, linewidth=1.8)
    if spread.median is not None and spread.speedups[0] <= spread.median <= spread.speedups[-1]:
        axes.add_line(dot((spread.median,), (0.5,), look, theme))


def _handles(shown: Spreads, theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else; that of a verdict is the line of its rounds."""
    for verdict, look in LOOKS.items():
        if any(look_of(spread.verdict) is look for spread in shown.spreads):
            line = Line2D((), (), color=look.colour, linewidth=1.5, marker=look.marker, markeredgecolor=theme.paper)
            yield named(line, verdict)
    if any(spread.low is not None for spread in shown.spreads):
        yield patch_of_interval(LOOKS[NO_GATE], "interval of the median")
    if any(spread.tested is not None for spread in shown.spreads):
        yield stroke(theme.ink, 1.8, "tested: limit less margin")
