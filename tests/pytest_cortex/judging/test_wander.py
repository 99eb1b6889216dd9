"""What dependent rounds can reach: laws of shape, order and scale; rates are in ``test_gate_rates``."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.judging.wander import Reach, reach

logs_drawn = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=60)


def width(logs: Sequence[float], *, horizon: int = 60) -> float:
    found = reach(logs, horizon=horizon)
    return found.high - found.low


def test_reach_when_all_rounds_are_equal_is_that_value() -> None:
    assert reach([0.3] * 12, horizon=60) == Reach(low=0.3, high=0.3)


def test_reach_when_there_is_one_round() -> None:
    assert reach([0.3], horizon=60) == Reach(low=0.3, high=0.3)


def test_reach_of_rounds_that_alternate_is_what_independent_ones_would_reach() -> None:
    """They balance so well that the running total never leaves its line; the floor is 1.4 * 0.1 * sqrt(60)."""
    clear = 4.5 * 1.4 * 0.1 * math.sqrt(60) / 60
    found = reach([0.1, -0.1] * 30, horizon=60)
    assert found.high == -found.low == pytest.approx(clear)


def test_reach_of_a_slow_wave_is_as_wide_as_its_running_total_swings() -> None:
    """Thirty rounds up and thirty down: the total has swung by 30 steps of 0.1 when it returns."""
    found = reach([0.1] * 30 + [-0.1] * 30, horizon=60)
    assert found.high == -found.low == pytest.approx(4.5 * 30 * 0.1 / 60)


def test_reach_depends_on_the_order() -> None:
    """The same rounds once as a ramp, once mixed."""
    ramp = [i / 60 for i in range(60)]
    assert width(ramp) > 2 * width([ramp[i * 23 % 60] for i in range(60)])


def test_reach_is_wider_the_earlier_it_is_asked() -> None:
    """At 12 rounds of 60, 5 ** (2 / 3) times as wide as if the 12 were all."""
    logs = [0.1, -0.1] * 6
    assert width(logs, horizon=60) == pytest.approx(5 ** (2 / 3) * width(logs, horizon=12))


def test_reach_when_a_round_is_disturbed_does_not_depend_on_how_much() -> None:
    calm = [0.01 * (i * 7 % 12) for i in range(23)]
    assert reach([*calm, 1.0], horizon=60) == reach([*calm, 100.0], horizon=60)


@given(logs=logs_drawn)
def test_reach_when_the_arms_change_places_is_its_mirror_image(logs: list[float]) -> None:
    there, back = reach(logs, horizon=60), reach([-log for log in logs], horizon=60)
    assert (back.low, back.high) == (-there.high, -there.low)


@given(logs=logs_drawn, by=st.floats(-2.0, 2.0))
def test_reach_when_every_round_is_faster_moves_along(logs: list[float], by: float) -> None:
    there, moved = reach(logs, horizon=60), reach([log + by for log in logs], horizon=60)
    assert moved.low == pytest.approx(there.low + by, abs=1e-9)
    assert moved.high == pytest.approx(there.high + by, abs=1e-9)


@given(logs=logs_drawn, exponent=st.integers(-10, 10))
def test_reach_grows_with_the_noise(logs: list[float], exponent: int) -> None:
    """Powers of two, so that rounding plays no part."""
    there, scaled = reach(logs, horizon=60), reach([math.ldexp(log, exponent) for log in logs], horizon=60)
    # A subnormal number loses digits, so an absolute hair is allowed.
    assert scaled.low == pytest.approx(math.ldexp(there.low, exponent), abs=1e-300)
    assert scaled.high == pytest.approx(math.ldexp(there.high, exponent), abs=1e-300)


@given(logs=logs_drawn)
def test_reach_backwards_in_time_is_the_same(logs: list[float]) -> None:
    there, back = reach(logs, horizon=60), reach(logs[::-1], horizon=60)
    assert back.low == pytest.approx(there.low, abs=1e-9)
    assert back.high == pytest.approx(there.high, abs=1e-9)
