"""What is measured: an operation against itself on one worker, or programs against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from orchestrator import Operation, OperationExecutionReport, Plan, execute_operation, plan
from pytest_cortex.graphs.ceiling import ceiling_by_durations, ceiling_by_shape
from pytest_cortex.graphs.modelled import modelled_speedups
from pytest_cortex.graphs.trace import RunTrace, typical
from pytest_cortex.graphs.tracing import Tracer, worth_tracing
from pytest_cortex.judging.conditions import Ceiling
from pytest_cortex.measuring.arms import Arms
from pytest_cortex.record import Arm, SpanRecord
from pytest_cortex.scenarios.scenario import Scenario

Program: TypeAlias = Callable[[], Any] | Callable[[], Awaitable[Any]] | Callable[[Any], Any]
Equal: TypeAlias = Callable[[Any, Any], object]

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What goes on around each run, the same for every arm.

    Attributes:
        equal: Compares two results.
        limit_s: Seconds after which a run is stopped.
        setup: Called before each run; makes the argument.
        teardown: Called after each run.
    """

    equal: Equal
    limit_s: float
    setup: Callable[[], Any] | None = None
    teardown: Callable[..., Any] | None = None

    def arms(self, programs: Mapping[str, Callable[..., Any]], **fields: Any) -> Arms:
        """Returns *programs*, ready to be measured."""
        return Arms(
            programs=programs,
            equal=self.equal,
            time_limit_s=self.limit_s,
            setup=self.setup,
            teardown=self.teardown,
            **fields,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one result is about: two arms of those that are run in turn.

    Attributes:
        name: How reports call it.
        arms: All the programs.
        workers: P of the parallel one.
        reference: The arm whose seconds are divided …
        contender: … by those of this one.
        against: Name of the reference, where it is a contender as well and not a sequential twin.
        scenario: The scenario, if it is one.
        plan: The graph, if there is one.
        runs: What was seen of the operation's runs; None where there is no graph.
    """

    name: str
    arms: Arms
    workers: int
    reference: str = Arm.SEQUENTIAL
    contender: str = Arm.PARALLEL
    against: str | None = None
    scenario: Scenario | None = None
    plan: Plan | None = None
    runs: GraphRuns | None = None

    @property
    def designed(self) -> Mapping[str, float]:
        """Seconds per module as far as they are known without a clock; empty if they are not."""
        return {} if self.scenario is None else self.scenario.durations

    @property
    def durations(self) -> Mapping[str, float]:
        """Seconds per module: by design, or the shortest seen in sequential runs, since noise only ever adds."""
        return self.designed or ({} if self.runs is None else self.runs.shortest)

    @property
    def dependencies(self) -> tuple[tuple[str, str], ...]:
        """Pairs (module, what it waits for)."""
        if self.plan is None:
            return ()
        return tuple((name, before) for name, others in self.plan.dependencies.items() for before in others)

    @property
    def phases(self) -> Mapping[str, int]:
        """The place of each module's phase."""
        return {} if self.plan is None else {name: int(phase) for name, phase in self.plan.phases.items()}

    @property
    def certain_ceiling(self) -> Ceiling | None:
        """What the graph allows for sure: by its shape, or by durations that are known by design."""
        if self.plan is None:
            return None
        if self.designed:
            return ceiling_by_durations(self.plan, self.designed, self.workers)
        return ceiling_by_shape(self.plan, self.workers)

    @property
    def ceiling(self) -> Ceiling | None:
        """The best guess for people: also from durations that were only measured."""
        if self.plan is None or not self.durations:
            return self.certain_ceiling
        return ceiling_by_durations(self.plan, self.durations, self.workers)

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The longest chain in time; as long as no time is known, in modules; empty where there is no graph."""
        if self.plan is None:
            return ()
        return self.plan.critical_path(self.durations or dict.fromkeys(self.plan.order, 1.0))

    @property
    def timeline(self) -> tuple[SpanRecord, ...]:
        """The parallel run of median length, by start; empty where modules were not seen from inside."""
        run = None if self.runs is None else typical(self.runs.traces[self.contender])
        if run is None:
            return ()
        spans = [
            SpanRecord(module=name, worker=seen.worker, started_s=seen.started_s, duration_s=seen.duration_s)
            for name, seen in run.modules.items()
        ]
        return tuple(sorted(spans, key=lambda span: (span.started_s, span.worker, span.module)))

    @property
    def modelled(self) -> tuple[float, ...]:
        """Per parallel run, the speedup that its modules' own times allow; empty where that is not known."""
        if self.plan is None or self.runs is None:
            return ()
        return modelled_speedups(self.plan, self.runs.traces[self.contender], self.workers)


class _Unread(NamedTuple):
    """A run that has not been looked at: its arm, who watched it if anybody did, and its initial context."""

    arm: str
    tracer: Tracer | None
    context: Mapping[str, Any]


class GraphRuns:
    """Runs an operation on any number of workers, and keeps what the runs looked like from inside.

    Args:
        operation: What to run.
        profile: Its profile.
        context: Its initial context.

    Attributes:
        traces: Runs by arm; empty where modules are too short to be watched.
        shortest: Seconds per module, the shortest seen with one worker.
    """

    def __init__(self, operation: Operation, profile: str, context: Mapping[str, Any]) -> None:
        self._operation = operation
        self._profile = profile
        self._context = context
        self._watched: bool | None = None  # not known before the first run
        self._unread: dict[int, _Unread] = {}  # by id of the report, until that is looked at
        self.traces: defaultdict[str, list[RunTrace]] = defaultdict(list)
        self.shortest: dict[str, float] = {}

    def context_with(self, made: object) -> dict[str, Any]:
        """Returns the initial context, with what the set-up of a run has added to it.

        Raises:
            TypeError: If that is no mapping.
        """
        if not isinstance(made, Mapping):
            raise TypeError(
                "setup= of an operation returns what it adds to the initial context, as a mapping from str, "
                f"not {made!r}"
            )
        return {**self._context, **made}

    def program(self, arm: str, workers: int) -> Callable[..., OperationExecutionReport]:
        """Returns the arm that runs the operation on so many workers, by default in the context given at first."""
        tracer = Tracer(self._operation)  # one per arm: all have run before any is looked at

        def run(given: Mapping[str, Any] | None = None) -> OperationExecutionReport:
            __tracebackhide__ = True
            context = self._context if given is None else given
            watched = self._watched
            report = execute_operation(
                tracer.operation if watched else self._operation,
                profile=self._profile,
                max_parallel_workers=workers,
                context=context,
            )
            report.raise_for_failure()
            if watched or given is not None:
                self._unread[id(report)] = _Unread(arm, tracer if watched else None, context)
            return report

        return run

    def context_left(self, report: OperationExecutionReport) -> dict[str, Any]:
        """Returns what is compared between arms; by the way, notes what the run looked like."""
        if report.workers == 1:
            for name, seconds in report.durations.items():
                self.shortest[name] = min(seconds, self.shortest.get(name, seconds))
        seen = self._unread.pop(id(report), _Unread("", None, self._context))
        if seen.tracer is not None:
            self.traces[seen.arm].append(seen.tracer.trace(report, report.total_duration_seconds))
        elif self._watched is None:  # modules are watched from the second round on, if they are too long to notice
            self._watched = worth_tracing(report)
        return {name: value for name, value in report.context.items() if self._is_result(name, value, seen.context)}

    def _is_result(self, name: str, value: object, context: Mapping[str, Any]) -> bool:
        """False for what the set-up of that run has put there and nobody has replaced: it is as much an argument."""
        return value is self._context.get(name, _NOTHING) or value is not context.get(name, _NOTHING)


def subject_of_graph(
    subject: Operation | Scenario,
    label: str,
    *,
    workers: int | None,
    profile: str,
    context: Mapping[str, Any],
    around: Around,
) -> Subject:
    """Makes the two arms of an operation: the same runner with one worker and with many.

    Raises:
        TypeError: If *subject* is something else, or *workers* is missing.
        ValueError: If *workers* < 1.
        PlanError: If the graph is broken.
    """
    if workers is None and isinstance(subject, Scenario):
        workers = subject.workers
    allowed = checked_workers(workers)
    return _of_graph(
        subject,
        label,
        {Arm.SEQUENTIAL: 1, Arm.PARALLEL: allowed},
        profile=profile,
        context=context,
        around=around,
    )


def _of_graph(
    subject: Operation | Scenario,
    label: str,
    workers: Mapping[str, int],
    *,
    profile: str,
    context: Mapping[str, Any],
    around: Around,
) -> Subject:
    """Makes one arm per entry of *workers*; the subject is about the first and the last of them."""
    scenario = subject if isinstance(subject, Scenario) else None
    operation = subject.operation if isinstance(subject, Scenario) else subject
    if not isinstance(operation, Operation):
        raise TypeError(f"cortex_bench measures an Operation or a scenario, not {operation!r}; programs go by keyword")
    runs = GraphRuns(operation, profile, context)
    arms = around.arms(
        {arm: runs.program(arm, number) for arm, number in workers.items()},
        compared=runs.context_left,
        taken=runs.context_with,
    )
    reference, *_, contender = workers
    return Subject(
        name=label,
        arms=arms,
        workers=workers[contender],
        reference=reference,
        contender=contender,
        scenario=scenario,
        plan=plan(operation, profile),
        runs=runs,
    )


def subject_of_programs(
    sequential: Program, parallel: Program, label: str, workers: int | None, around: Around
) -> Subject:
    """Makes a subject of two programs that the user wrote.

    Raises:
        TypeError: If one of them cannot be called, or *workers* is missing.
        ValueError: If *workers* < 1.
    """
    arms = around.arms({Arm.SEQUENTIAL: _callable(sequential), Arm.PARALLEL: _callable(parallel)})
    return Subject(name=label, arms=arms, workers=checked_workers(workers))


def subjects_of_contenders(
    contenders: Mapping[str, Program], baseline: str, label: str, around: Around
) -> list[Subject]:
    """Makes one subject per contender but the baseline, which stands in the place of the sequential program.

    Raises:
        TypeError: If one of them cannot be called.
        ValueError: If there are fewer than two, or *baseline* is none of them.
    """
    if len(contenders) < 2:
        raise ValueError(f"compare needs at least two contenders, got {list(contenders)!r}")
    if baseline not in contenders:
        raise ValueError(f"baseline={baseline!r} is none of the contenders {', '.join(map(repr, contenders))}")
    order = [baseline, *(name for name in contenders if name != baseline)]
    arms = around.arms({name: _callable(contenders[name]) for name in order})
    return [
        Subject(name=f"{label}[{name}]", arms=arms, workers=1, reference=baseline, contender=name, against=baseline)
        for name in order[1:]
    ]


def subjects_of_scaling(
    subject: Operation | Scenario | Callable[..., Any],
    label: str,
    workers: Sequence[int],
    *,
    profile: str,
    context: Mapping[str, Any],
    around: Around,
) -> list[Subject]:
    """Makes one subject per number of workers above one; they share their arms.

    Raises:
        TypeError: If *subject* is neither a graph nor a function of the number of workers.
        ValueError: If *workers* does not hold 1 and another number, each once.
    """
    counts = [checked_workers(each) for each in workers]
    if 1 not in counts or len(counts) < 2 or len(set(counts)) < len(counts):
        raise ValueError(f"workers must hold 1 and at least one more number, each once, got {list(workers)!r}")
    names = {str(count): count for count in sorted(counts)}
    if isinstance(subject, Operation | Scenario):
        whole = _of_graph(subject, label, names, profile=profile, context=context, around=around)
    elif callable(subject):
        arms = around.arms({name: partial(subject, count) for name, count in names.items()})
        whole = Subject(name=label, arms=arms, workers=max(counts))
    else:
        raise TypeError(f"scale takes an operation, a scenario or a function of the number of workers, not {subject!r}")
    return [
        replace(whole, name=f"{label}[{name}]", workers=count, reference="1", contender=name)
        for name, count in names.items()
        if count > 1
    ]


def against_itself(subject: Subject) -> Subject:
    """Returns a subject whose arms are all the program of its contender: the true ratio is 1."""
    same = dict.fromkeys(subject.arms.programs, subject.arms.programs[subject.contender])
    return replace(subject, arms=replace(subject.arms, programs=same), scenario=None, plan=None, runs=None)


def checked_workers(workers: int | None) -> int:
    """Returns *workers*.

    Raises:
        TypeError: If it is missing.
        ValueError: If it is no whole number from 1 up.
    """
    if workers is None:
        raise TypeError("cortex_bench needs workers=, the number of workers that the parallel run may use")
    if type(workers) is not int or workers < 1:  # bool is an int by inheritance only
        raise ValueError(f"workers must be a whole number from 1 up, not {workers!r}")
    return workers


def _callable(program: Program) -> Callable[..., Any]:
    """Returns *program*.

    Raises:
        TypeError: If it cannot be called.
    """
    if not callable(program):
        raise TypeError(f"cortex_bench measures functions that it can call, not {program!r}")
    return program
