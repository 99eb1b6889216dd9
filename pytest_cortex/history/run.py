"""One run as a history keeps it: what was measured, when, where and of which commit, and nothing of the rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pytest_cortex.baselines.machines import describe, fingerprint
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reading import check_version, parsed, read
from pytest_cortex.record import MeasurementRecord, SessionRecord
from pytest_cortex.wording import finite

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One measurement of one run.

    Attributes:
        test: The pytest node id.
        name: The measurement's name within the test.
        workers: P, the workers the parallel arm was allowed.
        speedup: Median speedup over the rounds that counted.
        low: Lower end of its interval; None where the rounds were too few for one.
        high: Upper end of its interval.
        rounds: How many rounds counted.
        limit: The limit that decided, as a speedup; None without such a gate.
        outcome: The measurement's outcome; None without a gate.

    Raises:
        ValueError: If *speedup* is not finite.
    """

    test: str
    name: str
    workers: int
    speedup: float
    low: float | None
    high: float | None
    rounds: int
    limit: float | None
    outcome: Outcome | None

    def __post_init__(self) -> None:
        if finite(self.speedup) is None:
            raise ValueError(f"a speedup in a history must be finite, got {self.speedup!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRun:
    """One run.

    Attributes:
        created_at: When it was, ISO 8601 with its time zone.
        machine: Fingerprint of the kind of machine.
        machine_name: What the fingerprint stands for, for people.
        commit: What was checked out, with ``-dirty`` behind it if files had changed since; None if unknown.
        measurements: What was measured, in that order.
        schema: Version of this layout.

    Raises:
        ValueError: If *created_at* is no such time.
    """

    created_at: str
    machine: str
    machine_name: str
    commit: str | None
    measurements: tuple[HistoryEntry, ...]
    schema: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created_at).tzinfo is None:
            raise ValueError(f"the time {self.created_at!r} must name its time zone, e.g. +00:00")

    @property
    def moment(self) -> datetime:
        """When it was, in UTC."""
        return datetime.fromisoformat(self.created_at).astimezone(UTC)


def run_of(session: SessionRecord, *, commit: str | None) -> HistoryRun | None:
    """Returns *session* as a history keeps it; None if nothing in it was measured to its end.

    Args:
        session: The run; its environment is that of this machine.
        commit: What was checked out.
    """
    entries = tuple(entry for each in session.measurements if (entry := _entry_of(each)) is not None)
    if not entries:
        return None
    return HistoryRun(
        created_at=session.created_at,
        machine=fingerprint(session.environment),
        machine_name=describe(session.environment),
        commit=commit,
        measurements=entries,
    )


def _entry_of(measurement: MeasurementRecord) -> HistoryEntry | None:
    """A measurement that was stopped early shows what stopped it, and not how fast the program is."""
    speedup = finite(measurement.speedup)
    if speedup is None or measurement.error is not None:
        return None
    verdict = measurement.decisive
    return HistoryEntry(
        test=measurement.test,
        name=measurement.name,
        workers=measurement.workers,
        speedup=speedup,
        low=finite(measurement.speedup_low),
        high=finite(measurement.speedup_high),
        rounds=sum(each.counts for each in measurement.rounds),
        limit=None if verdict is None else finite(verdict.min_speedup),
        outcome=measurement.outcome,
    )


def encode(run: HistoryRun) -> bytes:
    """Returns the bytes of the run's file: one line per measurement."""
    document = asdict(run)
    lines = ",\n  ".join(json.dumps(each) for each in document.pop("measurements"))
    head = json.dumps(document)
    return f'{head[:-1]}, "measurements": [\n  {lines}\n]}}\n'.encode()


def decode(data: bytes) -> HistoryRun:
    """Returns the run in the bytes of a file.

    Raises:
        UnreadableRecord: If it is no run, or its layout is newer than this.
    """
    document = parsed(data)
    version = document.get("schema") if isinstance(document, Mapping) else None
    check_version(version, newest=SCHEMA_VERSION, what="file of a history")
    return read(HistoryRun, {**document, "schema": SCHEMA_VERSION})
