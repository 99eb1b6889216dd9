"""``summary.md`` says what was measured, and Markdown does not reinterpret it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import EXPLAINED, MEASURED, SCALING, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import SettingRecord
from pytest_cortex.reporting.summary import encode, escape, markdown, result, totals


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n\n")[1].split("\n## ", maxsplit=1)[0]


def table_row(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_result_counts_each_outcome() -> None:
    judged = [replace(MEASURED, verdicts=(verdict(outcome),)) for outcome in [*Outcome, Outcome.PASS]]
    assert result(session(*judged, MEASURED)) == ("5 measurements: 2 PASS, 1 FAIL, 1 INCONCLUSIVE, 1 without a gate")


def test_result_counts_errors_when_there_are_any() -> None:
    assert result(session(replace(UNMEASURED, error="deadlock"))).endswith("1 stopped by an error")


def test_table_shows_the_numbers_of_a_measurement() -> None:
    text = markdown(session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),))))
    assert table_row(text, "small") == ["small", "4", "3.92 (3.90–3.95)", "0.98", "4.00", "3.40", "PASS"]


def test_table_says_not_measured_when_there_is_no_speedup() -> None:
    assert table_row(markdown(session(UNMEASURED)), "small")[2] == "not measured"


def test_totals_are_those_of_the_four_scenarios() -> None:
    """The numbers of the first report this tool was built to keep honest: 3.46 on average, 68.5 % saved."""
    table = [(3.92, 2.0), (3.93, 4.0), (3.99, 6.0), (1.99, 4.0)]
    four = [replace(MEASURED, speedup=s, sequential_s=t, parallel_s=t / s) for s, t in table]
    sums = totals(session(*four))
    assert sums is not None
    assert (round(sums.speedup, 2), round(sums.saved, 3), sums.sequential_s) == (3.46, 0.685, 16.0)


def test_limit_for_everything_stands_beside_those_for_one_scenario() -> None:
    limits = SettingRecord(value={"small": 3.0, "": 2.5}, origin="ini")
    text = section(markdown(replace(session(MEASURED), settings={"min_speedup": limits})), "Settings")
    assert table_row(text, "min_speedup") == ["min_speedup", "small 3.0, 2.5", "ini"]


def test_totals_leave_out_what_was_not_measured() -> None:
    text = section(markdown(session(MEASURED, UNMEASURED)), "Totals")
    assert "Over 1 of 2 measurements" in text
    assert table_row(text, "Time saved")[1] == "1.490 s (74.5% of the sequential time)"


def test_time_saved_is_negative_when_parallel_was_slower() -> None:
    sums = totals(session(replace(MEASURED, speedup=0.5, sequential_s=1.0, parallel_s=2.0)))
    assert sums is not None
    assert (sums.saved_s, sums.saved) == (-1.0, -1.0)


def test_reason_is_given_for_each_gate_that_did_not_pass() -> None:
    verdicts = (verdict(Outcome.PASS, reason="fine"), verdict(Outcome.FAIL, 3.5, "too slow"))
    text = section(markdown(session(replace(MEASURED, verdicts=verdicts))), "What did not pass")
    assert "- **FAIL** small (min\\_speedup" not in text
    assert "- **FAIL** small (min_speedup=3.5 from marker): too slow" in text
    assert "fine" not in text


def test_error_is_given_when_measuring_stopped_early() -> None:
    assert "**ERROR** small: deadlock" in markdown(session(replace(UNMEASURED, error="deadlock")))


def test_causes_are_listed_below_their_gate() -> None:
    """A reader of the summary learns why without looking further."""
    text = markdown(session(replace(EXPLAINED, verdicts=(verdict(Outcome.FAIL),))))
    assert section(text, "What did not pass").splitlines() == [
        "- **FAIL** small (min_speedup=3.4 from marker): because",
        "  - why: a lock at a.py:7",
        "  - why: start-up: 0.01 s",
    ]


def test_warning_is_given_without_a_gate() -> None:
    """A stale limit did not fail, and still wants somebody's attention."""
    text = markdown(session(replace(MEASURED, warnings=("raise the limit",))))
    assert "- **WARNING** small: raise the limit" in section(text, "What did not pass")


def test_steps_are_a_table_from_the_ideal_to_the_measured() -> None:
    """Measurements that were not seen from inside have no row in it."""
    text = section(markdown(session(EXPLAINED, replace(MEASURED, name="plain"))), "Where the missing speedup went")
    assert table_row(text, "Measurement") == ["Measurement", "Ideal", "Graph", "Left"]
    assert table_row(text, "small") == ["small", "4", "4.00", "3.92"]
    assert "plain" not in text


def test_scaling_is_a_table_with_its_sentence() -> None:
    """One row per number of workers, one worker first, which has no fraction of its own."""
    text = section(markdown(session(MEASURED, scalings=(SCALING,))), "Scaling")
    assert text.startswith("**curve**: 25 % is serial\n")
    assert table_row(text, "1") == ["1", "1.00 (1.00–1.00)", "1.00", "1.00", "–"]
    assert table_row(text, "2") == ["2", "1.60 (1.50–1.70)", "0.80", "2.00", "0.25"]


def test_scaling_without_rounds_has_dashes() -> None:
    """What was stopped before its first round shows that it has nothing to show."""
    unknown = replace(SCALING.points[1], speedup=None, low=None, high=None, ceiling=None, karp_flatt=None)
    text = markdown(session(MEASURED, scalings=(replace(SCALING, points=(unknown,)),)))
    assert table_row(section(text, "Scaling"), "2") == ["2", "not measured", "–", "–", "–"]


@pytest.mark.parametrize(
    "title",
    [
        *("What did not pass", "What did not run to the end", "Where the missing speedup went", "Scaling", "Notes"),
        *("How long it took", "Environment", "Settings"),
    ],
)
def test_section_with_nothing_in_it_is_left_out(title: str) -> None:
    """A heading above nothing is noise."""
    assert f"## {title}" not in markdown(replace(session(MEASURED), environment={}, settings={}))


def test_notes_and_environment_are_given() -> None:
    text = markdown(session(replace(MEASURED, notes=("2 CPUs for 4 workers",))))
    assert "- small: 2 CPUs for 4 workers" in section(text, "Notes")
    assert table_row(section(text, "Environment"), "python") == ["python", "3.11.9"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [({"pytest": "9.0", "pandas": None}, "pytest 9.0, pandas –"), ([0.5, True], "0.5, true"), ({}, "–"), (None, "–")],
)
def test_fact_of_any_shape_is_shown_on_one_line(value: object, shown: str) -> None:
    text = markdown(replace(session(), environment={"fact": value}))
    assert table_row(section(text, "Environment"), "fact")[1] == shown


def test_command_can_be_pasted_and_names_the_seed() -> None:
    text = section(markdown(session()), "How to reproduce")
    assert "\npython -m pytest --cortex-bench 'tests/my test.py'\n" in text
    assert "--cortex-seed=7" in text


def test_scope_of_the_intervals_is_stated() -> None:
    assert "for this process on this machine at this time" in markdown(session(MEASURED))


@pytest.mark.parametrize("complete", [True, False])
def test_early_end_is_said_only_when_there_was_one(complete: bool) -> None:  # noqa: FBT001 - a parameter
    assert ("> **The run ended early.**" in markdown(session(MEASURED, complete=complete))) is not complete


def test_early_end_names_every_test_that_did_not_run_to_its_end() -> None:
    tests = tuple(f"tests/test_a.py::test_{number}[a|b]" for number in range(9))
    text = markdown(replace(session(MEASURED, complete=False), unfinished=tests))
    assert "> **The run ended early: 9 bench tests did not run to the end.**" in text
    listed = section(text, "What did not run to the end").splitlines()
    assert listed == [rf"- tests/test_a.py::test_{number}\[a\|b\]" for number in range(9)]


def test_it_is_said_how_long_everything_took() -> None:
    """The sum and the parts; what the bench tests do besides is in the sum only."""
    timed = replace(session(replace(MEASURED, took_s=2.5), replace(UNMEASURED, name="none")), took_s=4.25)
    text = section(markdown(timed), "How long it took")
    assert table_row(text, "small") == ["small", "2", "2.500 s"]
    assert table_row(text, "none") == ["none", "0", "–"]
    assert table_row(text, "All bench tests") == ["All bench tests", "", "4.250 s"]
    assert "budget" not in text


def test_time_budget_stands_below_what_was_used_of_it() -> None:
    record = replace(session(MEASURED), took_s=4.0, settings={"total_budget": SettingRecord(value=60.0, origin="ini")})
    text = section(markdown(record), "How long it took")
    assert text.rstrip().endswith("The time budget of the bench is 60 s (`--cortex-total-budget`).")
    none = replace(record, settings={"total_budget": SettingRecord(value=None, origin="default")})
    assert "time budget" not in section(markdown(none), "How long it took")


def test_summary_says_so_when_nothing_was_measured() -> None:
    assert "Nothing was measured." in markdown(session())


def test_chart_has_an_alternative_text_made_from_the_numbers() -> None:
    text = markdown(session(MEASURED), charts=["speedup.svg"])
    assert "![Speedup per measurement: small 3.92 (no gate).](speedup.svg)" in text


def test_measurements_of_one_name_are_told_apart() -> None:
    text = markdown(session(MEASURED, replace(MEASURED, test="tests/test_other.py::test_small")))
    assert table_row(text, "small · tests/test_other.py::test_small")[1] == "4"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("`code`", r"\`code\`"),
        ("<script>", "&lt;script&gt;"),
        ("a\nb", r"a\\nb"),
        ("__init__", r"\_\_init\_\_"),
        ("test_small_one", "test_small_one"),
        ("[x](y)", r"\[x\](y)"),
        ("$x^2$", r"\$x^2\$"),
    ],
)
def test_name_is_shown_and_not_interpreted(name: str, shown: str) -> None:
    assert escape(name) == shown


@given(st.text(max_size=20))
def test_table_keeps_its_shape_whatever_the_name(name: str) -> None:
    text = markdown(session(replace(MEASURED, name=f"start{name}"), MEASURED))
    assert len(table_row(text, "start")) == 7


@given(st.text(alphabet="`~ \n", max_size=9))
def test_fence_around_the_command_cannot_be_ended_by_the_command(argument: str) -> None:
    text = section(markdown(replace(session(), command=(argument,))), "How to reproduce")
    fence = text.partition("sh\n")[0]
    assert text.count(fence) == 2


def test_summary_is_utf8_when_a_name_is_not() -> None:
    assert "\\udcff" in encode(session(replace(MEASURED, name="\udcff"))).decode()
