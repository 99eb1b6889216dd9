"""``cortex_bench``: what a test calls to measure a sequential program against its parallel twin.

A call warms up, makes rounds until every gate of the test has its verdict, and leaves a record.  The result can be
asked for more: ``assert_speedup`` and ``assert_efficiency`` are gates as well, judged on the same rounds, and where
those do not suffice, more are made.
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, overload

from orchestrator import Operation
from pytest_cortex import machine
from pytest_cortex.estimate import Estimate, estimate_speedup
from pytest_cortex.gate import Gate, Outcome, Verdict
from pytest_cortex.judging import Conditions, final_verdict, verdict_without_rounds
from pytest_cortex.record import MeasurementRecord, RoundRecord, VerdictRecord
from pytest_cortex.rounds import Rounds
from pytest_cortex.scenario import Scenario
from pytest_cortex.settings import Limit, Settings
from pytest_cortex.streaks import Streaks
from pytest_cortex.subject import Equal, Program, Subject, subject_of_graph, subject_of_programs

# Without a gate, rounds are made for the interval only, which takes seven; fifteen are enough.
_FEWEST_ROUNDS = 7
_ROUNDS_WITHOUT_GATE = 15


class GateFailed(AssertionError):
    """A gate's verdict is FAIL.

    Attributes:
        name: What was measured.
        verdict: The verdict.
    """

    def __init__(self, name: str, verdict: VerdictRecord) -> None:
        super().__init__(name, verdict)
        self.name = name
        self.verdict = verdict

    def __str__(self) -> str:
        verdict = self.verdict
        return f"{self.name}: FAIL {verdict.gate}={verdict.limit:g} ({verdict.origin}): {verdict.reason}"


class BenchResult:
    """What was measured.  Its numbers are plain floats: fine to print, unguarded to assert on.

    Attributes:
        name: How reports call it.
        workers: P of the parallel arm.
        verdicts: Every gate's verdict so far.
    """

    def __init__(self, bench: CortexBench, subject: Subject, rounds: Rounds) -> None:
        self._bench = bench
        self._subject = subject
        self._rounds = rounds
        self.name = subject.name
        self.workers = subject.workers
        self.verdicts: list[VerdictRecord] = []
        self.error: str | None = None

    def __repr__(self) -> str:
        return f"<BenchResult {self.name}: speedup {self.speedup:.2f} on {self.workers} workers>"

    @property
    def rounds(self) -> tuple[RoundRecord, ...]:
        """The counted rounds."""
        return tuple(self._rounds.counted)

    @property
    def speedup(self) -> float:
        """Median of sequential / parallel over the counted rounds; NaN if there are none."""
        speedup = self._estimate().speedup
        return math.nan if speedup is None else speedup

    @property
    def efficiency(self) -> float:
        """Speedup / workers."""
        return self.speedup / self.workers

    @property
    def ceiling(self) -> float | None:
        """The most speedup the graph allows; None where there is no graph."""
        ceiling = self._subject.ceiling
        return None if ceiling is None else ceiling.speedup

    def assert_speedup(self, limit: float) -> None:
        """Gates the speedup, with the same evidence and error rate as a marker.

        Raises:
            GateFailed: If the true speedup is proven below *limit* less the margin.
            ValueError: If *limit* is no speedup.
        """
        __tracebackhide__ = True
        self.judge(Limit(gate="min_speedup", value=limit, origin="assert_speedup"))

    def assert_efficiency(self, limit: float) -> None:
        """Gates the efficiency, speedup / workers; as ``assert_speedup``."""
        __tracebackhide__ = True
        self.judge(Limit(gate="min_efficiency", value=limit, origin="assert_efficiency"))

    def judge(self, limit: Limit) -> None:
        """Makes as many rounds as the gate needs, and notes its verdict.

        Raises:
            GateFailed: If the verdict is FAIL.
        """
        __tracebackhide__ = True
        gate = _gate(limit, self.workers)
        with self._noting_errors():
            verdict = self._bench.streaked(self, limit, self._verdict(gate))
        self.verdicts.append(
            VerdictRecord(
                gate=limit.gate,
                limit=limit.value,
                min_speedup=gate.limit,
                origin=limit.origin,
                outcome=verdict.outcome,
                rounds=verdict.rounds,
                reason=verdict.reason,
            )
        )
        if verdict.outcome is Outcome.FAIL:
            raise GateFailed(self.name, self.verdicts[-1])

    def measure_without_gate(self) -> None:
        """Makes enough rounds for an interval."""
        __tracebackhide__ = True
        with self._noting_errors():
            spent_s = 0.0
            for number, made in enumerate(self._rounds.stream(), start=1):
                spent_s += made.sequential_s + made.parallel_s
                in_time = spent_s < self._bench.time_budget_s
                if number >= (_ROUNDS_WITHOUT_GATE if in_time else _FEWEST_ROUNDS):
                    break

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        __tracebackhide__ = True
        try:
            yield
        except BaseException as error:
            self.error = "interrupted" if isinstance(error, KeyboardInterrupt) else _in_one_line(error)
            raise

    def _verdict(self, gate: Gate) -> Verdict:
        __tracebackhide__ = True
        immediate = verdict_without_rounds(gate, self._conditions())
        if immediate is None:
            return self._verdict_by_rounds(gate)
        if immediate.outcome is Outcome.INCONCLUSIVE and not self._rounds.counted:
            self.measure_without_gate()  # no verdict can come of it, but people want to see the numbers
        return immediate

    def _verdict_by_rounds(self, gate: Gate) -> Verdict:
        __tracebackhide__ = True
        gate = replace(gate, horizon=self._rounds.horizon)
        evidence, rounds = gate.evidence(), self._rounds.stream()
        while not evidence.settled:
            made = next(rounds)
            evidence.update(sequential_s=made.sequential_s, parallel_s=made.parallel_s)
        return final_verdict(gate, gate.verdict(evidence), self._conditions())

    def _conditions(self) -> Conditions:
        return Conditions(
            workers=self.workers,
            usable_cpus=machine.usable_cpus(),
            cpu_bound=self._rounds.cpu_bound,
            tracer=machine.active_tracer(),
            load_average=machine.load_average(),
            ceiling=self._subject.certain_ceiling,
        )

    def _estimate(self) -> Estimate:
        return estimate_speedup([each.sequential_s / each.parallel_s for each in self._rounds.counted])

    def record(self, test: str) -> MeasurementRecord:
        """The measurement as it is written down.

        Args:
            test: The pytest node id.
        """
        subject, counted, estimate = self._subject, self._rounds.counted, self._estimate()
        scenario, graph = subject.scenario, subject.plan
        return MeasurementRecord(
            test=test,
            name=self.name,
            scenario=None if scenario is None else scenario.name,
            workers=self.workers,
            modules=None if graph is None else len(graph),
            rounds=tuple(self._rounds.records),
            speedup=estimate.speedup,
            speedup_low=estimate.low,
            speedup_high=estimate.high,
            sequential_s=_median([each.sequential_s for each in counted]),
            parallel_s=_median([each.parallel_s for each in counted]),
            ceiling=self.ceiling,
            critical_path=subject.critical_path,
            cpu_bound=self._rounds.cpu_bound,
            verdicts=tuple(self.verdicts),
            notes=(scenario.note,) if scenario is not None and scenario.note else (),
            error=self.error,
        )


class CortexBench:
    """The ``cortex_bench`` fixture: call it with an operation, a scenario, or two programs of your own.

    Args:
        test: The pytest node id.
        test_name: The test's name, for programs that have none.
        settings: The options in force.
        marker: Keywords of the test's ``cortex`` marker.
        streaks: Counts INCONCLUSIVE verdicts from run to run.

    Attributes:
        results: One per call.
    """

    def __init__(
        self, *, test: str, test_name: str, settings: Settings, marker: Mapping[str, float], streaks: Streaks
    ) -> None:
        self._test = test
        self._test_name = test_name
        self._settings = settings
        self._marker = marker
        self._streaks = streaks
        self.results: list[BenchResult] = []

    @property
    def time_budget_s(self) -> float:
        """Seconds that the counted rounds of one measurement should take at most."""
        budget_s: float = self._settings["time_budget"]
        return budget_s

    @property
    def idle_gates(self) -> tuple[str, ...]:
        """Gates of the marker that guard nothing, because the test measured nothing."""
        return () if self.results else tuple(self._marker)

    @property
    def undecided(self) -> list[tuple[str, VerdictRecord]]:
        """The INCONCLUSIVE verdicts, each with the name of what was measured."""
        return [
            (result.name, verdict)
            for result in self.results
            for verdict in result.verdicts
            if verdict.outcome is Outcome.INCONCLUSIVE
        ]

    @overload
    def __call__(
        self,
        subject: Operation | Scenario,
        /,
        *,
        workers: int | None = None,
        profile: str = "standard",
        context: Mapping[str, Any] | None = None,
        equal: Equal = operator.eq,
        time_limit_s: float | None = None,
        name: str | None = None,
    ) -> BenchResult: ...
    @overload
    def __call__(
        self,
        /,
        *,
        sequential: Program,
        parallel: Program,
        workers: int,
        equal: Equal = operator.eq,
        time_limit_s: float | None = None,
        name: str | None = None,
    ) -> BenchResult: ...
    def __call__(
        self,
        subject: Operation | Scenario | None = None,
        /,
        *,
        sequential: Program | None = None,
        parallel: Program | None = None,
        workers: int | None = None,
        profile: str = "standard",
        context: Mapping[str, Any] | None = None,
        equal: Equal = operator.eq,
        time_limit_s: float | None = None,
        name: str | None = None,
    ) -> BenchResult:
        """Measures, judges the gates that the test has, and returns the result.

        Args:
            subject: An operation or a scenario; it runs with one worker and with *workers*.
            sequential: Or two programs of your own, called without arguments: the one that does the work one
                thing after the other …
            parallel: … and the one that does the same work in parallel.  Either may be a coroutine function.
            workers: P, the workers the parallel run may use.
            profile: Profile of the operation.
            context: Initial context of the operation.
            equal: Compares the results of the two; for operations, what they left in their contexts.
            time_limit_s: Seconds after which one run is stopped; by default ``--cortex-time-limit``.
            name: How reports call it.

        Raises:
            GateFailed: If a gate's verdict is FAIL.
            ResultsDiffer: If the two arms do not return the same.
            ArmTimeout: If an arm takes too long.
            OperationFailed: If a run of the operation fails.
            TypeError: If the arguments do not go together.
            ValueError: If *workers* or *time_limit_s* makes no sense.
        """
        __tracebackhide__ = True
        limit_s = self._settings["time_limit"] if time_limit_s is None else time_limit_s
        if not limit_s > 0:
            raise ValueError(f"time_limit_s must be a number of seconds above 0, not {limit_s!r}")
        label = self._label(name or (subject.name if isinstance(subject, Scenario) else None) or self._test_name)
        if subject is not None and sequential is None and parallel is None:
            measured = subject_of_graph(
                subject,
                label,
                workers=workers,
                profile=profile,
                context=context or {},
                equal=equal,
                limit_s=limit_s,
            )
        elif subject is None and sequential is not None and parallel is not None:
            measured = subject_of_programs(sequential, parallel, label, workers, equal, limit_s)
        else:
            raise TypeError(
                "cortex_bench takes either an operation or scenario, as in cortex_bench(operation, workers=4), or two "
                "programs, as in cortex_bench(sequential=f, parallel=g, workers=4)"
            )
        return self._measured(measured)

    def _measured(self, subject: Subject) -> BenchResult:
        __tracebackhide__ = True
        seed = f"{self._settings['seed']} {self._test} {len(self.results)}"
        rounds = Rounds(subject.pair, seed=seed, time_budget_s=self.time_budget_s)
        result = BenchResult(self, subject, rounds)
        self.results.append(result)
        scenario = subject.scenario
        name, default = (None, None) if scenario is None else (scenario.name, scenario.min_efficiency)
        limits = self._settings.limits_for(name, self._marker, default)
        for limit in limits:
            result.judge(limit)
        if not limits:
            result.measure_without_gate()
        return result

    def streaked(self, result: BenchResult, limit: Limit, verdict: Verdict) -> Verdict:
        """Fails a gate that was INCONCLUSIVE too often in a row: it guards nothing."""
        alike = sum(former.gate == limit.gate for former in result.verdicts)
        gate = f"{limit.gate}#{alike + 1}" if alike else limit.gate
        key = f"{self._test} {result.name} {gate}"
        return self._streaks.judged(key, verdict, most=self._settings["max_inconclusive"])

    def _label(self, base: str) -> str:
        taken = {result.name for result in self.results}
        label, number = base, 2
        while label in taken:
            label, number = f"{base}#{number}", number + 1
        return label


def _gate(limit: Limit, workers: int) -> Gate:
    if limit.gate == "min_speedup":
        return Gate(min_speedup=limit.value)
    return Gate(min_efficiency=limit.value, workers=workers)


def _in_one_line(error: BaseException) -> str:
    """Type and first line of a message, for a table; of a group also its first error."""
    text = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return f"{text}: {_in_one_line(error.exceptions[0])}" if isinstance(error, BaseExceptionGroup) else text


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
