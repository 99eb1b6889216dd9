"""The built-in scenarios: shapes, and modules that sleep and do nothing else."""

from typing import Any

import pytest

from orchestrator import plan
from pytest_cortex.scenarios.scenario import BUILT_IN_NAMES, built_in, sleeping_module


class Sleeper(dict[str, Any]):
    """A context that only notes for how long somebody wanted to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


@pytest.mark.parametrize(
    ("name", "modules", "workers"), [("small", 4, 4), ("medium", 8, 4), ("large", 12, 4), ("limited_workers", 8, 2)]
)
def test_built_in_scenario_has_independent_modules_of_equal_duration(name: str, modules: int, workers: int) -> None:
    scenario = built_in(name, 0.25)
    assert (scenario.name, scenario.workers, scenario.min_efficiency) == (name, workers, 0.85)
    assert scenario.durations == dict.fromkeys(plan(scenario.operation).order, 0.25)
    assert len(scenario.durations) == plan(scenario.operation).width == modules


def test_names_are_those_of_the_four_scenarios() -> None:
    assert BUILT_IN_NAMES == ("small", "medium", "large", "limited_workers")


def test_module_of_a_scenario_sleeps_as_long_as_the_scenario_says() -> None:
    context = Sleeper()
    scenario = built_in("small", 0.25)
    for each in scenario.operation.modules:
        each.run(context)  # type: ignore[arg-type]  # a sleeping module asks its context for nothing else
    assert context.slept_s == [0.25] * 4


def test_module_without_a_duration_does_not_sleep() -> None:
    context = Sleeper()
    sleeping_module("nothing", 0.0).run(context)  # type: ignore[arg-type]  # as above
    assert context.slept_s == []


def test_sleeping_module_keeps_its_dependencies() -> None:
    assert sleeping_module("b", 1.0, ("a",)).depends_on == ("a",)
