"""Everything about one measurement: its numbers, its gates, and how to measure it again."""

from dataclasses import replace

import pytest
from sample_records import CONTENDER, EXPLAINED, MEASURED, UNMEASURED, many, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, SectionRecord
from pytest_cortex.reporting.page.build import FEW, MOST_OPEN, page_of
from pytest_cortex.reporting.page.details import Details
from pytest_cortex.reporting.page.facts import command_for, section_of
from pytest_cortex.reporting.page.measured import all_measured
from pytest_cortex.reporting.page.places import Place, place_of


def details(record: MeasurementRecord) -> Details:
    return page_of(session(record)).details[0]


def facts(record: MeasurementRecord) -> dict[str, str]:
    return {fact.name: fact.value for fact in details(record).facts}


def place(record: MeasurementRecord) -> Place:
    return place_of(all_measured(session(record))[0])


def test_facts_are_the_numbers_with_their_intervals() -> None:
    shown = facts(replace(MEASURED, verdicts=(verdict(Outcome.PASS),), cpu_bound=True, modelled=(3.0, 4.0, 5.0)))
    assert shown == {
        "Speedup": "3.92 (3.90–3.95)",
        "Efficiency": "0.98 (0.97–0.99)",
        "Limit, as a speedup": "3.40",
        "Ceiling of the graph": "4.00",
        "Ideal (= workers)": "4",
        "Sequential time": "2.000 s",
        "Parallel time": "0.510 s",
        "Modelled speedup": "4.00",
        "Rounds that count": "1 of 2 made",
        "Modules": "4",
        "CPU-bound": "yes",
        "Test": "tests/test_pipeline.py::test_small",
    }


def test_contender_has_neither_efficiency_nor_ideal() -> None:
    shown = facts(CONTENDER)
    assert not {"Efficiency", "Ideal (= workers)"} & shown.keys()
    assert (shown["Held against"], shown["Time of old"], shown["Own time"]) == ("old", "2.000 s", "0.510 s")


def test_what_is_not_known_is_not_listed() -> None:
    shown = facts(replace(UNMEASURED, ceiling=None, modules=None))
    assert shown == {
        "Speedup": "not measured",
        "Ideal (= workers)": "4",
        "Rounds that count": "0 of 0 made",
        "Test": "tests/test_pipeline.py::test_small",
    }


def test_name_of_the_scenario_and_attempts_are_listed_where_they_say_more() -> None:
    shown = facts(replace(MEASURED, name="other", attempts=2))
    assert (shown["Scenario"], shown["Attempts"]) == ("small", "2")


def test_every_gate_is_listed_with_its_reason() -> None:
    groups = replace(verdict(Outcome.PASS, 2), gate="max_groups", min_speedup=None)
    shown = details(replace(MEASURED, verdicts=(verdict(Outcome.FAIL, reason="too slow"), groups))).judged
    assert [(each.verdict, each.gate, each.reason) for each in shown] == [
        ("FAIL", "min_speedup=3.4 from marker", "too slow"),
        ("PASS", "max_groups=2 from marker", "because"),
    ]


def test_limit_is_given_as_a_speedup_where_it_is_none() -> None:
    efficiency = replace(verdict(Outcome.PASS, 0.85), gate="min_efficiency", min_speedup=3.4)
    groups = replace(verdict(Outcome.PASS, 2), gate="max_groups", min_speedup=None)
    shown = details(replace(MEASURED, verdicts=(verdict(Outcome.PASS), efficiency, groups))).judged
    assert [each.as_speedup for each in shown] == ["", "3.40", ""]


def test_causes_are_there_also_of_what_passed() -> None:
    """Whoever opens the details may want to know."""
    assert details(replace(EXPLAINED, verdicts=(verdict(Outcome.PASS),))).causes == EXPLAINED.causes


def test_warnings_come_before_notes() -> None:
    assert details(replace(MEASURED, notes=("a note",), warnings=("a warning",))).remarks == ("a warning", "a note")


def test_few_are_all_open_and_of_many_those_that_did_not_pass() -> None:
    assert all(one.open for one in page_of(many(FEW)).details)
    opened = [one for one in page_of(many(50)).details if one.open]
    assert len(opened) == MOST_OPEN
    assert {one.verdict for one in opened} == {"FAIL", "INCONCLUSIVE"}


@pytest.mark.parametrize(
    ("test", "command"),
    [
        ("tests/test_a.py::test_b", "python -m pytest --cortex-bench tests/test_a.py::test_b --cortex-seed=7"),
        ("test_a.py::test_b[x y]", "python -m pytest --cortex-bench 'test_a.py::test_b[x y]' --cortex-seed=7"),
        ("cortex::small", ""),
        ("test_a.py::test_b[\u202e]", ""),
    ],
)
def test_command_measures_one_test_where_pytest_would_find_it(test: str, command: str) -> None:
    assert command_for(test, 7) == command


def test_section_of_somebody_else_keeps_its_lines() -> None:
    section = section_of(SectionRecord(title="Mine", text="# one\n\n| a |", plugin="theirs"))
    assert (section.title, section.lines) == ("Mine (theirs)", ("# one", "", "| a |"))


# On one line ----------------------------------------------------------------------------------------------------------


def test_place_is_a_share_of_the_ideal() -> None:
    shown = place(replace(MEASURED, speedup=2.0, speedup_low=1.0, speedup_high=3.0, verdicts=(verdict(Outcome.FAIL),)))
    assert (shown.value, shown.low, shown.width, shown.limit, shown.ceiling, shown.ideal) == (50, 25, 50, 85, 100, 100)
    assert shown.description == "speedup 2.00 (1.00–3.00), limit 3.40, ceiling 4.00, ideal 4.00, FAIL"


def test_place_has_no_interval_when_an_end_is_not_known() -> None:
    shown = place(replace(MEASURED, speedup_high=None))
    assert (shown.low, shown.width) == (None, 0)


def test_place_of_what_was_not_measured_has_no_dot() -> None:
    shown = place(UNMEASURED)
    assert (shown.value, shown.ceiling) == (None, 100)


def test_place_of_a_contender_has_no_ideal() -> None:
    assert place(CONTENDER).ideal is None
