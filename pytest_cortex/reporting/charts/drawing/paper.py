"""The sheet that a chart is drawn on.

Every length is in inches from the upper left corner and fixed, so that nothing moves or is clipped, however many rows
there are and however long the names.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import text_to_path

from pytest_cortex.wording import ELLIPSIS, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from pytest_cortex.reporting.charts.theme import Fill, Look, Theme

WIDTH = 9.0
MARGIN = 0.15
HEAD = 0.85  # title, result, and as much again for each line of the legend
LEGEND_LINE = 0.2
NOTE = 0.25  # a line at the foot
LINE = 0.145  # from line to line of small print

TINY, SMALL, LABEL, NORMAL, TITLE = 7, 8, 9, 9.5, 13
POINTS_PER_INCH = 72

_FONT = "DejaVu Sans"
_HANDLE_EMS, _PAD_EMS, _GAP_EMS = 2.2, 0.5, 1.4  # an entry of the legend: sample, space, name, and space after it


class Paper:
    """A figure with a title, a legend and a note.

    Args:
        height: Inches, those of :func:`head_height` and of the note included.
        theme: The colours.

    Attributes:
        figure: What is drawn on.
        height: Inches.
        theme: The colours.
    """

    def __init__(self, height: float, theme: Theme) -> None:
        self.figure = Figure(figsize=(WIDTH, height), facecolor=theme.paper)
        self.height = height
        self.theme = theme

    def axes(self, *, left: float, top: float, width: float, height: float) -> Axes:
        """Returns axes at a place in inches, with a line below, ticks in small print, and nothing else."""
        box = (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        axes = self.figure.add_axes(box, facecolor=self.theme.paper)
        axes.tick_params(colors=self.theme.muted, length=3, labelsize=SMALL)
        axes.set_axisbelow(True)
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.spines["bottom"].set_color(self.theme.muted)
        return axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = NORMAL,
        muted: bool = False,
        align: Literal["left", "center", "right"] = "left",
        plate: bool = False,
    ) -> None:
        """Writes one line, its middle at *y*; on a *plate*, lines behind it do not cross it."""
        self.figure.text(
            x / WIDTH,
            1 - y / self.height,
            visible(text),
            fontsize=size,
            color=self.theme.muted if muted else self.theme.ink,
            horizontalalignment=align,
            verticalalignment="center",
            parse_math=False,  # a name with two dollar signs is a name, not mathematics
            bbox={"facecolor": self.theme.paper, "edgecolor": "none", "pad": 1.0} if plate else None,
        )

    def write_head(self, title: str, subtitle: str, handles: Sequence[Artist]) -> None:
        """Writes the title, a line of small print, and the legend."""
        self.write(MARGIN, 0.24, fitted(title, WIDTH - 2 * MARGIN, TITLE), size=TITLE)
        self.write(MARGIN, 0.5, fitted(subtitle, WIDTH - 2 * MARGIN, SMALL), size=SMALL, muted=True)
        if handles:
            self._write_legend(handles)

    def _write_legend(self, handles: Sequence[Artist]) -> None:
        self.figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(MARGIN / WIDTH, 1 - 0.62 / self.height),
            ncols=_legend_columns(handles),
            frameon=False,
            fontsize=SMALL,
            labelcolor=self.theme.ink,
            borderaxespad=0,
            borderpad=0.3,
            columnspacing=_GAP_EMS,
            handletextpad=_PAD_EMS,
            handlelength=_HANDLE_EMS,
            handleheight=1.1,
        )

    def write_note(self, text: str) -> None:
        """Writes a line of small print at the foot, if there is something to say."""
        if text:
            self.write(MARGIN, self.height - NOTE / 2, fitted(text, WIDTH - 2 * MARGIN, SMALL), size=SMALL, muted=True)


def head_height(handles: Sequence[Artist]) -> float:
    """Returns the inches that the title and the legend take."""
    return HEAD + LEGEND_LINE * -(-len(handles) // max(_legend_columns(handles), 1))


def note_height(text: str) -> float:
    """Returns the inches that a note takes, none if it is empty."""
    return NOTE if text else 0.0


def _legend_columns(handles: Sequence[Artist]) -> int:
    """How many columns there is room for; entries go down the first column before they begin the second."""
    sample = (_HANDLE_EMS + _PAD_EMS + _GAP_EMS) * SMALL / POINTS_PER_INCH
    widths = [sample + inches(str(handle.get_label()), SMALL) for handle in handles]
    for columns in range(len(widths), 1, -1):
        lines = -(-len(widths) // columns)
        if sum(max(widths[first : first + lines]) for first in range(0, len(widths), lines)) <= WIDTH - 2 * MARGIN:
            return columns
    return min(len(widths), 1)


# Text -----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def inches(text: str, size: float = NORMAL) -> float:
    """Returns how wide *text* is on paper."""
    font = FontProperties(family=_FONT, size=size)
    width, _height, _descent = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS_PER_INCH


def widest(texts: Iterable[str], size: float) -> float:
    """Returns the width of the widest, 0 if there is none."""
    return max((inches(visible(text), size) for text in texts), default=0.0)


def visible(text: str) -> str:
    """Returns *text* with a box for each character the font lacks; matplotlib would warn of it."""
    known = _characters()
    return "".join(char if ord(char) in known else "□" for char in text)


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=_FONT))).get_charmap())


def fitted(text: str, width: float, size: float = NORMAL) -> str:
    """Returns *text*, its middle left out if it is wider than *width* inches."""
    return shorten(visible(text), width, lambda shortened: inches(shortened, size))


def wrapped(text: str, width: float, size: float, *, most: int) -> list[str]:
    """Returns *text* on *most* lines at the most, each no wider than *width* inches; what is too much is left out."""
    lines: list[str] = []
    words = visible(text).split()
    while words and len(lines) < most:
        count = _fitting(words, width, size)
        lines.append(fitted(" ".join(words[:count]), width, size))
        words = words[count:]
    if words:
        lines[-1] = beginning(f"{lines[-1]} {words[0]} {ELLIPSIS}", width, size)
    return lines


def beginning(text: str, width: float, size: float) -> str:
    """Returns as much of a sentence as is no wider than *width* inches."""
    text = visible(text)
    if inches(text, size) <= width:
        return text
    kept = bisect_right(range(len(text)), width, key=lambda count: inches(f"{text[:count]}{ELLIPSIS}", size))
    return f"{text[: max(kept - 1, 0)].rstrip()}{ELLIPSIS}"


def _fitting(words: Sequence[str], width: float, size: float) -> int:
    """How many words fit on a line; one always does, shortened if need be."""
    count = 1
    while count < len(words) and inches(" ".join(words[: count + 1]), size) <= width:
        count += 1
    return count


# Samples of what is drawn, for the marks themselves and for the legend ------------------------------------------------


def dot(x: Sequence[float], y: Sequence[float], look: Look, theme: Theme, *, size: float = 7.5) -> Line2D:
    """Returns the marks of a verdict."""
    return Line2D(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=size,
        markerfacecolor=look.colour,
        markeredgecolor=theme.paper,
        markeredgewidth=0.7,
        clip_on=False,  # drawn whole at the very edge of the axes as well
    )


def diamond(x: Sequence[float], y: Sequence[float], theme: Theme) -> Line2D:
    """Returns the marks of a ceiling."""
    return Line2D(
        x,
        y,
        linestyle="none",
        marker="D",
        markersize=10,  # larger than a dot, so that it is seen around one
        markerfacecolor="none",
        markeredgecolor=theme.ink,
        markeredgewidth=1.1,
        clip_on=False,
    )


def stroke(colour: str, width: float, label: str) -> Line2D:
    """Returns the sample of an upright line."""
    return Line2D(
        (),
        (),
        linestyle="none",
        marker="|",
        markersize=11,
        markeredgecolor=colour,
        markeredgewidth=width,
        label=label,
    )


def patch_of_interval(look: Look, label: str) -> Patch:
    """Returns the sample of an interval."""
    return Patch(label=label, **interval_area(look))


def patch(fill: Fill, theme: Theme, label: str) -> Patch:
    """Returns the sample of an area."""
    return Patch(label=label, **area(fill, theme))


def area(fill: Fill, theme: Theme) -> dict[str, Any]:
    """Returns how an area is drawn; the hatch takes the colour of the edge, that of the paper."""
    return {"facecolor": fill.colour, "hatch": fill.hatch or None, "edgecolor": theme.paper, "linewidth": 0.5}


def gained_area(fill: Fill, theme: Theme) -> dict[str, Any]:
    """Returns how an area is drawn that was gained: the other way round."""
    return {"facecolor": theme.paper, "hatch": fill.hatch or None, "edgecolor": fill.colour, "linewidth": 0.8}


def interval_area(look: Look) -> dict[str, Any]:
    """Returns how an interval is drawn: lightly, but with an edge that can be seen."""
    return {"facecolor": (look.colour, 0.3), "edgecolor": look.colour, "linewidth": 0.8}


def named(sample: Line2D, label: str) -> Line2D:
    """Gives a mark the name it has in the legend."""
    sample.set_label(label)
    return sample
