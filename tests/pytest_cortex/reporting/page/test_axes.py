"""Scales put every number somewhere, and write round ones beside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.reporting.page.axes import Scale, around, drawable, from_zero

numbers = st.floats() | st.none()


@given(st.lists(numbers, max_size=5), st.floats(allow_nan=False))
@pytest.mark.parametrize("made", [from_zero, around])
def test_everything_stands_between_nought_and_a_hundred(made: type, values: list[float | None], value: float) -> None:
    scale = made(values)
    assert 0 <= scale.at(value) <= 100
    assert all(0 <= tick.at <= 100 for tick in scale.ticks())


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
@pytest.mark.parametrize("made", [from_zero, around])
def test_scale_holds_what_it_was_made_for(made: type, values: list[float]) -> None:
    assert all(made(values).holds(value) for value in values)


@given(st.floats(1e-9, 1e9))
def test_axis_has_a_few_numbers(high: float) -> None:
    assert 2 <= len(Scale(low=0, high=high).ticks(most=6)) <= 7


@pytest.mark.parametrize(
    ("high", "whole", "texts"),
    [
        (4, True, ["0", "1", "2", "3", "4"]),
        (64, True, ["0", "20", "40", "60"]),
        (0.5, True, ["0"]),
        (0.03, False, ["0", "0.005", "0.01", "0.015", "0.02", "0.025", "0.03"]),
    ],
)
def test_numbers_at_the_axis_are_round(high: float, whole: bool, texts: list[str]) -> None:  # noqa: FBT001 - a parameter
    assert [tick.text for tick in Scale(low=0, high=high).ticks(whole=whole)] == texts


def test_unit_follows_the_number() -> None:
    assert Scale(low=0, high=1).ticks(most=1, unit=" s")[-1].text == "1 s"


def test_rounds_that_hardly_differ_do_not_fill_the_picture() -> None:
    """A spread of a tenth of a percent would look like noise."""
    scale = around([3.9, 3.901])
    assert scale.between(3.9, 3.901) < 5


def test_scale_without_numbers_is_one_nevertheless() -> None:
    assert from_zero([]) == Scale(low=0, high=1)
    assert from_zero([0.0, None]) == Scale(low=0, high=1)
    assert around([None]).holds(0.5)
    assert around([0.0]).holds(0.0)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 1e200])
def test_number_that_no_clock_gives_is_not_drawn(value: float | None) -> None:
    assert drawable(value) is None
