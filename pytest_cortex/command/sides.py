"""What ``pytest-cortex compare`` compares: a ``cortex.json``, a run of a history, or a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cortex.baselines.comparison import entry_of
from pytest_cortex.baselines.difference import Measured
from pytest_cortex.baselines.entry import Key
from pytest_cortex.baselines.machines import describe, fingerprint
from pytest_cortex.baselines.store import (
    Baseline,
    BaselineError,
    BaselineStore,
    NoBaseline,
    baseline_name,
    read_baseline,
)
from pytest_cortex.history.folder import is_run
from pytest_cortex.history.run import HistoryRun, decode
from pytest_cortex.measuring import machine
from pytest_cortex.reading import UnreadableRecord, from_json, parsed
from pytest_cortex.record import MeasurementRecord, SessionRecord
from pytest_cortex.wording import finite

_BASELINES = Path(".cortex") / "baselines"


class NothingToCompare(ValueError):
    """What was named is no run.

    Attributes:
        given: What was named.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, given: str, problem: str) -> None:
        super().__init__(given, problem)
        self.given = given
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.given!r}: {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs.

    Attributes:
        name: As it was named.
        created_at: When it was made.
        machine: Fingerprint of the kind of machine; None if the file does not tell all that it takes.
        machine_name: What machine it was, for people.
        measured: Every measurement that has a speedup, in the order of the file.
        against_itself: True if programs were measured against themselves.
    """

    name: str
    created_at: str
    machine: str | None
    machine_name: str
    measured: Mapping[Key, Measured]
    against_itself: bool = False


def side(given: str) -> Side:
    """Returns the run that *given* names.

    Args:
        given: A ``cortex.json`` or the folder it is in, a file of a history or of a baseline, or the name of a baseline
            in ``.cortex/baselines`` of the current folder.

    Raises:
        NothingToCompare: If it names none of these.
    """
    path = Path(given)
    if path.is_dir():
        path /= "cortex.json"
    if not path.exists() and path.name == given:
        return _of_baseline(given, _named(given))
    try:
        return _read(given, path)
    except OSError as error:
        raise NothingToCompare(
            given, f"it cannot be read ({error}); name a cortex.json, e.g. reports/cortex.json"
        ) from error
    except BaselineError as error:
        raise NothingToCompare(given, error.problem) from error
    except UnreadableRecord as error:
        raise NothingToCompare(given, str(error)) from error


def _named(name: str) -> Baseline:
    """Returns a baseline of this machine."""
    try:
        found = BaselineStore(_BASELINES, machine.facts()).open(name if name == "latest" else baseline_name(name))
    except ValueError as error:
        raise NothingToCompare(name, f"there is no such file, and no baseline: {error}") from error
    if isinstance(found, NoBaseline):
        raise NothingToCompare(name, f"there is no such file, and {found.reason}")
    return found


def _read(given: str, path: Path) -> Side:
    data = path.read_bytes()
    if is_run(path.name):
        return _of_run(given, decode(data))
    document = parsed(data)
    if isinstance(document, Mapping) and "machine" in document and "command" not in document:
        return _of_baseline(given, read_baseline(path))
    return _of_session(given, from_json(document))


def _of_session(name: str, session: SessionRecord) -> Side:
    print_, machine_name = _machine_of(session.environment)
    setting = session.settings.get("against_itself")
    return Side(
        name=name,
        created_at=session.created_at,
        machine=print_,
        machine_name=machine_name,
        measured={_key(each): found for each in session.measurements if (found := _measured(each)) is not None},
        against_itself=setting is not None and setting.value is True,
    )


def _machine_of(facts: Mapping[str, Any]) -> tuple[str | None, str]:
    """Fingerprint and name of a machine; a file of an earlier version does not tell its processor."""
    try:
        if "cpu_model" in facts:
            return fingerprint(facts), describe(facts)
        return None, describe({**facts, "cpu_model": "unknown CPU"})
    except (LookupError, TypeError, ValueError, AttributeError):  # an environment may have any form
        return None, "unknown machine"


def _key(measurement: MeasurementRecord) -> Key:
    return Key(test=measurement.test, name=measurement.name, workers=measurement.workers)


def _measured(measurement: MeasurementRecord) -> Measured | None:
    speedup = finite(measurement.speedup)
    if not speedup:
        return None
    entry = None
    with suppress(ValueError, ZeroDivisionError):  # rounds of an older file, of which no horizon is known
        entry = entry_of(measurement)
    return Measured(
        speedup=speedup, low=finite(measurement.speedup_low), high=finite(measurement.speedup_high), entry=entry
    )


def _of_run(name: str, run: HistoryRun) -> Side:
    return Side(
        name=name,
        created_at=run.created_at,
        machine=run.machine,
        machine_name=run.machine_name,
        measured={
            Key(test=each.test, name=each.name, workers=each.workers): Measured(
                speedup=each.speedup, low=each.low, high=each.high
            )
            for each in run.measurements
            if each.speedup
        },
    )


def _of_baseline(name: str, baseline: Baseline) -> Side:
    return Side(
        name=name,
        created_at=baseline.created_at,
        machine=fingerprint(baseline.machine),
        machine_name=describe(baseline.machine),
        measured={
            key: Measured(speedup=each.speedup, low=each.speedup_low, high=each.speedup_high, entry=each)
            for key, each in baseline.entries.items()
        },
    )
