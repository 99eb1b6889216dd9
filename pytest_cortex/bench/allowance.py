"""How long the bench has taken, and how much of its time budget a measurement may still use.

What is left is shared among the tests still to come, and a measurement's part is known before its first round, so that
its horizon is fixed by then.  Running out of time in the middle of it leaves the error rate alone as well: it can only
keep a verdict from falling.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Self

_OPTION = "--cortex-total-budget"


class Stopwatch:
    """Adds up how long it ran, as a context manager; entered again while it runs, it just runs on."""

    def __init__(self) -> None:
        self._entered = 0
        self._started_ns = 0
        self._total_ns = 0

    def __enter__(self) -> Self:
        if not self._entered:
            self._started_ns = time.perf_counter_ns()
        self._entered += 1
        return self

    def __exit__(self, *_error: object) -> None:
        self._entered -= 1
        if not self._entered:
            self._total_ns += time.perf_counter_ns() - self._started_ns

    @property
    def seconds(self) -> float:
        """So far, the stretch that it is running now included."""
        running_ns = time.perf_counter_ns() - self._started_ns if self._entered else 0
        return (self._total_ns + running_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one test may use of the time budget of the whole bench.

    Attributes:
        total_s: The budget; None without one.
        bench: Runs as long as bench tests do.
        to_come: Bench tests that have not ended, this one among them.
    """

    total_s: float | None = None
    bench: Stopwatch = field(default_factory=Stopwatch)
    to_come: int = 1

    @property
    def left_s(self) -> float:
        """What all tests together may still take."""
        return math.inf if self.total_s is None else max(0.0, self.total_s - self.bench.seconds)

    @property
    def share_s(self) -> float:
        """What the next measurement may take, if the others are to get as much."""
        return self.left_s / self.to_come

    @property
    def spent(self) -> str | None:
        """That nothing is left, in words; None while something is."""
        return None if self.left_s else f"the bench's time budget of {self.total_s:g} s is spent ({_OPTION})"

    def too_little_for(self, rounds: int, round_s: float) -> str | None:
        """That so many *rounds* of *round_s* seconds take longer than what is left, in words; None if they do not."""
        if rounds * round_s <= self.left_s:
            return None
        return (
            f"{self.left_s:.2g} s are left of the bench's time budget of {self.total_s:g} s, and {rounds} rounds, the "
            f"fewest that make sense, take {rounds * round_s:.2g} s ({_OPTION})"
        )
