"""A look at the machine as it is now: a program is measured against itself, and what disturbs its rounds is counted."""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_cortex.judging.estimate import estimate_speedup
from pytest_cortex.measuring.arms import Arms
from pytest_cortex.measuring.rounds import Budget, PairedRounds, Rounds, Watch, steady_memory
from pytest_cortex.record import Arm

_SEED = "doctor"
_LONGEST_RUN_S = 10.0
BUDGET = Budget(seconds=0.6, fewest=16, most=60)

_WAIT_S = 0.005
_SUMMANDS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the rounds of one kind of program fared.

    Attributes:
        kind: ``waiting`` or ``computing``.
        rounds: How many were made, warm-ups left out.
        disturbed: By what disturbed them, how many did not count.
        ratio: Median of the ratios of two equal runs, which is 1 but for noise; None if no round counted.
        low: Lower end of its interval.
        high: Upper end of its interval.
    """

    kind: str
    rounds: int
    disturbed: Mapping[str, int]
    ratio: float | None
    low: float | None
    high: float | None

    @property
    def disturbed_share(self) -> float:
        """The part of the rounds that something disturbed."""
        return sum(self.disturbed.values()) / self.rounds if self.rounds else 0.0


def wait() -> None:
    """Does what I/O does: nothing."""
    time.sleep(_WAIT_S)


def compute() -> int:
    """Keeps a CPU busy for a few milliseconds."""
    return sum(number * number for number in range(_SUMMANDS))


PROGRAMS: Mapping[str, Callable[[], Any]] = {"waiting": wait, "computing": compute}


def look(kind: str, program: Callable[[], Any], watch: Watch, *, budget: Budget = BUDGET) -> Look:
    """Measures *program* against itself, the way gates are measured.

    Args:
        kind: What sort of program it is.
        program: What to run.
        watch: Sees what disturbs a run from outside.
        budget: How long to look.
    """
    programs: dict[str, Callable[[], Any]] = dict.fromkeys(Arm, program)
    arms = Arms(programs=programs, equal=operator.eq, time_limit_s=_LONGEST_RUN_S)
    rounds = Rounds(arms, seed=_SEED, budget=budget, watch=watch)
    with steady_memory():
        counted = sum(1 for _ in rounds.stream())
    estimate = estimate_speedup(PairedRounds(rounds).ratios)
    return Look(
        kind=kind,
        rounds=counted + len(rounds.spoilt),
        # "run delay 5 %" and "run delay 7 %" are the same.
        disturbed=dict(Counter(spoilt.rsplit(maxsplit=2)[0] for spoilt in rounds.spoilt).most_common()),
        ratio=estimate.speedup,
        low=estimate.low,
        high=estimate.high,
    )
