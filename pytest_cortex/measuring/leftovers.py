"""Threads and child processes that an arm leaves behind, run by run.

A pool that is made once and kept is nobody's mistake.  One that every run makes anew and none shuts down is: the runs
to come pay for it, and so does the program it was copied from.  So one look is taken after each run, and what most of
the runs of an arm have left is complained of, once it has had time to go.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple
from weakref import WeakKeyDictionary

from pytest_cortex.measuring.children import child_processes, descriptions
from pytest_cortex.measuring.stacks import OUR_THREADS
from pytest_cortex.wording import listed, plural

GRACE_S = 0.5
_LOOK_EVERY_S = 0.02
_FEWEST_RUNS = 3
_MOST_OF_THEM = 0.5


class _Origin(NamedTuple):
    """The run after which something was first seen."""

    arm: str
    run: int


class Leftovers:
    """What the runs of a measurement have left.

    Args:
        children: Tells the child processes that there are.
        grace_s: How long what is still there may take to go; by default ``GRACE_S``.
    """

    def __init__(
        self, *, children: Callable[[], Collection[int]] = child_processes, grace_s: float | None = None
    ) -> None:
        self._children = children
        self._grace_s = GRACE_S if grace_s is None else grace_s
        self._runs: Counter[str] = Counter()
        self._threads: WeakKeyDictionary[threading.Thread, _Origin | None] = WeakKeyDictionary()
        self._processes: dict[int, _Origin | None] = {}
        self._look(None)

    def look(self, arm: str) -> None:
        """Notes what is there after a run of *arm* that was not there before."""
        self._runs[arm] += 1
        self._look(_Origin(arm, self._runs[arm]))

    def _look(self, origin: _Origin | None) -> None:
        for thread in threading.enumerate():
            if thread not in self._threads and not thread.name.startswith(OUR_THREADS):
                self._threads[thread] = origin
        self._processes = {pid: self._processes.get(pid, origin) for pid in self._children()}

    def complaints(self, arms: Collection[str]) -> tuple[str, ...]:
        """Returns a sentence for each of *arms* that leaves threads behind, and for each that leaves processes."""
        deadline_s = time.monotonic() + self._grace_s
        while (found := self._complaints(arms)) and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)
        return found

    def _complaints(self, arms: Collection[str]) -> tuple[str, ...]:
        return tuple(
            sentence
            for arm in arms
            for sentence in (
                self._complaint(arm, "threads", self._threads_of(arm)),
                self._complaint(arm, "child processes", self._processes_of(arm)),
            )
            if sentence
        )

    def _threads_of(self, arm: str) -> list[tuple[str, int]]:
        """Name and run of every thread that is left."""
        return [
            (thread.name, origin.run)
            for thread, origin in list(self._threads.items())
            if origin is not None and origin.arm == arm and thread.is_alive()
        ]

    def _processes_of(self, arm: str) -> list[tuple[str, int]]:
        """The same of child processes; only if there are many, they are looked at one by one, which takes its time."""
        there = self._children()
        runs = {
            pid: origin.run
            for pid, origin in self._processes.items()
            if origin is not None and origin.arm == arm and pid in there
        }
        if not self._is_growing(arm, runs.values()):
            return []
        return [(text, runs[pid]) for pid, text in descriptions(runs).items()]

    def _is_growing(self, arm: str, runs: Collection[int]) -> bool:
        """True if most runs of *arm* are among *runs*, which have left something."""
        return len(set(runs)) >= max(_FEWEST_RUNS, _MOST_OF_THEM * self._runs[arm])

    def _complaint(self, arm: str, kind: str, left: list[tuple[str, int]]) -> str:
        if not self._is_growing(arm, [run for _name, run in left]):
            return ""
        return (
            f"the {arm} arm leaves {kind} behind, {len(left)} after {plural(self._runs[arm], 'run')}: "
            f"{listed([name for name, _run in left])}; shut down what a run starts, or start it once and keep it"
        )
