"""Beside other people's plugins: each is there in the runs of its own tests only, and none is needed."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Junit: TypeAlias = Callable[[], dict[str, ET.Element]]
Beside: TypeAlias = Callable[..., None]

ORDINARY = "def test_ordinary(): pass\n"


def outcomes(record: Record) -> dict[str, str]:
    """Outcome by name of the measurement."""
    return {each["name"]: each["outcome"] for each in record()["measurements"]}


# pytest-cov -----------------------------------------------------------------------------------------------------------


def test_under_the_c_tracer_of_coverage_there_is_a_report_and_no_verdict(
    apart: Run,
    bench_file: BenchFile,
    record: Record,
    beside: Beside,
    monkeypatch: pytest.MonkeyPatch,
    spread_if_slow: tuple[str, ...],
) -> None:
    """It slows Python code many times over, and threads differently: even a lock is not proven then."""
    beside("pytest_cov")
    monkeypatch.setenv("COVERAGE_CORE", "ctrace")
    bench_file("healthy", "locked", extra=ORDINARY)
    result = apart("--cov=test_bench", "--cov-report=term", *spread_if_slow)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 1, "inconclusive": 2}
    reported = ["test_bench.py *100%*", "INCONCLUSIVE test_healthy * a tracer of coverage is active*"]
    result.stdout.fnmatch_lines_random(reported)
    assert outcomes(record) == {"test_healthy": "INCONCLUSIVE", "test_locked": "INCONCLUSIVE"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="COVERAGE_CORE=sysmon needs sys.monitoring, from Python 3.12 on")
def test_under_coverage_by_sys_monitoring_verdicts_stand(
    apart: Run, bench_file: BenchFile, record: Record, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears of each line once and is out of the way then."""
    beside("pytest_cov")
    monkeypatch.setenv("COVERAGE_CORE", "sysmon")
    bench_file("healthy", "locked")
    apart("--cov=test_bench", "--cov-report=term").assert_outcomes(passed=1, failed=1)
    assert outcomes(record) == {"test_healthy": "PASS", "test_locked": "FAIL"}


# pytest-randomly ------------------------------------------------------------------------------------------------------

NUMBERED = """
@pytest.mark.parametrize("number", range(6))
def test_numbered(cortex_bench, number):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""


def test_a_shuffled_and_reseeded_run_has_our_seed_and_our_rounds(
    apart: Run, bench_file: BenchFile, record: Record, beside: Beside
) -> None:
    """It seeds ``random`` before each test; the order within a round comes from our seed and the test alone."""
    bench_file(extra=NUMBERED)
    orders = []
    for plugins, options in (([], []), (["randomly"], ["--randomly-seed=3"])):
        beside(*plugins)
        apart("--cortex-seed=7", *options).assert_outcomes(passed=6)
        assert record()["seed"] == 7
        orders.append({each["name"]: [made["first"] for made in each["rounds"]] for each in record()["measurements"]})
    plain, shuffled = orders
    assert list(plain) != list(shuffled)
    assert plain == shuffled


# pytest-timeout -------------------------------------------------------------------------------------------------------

HANGING = """
import threading

@pytest.mark.cortex(min_speedup=3)
def test_hanging(cortex_bench):
    cortex_bench(sequential=serial, parallel=threading.Event().wait, workers=4, time_limit_s={limit_s})
"""


def test_of_two_time_limits_ours_stops_the_arm_and_names_it_where_it_is_the_shorter(
    bench: Run, bench_file: BenchFile, record: Record, beside: Beside
) -> None:
    beside("timeout")
    bench_file("healthy", extra=HANGING.format(limit_s=0.2))
    result = bench("--timeout=600")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*ArmTimeout: the parallel arm *0.2*"])
    assert outcomes(record) == {"test_healthy": "PASS", "test_hanging": None}


def test_of_two_time_limits_theirs_ends_the_test_where_it_is_the_shorter(
    bench: Run, bench_file: BenchFile, record: Record, beside: Beside
) -> None:
    """The run goes on, and what was measured is kept."""
    beside("timeout")
    bench_file("healthy", extra=HANGING.format(limit_s=600) + ORDINARY)
    result = bench("--timeout=0.5", "--timeout-method=signal", "-k", "hanging or ordinary")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Failed: Timeout *0.5s* from pytest-timeout*"])
    (measurement,) = record()["measurements"]
    assert (measurement["name"], measurement["outcome"]) == ("test_hanging", None)
    assert measurement["error"] is not None


# pytest-rerunfailures -------------------------------------------------------------------------------------------------

MENDING = """
attempts = iter([taking(9), healthy])

@pytest.mark.cortex(min_speedup=3)
def test_mending(cortex_bench):
    cortex_bench(sequential=serial, parallel=next(attempts), workers=4)
"""


def test_reruns_leave_one_row_of_the_last_attempt_and_count_them(
    bench: Run, bench_file: BenchFile, record: Record, junit: Junit, beside: Beside, spread: tuple[str, ...]
) -> None:
    """Each attempt may be wrong as often as promised, several more often: so the row says how many there were."""
    beside("rerunfailures")
    bench_file("locked", "unsteady", "healthy", extra=MENDING)
    result = bench("--reruns=2", "--junitxml=junit.xml", *spread)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 2, "failed": 1, "inconclusive": 1, "rerun": 3}
    rows = [(each["name"], each["outcome"], each["attempts"]) for each in record()["measurements"]]
    assert sorted(rows) == [
        ("test_healthy", "PASS", 1),
        ("test_locked", "FAIL", 3),
        ("test_mending", "PASS", 2),
        ("test_unsteady", "INCONCLUSIVE", 1),
    ]
    assert {name: len(case.findall("properties/property[@name='cortex']")) for name, case in junit().items()} == {
        "test_locked": 1,
        "test_unsteady": 1,
        "test_healthy": 1,
        "test_mending": 1,
    }


# pytest-asyncio and anyio ---------------------------------------------------------------------------------------------

COROUTINES = """
async def concurrent(): healthy()

@pytest.mark.cortex(min_speedup=3)
def test_coroutine_arm(cortex_bench):
    cortex_bench(sequential=serial, parallel=concurrent, workers=4)

@pytest.mark.asyncio
async def test_asyncio(): pass

@pytest.fixture
def anyio_backend(): return "asyncio"

@pytest.mark.anyio
async def test_anyio(): pass
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_pytest_asyncio_and_anyio_go_on_as_ever(
    bench: Run, bench_file: BenchFile, record: Record, beside: Beside, mode: str, spread_if_slow: tuple[str, ...]
) -> None:
    beside("asyncio", "anyio")
    bench_file("healthy", extra=COROUTINES)
    ini = ("-o", f"asyncio_mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function")
    bench(*ini, "-W", "error", *spread_if_slow).assert_outcomes(passed=4)
    assert outcomes(record) == {"test_healthy": "PASS", "test_coroutine_arm": "PASS"}


# pytest-codspeed ------------------------------------------------------------------------------------------------------

CODSPEED = """
@pytest.mark.benchmark
def test_theirs(): pass
"""


def test_codspeed_and_we_measure_each_our_own(
    apart: Run, bench_file: BenchFile, record: Record, beside: Beside
) -> None:
    beside("codspeed")
    bench_file("healthy", "locked", extra=CODSPEED + ORDINARY)
    apart().assert_outcomes(passed=3, failed=1)
    assert outcomes(record) == {"test_healthy": "PASS", "test_locked": "FAIL"}


@pytest.mark.slow
def test_codspeed_when_it_measures_leaves_out_what_is_not_its_own(
    apart: Run, bench_file: BenchFile, pytester: pytest.Pytester, beside: Beside
) -> None:
    """It deselects every test without one of its benchmarks, ours among them."""
    beside("codspeed")
    bench_file("healthy", "locked", extra=CODSPEED + ORDINARY)
    assert apart("--codspeed").parseoutcomes() == {"passed": 1, "deselected": 3}
    assert not (pytester.path / "reports").exists()


# subtests -------------------------------------------------------------------------------------------------------------

SUBTESTS = """
def test_it(cortex_bench, subtests):
    for name, arm in (("one", healthy), ("two", locked), ("three", unsteady)):
        with subtests.test(name):
            cortex_bench(sequential=serial, parallel=arm, workers=4, name=name).assert_speedup(3)
"""


def test_measurements_in_subtests_have_one_row_each(
    bench: Run, bench_file: BenchFile, record: Record, spread_if_slow: tuple[str, ...]
) -> None:
    """The second fails its own subtest; the third shows the whole test as INCONCLUSIVE."""
    if pytest.version_tuple < (9, 0):
        pytest.importorskip("pytest_subtests", reason="pytest has subtests from 9.0 on, and before as a plugin")
    bench_file(extra=SUBTESTS)
    assert bench(*spread_if_slow).ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(record) == {"one": "PASS", "two": "FAIL", "three": "INCONCLUSIVE"}
    assert len({each["test"] for each in record()["measurements"]}) == 1


# Everything strict ----------------------------------------------------------------------------------------------------

STRICT = """
[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
xfail_strict = true
"""

MARKED = """
@pytest.mark.cortex(min_speedup=3)
def test_marked(cortex_bench):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""


@pytest.mark.parametrize("strict", ["", "strict = true"], ids=["options", "strict"])
def test_strict_mode_finds_nothing_wrong_with_us(
    run: Run, bench_file: BenchFile, pytester: pytest.Pytester, strict: str, spread_if_slow: tuple[str, ...]
) -> None:
    """Markers registered, options known, ids unique, no warning; measuring and idle."""
    if strict and pytest.version_tuple < (9, 0):
        pytest.skip("pytest has strict = true from 9.0 on")
    pytester.makeini(f"{STRICT}{strict}\ncortex_min_efficiency = 0.5\n")
    bench_file("healthy", extra=MARKED + ORDINARY)
    run(*spread_if_slow).assert_outcomes(passed=1, skipped=2)
    run("--cortex-bench", *spread_if_slow).assert_outcomes(passed=3)


@pytest.mark.slow
def test_with_every_plugin_at_once_verdicts_are_what_they_are_alone(
    apart: Run, bench_file: BenchFile, record: Record, beside: Beside
) -> None:
    """The suite of somebody who has them all."""
    beside("anyio", "asyncio", "hypothesispytest", "pytest_cov", "randomly", "rerunfailures", "timeout")
    bench_file("healthy", "locked", "unsteady", extra=ORDINARY)
    result = apart("-n2", "--reruns=1", "--timeout=600")
    assert result.parseoutcomes() == {"passed": 2, "failed": 1, "inconclusive": 1, "rerun": 1}
    assert outcomes(record) == {"test_healthy": "PASS", "test_locked": "FAIL", "test_unsteady": "INCONCLUSIVE"}
