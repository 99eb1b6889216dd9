"""The fixtures beside ``cortex_bench``: scenarios by name, and all of them in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
Record: TypeAlias = Callable[[], dict[str, Any]]

IMPOSSIBLE = "--cortex-min-speedup=9"


@pytest.mark.parametrize("option", [(), ("--cortex-bench",)], ids=["idle", "measuring"])
def test_the_scenarios_have_the_shapes_they_promise(
    run: Run, pytester: pytest.Pytester, option: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        from orchestrator import plan

        def shape(scenario):
            return scenario.name, len(plan(scenario.operation)), scenario.workers

        def test_it(cortex_small, cortex_medium, cortex_large, cortex_limited_workers):
            assert shape(cortex_small) == ("small", 4, 4)
            assert shape(cortex_medium) == ("medium", 8, 4)
            assert shape(cortex_large) == ("large", 12, 4)
            assert shape(cortex_limited_workers) == ("limited_workers", 8, 2)
        """
    )
    run(*option, "-k", "test_it").assert_outcomes(passed=1)


def test_a_scenario_is_measured_under_its_own_name(run: Run, pytester: pytest.Pytester, record: Record) -> None:
    pytester.makepyfile("def test_it(cortex_small, cortex_bench): cortex_bench(cortex_small)")
    run("--cortex-bench", IMPOSSIBLE).assert_outcomes(failed=1)
    (measurement,) = record()["measurements"]
    assert (measurement["name"], measurement["scenario"]) == ("small", "small")


@pytest.mark.parametrize("option", [(), ("--cortex-bench",)], ids=["idle", "measuring"])
def test_cortex_scenario_makes_one_test_per_scenario(
    run: Run, pytester: pytest.Pytester, option: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_it(cortex_scenario, cortex_bench): cortex_bench(cortex_scenario)")
    result = run(*option, "--collect-only", "-q")
    names = ["small", "medium", "large", "limited_workers"]
    assert [line.partition("::")[2] for line in result.outlines if "::" in line] == [f"test_it[{n}]" for n in names]


def test_cortex_scenario_stands_for_the_chosen_ones(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(cortex_scenario, cortex_bench): cortex_bench(cortex_scenario)")
    result = run("--collect-only", "-q", "--cortex-scenario=large", "--cortex-scenario=small")
    assert [line.partition("::")[2] for line in result.outlines if "::" in line] == ["test_it[large]", "test_it[small]"]


def test_cortex_scenario_works_under_xdist(run: Run, pytester: pytest.Pytester, record: Record) -> None:
    pytester.makepyfile("def test_it(cortex_scenario, cortex_bench): cortex_bench(cortex_scenario)")
    run("--cortex-bench", IMPOSSIBLE, "-n2").assert_outcomes(failed=4)
    assert len(record()["measurements"]) == 4
