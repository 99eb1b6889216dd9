"""What is measured: an operation against itself on one worker, or two programs against each other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from orchestrator import Operation, OperationExecutionReport, Plan, execute_operation, plan
from pytest_cortex.ceiling import ceiling_by_durations, ceiling_by_shape
from pytest_cortex.judging import Ceiling
from pytest_cortex.rounds import Pair
from pytest_cortex.scenario import Scenario

Program: TypeAlias = Callable[[], Any] | Callable[[], Awaitable[Any]]
Equal: TypeAlias = Callable[[Any, Any], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one call measures.

    Attributes:
        name: How reports call it.
        pair: The two programs.
        workers: P of the parallel one.
        scenario: The scenario, if it is one.
        plan: The graph, if there is one.
        durations: Seconds per module by design, or as seen in sequential runs so far.
    """

    name: str
    pair: Pair
    workers: int
    scenario: Scenario | None = None
    plan: Plan | None = None
    durations: dict[str, float] = field(default_factory=dict)

    @property
    def certain_ceiling(self) -> Ceiling | None:
        """What the graph allows for sure: by its shape, or by durations that are known by design."""
        if self.plan is None:
            return None
        if self.scenario is not None:
            return ceiling_by_durations(self.plan, self.durations, self.workers)
        return ceiling_by_shape(self.plan, self.workers)

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The longest chain in time; as long as no time is known, in modules; empty where there is no graph."""
        if self.plan is None:
            return ()
        return self.plan.critical_path(self.durations or dict.fromkeys(self.plan.order, 1.0))

    @property
    def ceiling(self) -> Ceiling | None:
        """The best guess for people: also from durations that were only measured."""
        if self.plan is None or not self.durations:
            return self.certain_ceiling
        return ceiling_by_durations(self.plan, self.durations, self.workers)


def subject_of_graph(
    subject: Operation | Scenario,
    label: str,
    *,
    workers: int | None,
    profile: str,
    context: Mapping[str, Any],
    equal: Equal,
    limit_s: float,
) -> Subject:
    """Makes the two arms of an operation: the same runner with one worker and with many.

    Raises:
        TypeError: If *subject* is something else, or *workers* is missing.
        ValueError: If *workers* < 1.
        PlanError: If the graph is broken.
    """
    scenario = subject if isinstance(subject, Scenario) else None
    operation = subject.operation if isinstance(subject, Scenario) else subject
    if not isinstance(operation, Operation):
        raise TypeError(f"cortex_bench measures an Operation or a scenario, not {operation!r}; programs go by keyword")
    if workers is None and scenario is not None:
        workers = scenario.workers
    allowed = _checked_workers(workers)
    durations = dict(scenario.durations) if scenario else {}

    def run(max_parallel_workers: int) -> OperationExecutionReport:
        __tracebackhide__ = True
        report = execute_operation(
            operation, profile=profile, max_parallel_workers=max_parallel_workers, context=context
        )
        report.raise_for_failure()
        return report

    def run_sequentially() -> OperationExecutionReport:
        return run(1)

    def context_left(report: OperationExecutionReport) -> dict[str, Any]:
        if scenario is None and report.workers == 1:
            _note_durations(durations, report.durations)
        return dict(report.context)

    return Subject(
        name=label,
        pair=Pair(
            sequential=run_sequentially,
            parallel=lambda: run(allowed),
            equal=equal,
            time_limit_s=limit_s,
            compared=context_left,
        ),
        workers=allowed,
        scenario=scenario,
        plan=plan(operation, profile),
        durations=durations,
    )


def subject_of_programs(
    sequential: Program, parallel: Program, label: str, workers: int | None, equal: Equal, limit_s: float
) -> Subject:
    """Makes a subject of two programs that the user wrote.

    Raises:
        TypeError: If one of them cannot be called, or *workers* is missing.
        ValueError: If *workers* < 1.
    """
    pair = Pair(sequential=_awaited(sequential), parallel=_awaited(parallel), equal=equal, time_limit_s=limit_s)
    return Subject(name=label, pair=pair, workers=_checked_workers(workers))


def _note_durations(shortest: dict[str, float], seen: Mapping[str, float]) -> None:
    """Keeps each module's shortest time: noise only ever adds."""
    for name, seconds in seen.items():
        shortest[name] = min(seconds, shortest.get(name, seconds))


def _checked_workers(workers: int | None) -> int:
    if workers is None:
        raise TypeError("cortex_bench needs workers=, the number of workers that the parallel run may use")
    if type(workers) is not int or workers < 1:  # bool is an int by inheritance only
        raise ValueError(f"workers must be a whole number from 1 up, not {workers!r}")
    return workers


def _awaited(program: Program) -> Callable[[], Any]:
    """Makes a plain function of one that may return a coroutine."""
    if not callable(program):
        raise TypeError(f"sequential= and parallel= must be functions without arguments, not {program!r}")

    def run() -> Any:
        __tracebackhide__ = True
        result = program()
        return asyncio.run(_coroutine(result)) if inspect.isawaitable(result) else result

    return run


def _coroutine(awaitable: Awaitable[Any]) -> Any:
    """Returns something ``asyncio.run`` takes; says clearly why it cannot from inside a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        if inspect.iscoroutine(awaitable):
            awaitable.close()  # otherwise it would warn that nobody awaited it
        raise RuntimeError(
            "cortex_bench was called inside a running event loop, where a coroutine cannot be run to its end: make the "
            "test a plain 'def' and pass the coroutine function as it is"
        )

    async def finish() -> Any:
        return await awaitable

    return finish()
