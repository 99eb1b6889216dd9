"""``execute_operation``: one call from an operation to its report."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, get_args

from orchestrator.errors import CallError, CycleWarning, OperationInterrupted, OperationTerminated
from orchestrator.graph import Compilation, OnCycle, compile_operation
from orchestrator.operation import Operation
from orchestrator.plan import Plan
from orchestrator.registry import find
from orchestrator.report import Lazily, ModuleResult, OperationExecutionReport, RollbackStatus, Status
from orchestrator.runner import OnFailure, Outcome, Runner
from orchestrator.schedule import SkipReason

_EXIT_SIGTERM = 143  # 128 + 15, what a shell shows for a process that SIGTERM ended


def execute_operation(
    operation: Operation | str,
    *,
    profile: str = "standard",
    max_parallel_workers: int = 4,
    context: Mapping[str, Any] | None = None,
    on_failure: OnFailure = "rollback",
    on_cycle: OnCycle = "fail",
    grace_s: float = 2.0,
) -> OperationExecutionReport:
    """Runs an operation, as parallel as its graph allows.

    What goes wrong in the operation is in the report, also a broken plan; ``report.raise_for_failure()`` raises it.

    Args:
        operation: An operation, or the id of a registered one.
        profile: Which of its modules to run.
        max_parallel_workers: P; the calling thread is one of them, and with 1 the run is sequential.
        context: What every module sees.
        on_failure: After a required module failed, ``"rollback"`` starts nothing more and undoes everything;
            ``"continue"`` first runs what does not depend on the failure; ``"stop"`` undoes nothing.
        on_cycle: ``"fail"`` runs nothing; ``"isolate"`` runs what is neither in nor behind a cycle;
            ``"sequential"`` runs the members of a cycle one at a time in declaration order, with a warning.
        grace_s: Seconds that running modules get to end once the operation is being stopped.

    Raises:
        CallError: If the call is wrong (a ``ValueError``); nothing ran.
        OperationInterrupted: After Ctrl-C and rolling back (a ``KeyboardInterrupt``).
        OperationTerminated: After SIGTERM and rolling back (a ``SystemExit``).
    """
    _check_call(max_parallel_workers, on_failure, grace_s)
    began_s, started_at = time.perf_counter(), datetime.now(UTC)
    found = find(operation)
    compilation = compile_operation(found, profile, on_cycle)
    if compilation.dropped:
        warnings.warn(CycleWarning(_dropped_message(found, compilation)), stacklevel=2)
    runner = Runner(
        compilation.graph,
        workers=max_parallel_workers,
        initial=context or {},
        on_failure=on_failure,
        grace_s=grace_s,
    )
    runner.run()
    report = OperationExecutionReport(
        operation_id=found.id,
        success=not (runner.failed or compilation.problems or compilation.isolated),
        degraded=bool(compilation.dropped),
        workers=max_parallel_workers,
        module_results=Lazily(lambda: _results(compilation, runner)),
        context=MappingProxyType(runner.context),
        errors=(*compilation.problems, *compilation.set_aside, *runner.errors),
        rollback_results=MappingProxyType(
            {compilation.graph.modules[node].id: result for node, result in list(runner.rollbacks.items())}
        ),
        started_at=started_at,
        total_duration_seconds=time.perf_counter() - began_s,
        plan=Plan(found.id, compilation),
    )
    if runner.interrupts.count:
        raise _interruption(runner, report)
    return report


def _check_call(workers: int, on_failure: str, grace_s: float) -> None:
    if type(workers) is not int or workers < 1:  # bool is an int by inheritance only
        raise CallError(f"max_parallel_workers must be a whole number from 1 up, not {workers!r}")
    if on_failure not in get_args(OnFailure):
        raise CallError(f"on_failure={on_failure!r} is unknown. Known values: {', '.join(get_args(OnFailure))}.")
    if not grace_s >= 0:  # so that NaN is refused too
        raise CallError(f"grace_s must be 0 or more seconds, not {grace_s!r}")


def _dropped_message(operation: Operation, compilation: Compilation) -> str:
    edges = ", ".join(f"{module!r} on {dependency!r}" for module, dependency in compilation.dropped)
    return f"operation {operation.id!r} has cycles and runs degraded; dependencies that are not honoured: {edges}"


def _results(compilation: Compilation, runner: Runner) -> dict[str, ModuleResult]:
    """One result per planned module, in the order of the plan."""
    if compilation.problems:
        return {name: _skipped(name, SkipReason.PLAN) for name in compilation.planned}
    results = {name: _skipped(name, SkipReason.CYCLE) for name in compilation.isolated}
    for node, module in enumerate(compilation.graph.modules):
        outcome = runner.outcomes.get(node)
        if outcome is None or outcome.status is Status.SKIPPED:
            reason = runner.schedule.skipped.get(node, SkipReason.CANCELLED)
            results[module.id] = _skipped(module.id, reason)
        else:
            results[module.id] = _result(module.id, outcome, runner.start_ns)
    return {name: results[name] for name in compilation.planned} if compilation.isolated else results


def _skipped(name: str, reason: SkipReason) -> ModuleResult:
    return ModuleResult(id=name, status=Status.SKIPPED, skip_reason=reason)


def _result(name: str, outcome: Outcome, start_ns: int) -> ModuleResult:
    entered_ns = outcome.started_ns
    return ModuleResult(
        id=name,
        status=outcome.status,
        error=outcome.error,
        data=None if outcome.data is None else MappingProxyType(dict(outcome.data)),
        started_s=None if entered_ns is None else (entered_ns - start_ns) / 1e9,
        duration_s=None if entered_ns is None else (outcome.finished_ns - entered_ns) / 1e9,
        worker=None if entered_ns is None else outcome.worker,
    )


def _interruption(runner: Runner, report: OperationExecutionReport) -> BaseException:
    left = _left_undone(report)
    message = f"operation {report.operation_id!r} was interrupted"
    if left:
        message += f"; not rolled back: {', '.join(left)}"
    if runner.interrupts.terminated:
        terminated = OperationTerminated(_EXIT_SIGTERM, report)
        terminated.add_note(message)
        return terminated
    return OperationInterrupted(message, report)


def _left_undone(report: OperationExecutionReport) -> list[str]:
    """Entered modules whose effects may still be there."""
    clean = {RollbackStatus.ROLLED_BACK, RollbackStatus.NOT_DEFINED}
    return [
        name
        for name in report.durations
        if name not in report.rollback_results or report.rollback_results[name].status not in clean
    ]
