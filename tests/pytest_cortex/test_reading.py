"""``cortex.json`` read back: what was written comes back, older layouts too, and what is wrong is named."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from any_records import SESSIONS, SESSIONS_WITH_BROKEN_NUMBERS
from hypothesis import HealthCheck, given, settings
from sample_records import EXPLAINED, MEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reading import CAME_WITH, UnreadableRecord, from_json, load, parsed
from pytest_cortex.record import SCHEMA_VERSION, Arm, SessionRecord, to_json
from pytest_cortex.reporting import document, summary, table, trace

# The machine may be busy; how fast examples come is not what is tested.
patient = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LAYOUTS = Path(__file__).parents[1] / "recorded" / "layouts"
RECORD = session(replace(EXPLAINED, verdicts=(verdict(Outcome.FAIL),), dependencies=(("b", "a"),)))


def written(record: SessionRecord) -> Any:
    return json.loads(document.encode(record))


def refused(changed: Any) -> UnreadableRecord:
    with pytest.raises(UnreadableRecord) as caught:
        from_json(changed)
    return caught.value


# What was written comes back ------------------------------------------------------------------------------------------


@patient
@given(SESSIONS)
def test_record_comes_back_as_it_was(record: SessionRecord) -> None:
    assert from_json(to_json(record)) == record


@patient
@given(SESSIONS)
def test_record_comes_back_through_the_bytes_of_its_file(record: SessionRecord) -> None:
    assert from_json(parsed(document.encode(record))) == record


@patient
@given(SESSIONS_WITH_BROKEN_NUMBERS)
def test_file_is_the_same_after_reading_and_writing_it(record: SessionRecord) -> None:
    """Numbers that were not finite are null in a file, so they do not come back; the file's bytes do."""
    data = document.encode(record)
    assert document.encode(from_json(parsed(data))) == data


def test_whole_number_stays_one() -> None:
    """A limit of four groups is written as 4, and not as 4.0 the next time."""
    groups = replace(verdict(Outcome.FAIL), gate="max_groups", limit=4)
    data = document.encode(session(replace(MEASURED, verdicts=(groups,))))
    assert b'"limit": 4,' in data
    assert document.encode(from_json(parsed(data))) == data


def test_name_that_is_not_utf8_comes_back() -> None:
    record = replace(RECORD, command=("\udcff",))
    assert from_json(parsed(document.encode(record))) == record


def test_words_come_back_as_what_they_stand_for() -> None:
    (measurement,) = from_json(written(RECORD)).measurements
    assert measurement.rounds[0].first is Arm.PARALLEL
    assert measurement.outcome is Outcome.FAIL


def test_file_is_found_in_its_report_folder(tmp_path: Path) -> None:
    (tmp_path / "cortex.json").write_bytes(document.encode(RECORD))
    assert load(tmp_path) == load(str(tmp_path / "cortex.json")) == RECORD


# Layouts --------------------------------------------------------------------------------------------------------------


def test_every_layout_is_described() -> None:
    """Raising the version without saying what came with it would leave a reader of an old file without a word."""
    assert list(CAME_WITH) == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("file", sorted(LAYOUTS.glob("*.json")), ids=lambda file: file.stem)
def test_file_of_an_older_layout_is_read(file: Path) -> None:
    """Files that earlier versions wrote; what they lack has its default."""
    record = load(file)
    assert record.schema == SCHEMA_VERSION
    assert [one.name for one in record.measurements] == ["small", "medium", "large", "limited_workers"]
    assert all(one.rounds and one.outcome is Outcome.PASS and not one.timeline for one in record.measurements)


def test_first_layout_knew_no_spoilt_rounds() -> None:
    assert "spoilt" not in (LAYOUTS / "schema-1.json").read_text("utf-8")
    assert {each.spoilt for each in load(LAYOUTS / "schema-1.json").measurements[0].rounds} == {None}


@pytest.mark.parametrize("file", sorted(LAYOUTS.glob("*.json")), ids=lambda file: file.stem)
def test_file_of_an_older_layout_can_be_shown(file: Path) -> None:
    record = load(file)
    assert len(table.csv(record).splitlines()) == 5
    assert b"4 PASS" in summary.encode(record)
    assert json.loads(trace.encode(record))["traceEvents"] == []


def test_newer_layout_is_refused_with_what_to_do() -> None:
    error = refused({**written(RECORD), "schema": SCHEMA_VERSION + 1})
    assert error.where == "$.schema"
    assert error.problem == (
        f"this cortex.json has layout {SCHEMA_VERSION + 1}, and only versions 1 to {SCHEMA_VERSION} are known here; "
        "update pytest-cortex to read it"
    )


@pytest.mark.parametrize("version", [None, 0, -1, "2", 2.0, True])
def test_version_that_is_none_is_refused(version: object) -> None:
    assert "is no version; cortex.json has a whole number from 1 up there" in str(
        refused({**written(RECORD), "schema": version})
    )


# What is wrong is named -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["seed"], "7", "$.seed: '7' stands where a whole number should"),
        (["seed"], True, "$.seed: True stands where a whole number should"),
        (["complete"], 1, "$.complete: 1 stands where true or false should"),
        (["created_at"], None, "$.created_at: None stands where a text should"),
        (["command"], "pytest", "$.command: 'pytest' stands where a list should"),
        (["command", 0], 5, "$.command[0]: 5 stands where a text should"),
        (["environment"], [], "$.environment: [] stands where an object should"),
        (["settings", "horizon"], 60, "$.settings['horizon']: 60 stands where an object should"),
        (["measurements", 0, "workers"], 4.0, "$.measurements[0].workers: 4.0 stands where a whole number should"),
        (["measurements", 0, "workers"], 0, "$.measurements[0].workers: 0 stands where a number from 1 up should"),
        (["measurements", 0, "speedup"], "3", "$.measurements[0].speedup: '3' stands where a number should"),
        (["measurements", 0, "speedup"], False, "$.measurements[0].speedup: False stands where a number should"),
        (
            ["measurements", 0, "speedup"],
            10**400,
            f"$.measurements[0].speedup: 1{59 * '0'}… stands where a number that a float can hold should",
        ),
        (
            ["measurements", 0, "rounds", 1, "parallel_s"],
            -0.1,
            "$.measurements[0].rounds[1].parallel_s: -0.1 stands where a number from 0 up should",
        ),
        (
            ["measurements", 0, "rounds", 0, "first"],
            "both",
            "$.measurements[0].rounds[0].first: 'both' stands where one of sequential, parallel should",
        ),
        (
            ["measurements", 0, "verdicts", 0, "gate"],
            ["x"],
            "$.measurements[0].verdicts[0].gate: ['x'] stands where one of min_speedup, ",
        ),
        (
            ["measurements", 0, "dependencies", 0],
            ["b"],
            "$.measurements[0].dependencies[0]: ['b'] stands where a list of 2 should",
        ),
        (
            ["measurements", 0, "dependencies", 0, 1],
            1,
            "$.measurements[0].dependencies[0][1]: 1 stands where a text should",
        ),
        (
            ["measurements", 0, "surprise"],
            1,
            "$.measurements[0].surprise: nothing of this name is known here; update pytest-cortex to read it",
        ),
    ],
)
def test_wrong_value_is_named_with_its_place(path: list[Any], value: object, message: str) -> None:
    changed = inner = written(RECORD)
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    assert str(refused(changed)).startswith(message)


def test_missing_field_is_named() -> None:
    changed = written(RECORD)
    del changed["measurements"][0]["rounds"][1]["first"]
    assert str(refused(changed)) == "$.measurements[0].rounds[1].first: it is missing; it stands in every version"


@pytest.mark.parametrize("changed", [None, [], "text", 3])
def test_document_that_is_no_object_is_refused(changed: object) -> None:
    assert "stands where the record of a run, an object, should" in str(refused(changed))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b'{"schema": NaN}'])
def test_file_that_is_no_json_is_refused_by_its_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "cortex.json").write_bytes(data)
    with pytest.raises(UnreadableRecord, match=r"cortex\.json': this is no JSON \("):
        load(tmp_path)


def test_wrong_value_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps({**written(RECORD), "seed": None}), encoding="utf-8")
    with pytest.raises(UnreadableRecord) as caught:
        load(tmp_path / "mine.json")
    assert str(caught.value) == f"'{tmp_path / 'mine.json'}': $.seed: None stands where a whole number should"


def test_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.json")


def test_error_survives_pickling() -> None:
    error = UnreadableRecord("wrong", "$.seed", Path("cortex.json"))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.where, copy.file) == (str(error), error.where, error.file)
