"""Beside pytest-benchmark: one test with both fixtures, its options, its absence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
Beside: TypeAlias = Callable[..., None]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

pytest.importorskip("pytest_benchmark")

BOTH = """
@pytest.mark.cortex(min_speedup=3)
def test_both(benchmark, cortex_bench):
    assert benchmark.pedantic(lambda: 7, rounds=3) == 7
    note(f"benchmarked={benchmark.stats is not None}")
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""
ONLY_THEIRS = "def test_theirs(benchmark): benchmark.pedantic(lambda: note('theirs'), rounds=1)\n"
ORDINARY = "def test_ordinary(): note('ordinary')\n"
QUICKLY = ("--cortex-module-duration=0.001", "--cortex-min-efficiency=0.01")
MEASURE = "bench test: run pytest --cortex-bench to measure it"


@pytest.fixture
def run_both(run: Run, beside: Beside) -> Run:
    """Runs pytest in this process, with pytest-benchmark."""
    beside("benchmark")
    return run


@pytest.fixture
def words(notes: Callable[[], list[tuple[str, str]]]) -> Callable[[], list[str]]:
    """Reads what tests noted."""
    return lambda: [word for word, _process in notes()]


def measured(record: Record) -> list[str]:
    return [measurement["name"] for measurement in record()["measurements"]]


# Both fixtures --------------------------------------------------------------------------------------------------------


def test_one_test_may_take_both_fixtures(
    run_both: Run, bench_file: BenchFile, record: Record, words: Callable[[], list[str]]
) -> None:
    bench_file(extra=BOTH)
    result = run_both("--cortex-bench")
    result.assert_outcomes(passed=1)
    assert words() == ["benchmarked=True"]
    assert record()["measurements"][0]["outcome"] == "PASS"
    result.stdout.fnmatch_lines_random(["*benchmark: 1 tests*", "*= cortex =*"])


def test_a_gate_fails_a_test_that_takes_both(run_both: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(extra=BOTH.replace("healthy", "locked"))
    run_both("--cortex-bench").assert_outcomes(failed=1)
    assert record()["measurements"][0]["outcome"] == "FAIL"


PEDANTIC = """
from pytest_cortex import Gate

@pytest.mark.benchmark(timer=lambda: CLOCK.perf_counter_ns() / 1e9)
def test_pairs(benchmark):
    noted = []

    def twin():
        started_ns = CLOCK.perf_counter_ns()
        serial()
        noted.append((CLOCK.perf_counter_ns() - started_ns) / 1e9)

    benchmark.pedantic({arm}, setup=twin, rounds=15)
    verdict = Gate(min_speedup=2).decide(sequential_s=noted, parallel_s=benchmark.stats["data"])
    note(f"{{verdict.outcome}}:{{verdict.speedup:.2f}}")
"""


@pytest.mark.parametrize(("arm", "said"), [("healthy", "PASS:4.00"), ("locked", "FAIL:0.89")])
def test_a_test_that_takes_benchmark_alone_can_be_judged_by_pairs(
    run_both: Run, bench_file: BenchFile, words: Callable[[], list[str]], arm: str, said: str
) -> None:
    """As the README shows: the sequential twin runs before each round."""
    bench_file(extra=PEDANTIC.format(arm=arm))
    run_both().assert_outcomes(passed=1)
    assert words() == [said]


# Its options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "outcomes", "noted"),
    [
        ("--benchmark-only", {"passed": 3, "skipped": 1}, ["benchmarked=True", "theirs"]),
        ("--benchmark-skip", {"passed": 2, "skipped": 2}, ["ordinary"]),
        ("--benchmark-disable", {"passed": 4}, ["benchmarked=False", "theirs", "ordinary"]),
    ],
)
def test_its_options_change_nothing_for_what_takes_cortex_bench_alone(
    run_both: Run,
    bench_file: BenchFile,
    record: Record,
    words: Callable[[], list[str]],
    *,
    option: str,
    outcomes: dict[str, int],
    noted: list[str],
) -> None:
    """Whether that is measured, ``--cortex-bench`` decides; a test that takes both is skipped by --benchmark-skip."""
    bench_file("healthy", extra=BOTH + ONLY_THEIRS + ORDINARY)
    result = run_both("--cortex-bench", option)
    assert result.parseoutcomes() == outcomes
    assert words() == noted
    both = [] if option == "--benchmark-skip" else ["test_both"]
    assert measured(record) == ["test_healthy", *both]


def test_an_author_s_own_skip_mark_stays(run_both: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", extra="@pytest.mark.skip(reason='no GPU')\ndef test_later(cortex_bench): raise SystemError")
    result = run_both("--cortex-bench", "--benchmark-only", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*no GPU"])


@pytest.mark.parametrize("option", ["--benchmark-only", "--benchmark-skip", "--benchmark-disable"])
def test_without_cortex_bench_the_reason_says_how_to_measure(run_both: Run, bench_file: BenchFile, option: str) -> None:
    """Also where pytest-benchmark would have skipped it for not being one of its own."""
    bench_file("healthy")
    result = run_both(option, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*{MEASURE}"])


def test_built_in_scenarios_are_measured_with_benchmark_only(run_both: Run, record: Record) -> None:
    """They have no fixtures, by which pytest-benchmark would know them."""
    result = run_both("--cortex-bench", "--benchmark-only", "--cortex-scenario=small", *QUICKLY)
    assert "skipped" not in result.parseoutcomes()
    assert measured(record) == ["small"]


# Its absence ----------------------------------------------------------------------------------------------------------

# The clock of these tests stands still while other programs on the machine run, so these disturb nothing.
UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""

WITHOUT_IT = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pytest_benchmark":
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Absent())

import pytest

sys.exit(pytest.main(["--cortex-bench", "-p", "no:benchmark", "-p", "no:cacheprovider"]))
"""


def test_where_it_is_not_installed_its_file_is_written_and_can_be_compared_elsewhere(
    pytester: pytest.Pytester, subprocess_run: Run, bench_file: BenchFile
) -> None:
    """The whole way: a run that draws everything, then pytest-benchmark's own command on what it left.

    ``subprocess_run`` is here for the environment that it sets.
    """
    bench_file("healthy", "locked")
    pytester.makeconftest(UNWATCHED)
    done = pytester.runpython(pytester.makepyfile(without=WITHOUT_IT))
    done.assert_outcomes(passed=1, failed=1)
    entries = json.loads((pytester.path / "reports" / "benchmark.json").read_text("utf-8"))["benchmarks"]
    assert [entry["name"] for entry in entries][:2] == ["test_healthy[sequential]", "test_healthy[parallel]"]
    assert {len(entry["stats"]["data"]) for entry in entries[:2]} == {entries[0]["stats"]["rounds"]}
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "reports/benchmark.json", "--group-by=group"]
    shown = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "benchmark 'cortex:test_healthy': 2 tests" in shown.stdout
    assert "test_locked[parallel]" in shown.stdout
