"""What one run of an operation looked like from inside: when each module ran, where, and what it waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleTrace:
    """One module in one run.

    Attributes:
        started_s: Seconds from the operation's start.
        duration_s: Wall seconds it ran.
        worker: Number of the worker it ran on, 0 for the calling thread.
        cpu_s: CPU seconds of its thread meanwhile; None if unknown.
        delay_s: Seconds its thread was ready to run and had no CPU; None if the system does not say.
    """

    started_s: float
    duration_s: float
    worker: int
    cpu_s: float | None = None
    delay_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """One run of an operation.

    Attributes:
        workers: P, the workers it was allowed.
        seconds: Wall seconds of the whole run, from the call to its report.
        modules: By id, every module that ran.
    """

    workers: int
    seconds: float
    modules: Mapping[str, ModuleTrace]


def typical(runs: Sequence[RunTrace]) -> RunTrace | None:
    """Returns the run of median length, the first of two; None if there was none.

    A timeline of medians would show a run that never was: its modules would overlap on one worker.
    """
    ordered = sorted(runs, key=lambda run: run.seconds)
    return ordered[(len(ordered) - 1) // 2] if ordered else None
