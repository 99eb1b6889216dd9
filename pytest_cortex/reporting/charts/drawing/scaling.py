"""Draws speedup against workers, a panel per program with its numbers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from pytest_cortex.reporting.charts.content.scaling import percent, sampled
from pytest_cortex.reporting.charts.drawing.paper import (
    LABEL,
    LINE,
    MARGIN,
    SMALL,
    WIDTH,
    Paper,
    diamond,
    dot,
    fitted,
    head_height,
    inches,
    named,
    note_height,
    stroke,
    wrapped,
)
from pytest_cortex.reporting.charts.theme import BLUE, LOOKS, VERMILLION
from pytest_cortex.wording import estimate, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.scaling import Curve, CurvePoint, Curves
    from pytest_cortex.reporting.charts.theme import Theme

TITLE = "Speedup against workers"

PANEL = 3.1  # from panel to panel
PLOT_LEFT, PLOT_WIDTH, PLOT_HEIGHT = 0.75, 4.0, 2.45
WORDS_LEFT = PLOT_LEFT + PLOT_WIDTH + 0.4
COLUMNS = (("workers", 0.5), ("speedup", 1.95), ("efficiency", 2.7), ("Karp–Flatt", 3.5))  # right edges
# From so many workers on, equal steps would leave no room for the first few.
MOST_ON_A_LINEAR_SCALE = 16
DOT = 5.5
MOST_ROWS = 9
"""Of the table beside a panel."""


def figure(shown: Curves, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    handles = list(_handles(shown, theme))
    top = head_height(handles)
    paper = Paper(top + len(shown.curves) * PANEL + note_height(shown.left_out), theme)
    paper.write_head(TITLE, subtitle, handles)
    paper.write_note(shown.left_out)
    for number, curve in enumerate(shown.curves):
        y = top + number * PANEL
        axes = paper.axes(left=PLOT_LEFT, top=y + 0.05, width=PLOT_WIDTH, height=PLOT_HEIGHT)
        _scale(axes, curve, theme)
        _draw(axes, curve, theme)
        _write(paper, y, curve)
    return paper.figure


# The plot -------------------------------------------------------------------------------------------------------------


def _is_logarithmic(curve: Curve) -> bool:
    return curve.most_workers > MOST_ON_A_LINEAR_SCALE


def _furthest(curve: Curve) -> float:
    """Where the axis of workers ends."""
    return curve.most_workers * (1.12 if _is_logarithmic(curve) else 1.06)


def _scale(axes: Axes, curve: Curve, theme: Theme) -> None:
    places = [place for point in curve.points for place in (point.speedup, point.low, point.high, point.ceiling)]
    known = [place for place in places if place] + [1.0, float(curve.most_workers)]
    if _is_logarithmic(curve):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_xlim(0.9, _furthest(curve))
        axes.set_ylim(0.9 * min(known), 1.12 * max(known))
    else:
        axes.set_xlim(0, _furthest(curve))
        axes.set_ylim(0, 1.06 * max(known))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=(1, 2, 5, 10), integer=True))
    axes.xaxis.set_major_locator(FixedLocator(_ticks(axes, curve)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    scale = " (log scale)" if _is_logarithmic(curve) else ""
    axes.set_xlabel(f"Workers{scale}", color=theme.muted, fontsize=LABEL, labelpad=4)
    axes.set_ylabel(f"Speedup over one worker{scale}", color=theme.muted, fontsize=LABEL, labelpad=6)
    axes.grid(color=theme.faint, linewidth=0.8)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(theme.muted)


def _ticks(axes: Axes, curve: Curve) -> list[int]:
    """The measured numbers of workers, as far as their labels do not run into each other; the most go first."""
    ticks: list[int] = []
    for workers in sorted((point.workers for point in curve.points), reverse=True):
        if not ticks or _distance(axes, workers, ticks[-1]) > inches(str(ticks[-1]), SMALL) + 0.08:
            ticks.append(workers)
    return ticks


def _distance(axes: Axes, one: float, other: float) -> float:
    """Inches along the x axis."""
    places = axes.transScale.transform([(one, 1.0), (other, 1.0)])[:, 0]
    ends = axes.transScale.transform([(end, 1.0) for end in axes.get_xlim()])[:, 0]
    return float(abs(places[0] - places[1]) / (ends[1] - ends[0]) * PLOT_WIDTH)


def _draw(axes: Axes, curve: Curve, theme: Theme) -> None:
    most = curve.most_workers
    axes.add_line(_ideal((1, most), (1, most), theme))
    if curve.cpus is not None and curve.cpus <= _furthest(curve):
        axes.add_line(_cpus((curve.cpus, curve.cpus), axes.get_ylim(), theme))
    fitted_points = sampled(curve)
    if fitted_points:
        axes.add_line(_fit(*_columns(fitted_points)))
    known = [(point.workers, point.ceiling) for point in curve.points if point.ceiling is not None]
    if known:
        axes.add_line(diamond(*_columns(known), theme))
    _draw_points(axes, curve, theme)


def _draw_points(axes: Axes, curve: Curve, theme: Theme) -> None:
    for point in curve.points:
        if point.low is not None and point.high is not None:
            axes.add_line(_interval((point.workers, point.workers), (point.low, point.high)))
    measured = [(point.workers, point.speedup) for point in curve.points if point.speedup is not None]
    axes.add_line(dot(*_columns(measured), LOOKS["PASS"], theme, size=DOT))


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _ideal(x: Sequence[float], y: Sequence[float], theme: Theme) -> Line2D:
    return Line2D(x, y, color=theme.muted, linewidth=1.0, linestyle=(0, (6, 3)))


def _fit(x: Sequence[float] = (), y: Sequence[float] = ()) -> Line2D:
    return Line2D(x, y, color=VERMILLION, linewidth=1.4)


def _interval(x: Sequence[float], y: Sequence[float]) -> Line2D:
    return Line2D(x, y, color=BLUE, linewidth=1.6, marker="_", markersize=11, markeredgewidth=1.6)


def _cpus(x: Sequence[float], y: Sequence[float], theme: Theme) -> Line2D:
    return Line2D(x, y, color=theme.ink, linewidth=1.2, linestyle=(0, (1, 2)))


def _handles(shown: Curves, theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    curves = shown.curves
    yield named(dot((), (), LOOKS["PASS"], theme, size=DOT), "median")
    if any(point.low is not None for curve in curves for point in curve.points):
        yield stroke(BLUE, 1.6, "95 % interval")
    if any(curve.serial_fraction is not None for curve in curves):
        yield named(_fit(), "Amdahl's law, fitted")
    if any(point.ceiling is not None for curve in curves for point in curve.points):
        yield named(diamond((), (), theme), "ceiling of the graph")
    yield named(_ideal((), (), theme), "ideal (= workers)")
    if any(curve.cpus is not None and curve.cpus <= _furthest(curve) for curve in curves):
        yield named(_cpus((), (), theme), "usable CPUs")


# The words ------------------------------------------------------------------------------------------------------------


def _write(paper: Paper, top: float, curve: Curve) -> None:
    width = WIDTH - MARGIN - WORDS_LEFT
    paper.write(WORDS_LEFT, top + 0.12, fitted(curve.label, width))
    paper.write(WORDS_LEFT, top + 0.3, fitted(curve.detail, width, SMALL), size=SMALL, muted=True)
    y = _write_table(paper, top + 0.52, curve)
    said = ["Amdahl's law, fitted to all points:", *wrapped(curve.summary, width, SMALL, most=6)]
    for number, line in enumerate(said):
        paper.write(WORDS_LEFT, y + 0.08 + number * LINE, line, size=SMALL, muted=number > 0)


def _write_table(paper: Paper, top: float, curve: Curve) -> float:
    """Writes the points, and returns where the table ends."""
    body = [_cells(point) for point in curve.points]
    if len(body) > MOST_ROWS:
        half = MOST_ROWS // 2
        body = [*body[:half], ("…",) * len(COLUMNS), *body[-half:]]
    for number, cells in enumerate([tuple(name for name, _ in COLUMNS), *body]):
        for (_, right), cell in zip(COLUMNS, cells, strict=True):
            y = top + number * LINE
            paper.write(WORDS_LEFT + right, y, cell, size=SMALL, muted=number == 0, align="right")
    return top + (1 + len(body)) * LINE


def _cells(point: CurvePoint) -> tuple[str, ...]:
    speedup = estimate(point.speedup, point.low, point.high)
    return (str(point.workers), speedup, ratio(point.efficiency), percent(point.karp_flatt))
