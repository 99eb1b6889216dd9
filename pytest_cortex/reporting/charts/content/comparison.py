"""Speedup and efficiency: a row per measurement, with its interval, limit, ceiling and ideal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_cortex.reporting.charts.content.selection import left_out, most_telling
from pytest_cortex.reporting.rows import rows
from pytest_cortex.wording import interval, plural, ratio

if TYPE_CHECKING:
    from pytest_cortex.record import SessionRecord
    from pytest_cortex.reporting.rows import Row

Quantity = Literal["speedup", "efficiency"]

MOST_ROWS = 60

AXIS_LABELS: dict[Quantity, str] = {
    "speedup": "Speedup (sequential time / parallel time)",
    "efficiency": "Efficiency (speedup / workers)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row; positions are in units of the x axis, None where there is nothing to show.

    Attributes:
        label: Which measurement.
        detail: Its size, in small print below.
        verdict: PASS, FAIL, INCONCLUSIVE, ERROR or ``no gate``.
        value: The median.
        low: Where the bar of the interval begins.
        high: Where it ends.
        limit: The gate's limit.
        ceiling: The most that the graph allows.
        ideal: Where every worker is busy all the time.
        value_text: The median and its interval.
        verdict_text: The verdict and the limit.
    """

    label: str
    detail: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    limit: float | None
    ceiling: float | None
    ideal: float
    value_text: str
    verdict_text: str

    @property
    def positions(self) -> tuple[float, ...]:
        """Everything that has to fit on the axis."""
        places = (self.value, self.low, self.high, self.limit, self.ceiling, self.ideal)
        return tuple(place for place in places if place is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A whole chart.

    Attributes:
        title: What it is about.
        axis_label: What the x axis shows.
        ideal_label: What the ideal is.
        integer_ticks: True if only whole numbers are marked on the x axis.
        marks: One per measurement, from top to bottom.
        left_out: How many measurements are not shown; empty if all are.
    """

    title: str
    axis_label: str
    ideal_label: str
    integer_ticks: bool
    marks: tuple[Mark, ...]
    left_out: str


def comparison(session: SessionRecord, quantity: Quantity) -> Comparison | None:
    """Returns the chart of *quantity*, None if there is no row in it.

    Efficiency is the same picture, each row divided by its workers.
    """
    all_rows = [row for row in rows(session) if _has(row, quantity)]
    chosen = [all_rows[index] for index in most_telling(all_rows, MOST_ROWS)]
    if not chosen:
        return None
    return Comparison(
        title=quantity.capitalize(),
        axis_label=AXIS_LABELS[quantity],
        ideal_label="ideal (= workers)" if quantity == "speedup" else "ideal (= 1)",
        integer_ticks=quantity == "speedup",
        marks=tuple(_mark(row, 1 if quantity == "speedup" else row.workers) for row in chosen),
        left_out=left_out(len(chosen), len(all_rows)),
    )


def describe(session: SessionRecord, quantity: Quantity) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = comparison(session, quantity)
    if shown is None:
        return None
    values = "; ".join(f"{mark.label} {ratio(mark.value)} ({mark.verdict})" for mark in shown.marks)
    return f"{shown.title} per measurement: {values}. {shown.left_out}".rstrip()


def _has(row: Row, quantity: Quantity) -> bool:
    """False for a contender's efficiency, which means nothing."""
    return quantity == "speedup" or row.efficiency is not None or row.speedup is None


def _mark(row: Row, divisor: int) -> Mark:
    value, low, high, limit, ceiling = (
        None if number is None else number / divisor
        for number in (row.speedup, row.low, row.high, row.limit, row.ceiling)
    )
    return Mark(
        label=row.label,
        detail=size(row),
        verdict=row.verdict,
        value=value,
        low=value if low is None else low,
        high=value if high is None else high,
        limit=limit,
        ceiling=ceiling,
        ideal=row.workers / divisor,
        value_text="not measured" if value is None else f"{ratio(value)}  {interval(low, high)}".rstrip(),
        verdict_text=row.verdict if limit is None else f"{row.verdict}, limit {ratio(limit)}",
    )


def size(row: Row) -> str:
    """Returns how large a measurement is, for the small print below its name."""
    workers = plural(row.workers, "worker")
    return workers if row.modules is None else f"{plural(row.modules, 'module')} on {workers}"
