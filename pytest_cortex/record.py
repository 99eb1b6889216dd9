"""What a run leaves behind: frozen records, and nothing that measures, judges or draws.

A measurement ends as one ``MeasurementRecord``; a test run ends as one ``SessionRecord``.  Everything in
``reports/`` is made from the latter, so whatever a chart or a table shows can be found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.wording import finite

SCHEMA_VERSION = 2


GateName: TypeAlias = Literal[
    "min_speedup",
    "min_efficiency",
    "min_parallelism",
    "max_groups",
    "min_quality",
    "min_peak_concurrency",
    "max_serial_fraction",
    "baseline",
]


class Arm(StrEnum):
    """The two programs of a round."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """One sequential and one parallel run, back to back.

    Attributes:
        sequential_s: Wall seconds of the sequential run.
        parallel_s: Wall seconds of the parallel run.
        first: The arm that ran first; drawn anew for every round.
        warmup: True for the rounds that are kept here but not counted.
        spoilt: What disturbed the round from outside, so that it does not count; None if nothing did.
    """

    sequential_s: float
    parallel_s: float
    first: Arm
    warmup: bool
    spoilt: str | None = None

    @property
    def counts(self) -> bool:
        """True if verdict and estimate may rest on it."""
        return not self.warmup and self.spoilt is None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    """What one gate said of one measurement.

    Attributes:
        gate: The kind of gate.
        limit: The limit as the user gave it, e.g. a speedup, an efficiency or a number of groups; None where there
            was no baseline to take it from.
        min_speedup: The same limit as a speedup; None for a gate on structure.
        origin: Where the limit comes from, e.g. ``"marker"``.
        outcome: PASS, FAIL or INCONCLUSIVE.
        rounds: Rounds counted when the decision fell.
        reason: One sentence for people.
    """

    gate: GateName
    limit: float | None
    min_speedup: float | None
    origin: str
    outcome: Outcome
    rounds: int
    reason: str

    @property
    def asked(self) -> str:
        """The gate and its limit, e.g. ``min_speedup=3.5``."""
        return self.gate if self.limit is None else f"{self.gate}={self.limit:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step from the ideal speedup down to the measured one.

    Attributes:
        name: What is lost here, e.g. ``"balance"``.
        speedup: What is left after this step.
        because: One sentence for people, empty if there is nothing to say.
    """

    name: str
    speedup: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecord:
    """One module in one run of an operation: a bar of the timeline.

    Attributes:
        module: Its id.
        worker: Number of the worker it ran on, 0 for the calling thread.
        started_s: Seconds from the operation's start.
        duration_s: Wall seconds it ran.
    """

    module: str
    worker: int
    started_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRecord:
    """One program measured against another, by one call of ``cortex_bench``.

    Attributes:
        test: The pytest node id.
        name: The scenario's name, or the test's name; ``#2``, ``#3`` … for further calls in one test.
        scenario: Name of the scenario, None for the user's own code.
        workers: P, the workers the parallel arm was allowed.
        modules: Modules in the operation, None where there is no operation.
        rounds: Every round, warm-ups first.
        speedup: Median of sequential / parallel over the counted rounds; None if nothing was counted.
        speedup_low: Lower end of the interval of *speedup*.
        speedup_high: Upper end of the interval of *speedup*.
        sequential_s: Median wall seconds of the sequential arm over the counted rounds.
        parallel_s: The same for the parallel arm.
        ceiling: The most speedup the graph allows on P workers; None where there is no graph.
        critical_path: Ids of the modules on the longest dependency chain.
        cpu_bound: True if the sequential arm spends most of its time on the CPU; None if unknown.
        against: The contender in the place of the sequential arm, where two programs were compared; otherwise None.
        modelled: ``(n_runs,)`` speedups modelled from the modules' own times in each parallel run.
        durations: Median seconds per module in sequential runs; empty where there is no graph.
        dependencies: Pairs (module, what it waits for).
        phases: The place of each module's phase.
        timeline: The parallel run of median length, by start; empty where modules were not seen from inside.
        horizon: Most rounds that would have counted; 0 if no round was made.
        batch: How many runs were timed together, one after the other, because one alone would have been too short; the
            seconds of rounds are then those of one of them on average.
        steps: Where the missing speedup went, from the ideal down to the measured; empty if unknown.
        causes: Sentences for people on why it is no faster, the weightiest first.
        verdicts: One per gate, in the order they were asked.
        notes: Sentences for people about this measurement.
        warnings: The same, for what somebody should do something about.
        error: Why measuring stopped early, None if it did not.
        attempts: How often the test was run; the record is of the last attempt.
        file: The test's file as seen from pytest's root folder, parts joined by ``/``; None for what stands in no file.
        line: The line of *file* where the test begins, from 1.
        took_s: Wall seconds that measuring and judging took, with warm-ups and pauses; rounds that several
            measurements share are counted with the one that was judged first.  None if unknown.
    """

    test: str
    name: str
    scenario: str | None
    workers: int
    modules: int | None
    rounds: tuple[RoundRecord, ...]
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    sequential_s: float | None
    parallel_s: float | None
    ceiling: float | None = None
    critical_path: tuple[str, ...] = ()
    cpu_bound: bool | None = None
    against: str | None = None
    modelled: tuple[float, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)
    dependencies: tuple[tuple[str, str], ...] = ()
    phases: Mapping[str, int] = field(default_factory=dict)
    timeline: tuple[SpanRecord, ...] = ()
    horizon: int = 0
    batch: int = 1
    steps: tuple[StepRecord, ...] = ()
    causes: tuple[str, ...] = ()
    verdicts: tuple[VerdictRecord, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    attempts: int = 1
    file: str | None = None
    line: int | None = None
    took_s: float | None = None

    @property
    def efficiency(self) -> float | None:
        """Speedup / workers; None where two contenders were compared, since neither is the other on one worker."""
        return None if self.speedup is None or self.against is not None else self.speedup / self.workers

    @property
    def outcome(self) -> Outcome | None:
        """The worst verdict: FAIL before INCONCLUSIVE before PASS; None without a gate."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        severity = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
        return next((outcome for outcome in severity if outcome in outcomes), None)

    @property
    def decisive(self) -> VerdictRecord | None:
        """The verdict that made the outcome; of several, the one with the highest limit."""
        deciding = [verdict for verdict in self.verdicts if verdict.outcome is self.outcome]
        return max(deciding, key=lambda verdict: finite(verdict.min_speedup) or 0.0, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRecord:
    """One program at several numbers of workers.

    Attributes:
        test: The pytest node id.
        name: What was measured; one measurement per number of workers has this name as well.
        points: By number of workers.
        serial_fraction: Amdahl's, fitted over all points; None if there were no rounds.
        serial_low: Lower end of its interval.
        serial_high: Upper end of its interval.
        summary: One sentence for people.
    """

    test: str
    name: str
    points: tuple[ScalingPointRecord, ...]
    serial_fraction: float | None
    serial_low: float | None
    serial_high: float | None
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPointRecord:
    """One number of workers.

    Attributes:
        workers: P.
        speedup: Median speedup over one worker, with its interval *low* to *high*.
        low: Lower end of the interval.
        high: Upper end of the interval.
        ceiling: The most speedup the graph allows on P workers; None where there is no graph.
        karp_flatt: The serial fraction by Karp and Flatt; None for one worker.
    """

    workers: int
    speedup: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    karp_flatt: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One program in one saved run.

    Attributes:
        created_at: When the run was, ISO 8601, UTC.
        speedup: Median speedup over the rounds that counted.
        low: Lower end of its interval; None where the rounds were too few for one.
        high: Upper end of its interval; None as *low*.
        limit: The limit that decided, as a speedup; None without such a gate.
        outcome: The measurement's outcome; None without a gate.
        commit: What was checked out, with ``-dirty`` behind it if files had changed since; None if unknown.
    """

    created_at: str
    speedup: float
    low: float | None
    high: float | None
    limit: float | None
    outcome: Outcome | None
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySeries:
    """One program on one kind of machine, from saved run to saved run: only these can be compared.

    Attributes:
        test: The pytest node id.
        name: The scenario's name, or the test's.
        workers: P.
        machine: Fingerprint of the kind of machine.
        points: By time, oldest first.
        machine_name: What the fingerprint stands for, for people.
    """

    test: str
    name: str
    workers: int
    machine: str
    points: tuple[HistoryPoint, ...]
    machine_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRecord:
    """One option: its effective value and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRecord:
    """What another plugin adds to the report.

    Attributes:
        title: One line.
        text: Markdown.
        plugin: Whose it is.
    """

    title: str
    text: str
    plugin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One test run.

    Attributes:
        created_at: ISO 8601, UTC.
        command: The arguments pytest was called with.
        seed: Seed of the order within rounds.
        complete: False if the run ended before its last bench test had.
        environment: Facts about the machine and the versions in use, JSON values.
        settings: The plugin's options by name.
        measurements: In the order they were made.
        scalings: Programs that were measured at several numbers of workers.
        sections: What other plugins add.
        history: What was measured here, as the saved runs have it, this one among them; empty where none are saved.
        unfinished: Node ids of the bench tests that did not run to their end.
        took_s: Wall seconds that the bench tests took in all; None if unknown.
        schema: Version of this layout; raised when a number changes its meaning.
    """

    created_at: str
    command: tuple[str, ...]
    seed: int
    complete: bool
    environment: Mapping[str, Any]
    settings: Mapping[str, SettingRecord]
    measurements: tuple[MeasurementRecord, ...]
    scalings: tuple[ScalingRecord, ...] = ()
    sections: tuple[SectionRecord, ...] = ()
    history: tuple[HistorySeries, ...] = ()
    unfinished: tuple[str, ...] = ()
    took_s: float | None = None
    schema: int = field(default=SCHEMA_VERSION)


def to_json(session: SessionRecord) -> dict[str, Any]:
    """Returns *session* as plain dicts, lists, strings, numbers, booleans and None.

    Efficiency and outcome are derived; they are written as well, for readers that are not Python.
    """
    document = asdict(session)
    for written, measurement in zip(document["measurements"], session.measurements, strict=True):
        written["efficiency"] = measurement.efficiency
        written["outcome"] = measurement.outcome
    return document
