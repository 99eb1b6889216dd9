"""Which charts there are, in the order in which people should see them, and what each says in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.content import comparison, history, missing, rounds, scaling, timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_cortex.record import SessionRecord

TITLES: Mapping[str, str] = {
    "missing-speedup": "Where the missing speedup went",
    "speedup": "Speedup",
    "efficiency": "Efficiency",
    "scaling": "Speedup against workers",
    "timeline": "Timeline",
    "rounds": "Rounds",
    "history": "Speedup from run to run",
}
"""By name of the file, without its ending."""

SOURCE = "pytest-cortex"
"""Written into every chart, so that one of an earlier run is known to be ours."""

_DESCRIBE: Mapping[str, Callable[[SessionRecord], str | None]] = {
    "missing-speedup": missing.describe,
    "speedup": partial(comparison.describe, quantity="speedup"),
    "efficiency": partial(comparison.describe, quantity="efficiency"),
    "scaling": scaling.describe,
    "timeline": timeline.describe,
    "rounds": rounds.describe,
    "history": history.describe,
}


def charts_of(session: SessionRecord) -> tuple[str, ...]:
    """Returns the names of the charts for which *session* has data."""
    return tuple(name for name in TITLES if alternative(name, session) is not None)


def alternative(name: str, session: SessionRecord) -> str | None:
    """Returns what a chart says, for those who cannot see it; None if there is nothing to show.

    Raises:
        KeyError: If there is no chart of that name.
    """
    return _DESCRIBE[name](session)
