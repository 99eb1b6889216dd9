"""Watching an operation from inside: what its modules took of the CPU, and how long they waited for one.

A traced operation runs the very modules of the original; only ``run`` is read off two counters before and after.  The
kernel keeps both per thread: CPU time, and run delay, the time the thread was ready to run and had no CPU.  The kernel
adds a wait to the delay when it ends, so that a thread that reads its own counter reads all of it.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Any, NamedTuple

from orchestrator import Module, ModuleContext, Operation, OperationExecutionReport
from orchestrator.module import Data, Run
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace

SHORTEST_MEAN_S = 1e-3
"""Seconds that modules must take on average to be traced, so that tracing one, under 15 µs, takes less than 2 %."""

_SCHEDSTAT = "/proc/thread-self/schedstat"


def worth_tracing(report: OperationExecutionReport) -> bool:
    """True if the modules that ran took long enough, on average, for tracing to cost less than 2 % of their time."""
    durations = report.durations
    return bool(durations) and report.work_s / len(durations) >= SHORTEST_MEAN_S


class Tracer:
    """Makes an operation's twin that notes what each of its modules took.

    One run at a time: a second one overwrites the notes of the first.

    Args:
        operation: What to watch; it stays as it is.

    Attributes:
        operation: The twin, to be run instead.
    """

    def __init__(self, operation: Operation) -> None:
        self._taken: dict[str, _Reading] = {}
        clocks = _ThreadClocks()
        self.operation = Operation(
            operation.id,
            [_TracedModule(each, _watched(each, clocks, self._taken)) for each in operation.modules],
            profiles=operation.profiles,
        )

    def trace(self, report: OperationExecutionReport, seconds: float) -> RunTrace:
        """Returns what the run was like that *report* is about, and forgets its notes.

        Args:
            report: Of the twin's latest run.
            seconds: What the run took as a whole, by the clock of whoever started it.
        """
        taken = dict(self._taken)
        self._taken.clear()
        modules = {}
        for result in report.module_results.values():
            if result.started_s is not None and result.duration_s is not None and result.worker is not None:
                reading = taken.get(result.id, _UNKNOWN)
                modules[result.id] = ModuleTrace(
                    started_s=result.started_s,
                    duration_s=result.duration_s,
                    worker=result.worker,
                    cpu_s=_seconds(reading.cpu_ns),
                    delay_s=_seconds(reading.delay_ns),
                )
        return RunTrace(workers=report.workers, seconds=seconds, modules=modules)


class _Reading(NamedTuple):
    """The counters of one thread, or the difference of two readings."""

    cpu_ns: int | None
    delay_ns: int | None


_UNKNOWN = _Reading(None, None)  # of a module that was given up before it ended


class _TracedModule(Module):
    """Stands for *original* in every respect, also in those that ``Module`` may gain; only ``run`` is watched.

    A copy would not do: what a user's subclass keeps on ``self`` in ``run`` it wants to find in ``rollback``, and
    ``@original.rollback`` may come after the tracer.
    """

    def __init__(self, original: Module, run: Run) -> None:
        self.original = original
        self.run = run  # type: ignore[method-assign, assignment]  # what is traced shadows the method on purpose

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        return own["run"] if name == "run" else getattr(own["original"], name)

    def __repr__(self) -> str:  # looked up on the type, past __getattribute__
        return repr(object.__getattribute__(self, "original"))


def _watched(original: Module, clocks: _ThreadClocks, taken: dict[str, _Reading]) -> Run:
    """Returns what runs *original* and notes in *taken* how far the clocks of its thread went meanwhile."""

    def run(context: ModuleContext) -> Data:
        __tracebackhide__ = True
        before = clocks.read()
        try:
            return original.run(context)
        finally:
            taken[original.id] = _Reading(*map(_difference, before, clocks.read()))

    return run


class _ThreadClocks(threading.local):
    """The counters of whichever thread reads them."""

    def __init__(self) -> None:  # once per thread
        self._schedstat = _Schedstat(_SCHEDSTAT)

    def read(self) -> _Reading:
        return _Reading(time.thread_time_ns(), self._schedstat.delay_ns())


class _Schedstat:
    """An open ``schedstat`` of the thread that made it: opening anew would take longer than all the rest."""

    def __init__(self, path: str) -> None:
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError:  # not Linux, or not allowed
            return
        weakref.finalize(self, os.close, self._file)  # when the thread ends

    def delay_ns(self) -> int | None:
        """Nanoseconds waited so far; None where nobody counts, which a kernel built so shows as no turn ever had."""
        if self._file is None:
            return None
        _cpu_ns, delay_ns, turns = os.pread(self._file, 80, 0).split()
        return int(delay_ns) if turns != b"0" else None


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
