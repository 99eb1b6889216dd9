"""A sheet with one row per measurement: its name at the left, its numbers at the right, the axes in between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.drawing.paper import (
    LABEL,
    LINE,
    MARGIN,
    NORMAL,
    SMALL,
    WIDTH,
    Paper,
    fitted,
    head_height,
    note_height,
    widest,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from pytest_cortex.reporting.charts.theme import Theme

WIDEST_LABEL = 2.4
VALUES = 1.9  # the column of numbers at the right
FOOT = 0.55  # ticks and axis label
ROW = 0.46
MIDDLE = ROW / 2  # of the marks, from the top of a row
UPPER_LINE, LOWER_LINE, CAPTION_LINE = -0.078, 0.092, 0.27  # the lines of text of a row, from the middle of its marks


@dataclass(frozen=True, slots=True, kw_only=True)
class RowText:
    """What is written beside one row.

    Attributes:
        label: Upper left.
        detail: Lower left, in small print.
        value: Upper right.
        verdict: Lower right, in small print.
        caption: Below the marks, in small print; empty for none.
    """

    label: str
    detail: str
    value: str
    verdict: str
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is written around the rows.

    Attributes:
        title: At the top.
        subtitle: Below it, in small print.
        axis_label: Below the axes.
        note: At the foot; empty for none.
    """

    title: str
    subtitle: str
    axis_label: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSheet:
    """A sheet with its text, ready for the marks.

    Attributes:
        paper: The sheet.
        axes: Its axes; y is in inches, from the top of the first row.
        middles: Per row, y of the middle of its marks.
    """

    paper: Paper
    axes: Axes
    middles: tuple[float, ...]


def row_sheet(
    words: Words, texts: Sequence[RowText], handles: Sequence[Artist], theme: Theme, *, caption_lines: int = 1
) -> RowSheet:
    """Returns a sheet with everything on it but the marks.

    Args:
        words: What is written around the rows.
        texts: What is written beside each.
        handles: The legend.
        theme: The colours.
        caption_lines: How many lines a caption may take.
    """
    labels = [fitted(text.label, WIDEST_LABEL) for text in texts]
    left = 2 * MARGIN + max(widest(labels, NORMAL), widest((text.detail for text in texts), SMALL))
    captions = [wrapped(text.caption, WIDTH - MARGIN - left, SMALL, most=caption_lines) for text in texts]
    tops = list(accumulate((ROW + LINE * len(caption) for caption in captions), initial=0.0))
    top, body = head_height(handles), tops[-1]
    paper = Paper(top + body + FOOT + note_height(words.note), theme)
    axes = paper.axes(left=left, top=top, width=WIDTH - left - VALUES, height=body)
    axes.set_ylim(body, 0)
    axes.set_yticks([])
    axes.set_xlabel(words.axis_label, color=theme.muted, fontsize=LABEL, labelpad=6)
    axes.grid(axis="x", color=theme.faint, linewidth=0.8)
    paper.write_head(words.title, words.subtitle, handles)
    paper.write_note(words.note)
    middles = tuple(row + MIDDLE for row in tops[:-1])
    for middle, text, label, caption in zip(middles, texts, labels, captions, strict=True):
        _write_row(paper, top + middle, text, label)
        for number, line in enumerate(caption):
            paper.write(left, top + middle + CAPTION_LINE + number * LINE, line, size=SMALL, muted=True, plate=True)
    return RowSheet(paper=paper, axes=axes, middles=middles)


def _write_row(paper: Paper, y: float, text: RowText, label: str) -> None:
    right = WIDTH - VALUES + MARGIN
    paper.write(MARGIN, y + UPPER_LINE, label)
    paper.write(MARGIN, y + LOWER_LINE, text.detail, size=SMALL, muted=True)
    room = VALUES - 2 * MARGIN
    paper.write(right, y + UPPER_LINE, fitted(text.value, room))
    paper.write(right, y + LOWER_LINE, fitted(text.verdict, room, SMALL), size=SMALL, muted=True)
