"""Programs for the tests inside these tests, copied beside them.

They move a clock of their own, so that verdicts come at once and are exact.  Only the tests in
``test_real_time.py`` and those of scenarios wait for real.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from pytest_cortex.bench import allowance
from pytest_cortex.measuring import rounds


class Clock:
    """Stands in for the ``time`` module where rounds are timed."""

    def __init__(self) -> None:
        self._now_ns = 0

    def perf_counter_ns(self) -> int:
        return self._now_ns

    def process_time_ns(self) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def spend(self, ms: int) -> None:
        self._now_ns += ms * 1_000_000


CLOCK: Any = Clock()
rounds.time = CLOCK  # type: ignore[attr-defined]  # what a module imports is not its interface, but here it is the seam
allowance.time = CLOCK  # type: ignore[attr-defined]  # the same


def taking(*ms: int) -> Callable[[], None]:
    """Makes a program that takes these times in turn, again and again."""
    times = cycle(ms)

    def program() -> None:
        CLOCK.spend(next(times))

    return program


serial = taking(8)
healthy = taking(2)
locked = taking(9)
unsteady = taking(2, 10)


def note(word: str) -> None:
    """Appends *word* and the process id to a file, from whatever process."""
    with Path("notes.txt").open("a", encoding="utf-8") as file:
        file.write(f"{word} {os.getpid()}\n")
