"""What ``pytest --cortex-bench`` runs where there is no bench test: the scenarios, in real time but not for long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex.measuring import machine

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

NAMES = ["small", "medium", "large", "limited_workers"]
# A limit far below what any machine reaches, and modules that are over soon.
SHORT = ("--cortex-min-efficiency=0.05", "--cortex-module-duration=0.002")
# No graph allows it, so that the gates fail at once.
IMPOSSIBLE = "--cortex-min-speedup=9"


# Whatever else the machine is doing, a limit this low is met.
UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""


def measured(record: Record) -> list[str]:
    return [measurement["name"] for measurement in record()["measurements"]]


def test_a_folder_without_tests_gets_the_four_scenarios_and_all_reports(
    subprocess_run: Run, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(UNWATCHED)
    result = subprocess_run("--cortex-bench", *SHORT)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=4)
    assert [each["outcome"] for each in record()["measurements"]] == ["PASS"] * 4
    written = {path.name for path in (pytester.path / "reports").iterdir()}
    assert {"cortex.json", "cortex.csv", "summary.md", "speedup.svg", "speedup.png"} <= written
    assert not [name for name in written if name.startswith(".")]


def test_an_ordinary_test_does_not_keep_the_scenarios_away(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file(extra="def test_ordinary(): pass").write_text("def test_ordinary(): pass\n", encoding="utf-8")
    bench(IMPOSSIBLE, *spread).assert_outcomes(passed=1, failed=4)
    assert measured(record) == NAMES


def test_a_bench_test_keeps_the_scenarios_away(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file("healthy")
    bench().assert_outcomes(passed=1)
    assert measured(record) == ["test_healthy"]


def test_a_bench_test_keeps_the_scenarios_away_also_when_it_is_deselected(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    assert bench("-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_who_names_files_gets_what_is_in_them(bench: Run, pytester: pytest.Pytester) -> None:
    name = pytester.makepyfile("def test_ordinary(): pass").name
    assert bench(name).parseoutcomes() == {"passed": 1}


def test_without_the_option_an_empty_folder_stays_empty(run: Run) -> None:
    assert run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_scenarios_are_items_that_can_be_listed_and_selected(bench: Run) -> None:
    listed = bench("--collect-only", "-q")
    listed.stdout.fnmatch_lines([f"cortex::{name}" for name in NAMES])
    assert bench(IMPOSSIBLE, "-k", "small").parseoutcomes() == {"failed": 1, "deselected": 3}


def test_a_failed_scenario_shows_its_reason_and_no_code(bench: Run) -> None:
    result = bench(IMPOSSIBLE, "-k", "small")
    result.stdout.fnmatch_lines(["small: FAIL min_speedup=9 (command line): * above 4.00, the most * allows on 4 *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_last_failed_runs_the_failed_scenario_only(bench: Run, record: Record) -> None:
    bench("--cortex-min-speedup=small:9", *SHORT, "-k", "small or limited_workers").assert_outcomes(passed=1, failed=1)
    bench("--cortex-min-speedup=small:9", "--lf").assert_outcomes(failed=1)
    assert measured(record) == ["small"]


def test_scenarios_named_on_the_command_line_run_beside_bench_tests(
    bench: Run, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makepyfile("def test_mine(cortex_bench): cortex_bench(sequential=int, parallel=int, workers=2)")
    bench("--cortex-scenario=small", IMPOSSIBLE)
    assert measured(record) == ["test_mine", "small"]


def test_scenarios_named_on_the_command_line_run_once_if_a_test_takes_them(
    bench: Run, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makepyfile("def test_mine(cortex_bench, cortex_scenario): cortex_bench(cortex_scenario)")
    bench("--cortex-scenario=small", IMPOSSIBLE)
    assert [each["test"].partition("::")[2] for each in record()["measurements"]] == ["test_mine[small]"]


@pytest.mark.slow
@pytest.mark.skipif(
    (machine.load_average() or 0) > machine.usable_cpus() / 2,
    reason="others keep the CPUs busy, so that threads start late and the limits are not met",
)
def test_the_defaults_pass_on_a_quiet_machine(subprocess_run: Run, record: Record) -> None:
    result = subprocess_run("--cortex-bench")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"{name} * PASS" for name in NAMES])
    for measurement in record()["measurements"]:
        assert 0.8 * measurement["workers"] < measurement["speedup"] <= measurement["ceiling"] * 1.02
