"""What this machine's clock, its sleeps and its threads are good for: measured, in a few hundredths of a second."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_READS = 1_000_000
_STEPS = 100
_NAPS = 20
_NAP_S = 0.001
_THREADS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What was found.

    Attributes:
        clock_step_s: The smallest step in which the clock was seen to move; None if it stood still.
        sleep_overshoot_s: By how much a sleep of a millisecond lasts longer, as a rule …
        worst_sleep_overshoot_s: … and at worst, of twenty.
        thread_s: What it takes to start a thread and to wait for its end, as a rule.
    """

    clock_step_s: float | None
    sleep_overshoot_s: float
    worst_sleep_overshoot_s: float
    thread_s: float


def probe() -> Probes:
    """Measures all of it."""
    overshoots = sleep_overshoots()
    return Probes(
        clock_step_s=clock_step(),
        sleep_overshoot_s=statistics.median(overshoots),
        worst_sleep_overshoot_s=max(overshoots),
        thread_s=thread_cost(),
    )


def clock_step(clock_ns: Callable[[], int] = time.perf_counter_ns) -> float | None:
    """Returns the smallest step, in seconds, in which the clock moves; None if it stands still.

    Args:
        clock_ns: The clock that times the rounds.
    """
    steps: list[int] = []
    before_ns = clock_ns()
    for _ in range(_MOST_READS):
        now_ns = clock_ns()
        if now_ns > before_ns:
            steps.append(now_ns - before_ns)
            if len(steps) == _STEPS:
                break
        before_ns = now_ns
    return min(steps) / 1e9 if steps else None


def sleep_overshoots(
    sleep: Callable[[float], None] = time.sleep, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> list[float]:
    """Returns by how many seconds sleeps of a millisecond last longer.

    Args:
        sleep: Waits for so many seconds.
        clock_ns: The clock.
    """

    def overshoot() -> float:
        started_ns = clock_ns()
        sleep(_NAP_S)
        return (clock_ns() - started_ns) / 1e9 - _NAP_S

    return [overshoot() for _ in range(_NAPS)]


def thread_cost(clock_ns: Callable[[], int] = time.perf_counter_ns) -> float:
    """Returns the seconds it takes to start a thread that does nothing, and to wait for its end.

    Args:
        clock_ns: The clock.
    """

    def cost() -> float:
        started_ns = clock_ns()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        return (clock_ns() - started_ns) / 1e9

    return statistics.median(cost() for _ in range(_THREADS))
