"""What options must be to each other: enough rounds for alpha, and scenarios that there are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cortex.scenarios.scenario import BUILT_IN_NAMES
from pytest_cortex.settings.checks import check_horizon, selected_names
from pytest_cortex.settings.settings import Settings, resolve
from pytest_cortex.settings.values import BUILT_IN_SCENARIOS, SettingError


def settings(ini: dict[str, list[str]] | None = None, **command_line: list[str]) -> Settings:
    return resolve(command_line, ini or {}, seed=5)


def names(options: Settings, *offered: str) -> tuple[str, ...]:
    return selected_names(options, (*BUILT_IN_SCENARIOS, *offered))


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[..., str]:
    """Writes a file and returns its path; what is in it is not looked at here."""

    def write(name: str = "flow.json") -> str:
        path = tmp_path / name
        path.write_text("", encoding="utf-8")
        return str(path)

    return write


# Scenarios ------------------------------------------------------------------------------------------------------------


def test_built_in_scenarios_are_the_same_here_and_where_they_are_made() -> None:
    """An idle run knows their names without importing what makes them."""
    assert BUILT_IN_SCENARIOS == BUILT_IN_NAMES


def test_all_known_scenarios_are_selected_when_nobody_names_any() -> None:
    assert names(settings()) == ("small", "medium", "large", "limited_workers")
    assert names(settings(), "mine") == ("small", "medium", "large", "limited_workers", "mine")


def test_scenarios_are_those_named_in_their_order(workflow: Callable[..., str]) -> None:
    assert names(settings(scenario=["mine", workflow(), "large"]), "mine") == ("mine", "flow", "large")


@pytest.mark.parametrize("name", ["smal", "", ".", "x" * 5000], ids=["typing error", "empty", "folder", "endless"])
def test_scenario_that_is_neither_known_nor_a_file_is_refused(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        names(settings(scenario=[name]), "mine")
    assert str(caught.value) == (
        f"--cortex-scenario (command line): {name!r} is neither a known scenario (small, medium, large, "
        "limited_workers, mine) nor a file"
    )


def test_scenario_named_twice_is_refused(workflow: Callable[..., str]) -> None:
    with pytest.raises(SettingError, match=r"\(ini\): the name 'flow' is given more than once"):
        names(settings({"scenario": [workflow(), workflow("flow.txt")]}))


@pytest.mark.parametrize("file", ["small.json", "mine.json"])
def test_file_with_the_name_of_another_scenario_is_refused(workflow: Callable[..., str], file: str) -> None:
    with pytest.raises(SettingError, match=f"{file}' has the name of a scenario that is there without a file: rename"):
        names(settings(scenario=[workflow(file)]), "mine")


def test_limit_for_a_scenario_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingError) as caught:
        names(settings({"min_speedup": ["huge:3"]}))
    assert str(caught.value) == (
        "cortex_min_speedup (ini): there is no scenario 'huge'; a limit is written alone, or for one of small, medium, "
        "large, limited_workers"
    )


def test_limit_may_name_any_scenario_that_there_is_selected_or_not(workflow: Callable[..., str]) -> None:
    options = settings(scenario=[workflow()], min_speedup=["flow:1", "small:3", "mine:2"])
    assert names(options, "mine") == ("flow",)


# The horizon ----------------------------------------------------------------------------------------------------------


def test_horizon_that_could_never_give_a_verdict_is_refused() -> None:
    """Five equal signs come up by chance far too often."""
    with pytest.raises(SettingError) as caught:
        check_horizon(settings(rounds=["5"]))
    assert str(caught.value).startswith("--cortex-rounds (command line): 5 rounds prove nothing at alpha 0.001; ")


def test_horizon_is_long_enough_where_the_message_says_so() -> None:
    """The number it names is the shortest one that is accepted."""
    with pytest.raises(SettingError) as caught:
        check_horizon(settings(rounds=["1"]))
    least = int(caught.value.problem.split("; ")[1].split()[0])
    check_horizon(settings(rounds=[str(least)]))
    with pytest.raises(SettingError):
        check_horizon(settings(rounds=[str(least - 1)]))


def test_shorter_horizon_is_enough_for_a_larger_alpha() -> None:
    """Who accepts more errors needs less proof."""
    check_horizon(settings(rounds=["5"], alpha=["0.1"]))
