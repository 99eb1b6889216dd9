"""How far a measurement is, in as many words as there is room for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cortex.measuring.progress import finished, status
from pytest_cortex.measuring.rounds import Progress
from pytest_cortex.wording import cells

HALF = Progress(made=16, counted=14, spoilt=0, horizon=60, speedup=3.912, spent_s=2.74, left_s=7.3)


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (100, "small: round 14 of at most 60, speedup 3.91, 8 s left"),
        (53, "small: round 14 of at most 60, speedup 3.91, 8 s left"),
        (52, "small: round 14 of at most 60, speedup 3.91"),
        (42, "round 14 of at most 60, speedup 3.91"),
        (35, "round 14 of at most 60"),
        (21, "14/60"),
        (4, ""),
        (-1, ""),
    ],
)
def test_status_says_as_much_as_fits(room: int, words: str) -> None:
    assert status("small", HALF, room=room) == words


def test_status_before_the_first_round_that_counts_has_no_speedup() -> None:
    none = replace(HALF, made=5, counted=0, spoilt=3, speedup=None)
    assert status("small", none, room=100) == "small: round 0 of at most 60, 3 disturbed, 8 s left"


@pytest.mark.parametrize(("room", "words"), [(100, "small: warming up"), (16, "warming up"), (9, "")])
def test_status_during_the_warm_ups_knows_no_horizon(room: int, words: str) -> None:
    assert status("small", replace(HALF, made=1, counted=0, horizon=0, speedup=None), room=room) == words


def test_status_shortens_a_long_name_so_that_numbers_have_room() -> None:
    words = status("test_it[" + "x" * 100 + "-7]", HALF, room=100)
    assert words.startswith("test_it[xxx")
    assert "xx-7]: round 14 of at most 60, speedup 3.91, 8 s left" in words


@settings(max_examples=50)
@given(name=st.text(max_size=80), room=st.integers(-5, 150))
def test_status_fits_and_is_one_line_whatever_the_name(name: str, room: int) -> None:
    words = status(name, HALF, room=room)
    assert cells(words) <= max(room, 0)
    assert words.isprintable()


def test_finished_says_what_it_took() -> None:
    assert finished("small", HALF) == "small: 14 rounds in 2.7 s, speedup 3.91"
    assert finished("a\nb", replace(HALF, counted=1, spoilt=2)) == r"a\nb: 1 round in 2.7 s, 2 disturbed, speedup 3.91"
