"""What became of an operation: one result per planned module, and honest numbers about the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ModuleExit, OperationCancelled, OperationFailed
from orchestrator.schedule import SkipReason

if TYPE_CHECKING:
    from orchestrator.plan import Plan


class Status(StrEnum):
    """How a module ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    SKIPPED = "skipped"


class RollbackStatus(StrEnum):
    """How undoing a module ended."""

    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    UNSAFE = "unsafe"
    NOT_DEFINED = "not_defined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleResult:
    """How one module fared.

    Attributes:
        id: The module.
        status: How it ended.
        skip_reason: Why it did not run; None unless it was skipped.
        error: What it raised; None unless it failed or was cancelled.
        data: What it returned and so committed; None if that was nothing.
        started_s: Seconds from the operation's start; None if it was never entered.
        duration_s: Seconds it ran, for an abandoned module until it was given up; None if it was never entered.
        worker: Number of the worker it ran on, 0 for the calling thread; None if it was never entered.
    """

    id: str
    status: Status
    skip_reason: SkipReason | None = None
    error: BaseException | None = None
    data: Mapping[str, Any] | None = None
    started_s: float | None = None
    duration_s: float | None = None
    worker: int | None = None

    @property
    def finished_s(self) -> float | None:
        """Seconds from the operation's start to this module's end."""
        return None if self.started_s is None or self.duration_s is None else self.started_s + self.duration_s

    def to_dict(self) -> dict[str, Any]:
        """JSON values only: the error as text, the data by its keys."""
        return {
            "id": self.id,
            "status": self.status.value,
            "skip_reason": self.skip_reason and self.skip_reason.value,
            "error": described(self.error),
            "data_keys": sorted(map(str, self.data or ())),
            "started_s": self.started_s,
            "duration_s": self.duration_s,
            "worker": self.worker,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackResult:
    """How undoing one module went.

    Attributes:
        status: How it ended.
        error: What the rollback raised, if it did.
        started_s: Seconds from the operation's start to that of the rollback; None if nothing was called.
        duration_s: Seconds it took; None as *started_s*.
        worker: Number of the worker that did it; None as *started_s*.
    """

    status: RollbackStatus
    error: BaseException | None = None
    # Times tell two equal results apart for no one.
    started_s: float | None = field(default=None, compare=False)
    duration_s: float | None = field(default=None, compare=False)
    worker: int | None = field(default=None, compare=False)


class Lazily(Mapping[str, ModuleResult]):
    """A read-only mapping that is built when it is first read: a run whose results nobody asks for pays nothing.

    Args:
        build: Returns the whole mapping; called once.
    """

    def __init__(self, build: Callable[[], dict[str, ModuleResult]]) -> None:
        self._build = build

    @cached_property
    def _built(self) -> dict[str, ModuleResult]:
        return self._build()

    def __getitem__(self, key: str) -> ModuleResult:
        return self._built[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built)

    def __len__(self) -> int:
        return len(self._built)

    def __repr__(self) -> str:
        return repr(self._built)


@dataclass(frozen=True, kw_only=True)
class OperationExecutionReport:
    """What became of an operation.  Derived numbers are computed when they are first read.

    Attributes:
        operation_id: The operation.
        success: True if no required module failed, nothing was given up, and the plan was sound.
        degraded: True if a cycle was run although its order cannot be honoured.
        workers: P, the most modules that could run at once.
        module_results: Every planned module exactly once, by id, in the order of the plan.
        context: The initial context and everything that was committed.
        errors: What went wrong, in the order it happened: module errors, or the problems of the plan.
        rollback_results: By id, in the order done: every module that was entered, where rolling back was due.
        started_at: When the operation started, with time zone.
        total_duration_seconds: From the call to its end, rollback included.
        plan: The plan that was followed; without modules if the graph was broken.
    """

    operation_id: str
    success: bool
    degraded: bool
    workers: int
    module_results: Mapping[str, ModuleResult]
    context: Mapping[str, Any]
    errors: tuple[BaseException, ...]
    rollback_results: Mapping[str, RollbackResult]
    started_at: datetime
    total_duration_seconds: float
    plan: Plan = field(repr=False)

    def __str__(self) -> str:
        outcome = "succeeded" if self.success else "failed"
        tuples = {"succeeded": self.modules_succeeded, "failed": self.modules_failed, "skipped": self.modules_skipped}
        counts = ", ".join(f"{len(ids)} {what}" for what, ids in tuples.items())
        failed = f"; failed: {', '.join(self.modules_failed)}" if self.modules_failed else ""
        return f"{self.operation_id} {outcome} in {self.total_duration_seconds:.3g} s; modules: {counts}{failed}"

    def _with(self, *statuses: Status) -> tuple[str, ...]:
        return tuple(result.id for result in self.module_results.values() if result.status in statuses)

    @cached_property
    def modules_succeeded(self) -> tuple[str, ...]:
        """Ids of the modules that did their work."""
        return self._with(Status.SUCCEEDED)

    @cached_property
    def modules_failed(self) -> tuple[str, ...]:
        """Ids of the modules that were tried and did not succeed, optional ones too."""
        return self._with(Status.FAILED, Status.CANCELLED, Status.ABANDONED)

    @cached_property
    def modules_skipped(self) -> tuple[str, ...]:
        """Ids of the modules that never ran."""
        return self._with(Status.SKIPPED)

    @cached_property
    def parallel_groups_count(self) -> int:
        """Groups of the plan: modules of equal depth within a phase."""
        return len(self.plan.groups)

    @cached_property
    def parallel_execution_count(self) -> int:
        """Modules in groups of two or more."""
        return sum(len(group) for group in self.plan.groups if len(group) > 1)

    @cached_property
    def durations(self) -> Mapping[str, float]:
        """Seconds per module that was entered."""
        return MappingProxyType(
            {name: result.duration_s for name, result in self.module_results.items() if result.duration_s is not None}
        )

    @cached_property
    def work_s(self) -> float:
        """T1: the sum of all module durations."""
        return sum(self.durations.values(), 0.0)

    @cached_property
    def makespan_s(self) -> float:
        """T_P: from the first start to the last finish."""
        spans = self._spans
        return max(end for _start, end in spans) - min(start for start, _end in spans) if spans else 0.0

    @cached_property
    def span_s(self) -> float:
        """T∞: the length of the critical path."""
        return self.plan.span_s(self.durations)

    @cached_property
    def bound_s(self) -> float:
        """max(T1 / P, T∞): no schedule could have been shorter."""
        return self.plan.bound_s(self.durations, self.workers)

    @cached_property
    def critical_path(self) -> tuple[str, ...]:
        """Ids along the longest dependency chain in time."""
        return self.plan.critical_path(self.durations)

    @cached_property
    def quality(self) -> float:
        """Schedule quality, bound / makespan: 1 is a perfect schedule; 1 for no modules."""
        return min(1.0, self.bound_s / self.makespan_s) if self.makespan_s else 1.0

    @cached_property
    def time_saved_seconds(self) -> float:
        """Work − makespan, never negative.

        An estimate: modules that run beside each other may each take longer than alone.  Only a measured
        sequential run gives a speedup.
        """
        return max(0.0, self.work_s - self.makespan_s)

    @cached_property
    def average_concurrency(self) -> float:
        """Work / makespan: how many modules were running on average, which is not a speedup."""
        return self.work_s / self.makespan_s if self.makespan_s else 0.0

    @cached_property
    def peak_concurrency(self) -> int:
        """The most modules that were running at one moment."""
        changes = sorted(change for start, end in self._spans for change in ((start, 1), (end, -1)))
        running = peak = 0
        for _time, change in changes:
            running += change
            peak = max(peak, running)
        return peak

    @cached_property
    def _spans(self) -> list[tuple[float, float]]:
        results = self.module_results.values()
        return [(r.started_s, r.finished_s) for r in results if r.started_s is not None and r.finished_s is not None]

    def raise_for_failure(self) -> None:
        """Does nothing after a success.

        Raises:
            OperationFailed: With all errors, the original one first.
        """
        if not self.success:
            culprits = ", ".join(self.modules_failed) or ("its modules did not" if self.durations else "nothing ran")
            reason = f"operation {self.operation_id!r} failed: {culprits}"
            names = {id(result.error): name for name, result in self.module_results.items()}
            errors = [_as_exception(error, names.get(id(error), "")) for error in self.errors]
            raise OperationFailed(reason, errors or [OperationCancelled("the operation was stopped before its end")])

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values; context values are left out, since they may be anything."""
        return {
            "operation_id": self.operation_id,
            "success": self.success,
            "degraded": self.degraded,
            "workers": self.workers,
            "module_results": [result.to_dict() for result in self.module_results.values()],
            "context_keys": sorted(map(str, self.context)),
            "errors": [described(error) for error in self.errors],
            "rollback_results": [
                {
                    "id": name,
                    "status": result.status.value,
                    "error": described(result.error),
                    "started_s": result.started_s,
                    "duration_s": result.duration_s,
                    "worker": result.worker,
                }
                for name, result in self.rollback_results.items()
            ],
            "started_at": self.started_at.isoformat(),
            "total_duration_seconds": self.total_duration_seconds,
            "parallel_groups_count": self.parallel_groups_count,
            "parallel_execution_count": self.parallel_execution_count,
            "time_saved_seconds": self.time_saved_seconds,
            "work_s": self.work_s,
            "makespan_s": self.makespan_s,
            "span_s": self.span_s,
            "bound_s": self.bound_s,
            "quality": self.quality,
            "average_concurrency": self.average_concurrency,
            "peak_concurrency": self.peak_concurrency,
            "critical_path": list(self.critical_path),
        }


def described(error: BaseException | None) -> str | None:
    """Returns an error as text; None for none."""
    if error is None:
        return None
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - somebody's own __str__; the report has to come out
        return f"{type(error).__name__}: (its text could not be made)"


def _as_exception(error: BaseException, module_id: str) -> Exception:
    """An exception group of errors holds no ``SystemExit``; it is wrapped, with the original as its cause."""
    if isinstance(error, Exception):
        return error
    wrapped = ModuleExit(module_id, repr(error))
    wrapped.__cause__ = error
    return wrapped
