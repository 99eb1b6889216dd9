"""Measuring: rounds in which every arm runs once, back to back, in random order.

Block order, all sequential runs first and all parallel ones after, needs about four times as many rounds for the same
certainty, because a machine's speed drifts; a fixed order within the round turns that drift into a bias.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pytest_cortex.measuring.arms import Arms
from pytest_cortex.measuring.leftovers import Leftovers
from pytest_cortex.measuring.machine import cpu_clock_step_s
from pytest_cortex.measuring.watchdog import time_limit
from pytest_cortex.record import Arm, RoundRecord

WARM_UPS = 2
_CPU_BOUND_SHARE = 0.5
_CPU_CLOCK_STEP_S = cpu_clock_step_s()

# A machine that has spoilt six rounds of seven for half of the time budget will not let a measurement come to its
# end, while a burst of a second or two passes; where fewer are spoilt, half as many rounds again as the horizon has are
# worth their time, and more while the time budget lasts.
_HOPELESS_SHARE = 0.85
_PATIENCE = 0.5
_FURTHER_ATTEMPTS = 1.5

# Rounds that depend on each other, or follow a disturbed one, are set apart by up to three times their own length, but
# by no more than this, in seconds.  Among 400 recorded rounds of pure Python the correlation was 0.60 with the next,
# 0.42 with the one after that, 0.18 with the fourth.
_PAUSE_IN_ROUNDS = 3.0
_LONGEST_PAUSE_S = 0.5

# A run that is timed alone seems longer than it is, by some microseconds, since caches are cold after what goes on
# between runs.  Of two loops, one four times as long as the other, the ratio came out 45 % too low where the shorter
# took 2 µs, 18 % at 10 µs, 4 % at 50 µs, 1.6 % at 100 µs, and right from 500 µs on; in batches of a millisecond it was
# right from 5 µs on.
_LONG_ENOUGH_S = 0.001
_MORE_THAN_ENOUGH = 1.25
_ATTEMPTS_AT_A_BATCH = 5
_TOO_SHORT_ALONE_S = 0.0001

Watch: TypeAlias = Callable[[], Callable[[float], str | None]]
"""Called before a run; what it returns is called after it with the run's seconds, and says what disturbed it."""


class ArmTooShort(ValueError):
    """An arm ended before the clock moved, or so soon that its time is mostly that of timing it.

    Attributes:
        elapsed_ns: What the clock showed.
        alone: True if the clock did move, and the arm cannot be run several times within one timing.
    """

    def __init__(self, elapsed_ns: int, *, alone: bool = False) -> None:
        super().__init__(elapsed_ns)
        self.elapsed_ns = elapsed_ns
        self.alone = alone

    def __str__(self) -> str:
        why = "alone, as every run is with setup= or teardown=" if self.alone else "by this clock"
        return f"an arm took {self.elapsed_ns} ns, too short to time {why}: repeat the work inside the arm"


def undisturbed() -> Callable[[float], str | None]:
    """A watch that sees nothing."""
    return lambda _seconds: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of every arm.

    Attributes:
        runs: By arm, in the order they ran.
        warmup: True for the rounds that are kept but not counted.
        spoilt: What disturbed one of the runs from outside; None if nothing did.
        batch: How many runs of each arm were timed together.
    """

    runs: Mapping[str, Timed]
    warmup: bool
    spoilt: str | None
    batch: int = 1

    @property
    def seconds(self) -> float:
        """Wall seconds of all runs together."""
        return self.batch * sum(run.seconds for run in self.runs.values())

    @property
    def counts(self) -> bool:
        """True if verdict and estimate may rest on it."""
        return not self.warmup and self.spoilt is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long to measure, fixed before the first round.

    Attributes:
        seconds: What the counted rounds should take at most …
        fewest: … though no fewer rounds than this …
        most: … nor more than this.
    """

    seconds: float
    fewest: int
    most: int

    def horizon(self, round_s: float) -> int:
        """The most rounds to count if one takes *round_s* seconds."""
        return max(self.fewest, int(min(self.most, self.seconds / round_s)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a measurement is.

    Attributes:
        made: Rounds so far, warm-ups among them.
        counted: Those of them that count …
        spoilt: … and those that do not, because something disturbed them.
        horizon: Most rounds to count; 0 during the warm-ups, which decide it.
        speedup: Median of the first arm's seconds / the last one's over the rounds that count, on the log scale; None
            if there are none.
        spent_s: Seconds that the rounds and the pauses between them took.
        left_s: Seconds that the rounds to come will take, if all are needed and nothing disturbs them.
    """

    made: int
    counted: int
    spoilt: int
    horizon: int
    speedup: float | None
    spent_s: float
    left_s: float


OnRound: TypeAlias = Callable[[Progress | None], None]
"""Called after every round, outside the clock; with None when no round is to come for now."""


class Rounds:
    """The rounds of one measurement, made on demand and all kept.

    Args:
        arms: What to measure.
        seed: Seed of the order within the rounds.
        budget: How long to measure.
        watch: Sees what disturbs a run from outside.
        sleep: Waits for so many seconds; by default ``time.sleep``.
        on_round: Is told how it goes on; None if nobody looks.

    Attributes:
        made: Every round, warm-ups first.
        batch: How many runs of each arm are timed together; more than one if one alone would be too short.
        leftovers: What the runs have left behind.
        spaced: Set to true once rounds are seen to depend on each other: further ones are set apart in time.
    """

    def __init__(
        self,
        arms: Arms,
        *,
        seed: str,
        budget: Budget,
        watch: Watch = undisturbed,
        sleep: Callable[[float], None] | None = None,
        on_round: OnRound | None = None,
    ) -> None:
        self._arms = arms
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._budget = budget
        self._watch = watch
        self._sleep = sleep or time.sleep
        self._on_round = on_round
        self._horizon = 0
        self._spent_s = 0.0
        self.made: list[Round] = []
        self.batch = 1
        self.leftovers = Leftovers()
        self.spaced = False

    @property
    def counted(self) -> list[Round]:
        """The rounds that are neither warm-ups nor spoilt."""
        return [made for made in self.made if made.counts]

    @property
    def spoilt(self) -> list[str]:
        """What disturbed the rounds that therefore do not count."""
        return [made.spoilt for made in self.made if not made.warmup and made.spoilt is not None]

    @property
    def horizon(self) -> int:
        """Most rounds to count, fixed by what the warm-ups took; asking for it makes them."""
        __tracebackhide__ = True
        if not self._horizon:
            self._warm_up()
        return self._horizon

    @property
    def fixed_horizon(self) -> int:
        """The same as far as it is known; 0 before that, and if a warm-up has failed.  Makes none."""
        return self._horizon

    def _warm_up(self) -> None:
        __tracebackhide__ = True
        for _ in range(WARM_UPS):
            self._make(warmup=True)
        self._choose_batch()
        warm_ups = [made.seconds for made in self._in_batches()]
        self._horizon = self._budget.horizon(statistics.median(warm_ups))

    def _choose_batch(self) -> None:
        """Has short arms run several times within one timing; each number that is tried takes one more warm-up."""
        __tracebackhide__ = True
        for _ in range(_ATTEMPTS_AT_A_BATCH):
            shortest_s = min(run.seconds for made in self._in_batches() for run in made.runs.values())
            if self.batch * shortest_s >= _LONG_ENOUGH_S or not self._may_repeat(shortest_s):
                return
            batch = int(min(math.ceil(_MORE_THAN_ENOUGH * _LONG_ENOUGH_S / shortest_s), self._largest_batch()))
            if batch <= self.batch:
                return
            self.batch = batch
            self._make(warmup=True)

    def _in_batches(self) -> list[Round]:
        """The rounds in batches of the present size."""
        return [made for made in self.made if made.batch == self.batch]

    def _may_repeat(self, shortest_s: float) -> bool:
        """False where each run needs a set-up of its own.

        Raises:
            ArmTooShort: If that leaves nothing that could be timed.
        """
        __tracebackhide__ = True
        if self._arms.setup is None and self._arms.teardown is None:
            return True
        if shortest_s < _TOO_SHORT_ALONE_S:
            raise ArmTooShort(round(shortest_s * 1e9), alone=True)
        return False

    def _largest_batch(self) -> float:
        """As many as let all the rounds that are wanted fit into the budget, however long the longest arm is."""
        run_s = min(made.seconds / made.batch for made in self.made)
        return self._budget.seconds / self._budget.most / run_s

    def stream(self) -> Iterator[Round]:
        """All counted rounds up to the horizon: those there are already, then new ones, as long as there is hope.

        One stream at a time: rounds that another one makes meanwhile are not in it.
        """
        __tracebackhide__ = True
        horizon = self.horizon
        yield from self.counted
        while len(self.counted) < horizon and not self._hopeless():
            if self.spaced or self.made[-1].spoilt is not None:
                self._pause()
            made = self._make(warmup=False)
            if made.counts:
                yield made

    def _hopeless(self) -> bool:
        """True if this machine spoils too many rounds, and has for some time."""
        attempts, spoilt = sum(not made.warmup for made in self.made), len(self.spoilt)
        if attempts < self._budget.fewest or self._spent_s < _PATIENCE * self._budget.seconds:
            return False
        spent = attempts >= _FURTHER_ATTEMPTS * self.horizon and self._spent_s >= self._budget.seconds
        return spent or spoilt > _HOPELESS_SHARE * attempts

    def _pause(self) -> None:
        pause_s = min(_LONGEST_PAUSE_S, _PAUSE_IN_ROUNDS * self.made[-1].seconds) * self._random.random()
        self._spent_s += pause_s
        self._sleep(pause_s)

    def _make(self, *, warmup: bool) -> Round:
        __tracebackhide__ = True
        order = list(self._arms.programs)
        self._random.shuffle(order)
        runs = dict(zip(order, map(self._timed, order), strict=True))  # a comprehension would show in tracebacks
        self._arms.check({arm: run.result for arm, run in runs.items()})
        spoilt = next((run.disturbance for run in runs.values() if run.disturbance is not None), None)
        kept = {arm: replace(run, result=None) for arm, run in runs.items()}  # results may be large
        self.made.append(Round(runs=kept, warmup=warmup, spoilt=spoilt, batch=self.batch))
        self._spent_s += self.made[-1].seconds
        if self._on_round is not None:
            self._on_round(self._progress())
        return self.made[-1]

    def _progress(self) -> Progress:
        counted = self.counted
        reference, *_, last = self._arms.programs
        logs = [math.log(each.runs[reference].seconds / each.runs[last].seconds) for each in counted]
        return Progress(
            made=len(self.made),
            counted=len(counted),
            spoilt=len(self.spoilt),
            horizon=self._horizon,
            speedup=math.exp(statistics.median(logs)) if logs else None,
            spent_s=self._spent_s,
            left_s=max(0, self._horizon - len(counted)) * statistics.fmean(each.seconds for each in self.made),
        )

    def rest(self) -> None:
        """Tells whoever looks that no round is to come for now."""
        if self._on_round is not None:
            self._on_round(None)

    def _timed(self, arm: str) -> Timed:
        __tracebackhide__ = True
        arms = self._arms
        with arms.ready(arm) as program:
            run = timed(program, arms.time_limit_s, f"the {arm} arm", self._watch, batch=self.batch, spared=arms.spared)
        self.leftovers.look(arm)
        return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """What a run takes.

    Attributes:
        sequential_s: Wall seconds of the sequential arm …
        parallel_s: … and of the parallel one.
        sequential_cpu_s: CPU seconds of this process during the sequential arm …
        parallel_cpu_s: … and during the parallel one.
    """

    sequential_s: float
    parallel_s: float
    sequential_cpu_s: float
    parallel_cpu_s: float


class PairedRounds:
    """The rounds of one measurement, as seen by two of its arms.

    Args:
        rounds: The rounds, shared with other pairs of arms.
        reference: The arm whose seconds are divided …
        other: … by those of this one.
    """

    def __init__(self, rounds: Rounds, reference: str = Arm.SEQUENTIAL, other: str = Arm.PARALLEL) -> None:
        self.shared = rounds
        self._reference = reference
        self._other = other

    @property
    def records(self) -> list[RoundRecord]:
        """Every round, warm-ups first."""
        return [self._record(made) for made in self.shared.made]

    @property
    def counted(self) -> list[RoundRecord]:
        """The rounds that are neither warm-ups nor spoilt."""
        return [self._record(made) for made in self.shared.counted]

    @property
    def ratios(self) -> list[float]:
        """The speedup of each counted round."""
        return [each.sequential_s / each.parallel_s for each in self.counted]

    @property
    def cpu_bound(self) -> bool | None:
        """True if the first arm can spend most of its time on the CPU; None before the first round.

        The largest share counts: waiting for a busy machine lowers it, and only a step of a coarse clock raises it.  A
        run that may owe its share to such a step says nothing by itself; all of them together do.
        """
        runs = [made.runs[self._reference] for made in self.shared.made]
        if not runs:
            return None
        surely = max((run.cpu_s - _CPU_CLOCK_STEP_S) / run.seconds for run in runs)
        overall = sum(run.cpu_s for run in runs) / sum(run.seconds for run in runs)
        return max(surely, overall) > _CPU_BOUND_SHARE

    def stream(self) -> Iterator[RoundRecord]:
        """All counted rounds up to the horizon: those there are already, then new ones."""
        __tracebackhide__ = True
        for made in self.shared.stream():
            yield self._record(made)

    @property
    def medians(self) -> Medians:
        """What a run of either arm takes, over all rounds; there must be some."""
        first, second = ([made.runs[arm] for made in self.shared.made] for arm in (self._reference, self._other))
        return Medians(
            sequential_s=statistics.median(run.seconds for run in first),
            parallel_s=statistics.median(run.seconds for run in second),
            sequential_cpu_s=statistics.median(run.cpu_s for run in first),
            parallel_cpu_s=statistics.median(run.cpu_s for run in second),
        )

    def _record(self, made: Round) -> RoundRecord:
        ran = list(made.runs)
        return RoundRecord(
            sequential_s=made.runs[self._reference].seconds,
            parallel_s=made.runs[self._other].seconds,
            first=Arm.SEQUENTIAL if ran.index(self._reference) < ran.index(self._other) else Arm.PARALLEL,
            warmup=made.warmup,
            spoilt=made.spoilt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One run of one arm, or several within one timing.

    Attributes:
        seconds: Wall seconds per run, above 0.
        cpu_s: CPU seconds per run that this process spent meanwhile, on all its threads.
        result: What it returned, the last time.
        disturbance: What disturbed it from outside, None if nothing did.
    """

    seconds: float
    cpu_s: float
    result: Any
    disturbance: str | None = None


def timed(
    program: Callable[[], Any],
    limit_s: float,
    what: str = "an arm",
    watch: Watch = undisturbed,
    *,
    batch: int = 1,
    spared: Collection[int] | None = None,
) -> Timed:
    """Runs *program* once or *batch* times, garbage of earlier runs collected before the clock starts.

    Whatever it raises carries a note that says *what* raised it.

    Raises:
        ArmTimeout: If it takes longer than *limit_s*.
        ArmTooShort: If the clock does not move meanwhile.
    """
    __tracebackhide__ = True
    gc.collect()
    disturbed = watch()
    try:
        with time_limit(limit_s, what, spared=spared):
            cpu_ns = time.process_time_ns()
            started_ns = time.perf_counter_ns()
            for _ in range(batch):
                result = program()
            finished_ns = time.perf_counter_ns()
            cpu_ns = time.process_time_ns() - cpu_ns
    except Exception as error:
        error.add_note(f"in {what}")
        raise
    if finished_ns <= started_ns:
        raise ArmTooShort(finished_ns - started_ns)
    seconds = (finished_ns - started_ns) / 1e9
    return Timed(seconds=seconds / batch, cpu_s=cpu_ns / 1e9 / batch, result=result, disturbance=disturbed(seconds))


@contextmanager
def steady_memory() -> Iterator[None]:
    """Takes what is alive now out of the garbage collector's sight, so that no run pays for walking over it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
