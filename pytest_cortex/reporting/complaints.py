"""What did not pass, and why: the same list in the terminal and in the summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.gate import Outcome
from pytest_cortex.reporting.rows import labels_of
from pytest_cortex.reporting.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_cortex.record import MeasurementRecord, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One gate that did not pass, or one measurement that stopped early.

    Attributes:
        verdict: FAIL, INCONCLUSIVE or ERROR.
        outcome: The same as an outcome; None for an error, which no gate gave.
        label: Which measurement.
        gate: The gate and its limit, e.g. ``min_speedup 3.5 from marker``; empty for an error.
        reason: One sentence, on one line.
    """

    verdict: str
    outcome: Outcome | None
    label: str
    gate: str
    reason: str


def complaints(session: SessionRecord) -> tuple[Complaint, ...]:
    """Returns everything that did not pass, in the order it was measured."""
    return tuple(
        complaint
        for label, measurement in zip(labels_of(session), session.measurements, strict=True)
        for complaint in (*_errors(label, measurement), *_verdicts(label, measurement))
    )


def _errors(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    if measurement.error is not None:
        reason = printable(measurement.error)
        yield Complaint(verdict="ERROR", outcome=None, label=label, gate="", reason=reason)


def _verdicts(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    for verdict in measurement.verdicts:
        if verdict.outcome is not Outcome.PASS:
            yield Complaint(
                verdict=verdict.outcome.name,
                outcome=verdict.outcome,
                label=label,
                gate=f"{verdict.gate} {verdict.limit:g} from {printable(verdict.origin)}",
                reason=printable(verdict.reason),
            )
