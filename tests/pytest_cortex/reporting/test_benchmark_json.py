"""``benchmark.json`` is what pytest-benchmark itself would have written of the same times."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import CONTENDER, MEASURED, SCALING, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SessionRecord, SettingRecord
from pytest_cortex.reporting.benchmark_json import encode, statistics_of

# Multiples of 1/1024 s, on which quartiles are exact, so that no comparison hangs on the last bit.
times = st.lists(st.integers(1, 5000).map(lambda number: number / 1024), min_size=1, max_size=40)


def round_of(sequential_s: float, parallel_s: float, *, warmup: bool = False, spoilt: str | None = None) -> RoundRecord:
    return RoundRecord(
        sequential_s=sequential_s, parallel_s=parallel_s, first=Arm.PARALLEL, warmup=warmup, spoilt=spoilt
    )


def document(*measurements: MeasurementRecord, **changes: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode(replace(session(*measurements), **changes)))
    return decoded


def entries(*measurements: MeasurementRecord, **changes: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(*measurements, **changes)["benchmarks"]
    return found


def names(found: list[dict[str, Any]], key: str = "name") -> list[str]:
    return [entry[key] for entry in found]


# Entries --------------------------------------------------------------------------------------------------------------


def test_each_program_of_a_measurement_is_an_entry_of_one_group() -> None:
    found = entries(MEASURED)
    assert names(found) == ["small[sequential]", "small[parallel]"]
    assert names(found, "group") == ["cortex:small", "cortex:small"]
    assert names(found, "param") == ["sequential", "parallel"]
    assert [entry["params"]["workers"] for entry in found] == [1, 4]


def test_the_full_name_begins_with_the_tests_id_and_says_nothing_twice() -> None:
    """It is the key by which files are compared."""
    own = replace(MEASURED, test="t.py::test_it", name="test_it")
    again, another = replace(own, name="test_it#2"), replace(own, name="test_it_all")
    assert names(entries(own, again, another, MEASURED), "fullname")[::2] == [
        "t.py::test_it[sequential]",
        "t.py::test_it#2[sequential]",
        "t.py::test_it::test_it_all[sequential]",
        "tests/test_pipeline.py::test_small::small[sequential]",
    ]


def test_only_rounds_that_count_go_in_and_keep_their_order() -> None:
    """Index i of both programs is the same round."""
    rounds = (
        round_of(9.0, 9.0, warmup=True),
        round_of(2.0, 0.5),
        round_of(8.0, 8.0, spoilt="steal 9 %"),
        round_of(1.0, 0.75),
        round_of(math.inf, 0.5),
    )
    sequential, parallel = entries(replace(MEASURED, rounds=rounds))
    assert sequential["stats"]["data"] == [2.0, 1.0]
    assert parallel["stats"]["data"] == [0.5, 0.75]


def test_what_has_no_counted_round_has_no_entry() -> None:
    only_spoilt = replace(MEASURED, rounds=(round_of(1.0, 1.0, spoilt="steal 9 %"),))
    assert entries(UNMEASURED, only_spoilt) == []


def test_contenders_share_the_one_they_are_held_against() -> None:
    other = replace(CONTENDER, name="test_it[theirs]")
    found = entries(CONTENDER, other)
    assert names(found) == ["test_it[old]", "test_it[ours]", "test_it[theirs]"]
    assert set(names(found, "group")) == {"cortex:test_it"}
    assert "speedup" not in found[0]["extra_info"]["cortex"]
    assert found[1]["extra_info"]["cortex"]["speedup"] == 3.92


def test_numbers_of_workers_share_the_single_one() -> None:
    two, four = (
        replace(MEASURED, test=SCALING.test, name=f"curve[{number}]", workers=number, scenario=None)
        for number in (2, 4)
    )
    points = (*SCALING.points, replace(SCALING.points[1], workers=4))
    found = entries(two, four, scalings=(replace(SCALING, points=points),))
    assert names(found) == ["curve[1]", "curve[2]", "curve[4]"]
    assert [entry["params"]["workers"] for entry in found] == [1, 2, 4]


def test_tests_that_measure_something_of_one_name_have_groups_of_their_own() -> None:
    found = entries(MEASURED, replace(MEASURED, test="other.py::test_small"))
    assert names(found, "group")[1:3] == [
        "cortex:small · tests/test_pipeline.py::test_small",
        "cortex:small · other.py::test_small",
    ]


def test_what_pytest_benchmark_has_no_place_for_is_in_extra_info() -> None:
    gated = replace(MEASURED, verdicts=(verdict(Outcome.FAIL),))
    for entry, program in zip(entries(gated), ("sequential", "parallel"), strict=True):
        ours = entry["extra_info"]["cortex"]
        assert (ours["program"], ours["outcome"], ours["schema"]) == (program, "FAIL", 2)
        assert (ours["speedup"], ours["speedup_low"], ours["speedup_high"]) == (3.92, 3.9, 3.95)
        assert ours["efficiency"] == pytest.approx(0.98)
        assert ours["verdicts"][0]["reason"] == "because"


def test_names_that_could_write_to_a_terminal_are_escaped() -> None:
    hostile = replace(MEASURED, test="t.py::test_it[\x1b[31m]", name="test_it[\x1b[31m]")
    for entry in entries(hostile):
        assert "\x1b" not in entry["name"] + entry["fullname"] + entry["group"]


# The document ---------------------------------------------------------------------------------------------------------

MACHINE = {
    "python": "3.12.1",
    "implementation": "CPython",
    "system": "Linux",
    "release": "6.1",
    "machine": "x86_64",
    "processor": "",
    "python_compiler": "GCC",
    "python_build": ("main", "Jan 1 2026"),
    "cpus": 4,
}
COMMIT = {"id": "abc", "time": "t", "author_time": "a", "dirty": True, "project": "p", "branch": "main"}


def test_the_document_has_every_key_that_pytest_benchmark_writes() -> None:
    whole = document(MEASURED, environment=MACHINE)
    assert set(whole) == {"machine_info", "commit_info", "benchmarks", "datetime", "version"}
    assert set(whole["machine_info"]) == {
        *("node", "processor", "machine", "python_compiler", "python_implementation", "python_implementation_version"),
        *("python_version", "python_build", "release", "system", "cpu"),
    }
    assert set(whole["commit_info"]) == {"id", "time", "author_time", "dirty", "project", "branch"}


def test_the_machine_and_the_commit_are_those_of_the_record() -> None:
    whole = document(MEASURED, environment={**MACHINE, "commit": COMMIT})
    assert whole["commit_info"] == COMMIT
    assert whole["machine_info"]["python_build"] == ["main", "Jan 1 2026"]
    assert whole["machine_info"]["cpu"] == {"count": 4}
    assert whole["machine_info"]["node"] == ""
    assert whole["datetime"] == "2026-01-31T12:00:00Z"


def test_a_run_outside_a_repository_is_unversioned() -> None:
    assert document(environment={**MACHINE, "commit": None})["commit_info"]["id"] == "unversioned"
    assert document()["commit_info"]["id"] == "unversioned"


def test_options_tell_how_it_was_measured() -> None:
    (first, _second) = entries(MEASURED, settings={"time_budget": SettingRecord(value=7.0, origin="default")})
    assert set(first["options"]) == {
        *("disable_gc", "timer", "min_rounds", "max_time", "min_time", "precision", "confidence", "warmup"),
    }
    assert first["options"]["max_time"] == 7.0


# Statistics -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(times)
def test_statistics_are_those_of_pytest_benchmark(seconds: list[float]) -> None:
    stats = pytest.importorskip("pytest_benchmark.stats").Stats()
    for each in seconds:
        stats.update(each)
    expected, ours = stats.as_dict(), statistics_of(seconds)
    assert set(ours) == {*expected, "data", "iterations"}
    del expected["hd15iqr"]  # it was the datum above the fence until 5.3
    assert {name: ours[name] for name in expected} == pytest.approx(expected)


@settings(deadline=None)
@given(times)
def test_whiskers_end_at_data_within_one_and_a_half_ranges(seconds: list[float]) -> None:
    ours = statistics_of(seconds)
    low, high = ours["q1"] - 1.5 * ours["iqr"], ours["q3"] + 1.5 * ours["iqr"]
    assert ours["ld15iqr"] == min(each for each in seconds if each >= low)
    assert ours["hd15iqr"] == max(each for each in seconds if each <= high)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_rounds_of_one_length_have_no_spread(count: int) -> None:
    """Also where a quarter and three quarters of the length, rounded, do not add up to it."""
    ours = statistics_of([0.1] * count)
    assert (ours["ld15iqr"], ours["hd15iqr"], ours["iqr_outliers"]) == (0.1, 0.1, 0)
    assert ours["ops"] == pytest.approx(10.0)


# pytest-benchmark's own command ---------------------------------------------------------------------------------------


def pytest_benchmark(folder: Path, *arguments: str) -> str:
    """Runs the command line of pytest-benchmark and returns what it printed."""
    pytest.importorskip("pytest_benchmark")
    command = [sys.executable, "-m", "pytest_benchmark", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def written(folder: Path, record: SessionRecord) -> str:
    path = folder / "benchmark.json"
    path.write_bytes(encode(record))
    return str(path)


def test_its_compare_shows_both_programs_of_each_group_and_their_ratio(tmp_path: Path) -> None:
    rounds = tuple(round_of(0.008, 0.002) for _ in range(12))
    record = session(replace(MEASURED, rounds=rounds), replace(CONTENDER, rounds=rounds))
    shown = pytest_benchmark(tmp_path, "compare", written(tmp_path, record), "--group-by=group", "--columns=median")
    lines = [(line.partition(" ")[0], *line.split()[-2:]) for line in shown.splitlines() if " " in line]
    assert ("small[parallel]", "2.0000", "(1.0)") in lines
    assert ("small[sequential]", "8.0000", "(4.00)") in lines
    assert "benchmark 'cortex:small': 2 tests" in shown
    assert "benchmark 'cortex:test_it': 2 tests" in shown


def test_its_compare_takes_a_file_without_any_entry(tmp_path: Path) -> None:
    assert "Legend" in pytest_benchmark(tmp_path, "compare", written(tmp_path, session(UNMEASURED)))


@pytest.mark.skipif(find_spec("pygal") is None, reason="pytest-benchmark draws with pygal")
def test_its_histogram_draws_each_group(tmp_path: Path) -> None:
    rounds = tuple(round_of(0.008 + number / 1024, 0.002) for number in range(12))
    path = written(tmp_path, session(replace(MEASURED, rounds=rounds)))
    pytest_benchmark(tmp_path, "--quiet", "compare", path, "--group-by=group", "--histogram=drawn")
    (chart,) = tmp_path.glob("drawn-*.svg")
    assert "small[parallel]" in chart.read_text("utf-8")
