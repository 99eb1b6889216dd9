"""What CI is told: a step summary and annotations on GitHub, properties in JUnit."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex.plugin import ending

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Junit: TypeAlias = Callable[[], dict[str, ET.Element]]

ORDINARY = "def test_ordinary(): pass\n"


def line_of(path: Path, text: str) -> int:
    """The number of the first line that holds *text*, from 1."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


# Where a test is ------------------------------------------------------------------------------------------------------


def test_the_record_says_where_each_test_is(bench: Run, bench_file: BenchFile, record: Record) -> None:
    path = bench_file("healthy", "locked", extra=ORDINARY)
    bench()
    decorators = [number for number, line in enumerate(path.read_text().splitlines(), 1) if line.startswith("@")]
    places = [(each["file"], each["line"]) for each in record()["measurements"]]
    assert places == [("test_bench.py", number) for number in decorators]


def test_a_test_that_is_inherited_is_where_it_is_written(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """Its id names the file that inherits."""
    base = bench_file(
        extra="class Base:\n    def test_it(self, cortex_bench):\n"
        "        cortex_bench(sequential=serial, parallel=healthy, workers=4)\n",
        name="base",
    )
    bench_file(extra="import base\nclass TestIt(base.Base): pass")
    bench()
    (measurement,) = record()["measurements"]
    assert measurement["test"] == "test_bench.py::TestIt::test_it"
    assert (measurement["file"], measurement["line"]) == ("base.py", line_of(base, "def test_it"))


def test_a_scenario_without_a_test_file_is_nowhere(bench: Run, record: Record) -> None:
    bench("--cortex-scenario=small", "--cortex-module-duration=0.001", "--cortex-min-efficiency=0.01")
    (measurement,) = record()["measurements"]
    assert (measurement["file"], measurement["line"]) == (None, None)


# GitHub: the step summary ---------------------------------------------------------------------------------------------


@pytest.fixture
def step_summary(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that GitHub shows on the page of a run."""
    path = pytester.path / "step_summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_the_step_summary_is_written_once(
    bench: Run, bench_file: BenchFile, step_summary: Path, spread: tuple[str, ...]
) -> None:
    """Workers inherit the variable as well."""
    bench_file("healthy", "locked", extra=ORDINARY)
    bench(*spread)
    written = step_summary.read_text("utf-8")
    assert written.count("# Speedup report") == 1
    assert written.count("**FAIL** test_locked") == 1
    assert "](speedup.svg)" not in written


def test_a_second_step_summary_follows_the_first(bench: Run, bench_file: BenchFile, step_summary: Path) -> None:
    bench_file("healthy")
    bench()
    bench()
    assert step_summary.read_text("utf-8").count("\n\n# Speedup report") == 1


@pytest.mark.parametrize(("arm", "status"), [("healthy", 0), ("locked", 1)])
def test_a_step_summary_that_cannot_be_written_changes_no_verdict(
    bench: Run, bench_file: BenchFile, step_summary: Path, arm: str, status: int
) -> None:
    step_summary.mkdir()
    bench_file(arm)
    result = bench()
    assert result.ret == status
    result.stdout.fnmatch_lines([f"nothing was added to the step summary {step_summary}: *Error: *", "reports: *"])


@pytest.mark.usefixtures("step_summary")
def test_a_run_that_measures_nothing_has_no_step_summary(run: Run, bench_file: BenchFile, step_summary: Path) -> None:
    bench_file("healthy", extra=ORDINARY)
    run()
    run("--cortex-bench", "-k", "ordinary")
    run("--cortex-bench", "--collect-only")
    assert not step_summary.exists()


def test_an_empty_variable_names_no_file(bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    bench_file("healthy")
    bench().stdout.no_fnmatch_line("*step summary*")


# GitHub: annotations --------------------------------------------------------------------------------------------------


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> pytest.MonkeyPatch:
    """A step of GitHub Actions in the root of the repository."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    return monkeypatch


def commands(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("::")]


@pytest.mark.usefixtures("on_github")
def test_what_did_not_pass_is_annotated_on_the_line_of_its_test(
    bench: Run, bench_file: BenchFile, spread: tuple[str, ...]
) -> None:
    path = bench_file("healthy", "locked", "unsteady", extra=ORDINARY)
    result = bench(*spread)
    last = line_of(path, "def test_unsteady") - 1
    first = line_of(path, "def test_locked") - 1
    fail, undecided = commands(result)
    assert fail.startswith(
        f"::error file=test_bench.py,line={first},title=FAIL test_locked::min_speedup=3 from marker: speedup 0.89 "
    )
    assert undecided.startswith(f"::warning file=test_bench.py,line={last},title=INCONCLUSIVE test_unsteady::")
    assert result.outlines[result.outlines.index(undecided) + 1].startswith("reports: ")


@pytest.mark.usefixtures("on_github")
def test_a_stale_limit_is_annotated(bench: Run, bench_file: BenchFile) -> None:
    test = "def test_it(cortex_bench): cortex_bench(sequential=taking(8), parallel=taking({ms}), workers=4)\n"
    bench_file(extra=test.format(ms=2))
    assert commands(bench("--cortex-save=main")) == []
    bench_file(extra=test.format(ms=1))
    (stale,) = commands(bench("--cortex-compare=main"))
    assert stale.startswith("::warning file=test_bench.py,line=3,title=WARNING test_it::speedup 8.00 is proven more ")


def test_files_are_named_as_seen_from_the_repository_and_not_from_pytests_root(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, on_github: pytest.MonkeyPatch
) -> None:
    on_github.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    bench_file("locked")
    (command,) = commands(bench())
    assert command.startswith(f"::error file={pytester.path.name}/test_bench.py,line=")


def test_without_a_workspace_files_are_named_as_pytest_does(
    bench: Run, bench_file: BenchFile, on_github: pytest.MonkeyPatch
) -> None:
    on_github.delenv("GITHUB_WORKSPACE")
    bench_file("locked")
    assert commands(bench())[0].startswith("::error file=test_bench.py,")


def test_a_project_on_another_drive_has_no_folder_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it may be on Windows."""

    def other_drive(*_paths: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    with monkeypatch.context() as patched:
        patched.setenv("GITHUB_WORKSPACE", "C:\\work")
        patched.setattr(os.path, "relpath", other_drive)
        folder = ending._folder_in_repository(Path("D:\\project"))
    assert folder == ""


@pytest.mark.parametrize("value", ["", "false"])
def test_nothing_is_annotated_elsewhere(
    bench: Run, bench_file: BenchFile, on_github: pytest.MonkeyPatch, value: str
) -> None:
    on_github.setenv("GITHUB_ACTIONS", value)
    bench_file("locked")
    assert commands(bench()) == []


# JUnit ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["xunit1", "xunit2", "legacy"])
def test_junit_has_one_property_and_nobody_is_warned(
    bench: Run, bench_file: BenchFile, junit: Junit, family: str
) -> None:
    """``record_property`` would warn with xunit2, whose schema has no properties of a test."""
    bench_file("healthy", "unsteady", extra=ORDINARY)
    result = bench("--junitxml=junit.xml", "-o", f"junit_family={family}", "-W", "error")
    assert "warnings" not in result.parseoutcomes()
    found = {name: case.findall("properties/property") for name, case in junit().items()}
    assert {name: len(each) for name, each in found.items()} == {
        "test_healthy": 1,
        "test_unsteady": 1,
        "test_ordinary": 0,
    }
    (healthy,) = found["test_healthy"]
    assert healthy.attrib["name"] == "cortex"
    assert json.loads(healthy.attrib["value"]) == [
        {
            "name": "test_healthy",
            "workers": 4,
            "speedup": 4.0,
            "efficiency": 1.0,
            "verdicts": ["min_speedup=3: PASS"],
        }
    ]


def test_names_that_xml_cannot_hold_survive_in_junit(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """In JSON they are escapes, of which XML knows nothing."""
    name = "\x1b\x00]]>&\udcff"
    bench_file(
        extra="def test_it(cortex_bench):\n"
        f"    cortex_bench(sequential=serial, parallel=healthy, workers=4, name={name!r})\n"
    )
    bench("--junitxml=junit.xml").assert_outcomes(passed=1)
    (told,) = ET.parse(pytester.path / "junit.xml").getroot().iter("property")  # noqa: S314 - pytest has just written it
    assert json.loads(told.attrib["value"])[0]["name"] == name
