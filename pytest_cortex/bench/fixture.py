"""``cortex_bench``: what a test calls to measure programs against each other.

A call warms up, makes rounds until every gate of the test has its verdict, and leaves a record.  The result can be
asked for more: ``assert_speedup`` and ``assert_efficiency`` are gates as well, judged on the same rounds, and where
those do not suffice, more are made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, overload

from orchestrator import Operation
from pytest_cortex.baselines.comparison import Comparison
from pytest_cortex.bench.court import Court
from pytest_cortex.bench.result import BenchResult
from pytest_cortex.bench.scaling_result import ScalingResult
from pytest_cortex.bench.subject import (
    Around,
    Equal,
    Program,
    Subject,
    against_itself,
    subject_of_graph,
    subject_of_programs,
    subjects_of_contenders,
    subjects_of_scaling,
)
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.measuring.rounds import Progress, Rounds, Watch, undisturbed
from pytest_cortex.record import GateName, VerdictRecord
from pytest_cortex.scenarios.scenario import Scenario
from pytest_cortex.settings.settings import Limit, Settings
from pytest_cortex.settings.values import SPEED_GATES


class CortexBench:
    """The ``cortex_bench`` fixture: call it with an operation, a scenario, or two programs of your own.

    Args:
        test_name: The test's name, for programs that have none.
        settings: The options in force.
        marker: Keywords of the test's ``cortex`` marker.
        court: Judges the test's gates.
        watch: Sees what disturbs a run from outside.
        baselines: What measurements are compared with; None if with nothing.
        on_round: Is told after each round what is measured and how far it is; None if nobody looks.
        skip: Ends the test with a reason, where nothing could be measured; None to go on without numbers.

    Attributes:
        results: One per pair of programs.
        scalings: One per call of ``scale``.
    """

    def __init__(
        self,
        *,
        test_name: str,
        settings: Settings,
        marker: Mapping[GateName, float],
        court: Court,
        watch: Watch = undisturbed,
        baselines: Comparison | None = None,
        on_round: Callable[[str, Progress | None], None] | None = None,
        skip: Callable[[str], object] | None = None,
    ) -> None:
        self._test_name = test_name
        self._settings = settings
        self._marker = marker
        self._court = court
        self._watch = watch
        self._baselines = baselines
        self._on_round = on_round
        self._skip = skip
        self.results: list[BenchResult] = []
        self.scalings: list[ScalingResult] = []

    @property
    def idle_gates(self) -> tuple[str, ...]:
        """Gates of the marker that guard nothing, because the test measured nothing."""
        return () if self.results else tuple(self._marker)

    @property
    def not_measured(self) -> list[str]:
        """Why measurements have no round that counts; those are left out whose gates passed without any."""
        return [
            result.not_measured
            for result in self.results
            if result.not_measured is not None
            and not any(verdict.outcome is Outcome.PASS for verdict in result.verdicts)
        ]

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
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
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
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
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
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
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
            setup: Called before every single run, outside the clock; what it returns is the one argument of the
                program.  For an operation, a mapping that is added to *context*.  May be a coroutine function.
            teardown: Called after every single run, outside the clock, also after one that failed, with what *setup*
                returned; without *setup*, without arguments.

        Raises:
            GateFailed: If a gate's verdict is FAIL.
            ResultsDiffer: If the two arms do not return the same.
            ArmTimeout: If an arm takes too long.
            OperationFailed: If a run of the operation fails.
            TypeError: If the arguments do not go together.
            ValueError: If *workers* or *time_limit_s* makes no sense.
        """
        __tracebackhide__ = True
        around = self._around(equal, time_limit_s, setup, teardown)
        label = self._label(name or (subject.name if isinstance(subject, Scenario) else None))
        if subject is not None and sequential is None and parallel is None:
            measured = subject_of_graph(
                subject,
                label,
                workers=workers,
                profile=profile,
                context=context or {},
                around=around,
            )
        elif subject is None and sequential is not None and parallel is not None:
            measured = subject_of_programs(sequential, parallel, label, workers, around)
        else:
            raise TypeError(
                "cortex_bench takes either an operation or scenario, as in cortex_bench(operation, workers=4), or two "
                "programs, as in cortex_bench(sequential=f, parallel=g, workers=4)"
            )
        _rounds, (result,) = self._opened(label, [measured])
        self._judge(result, measured)
        self._skip_if_not_measured()
        return result

    def compare(
        self,
        contenders: Mapping[str, Program],
        /,
        *,
        baseline: str,
        equal: Equal = operator.eq,
        time_limit_s: float | None = None,
        name: str | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
    ) -> dict[str, BenchResult]:
        """Measures several programs that do the same, in the same rounds, each against one of them.

        The marker's ``min_speedup`` then says how many times as fast as the baseline each has to be.

        Args:
            contenders: By name, functions or coroutine functions without arguments.
            baseline: The name of the one that the others are held against.
            equal: Compares the results of two.
            time_limit_s: Seconds after which one run is stopped; by default ``--cortex-time-limit``.
            name: How reports call it.
            setup: Called before every single run, outside the clock; what it returns is the one argument of the
                contender.
            teardown: Called after every single run with what *setup* returned, as in a plain call.

        Returns:
            By name, a result for every other contender; its ``speedup`` is baseline's seconds / its own.

        Raises:
            GateFailed: If a gate's verdict is FAIL.
            ResultsDiffer: If a contender does not return what the baseline does.
            ArmTimeout: If a run takes too long.
            TypeError: If a contender cannot be called.
            ValueError: If there are fewer than two contenders, or *baseline* is none of them.
        """
        __tracebackhide__ = True
        around = self._around(equal, time_limit_s, setup, teardown)
        label = self._label(name)
        subjects = subjects_of_contenders(contenders, baseline, label, around)
        _rounds, results = self._opened(label, subjects)
        limits = [Limit(gate=g, value=v, origin="marker") for g, v in self._marker.items() if g == "min_speedup"]
        for result, subject in zip(results, subjects, strict=True):
            self._judge(result, subject, limits)
        self._skip_if_not_measured()
        return {subject.contender: result for subject, result in zip(subjects, results, strict=True)}

    def scale(
        self,
        subject: Operation | Scenario | Callable[..., Any],
        /,
        *,
        workers: Sequence[int],
        profile: str = "standard",
        context: Mapping[str, Any] | None = None,
        equal: Equal = operator.eq,
        time_limit_s: float | None = None,
        name: str | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
    ) -> ScalingResult:
        """Measures one program with several numbers of workers, in the same rounds.

        The gates that the test has are judged at the largest number.

        Args:
            subject: A function (or coroutine function) of the number of workers, an operation or a scenario.
            workers: Numbers of workers, 1 among them.
            profile: Profile of the operation.
            context: Initial context of the operation.
            equal: Compares the results of two runs.
            time_limit_s: Seconds after which one run is stopped; by default ``--cortex-time-limit``.
            name: How reports call it.
            setup: Called before every single run, outside the clock; what it returns is the second argument of the
                function, after the number of workers.  For an operation, a mapping that is added to *context*.
            teardown: Called after every single run with what *setup* returned, as in a plain call.

        Raises:
            GateFailed: If a gate's verdict is FAIL.
            ResultsDiffer: If the result depends on the number of workers.
            ArmTimeout: If a run takes too long.
            OperationFailed: If a run of the operation fails.
            TypeError: If *subject* is nothing that can be run.
            ValueError: If *workers* does not hold 1 and another number, each once.
        """
        __tracebackhide__ = True
        label = self._label(name or (subject.name if isinstance(subject, Scenario) else None))
        subjects = subjects_of_scaling(
            subject,
            label,
            workers,
            profile=profile,
            context=context or {},
            around=self._around(equal, time_limit_s, setup, teardown),
        )
        rounds, results = self._opened(label, subjects)
        scaling = ScalingResult(label, results, rounds)
        self.scalings.append(scaling)
        self._judge(results[-1], subjects[-1])
        for result in results[:-1]:
            result.measure_without_gate()
        self._skip_if_not_measured()
        return scaling

    def _skip_if_not_measured(self) -> None:
        """Whatever the test would do with numbers that nobody has, its failure would say nothing."""
        __tracebackhide__ = True
        if self._skip is not None and self.not_measured:
            self._skip(f"not measured: {self.not_measured[-1]}")

    def _around(
        self,
        equal: Equal,
        time_limit_s: float | None,
        setup: Callable[[], Any] | None,
        teardown: Callable[..., Any] | None,
    ) -> Around:
        limit_s: float = self._settings["time_limit"] if time_limit_s is None else time_limit_s
        if not limit_s > 0:
            raise ValueError(f"time_limit_s must be a number of seconds above 0, not {limit_s!r}")
        for name, function in (("setup", setup), ("teardown", teardown)):
            if function is not None and not callable(function):
                raise TypeError(f"{name}= takes a function, not {function!r}")
        return Around(equal=equal, limit_s=limit_s, setup=setup, teardown=teardown)

    def _opened(self, label: str, subjects: list[Subject]) -> tuple[Rounds, list[BenchResult]]:
        """Returns rounds, none of which is made yet, and one result per subject that looks at them."""
        if self._court.rules.against_itself:
            subjects = [against_itself(subject) for subject in subjects]
        rounds = Rounds(
            subjects[0].arms,
            seed=f"{self._settings['seed']} {self._court.test} {len(self.results)}",
            budget=self._court.budget,
            watch=self._watch,
            on_round=None if self._on_round is None else partial(self._on_round, label),
        )
        results = [BenchResult(self._court, subject, rounds) for subject in subjects]
        self.results += results
        return rounds, results

    def _judge(self, result: BenchResult, subject: Subject, limits: Sequence[Limit] | None = None) -> None:
        """Judges every gate that the measurement has; without any, measures all the same."""
        __tracebackhide__ = True
        if self._court.rules.against_itself:
            # The value tested is then 1, which is the truth.
            truth = Limit(gate="min_speedup", value=1 / (1 - self._court.rules.margin), origin="against itself")
            result.judge(truth)
            return
        for limit in self._limits(subject) if limits is None else limits:
            result.judge(limit)
        if self._baselines is not None:
            result.judge_against(self._baselines)
        if not result.rounds:
            result.measure_without_gate()

    def _limits(self, subject: Subject) -> Sequence[Limit]:
        scenario = subject.scenario
        name, default = (None, None) if scenario is None else (scenario.name, scenario.min_efficiency)
        limits = self._settings.limits_for(name, self._marker, default)
        if subject.plan is not None:
            return limits
        # Set for a whole run, a gate on structure means the graphs in it; a test's own marker means what it says.
        return [limit for limit in limits if limit.gate in SPEED_GATES or limit.origin == "marker"]

    def _label(self, base: str | None) -> str:
        taken = {result.name for result in self.results} | {scaling.name for scaling in self.scalings}
        taken |= {name.rpartition("[")[0] for name in taken}
        label, number = base or self._test_name, 2
        while label in taken:
            label, number = f"{base or self._test_name}#{number}", number + 1
        return label
