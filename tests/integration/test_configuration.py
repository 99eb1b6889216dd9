"""One option, one value: the same in every place where it can stand, and wrong values are refused in every one."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex.plugin.stash import SETTINGS_KEY
from pytest_cortex.settings import values
from pytest_cortex.settings.options import OPTIONS, Option

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]

BY_NAME = {option.name: option for option in OPTIONS}
NATIVE = pytest.version_tuple >= (9,)
"""From pytest 9 on there are TOML files with types of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A value of one option.

    Attributes:
        ini: As it stands in an ini file.
        toml: As it stands in a TOML file that has types.
        words: As on the command line.
        value: What it means.
    """

    ini: str
    toml: str
    words: tuple[str, ...]
    value: object


EXAMPLES = {
    "strict": Example(ini="yes", toml="true", words=("",), value=True),
    "bench": Example(ini="off", toml="false", words=(), value=False),
    "workers": Example(ini="8", toml="8", words=("8",), value=8),
    "rounds": Example(ini="20", toml='"20"', words=("20",), value=20),
    "seed": Example(ini="-7", toml="-7", words=("-7",), value=-7),
    "alpha": Example(ini="1e-3", toml="1e-3", words=("1e-3",), value=0.001),
    "margin": Example(ini="0", toml="0", words=("0",), value=0.0),
    "time_budget": Example(ini="2.5", toml="2.5", words=("2.5",), value=2.5),
    "time_scale": Example(ini="auto", toml='"auto"', words=("auto",), value=None),
    "inconclusive": Example(ini="fail", toml='"fail"', words=("fail",), value="fail"),
    "save": Example(ini="main", toml='"main"', words=("main",), value="main"),
    "baseline_dir": Example(ini="kept here", toml='"kept here"', words=("kept here",), value="kept here"),
    "history": Example(ini="off", toml='"off"', words=("off",), value=None),
    "history_half_life": Example(ini="7", toml="7.0", words=("7",), value=7.0),
    "scenario": Example(
        ini="large small", toml='["large", "small"]', words=("large", "small"), value=("large", "small")
    ),
    "max_groups": Example(ini="4", toml="4", words=("4",), value={"": 4}),
    "min_speedup": Example(
        ini="small:3 2.5", toml='["small:3", 2.5]', words=("small:3", "2.5"), value={"small": 3.0, "": 2.5}
    ),
    "min_quality": Example(
        ini="\n  small:0.5\n  0.9",
        toml='"small:0.5 0.9"',
        words=("small:0.5", "0.9"),
        value={"small": 0.5, "": 0.9},
    ),
}

STRING, TYPE = '{key} = """{ini}"""', "{key} = {toml}"
FILES = {
    "pytest.ini": ("pytest.ini", "[pytest]", "{key} = {ini}"),
    "tox.ini": ("tox.ini", "[pytest]", "{key} = {ini}"),
    "setup.cfg": ("setup.cfg", "[tool:pytest]", "{key} = {ini}"),
    "strings in ini_options": ("pyproject.toml", "[tool.pytest.ini_options]", STRING),
    "types in ini_options": ("pyproject.toml", "[tool.pytest.ini_options]", TYPE),
    "strings in the native table": ("pyproject.toml", "[tool.pytest]", STRING),
    "types in the native table": ("pyproject.toml", "[tool.pytest]", TYPE),
    "types in pytest.toml": ("pytest.toml", "[pytest]", TYPE),
}
PLACES = [*FILES, "-o", "addopts", "command line"]


def put(pytester: pytest.Pytester, place: str) -> list[str]:
    """Writes all examples there; returns what pytest is to be called with."""
    shown = [(BY_NAME[name], example) for name, example in EXAMPLES.items()]
    flags = [f"{option.flag}={word}" if word else option.flag for option, each in shown for word in each.words]
    if place == "command line":
        return flags
    if place == "-o":
        return [word for option, each in shown for word in ("-o", f"{option.ini}={each.ini}")]
    if place == "addopts":
        file, text = "pytest.ini", f"[pytest]\naddopts = {shlex.join(flags)}"
    else:
        file, heading, template = FILES[place]
        entries = [template.format(key=option.ini, ini=each.ini, toml=each.toml) for option, each in shown]
        text = "\n".join([heading, *entries])
    (pytester.path / file).write_text(text, encoding="utf-8")
    return []


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("place", PLACES)
def test_an_option_has_the_same_value_wherever_it_stands(pytester: pytest.Pytester, place: str) -> None:
    if "pytest.toml" in place and not NATIVE:
        pytest.skip("this pytest knows no pytest.toml")
    settings = pytester.parseconfigure(*put(pytester, place)).stash[SETTINGS_KEY]
    shown = FILES[place][0] if place in FILES else place
    said = {name: each for name, each in EXAMPLES.items() if each.words or place not in {"addopts", "command line"}}
    assert {name: settings[name] for name in said} == {name: each.value for name, each in said.items()}
    assert [type(settings[name]) for name in said] == [type(each.value) for each in said.values()]
    assert {settings.place(name) for name in said} == {shown}


def test_examples_are_of_every_kind_of_value() -> None:
    """A reader that no example goes through would be tested in no place."""
    shown = {BY_NAME[name].read for name in EXAMPLES}
    kinds = {option.read for option in OPTIONS if "read_limits" not in option.read.__qualname__}
    elsewhere = {values.read_name, values.read_duration}  # alike: those of --cortex-save and of other seconds
    assert kinds - shown - elsewhere - {BY_NAME["report_dir"].read} == set()


@pytest.mark.usefixtures("run")
def test_the_command_line_wins_over_o_and_that_over_the_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_workers = 2\ncortex_rounds = 20\ncortex_seed = 1")
    config = pytester.parseconfigure("-o", "cortex_workers=3", "-o", "cortex_rounds=30", "--cortex-workers=4")
    settings = config.stash[SETTINGS_KEY]
    shown = {name: (settings[name], settings.place(name)) for name in ("workers", "rounds", "seed")}
    assert shown == {"workers": (4, "command line"), "rounds": (30, "-o"), "seed": (1, "tox.ini")}


@pytest.mark.usefixtures("run")
def test_an_empty_list_takes_back_what_is_default(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\ncortex_min_speedup = []")
    assert pytester.parseconfigure().stash[SETTINGS_KEY]["min_speedup"] == {}


@pytest.mark.usefixtures("run")
def test_what_only_pytest_can_find_is_believed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later pytest may read kinds of files that are unknown here."""
    monkeypatch.setattr("pytest_cortex.plugin.ini_values.entries", lambda _path: {})
    pytester.makeini("[pytest]\ncortex_workers = 2")
    settings = pytester.parseconfigure().stash[SETTINGS_KEY]
    assert (settings["workers"], settings.place("workers")) == (2, "ini file")


# Wrong values ---------------------------------------------------------------------------------------------------------

WRONG_WORDS: Mapping[Any, str] = {
    values.read_seconds: "-1",
    values.read_duration: "0",
    values.read_probability: "0.7",
    values.read_margin: "1.5",
    values.read_scale: "fast",
    values.read_count: "0",
    values.read_seed: "dice",
    values.read_switch: "maybe",
    values.read_mode: "ignore",
    values.read_name: "a/b",
    values.read_new_name: "latest",
    values.read_folder: " ",
    values.read_history: " ",
    tuple: "smal",
}
WANTED = "wanted|would|write|give|is neither|is not a whole|is no name|named|remove it|ignored explicit argument"


def wrong(option: Option) -> str:
    """A word that makes no sense as a value of *option*."""
    return WRONG_WORDS.get(option.read, "fast")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_wrong_value_on_the_command_line_ends_the_run_before_the_first_test(
    run: Run, bench_file: BenchFile, option: Option
) -> None:
    bench_file(extra="raise SystemError")
    result = run(f"{option.flag}={wrong(option)}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = str(result.stderr)
    place = "" if option.default is False else " (command line)"  # a switch takes no value, says pytest itself
    assert f"{option.flag}{place}" in said
    assert wrong(option).strip() in said
    result.stderr.re_match_lines([f".*({WANTED})"])


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_wrong_value_in_a_file_ends_the_run_before_the_first_test(
    run: Run, bench_file: BenchFile, pytester: pytest.Pytester, option: Option
) -> None:
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{option.ini} = '{wrong(option)}'")
    bench_file(extra="raise SystemError")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = next(line for line in result.errlines if line.startswith("ERROR: pytest-cortex: "))
    assert f"{option.ini} (pyproject.toml): " in said
    assert wrong(option).strip() in said
    result.stderr.re_match_lines([f".*({WANTED})"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2.5", "cortex_workers (pyproject.toml): '2.5' is out of range; a whole number from 1 up is wanted"),
        ("true", "cortex_workers (pyproject.toml): 'true' is out of range; a whole number from 1 up is wanted"),
        ("[2, 3]", "cortex_workers (pyproject.toml): '2 3' is not one value; a whole number from 1 up is wanted"),
        ("[[2]]", "cortex_workers (pyproject.toml): [[]2] is of the wrong type: a string, a number, *"),
        ("1979-05-27", "cortex_workers (pyproject.toml): datetime.date(1979, 5, 27) is of the wrong type: *"),
        ("{small = 2}", "cortex_workers (pyproject.toml): a table stands where a string, a number, *"),
        ("''", "cortex_workers (pyproject.toml): it is empty: give it a value, or remove it"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(run: Run, pytester: pytest.Pytester, value: str, message: str) -> None:
    pytester.makepyprojecttoml(f"[tool.pytest]\ncortex_workers = {value}")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {message}"])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("cortex_workers=", "cortex_workers (-o): it is empty: *"),
        ("cortex_scenario='small", 'cortex_scenario (-o): "\'small" cannot be split into words: *'),
    ],
)
def test_a_wrong_value_given_with_o_is_refused(run: Run, argument: str, message: str) -> None:
    result = run("-o", argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {message}"])


def test_a_wrong_value_in_addopts_is_said_to_stand_there(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --cortex-workers=0")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pytest-cortex: --cortex-workers (addopts): '0' is out of range*"])


# Unknown keys ---------------------------------------------------------------------------------------------------------


UNKNOWN = [
    ("pytest.ini", "[pytest]\n{key} = 3", "cortex_min_speedupp", "did you mean 'cortex_min_speedup'[?]"),
    ("pytest.ini", "[pytest]\n{key} = 3", "cortex-min-speedup", "did you mean 'cortex_min_speedup'[?]"),
    ("setup.cfg", "[tool:pytest]\n{key} = 3", "cortex_tolerance", "known are cortex_bench, *"),
    ("pyproject.toml", "[tool.pytest.ini_options]\n{key} = true", "cortex_strickt", "did you mean 'cortex_strict'[?]"),
    ("pyproject.toml", "[tool.pytest]\n{key} = true", "cortex_strickt", "did you mean 'cortex_strict'[?]"),
    ("pyproject.toml", "[tool.pytest.{key}]\nmin_speedup = 3", "cortex", "*"),
]


@pytest.mark.parametrize("unknown", UNKNOWN, ids=[f"{file} {key}" for file, _text, key, _hint in UNKNOWN])
@pytest.mark.parametrize("arguments", [(), ("--cortex-bench", "-n2")], ids=["idle", "measuring"])
def test_a_key_that_nobody_knows_ends_the_run_with_a_suggestion(
    run: Run,
    bench_file: BenchFile,
    pytester: pytest.Pytester,
    unknown: tuple[str, str, str, str],
    arguments: tuple[str, ...],
) -> None:
    """It was meant to guard something, and would guard nothing."""
    file, text, key, hint = unknown
    (pytester.path / file).write_text(text.format(key=key), encoding="utf-8")
    bench_file("healthy")
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {key} ({file}): there is no such option; {hint}"])


def test_a_key_that_nobody_knows_is_found_on_the_command_line_too(run: Run) -> None:
    result = run("-o", "cortex_see=7")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cortex_see (-o): there is no such option; did you mean 'cortex_seed'[?]"])


@pytest.mark.parametrize("flag", ["--cortex-min-speedupp=3", "--cortex-min"])
def test_an_option_that_nobody_knows_is_refused_by_pytest(run: Run, flag: str) -> None:
    """It does not guess from the beginning of a name either."""
    assert run(flag).ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("kind", ["string", "int"])
def test_a_key_of_another_plugin_is_left_to_it(run: Run, pytester: pytest.Pytester, kind: str) -> None:
    pytester.makeini("[pytest]\ncortexa_depth = three")
    pytester.makeconftest(f"def pytest_addoption(parser): parser.addini('cortexa_depth', 'of another', type={kind!r})")
    assert run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_help_is_there_although_something_is_wrong(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_wrong = 1")
    result = run("--help")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*--cortex-min-speedup=*"])
