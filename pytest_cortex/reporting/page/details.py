"""Everything about one measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting.complaints import gate_text
from pytest_cortex.reporting.page.axes import drawable
from pytest_cortex.reporting.page.facts import Fact, command_for
from pytest_cortex.reporting.page.losses import Stairs, stairs_of
from pytest_cortex.reporting.page.places import Place, place_of
from pytest_cortex.reporting.page.rounds import Rounds, rounds_of
from pytest_cortex.reporting.page.timelines import Budget, Timeline, timeline_of
from pytest_cortex.wording import estimate, finite, interval, plural, ratio, seconds

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, VerdictRecord
    from pytest_cortex.reporting.page.measured import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One gate.

    Attributes:
        verdict: PASS, FAIL or INCONCLUSIVE.
        gate: The gate, its limit and where that comes from.
        as_speedup: The limit as a speedup; empty where it is one already, and for a gate on structure.
        reason: One sentence.
    """

    verdict: str
    gate: str
    as_speedup: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One measurement.

    Attributes:
        anchor: Its id on the page.
        label: Its name.
        verdict: In a word.
        headline: The speedup and the workers.
        open: True if it is open from the start.
        facts: Its numbers.
        judged: Its gates.
        error: Why measuring stopped early; empty if it did not.
        causes: Why it is no faster, as far as the data show it.
        place: Where the speedup stands.
        stairs: Where the missing speedup went; None where there is no ideal, or nothing was measured.
        timeline: Who worked when; None where modules were not seen from inside.
        rounds: The rounds; None if there are none.
        remarks: Warnings and notes.
        command: How to measure it alone; empty if that cannot be said.
    """

    anchor: str
    label: str
    verdict: str
    headline: str
    open: bool
    facts: tuple[Fact, ...]
    judged: tuple[Judged, ...]
    error: str
    causes: tuple[str, ...]
    place: Place
    stairs: Stairs | None
    timeline: Timeline | None
    rounds: Rounds | None
    remarks: tuple[str, ...]
    command: str


def details_of(one: Measured, *, seed: int, budget: Budget, opened: bool) -> Details:
    """Returns everything about one measurement.

    Args:
        one: What was measured.
        seed: Of the run.
        budget: How much of its timeline is shown.
        opened: True if it is open from the start.
    """
    record, row = one.record, one.row
    speedup = estimate(row.speedup, row.low, row.high)
    return Details(
        anchor=one.anchor,
        label=one.label,
        verdict=row.verdict,
        headline=speedup if row.speedup is None else f"{speedup} on {plural(row.workers, 'worker')}",
        open=opened,
        facts=tuple(_facts(one)),
        judged=tuple(map(_judged, record.verdicts)),
        error=record.error or "",
        causes=record.causes,
        place=place_of(one),
        stairs=stairs_of(one),
        timeline=timeline_of(one, budget),
        rounds=rounds_of(one),
        remarks=(*record.warnings, *record.notes),
        command=command_for(record.test, seed),
    )


def _judged(verdict: VerdictRecord) -> Judged:
    as_speedup = None if verdict.gate == "min_speedup" else finite(verdict.min_speedup)
    return Judged(
        verdict=verdict.outcome.name,
        gate=gate_text(verdict),
        as_speedup="" if as_speedup is None else ratio(as_speedup),
        reason=verdict.reason,
    )


def _facts(one: Measured) -> Iterator[Fact]:
    record, row = one.record, one.row
    yield Fact(name="Speedup", value=estimate(row.speedup, row.low, row.high), mark="median")
    if row.efficiency is not None:
        low, high = (None if end is None else end / row.workers for end in (row.low, row.high))
        yield Fact(name="Efficiency", value=f"{ratio(row.efficiency)} {interval(low, high)}".rstrip())
    if row.limit is not None:
        yield Fact(name="Limit, as a speedup", value=ratio(row.limit), mark="limit")
    if row.ceiling is not None:
        yield Fact(name="Ceiling of the graph", value=ratio(row.ceiling), mark="ceiling")
    if one.ideal is not None:
        yield Fact(name="Ideal (= workers)", value=str(row.workers), mark="ideal")
    yield from _times(record)
    yield from _circumstances(record)


def _times(record: MeasurementRecord) -> Iterator[Fact]:
    reference = "Sequential time" if record.against is None else f"Time of {record.against}"
    own = "Parallel time" if record.against is None else "Own time"
    for name, time_s in ((reference, record.sequential_s), (own, record.parallel_s)):
        if (known_s := finite(time_s)) is not None:
            yield Fact(name=name, value=seconds(known_s))
    modelled = [known for each in record.modelled if (known := drawable(each)) is not None]
    if modelled:
        yield Fact(name="Modelled speedup", value=ratio(median(modelled)))


def _circumstances(record: MeasurementRecord) -> Iterator[Fact]:
    counted = sum(each.counts for each in record.rounds)
    yield Fact(name="Rounds that count", value=f"{counted} of {len(record.rounds)} made")
    if record.modules is not None:
        yield Fact(name="Modules", value=str(record.modules))
    if record.scenario is not None and record.scenario != record.name:
        yield Fact(name="Scenario", value=record.scenario)
    if record.against is not None:
        yield Fact(name="Held against", value=record.against)
    if record.cpu_bound is not None:
        yield Fact(name="CPU-bound", value="yes" if record.cpu_bound else "no")
    if record.attempts > 1:
        yield Fact(name="Attempts", value=str(record.attempts))
    yield Fact(name="Test", value=record.test)


def wants_attention(one: Measured) -> bool:
    """True unless every gate passed."""
    record = one.record
    return record.error is not None or record.outcome in {Outcome.FAIL, Outcome.INCONCLUSIVE}
