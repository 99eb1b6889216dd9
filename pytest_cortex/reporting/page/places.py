"""Where a speedup stands between nothing and the ideal: the dot, its interval, the limit and the ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.page.axes import Scale, Tick, drawable, from_zero
from pytest_cortex.wording import estimate, ratio

if TYPE_CHECKING:
    from pytest_cortex.reporting.page.measured import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One measurement on one line; positions are percent, None where there is nothing to show.

    Attributes:
        verdict: In a word: how the dot looks.
        value: The median.
        low: Where the interval begins.
        width: How wide it is.
        limit: The limit that decided.
        ceiling: The most that the graph allows.
        ideal: Every worker busy all the time.
        ticks: Speedups.
        description: The same in words.
    """

    verdict: str
    value: float | None
    low: float | None
    width: float
    limit: float | None
    ceiling: float | None
    ideal: float | None
    ticks: tuple[Tick, ...]
    description: str


def place_of(one: Measured) -> Place:
    """Returns where the measurement stands, on a line from 0 to the largest of its numbers."""
    row = one.row
    scale = from_zero((one.speedup, row.high, row.limit, row.ceiling, one.ideal))
    low, high = drawable(row.low), drawable(row.high)
    known = low is not None and high is not None
    return Place(
        verdict=row.verdict,
        value=_at(scale, one.speedup),
        low=_at(scale, low) if known else None,
        width=scale.between(low or 0.0, high or 0.0) if known else 0.0,
        limit=_at(scale, row.limit),
        ceiling=_at(scale, row.ceiling),
        ideal=_at(scale, one.ideal),
        ticks=scale.ticks(whole=True),
        description=_description(one),
    )


def _at(scale: Scale, value: float | None) -> float | None:
    known = drawable(value)
    return None if known is None else scale.at(known)


def _description(one: Measured) -> str:
    row = one.row
    named = (("limit", row.limit), ("ceiling", row.ceiling), ("ideal", one.ideal))
    beside = [f"{name} {ratio(value)}" for name, value in named if value is not None]
    return ", ".join([f"speedup {estimate(row.speedup, row.low, row.high)}", *beside, row.verdict])
