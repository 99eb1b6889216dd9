"""What clock, sleeps and threads are good for, by clocks that the tests move."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain, count, cycle, repeat

import pytest

from pytest_cortex.measuring.probes import Probes, clock_step, probe, sleep_overshoots, thread_cost


class Clock:
    """Moves by itself whenever it is read, and when somebody sleeps."""

    def __init__(self, step_ns: int = 0) -> None:
        self.now_ns = 0
        self._step_ns = step_ns

    def __call__(self) -> int:
        self.now_ns += self._step_ns
        return self.now_ns

    def sleep(self, extra_s: float) -> Callable[[float], None]:
        def sleep(seconds: float) -> None:
            self.now_ns += round((seconds + extra_s) * 1e9)

        return sleep


def test_step_of_a_clock_is_the_smallest_it_makes() -> None:
    assert clock_step(chain([0, 300, 600, 900, 900, 1000], count(2000, 500)).__next__) == pytest.approx(1e-7)


def test_step_of_a_coarse_clock_is_waited_for() -> None:
    """Thousands of reads may show the same time, as on an old Windows."""
    reads = (tick * 15_000_000 for tick in count() for _ in range(5000))
    assert clock_step(reads.__next__) == pytest.approx(0.015)


def test_clock_that_stands_still_has_no_step() -> None:
    assert clock_step(repeat(7).__next__) is None


def test_sleeps_are_measured_against_what_was_asked_for() -> None:
    clock = Clock()
    assert sleep_overshoots(clock.sleep(0.00025), clock) == pytest.approx([0.00025] * 20)


def test_thread_costs_what_the_clock_says() -> None:
    assert thread_cost(Clock(step_ns=30_000)) == pytest.approx(3e-5)


def test_thread_cost_is_a_median_that_one_odd_thread_does_not_move() -> None:
    steps = cycle([1_000, 1_000, 1_000, 1_000, 1_000, 9_000_000])
    now = iter(_sums(steps))
    assert thread_cost(now.__next__) == pytest.approx(1e-6)


def _sums(steps: cycle[int]) -> list[int]:
    times, now = [], 0
    for _ in range(200):
        now += next(steps)
        times.append(now)
    return times


def test_everything_is_measured_here_and_makes_sense() -> None:
    found = probe()
    assert isinstance(found, Probes)
    assert found.clock_step_s is not None
    assert 0 < found.clock_step_s < 1
    assert found.sleep_overshoot_s <= found.worst_sleep_overshoot_s
    assert 0 < found.thread_s < math.inf
