"""``--cortex-history``: each run adds one file, and the reports show how speedups went."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]


def runs(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.iterdir())]


def test_without_the_option_nothing_is_kept(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    bench_file("healthy")
    bench()
    assert not (pytester.path / ".cortex").exists()
    assert record()["history"] == []


def test_every_run_adds_one_file_beside_the_ini_file(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeini("[pytest]\ncortex_history = .cortex/history")
    bench_file("healthy", "locked")
    for count in (1, 2, 3):
        result = bench()
        found = runs(pytester.path / ".cortex" / "history")
        assert len(found) == count
        result.stdout.fnmatch_lines([f"history: this run was saved, {count} run* in '*history'", "reports: *"])
    kept = {each["name"]: (each["speedup"], each["outcome"]) for each in found[-1]["measurements"]}
    assert kept == {"test_healthy": (4.0, "PASS"), "test_locked": (pytest.approx(8 / 9), "FAIL")}
    assert [(series["name"], len(series["points"])) for series in record()["history"]] == [
        ("test_healthy", 3),
        ("test_locked", 3),
    ]


def test_the_command_line_can_switch_it_off(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_history = runs")
    bench_file("healthy")
    bench("--cortex-history=off")
    assert not (pytester.path / "runs").exists()


def test_the_cap_is_kept(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    bench_file("healthy")
    for _run in range(4):
        bench("--cortex-history=runs", "--cortex-history-cap=2")
    assert len(runs(pytester.path / "runs")) == 2


def test_a_folder_of_something_else_ends_the_run_before_it_begins(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """The path that was meant for pytest, and is taken for the option's value."""
    bench_file("healthy")
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_more.py").write_text("raise SystemError")
    result = bench("--cortex-history", "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pytest-cortex: --cortex-history (command line): *holds other things*"])


def test_programs_against_themselves_are_not_kept(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    bench_file("healthy")
    result = bench("--cortex-history=runs", "--cortex-against-itself")
    result.stdout.fnmatch_lines(["history: nothing was saved, since programs were measured against themselves"])
    assert not (pytester.path / "runs").exists()


def test_an_ordinary_run_keeps_nothing(run: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    bench_file("healthy")
    run("--cortex-history=runs").assert_outcomes(skipped=1)
    assert not (pytester.path / "runs").exists()
