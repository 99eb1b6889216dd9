"""``@pytest.mark.cortex``: what it accepts, and which of several counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Notes: TypeAlias = Callable[[], list[tuple[str, str]]]

MARKED = """
def test_first(): note("ran")

@pytest.mark.cortex({arguments})
def test_marked(cortex_bench):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""

NESTED = """
pytestmark = pytest.mark.cortex(min_speedup=1)

def test_file(cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)

@pytest.mark.cortex(min_speedup=2)
class TestClass:
    def test_class(self, cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)

    @pytest.mark.cortex(min_speedup=3)
    def test_own(self, cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)

    @pytest.mark.cortex(min_efficiency=0.5)
    def test_other(self, cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)

    def test_ordinary(self): pass
"""


def limits(record: Record) -> dict[str, dict[str, float]]:
    """Limit by gate, by name of the measurement."""
    return {
        measurement["name"]: {verdict["gate"]: verdict["limit"] for verdict in measurement["verdicts"]}
        for measurement in record()["measurements"]
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("min_speeup=3", "*unknown keyword 'min_speeup'; did you mean 'min_speedup'? Known keywords: *"),
        ("limit=3", "*unknown keyword 'limit'. Known keywords: min_speedup, min_efficiency, *min_peak_concurrency"),
        ("3.5", "*it takes keywords only, not 3.5: write min_speedup=3.5"),
        ("min_speedup=0", "*min_speedup*'0' is out of range; a speedup above 0*"),
        ("min_speedup='fast'", "*min_speedup*'fast' is not a number*"),
        ("min_speedup=float('nan')", "*min_speedup*'nan' is out of range*"),
        ("min_speedup=None", "*min_speedup*'None' is not a number*"),
        ("max_groups=2.5", "*max_groups*'2.5' is out of range; a whole number from 1 up is wanted"),
        ("min_quality=90", "*min_quality*'90' is out of range; a schedule quality is at most 1*"),
        ("min_parallelism=0", "*min_parallelism*'0' is out of range; a parallelism above 0*"),
        ("min_efficiency=85", "*min_efficiency*'85' is out of range; * (write 0.85 for 85 %)"),
    ],
)
@pytest.mark.parametrize("option", [(), ("--cortex-bench",)], ids=["idle", "measuring"])
def test_a_wrong_marker_is_an_error_before_anything_runs(
    run: Run, bench_file: BenchFile, notes: Notes, option: tuple[str, ...], arguments: str, message: str
) -> None:
    bench_file(extra=MARKED.format(arguments=arguments))
    result = run(*option)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"test_bench.py::test_marked: {message}"])
    assert notes() == []


PLACED = {
    "file": "pytestmark = pytest.mark.{mark}\n{test}",
    "list of a file": "pytestmark = [pytest.mark.skipif(False, reason='-'), pytest.mark.{mark}]\n{test}",
    "class": "@pytest.mark.{mark}\nclass TestClass:\n    @staticmethod\n    {test}",
    "attribute of a class": "class TestClass:\n    pytestmark = pytest.mark.{mark}\n    @staticmethod\n    {test}",
    "base class": "@pytest.mark.{mark}\nclass Base: pass\nclass TestClass(Base):\n    @staticmethod\n    {test}",
    "parameter": "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=pytest.mark.{mark})])\n{parametrized}",
}
TESTS = {"test": "def test_it(cortex_bench): pass", "parametrized": "def test_it(cortex_bench, n): pass"}


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("cortex(min_speeup=3)", "unknown keyword 'min_speeup'; did you mean 'min_speedup'? Known keywords: *"),
        ("cortex(3.5)", "it takes keywords only, not 3.5: write min_speedup=3.5"),
        ("cortex(min_speedup=0)", "'0' is out of range; a speedup above 0*"),
    ],
    ids=["keyword", "position", "value"],
)
@pytest.mark.parametrize("place", PLACED)
def test_a_wrong_marker_is_an_error_wherever_it_stands(
    run: Run, bench_file: BenchFile, notes: Notes, place: str, mark: str, message: str
) -> None:
    bench_file(extra="def test_first(): note('ran')", name="test_another")
    bench_file(extra=PLACED[place].format(mark=mark, **TESTS))
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"test_bench.py*: cortex*{message}"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert notes() == []


def test_a_wrong_marker_that_a_hook_adds_is_an_error_of_its_test(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """It is not there when tests are collected, and must not end in an internal error either."""
    add = "def pytest_collection_modifyitems(items): items[0].add_marker(pytest.mark.cortex(min_speeup=3))"
    pytester.makeconftest(f"import pytest\n{add}")
    bench_file("healthy", "locked")
    result = bench()
    result.assert_outcomes(errors=1, failed=1)
    result.stdout.fnmatch_lines(["*unknown keyword 'min_speeup'; did you mean 'min_speedup'?*"])


def test_a_marker_without_keywords_only_marks(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """As in ``-m cortex``."""
    call = "cortex_bench(sequential=serial, parallel=healthy, workers=4)"
    bench_file(extra=f"@pytest.mark.cortex\ndef test_it(cortex_bench): {call}")
    bench("-m", "cortex").assert_outcomes(passed=1)
    assert limits(record) == {"test_it": {}}


def test_a_gate_on_a_test_that_takes_no_cortex_bench_is_an_error(bench: Run, bench_file: BenchFile) -> None:
    bench_file(extra="@pytest.mark.cortex(min_speedup=3)\ndef test_it(): pass")
    result = bench()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*::test_it: its gate min_speedup guards nothing: * does not take * cortex_bench"])


def test_a_gate_on_a_test_that_takes_cortex_bench_while_it_runs_is_none(bench: Run, bench_file: BenchFile) -> None:
    call = "request.getfixturevalue('cortex_bench')(sequential=serial, parallel=locked, workers=4)"
    bench_file("healthy", extra=f"@pytest.mark.cortex(min_speedup=3)\ndef test_it(request): {call}")
    bench().assert_outcomes(passed=1, failed=1)


def test_the_nearest_marker_counts_for_each_gate(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(extra=NESTED)
    bench().assert_outcomes(passed=5)
    assert limits(record) == {
        "test_file": {"min_speedup": 1},
        "test_class": {"min_speedup": 2},
        "test_own": {"min_speedup": 3},
        "test_other": {"min_speedup": 2, "min_efficiency": 0.5},
    }


def test_a_parameter_may_bring_its_own_gate(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(
        extra="""
@pytest.mark.parametrize("workers", [pytest.param(2, marks=pytest.mark.cortex(min_speedup=1.5)), 4])
def test_it(cortex_bench, workers): cortex_bench(sequential=serial, parallel=healthy, workers=workers)
"""
    )
    bench().assert_outcomes(passed=2)
    assert limits(record) == {"test_it[2]": {"min_speedup": 1.5}, "test_it[4]": {}}


def test_command_line_over_marker_over_ini(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeini("[pytest]\ncortex_min_speedup = 1\ncortex_min_efficiency = 0.1")
    bench_file("healthy")
    bench()
    assert limits(record) == {"test_healthy": {"min_speedup": 3, "min_efficiency": 0.1}}
    bench("--cortex-min-speedup=3.5")
    assert limits(record) == {"test_healthy": {"min_speedup": 3.5, "min_efficiency": 0.1}}
