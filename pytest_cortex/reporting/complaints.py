"""What did not pass, and why: the same list in the terminal, in the summary and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting.rows import labels_of
from pytest_cortex.wording import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_cortex.record import MeasurementRecord, SessionRecord, VerdictRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One gate that did not pass, one measurement that stopped early, or one warning.

    Attributes:
        verdict: FAIL, INCONCLUSIVE, ERROR or WARNING.
        outcome: The same as an outcome; None where no gate spoke.
        label: Which measurement.
        gate: The gate and its limit, e.g. ``min_speedup=3.5 from marker``; empty where none spoke.
        reason: One sentence, on one line.
        causes: Sentences on why it is no faster, as far as the data show it; with the first of a measurement only.
    """

    verdict: str
    outcome: Outcome | None
    label: str
    gate: str
    reason: str
    causes: tuple[str, ...] = ()


def complaints(session: SessionRecord) -> tuple[Complaint, ...]:
    """Returns everything that did not pass, in the order it was measured."""
    return tuple(complaint for _measurement, found in complaints_by_measurement(session) for complaint in found)


def complaints_by_measurement(session: SessionRecord) -> Iterator[tuple[MeasurementRecord, tuple[Complaint, ...]]]:
    """Yields every measurement with what did not pass of it."""
    for label, measurement in zip(labels_of(session), session.measurements, strict=True):
        yield measurement, tuple(complaints_of(label, measurement))


def complaints_of(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    """Yields what did not pass of one measurement."""
    yield from _errors(label, measurement)
    yield from _verdicts(label, measurement)
    yield from _warnings(label, measurement)


def gate_text(verdict: VerdictRecord) -> str:
    """Returns the gate, its limit, and where that comes from."""
    return f"{verdict.asked} from {printable(verdict.origin)}"


def ending(session: SessionRecord) -> str | None:
    """Returns that the run ended early, in one sentence; None if it did not."""
    if session.complete:
        return None
    said = "the run ended early"
    left = len(session.unfinished)
    return f"{said}: {plural(left, 'bench test')} did not run to the end" if left else said


def _errors(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    if measurement.error is not None:
        reason = printable(measurement.error)
        yield Complaint(verdict="ERROR", outcome=None, label=label, gate="", reason=reason)


def _verdicts(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    causes = tuple(map(printable, measurement.causes))
    for verdict in measurement.verdicts:
        if verdict.outcome is not Outcome.PASS:
            yield Complaint(
                verdict=verdict.outcome.name,
                outcome=verdict.outcome,
                label=label,
                gate=gate_text(verdict),
                reason=printable(verdict.reason),
                causes=causes,
            )
            causes = ()  # said once


def _warnings(label: str, measurement: MeasurementRecord) -> Iterator[Complaint]:
    for warning in measurement.warnings:
        yield Complaint(verdict="WARNING", outcome=None, label=label, gate="", reason=printable(warning))
