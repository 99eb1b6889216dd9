"""Draws speedup or efficiency, a row per measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from pytest_cortex.reporting.charts.drawing.paper import (
    diamond,
    dot,
    interval_area,
    named,
    patch_of_interval,
    stroke,
)
from pytest_cortex.reporting.charts.drawing.rows import RowText, Words, row_sheet
from pytest_cortex.reporting.charts.theme import LOOKS, NO_GATE, look_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.comparison import Comparison, Mark
    from pytest_cortex.reporting.charts.theme import Theme

IDEAL, LIMIT, INTERVAL = 0.35, 0.28, 0.18  # heights of the marks


def figure(shown: Comparison, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    words = Words(title=shown.title, subtitle=subtitle, axis_label=shown.axis_label, note=shown.left_out)
    texts = [
        RowText(label=mark.label, detail=mark.detail, value=mark.value_text, verdict=mark.verdict_text)
        for mark in shown.marks
    ]
    sheet = row_sheet(words, texts, list(_handles(shown, theme)), theme)
    axes = sheet.axes
    axes.set_xlim(0, 1.04 * max(place for mark in shown.marks for place in mark.positions))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=(1, 2, 5, 10), integer=shown.integer_ticks))
    for y, mark in zip(sheet.middles, shown.marks, strict=True):
        _draw(axes, y, mark, theme)
    return sheet.paper.figure


def _draw(axes: Axes, y: float, mark: Mark, theme: Theme) -> None:
    look = look_of(mark.verdict)
    axes.vlines(mark.ideal, y - IDEAL / 2, y + IDEAL / 2, color=theme.muted, linewidth=0.9)
    if mark.low is not None and mark.high is not None:
        axes.barh(y, mark.high - mark.low, height=INTERVAL, left=mark.low, **interval_area(look))
    if mark.limit is not None:
        axes.vlines(mark.limit, y - LIMIT / 2, y + LIMIT / 2, color=theme.ink, linewidth=2.2)
    if mark.ceiling is not None:
        axes.add_line(diamond((mark.ceiling,), (y,), theme))
    if mark.value is not None:
        axes.add_line(dot((mark.value,), (y,), look, theme))


def _handles(shown: Comparison, theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    measured = [mark for mark in shown.marks if mark.value is not None]
    for verdict, look in LOOKS.items():
        if any(look_of(mark.verdict) is look for mark in measured):
            yield named(dot((), (), look, theme), verdict)
    if measured:
        yield patch_of_interval(LOOKS[NO_GATE], "interval")
    if any(mark.limit is not None for mark in shown.marks):
        yield stroke(theme.ink, 2.2, "limit")
    if any(mark.ceiling is not None for mark in shown.marks):
        yield named(diamond((), (), theme), "ceiling of the graph")
    yield stroke(theme.muted, 0.9, shown.ideal_label)
