"""By which rules the gates of a test are judged: error rate, margin, how long to measure, how often to shrug."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from pytest_cortex.bench.allowance import Allowance
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.evidence import forgiving_horizon
from pytest_cortex.judging.gate import Gate, Verdict
from pytest_cortex.measuring.rounds import Budget
from pytest_cortex.record import MeasurementRecord, VerdictRecord
from pytest_cortex.settings.settings import Limit, Settings

Objection: TypeAlias = Callable[[Callable[[], MeasurementRecord], VerdictRecord], str | None]
"""Takes what makes the record of a measurement, and the verdict on it; returns why that must not stand."""


def nobody_objects(_measured: Callable[[], MeasurementRecord], _verdict: VerdictRecord) -> None:
    """Every verdict stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for every gate of a run.

    Attributes:
        alpha: How often PASS and FAIL may each be wrong: per gate, or with *family* for all gates together.
        margin: Fraction of a limit that is forgiven.
        rounds: Most rounds to count.
        time_budget_s: Seconds that the counted rounds of one measurement should take at most.
        family: Bench tests that share *alpha*; None if every gate has all of it.
        to_the_end: True to make all rounds, though the verdict has fallen.
        against_itself: True to measure each parallel arm against itself.
        max_inconclusive: INCONCLUSIVE verdicts in a row after which a gate fails.
    """

    alpha: float
    margin: float
    rounds: int
    time_budget_s: float
    family: int | None
    to_the_end: bool
    against_itself: bool
    max_inconclusive: int

    def share(self, place: int) -> float:
        """The error rate of a test's gate number *place*, from 1 up.

        The shares 1/2, 1/6, 1/12 … of a test add up to 1 however many gates it turns out to have.
        """
        return self.alpha if self.family is None else self.alpha / self.family / (place * (place + 1))

    @property
    def budget(self) -> Budget:
        """How long to measure."""
        fewest = forgiving_horizon(self.share(1))
        return Budget(seconds=self.time_budget_s, fewest=min(fewest, self.rounds), most=self.rounds)


def rules_of(settings: Settings, tests: int) -> Rules:
    """Returns the rules that *settings* set for a run with so many bench tests."""
    return Rules(
        alpha=settings["alpha"],
        margin=settings["margin"],
        rounds=settings["rounds"],
        time_budget_s=settings["time_budget"],
        family=max(1, tests) if settings["family_wise"] else None,
        to_the_end=settings["rounds_all"] or settings["save"] is not None,
        against_itself=settings["against_itself"],
        max_inconclusive=settings["max_inconclusive"],
    )


class Court:
    """Judges the gates of one test.

    Args:
        test: The pytest node id.
        rules: Those of the run.
        streaks: Counts INCONCLUSIVE verdicts from run to run.
        objection: Says why others object to a verdict.
        allowance: What the test may use of the bench's time budget; by default there is none.
    """

    def __init__(
        self,
        *,
        test: str,
        rules: Rules,
        streaks: Streaks,
        objection: Objection = nobody_objects,
        allowance: Allowance | None = None,
    ) -> None:
        self.test = test
        self.rules = rules
        self.objection = objection
        self.allowance = allowance or Allowance()
        self._streaks = streaks
        self._gates = 0

    @property
    def budget(self) -> Budget:
        """How long the next measurement may take, by its own time budget and that of the whole bench."""
        budget = self.rules.budget
        return replace(budget, seconds=min(budget.seconds, self.allowance.share_s))

    def next_alpha(self) -> float:
        """The error rate of the test's next gate."""
        self._gates += 1
        return self.rules.share(self._gates)

    def gate(self, limit: Limit, workers: int, alpha: float) -> Gate:
        """Returns a gate; its horizon is set once the first rounds have shown what one takes."""
        if limit.gate == "min_efficiency":
            return Gate(min_efficiency=limit.value, workers=workers, margin=self.rules.margin, alpha=alpha)
        return Gate(min_speedup=limit.value, margin=self.rules.margin, alpha=alpha)

    def streaked(self, key: str, verdict: Verdict) -> Verdict:
        """Fails a gate that was INCONCLUSIVE too often in a row: it guards nothing."""
        if self.rules.against_itself:
            return verdict  # what is counted are the runs that guard something
        return self._streaks.judged(f"{self.test} {key}", verdict, most=self.rules.max_inconclusive)
