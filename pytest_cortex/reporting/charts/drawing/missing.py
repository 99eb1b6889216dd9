"""Draws where the missing speedup went: one measurement step by step, or many as a bar each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from pytest_cortex.reporting.charts.content.comparison import AXIS_LABELS
from pytest_cortex.reporting.charts.content.missing import NOT_LOOKED_INTO, amount
from pytest_cortex.reporting.charts.drawing.paper import area, gained_area, patch, stroke
from pytest_cortex.reporting.charts.drawing.rows import RowText, Words, row_sheet
from pytest_cortex.reporting.charts.theme import LOSSES
from pytest_cortex.wording import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_cortex.reporting.charts.content.missing import Loss, Missing, Way
    from pytest_cortex.reporting.charts.theme import Theme

TITLE = "Where the missing speedup went"

IDEAL, BAR, GAIN = 0.44, 0.24, 0.09  # heights of the marks; what was gained is above the bar
FEW = 12  # measurements: with more, reasons are cut after one line
# What reaches further than half as much again as the ideal is cut, or it would leave no room for the rest.
FURTHEST = 1.5

MEANINGS = {
    "graph": "what dependencies allow",
    "balance": "how evenly work is shared out",
    "contention": "slower beside each other",
    "overhead": "time around the work",
    "unexplained": "what is left",
    NOT_LOOKED_INTO: "no step is known",
}


def figure(shown: Missing, subtitle: str, theme: Theme) -> Figure:
    """Returns *shown* as a figure; the caller has set the style."""
    if shown.in_detail is not None:
        return _in_detail(shown.in_detail, subtitle, theme)
    return _side_by_side(shown, subtitle, theme)


# Many -----------------------------------------------------------------------------------------------------------------


def _side_by_side(shown: Missing, subtitle: str, theme: Theme) -> Figure:
    axis_label = "Share of the ideal speedup (one per worker)"
    words = Words(title=TITLE, subtitle=subtitle, axis_label=axis_label, note=shown.left_out)
    texts = [
        RowText(
            label=way.label, detail=way.detail, value=way.value_text, verdict=way.verdict_text, caption=way.in_words
        )
        for way in shown.ways
    ]
    lines = 2 if len(texts) <= FEW else 1
    sheet = row_sheet(words, texts, list(_handles(shown.ways, theme)), theme, caption_lines=lines)
    _percent_axis(sheet.axes, shown.ways)
    for y, way in zip(sheet.middles, shown.ways, strict=True):
        if way.speedup is not None:
            _draw(sheet.axes, y, way, way.speedup, theme)
        sheet.axes.vlines(1.0, y - IDEAL / 2, y + IDEAL / 2, color=theme.muted, linewidth=0.9)
    return sheet.paper.figure


def _percent_axis(axes: Axes, ways: Iterable[Way]) -> None:
    furthest = max(((way.speedup or 0.0) / way.ideal for way in ways), default=1.0)
    gained = max((1 + way.gained / way.ideal for way in ways), default=1.0)
    axes.set_xlim(0, 1.02 * max(1.0, min(max(furthest, gained), FURTHEST)))
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _place: f"{share:.0%}"))


def _draw(axes: Axes, y: float, way: Way, speedup: float, theme: Theme) -> None:
    """Draws ``measured + lost = ideal + gained``: the bar is the left side, the ideal and a strip above the other."""
    end = _bar(axes, y, 0.0, speedup / way.ideal, area(theme.measured, theme))
    for loss in reversed(way.losses):
        if loss.lost > 0:
            end = _bar(axes, y, end, loss.lost / way.ideal, loss_area(loss.name, theme))
    gained = 1.0
    for loss in way.losses:
        if loss.lost < 0:
            gained = _bar(axes, y - (BAR + GAIN) / 2, gained, -loss.lost / way.ideal, _gain(loss, theme), height=GAIN)
    if max(end, gained) > axes.get_xlim()[1]:
        axes.add_line(_cut_mark(axes.get_xlim()[1], y, theme))


def _bar(axes: Axes, y: float, left: float, width: float, style: dict[str, Any], *, height: float = BAR) -> float:
    """Draws as much of a bar as there is room for, and returns where it ends."""
    room = axes.get_xlim()[1] - left
    if room > 0:
        axes.barh(y, min(width, room), height=height, left=left, **style)
    return left + width


def _cut_mark(x: float, y: float, theme: Theme) -> Line2D:
    return Line2D((x,), (y,), marker=">", color=theme.ink, markeredgecolor=theme.paper, markersize=8, clip_on=False)


def loss_area(name: str, theme: Theme) -> dict[str, Any]:
    """Returns how a loss is drawn: as its step, or empty where the way was not looked into."""
    if name == NOT_LOOKED_INTO:
        return {"facecolor": theme.paper, "edgecolor": theme.muted, "linewidth": 0.8, "linestyle": (0, (3, 2))}
    return area(LOSSES[name], theme)


def _gain(loss: Loss, theme: Theme) -> dict[str, Any]:
    return loss_area(loss.name, theme) if loss.name == NOT_LOOKED_INTO else gained_area(LOSSES[loss.name], theme)


def _handles(ways: Iterable[Way], theme: Theme) -> Iterator[Artist]:
    """Yields a sample of each thing drawn, and of nothing else."""
    seen = [loss for way in ways for loss in way.losses if loss.matters]
    yield patch(theme.measured, theme, "measured")
    for name in reversed(tuple(LOSSES)):
        if any(loss.name == name for loss in seen):
            yield patch(LOSSES[name], theme, name)
    if any(loss.name == NOT_LOOKED_INTO for loss in seen):
        yield Patch(label=NOT_LOOKED_INTO, **loss_area(NOT_LOOKED_INTO, theme))
    if any(loss.lost < 0 for loss in seen):
        yield Patch(label="gained (above)", facecolor=theme.paper, edgecolor=theme.ink, linewidth=0.8)
    yield stroke(theme.muted, 0.9, "ideal")


# One ------------------------------------------------------------------------------------------------------------------


def _in_detail(way: Way, subtitle: str, theme: Theme) -> Figure:
    """Draws a row per step, each from what was left before it to what is left after it."""
    stairs = list(_stairs(way, theme))
    words = Words(title=f"{TITLE}: {way.label}", subtitle=subtitle, axis_label=AXIS_LABELS["speedup"], note="")
    texts = [stair.text for stair in stairs]
    sheet = row_sheet(words, texts, (), theme, caption_lines=3)
    axes = sheet.axes
    axes.set_xlim(0, 1.04 * max(way.ideal, *(loss.after for loss in way.losses)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=(1, 2, 5, 10), integer=True))
    for y, stair in zip(sheet.middles, stairs, strict=True):
        if stair.before != stair.after:
            _bar(axes, y, min(stair.before, stair.after), abs(stair.after - stair.before), stair.style)
    for (y, below), stair in zip(pairwise(sheet.middles), stairs, strict=False):
        axes.vlines(stair.after, y - BAR / 2, below + BAR / 2, color=theme.muted, linewidth=0.9)
    return sheet.paper.figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stair:
    """One row: a bar from *before* to *after*, and what is written beside it."""

    text: RowText
    before: float
    after: float
    style: dict[str, Any]


def _stairs(way: Way, theme: Theme) -> Iterator[_Stair]:
    ideal = RowText(label="ideal", detail="one per worker", value=ratio(way.ideal), verdict=way.detail)
    yield _Stair(text=ideal, before=0.0, after=way.ideal, style=_outline(theme))
    for loss in way.losses:
        text = RowText(
            label=loss.name,
            detail=MEANINGS[loss.name],
            value=ratio(loss.after),
            verdict=amount(loss),
            caption=loss.because,
        )
        style = loss_area(loss.name, theme) if loss.lost >= 0 else _gain(loss, theme)
        yield _Stair(text=text, before=loss.before, after=loss.after, style=style)
    left = way.losses[-1].after
    measured = RowText(label="measured", detail="median over the rounds", value=ratio(left), verdict=way.verdict_text)
    yield _Stair(text=measured, before=0.0, after=left, style=area(theme.measured, theme))


def _outline(theme: Theme) -> dict[str, Any]:
    return {"facecolor": theme.paper, "edgecolor": theme.muted, "linewidth": 0.9}
