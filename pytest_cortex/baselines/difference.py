"""Two runs of one program: is one proven faster than the other?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.baselines.proof import TooFewRounds, baseline_limit
from pytest_cortex.judging.gate import Gate, Outcome

ALPHA = 0.002
"""How often "faster" and "slower" may each be wrong where rounds are compared, for independent rounds.

Half of it for either run: so much the dozen rounds can prove after which a clear verdict ends a measurement.
"""

INTERVALS_ALPHA = 0.1
"""The same where only intervals are known: each of the two misses its speedup with 5 % at most."""


class Direction(StrEnum):
    """What is proven of the second run."""

    SLOWER = "slower"
    FASTER = "faster"
    UNPROVEN = "no difference proven"


class Basis(StrEnum):
    """What the answer rests on."""

    ROUNDS = "rounds"
    INTERVALS = "intervals"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement of one run, as far as it is compared.

    Attributes:
        speedup: Median speedup over the rounds that counted.
        low: Lower end of its interval, which covers with 95 % at least; None where there were too few rounds.
        high: Upper end of the interval.
        entry: The same with its rounds; None where those were not kept.
    """

    speedup: float
    low: float | None
    high: float | None
    entry: BaselineEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two runs say of each other.

    Attributes:
        direction: What is proven of the second.
        basis: What that rests on.
        ratio: Speedup of the second / speedup of the first.
        low: Lower end of an interval that covers it with 90 % at least; None where one of the two has none.
        high: Upper end of that interval.
    """

    direction: Direction
    basis: Basis
    ratio: float
    low: float | None
    high: float | None


def difference(first: Measured, second: Measured) -> Difference:
    """Compares two runs of one program.

    With the rounds of both, it is what a gate on a baseline does, in both directions: the speedup that the rounds of
    one run prove is a limit for the rounds of the other, with half of ``ALPHA`` for either side.  Without, or with too
    few, it is whether the intervals lie apart.
    """
    direction, basis = _compared(first, second)
    return Difference(
        direction=direction,
        basis=basis,
        ratio=second.speedup / first.speedup,
        low=_quotient(second.low, first.high),
        high=_quotient(second.high, first.low),
    )


def _quotient(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _compared(first: Measured, second: Measured) -> tuple[Direction, Basis]:
    if first.entry is not None and second.entry is not None:
        with suppress(TooFewRounds):
            return _by_rounds(first.entry, second.entry), Basis.ROUNDS
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Direction.UNPROVEN, Basis.NOTHING
    if second.high < first.low:
        return Direction.SLOWER, Basis.INTERVALS
    return Direction.FASTER if second.low > first.high else Direction.UNPROVEN, Basis.INTERVALS


def _by_rounds(first: BaselineEntry, second: BaselineEntry) -> Direction:
    limits = [baseline_limit(each, alpha=ALPHA / 2) for each in (first, second)]
    if _is_below(second, limits[0]):
        return Direction.SLOWER
    return Direction.FASTER if _is_below(first, limits[1]) else Direction.UNPROVEN


def _is_below(entry: BaselineEntry, limit: float) -> bool:
    """True if the rounds prove a speedup below *limit*: their signs, and beyond what dependent rounds could show."""
    gate = Gate(min_speedup=limit, margin=0.0, alpha=ALPHA / 2, horizon=entry.horizon)
    verdict = gate.decide(sequential_s=entry.ratios, parallel_s=[1.0] * len(entry.ratios))
    return verdict.outcome is Outcome.FAIL
