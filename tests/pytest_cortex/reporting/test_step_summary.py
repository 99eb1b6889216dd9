"""The summary of a step of GitHub Actions: added once, and never so long that GitHub drops it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import MEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting import append_step_summary, step_summary
from pytest_cortex.reporting.step_summary import MOST_BYTES, TRIMMED, trimmed
from pytest_cortex.reporting.summary import markdown

RECORD = session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),)))
NOTE_BYTES = len(TRIMMED.encode())


def test_it_is_the_summary_without_charts(tmp_path: Path) -> None:
    """There are no files beside it to show."""
    path = tmp_path / "summary"
    assert append_step_summary(RECORD, path) is None
    assert path.read_text("utf-8") == markdown(RECORD)


def test_what_the_step_wrote_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("before", encoding="utf-8")
    append_step_summary(RECORD, path)
    assert path.read_text("utf-8") == f"before\n\n{markdown(RECORD)}"


def test_a_long_one_is_cut_off_and_says_so(tmp_path: Path) -> None:
    """Together with what the step wrote before, since GitHub counts that as well."""
    path = tmp_path / "summary"
    path.write_bytes(b"x" * 1000)
    long = session(*(replace(MEASURED, name=f"test_{number} {'ü' * 400}") for number in range(2000)))
    assert len(markdown(long).encode()) > MOST_BYTES
    assert append_step_summary(long, path) is None
    written = path.read_bytes()
    assert MOST_BYTES - 2000 < len(written) <= MOST_BYTES
    assert written.decode().endswith(TRIMMED)


def test_where_there_is_no_room_nothing_is_added_and_people_are_told(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"x" * MOST_BYTES)
    problem = append_step_summary(RECORD, path)
    assert problem == (
        f"nothing was added to the step summary {path}: it has {MOST_BYTES} bytes, and GitHub takes no more"
    )
    assert path.stat().st_size == MOST_BYTES


def test_a_file_that_cannot_be_written_is_a_problem_and_no_error(tmp_path: Path) -> None:
    problem = append_step_summary(RECORD, tmp_path / "no" / "such" / "folder")
    assert problem is not None
    assert "folder: FileNotFoundError: " in problem


def test_whatever_goes_wrong_is_a_problem_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_session: object) -> str:
        raise RuntimeError("no ink")

    monkeypatch.setattr(step_summary, "markdown", broken)
    assert append_step_summary(RECORD, tmp_path / "s") == (
        f"nothing was added to the step summary {tmp_path / 's'}: RuntimeError: no ink"
    )


def test_what_is_short_enough_stays_as_it_is() -> None:
    assert trimmed("ä\n", 3) == "ä\n"


def test_lines_are_kept_whole() -> None:
    text = "one\ntwo ü\nthree\n" + "x" * 500
    assert trimmed(text, NOTE_BYTES + 17) == f"one\ntwo ü\nthree{TRIMMED}"
    assert trimmed(text, NOTE_BYTES + 9) == f"one{TRIMMED}"
    assert trimmed(text, NOTE_BYTES) == TRIMMED
    assert trimmed(text, NOTE_BYTES - 1) == ""


def test_the_note_does_not_end_up_inside_a_block_of_code() -> None:
    text = "before\n```sh\npytest\n```\nbetween\n````sh\n" + "pytest\n" * 200
    cut = trimmed(text, NOTE_BYTES + 100)
    assert cut == f"before\n```sh\npytest\n```\nbetween{TRIMMED}"


@pytest.mark.parametrize("most_bytes", range(NOTE_BYTES, 3000, 97))
def test_it_is_never_longer_than_allowed(most_bytes: int) -> None:
    cut = trimmed(markdown(RECORD), most_bytes)
    assert len(cut.encode()) <= most_bytes
    assert len(re.findall("^```", cut, re.MULTILINE)) % 2 == 0
