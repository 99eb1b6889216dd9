"""``trace.json``: the timelines as Chrome trace events, to be opened in Perfetto, in speedscope or in ``chrome://tracing``.

The viewers ask for more than the format says.  speedscope refuses a file in which any event has no time.  Perfetto
takes thread 0 for the idle one, and a number for one thread, whatever its process.  An arrow is drawn only between two
points that both lie inside a bar.

The orchestrator has a function of the same kind for its own reports, which know more than a record: how modules ended
and what was rolled back.  The two share nothing, because neither package may import the other's room.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_cortex.reporting.rows import labels_of
from pytest_cortex.wording import PHASES, finite, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_cortex.record import MeasurementRecord, SessionRecord

Event: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One module on its track, in whole nanoseconds: what does not overlap in seconds does not in these."""

    module: str
    worker: int
    start_ns: int
    end_ns: int


def encode(session: SessionRecord) -> bytes:
    """Returns the bytes of ``trace.json``: one event per line."""
    head = json.dumps({"displayTimeUnit": "ms", "otherData": {"created_at": session.created_at}})
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in trace_events(session))
    return f'{head[:-1]}, "traceEvents": [\n{lines}\n]}}\n'.encode()


def trace_events(session: SessionRecord) -> Iterator[Event]:
    """Yields the events of every measurement seen from inside: it is a process, and each of its workers a thread."""
    threads, arrows = count(1), count(1)
    for process, (label, one) in enumerate(zip(labels_of(session), session.measurements, strict=True), start=1):
        bars = _bars(one)
        if bars:
            thread_of = {worker: next(threads) for worker in sorted({bar.worker for bar in bars})}
            name = f"{label}, {plural(one.workers, 'worker')}"
            yield _named("process_name", name, pid=process, tid=min(thread_of.values()))
            yield from _work(one, bars, process, thread_of, arrows)
            yield from _phases(one, bars, process, next(threads))


def _bars(one: MeasurementRecord) -> list[_Bar]:
    return [
        _Bar(
            module=span.module,
            worker=span.worker,
            start_ns=round(span.started_s * 1e9),
            end_ns=round((span.started_s + span.duration_s) * 1e9),
        )
        for span in one.timeline
        if finite(span.started_s) is not None and finite(span.duration_s) is not None
    ]


def _work(
    one: MeasurementRecord, bars: list[_Bar], process: int, thread_of: Mapping[int, int], arrows: Iterator[int]
) -> Iterator[Event]:
    """A track per worker, and arrows from each module to those that waited for it."""
    for worker, thread in thread_of.items():
        caller = " (calling thread)" if worker == 0 else ""
        yield _named("thread_name", f"worker {worker}{caller}", pid=process, tid=thread)
    critical = set(one.critical_path)
    by_module = {bar.module: bar for bar in bars}
    for bar in bars:
        found = {"critical_path": True} if bar.module in critical else {}
        yield _bar(bar.module, "module", bar.start_ns, bar.end_ns, pid=process, tid=thread_of[bar.worker], args=found)
    for module, dependency in one.dependencies:
        if module in by_module and dependency in by_module:
            before, after = by_module[dependency], by_module[module]
            where = {"pid": process, "name": "dependency", "cat": "dependency", "id": next(arrows)}
            leaves_ns = max(before.start_ns, before.end_ns - 1)
            arrives_ns = min(after.start_ns + 1, max(after.start_ns, after.end_ns - 1))
            yield {"ph": "s", "ts": leaves_ns / 1e3, "tid": thread_of[before.worker], **where}
            yield {"ph": "f", "bp": "e", "ts": arrives_ns / 1e3, "tid": thread_of[after.worker], **where}


def _phases(one: MeasurementRecord, bars: list[_Bar], process: int, thread: int) -> Iterator[Event]:
    """A track of the phases, each from its first start to its last end."""
    by_phase: dict[int, list[_Bar]] = {}
    for bar in bars:
        if bar.module in one.phases:
            by_phase.setdefault(one.phases[bar.module], []).append(bar)
    if by_phase:
        yield _named("thread_name", "phases", pid=process, tid=thread)
    for place, of_phase in sorted(by_phase.items()):
        name = PHASES[place] if place < len(PHASES) else f"phase {place}"
        start_ns, end_ns = min(bar.start_ns for bar in of_phase), max(bar.end_ns for bar in of_phase)
        modules = {"modules": len(of_phase)}
        yield _bar(name, "phase", start_ns, end_ns, pid=process, tid=thread, args=modules)


def _bar(name: str, category: str, start_ns: int, end_ns: int, *, pid: int, tid: int, args: Event) -> Event:
    times = {"ts": start_ns / 1e3, "dur": (end_ns - start_ns) / 1e3}  # microseconds
    details = {"args": args} if args else {}  # speedscope shows them behind the name, also where there are none
    return {"ph": "X", "name": name, "cat": category, **times, "pid": pid, "tid": tid, **details}


def _named(what: str, name: str, **where: int) -> Event:
    return {"ph": "M", "name": what, "ts": 0, **where, "args": {"name": name}}
