"""Under pytest-xdist the workers run the ordinary tests, and the controller then measures alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Notes: TypeAlias = Callable[[], list[tuple[str, str]]]
Junit: TypeAlias = Callable[[], dict[str, ET.Element]]

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
            "collected 2 items",
            "2 workers [[]1 item[]]",
            ".",
            "cortex: the workers are gone, the controller measures 1 bench test",
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


def test_a_workers_name_in_the_environment_makes_no_worker(
    bench: Run, bench_file: BenchFile, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test on a worker may run pytest itself, and that one measures."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    bench_file("healthy", extra=ORDINARY)
    bench().assert_outcomes(passed=2)
    assert [each["outcome"] for each in record()["measurements"]] == ["PASS"]


# Every way of distributing --------------------------------------------------------------------------------------------

GROUPED_TESTS = """
@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(3))
def test_grouped(number): note("ordinary")

@pytest.mark.xdist_group("two")
def test_measured_in_a_group(cortex_bench):
    note("bench")
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each", "no"])
def test_every_kind_of_distribution_measures_once_and_alone(
    bench: Run, bench_file: BenchFile, notes: Notes, record: Record, kind: str
) -> None:
    """``each`` runs every ordinary test on every worker, ``no`` with workers is ``load``."""
    bench_file(extra=NOTED_TESTS + GROUPED_TESTS)
    ordinary = 14 if kind == "each" else 7
    bench("-n2", f"--dist={kind}").assert_outcomes(passed=ordinary + 4)
    assert [word for word, _process in notes()] == ["ordinary"] * ordinary + ["bench"] * 4
    assert record()["complete"] is True
    assert [each["test"].partition("::")[2] for each in record()["measurements"]] == [
        "test_measuring[0]",
        "test_measuring[1]",
        "test_measuring[2]",
        "test_measured_in_a_group",
    ]


def test_distribution_may_be_set_in_the_ini_file(
    run: Run, bench_file: BenchFile, notes: Notes, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")
    pytester.makeini("[pytest]\naddopts = -n auto\ncortex_bench = true")
    bench_file(extra=NOTED_TESTS)
    run().assert_outcomes(passed=7)
    assert [word for word, _process in notes()] == ["ordinary"] * 4 + ["bench"] * 3
    run("-n0").assert_outcomes(passed=7)
    assert len({process for _word, process in notes()[7:]}) == 1


def test_no_process_of_a_worker_is_left_when_measuring_begins(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    """It might still tidy up after its tests, beside the first measurement."""
    bench_file(
        extra="""
import errno

def is_there(process):
    try:
        os.kill(process, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True

@pytest.mark.parametrize("number", range(2))
def test_ordinary(number): note("ordinary")

def test_alone(cortex_bench):
    workers = [int(line.split()[1]) for line in Path("notes.txt").read_text().splitlines()]
    assert workers and not any(map(is_there, workers))
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""
    )
    bench("-n2").assert_outcomes(passed=3)


def test_xdist_need_not_be_installed(
    apart: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(missing="import sys\nfor name in ('xdist', 'execnet'): sys.modules[name] = None")
    bench_file("healthy", extra="def test_ordinary():\n    with pytest.raises(ImportError): import xdist")
    apart("-p", "missing", "-p", "pytest_cortex.plugin", "-W", "error").assert_outcomes(passed=2)
    assert [each["outcome"] for each in record()["measurements"]] == ["PASS"]


# What a serial run would say ------------------------------------------------------------------------------------------


def test_a_last_failure_that_is_mended_brings_no_bench_test_back(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, spread_to_one: tuple[str, ...]
) -> None:
    """By the time it measures, the controller has heard that nothing fails any more."""
    bench_file("healthy", extra="from pathlib import Path\ndef test_mended(): assert Path('mended').exists()")
    bench().assert_outcomes(passed=1, failed=1)
    (pytester.path / "mended").touch()
    (pytester.path / "reports" / "cortex.json").unlink()
    bench("--lf", *spread_to_one).assert_outcomes(passed=1)
    assert not (pytester.path / "reports" / "cortex.json").exists()


def test_a_collection_error_is_a_last_failure(
    bench: Run, bench_file: BenchFile, spread_to_one: tuple[str, ...]
) -> None:
    bench_file("healthy")
    bench_file(extra="import nothing_of_this_name", name="test_broken")
    bench("--continue-on-collection-errors", *spread_to_one).assert_outcomes(passed=1, errors=1)
    bench_file(extra=ORDINARY, name="test_broken")
    bench("--lf").assert_outcomes(passed=1)


def test_what_failed_last_under_workers_is_known_to_the_next_run(
    bench: Run, bench_file: BenchFile, record: Record, spread_to_one: tuple[str, ...]
) -> None:
    bench_file("healthy", "locked", extra=ORDINARY + FAILING)
    bench("-n1").assert_outcomes(passed=2, failed=2)
    bench("--lf", *spread_to_one).assert_outcomes(failed=2)
    assert [each["name"] for each in record()["measurements"]] == ["test_locked"]


def test_last_failures_among_named_files_are_all_that_runs(
    bench: Run, bench_file: BenchFile, record: Record, spread_to_one: tuple[str, ...]
) -> None:
    """In files that the command line names, pytest looks for them only when everything is collected."""
    bench_file("healthy", "locked", extra=ORDINARY)
    bench("test_bench.py").assert_outcomes(passed=2, failed=1)
    assert bench("test_bench.py", "--lf", *spread_to_one).parseoutcomes() == {"failed": 1, "deselected": 2}
    assert [each["name"] for each in record()["measurements"]] == ["test_locked"]
    assert record()["complete"] is True


@pytest.mark.parametrize("option", ["-x", pytest.param("--maxfail=1", marks=pytest.mark.slow)])
def test_stopping_at_an_ordinary_failure_is_a_failure_and_no_interrupt(
    bench: Run, bench_file: BenchFile, option: str, spread_to_one: tuple[str, ...]
) -> None:
    bench_file(extra=FAILING)
    result = bench(option, *spread_to_one)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*! stopping after 1 failures !*"])
    result.stdout.no_fnmatch_line("*Interrupted*")


@pytest.mark.parametrize("file", ["nothing.py", pytest.param("test_bench.py::test_no", marks=pytest.mark.slow)])
def test_a_test_that_does_not_exist_is_a_usage_error(
    bench: Run, bench_file: BenchFile, file: str, spread_to_one: tuple[str, ...]
) -> None:
    bench_file("healthy")
    result = bench(file, *spread_to_one)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{file}*"])


def test_a_failing_assertion_of_a_bench_test_is_explained(
    bench: Run, bench_file: BenchFile, spread_to_one: tuple[str, ...]
) -> None:
    """Also in a file that only the command line makes a test file."""
    bench_file(extra="def test_it(cortex_bench):\n    one = 1\n    assert one == 2", name="speed")
    bench(*spread_to_one, "speed.py").stdout.fnmatch_lines(["E * assert 1 == 2"])


def test_stepwise_goes_on_where_it_stopped(
    bench: Run, bench_file: BenchFile, record: Record, spread_if_slow: tuple[str, ...]
) -> None:
    bench_file("healthy", "locked", "unsteady", extra=ORDINARY, name="test_second")
    bench_file(extra="def test_first(): pass", name="test_first")
    stopped = bench("--sw", *spread_if_slow)
    assert stopped.ret == pytest.ExitCode.INTERRUPTED
    assert [each["name"] for each in record()["measurements"]] == ["test_healthy", "test_locked"]
    bench("--sw", *spread_if_slow)
    assert [each["name"] for each in record()["measurements"]] == ["test_locked"]


CASES = """
def test_passing(): pass
def test_failing(): raise ValueError
@pytest.mark.skip(reason="later")
def test_skipped(): pass
@pytest.mark.xfail
def test_xfailed(): raise ValueError
@pytest.fixture
def broken(): raise ValueError
def test_erring(broken): pass
"""


def test_junit_is_that_of_a_serial_run(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    """Except for times, and the order of the ordinary tests."""
    bench_file("healthy", "locked", "unsteady", extra=CASES)
    written = []
    for spread in ((), ("-n2",)):
        bench("--cortex-seed=1", "--junitxml=junit.xml", *spread)
        suite = ET.parse(pytester.path / "junit.xml").getroot().find("testsuite")  # noqa: S314 - pytest has just written it
        assert suite is not None
        counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
        cases = [(each.attrib["classname"], each.attrib["name"], [child.tag for child in each]) for each in suite]
        written.append((counts, sorted(cases)))
    assert written[0] == written[1]
    assert written[0][0] == {"tests": "8", "failures": "2", "errors": "1", "skipped": "3"}


# Crashes --------------------------------------------------------------------------------------------------------------

CRASHING = """
@pytest.mark.parametrize("number", range(4))
def test_before(number): note("ordinary")

def test_crashing(): os._exit(1)

@pytest.mark.parametrize("number", range(4))
def test_after(number): note("ordinary")
"""


def test_a_crashed_worker_loses_nothing_that_was_finished(
    bench: Run, bench_file: BenchFile, record: Record, junit: Junit
) -> None:
    """It is replaced; the crash is a failure of its test, and everything else is reported once."""
    bench_file("healthy", "locked", extra=CRASHING)
    result = bench("-n2", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 9, "failed": 2}
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'test_bench.py::test_crashing'"])
    assert [(each["name"], each["outcome"]) for each in record()["measurements"]] == [
        ("test_healthy", "PASS"),
        ("test_locked", "FAIL"),
    ]
    assert len(junit()) == 11


def test_crashed_workers_that_are_not_replaced_lose_nothing_that_was_finished(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    bench_file("healthy", extra=CRASHING)
    result = bench("-n1", "--max-worker-restart=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 5, "failed": 1}
    assert [each["outcome"] for each in record()["measurements"]] == ["PASS"]
