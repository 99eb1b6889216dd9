"""The table in the terminal is aligned, fits, and says why a gate did not pass."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import EXPLAINED, MEASURED, SCALING, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import SessionRecord, SettingRecord
from pytest_cortex.reporting import lines
from pytest_cortex.wording import cells, interval, ratio, seconds, shorten

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
    assert shown[4].text.endswith(" (min_speedup=3.4 from marker): because")


def test_error_is_shown_when_measuring_stopped_early() -> None:
    shown = texts(session(replace(UNMEASURED, error="deadlock")))
    assert "not measured" in shown[1]
    assert shown[1].endswith("ERROR")
    assert shown[2] == "ERROR small: deadlock"


def test_causes_follow_the_first_gate_that_did_not_pass_and_no_other() -> None:
    """They are about the measurement, so a second gate has nothing to add."""
    failed = replace(EXPLAINED, verdicts=(verdict(Outcome.PASS), verdict(Outcome.FAIL), verdict(Outcome.INCONCLUSIVE)))
    shown = lines(session(failed))[2:]
    assert [(line.outcome, line.text.partition(":")[0]) for line in shown] == [
        (Outcome.FAIL, "FAIL small (min_speedup=3.4 from marker)"),
        (Outcome.FAIL, "  why"),
        (Outcome.FAIL, "  why"),
        (Outcome.INCONCLUSIVE, "INCONCLUSIVE small (min_speedup=3.4 from marker)"),
    ]
    assert shown[1].text == "  why: a lock at a.py:7"


def test_causes_of_what_passed_are_not_shown() -> None:
    """Nobody asked why a measurement is no faster that is fast enough."""
    assert len(texts(session(replace(EXPLAINED, verdicts=(verdict(Outcome.PASS),))))) == 2


def test_warning_is_shown_without_an_outcome() -> None:
    """It concerns a limit that guards little, and no gate spoke."""
    shown = lines(session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),), warnings=("raise the limit",))))[2:]
    assert [(line.text, line.outcome) for line in shown] == [("WARNING small: raise the limit", None)]


def test_gate_without_a_limit_is_shown_by_its_name() -> None:
    """Without a baseline there is no number to show."""
    against = replace(verdict(Outcome.INCONCLUSIVE), gate="baseline", limit=None, min_speedup=None, origin="baseline a")
    shown = texts(session(replace(MEASURED, verdicts=(against,))))
    assert shown[1].split()[-2:] == ["–", "INCONCLUSIVE"]
    assert shown[2] == "INCONCLUSIVE small (baseline from baseline a): because"


def test_efficiency_of_a_contender_is_not_shown() -> None:
    """Neither of two contenders is the other on one worker."""
    heading, row = texts(session(replace(MEASURED, against="old")))
    assert row[: heading.index("efficiency") + len("efficiency")].endswith("  –")


def test_scaling_is_shown_in_one_line_below_the_table() -> None:
    """Its numbers are rows of the table already."""
    record = session(MEASURED, scalings=(replace(SCALING, name="a\nb"),))
    assert texts(record)[2:] == ["scaling of a\\nb: 25 % is serial"]


def test_one_name_with_several_numbers_of_workers_needs_no_test_id() -> None:
    """The column beside it tells the rows apart."""
    shown = texts(session(MEASURED, replace(MEASURED, workers=8)))
    assert [line.split()[:2] for line in shown[1:]] == [["small", "4"], ["small", "8"]]


def test_early_end_is_said() -> None:
    assert texts(session(MEASURED, complete=False))[-1] == "the run ended early"


def test_early_end_names_the_first_tests_that_did_not_run_to_their_end() -> None:
    one = replace(session(MEASURED, complete=False), unfinished=("a.py::test_a\n",))
    assert texts(one)[-1] == r"the run ended early: 1 bench test did not run to the end: a.py::test_a\n"
    many = replace(one, unfinished=tuple(f"a.py::test_{number}" for number in range(5)))
    assert texts(many)[-1] == (
        "the run ended early: 5 bench tests did not run to the end: a.py::test_0, a.py::test_1, a.py::test_2 and 2 more"
    )


def test_what_the_bench_took_is_said_where_it_has_a_time_budget() -> None:
    budget = {"total_budget": SettingRecord(value=60.0, origin="command line")}
    record = replace(session(MEASURED), took_s=41.26, settings=budget)
    assert texts(record)[-1] == "the bench took 41.3 s of its time budget of 60 s"
    assert len(texts(replace(record, took_s=None))) == len(texts(replace(record, settings={}))) == 2


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
