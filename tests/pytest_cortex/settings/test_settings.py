"""Options: what is read, what is refused and with which words, and who wins."""

import math
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.record import GateName, SettingRecord
from pytest_cortex.settings.marker import read_marker
from pytest_cortex.settings.options import OPTIONS, Option
from pytest_cortex.settings.settings import Settings, resolve
from pytest_cortex.settings.values import GATES, LATEST, SPEED_GATES, STRUCTURE_GATES, SettingError, read_limit

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
        ("min_parallelism", ["large:3", "1.5"], {"large": 3.0, "": 1.5}),
        ("max_groups", ["4", "large:6"], {"": 4, "large": 6}),
        ("min_quality", ["0.95"], {"": 0.95}),
        ("min_peak_concurrency", ["1"], {"": 1}),
        ("baseline_dir", ["kept here"], "kept here"),
        ("history", ["runs"], "runs"),
        ("history", ["off"], None),
        ("history_cap", ["1"], 1),
        ("history_half_life", ["0.5"], 0.5),
        ("scenario", ["small", "flow.json"], ("small", "flow.json")),
        ("module_duration", ["0.001"], 0.001),
        ("time_scale", ["auto"], None),
        ("time_scale", ["0.01"], 0.01),
        ("workers", ["8"], 8),
        ("alpha", ["1e-6"], 1e-6),
        ("alpha", ["0.499"], 0.499),
        ("family_wise", ["on"], True),
        ("margin", ["0"], 0.0),
        ("margin", ["0.99"], 0.99),
        ("rounds", ["90"], 90),
        ("strict", ["off"], False),
        ("rounds_all", ["true"], True),
        ("against_itself", ["true"], True),
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
        ("min_efficiency", ["85"], "'85' is out of range; an efficiency is at most 1 (write 0.85 for 85 %)"),
        ("min_efficiency", ["-1"], "an efficiency above 0 and up to 1, e.g. 0.85, is wanted"),
        ("min_quality", ["95"], "'95' is out of range; a schedule quality is at most 1 (write 0.85 for 85 %)"),
        ("min_quality", ["0"], "a schedule quality above 0 and up to 1, e.g. 0.85, is wanted"),
        ("min_parallelism", ["-2"], "'-2' is out of range; a parallelism above 0, e.g. 3.5, is wanted"),
        ("min_parallelism", ["inf"], "'inf' is out of range"),
        ("max_groups", ["large:2.5"], "'2.5' is out of range; a whole number from 1 up is wanted"),
        ("min_peak_concurrency", ["0"], "'0' is out of range; a whole number from 1 up is wanted"),
        ("compare", ["a", "b"], "'a b' is not one value; a name is wanted"),
        ("baseline_dir", [" "], "it is empty; a folder is wanted"),
        ("history", [" "], "it is empty; a folder is wanted"),
        ("history_cap", ["0"], "'0' is out of range; a whole number from 1 up is wanted"),
        ("history_half_life", ["0"], "'0' is out of range; a number of days above 0 is wanted"),
        ("alpha", ["0"], "'0' is out of range; a probability above 0 and below 0.5, e.g. 0.001, is wanted"),
        ("alpha", ["0.5"], "'0.5' is out of range"),
        ("alpha", ["nan"], "'nan' is out of range"),
        ("alpha", ["rare"], "'rare' is not a number; a probability above 0 and below 0.5, e.g. 0.001, is wanted"),
        ("margin", ["1"], "'1' is out of range; a fraction from 0 up to below 1, e.g. 0.02 for 2 %, is wanted"),
        ("margin", ["-0.01"], "'-0.01' is out of range"),
        ("rounds", ["0"], "'0' is out of range; a whole number from 1 up is wanted"),
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty: what lies there cannot be the name of a baseline."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("option", ["save", "compare"])
@pytest.mark.parametrize("name", ["main", "release-1.2_b", "2", "_", "a" * 100], ids=lambda name: name[:20])
def test_name_of_a_baseline_is_read(option: str, name: str) -> None:
    assert resolved({option: [name]})[option] == name


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("option", ["save", "compare"])
@pytest.mark.parametrize(
    "name",
    ["", "-main", ".main", "größer", "two words", "a/b", "../main", "a\n", "C:x", "a\0b", "a" * 101, "a" * 5000],
    ids=lambda name: repr(name[:20]),
)
def test_name_of_a_baseline_can_be_a_file_name_everywhere(option: str, name: str) -> None:
    """Also where the file system could not even be asked for a file of that name."""
    with pytest.raises(SettingError) as caught:
        resolved({option: [name]})
    assert f"{name!r} is no name; up to 100 letters, digits and '-', '_', '.' are wanted" in str(caught.value)


def test_path_is_no_name_of_a_baseline_whether_it_exists_or_not(folder: Path) -> None:
    (folder / "tests" / "unit").mkdir(parents=True)
    with pytest.raises(SettingError, match="'tests/unit' is no name"):
        resolved({"save": ["tests/unit"]})


@given(word=st.text(max_size=120) | st.from_regex(r"[\w.-]{1,120}"))
def test_whatever_is_read_as_a_name_is_one_part_of_a_path(word: str) -> None:
    with suppress(SettingError):
        name = resolved({"save": [word]})["save"]
        assert (name, Path(name).parts, len(name) <= 100, name.isascii()) == (word, (word,), True, True)


@pytest.mark.parametrize("option", ["save", "compare"])
def test_name_of_a_baseline_is_not_the_path_that_follows_on_the_command_line(option: str, folder: Path) -> None:
    """``pytest --cortex-save tests`` names what to test, not a baseline."""
    (folder / "tests").mkdir()
    with pytest.raises(SettingError) as caught:
        resolved({option: ["tests"]})
    assert "'tests' is a file or folder here; if it was meant for pytest, put it first, else rename it" in str(
        caught.value
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("sources", [({"save": [LATEST]}, {}), ({}, {"save": [LATEST]})], ids=["command line", "ini"])
def test_baseline_cannot_be_saved_under_the_word_for_the_one_saved_last(
    sources: tuple[dict[str, list[str]], dict[str, list[str]]],
) -> None:
    """It is refused as options are read, so before anything is measured."""
    with pytest.raises(SettingError, match="'latest' stands for the baseline saved last; give another name") as caught:
        resolved(*sources)
    assert caught.value.name in {"--cortex-save", "cortex_save"}


@pytest.mark.parametrize(("name", "alone"), [("save", "default"), ("compare", LATEST)])
def test_option_that_stands_alone_does_not_mind_a_folder_named_like_its_value(
    name: str, alone: str, folder: Path
) -> None:
    (folder / alone).mkdir()
    assert resolved({name: [alone]})[name] == alone


def test_word_for_the_baseline_saved_last_is_refused_for_saving_also_where_a_folder_is_named_so(folder: Path) -> None:
    (folder / LATEST).mkdir()
    with pytest.raises(SettingError, match="'latest' stands for the baseline saved last"):
        resolved({"save": [LATEST]})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("name", "alone"), [("save", "default"), ("compare", LATEST), ("history", ".cortex/history")])
def test_option_that_stands_alone_has_a_value_that_can_be_read(name: str, alone: str) -> None:
    option = BY_NAME[name]
    assert option.alone == alone == option.read([alone])


def test_only_names_of_baselines_and_the_folder_of_a_history_may_be_left_out() -> None:
    assert [option.name for option in OPTIONS if option.alone is not None] == ["save", "compare", "history"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_option_that_takes_a_value_says_what_stands_for_it(option: Option) -> None:
    """A switch is one whose default is false."""
    assert (option.metavar == "") is (option.default is False)


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_has_an_option_that_can_be_repeated(gate: GateName) -> None:
    assert (BY_NAME[gate].many, BY_NAME[gate].default) == (True, {})


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


@given(gate=st.sampled_from(GATES), word=st.text(max_size=8) | st.floats().map(str) | st.integers().map(str))
def test_whatever_is_read_as_a_limit_is_a_finite_number_above_0(gate: GateName, word: str) -> None:
    with suppress(ValueError):
        assert 0 < read_limit(gate, word) < math.inf


@pytest.mark.parametrize("gate", ["min_efficiency", "min_quality"])
@given(number=st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_is_read_as_a_fraction_lies_between_0_and_1(gate: GateName, number: float) -> None:
    if 0 < number <= 1:
        assert read_limit(gate, str(number)) == number
    else:
        with pytest.raises(ValueError, match="out of range"):
            read_limit(gate, str(number))


@pytest.mark.parametrize("gate", ["max_groups", "min_peak_concurrency"])
@given(number=st.integers(-5, 10**6))
def test_whatever_is_read_as_a_count_is_a_whole_number_from_1_up(gate: GateName, number: int) -> None:
    if number >= 1:
        assert read_limit(gate, str(number)) == number
    else:
        with pytest.raises(ValueError, match="a whole number from 1 up is wanted"):
            read_limit(gate, str(number))


@given(number=st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_is_read_as_alpha_is_an_error_rate(number: float) -> None:
    if 0 < number < 0.5:
        assert resolved({"alpha": [str(number)]})["alpha"] == number
    else:
        with pytest.raises(SettingError, match="out of range"):
            resolved({"alpha": [str(number)]})


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


def test_strict_measures_longer_and_fails_what_is_inconclusive() -> None:
    settings = resolved({"strict": ["true"]})
    changed = {name: settings[name] for name in BY_NAME if settings.origin(name) == "strict"}
    assert changed == {"rounds": 90, "time_budget": 30.0, "inconclusive": "fail"}


@pytest.mark.parametrize("source", ["command_line", "ini"])
@pytest.mark.parametrize(
    ("name", "word", "value"),
    [("rounds", "20", 20), ("rounds", "60", 60), ("time_budget", "5", 5.0), ("inconclusive", "warn", "warn")],
)
def test_strict_gives_way_to_what_is_given_wherever_it_stands(source: str, name: str, word: str, value: object) -> None:
    """Also where that is the value that it would have anyway."""
    sources: dict[str, dict[str, list[str]]] = {"command_line": {"strict": ["true"]}, "ini": {}}
    sources[source][name] = [word]
    settings = resolved(**sources)
    assert settings[name] == value
    assert settings.origin(name) == source.replace("_", " ")


def test_strict_in_the_ini_file_can_be_lifted_on_the_command_line() -> None:
    settings = resolved({"strict": ["false"]}, {"strict": ["true"]})
    assert (settings["rounds"], settings["time_budget"], settings["inconclusive"]) == (60, 10.0, "warn")


def test_records_hold_every_setting_with_its_origin() -> None:
    records = resolved({"workers": ["2"]}).records()
    assert list(records) == [option.name for option in OPTIONS]
    assert records["workers"] == SettingRecord(value=2, origin="command line")


# Limits ---------------------------------------------------------------------------------------------------------------


def limits(
    scenario: str | None = None,
    *,
    command_line: list[str] | None = None,
    marker: dict[GateName, float] | None = None,
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


@pytest.mark.parametrize("gate", STRUCTURE_GATES)
def test_scenarios_own_limit_applies_beside_gates_on_structure(gate: GateName) -> None:
    """A sound graph says nothing about how fast it runs."""
    assert limits("small", ini=["1"], default=0.85, gate=gate) == [
        (gate, 1, "ini"),
        ("min_efficiency", 0.85, "default"),
    ]


@pytest.mark.parametrize("gate", SPEED_GATES)
def test_scenarios_own_limit_gives_way_to_either_gate_on_speed(gate: GateName) -> None:
    assert [name for name, _value, _origin in limits("small", ini=["1"], default=0.85, gate=gate)] == [gate]


def test_all_kinds_of_limits_apply_in_a_fixed_order() -> None:
    marker = dict.fromkeys(reversed(GATES), 1.0)
    assert [gate for gate, _value, _origin in limits(marker=marker)] == list(GATES)


def test_scenarios_with_limits_are_named_with_their_option() -> None:
    ini = {"min_efficiency": ["small:0.5"], "max_groups": ["medium:3"]}
    settings = resolved({"min_speedup": ["large:3", "2"]}, ini)
    assert settings.scenarios_with_limits() == {
        "small": ("cortex_min_efficiency", "ini"),
        "medium": ("cortex_max_groups", "ini"),
        "large": ("--cortex-min-speedup", "command line"),
    }


# The marker -----------------------------------------------------------------------------------------------------------


def test_marker_is_read() -> None:
    assert read_marker((), {"min_speedup": 3, "min_efficiency": 0.5}) == {"min_speedup": 3.0, "min_efficiency": 0.5}


def test_marker_takes_gates_on_structure() -> None:
    keywords = {"min_parallelism": 2.5, "max_groups": 3, "min_quality": 1, "min_peak_concurrency": 4}
    assert read_marker((), keywords) == keywords


@pytest.mark.parametrize(
    ("positional", "keywords", "message"),
    [
        ((3.5,), {}, "cortex (marker): it takes keywords only, not 3.5: write min_speedup=3.5"),
        ((), {"min_speed": 3}, "unknown keyword 'min_speed'; did you mean 'min_speedup'?"),
        ((), {"zzz": 3}, "unknown keyword 'zzz'. Known keywords: min_speedup, min_efficiency"),
        ((), {"min_speedup": True}, "cortex(min_speedup=…) (marker): 'True' is not a number"),
        ((), {"min_speedup": None}, "'None' is not a number"),
        ((), {"min_efficiency": 1.5}, "cortex(min_efficiency=…) (marker): '1.5' is out of range"),
        ((), {"max_groups": 2.5}, "cortex(max_groups=…) (marker): '2.5' is out of range; a whole number"),
        ((), {"min_paralelism": 2}, "unknown keyword 'min_paralelism'; did you mean 'min_parallelism'?"),
        ((), {"baseline": 2}, "unknown keyword 'baseline'. Known keywords: min_speedup, min_efficiency, min_paral"),
    ],
)
def test_marker_is_refused_with_what_would_be_right(
    positional: tuple[object, ...], keywords: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read_marker(positional, keywords)
    assert message in str(caught.value)
