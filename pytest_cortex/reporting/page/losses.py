"""Where the missing speedup went: for many measurements side by side, and for one of them step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_cortex.reporting.page.axes import Scale, Tick, drawable, from_zero
from pytest_cortex.wording import estimate, ratio

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, StepRecord
    from pytest_cortex.reporting.page.measured import Measured

STEPS = ("graph", "balance", "contention", "overhead", "unexplained")
UNKNOWN = "unknown"
MEANINGS = {
    "measured": ("measured", ""),
    "graph": ("graph", "what dependencies allow"),
    "balance": ("balance", "how evenly work is shared out"),
    "contention": ("contention", "slower beside each other"),
    "overhead": ("overhead", "time around the work"),
    "unexplained": ("unexplained", "what is left"),
    UNKNOWN: ("not looked into", "no step is known"),
}
OUTSIDE = "It was not looked into, so the way from the ideal down to the measured is not known step by step."


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a bar.

    Attributes:
        kind: ``"measured"``, a step, or ``"unknown"``: how it looks.
        at: Where it begins, percent.
        width: Percent.
    """

    kind: str
    at: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measurement beside others: a whole bar is its ideal.

    Attributes:
        anchor: Id of its details.
        label: Which measurement.
        verdict: In a word.
        ideal: P.
        lefts: What is left after each step, as text.
        measured: The speedup, as text.
        speedup: The same as a number, for sorting.
        segments: The bar, from left to right.
        description: The same in words.
    """

    anchor: str
    label: str
    verdict: str
    ideal: int
    lefts: tuple[str, ...]
    measured: str
    speedup: float
    segments: tuple[Segment, ...]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """All measurements side by side.

    Attributes:
        steps: Names of the steps, in order.
        bars: One per measurement that has an ideal and a speedup.
        ticks: Shares of the ideal.
        legend: What occurs in the bars: how it looks, its name, and what it means.
        left_out: Sentences on measurements that are not shown.
    """

    steps: tuple[str, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[tuple[str, str, str], ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stair:
    """One step of one measurement.

    Attributes:
        name: ``"ideal"``, the step's name, or ``"measured"``.
        kind: How it looks.
        at: Where its bar begins, percent.
        width: Percent.
        left: The speedup left after it, as text.
        change: What it cost, as text with its sign; empty for ideal and measured.
        because: Why, for people.
    """

    name: str
    kind: str
    at: float
    width: float
    left: str
    change: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stairs:
    """The way down from the ideal to the measured speedup.

    Attributes:
        stairs: Ideal first, measured last.
        ticks: Speedups.
        note: A sentence where the way between is not known; else empty.
    """

    stairs: tuple[Stair, ...]
    ticks: tuple[Tick, ...]
    note: str


class _Piece(NamedTuple):
    """A piece of a bar in units of speedup."""

    kind: str
    low: float
    high: float


def look_of(step: str) -> str:
    """Returns how a step is drawn; one that this page does not know is drawn as unexplained."""
    return step if step in STEPS else "unexplained"


# Side by side ---------------------------------------------------------------------------------------------------------


def bars_of(all_of_them: Sequence[Measured]) -> Bars:
    """Returns all measurements side by side."""
    shown = [one for one in all_of_them if one.ideal is not None and one.speedup is not None]
    pieces = [_pieces(one.record, one.speedup or 0.0) for one in shown]
    scale = from_zero([1.0, *(row[0].high / one.record.workers for one, row in zip(shown, pieces, strict=True))])
    steps = tuple(dict.fromkeys(step.name for one in shown for step in one.record.steps))
    drawn = {piece.kind for row in pieces for piece in row}
    return Bars(
        steps=steps,
        bars=tuple(_bar(one, row, scale, steps) for one, row in zip(shown, pieces, strict=True)),
        ticks=tuple(Tick(at=scale.at(k / 2), text=f"{50 * k} %") for k in range(3)),
        legend=tuple((kind, *meaning) for kind, meaning in MEANINGS.items() if kind in drawn),
        left_out=tuple(_left_out(all_of_them)),
    )


def _left_out(all_of_them: Iterable[Measured]) -> Iterator[str]:
    contenders = sum(one.ideal is None for one in all_of_them)
    unmeasured = sum(one.ideal is not None and one.speedup is None for one in all_of_them)
    if contenders:
        yield f"Contenders ({contenders}) are left out: neither of two is the other on one worker."
    if unmeasured:
        yield f"What was not measured ({unmeasured}) is left out."


def _bar(one: Measured, pieces: Iterable[_Piece], scale: Scale, steps: Iterable[str]) -> Bar:
    ideal = one.record.workers
    left = {step.name: drawable(step.speedup) for step in one.record.steps}
    return Bar(
        anchor=one.anchor,
        label=one.label,
        verdict=one.row.verdict,
        ideal=ideal,
        lefts=tuple(ratio(left.get(name)) for name in steps),
        measured=ratio(one.speedup),
        speedup=one.speedup or 0.0,
        segments=tuple(
            Segment(kind=kind, at=scale.at(low / ideal), width=scale.between(low / ideal, high / ideal))
            for kind, low, high in pieces
        ),
        description=_description(one),
    )


def _pieces(one: MeasurementRecord, measured: float) -> list[_Piece]:
    """Returns the whole bar, from left to right, what was measured first."""
    if not _known(one):
        rest = [_Piece(UNKNOWN, measured, float(one.workers))] if measured < one.workers else []
        return [_Piece("measured", 0.0, measured), *rest]
    return [_Piece("measured", 0.0, one.steps[-1].speedup), *reversed(_losses(one))]


def _known(one: MeasurementRecord) -> bool:
    """True if there are steps, each with a number."""
    return bool(one.steps) and all(drawable(step.speedup) is not None for step in one.steps)


def _losses(one: MeasurementRecord) -> list[_Piece]:
    """What was lost, from the ideal down; what a later step gained is taken off the losses before it."""
    lost: list[_Piece] = []
    level = ideal = float(one.workers)
    for step in one.steps:
        reached = min(step.speedup, ideal)
        while lost and lost[-1].low < reached:
            last = lost.pop()
            if last.high > reached:
                lost.append(last._replace(low=reached))
        if reached < level:
            lost.append(_Piece(look_of(step.name), reached, level))
        level = reached
    return lost


def _description(one: Measured) -> str:
    steps = "".join(f", after {step.name} {ratio(drawable(step.speedup))}" for step in one.record.steps)
    return f"ideal {one.record.workers}{steps}, measured {ratio(one.speedup)}"


# Step by step ---------------------------------------------------------------------------------------------------------


def stairs_of(one: Measured) -> Stairs | None:
    """Returns the way from the ideal down; None where there is no ideal, or nothing was measured."""
    if one.ideal is None or one.speedup is None:
        return None
    steps = one.record.steps if _known(one.record) else ()
    levels = [one.ideal, *(step.speedup for step in steps)]
    scale = from_zero([*levels, one.speedup])
    between = zip(steps, pairwise(levels), strict=True)
    return Stairs(
        stairs=(
            _whole("ideal", one.ideal, scale, f"all {one.record.workers} workers busy all the time"),
            *(_stair(step, before, scale) for step, (before, _after) in between),
            _whole("measured", one.speedup, scale, estimate(one.speedup, one.row.low, one.row.high)),
        ),
        ticks=scale.ticks(whole=True),
        note="" if steps else OUTSIDE,
    )


def _whole(name: str, speedup: float, scale: Scale, because: str) -> Stair:
    return Stair(name=name, kind=name, at=0.0, width=scale.at(speedup), left=ratio(speedup), change="", because=because)


def _stair(step: StepRecord, before: float, scale: Scale) -> Stair:
    low, high = sorted((before, step.speedup))
    return Stair(
        name=step.name,
        kind=look_of(step.name),
        at=scale.at(low),
        width=scale.between(low, high),
        left=ratio(step.speedup),
        change=_signed(step.speedup - before),
        because=step.because,
    )


def _signed(change: float) -> str:
    """Returns a change with its sign; a plain 0 where no digit would show it."""
    if ratio(abs(change)) == ratio(0.0):
        return "0"
    return f"{'−' if change < 0 else '+'}{ratio(abs(change))}"
