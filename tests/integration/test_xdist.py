"""Under pytest-xdist the workers run the ordinary tests, and the controller then measures alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Notes: TypeAlias = Callable[[], list[tuple[str, str]]]

NOTED_TESTS = """
@pytest.mark.parametrize("number", range(4))
def test_ordinary(number): note("ordinary")

@pytest.mark.parametrize("number", range(3))
def test_measuring(cortex_bench, number):
    note("bench")
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""

ORDINARY = "def test_ordinary(): pass\n"
FAILING = "def test_failing(): raise ValueError\n"


def test_each_bench_test_is_measured_once_by_the_controller_after_all_ordinary_tests(
    bench: Run, bench_file: BenchFile, notes: Notes
) -> None:
    bench_file(extra=NOTED_TESTS)
    bench("-n2").assert_outcomes(passed=7)
    assert [word for word, _process in notes()] == ["ordinary"] * 4 + ["bench"] * 3
    workers = {process for word, process in notes() if word == "ordinary"}
    controllers = {process for word, process in notes() if word == "bench"}
    assert len(workers) == 2
    assert len(controllers) == 1
    assert not workers & controllers


@pytest.mark.parametrize(
    ("files", "status"),
    [
        pytest.param([(("healthy",), ORDINARY)], 0, id="all pass"),
        pytest.param([(("healthy",), FAILING)], 1, id="ordinary failure"),
        pytest.param([(("locked",), ORDINARY)], 1, id="bench failure"),
        pytest.param([(("healthy",), ORDINARY), ((), "import nothing_of_this_name")], 2, id="collection error"),
        pytest.param([(("healthy",), "")], 0, id="only bench tests"),
        pytest.param([((), "")], 5, id="no test"),
    ],
)
def test_the_exit_code_is_that_of_a_serial_run(
    bench: Run, bench_file: BenchFile, spread: tuple[str, ...], files: list[tuple[tuple[str, ...], str]], status: int
) -> None:
    names = [bench_file(*arms, extra=extra, name=f"test_{number}").name for number, (arms, extra) in enumerate(files)]
    assert bench(*spread, *names).ret == status


def test_a_collection_error_is_told_once_and_nothing_is_measured(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    bench_file("healthy", extra=ORDINARY)
    bench_file(extra="import nothing_of_this_name", name="test_broken")
    result = bench("-n2")
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*Interrupted: 1 error during collection*"])
    assert not (pytester.path / "reports").exists()


def test_collection_errors_may_be_tolerated(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file("healthy")
    bench_file(extra="import nothing_of_this_name", name="test_broken")
    result = bench("-n2", "--continue-on-collection-errors")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    assert [each["name"] for each in record()["measurements"]] == ["test_healthy"]


def test_a_file_that_skips_itself_is_counted_once(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    bench_file(extra="pytest.skip('not here', allow_module_level=True)", name="test_elsewhere")
    assert bench("-n2").parseoutcomes() == {"passed": 1, "skipped": 1}


def test_nothing_is_measured_after_the_workers_were_stopped(bench: Run, bench_file: BenchFile, notes: Notes) -> None:
    bench_file(extra=FAILING + NOTED_TESTS)
    assert bench("-n2", "-x").ret != pytest.ExitCode.OK
    assert "bench" not in dict(notes())


def test_workers_that_cannot_start_are_no_success(
    bench: Run, bench_file: BenchFile, notes: Notes, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("import os\ndef pytest_configure(config): hasattr(config, 'workerinput') and os._exit(1)")
    bench_file(extra=NOTED_TESTS)
    assert bench("-n2", "--max-worker-restart=0").ret != pytest.ExitCode.OK
    assert notes() == []


def test_a_bench_test_that_nobody_can_foresee_fails_rather_than_guard_nothing(
    bench: Run, bench_file: BenchFile
) -> None:
    bench_file("healthy", extra="def test_it(request): request.getfixturevalue('cortex_bench')")
    result = bench("-n2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*cortex_bench was asked for while the test ran*take it as an argument*"])


def test_the_output_tells_the_two_parts_apart(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", extra=ORDINARY)
    result = bench("-n2")
    result.stdout.fnmatch_lines(
        [
            "cortex: measuring bench tests by the controller, after the workers",
            "cortex: the workers are done, the controller collects and measures bench tests",
            "collected 2 items",
            ". * [[]100%[]]",
        ]
    )


@pytest.mark.parametrize("plugin", ["xdist", "cacheprovider", "terminal", "junitxml"])
def test_measuring_needs_no_other_plugin(bench: Run, bench_file: BenchFile, record: Record, plugin: str) -> None:
    bench_file("healthy", "locked")
    assert bench("-p", f"no:{plugin}").ret == pytest.ExitCode.TESTS_FAILED
    outcomes = [measurement["outcome"] for measurement in record()["measurements"]]
    assert outcomes == ["PASS", "FAIL"]


def test_no_workers_means_a_serial_run(bench: Run, bench_file: BenchFile, notes: Notes) -> None:
    bench_file(extra=NOTED_TESTS)
    bench("-n0").assert_outcomes(passed=7)
    assert len({process for _word, process in notes()}) == 1
