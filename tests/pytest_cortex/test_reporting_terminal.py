"""The table in the terminal is aligned, fits, and says why a gate did not pass."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import MEASURED, UNMEASURED, session, verdict

from pytest_cortex.gate import Outcome
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting import lines
from pytest_cortex.reporting.wording import cells, interval, ratio, seconds, shorten

names = st.text(min_size=1, max_size=60)


def texts(record: SessionRecord, width: int = 80) -> list[str]:
    return [line.text for line in lines(record, width=width)]


def test_row_shows_the_numbers_under_their_headings() -> None:
    shown = texts(session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),))))
    assert shown == [
        "measurement  workers           speedup  efficiency  ceiling  limit  verdict",
        "small              4  3.92 (3.90–3.95)        0.98     4.00   3.40  PASS",
    ]


def test_line_carries_the_outcome_to_colour_it_by() -> None:
    shown = lines(session(*(replace(MEASURED, verdicts=(verdict(outcome),)) for outcome in Outcome)))
    assert [line.outcome for line in shown[:4]] == [None, *Outcome]


def test_reason_follows_for_each_gate_that_did_not_pass() -> None:
    shown = lines(session(*(replace(MEASURED, verdicts=(verdict(outcome),)) for outcome in Outcome)))
    assert [(line.outcome, line.text.split()[0]) for line in shown[4:]] == [
        (Outcome.FAIL, "FAIL"),
        (Outcome.INCONCLUSIVE, "INCONCLUSIVE"),
    ]
    assert shown[4].text.endswith(" (min_speedup 3.4 from marker): because")


def test_error_is_shown_when_measuring_stopped_early() -> None:
    shown = texts(session(replace(UNMEASURED, error="deadlock")))
    assert "not measured" in shown[1]
    assert shown[1].endswith("ERROR")
    assert shown[2] == "ERROR small: deadlock"


def test_interruption_is_said() -> None:
    assert "ended early" in texts(session(MEASURED, complete=False))[-1]


def test_empty_session_is_said() -> None:
    assert texts(session()) == ["nothing was measured"]


@given(st.lists(names, min_size=1, max_size=4), st.integers(80, 140))
def test_verdicts_stand_in_one_column_within_the_width(labels: list[str], width: int) -> None:
    shown = texts(session(*(replace(MEASURED, name=name) for name in labels)), width)
    heading, *body = shown
    start = cells(heading) - len("verdict")
    assert all(cells(line) == start + len("no gate") <= width for line in body)


def test_both_ends_of_a_long_name_are_kept() -> None:
    shown = texts(session(replace(MEASURED, name="test_" + "long_" * 20 + "[param-7]")), 90)
    assert shown[1].startswith("test_long")
    assert "…" in shown[1]
    assert "aram-7]" in shown[1]


def test_control_characters_never_reach_the_terminal() -> None:
    shown = texts(session(replace(UNMEASURED, name="\x1b[31mred", error="a\nb\u202e")))
    assert not any(unicodedata.category(char).startswith("C") for line in shown for char in line)


@given(st.text(max_size=30), st.integers(1, 40))
def test_shortened_text_fits_and_is_whole_when_it_did_before(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert cells(short) <= limit
    assert (short == text) is (cells(text) <= limit)


@pytest.mark.parametrize(("text", "width"), [("small", 5), ("日本", 4), ("é", 1)])
def test_width_is_counted_in_columns_of_the_terminal(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.004, "0.00"), (3.456, "3.46"), (1234.5, "1234"), (2e6, "2e+06")],
)
def test_ratio_has_the_digits_that_matter(value: float | None, text: str) -> None:
    assert ratio(value) == text


@pytest.mark.parametrize(("value_s", "text"), [(12.34567, "12.346 s"), (0.0012345, "0.00123 s"), (0.97, "0.970 s")])
def test_duration_has_the_digits_that_matter(value_s: float, text: str) -> None:
    assert seconds(value_s) == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(1.0, 2.0, "(1.00–2.00)"), (1.0, None, "(1.00–?)"), (None, None, "")]
)
def test_interval_says_which_end_is_not_known(low: float | None, high: float | None, text: str) -> None:
    assert interval(low, high) == text
