"""Generators: the form that each promises, and the same graph for the same seed."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Operation, execute_operation, plan
from pytest_cortex.graphs.ceiling import ceiling_by_durations
from pytest_cortex.scenarios import Scenario, chain, cpu_bound, digesting_module, fork_join, layered, mixed

GRAPH_OF_SEED_1 = {"x_1_1": (), "x_1_2": (), "x_2_1": ("x_1_2",), "x_2_2": ("x_1_1",)}
DURATIONS_OF_SEED_1 = {
    "x_1_1": 0.017815787603227,
    "x_1_2": 0.015850424295660,
    "x_2_1": 0.040072953117596,
    "x_2_2": 0.027983012037152,
}

GENERATORS: list[Callable[..., Scenario]] = [chain, fork_join, layered, cpu_bound, mixed]


def dependencies(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    return {each.id: each.depends_on for each in scenario.operation.modules}


def drawn(scenario: Scenario) -> tuple[object, ...]:
    work = [each.function.keywords for each in scenario.operation.modules]  # type: ignore[attr-defined]  # partials
    return dependencies(scenario), scenario.durations, work, scenario.workers, scenario.note


@pytest.mark.parametrize("generate", GENERATORS)
def test_same_seed_gives_the_same_scenario(generate: Callable[..., Scenario]) -> None:
    assert drawn(generate("x", seed=7, spread=0.5)) == drawn(generate("x", seed=7, spread=0.5))


@pytest.mark.parametrize("generate", GENERATORS)
def test_another_seed_gives_another_one(generate: Callable[..., Scenario]) -> None:
    assert drawn(generate("x", seed=7, spread=0.5)) != drawn(generate("x", seed=8, spread=0.5))


def test_what_a_seed_gives_never_changes() -> None:
    """A baseline, or a colleague with another Python, must find the same graph under the same name."""
    scenario = layered("x", layers=2, width=2, density=0.5, seed=1)
    assert dependencies(scenario) == GRAPH_OF_SEED_1
    assert scenario.durations == pytest.approx(DURATIONS_OF_SEED_1)


@pytest.mark.parametrize("generate", GENERATORS)
def test_scenario_says_what_it_is(generate: Callable[..., Scenario]) -> None:
    scenario = generate("x", seed=7, workers=3, min_efficiency=0.5)
    assert (scenario.name, scenario.operation.id, scenario.workers, scenario.min_efficiency) == ("x", "x", 3, 0.5)
    assert scenario.note.endswith("seed 7")


@pytest.mark.parametrize("generate", GENERATORS)
def test_scenario_runs_with_one_worker_and_with_several(generate: Callable[..., Scenario]) -> None:
    amount = {"mebibytes": 1} if generate in (cpu_bound, mixed) else {}
    quick = {} if generate is cpu_bound else {"module_duration_s": 1e-6}
    scenario = generate("x", **amount, **quick)
    for workers in (1, 2):
        assert execute_operation(scenario.operation, max_parallel_workers=workers).success


def test_chain_allows_no_speedup() -> None:
    scenario = chain("x", modules=5)
    assert dependencies(scenario) == {
        "x_1": (), "x_2": ("x_1",), "x_3": ("x_2",), "x_4": ("x_3",), "x_5": ("x_4",)
    }  # fmt: skip
    assert ceiling_by_durations(plan(scenario.operation), scenario.durations, 4).speedup == pytest.approx(1)


def test_fork_join_spreads_out_and_comes_together() -> None:
    scenario = fork_join("x", width=3, stages=2)
    assert [len(group) for group in plan(scenario.operation).groups] == [1, 3, 1, 3, 1]
    assert dependencies(scenario)["x_1"] == ("x_1_1", "x_1_2", "x_1_3")
    assert dependencies(scenario)["x_2_2"] == ("x_1",)


@pytest.mark.parametrize("seed", range(20))
def test_each_module_waits_for_the_layer_before_and_for_nothing_else(seed: int) -> None:
    graph = dependencies(layered("x", layers=4, width=3, density=0.3, seed=seed))
    assert len(graph) == 12
    for name, before in graph.items():
        layer = int(name.split("_")[1])
        assert bool(before) is (layer > 1)
        assert {each.split("_")[1] for each in before} <= {str(layer - 1)}


@pytest.mark.parametrize(("density", "edges"), [(0.0, 3), (1.0, 9)])
def test_density_decides_how_many_dependencies_there_are(density: float, edges: int) -> None:
    """At 0 each still has the one that makes it a layer of its own."""
    graph = dependencies(layered("x", layers=2, width=3, density=density))
    assert sum(map(len, graph.values())) == edges


def test_spread_keeps_durations_near_the_mean() -> None:
    durations = layered("x", layers=20, width=20, module_duration_s=1.0, spread=0.25).durations.values()
    assert 0.75 <= min(durations) < 0.8
    assert 1.2 < max(durations) <= 1.25
    assert set(chain("x", module_duration_s=1.0).durations.values()) == {1.0}


def test_computing_modules_have_no_duration_by_design() -> None:
    assert cpu_bound("x").durations == mixed("x").durations == {}


def test_amounts_are_whole_and_never_nothing() -> None:
    work = [each.function.keywords["mebibytes"] for each in cpu_bound("x", mebibytes=1, spread=0.9).operation.modules]  # type: ignore[attr-defined]
    assert min(work) >= 1


@pytest.mark.parametrize(("cpu_share", "computing"), [(0.0, 0), (1.0, 12)])
def test_share_decides_how_many_modules_compute(cpu_share: float, computing: int) -> None:
    assert f"{computing} of 12 modules compute" in mixed("x", cpu_share=cpu_share).note


def test_digesting_module_keeps_its_dependencies() -> None:
    made = digesting_module("b", 1, ("a",))
    assert (made.id, made.depends_on) == ("b", ("a",))


@pytest.mark.parametrize(
    ("generate", "arguments", "problem"),
    [
        (chain, {"modules": 0}, "modules must be a whole number from 1 up, not 0"),
        (chain, {"modules": True}, "modules must be a whole number from 1 up, not True"),
        (chain, {"module_duration_s": 0}, "module_duration_s must be a number of seconds above 0, not 0"),
        (chain, {"module_duration_s": float("inf")}, "module_duration_s must be"),
        (chain, {"spread": 1}, "spread must be a fraction from 0 up to below 1, not 1"),
        (chain, {"workers": 0}, "scenario 'x' needs a whole number of workers from 1 up, not 0"),
        (fork_join, {"width": 2.0}, "width must be a whole number from 1 up, not 2.0"),
        (fork_join, {"stages": 0}, "stages must be"),
        (layered, {"layers": 0}, "layers must be"),
        (layered, {"density": 1.5}, "density must be a fraction from 0 to 1, not 1.5"),
        (cpu_bound, {"mebibytes": 0}, "mebibytes must be a whole number from 1 up, not 0"),
        (mixed, {"cpu_share": -0.1}, "cpu_share must be a fraction from 0 to 1, not -0.1"),
        (mixed, {"min_efficiency": 85}, "min_efficiency of scenario 'x' must be above 0 and at most 1"),
    ],
)
def test_number_out_of_range_is_refused(
    generate: Callable[..., Scenario], arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        generate("x", **arguments)


# A scenario of one's own ----------------------------------------------------------------------------------------------


def scenario(**changes: Any) -> Scenario:
    operation = Operation("x", [digesting_module("a", 1), digesting_module("b", 1)])
    return Scenario(**{"name": "x", "operation": operation, "workers": 2, **changes})


def test_operation_and_workers_are_enough_for_a_scenario() -> None:
    assert (scenario().durations, scenario().min_efficiency, scenario().note) == ({}, None, "")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, "a scenario needs a name"),
        ({"workers": 2.0}, "scenario 'x' needs a whole number of workers from 1 up, not 2.0"),
        (
            {"min_efficiency": 0},
            r"min_efficiency of scenario 'x' must be above 0 and at most 1 \(0.85 is 85 %\), not 0",
        ),
        ({"durations": {"a": 1}}, "durations of scenario 'x': 'b' has no duration; give all of them, or none"),
        ({"durations": {"a": 1, "b": 1, "c": 1}}, "durations of scenario 'x': 'c' is none of its modules"),
        ({"durations": {"a": 1, "b": -1}}, "durations of scenario 'x': 'b' cannot take -1 seconds"),
        ({"durations": {"a": 1, "b": float("nan")}}, "'b' cannot take nan seconds"),
    ],
)
def test_scenario_that_makes_no_sense_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        scenario(**changes)


def test_scenario_without_an_operation_is_refused() -> None:
    with pytest.raises(TypeError, match="scenario 'x' needs an Operation, not 'x'"):
        scenario(operation="x")
