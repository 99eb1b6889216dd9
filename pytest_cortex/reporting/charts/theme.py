"""Colours and shapes of the charts, on a light page and on a dark one.

Whatever a colour says is said by a shape or a hatch as well, so that a chart can be read in grey.  The hues are those
of Okabe and Ito, told apart with every common kind of colour blindness; each stands out from both papers by 3 : 1, text
by 4.5 : 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

ThemeName: TypeAlias = Literal["light", "dark"]

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6e7781"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a verdict is drawn.

    Attributes:
        colour: Of the marker, and of what belongs to it.
        marker: Its shape.
    """

    colour: str
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How an area is drawn.

    Attributes:
        colour: Of the area.
        hatch: The pattern on it, drawn in the colour of the paper; empty for none.
    """

    colour: str
    hatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours that depend on the paper.

    Attributes:
        paper: The background.
        ink: Text and lines that matter.
        muted: Small print, axes, and the ideal.
        faint: The grid; it says nothing that is not said in numbers too.
        measured: The bar of what was measured.
    """

    paper: str
    ink: str
    muted: str
    faint: str
    measured: Fill


THEMES: Mapping[ThemeName, Theme] = {
    "light": Theme(paper="#ffffff", ink="#1f2328", muted="#59636e", faint="#dfe3e7", measured=Fill(colour="#424a53")),
    "dark": Theme(paper="#0d1117", ink="#e6edf3", muted="#9198a1", faint="#30363d", measured=Fill(colour="#c9d1d9")),
}

NO_GATE = "no gate"

LOOKS: Mapping[str, Look] = {
    "PASS": Look(colour=BLUE, marker="o"),
    "FAIL": Look(colour=VERMILLION, marker="X"),
    "INCONCLUSIVE": Look(colour=PURPLE, marker="^"),
    NO_GATE: Look(colour=GREY, marker="s"),
}

LOSSES: Mapping[str, Fill] = {
    "graph": Fill(colour=BLUE, hatch="////"),
    "balance": Fill(colour=GREEN, hatch="----"),
    "contention": Fill(colour=VERMILLION, hatch="xxxx"),
    "overhead": Fill(colour=PURPLE, hatch="\\\\\\\\"),
    "unexplained": Fill(colour=GREY, hatch="||||"),
}


def look_of(verdict: str) -> Look:
    """Returns the look of a verdict; whatever is none looks like a measurement without a gate."""
    return LOOKS.get(verdict, LOOKS[NO_GATE])
