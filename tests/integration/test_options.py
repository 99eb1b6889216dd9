"""Options: every source, every wrong value, and where reports go."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[..., dict[str, Any]]


def limits(record: Record) -> list[tuple[str, float, str]]:
    """Gate, limit and origin of all verdicts."""
    verdicts = [verdict for measurement in record()["measurements"] for verdict in measurement["verdicts"]]
    return [(verdict["gate"], verdict["limit"], verdict["origin"]) for verdict in verdicts]


# Wrong values ---------------------------------------------------------------------------------------------------------

WRONG = [
    ("--cortex-min-speedup=fast", "'fast' is not a number; a speedup above 0"),
    ("--cortex-min-speedup=", "'' is not a number"),
    ("--cortex-min-speedup=0", "'0' is out of range; a speedup above 0"),
    ("--cortex-min-speedup=-2", "'-2' is out of range"),
    ("--cortex-min-speedup=inf", "'inf' is out of range"),
    ("--cortex-min-speedup=smal:3", "no scenario 'smal'*small, medium, large, limited_workers"),
    ("--cortex-min-efficiency=85", "'85' is out of range; *write 0.85 for 85 %"),
    ("--cortex-min-efficiency=nan", "'nan' is out of range; an efficiency above 0 and up to 1"),
    ("--cortex-workers=0", "'0' is out of range; a whole number from 1 up"),
    ("--cortex-workers=2.5", "'2.5' * a whole number from 1 up"),
    ("--cortex-max-inconclusive=0", "'0' is out of range; a whole number from 1 up"),
    ("--cortex-seed=dice", "'dice' is not a whole number"),
    ("--cortex-inconclusive=pass", "'pass' is unknown; one of warn, fail, skip"),
    ("--cortex-time-budget=0", "'0' is out of range; a number of seconds above 0"),
    ("--cortex-time-limit=-1", "'-1' is out of range; a number of seconds above 0"),
    ("--cortex-module-duration=0", "'0' is out of range; a number of seconds from 0.001 up"),
    ("--cortex-time-scale=0", "'0' is out of range; a factor above 0"),
    ("--cortex-scenario=smal", "'smal' is neither a known scenario (small, medium, large, limited_workers) nor a file"),
    ("--cortex-scenario=test_bench.py", "workflow file 'test_bench.py': it is not JSON"),
    ("--cortex-report-dir=test_bench.py", "test_bench.py' is a file: name a folder"),
    ("--cortex-report-dir=test_bench.py/deep/down", "test_bench.py' is a file: name a folder"),
    ("--cortex-report-dir=" + 300 * "x", "cannot be used: * too long; name another folder"),
]


@pytest.mark.parametrize(("option", "message"), WRONG, ids=[option[:40] for option, _message in WRONG])
def test_a_wrong_value_ends_the_run_before_anything_is_collected(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, option: str, message: str
) -> None:
    bench_file("healthy", extra="raise SystemError")
    result = bench(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: *(command line)*{message.replace('[', '[[]')}*"])
    assert not (pytester.path / "reports").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("cortex_bench=maybe", "cortex_bench (tox.ini): 'maybe' is neither true nor false"),
        ("cortex_workers=0", "cortex_workers (tox.ini): '0' is out of range"),
        ("cortex_report_dir=test_bench.py", "cortex_report_dir (tox.ini): *test_bench.py' is a file: name a folder"),
    ],
)
def test_a_wrong_value_in_the_ini_file_is_an_error_too(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, setting: str, message: str
) -> None:
    pytester.makeini(f"[pytest]\n{setting}")
    bench_file("healthy")
    result = bench()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {message}*"])


def test_values_are_checked_in_idle_runs_too(run: Run) -> None:
    assert run("--cortex-workers=0").ret == pytest.ExitCode.USAGE_ERROR


def test_a_wrong_value_is_told_once_under_xdist(bench: Run) -> None:
    result = bench("--cortex-workers=0", "-n2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert str(result.stderr).count("'0' is out of range") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a folder nobody can write in, root included")
def test_a_read_only_file_system_is_found_before_measuring(bench: Run) -> None:
    result = bench("--cortex-report-dir=/proc/reports")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*nothing can be written in '/proc': name another folder"])


BENCH_TEST = """
from arms import healthy, serial

def test_it(cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""

# Where limits come from -----------------------------------------------------------------------------------------------


def test_a_limit_from_the_command_line(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file("healthy")
    bench("--cortex-min-speedup=3.5")
    assert limits(record) == [("min_speedup", 3.5, "command line")]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\ncortex_min_speedup = 2.5"),
        ("pyproject.toml", "[tool.pytest.ini_options]\ncortex_min_speedup = [2.5]"),
        ("pyproject.toml", '[tool.pytest]\ncortex_min_speedup = ["small:3", 2.5]'),
    ],
)
def test_a_limit_from_the_ini_file(bench: Run, pytester: pytest.Pytester, record: Record, file: str, text: str) -> None:
    (pytester.path / file).write_text(text, encoding="utf-8")
    pytester.makepyfile(BENCH_TEST)
    bench()
    assert limits(record) == [("min_speedup", 2.5, "ini")]


def test_an_ini_value_may_be_overridden_on_the_command_line(
    bench: Run, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeini("[pytest]\ncortex_min_speedup = 2.5\ncortex_seed = 7")
    pytester.makepyfile(BENCH_TEST)
    bench("-o", "cortex_seed=8")
    assert record()["settings"]["seed"] == {"value": 8, "origin": "ini"}


def test_an_ini_file_may_switch_measuring_on(run: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_bench = true")
    bench_file("healthy")
    run().assert_outcomes(passed=1)


def test_a_limit_for_one_scenario_leaves_the_others_theirs(bench: Run, record: Record) -> None:
    bench("--cortex-min-speedup=9", "--cortex-min-speedup=large:8", "-k", "small or large")
    assert limits(record) == [("min_speedup", 9, "command line"), ("min_speedup", 8, "command line")]


def test_a_file_named_in_the_ini_file_is_found_from_everywhere(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    specification, execution = {"id": "a", "parents": []}, {"id": "a", "runtimeInSeconds": 1}
    workflow = {"specification": {"tasks": [specification]}, "execution": {"tasks": [execution]}}
    (pytester.path / "flow.json").write_text(json.dumps({"workflow": workflow}), encoding="utf-8")
    pytester.makeini("[pytest]\ncortex_scenario = flow.json")
    monkeypatch.chdir(pytester.mkdir("below"))
    result = run("--cortex-bench", "--collect-only", "-q", "--rootdir=..")
    result.stdout.fnmatch_lines(["cortex::flow"])


# Where reports go -----------------------------------------------------------------------------------------------------


def test_a_folder_on_the_command_line_is_relative_to_where_pytest_was_started(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]")
    bench_file("healthy")
    monkeypatch.chdir(pytester.mkdir("below"))
    bench("--cortex-report-dir=deep/down", "..")
    assert (pytester.path / "below" / "deep" / "down" / "cortex.json").is_file()


def test_a_folder_in_the_ini_file_is_relative_to_that(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\ncortex_report_dir = deep/down")
    bench_file("healthy")
    monkeypatch.chdir(pytester.mkdir("below"))
    bench("..")
    assert (pytester.path / "deep" / "down" / "cortex.json").is_file()


def test_a_second_run_replaces_the_reports_and_nothing_else(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    bench_file("healthy")
    bench()
    mine = pytester.path / "reports" / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    bench("--cortex-min-speedup=2")
    assert limits(record) == [("min_speedup", 2, "command line")]
    assert mine.read_text(encoding="utf-8") == "mine"
