"""Measuring: rounds of one sequential and one parallel run, back to back, in random order.

Block order, all sequential runs first and all parallel ones after, needs about four times as many rounds for the same
certainty, because a machine's speed drifts; a fixed order within the round turns that drift into a bias.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_cortex.evidence import MIN_HORIZON
from pytest_cortex.record import Arm, RoundRecord
from pytest_cortex.watchdog import time_limit

WARM_UPS = 2
MAX_HORIZON = 60
_CPU_BOUND_SHARE = 0.5


class ResultsDiffer(AssertionError):
    """The two arms returned different results: a fast wrong answer is no speedup.

    Attributes:
        sequential: ``repr`` of what the sequential arm returned, shortened.
        parallel: The same for the parallel arm.
    """

    def __init__(self, sequential: str, parallel: str) -> None:
        super().__init__(sequential, parallel)
        self.sequential = sequential
        self.parallel = parallel

    def __str__(self) -> str:
        return (
            f"the arms returned different results, sequential: {self.sequential}, parallel: {self.parallel}; a fast "
            "wrong answer is no speedup (equal= takes your own comparison)"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two programs that are compared.

    Attributes:
        sequential: Runs the work one thing after the other and returns its result.
        parallel: Runs the same work in parallel and returns its result.
        equal: Says whether two results are the same.
        time_limit_s: Seconds after which a run of either is stopped.
        compared: Makes what is compared, and shown if it differs, of what a program returned; outside the clock.
    """

    sequential: Callable[[], Any]
    parallel: Callable[[], Any]
    equal: Callable[[Any, Any], object]
    time_limit_s: float
    compared: Callable[[Any], object] = lambda result: result

    def check(self, sequential: object, parallel: object) -> None:
        """Compares what two runs returned.

        Raises:
            ResultsDiffer: If they are not the same.
            TypeError: If they cannot be compared with ``==``.
        """
        __tracebackhide__ = True
        sequential, parallel = self.compared(sequential), self.compared(parallel)
        try:
            same = bool(self.equal(sequential, parallel))
        except ValueError as error:  # numpy and pandas refuse to call a whole array true or false
            raise TypeError(
                f"the arms returned results of type {type(sequential).__name__}, whose comparison is not yes or no "
                f"({error}): pass your own, e.g. equal=numpy.array_equal"
            ) from error
        if not same:
            raise ResultsDiffer(_shortened(sequential), _shortened(parallel))


class Rounds:
    """The rounds of one measurement, made on demand and all kept.

    Args:
        pair: What to measure.
        seed: Seed of the order within the rounds.
        time_budget_s: Seconds the counted rounds should take at most; it sets the horizon.

    Attributes:
        records: Every round, warm-ups first.
    """

    def __init__(self, pair: Pair, *, seed: str, time_budget_s: float) -> None:
        self._pair = pair
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._time_budget_s = time_budget_s
        self.records: list[RoundRecord] = []
        self._horizon = 0
        self._cpu_shares: list[float] = []

    @property
    def counted(self) -> list[RoundRecord]:
        """The rounds after the warm-ups."""
        return [record for record in self.records if not record.warmup]

    @property
    def cpu_bound(self) -> bool | None:
        """True if the sequential arm can spend most of its time on the CPU; None before the first round.

        The largest share counts: waiting for a busy machine lowers it, nothing raises it.
        """
        return max(self._cpu_shares) > _CPU_BOUND_SHARE if self._cpu_shares else None

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
        round_s = statistics.median(record.sequential_s + record.parallel_s for record in self.records)
        self._horizon = max(MIN_HORIZON, int(min(MAX_HORIZON, self._time_budget_s / round_s)))

    def stream(self) -> Iterator[RoundRecord]:
        """All counted rounds up to the horizon: those there are already, then new ones."""
        __tracebackhide__ = True
        horizon = self.horizon
        yield from self.counted
        while len(self.counted) < horizon:
            yield self._make(warmup=False)

    def _make(self, *, warmup: bool) -> RoundRecord:
        __tracebackhide__ = True
        first = self._random.choice(list(Arm))
        order = (first, Arm.PARALLEL if first is Arm.SEQUENTIAL else Arm.SEQUENTIAL)
        programs = {Arm.SEQUENTIAL: self._pair.sequential, Arm.PARALLEL: self._pair.parallel}
        runs: dict[Arm, Timed] = {}
        for arm in order:
            runs[arm] = timed(programs[arm], self._pair.time_limit_s, f"the {arm} arm")
        sequential, parallel = runs[Arm.SEQUENTIAL], runs[Arm.PARALLEL]
        self._pair.check(sequential.result, parallel.result)
        self._cpu_shares.append(sequential.cpu_s / sequential.seconds)
        record = RoundRecord(sequential_s=sequential.seconds, parallel_s=parallel.seconds, first=first, warmup=warmup)
        self.records.append(record)
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One run of one arm.

    Attributes:
        seconds: Wall seconds, above 0.
        cpu_s: CPU seconds that this process spent meanwhile, on all its threads.
        result: What it returned.
    """

    seconds: float
    cpu_s: float
    result: Any


def timed(program: Callable[[], Any], limit_s: float, what: str = "an arm") -> Timed:
    """Runs *program* once, garbage of earlier runs collected before the clock starts.

    Whatever it raises carries a note that says *what* raised it.

    Raises:
        ArmTimeout: If it takes longer than *limit_s*.
        ArmTooShort: If the clock does not move meanwhile.
    """
    __tracebackhide__ = True
    gc.collect()
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
    return Timed(seconds=(finished_ns - started_ns) / 1e9, cpu_s=cpu_ns / 1e9, result=result)


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
