"""A time budget for the whole bench: shared among tests, and kept; what no longer fits is INCONCLUSIVE and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

# Each round takes 10 ms.  So a verdict takes 0.13 s where there is time for sixteen rounds at most, two warm-ups and
# eleven rounds, and 0.14 s where there is time for sixty.
FIVE = """
@pytest.mark.cortex(min_speedup=3)
@pytest.mark.parametrize("number", range(5))
def test_many(cortex_bench, number):
    result = cortex_bench(sequential=serial, parallel=healthy, workers=4)
    assert result.speedup > 3
"""
SPENT = "the bench's time budget of {} s is spent (--cortex-total-budget)"


def outcomes(record: Record) -> list[str | None]:
    return [each["outcome"] for each in record()["measurements"]]


def rounds_made(record: Record) -> list[int]:
    return [len(each["rounds"]) for each in record()["measurements"]]


def test_budget_that_is_enough_changes_nothing(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(extra=FIVE)
    result = bench("--cortex-total-budget=60")
    assert result.parseoutcomes() == {"passed": 5}
    assert rounds_made(record) == [14] * 5
    result.stdout.fnmatch_lines(
        ["cortex: command line: total_budget=60.0", "the bench took 0.7 s of its time budget of 60 s", "reports: *"]
    )


def test_budget_is_kept_and_what_does_not_fit_says_why(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """Two verdicts take 0.26 s; then there is time to find out that there is too little, and in the end none at all."""
    bench_file(extra=FIVE)
    result = bench("--cortex-total-budget=0.3")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"passed": 2, "inconclusive": 3}
    assert outcomes(record) == ["PASS", "PASS", "INCONCLUSIVE", "INCONCLUSIVE", "INCONCLUSIVE"]
    assert rounds_made(record) == [13, 13, 2, 2, 0]
    too_little, *spent = (each["verdicts"][0]["reason"] for each in record()["measurements"][2:])
    assert too_little == (
        "0.02 s are left of the bench's time budget of 0.3 s, and 11 rounds, the fewest that make sense, take 0.11 s "
        "(--cortex-total-budget)"
    )
    assert spent == [SPENT.format(0.3)] * 2
    assert record()["complete"] is True
    assert record()["took_s"] == pytest.approx(0.3)
    assert [each["took_s"] for each in record()["measurements"]] == pytest.approx([0.13, 0.13, 0.02, 0.02, 0.0])
    result.stdout.fnmatch_lines([f"INCONCLUSIVE test_many* (min_speedup=3 from marker): {SPENT.format(0.3)}"])


@pytest.mark.parametrize(("mode", "category"), [("skip", "skipped"), ("fail", "failed")])
def test_running_out_of_time_is_like_any_other_inconclusive(
    bench: Run, bench_file: BenchFile, mode: str, category: str
) -> None:
    bench_file("healthy")
    result = bench("--cortex-total-budget=0.001", f"--cortex-inconclusive={mode}")
    assert result.parseoutcomes() == {category: 1}


def test_gate_that_never_has_time_fails_in_the_end(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    arguments = ("--cortex-total-budget=0.001", "--cortex-max-inconclusive=2")
    assert [bench(*arguments).parseoutcomes() for _ in range(2)] == [{"inconclusive": 1}, {"failed": 1}]


def test_test_without_a_gate_is_skipped_with_the_reason(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """What it would do with numbers that nobody has is not tried."""
    bench_file(
        "healthy",
        extra="""
def test_loose(cortex_bench):
    result = cortex_bench(sequential=serial, parallel=healthy, workers=4)
    raise SystemError(result.rounds[-1])
""",
    )
    result = bench("--cortex-total-budget=0.13", "-rs")
    assert result.parseoutcomes() == {"passed": 1, "skipped": 1}
    result.stdout.fnmatch_lines([f"SKIPPED *not measured: {SPENT.format(0.13)}"])
    loose = record()["measurements"][1]
    assert (loose["outcome"], loose["rounds"], loose["notes"]) == (None, [], [f"not measured: {SPENT.format(0.13)}"])


def test_measurement_that_runs_out_of_time_ends_at_once(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """It keeps its rounds, and they are judged; so few of them prove nothing."""
    slow = "slower = taking(*[2] * 8, *[72] * 40)\n"
    bench_file(extra=slow + FIVE.replace("healthy", "slower").replace("range(5)", "range(1)"))
    bench("--cortex-total-budget=0.5")
    (cut_short,) = record()["measurements"]
    assert (cut_short["outcome"], len(cut_short["rounds"])) == ("INCONCLUSIVE", 14)
    assert cut_short["verdicts"][0]["reason"].startswith("speedup ")
    assert SPENT.format(0.5) in cut_short["verdicts"][0]["reason"]


def test_scenarios_share_a_budget_too(bench: Run, record: Record) -> None:
    """Without any bench test of one's own; in real time, of which these have none."""
    result = bench("--cortex-total-budget=0.000001", "--cortex-module-duration=0.001")
    assert result.ret == pytest.ExitCode.OK
    assert outcomes(record) == ["INCONCLUSIVE"] * 4
    assert rounds_made(record) == [0] * 4


def test_budget_stands_in_the_ini_file_as_well(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_total_budget = 0.001")
    bench_file("healthy")
    result = bench()
    result.stdout.fnmatch_lines(["cortex: tox.ini: total_budget=0.001"])
    assert result.parseoutcomes() == {"inconclusive": 1}


@pytest.mark.parametrize("word", ["0", "-1", "soon", "nan", ""])
def test_budget_that_makes_no_sense_ends_the_run_before_the_first_test(
    bench: Run, bench_file: BenchFile, word: str
) -> None:
    bench_file("healthy")
    result = bench(f"--cortex-total-budget={word}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: --cortex-total-budget (command line): {word!r} is *"])


def test_gate_on_the_graph_needs_no_time(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(
        extra="""
from orchestrator import Operation, module

@pytest.mark.cortex(min_parallelism=2)
def test_graph(cortex_bench):
    work = lambda context: CLOCK.spend(1)
    cortex_bench(Operation("it", [module(id="a")(work), module(id="b")(work)]), workers=2)
"""
    )
    assert bench("--cortex-total-budget=0.001").parseoutcomes() == {"passed": 1}
    assert (outcomes(record), rounds_made(record)) == (["PASS"], [2])


def test_contenders_and_curves_without_time_are_skipped_with_all_their_verdicts(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    bench_file(
        "healthy",
        extra="""
@pytest.mark.cortex(min_speedup=2)
def test_contenders(cortex_bench):
    cortex_bench.compare({"a": serial, "b": healthy, "c": healthy}, baseline="a")["b"].speedup / 0

@pytest.mark.cortex(min_speedup=2)
def test_curve(cortex_bench):
    cortex_bench.scale(lambda workers: CLOCK.spend(8 // workers), workers=[1, 2, 4]).speedup / 0
""",
    )
    result = bench("--cortex-total-budget=0.13")
    assert result.parseoutcomes() == {"passed": 1, "inconclusive": 2}
    assert [(each["name"], each["outcome"]) for each in record()["measurements"][1:]] == [
        ("test_contenders[b]", "INCONCLUSIVE"),
        ("test_contenders[c]", "INCONCLUSIVE"),
        ("test_curve[2]", None),
        ("test_curve[4]", "INCONCLUSIVE"),
    ]
