"""A report as Chrome trace events: what ran where and when, what waited for what, and what was rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from orchestrator.report import RollbackStatus, Status, described

if TYPE_CHECKING:
    from orchestrator.report import ModuleResult, OperationExecutionReport, RollbackResult

Event: TypeAlias = dict[str, Any]

_ORDINARY = {Status.SUCCEEDED, RollbackStatus.ROLLED_BACK}
_PROCESS = 1
_FIRST_THREAD = 2  # viewers take thread 0 for the idle one, and the one with its process's number for the main one


class _Span(NamedTuple):
    """When and where something ran, in whole nanoseconds: what does not overlap in seconds does not in these."""

    start_ns: int
    end_ns: int
    thread: int


def trace_events(report: OperationExecutionReport) -> list[Event]:
    """Returns *report* as Chrome trace events, for Perfetto (https://ui.perfetto.dev), speedscope or ``chrome://tracing``.

    The operation is a process and each worker a thread, worker 0 being the calling one; phases have a track of their
    own.  Arrows lead from a module to those that waited for it.  What was rolled back stands on the track of whoever
    did it.  A module that failed says why in its ``args``, and how undoing it went.  What never ran is left out.

    To have a file that the viewers open::

        Path("trace.json").write_text(json.dumps({"traceEvents": trace_events(report)}))

    Args:
        report: Of a run that ended, well or not.

    Returns:
        JSON values; ``ts`` and ``dur`` are microseconds from the operation's start.
    """
    ran, undone = _spans(report.module_results), _spans(report.rollback_results)
    threads = sorted({span.thread for span in [*ran.values(), *undone.values()]})
    return [
        _named("process_name", report.operation_id, _FIRST_THREAD),
        *(_named("thread_name", _thread_name(thread), thread) for thread in threads),
        *(_bar(name, "module", span, _module_details(report, name)) for name, span in ran.items()),
        *(
            _bar(f"roll back {name}", "rollback", span, _details(report.rollback_results[name]))
            for name, span in undone.items()
        ),
        *_arrows(report, ran),
        *_phases(report, ran, _FIRST_THREAD + report.workers),
    ]


def _spans(results: Mapping[str, ModuleResult] | Mapping[str, RollbackResult]) -> dict[str, _Span]:
    """When and where each of *results* came about, of those that did."""
    spans = {}
    for name, each in results.items():
        if each.started_s is not None and each.duration_s is not None and each.worker is not None:
            end_s = each.started_s + each.duration_s
            spans[name] = _Span(round(each.started_s * 1e9), round(end_s * 1e9), _FIRST_THREAD + each.worker)
    return spans


def _thread_name(thread: int) -> str:
    return f"worker {thread - _FIRST_THREAD}{' (calling thread)' if thread == _FIRST_THREAD else ''}"


def _module_details(report: OperationExecutionReport, name: str) -> Event:
    undone = report.rollback_results.get(name)
    rollback = {} if undone is None else {"rollback": undone.status.value}
    return _details(report.module_results[name]) | rollback


def _details(result: ModuleResult | RollbackResult) -> Event:
    """What is out of the ordinary; viewers show it behind the name, so what always holds would be in the way."""
    error = described(result.error)
    status = {} if result.status in _ORDINARY else {"status": result.status.value}
    return status | ({} if error is None else {"error": error})


def _arrows(report: OperationExecutionReport, ran: Mapping[str, _Span]) -> Iterator[Event]:
    """Both ends of an arrow lie inside their bars: on the very edge a viewer may find none, and then draws nothing."""
    edges = ((name, each) for name, dependencies in report.plan.dependencies.items() for each in dependencies)
    known = ((ran[dependency], ran[name]) for name, dependency in edges if name in ran and dependency in ran)
    for number, (before, after) in enumerate(known, start=1):
        same: Event = {"name": "dependency", "cat": "dependency", "id": number, "pid": _PROCESS}
        leaves_ns = max(before.start_ns, before.end_ns - 1)
        arrives_ns = max(after.start_ns, min(after.start_ns + 1, after.end_ns - 1))
        yield {"ph": "s", "ts": leaves_ns / 1e3, "tid": before.thread, **same}
        yield {"ph": "f", "bp": "e", "ts": arrives_ns / 1e3, "tid": after.thread, **same}


def _phases(report: OperationExecutionReport, ran: Mapping[str, _Span], thread: int) -> Iterator[Event]:
    """Each phase from the first start to the last end of its modules."""
    by_phase: dict[str, list[_Span]] = {}
    for name, phase in report.plan.phases.items():
        if name in ran:
            by_phase.setdefault(phase.name, []).append(ran[name])
    if by_phase:
        yield _named("thread_name", "phases", thread)
    for phase_name, spans in by_phase.items():
        whole = _Span(min(each.start_ns for each in spans), max(each.end_ns for each in spans), thread)
        yield _bar(phase_name, "phase", whole, {"modules": len(spans)})


def _bar(name: str, category: str, span: _Span, details: Event) -> Event:
    times = {"ts": span.start_ns / 1e3, "dur": (span.end_ns - span.start_ns) / 1e3}  # microseconds
    where = {"pid": _PROCESS, "tid": span.thread}
    return {"ph": "X", "name": name, "cat": category, **times, **where, **({"args": details} if details else {})}


def _named(what: str, name: str, thread: int) -> Event:
    return {"ph": "M", "name": what, "ts": 0, "pid": _PROCESS, "tid": thread, "args": {"name": name}}
