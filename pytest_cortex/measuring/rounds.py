"""Measuring: rounds in which every arm runs once, back to back, in random order.

Block order, all sequential runs first and all parallel ones after, needs about four times as many rounds for the same
certainty, because a machine's speed drifts; a fixed order within the round turns that drift into a bias.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pytest_cortex.measuring.watchdog import time_limit
from pytest_cortex.record import Arm, RoundRecord

WARM_UPS = 2
_CPU_BOUND_SHARE = 0.5

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

Watch: TypeAlias = Callable[[], Callable[[float], str | None]]
"""Called before a run; what it returns is called after it with the run's seconds, and says what disturbed it."""


class ResultsDiffer(AssertionError):
    """Two arms returned different results: a fast wrong answer is no speedup.

    Attributes:
        results: ``repr`` of what each of the two returned, shortened, by arm.
    """

    def __init__(self, results: Mapping[str, str]) -> None:
        super().__init__(results)
        self.results = results

    def __str__(self) -> str:
        shown = ", ".join(f"{arm}: {result}" for arm, result in self.results.items())
        return (
            f"the arms returned different results, {shown}; a fast wrong answer is no speedup (equal= takes your own "
            "comparison)"
        )


class ArmTooShort(ValueError):
    """An arm ended before the clock moved.

    Attributes:
        elapsed_ns: What the clock showed.
    """

    def __init__(self, elapsed_ns: int) -> None:
        super().__init__(elapsed_ns)
        self.elapsed_ns = elapsed_ns

    def __str__(self) -> str:
        return f"an arm took {self.elapsed_ns} ns by this clock, too short to time: repeat the work inside the arm"


def undisturbed() -> Callable[[float], str | None]:
    """A watch that sees nothing."""
    return lambda _seconds: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The programs that are compared.

    Attributes:
        programs: By name; each does the same work and returns its result.  The first is what the others are held
            against.
        equal: Says whether two results are the same.
        time_limit_s: Seconds after which a run of any is stopped.
        compared: Makes what is compared, and shown if it differs, of what a program returned; outside the clock.
    """

    programs: Mapping[str, Callable[[], Any]]
    equal: Callable[[Any, Any], object]
    time_limit_s: float
    compared: Callable[[Any], object] = lambda result: result

    def check(self, results: Mapping[str, object]) -> None:
        """Compares what the runs of one round returned, each with the first.

        Raises:
            ResultsDiffer: If they are not the same.
            TypeError: If they cannot be compared with ``==``.
        """
        __tracebackhide__ = True
        made = {arm: self.compared(results[arm]) for arm in self.programs}
        first, *others = made
        for other in others:
            if not self._same(made[first], made[other]):
                raise ResultsDiffer({arm: _shortened(made[arm]) for arm in (first, other)})

    def _same(self, one: object, other: object) -> bool:
        try:
            return bool(self.equal(one, other))
        except ValueError as error:  # numpy and pandas refuse to call a whole array true or false
            raise TypeError(
                f"the arms returned results of type {type(one).__name__}, whose comparison is not yes or no "
                f"({error}): pass your own, e.g. equal=numpy.array_equal"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of every arm.

    Attributes:
        runs: By arm, in the order they ran.
        warmup: True for the rounds that are kept but not counted.
        spoilt: What disturbed one of the runs from outside; None if nothing did.
    """

    runs: Mapping[str, Timed]
    warmup: bool
    spoilt: str | None

    @property
    def seconds(self) -> float:
        """Wall seconds of all runs together."""
        return sum(run.seconds for run in self.runs.values())

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


class Rounds:
    """The rounds of one measurement, made on demand and all kept.

    Args:
        arms: What to measure.
        seed: Seed of the order within the rounds.
        budget: How long to measure.
        watch: Sees what disturbs a run from outside.
        sleep: Waits for so many seconds; by default ``time.sleep``.

    Attributes:
        made: Every round, warm-ups first.
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
    ) -> None:
        self._arms = arms
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._budget = budget
        self._watch = watch
        self._sleep = sleep or time.sleep
        self._horizon = 0
        self._spent_s = 0.0
        self.made: list[Round] = []
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

    def _warm_up(self) -> None:
        __tracebackhide__ = True
        for _ in range(WARM_UPS):
            self._make(warmup=True)
        self._horizon = self._budget.horizon(statistics.median(made.seconds for made in self.made))

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
        attempts, spoilt = len(self.made) - WARM_UPS, len(self.spoilt)
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
        runs = {arm: self._timed(arm) for arm in order}
        self._arms.check({arm: run.result for arm, run in runs.items()})
        spoilt = next((run.disturbance for run in runs.values() if run.disturbance is not None), None)
        kept = {arm: replace(run, result=None) for arm, run in runs.items()}  # results may be large
        self.made.append(Round(runs=kept, warmup=warmup, spoilt=spoilt))
        self._spent_s += self.made[-1].seconds
        return self.made[-1]

    def _timed(self, arm: str) -> Timed:
        __tracebackhide__ = True
        return timed(self._arms.programs[arm], self._arms.time_limit_s, f"the {arm} arm", self._watch)


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

        The largest share counts: waiting for a busy machine lowers it, nothing raises it.
        """
        runs = [made.runs[self._reference] for made in self.shared.made]
        return max(run.cpu_s / run.seconds for run in runs) > _CPU_BOUND_SHARE if runs else None

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
    """One run of one arm.

    Attributes:
        seconds: Wall seconds, above 0.
        cpu_s: CPU seconds that this process spent meanwhile, on all its threads.
        result: What it returned.
        disturbance: What disturbed it from outside, None if nothing did.
    """

    seconds: float
    cpu_s: float
    result: Any
    disturbance: str | None = None


def timed(program: Callable[[], Any], limit_s: float, what: str = "an arm", watch: Watch = undisturbed) -> Timed:
    """Runs *program* once, garbage of earlier runs collected before the clock starts.

    Whatever it raises carries a note that says *what* raised it.

    Raises:
        ArmTimeout: If it takes longer than *limit_s*.
        ArmTooShort: If the clock does not move meanwhile.
    """
    __tracebackhide__ = True
    gc.collect()
    disturbed = watch()
    try:
        with time_limit(limit_s, what):
            cpu_ns = time.process_time_ns()
            started_ns = time.perf_counter_ns()
            result = program()
            finished_ns = time.perf_counter_ns()
            cpu_ns = time.process_time_ns() - cpu_ns
    except Exception as error:
        error.add_note(f"in {what}")
        raise
    if finished_ns <= started_ns:
        raise ArmTooShort(finished_ns - started_ns)
    seconds = (finished_ns - started_ns) / 1e9
    return Timed(seconds=seconds, cpu_s=cpu_ns / 1e9, result=result, disturbance=disturbed(seconds))


@contextmanager
def steady_memory() -> Iterator[None]:
    """Takes what is alive now out of the garbage collector's sight, so that no run pays for walking over it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _shortened(value: object, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
