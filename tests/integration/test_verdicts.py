"""A verdict is the outcome of its test item, for everything that pytest does with outcomes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Junit: TypeAlias = Callable[[], dict[str, ET.Element]]


def measured(record: Record) -> list[str]:
    return [measurement["name"] for measurement in record()["measurements"]]


# PASS and FAIL --------------------------------------------------------------------------------------------------------


def test_a_lock_fails_that_very_test_and_no_other(bench: Run, bench_file: BenchFile) -> None:
    bench_file("locked", "healthy")
    result = bench("-rA")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(["PASSED *::test_healthy", "FAILED *::test_locked - *"])


def test_the_failure_shows_the_call_and_the_numbers_and_nothing_of_the_plugin(
    bench: Run, bench_file: BenchFile
) -> None:
    bench_file("locked")
    result = bench()
    result.stdout.fnmatch_lines(
        [
            ">*cortex_bench(sequential=serial, parallel=locked, workers=4)",
            "E *GateFailed: test_locked: FAIL min_speedup=3 (marker): speedup 0.89 *below 2.94*after * rounds",
        ]
    )
    result.stdout.no_fnmatch_line("*/bench.py:*")


def test_junit_has_the_failure_and_the_numbers(
    bench: Run, bench_file: BenchFile, junit: Junit, spread: tuple[str, ...]
) -> None:
    bench_file("locked", "healthy")
    bench("--junitxml=junit.xml", *spread)
    cases = junit()
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["test_locked"]
    properties = {name: case.find("properties/property[@name='cortex']") for name, case in cases.items()}
    rows = {name: json.loads(each.attrib["value"]) for name, each in properties.items() if each is not None}
    verdicts = {name: row["verdicts"] for name, (row,) in rows.items()}
    assert verdicts == {"test_locked": ["min_speedup=3: FAIL"], "test_healthy": ["min_speedup=3: PASS"]}
    assert rows["test_healthy"][0]["speedup"] == 4


def test_last_failed_measures_only_what_failed(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file("healthy", "locked")
    bench()
    assert bench("--lf", *spread).ret == pytest.ExitCode.TESTS_FAILED
    assert measured(record) == ["test_locked"]


def test_exitfirst_stops_measuring(bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]) -> None:
    bench_file("locked", "healthy")
    result = bench("-x", *spread)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the run ended early*"])
    assert measured(record) == ["test_locked"]
    assert record()["complete"] is False


def test_maxfail_counts_ordinary_failures_too(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file("locked", "healthy", name="test_second")
    bench_file(extra="def test_ordinary(): raise ValueError", name="test_first")
    assert bench("--maxfail=2", *spread).ret == pytest.ExitCode.TESTS_FAILED
    assert measured(record) == ["test_locked"]


def test_what_a_keyword_deselects_is_not_measured(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file("locked", "healthy")
    assert bench("-k", "healthy", *spread).ret == pytest.ExitCode.OK
    assert measured(record) == ["test_healthy"]
    assert record()["complete"] is True


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--setup-only"])
def test_nothing_is_measured_or_written_when_nothing_is_run(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, option: str
) -> None:
    bench_file("healthy", "locked")
    assert bench(option).ret == pytest.ExitCode.OK
    assert not (pytester.path / "reports").exists()


def test_collect_only_lists_bench_tests_under_xdist_as_well(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, spread: tuple[str, ...]
) -> None:
    bench_file("healthy", extra="def test_ordinary(): pass")
    result = bench("--collect-only", "-q", *spread)
    result.stdout.fnmatch_lines(["*::test_healthy", "*::test_ordinary"])
    assert not (pytester.path / "reports").exists()


def test_an_expected_failure_is_one(bench: Run, bench_file: BenchFile) -> None:
    bench_file(
        extra="""
@pytest.mark.xfail
@pytest.mark.cortex(min_speedup=3)
def test_known(cortex_bench):
    cortex_bench(sequential=serial, parallel=locked, workers=4)
"""
    )
    result = bench()
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"xfailed": 1}


def test_a_bench_test_that_its_author_skips_does_not_interrupt_the_run(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    bench_file("healthy", extra="@pytest.mark.skip(reason='no GPU')\ndef test_skipped(cortex_bench): pass")
    result = bench()
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.no_fnmatch_line("*the run ended early*")
    assert record()["complete"] is True


def test_a_failing_fixture_does_not_interrupt_the_run(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(
        "healthy", extra="@pytest.fixture\ndef broken(): raise ValueError\ndef test_it(broken, cortex_bench): pass"
    )
    bench().assert_outcomes(passed=1, errors=1)
    assert record()["complete"] is True


# INCONCLUSIVE ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "category", "status"),
    [
        ("warn", "inconclusive", pytest.ExitCode.OK),
        ("skip", "skipped", pytest.ExitCode.OK),
        ("fail", "failed", pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_inconclusive_is_never_shown_as_passed(
    bench: Run, bench_file: BenchFile, mode: str, category: str, status: pytest.ExitCode
) -> None:
    bench_file("unsteady", "healthy")
    result = bench(f"--cortex-inconclusive={mode}")
    assert result.ret == status
    assert result.parseoutcomes() == {"passed": 1, category: 1}


def test_inconclusive_is_a_category_of_its_own_under_xdist_too(bench: Run, bench_file: BenchFile) -> None:
    bench_file("unsteady", "healthy")
    assert bench("-n2").parseoutcomes() == {"passed": 1, "inconclusive": 1}


@pytest.mark.parametrize(("mode", "element"), [("warn", "skipped"), ("skip", "skipped"), ("fail", "failure")])
def test_inconclusive_is_not_passed_in_junit(
    bench: Run, bench_file: BenchFile, junit: Junit, mode: str, element: str
) -> None:
    bench_file("unsteady")
    bench(f"--cortex-inconclusive={mode}", "--junitxml=junit.xml")
    told = junit()["test_unsteady"].find(element)
    assert told is not None
    assert told.attrib["message"].startswith("INCONCLUSIVE: test_unsteady: speedup ")


def test_a_gate_that_never_decides_fails_in_the_end(bench: Run, bench_file: BenchFile) -> None:
    bench_file("unsteady")
    undecided = [bench("--cortex-max-inconclusive=3").parseoutcomes() for _ in range(3)]
    assert undecided == [{"inconclusive": 1}, {"inconclusive": 1}, {"failed": 1}]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("mode", "category"), [("warn", "inconclusive"), ("skip", "skipped"), ("fail", "xfailed")])
def test_inconclusive_is_no_unexpected_success(
    bench: Run, bench_file: BenchFile, mode: str, category: str, *, strict: bool
) -> None:
    bench_file(
        extra=f"""
@pytest.mark.xfail(strict={strict})
@pytest.mark.cortex(min_speedup=3)
def test_known(cortex_bench):
    cortex_bench(sequential=serial, parallel=unsteady, workers=4)
"""
    )
    result = bench(f"--cortex-inconclusive={mode}")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {category: 1}


OBSERVED = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        print("seen:", item.name, report.outcome)
    return report
"""


def test_other_plugins_see_the_outcome_that_is_reported(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """Many keep a list of their own, for a page or a server, and make it while the report is made."""
    pytester.makepyfile(observer=OBSERVED)
    pytester.syspathinsert()
    bench_file("healthy", "locked", "unsteady")
    result = bench("-s", "-p", "observer")
    result.stdout.fnmatch_lines(
        ["*seen: test_healthy passed", "*seen: test_locked failed", "*seen: test_unsteady skipped"]
    )


def test_without_a_cache_nothing_is_remembered(bench: Run, bench_file: BenchFile) -> None:
    bench_file("unsteady")
    for _ in range(2):
        result = bench("--cortex-max-inconclusive=2", "-p", "no:cacheprovider")
        assert result.parseoutcomes() == {"inconclusive": 1}


# Gates that guard nothing ---------------------------------------------------------------------------------------------


def test_a_gate_whose_test_measures_nothing_fails(bench: Run, bench_file: BenchFile) -> None:
    bench_file(extra="@pytest.mark.cortex(min_speedup=3)\ndef test_it(cortex_bench): pass")
    result = bench()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["the gate min_speedup guards nothing: the test never called cortex_bench(…)"])


needs_subtests = pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest has subtests from 9.0 on")

SUBTESTS = """
@pytest.mark.cortex(min_speedup=3)
def test_it(cortex_bench, subtests):
    with subtests.test("before"): pass
    cortex_bench(sequential=serial, parallel={arm}, workers=4)
    with subtests.test("after"): pass
"""


@needs_subtests
def test_a_gate_may_wait_for_the_end_of_the_test_whatever_its_subtests_report(
    bench: Run, bench_file: BenchFile
) -> None:
    bench_file(extra=SUBTESTS.format(arm="healthy"))
    assert bench().ret == pytest.ExitCode.OK


@needs_subtests
def test_a_subtest_is_not_inconclusive(bench: Run, bench_file: BenchFile) -> None:
    bench_file(extra=SUBTESTS.format(arm="unsteady"))
    result = bench("-v")
    assert result.parseoutcomes()["inconclusive"] == 1
    assert "skipped" not in result.parseoutcomes()
