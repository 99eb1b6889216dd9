"""The charts: one row per measurement, drawn with matplotlib's ``Figure`` and never with pyplot.

Import this module late: it loads matplotlib.  The same record gives the same bytes, whatever the user's
``matplotlibrc`` says.
"""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl

from pytest_cortex.reporting.canvas import figure
from pytest_cortex.reporting.chart_rows import Quantity, chart
from pytest_cortex.reporting.rows import rows
from pytest_cortex.reporting.summary import alternative, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_cortex.record import SessionRecord

Format = Literal["svg", "png"]

DPI = 144
MOST_PIXELS = 40_000  # the rasteriser refuses 65,536; a chart of hundreds of rows gets coarser instead

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine has it
    "font.size": 9,
    "svg.fonttype": "path",  # text in a font that the reader lacks would be clipped or overlap
    "svg.hashsalt": "pytest-cortex",
    "text.usetex": False,
}


def encode(session: SessionRecord, quantity: Quantity, format_: Format) -> bytes:
    """Returns the bytes of one chart.

    Args:
        session: What was measured.
        quantity: What the x axis shows.
        format_: ``"svg"`` or ``"png"``.
    """
    shown = rows(session)
    with _style():
        drawn = figure(chart(shown, quantity), f"{result(session)} · {session.created_at}")
        dpi = min(DPI, MOST_PIXELS / drawn.get_figheight())
        buffer = BytesIO()
        metadata = _metadata(format_, quantity, alternative(quantity, shown))
        drawn.savefig(buffer, format=format_, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    # Leaves the caller's settings as they were, also those that the defaults overwrite in between.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def _metadata(format_: Format, quantity: Quantity, description: str) -> dict[str, str | None]:
    # Dates and versions would change the bytes of an unchanged record.
    volatile = ("Date", "Creator") if format_ == "svg" else ("Software",)
    return {"Title": quantity.capitalize(), "Description": description, **dict.fromkeys(volatile)}
