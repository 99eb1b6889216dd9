"""``bigger-is-better.json``: the speedups as github-action-benchmark reads them, tool ``customBiggerIsBetter``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_cortex.reporting.rows import decisive, lasting_name
from pytest_cortex.wording import finite, interval, plural, printable

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SessionRecord

UNIT = "x"


def encode(session: SessionRecord) -> bytes:
    """Returns the bytes of ``bigger-is-better.json``: an entry per measurement that has a speedup."""
    entries = [_entry(each) for each in session.measurements if finite(each.speedup) is not None]
    return f"{json.dumps(entries, indent=2, allow_nan=False)}\n".encode()


def _entry(measurement: MeasurementRecord) -> dict[str, Any]:
    return {
        "name": lasting_name(measurement.test, measurement.name),
        "unit": UNIT,
        "value": measurement.speedup,
        "range": interval(finite(measurement.speedup_low), finite(measurement.speedup_high)).strip("()"),
        "extra": _extra(measurement),
    }


def _extra(measurement: MeasurementRecord) -> str:
    """What a point of the chart says when it is pointed at: a line each."""
    rival = measurement.against
    how = plural(measurement.workers, "worker") if rival is None else f"against {printable(rival)}"
    counted = sum(each.counts for each in measurement.rounds)
    verdict = decisive(measurement)
    said = "no gate" if verdict is None else f"{verdict.outcome.name} {verdict.asked}: {printable(verdict.reason)}"
    return f"{how}, {plural(counted, 'round')}\n{said}"
