"""Workflow commands of GitHub Actions, one line each, whatever is in a name or a reason."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import EXPLAINED, MEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, SettingRecord
from pytest_cortex.reporting import workflow_commands

PLACED = replace(MEASURED, file="tests/test_pipeline.py", line=7)
COMMAND = re.compile(r"::(error|warning) ([^:]*)::(.*)")


def failed(reason: str = "because", measurement: MeasurementRecord = PLACED) -> MeasurementRecord:
    return replace(measurement, verdicts=(verdict(Outcome.FAIL, reason=reason),))


def test_a_fail_is_an_error_on_the_line_of_its_test() -> None:
    assert workflow_commands(session(failed())) == (
        "::error file=tests/test_pipeline.py,line=7,title=FAIL small::min_speedup=3.4 from marker: because",
    )


def test_inconclusive_and_stale_limits_are_warnings() -> None:
    undecided = replace(PLACED, verdicts=(verdict(Outcome.INCONCLUSIVE),))
    stale = replace(PLACED, warnings=("the limit is stale",))
    assert workflow_commands(session(undecided, replace(stale, name="other"))) == (
        "::warning file=tests/test_pipeline.py,line=7,title=INCONCLUSIVE small::min_speedup=3.4 from marker: because",
        "::warning file=tests/test_pipeline.py,line=7,title=WARNING other::the limit is stale",
    )


def test_inconclusive_is_an_error_where_it_fails_the_test() -> None:
    undecided = session(replace(PLACED, verdicts=(verdict(Outcome.INCONCLUSIVE),)))
    modes = {mode: SettingRecord(value=mode, origin="strict") for mode in ("warn", "skip", "fail")}
    levels = {
        mode: workflow_commands(replace(undecided, settings={"inconclusive": modes[mode]}))[0][:9] for mode in modes
    }
    assert levels == {"warn": "::warning", "skip": "::warning", "fail": "::error f"}


def test_what_stopped_a_measurement_is_an_error() -> None:
    stopped = replace(PLACED, error="ArmTimeout: too long")
    (command,) = workflow_commands(session(stopped))
    assert command.startswith("::error ")
    assert command.endswith(",title=ERROR small::ArmTimeout: too long")


def test_what_passed_is_not_annotated() -> None:
    passed = replace(PLACED, verdicts=(verdict(Outcome.PASS),), notes=("a remark",))
    assert workflow_commands(session(passed, PLACED)) == ()


def test_causes_follow_on_lines_of_their_own() -> None:
    explained = replace(EXPLAINED, file="a.py", line=1)
    (command,) = workflow_commands(session(failed("50 % off", explained)))
    assert command.endswith(": 50 %25 off%0Awhy: a lock at a.py:7%0Awhy: start-up: 0.01 s")


@pytest.mark.parametrize(
    ("folder", "path"),
    [("", "tests/test_pipeline.py"), (".", "tests/test_pipeline.py"), ("libs/one", "libs/one/tests/test_pipeline.py")],
)
def test_files_are_named_as_seen_from_the_repository(folder: str, path: str) -> None:
    (command,) = workflow_commands(session(failed()), folder=folder)
    assert command.startswith(f"::error file={path},line=7,")


def test_what_stands_in_no_file_has_a_title_only() -> None:
    assert workflow_commands(session(failed(measurement=MEASURED)))[0].startswith("::error title=FAIL small::")
    without_line = failed(measurement=replace(PLACED, line=None))
    assert workflow_commands(session(without_line))[0].startswith(
        "::error file=tests/test_pipeline.py,title=FAIL small::"
    )


def test_what_would_end_a_property_is_escaped() -> None:
    hostile = failed(measurement=replace(PLACED, name="a,b:c::d%\r\ne", file="odd,name:1.py"))
    (command,) = workflow_commands(session(hostile))
    assert command.startswith("::error file=odd%2Cname%3A1.py,line=7,title=FAIL a%2Cb%3Ac%3A%3Ad%25\\r\\ne::")


@settings(deadline=None)
@given(name=st.text(), reason=st.text(), file=st.text(min_size=1), cause=st.text())
def test_a_command_is_one_line_and_reads_back(name: str, reason: str, file: str, cause: str) -> None:
    """No name can begin another command, nor cut its own short."""
    measurement = replace(PLACED, name=name, file=file, causes=(cause,))
    (command,) = workflow_commands(session(failed(reason, measurement)))
    assert len(command.splitlines()) == 1
    read = COMMAND.fullmatch(command)
    assert read is not None
    assert [each.partition("=")[0] for each in read[2].split(",")] == ["file", "line", "title"]
