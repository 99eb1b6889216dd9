"""The time of the bench: what it took, and what is left of its budget for the tests still to come."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.bench import allowance as module
from pytest_cortex.bench.allowance import Allowance, Stopwatch


class Clock:
    """Stands in for the ``time`` module."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock.advance


def ran(advance: Callable[[float], None], seconds: float) -> Stopwatch:
    with Stopwatch() as stopwatch:
        advance(seconds)
    return stopwatch


# The stopwatch --------------------------------------------------------------------------------------------------------


def test_stopwatch_that_never_ran_shows_nothing() -> None:
    assert Stopwatch().seconds == 0.0


def test_stopwatch_adds_up_its_stretches_and_not_what_lies_between(advance: Callable[[float], None]) -> None:
    stopwatch = ran(advance, 2.0)
    advance(100.0)
    with stopwatch:
        advance(1.5)
        assert stopwatch.seconds == 3.5
    advance(100.0)
    assert stopwatch.seconds == 3.5


def test_stopwatch_entered_twice_runs_until_it_is_left_twice(advance: Callable[[float], None]) -> None:
    stopwatch = Stopwatch()
    with stopwatch:
        with stopwatch:
            advance(1.0)
        advance(1.0)
    advance(1.0)
    assert stopwatch.seconds == 2.0


def test_stopwatch_stops_when_an_error_leaves_it(advance: Callable[[float], None]) -> None:
    stopwatch = Stopwatch()

    def fail() -> None:
        with stopwatch:
            advance(1.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    advance(1.0)
    assert stopwatch.seconds == 1.0


# The allowance --------------------------------------------------------------------------------------------------------


def test_without_a_budget_nothing_is_ever_spent(advance: Callable[[float], None]) -> None:
    allowance = Allowance(bench=ran(advance, 1e9), to_come=3)
    assert allowance.left_s == allowance.share_s == math.inf
    assert allowance.spent is None
    assert allowance.too_little_for(10**9, 1e9) is None


def test_what_is_left_is_shared_among_the_tests_to_come(advance: Callable[[float], None]) -> None:
    allowance = Allowance(total_s=60.0, bench=ran(advance, 20.0), to_come=4)
    assert (allowance.left_s, allowance.share_s, allowance.spent) == (40.0, 10.0, None)


@given(spent_s=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_budget_is_never_exceeded_by_measurements_that_keep_to_their_share(spent_s: list[float]) -> None:
    """Each uses some part of its share; whoever comes later gets what was spared."""
    clock, stopwatch = Clock(), Stopwatch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", clock)
        shares = []
        for place, part in enumerate(spent_s):
            share_s = Allowance(total_s=60.0, bench=stopwatch, to_come=len(spent_s) - place).share_s
            shares.append(share_s)
            with stopwatch:
                clock.advance(part * share_s)
    assert stopwatch.seconds <= 60.0 + 1e-6
    assert all(later >= sooner - 1e-6 for sooner, later in pairwise(shares))


@pytest.mark.parametrize("took_s", [60.0, 75.0])
def test_spent_budget_says_so(advance: Callable[[float], None], took_s: float) -> None:
    allowance = Allowance(total_s=60.0, bench=ran(advance, took_s), to_come=1)
    assert allowance.left_s == 0.0
    assert allowance.spent == "the bench's time budget of 60 s is spent (--cortex-total-budget)"


def test_budget_too_small_for_a_verdict_says_by_how_much(advance: Callable[[float], None]) -> None:
    allowance = Allowance(total_s=60.0, bench=ran(advance, 55.0))
    assert allowance.too_little_for(16, 0.3) is None
    assert allowance.too_little_for(16, 0.5) == (
        "5 s are left of the bench's time budget of 60 s, and 16 rounds, the fewest that make sense, take 8 s "
        "(--cortex-total-budget)"
    )
