"""Options: what is read, what is refused and with which words, and who wins."""

import math
import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.record import SettingRecord
from pytest_cortex.settings import (
    OPTIONS,
    GateName,
    SettingError,
    Settings,
    read_limit,
    read_marker,
    resolve,
)

BY_NAME = {option.name: option for option in OPTIONS}


def resolved(command_line: dict[str, list[str]] | None = None, ini: dict[str, list[str]] | None = None) -> Settings:
    return resolve(command_line or {}, ini or {}, seed=42)


# Reading --------------------------------------------------------------------------------------------------------------


def test_option_is_written_with_dashes_on_the_command_line_and_with_underscores_in_the_ini_file() -> None:
    option = BY_NAME["time_budget"]
    assert (option.flag, option.ini) == ("--cortex-time-budget", "cortex_time_budget")


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("bench", ["true"], True),
        ("bench", ["YES"], True),
        ("bench", ["0"], False),
        ("min_speedup", ["3.5"], {"": 3.5}),
        ("min_speedup", ["large:3.5", "2"], {"large": 3.5, "": 2.0}),
        ("min_speedup", ["2", "3"], {"": 3.0}),
        ("min_efficiency", ["1"], {"": 1.0}),
        ("scenario", ["small", "flow.json"], ("small", "flow.json")),
        ("module_duration", ["0.001"], 0.001),
        ("time_scale", ["auto"], None),
        ("time_scale", ["0.01"], 0.01),
        ("workers", ["8"], 8),
        ("time_budget", ["2.5"], 2.5),
        ("time_limit", ["1e3"], 1000.0),
        ("inconclusive", ["fail"], "fail"),
        ("max_inconclusive", ["1"], 1),
        ("seed", ["-7"], -7),
        ("report_dir", ["out put"], "out put"),
    ],
)
def test_value_is_read(name: str, words: list[str], value: object) -> None:
    assert resolved({name: words})[name] == value


@pytest.mark.parametrize(
    ("name", "words", "problem"),
    [
        ("bench", ["maybe"], "'maybe' is neither true nor false"),
        ("min_speedup", ["fast"], "'fast' is not a number; a speedup above 0, e.g. 3.5, is wanted"),
        ("min_speedup", ["0"], "'0' is out of range; a speedup above 0, e.g. 3.5, is wanted"),
        ("min_speedup", ["large:nan"], "'nan' is out of range"),
        ("min_speedup", ["large:"], "'' is not a number"),
        ("min_efficiency", ["85"], "'85' is out of range; an efficiency is a fraction up to 1 (write 0.85 for 85 %)"),
        ("min_efficiency", ["-1"], "an efficiency above 0 and up to 1, e.g. 0.85, is wanted"),
        ("module_duration", ["0"], "'0' is out of range; a number of seconds from 0.001 up is wanted"),
        ("time_scale", ["0"], "a factor above 0 (or 'auto') is wanted"),
        ("report_dir", [""], "it is empty; a folder is wanted"),
        ("workers", ["0"], "'0' is out of range; a whole number from 1 up is wanted"),
        ("workers", ["2.5"], "a whole number from 1 up is wanted"),
        ("workers", ["٣"], "a whole number from 1 up is wanted"),
        ("time_budget", ["inf"], "'inf' is out of range; a number of seconds above 0 is wanted"),
        ("time_limit", ["1", "2"], "'1 2' is not one value; a number of seconds above 0 is wanted"),
        ("inconclusive", ["ignore"], "'ignore' is unknown; one of warn, fail, skip is wanted"),
        ("seed", ["one"], "'one' is not a whole number"),
        ("report_dir", [], "'' is not one value; a folder is wanted"),
    ],
)
def test_value_is_refused_with_what_would_be_right(name: str, words: list[str], problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolved({name: words})
    assert problem in str(caught.value)


def test_refusal_names_the_flag_when_it_stands_on_the_command_line() -> None:
    with pytest.raises(SettingError) as caught:
        resolved({"time_budget": ["soon"]})
    assert str(caught.value).startswith("--cortex-time-budget (command line): 'soon' is not a number")


def test_refusal_names_the_ini_key_when_it_stands_there() -> None:
    with pytest.raises(SettingError, match=r"^cortex_time_budget \(ini\): 'soon' is not a number"):
        resolved(ini={"time_budget": ["soon"]})


def test_ini_value_is_checked_although_the_command_line_overrides_it() -> None:
    with pytest.raises(SettingError, match=r"^cortex_workers \(ini\)"):
        resolved({"workers": ["4"]}, {"workers": ["none"]})


def test_setting_error_survives_pickling() -> None:
    error = SettingError("--cortex-seed", "command line", "'x' is not a whole number")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (SettingError, str(error))


@given(st.text(max_size=8) | st.floats().map(str) | st.integers().map(str))
def test_whatever_is_read_as_a_limit_is_a_speedup_above_0(word: str) -> None:
    with suppress(ValueError):
        assert 0 < read_limit("min_speedup", word) < math.inf


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_is_read_as_an_efficiency_lies_between_0_and_1(number: float) -> None:
    if 0 < number <= 1:
        assert read_limit("min_efficiency", str(number)) == number
    else:
        with pytest.raises(ValueError, match="out of range"):
            read_limit("min_efficiency", str(number))


# Who wins -------------------------------------------------------------------------------------------------------------


def test_every_option_has_its_default_when_nobody_says_anything() -> None:
    settings = resolved()
    assert {name: settings[name] for name in BY_NAME if name != "seed"} == {
        option.name: option.default for option in OPTIONS if option.name != "seed"
    }
    assert {settings.origin(name) for name in BY_NAME if name != "seed"} == {"default"}


@pytest.mark.parametrize(
    ("command_line", "ini", "value", "origin"),
    [
        ({}, {}, 4, "default"),
        ({}, {"workers": ["3"]}, 3, "ini"),
        ({"workers": ["2"]}, {"workers": ["3"]}, 2, "command line"),
    ],
)
def test_command_line_wins_over_ini_over_default(
    command_line: dict[str, list[str]], ini: dict[str, list[str]], value: int, origin: str
) -> None:
    settings = resolved(command_line, ini)
    assert (settings["workers"], settings.origin("workers")) == (value, origin)


def test_seed_is_the_random_one_only_if_nobody_gives_one() -> None:
    assert (resolved()["seed"], resolved().origin("seed")) == (42, "random")
    given_one = resolved(ini={"seed": ["0"]})
    assert (given_one["seed"], given_one.origin("seed")) == (0, "ini")


def test_records_hold_every_setting_with_its_origin() -> None:
    records = resolved({"workers": ["2"]}).records()
    assert list(records) == [option.name for option in OPTIONS]
    assert records["workers"] == SettingRecord(value=2, origin="command line")


# Limits ---------------------------------------------------------------------------------------------------------------


def limits(
    scenario: str | None = None,
    *,
    command_line: list[str] | None = None,
    marker: dict[str, float] | None = None,
    ini: list[str] | None = None,
    default: float | None = None,
    gate: GateName = "min_speedup",
) -> list[tuple[str, float, str]]:
    settings = resolved(
        {gate: command_line} if command_line else {},
        {gate: ini} if ini else {},
    )
    return [(each.gate, each.value, each.origin) for each in settings.limits_for(scenario, marker or {}, default)]


def test_no_limit_applies_when_nobody_sets_one() -> None:
    assert limits() == []


def test_limit_on_the_command_line_wins_over_the_marker_and_the_ini_file() -> None:
    found = limits(command_line=["2"], marker={"min_speedup": 3.0}, ini=["4"])
    assert found == [("min_speedup", 2.0, "command line")]


def test_limit_of_the_marker_wins_over_the_ini_file() -> None:
    assert limits(marker={"min_speedup": 3.0}, ini=["4"]) == [("min_speedup", 3.0, "marker")]


def test_limit_of_the_ini_file_applies_when_there_is_no_other() -> None:
    assert limits(ini=["4"]) == [("min_speedup", 4.0, "ini")]


def test_limit_for_one_scenario_wins_over_the_one_for_all_in_the_same_place() -> None:
    assert limits("large", command_line=["large:3", "2"]) == [("min_speedup", 3.0, "command line")]
    assert limits("small", command_line=["large:3", "2"]) == [("min_speedup", 2.0, "command line")]


def test_limit_for_all_on_the_command_line_wins_over_the_one_for_the_scenario_in_the_ini_file() -> None:
    assert limits("large", command_line=["2"], ini=["large:3"]) == [("min_speedup", 2.0, "command line")]


def test_limit_for_another_scenario_does_not_apply() -> None:
    assert limits("small", command_line=["large:3"], ini=["1.5"]) == [("min_speedup", 1.5, "ini")]


def test_limit_for_a_scenario_does_not_apply_to_programs_of_the_user() -> None:
    assert limits(None, command_line=["large:3"]) == []


def test_the_two_kinds_of_limits_apply_beside_each_other_in_a_fixed_order() -> None:
    found = limits(command_line=["0.8"], marker={"min_speedup": 3.0}, gate="min_efficiency")
    assert found == [("min_speedup", 3.0, "marker"), ("min_efficiency", 0.8, "command line")]


def test_scenarios_own_limit_applies_when_nobody_sets_one() -> None:
    assert limits("small", default=0.85) == [("min_efficiency", 0.85, "default")]


@pytest.mark.parametrize(
    "given_one", [{"command_line": ["2"]}, {"marker": {"min_speedup": 2.0}}, {"ini": ["2"]}], ids=str
)
def test_scenarios_own_limit_gives_way_to_any_limit_that_somebody_set(given_one: dict[str, Any]) -> None:
    assert [gate for gate, _value, _origin in limits("small", default=0.85, **given_one)] == ["min_speedup"]


def test_scenarios_with_limits_are_named_with_their_option() -> None:
    settings = resolved({"min_speedup": ["large:3", "2"]}, {"min_efficiency": ["small:0.5"]})
    assert settings.scenarios_with_limits() == {
        "small": ("cortex_min_efficiency", "ini"),
        "large": ("--cortex-min-speedup", "command line"),
    }


# The marker -----------------------------------------------------------------------------------------------------------


def test_marker_is_read() -> None:
    assert read_marker((), {"min_speedup": 3, "min_efficiency": 0.5}) == {"min_speedup": 3.0, "min_efficiency": 0.5}


@pytest.mark.parametrize(
    ("positional", "keywords", "message"),
    [
        ((3.5,), {}, "cortex (marker): it takes keywords only, not 3.5: write min_speedup=3.5"),
        ((), {"min_speed": 3}, "unknown keyword 'min_speed'; did you mean 'min_speedup'?"),
        ((), {"zzz": 3}, "unknown keyword 'zzz'. Known keywords: min_speedup, min_efficiency"),
        ((), {"min_speedup": True}, "cortex(min_speedup=…) (marker): 'True' is not a number"),
        ((), {"min_speedup": None}, "'None' is not a number"),
        ((), {"min_efficiency": 1.5}, "cortex(min_efficiency=…) (marker): '1.5' is out of range"),
    ],
)
def test_marker_is_refused_with_what_would_be_right(
    positional: tuple[object, ...], keywords: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read_marker(positional, keywords)
    assert message in str(caught.value)
