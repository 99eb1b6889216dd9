"""A chart as the bytes of a file.

Import this module late: it loads matplotlib.  The same record gives the same bytes, whatever the user's
``matplotlibrc`` says.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

import matplotlib as mpl

from pytest_cortex.reporting.charts.catalogue import SOURCE, TITLES, alternative
from pytest_cortex.reporting.charts.content import comparison, history, missing, rounds, scaling, timeline
from pytest_cortex.reporting.charts.drawing import comparison as draw_comparison
from pytest_cortex.reporting.charts.drawing import history as draw_history
from pytest_cortex.reporting.charts.drawing import missing as draw_missing
from pytest_cortex.reporting.charts.drawing import rounds as draw_rounds
from pytest_cortex.reporting.charts.drawing import scaling as draw_scaling
from pytest_cortex.reporting.charts.drawing import timeline as draw_timeline
from pytest_cortex.reporting.charts.theme import THEMES, Theme, ThemeName
from pytest_cortex.reporting.summary import result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from matplotlib.figure import Figure

    from pytest_cortex.record import SessionRecord

Format: TypeAlias = Literal["svg", "png"]

DPI = 144
MOST_PIXELS = 40_000  # the rasteriser refuses 65,536; a chart of hundreds of rows gets coarser instead

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine has it
    "font.size": 9,
    "svg.fonttype": "path",  # text in a font that the reader lacks would be clipped or overlap
    "svg.hashsalt": "pytest-cortex",
    "text.usetex": False,
    "hatch.linewidth": 0.9,
}

_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class _Chart(Generic[_Content]):
    """One chart: what it shows of a record, and who draws that."""

    content: Callable[[SessionRecord], _Content | None]
    figure: Callable[[_Content, str, Theme], Figure]

    def draw(self, session: SessionRecord, theme: Theme) -> Figure | None:
        shown = self.content(session)
        return None if shown is None else self.figure(shown, f"{result(session)} · {session.created_at}", theme)


_CHARTS: Mapping[str, _Chart[Any]] = {
    "missing-speedup": _Chart(missing.missing, draw_missing.figure),
    "speedup": _Chart(partial(comparison.comparison, quantity="speedup"), draw_comparison.figure),
    "efficiency": _Chart(partial(comparison.comparison, quantity="efficiency"), draw_comparison.figure),
    "scaling": _Chart(scaling.scaling, draw_scaling.figure),
    "timeline": _Chart(timeline.timeline, draw_timeline.figure),
    "rounds": _Chart(rounds.rounds, draw_rounds.figure),
    "history": _Chart(history.history, draw_history.figure),
}


def encode(session: SessionRecord, name: str, format_: Format, *, theme: ThemeName = "light") -> bytes:
    """Returns the bytes of one chart.

    Args:
        session: What was measured.
        name: Of the chart, one of :data:`~pytest_cortex.reporting.charts.catalogue.TITLES`.
        format_: ``"svg"`` or ``"png"``.
        theme: Colours for a light or for a dark page.

    Raises:
        KeyError: If there is no chart of that name.
        ValueError: If *session* has nothing to draw in it; ``charts_of`` says what it has.
    """
    with _style():
        drawn = draw(session, name, THEMES[theme])
        return _bytes(drawn, format_, TITLES[name], alternative(name, session) or "")


def draw(session: SessionRecord, name: str, theme: Theme) -> Figure:
    """Returns one chart as a figure, in whatever style matplotlib is set to.

    Raises:
        KeyError: If there is no chart of that name.
        ValueError: If *session* has nothing to draw in it.
    """
    drawn = _CHARTS[name].draw(session, theme)
    if drawn is None:
        raise ValueError(f"this record has nothing to show in the chart {name!r}: ask charts_of() first")
    return drawn


def _bytes(drawn: Figure, format_: Format, title: str, description: str) -> bytes:
    buffer = BytesIO()
    dpi = min(DPI, MOST_PIXELS / drawn.get_figheight())
    drawn.savefig(buffer, format=format_, dpi=dpi, metadata=_metadata(format_, title, description))
    return buffer.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    # Leaves the caller's settings as they were, also those that the defaults overwrite in between.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def _metadata(format_: Format, title: str, description: str) -> dict[str, str | None]:
    # Dates and versions would change the bytes of an unchanged record.
    volatile = ("Date", "Creator") if format_ == "svg" else ("Software",)
    return {"Title": title, "Description": description, "Source": SOURCE, **dict.fromkeys(volatile)}
