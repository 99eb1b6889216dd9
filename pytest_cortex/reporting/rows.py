"""A measurement as a row: what the table, the summary and the charts show of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.wording import estimate, finite, printable, ratio

if TYPE_CHECKING:
    from pytest_cortex.judging.gate import Outcome
    from pytest_cortex.record import MeasurementRecord, ScalingPointRecord, SessionRecord, VerdictRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement, ready to be shown.

    Attributes:
        label: The name on one line, with the test's id where two measurements share a name.
        workers: P.
        modules: Modules in the operation, None where there is no operation.
        speedup: Median speedup, None if nothing was measured.
        low: Lower end of the interval of *speedup*.
        high: Upper end of the interval of *speedup*.
        ceiling: The most speedup the graph allows.
        limit: The limit that decided, as a speedup; None for a gate on structure.
        efficiency: Speedup / workers; None between contenders.
        outcome: The measurement's outcome, None without a gate.
        verdict: The outcome in a word.
    """

    label: str
    workers: int
    modules: int | None
    speedup: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    limit: float | None
    efficiency: float | None
    outcome: Outcome | None
    verdict: str


def rows(session: SessionRecord) -> tuple[Row, ...]:
    """Returns one row per measurement, in the order they were made."""
    labels = labels_of(session)
    return tuple(_row(label, measurement) for label, measurement in zip(labels, session.measurements, strict=True))


def labels_of(session: SessionRecord) -> tuple[str, ...]:
    """Returns a label per measurement; a name that occurs again with as many workers gets its test's id."""
    counts = Counter((measurement.name, measurement.workers) for measurement in session.measurements)
    return tuple(
        printable(one.name if counts[one.name, one.workers] == 1 else f"{one.name} · {one.test}")
        for one in session.measurements
    )


def lasting_name(test: str, name: str) -> str:
    """Returns a name for files that are compared from run to run: that of a label may change with other tests.

    Args:
        test: The pytest node id.
        name: What was measured there; mostly it begins with the test's own name, which is then not said twice.
    """
    own = test.rpartition("::")[2]
    rest = name.removeprefix(own)
    said_already = own and name.startswith(own) and rest[:1] in {"", "[", "#"}
    return printable(f"{test}{rest}" if said_already else f"{test}::{name}")


def decisive(measurement: MeasurementRecord) -> VerdictRecord | None:
    """Returns the verdict that made the outcome; of several, the one with the highest limit."""
    return measurement.decisive


def _row(label: str, measurement: MeasurementRecord) -> Row:
    verdict = decisive(measurement)
    return Row(
        label=label,
        workers=measurement.workers,
        modules=measurement.modules,
        speedup=finite(measurement.speedup),
        low=finite(measurement.speedup_low),
        high=finite(measurement.speedup_high),
        ceiling=finite(measurement.ceiling),
        limit=finite(verdict.min_speedup) if verdict else None,
        efficiency=finite(measurement.efficiency),
        outcome=measurement.outcome,
        verdict=_verdict(measurement),
    )


def _verdict(measurement: MeasurementRecord) -> str:
    if measurement.outcome is not None:
        return measurement.outcome.name
    return "no gate" if measurement.error is None else "ERROR"


def cell_texts(row: Row) -> tuple[str, ...]:
    """The row as the tables of the terminal and of the summary show it, cell by cell, the label first."""
    return (
        row.label,
        str(row.workers),
        estimate(row.speedup, row.low, row.high),
        ratio(row.efficiency),
        ratio(row.ceiling),
        ratio(row.limit),
        row.verdict,
    )


def point_texts(point: ScalingPointRecord) -> tuple[str, ...]:
    """One number of workers of a scaling as the summary and the page show it, cell by cell."""
    speedup = finite(point.speedup)
    return (
        str(point.workers),
        estimate(speedup, finite(point.low), finite(point.high)),
        ratio(None if speedup is None else speedup / point.workers),
        ratio(finite(point.ceiling)),
        ratio(finite(point.karp_flatt)),
    )
