"""A limit, and the verdict on it: PASS, FAIL or INCONCLUSIVE.

    >>> Gate(min_speedup=3.5).decide(sequential_s=[4.0] * 12, parallel_s=[1.0] * 12).reason
    'speedup 4.00 (4.00 to 4.00) is proven not below 3.43 (3.50 less 2 %) after 12 rounds'

A verdict is a pure function of the rounds given, and stays what it is however many more are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from numbers import Integral, Real
from typing import cast

from pytest_cortex.judging.estimate import Estimate, detectable_drop, estimate_speedup
from pytest_cortex.judging.evidence import Decision, Evidence, InvalidRounds, paired_ratio, smallest_horizon

__all__ = ["Gate", "InvalidRounds", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """What a gate says."""

    PASS = "PASS"  # noqa: S105 - the verdict, no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


_OUTCOMES = {
    Decision.BELOW: Outcome.FAIL,
    Decision.NOT_BELOW: Outcome.PASS,
    Decision.UNDECIDED: Outcome.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says of the rounds it was shown; it depends on the first *rounds* counted ones only.

    Attributes:
        outcome: PASS, FAIL or INCONCLUSIVE.
        rounds: Rounds counted when the decision fell; all counted ones if none fell.
        speedup: Median of sequential / parallel over these rounds; None if there were none.
        speedup_low: Lower end of the interval that covers the true median with at least 95 %; None if the rounds
            were too few for one.
        speedup_high: Upper end of that interval.
        reason: One sentence for people.
    """

    outcome: Outcome
    rounds: int
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A limit that the true speedup is tested against.

    What is tested is ``threshold``, the limit less a margin: FAIL says that the true speedup is proven below it,
    PASS that it is proven not below it.  Either is wrong with probability *alpha* at most for independent rounds;
    for rounds that depend on each other or drift, :class:`~pytest_cortex.judging.evidence.Evidence` has the rates.

    Attributes:
        min_speedup: The limit as a speedup; either this or *min_efficiency* is given.
        min_efficiency: The limit as a fraction of *workers*, 0 < e <= 1.
        workers: P, the workers the parallel arm was allowed; needed for *min_efficiency*.
        margin: Fraction of the limit that is forgiven, 0 <= margin < 1.
        alpha: Error probability per verdict, 0 < alpha < 0.5.
        horizon: Counted rounds after which the gate stays undecided; fixed before the first round.

    Raises:
        TypeError: If a value is not a number (or a whole number for *workers* and *horizon*).
        ValueError: If a value is out of range, or not exactly one limit is given.
    """

    min_speedup: float | None = None
    min_efficiency: float | None = None
    workers: int | None = None
    margin: float = 0.02
    alpha: float = 0.001
    horizon: int = 60

    def __post_init__(self) -> None:
        self._check_limit()
        _check("margin", self.margin, lambda m: 0 <= m < 1, "at least 0 and below 1", "write 0.02 for 2 %")
        _check("alpha", self.alpha, lambda a: 0 < a < 0.5, "above 0 and below 0.5", "0.001 is 1 error in 1000")
        _check_count("horizon", self.horizon, "it is the number of rounds to stop after, e.g. 60")

    def _check_limit(self) -> None:
        if (self.min_speedup is None) == (self.min_efficiency is None):
            given = f"min_speedup={self.min_speedup!r} and min_efficiency={self.min_efficiency!r}"
            raise ValueError(f"a gate has exactly one limit, got {given}; give one of the two")
        if self.workers is not None:
            _check_count("workers", self.workers, "it is what the parallel arm may use, e.g. 4")
        if self.min_speedup is not None:
            _check("min_speedup", self.min_speedup, lambda s: 0 < s < math.inf, "finite and above 0", "e.g. 3.5")
            return
        efficiency = self.min_efficiency
        _check("min_efficiency", efficiency, lambda e: 0 < e <= 1, "above 0 and at most 1", "write 0.85 for 85 %")
        if self.workers is None:
            raise ValueError(f"min_efficiency={efficiency!r} needs workers, got None; add e.g. workers=4")

    @property
    def limit(self) -> float:
        """The limit as a speedup."""
        if self.min_speedup is not None:
            return float(self.min_speedup)
        # Without a minimal speedup, __post_init__ has made sure of both.
        return float(cast("float", self.min_efficiency)) * cast("int", self.workers)

    @property
    def threshold(self) -> float:
        """The speedup tested: the limit less the margin."""
        return self.limit * (1 - float(self.margin))

    def evidence(self) -> Evidence:
        """Returns evidence for this gate, with no round in it yet."""
        return Evidence(threshold=self.threshold, alpha=float(self.alpha), horizon=int(self.horizon))

    def decide(
        self,
        sequential_s: Iterable[float],
        parallel_s: Iterable[float],
        quality: Iterable[bool] | None = None,
    ) -> Verdict:
        """Returns the verdict on these rounds: the fold of ``Evidence.update`` over the ones that count.

        Args:
            sequential_s: ``(n_rounds,)`` seconds; index i pairs with ``parallel_s[i]``.
            parallel_s: ``(n_rounds,)`` seconds.
            quality: ``(n_rounds,)`` True where the round counts; None if every round does.

        Raises:
            InvalidRounds: If the lengths differ, a time is not a finite number above 0 (also in a round that does
                not count), or an entry of *quality* is neither True nor False.
        """
        rounds = _checked_rounds(sequential_s, parallel_s, quality)
        evidence = self.evidence()
        for sequential, parallel, counts in rounds:
            if counts:
                evidence.update(sequential_s=sequential, parallel_s=parallel)
        left_out = sum(not counts for *_, counts in rounds)
        return self.verdict(evidence, because=f"{left_out} of {len(rounds)} rounds did not count" if left_out else None)

    def verdict(self, evidence: Evidence, *, because: str | None = None) -> Verdict:
        """Returns the verdict on the evidence so far.

        Args:
            evidence: Made by :meth:`evidence` of an equal gate.
            because: Why there are no more rounds, or no cleaner ones; added to the reason of INCONCLUSIVE.

        Raises:
            ValueError: If *evidence* was gathered for another threshold, alpha or horizon.
        """
        self._check_own(evidence)
        estimate = estimate_speedup(evidence.ratios)
        return Verdict(
            outcome=_OUTCOMES[evidence.decision],
            rounds=evidence.rounds,
            speedup=estimate.speedup,
            speedup_low=estimate.low,
            speedup_high=estimate.high,
            reason=self._reason(evidence, estimate, because),
        )

    def _check_own(self, evidence: Evidence) -> None:
        gathered = (evidence.threshold, evidence.alpha, evidence.horizon)
        wanted = (self.threshold, self.alpha, self.horizon)
        if gathered != wanted:
            raise ValueError(
                f"the evidence must be this gate's, (threshold, alpha, horizon) = {wanted}, got {gathered}; "
                "make it with Gate.evidence() before the first round"
            )

    def _reason(self, evidence: Evidence, estimate: Estimate, because: str | None) -> str:
        if evidence.decision is Decision.UNDECIDED:
            why = self._why_undecided(evidence, estimate)
            return f"{why}; {because}" if because else why
        proven = f"is proven {evidence.decision} {self._tested}"
        return f"{_shown(estimate)} {proven} after {evidence.rounds} rounds"

    def _why_undecided(self, evidence: Evidence, estimate: Estimate) -> str:
        if self.horizon < (least := smallest_horizon(self.alpha)):
            return f"a horizon of {self.horizon} proves nothing at alpha {self.alpha:g}; allow {least} rounds or more"
        if not evidence.rounds:
            return f"{_shown(estimate)}: no round counted towards {self._tested}"
        seen = f"after {evidence.rounds} of at most {self.horizon} rounds, {evidence.below} of them below"
        if evidence.held_back:
            seen += ": enough if rounds were independent, but they may depend on each other or drift"
        undecided = f"{_shown(estimate)} is proven neither below nor not below {self._tested} {seen}"
        return f"{undecided}; {_findable(evidence, estimate)}"

    @property
    def _tested(self) -> str:
        """The value tested and where it comes from, e.g. ``3.43 (3.50 less 2 %)``."""
        limit = _number(self.limit)
        if self.min_efficiency is not None:
            limit = f"efficiency {_number(self.min_efficiency)} on {self.workers} workers"
        if self.margin:
            limit += f" less {100 * self.margin:g} %"
        elif self.min_efficiency is None:
            return limit
        return f"{_number(self.threshold)} ({limit})"


def _checked_rounds(
    sequential_s: Iterable[float], parallel_s: Iterable[float], quality: Iterable[bool] | None
) -> list[tuple[float, float, bool]]:
    """Returns (sequential seconds, parallel seconds, counts) by round, every one of them checked.

    Plain iteration, so that arrays and series are taken for what they hold, and by position, not by label.
    """
    columns = [list(sequential_s), list(parallel_s)]
    columns.append([True] * len(columns[0]) if quality is None else list(quality))
    lengths = tuple(map(len, columns))
    if len(set(lengths)) > 1:
        problem = "sequential_s, parallel_s and quality must be equally long, one entry each per round"
        raise InvalidRounds(problem, None, lengths)
    rounds = list(zip(*columns, strict=True))
    for index, (sequential, parallel, counts) in enumerate(rounds):
        paired_ratio(sequential, parallel, index=index)
        # A share of noise, 0.03 say, would count as True: whoever measured it has to say what is too much.
        if counts not in (True, False):
            raise InvalidRounds("quality must be True where the round counts, else False", index, counts)
    return rounds


def _findable(evidence: Evidence, estimate: Estimate) -> str:
    """Says which speedup these rounds would have proven too low: theirs, less the drop they could have shown."""
    drop = detectable_drop(
        evidence.ratios, threshold=evidence.threshold, alpha=evidence.alpha, horizon=evidence.horizon
    )
    if drop is None or estimate.speedup is None:
        return "no drop could have been found in so few"
    # Drop and speedup are rounded away from each other, so that what is named would really have been found; a hair
    # is added for drops that are a round number but for rounding, 1 - 1 / 1.25 say.
    percent = (math.floor(1000 * drop + 1e-9) + 1) / 10
    findable = math.floor(100 * estimate.speedup * (1 - percent / 100)) / 100
    return f"with this noise, {_number(findable)} or less would have been found ({percent:g} % lower)"


def _shown(estimate: Estimate) -> str:
    if estimate.speedup is None:
        return "speedup unknown"
    median = f"speedup {_number(estimate.speedup)}"
    if estimate.low is None or estimate.high is None:
        return median
    return f"{median} ({_number(estimate.low)} to {_number(estimate.high)})"


def _number(value: float) -> str:
    """Two decimals, as speedups are read; three digits where that would show nothing or too much."""
    return f"{value:.2f}" if 0.1 <= value < 10_000 else f"{value:.3g}"


def _check(name: str, value: object, valid: Callable[[float], bool], wanted: str, advice: str) -> None:
    # True is a number to Python; as a limit it is a slip.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number {wanted}, got {value!r}; {advice}")
    if not valid(float(value)):
        raise ValueError(f"{name} must be {wanted}, got {value!r}; {advice}")


def _check_count(name: str, value: object, advice: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}; {advice}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}; {advice}")
