"""Ini files: what they say of these options, in whatever kind of file and with whatever type."""

from pathlib import Path

import pytest

from pytest_cortex.settings.ini_file import entries, is_ours, words_of

SECTIONS = [
    ("pytest.ini", "[pytest]\n{}"),
    (".pytest.ini", "[pytest]\n{}"),
    ("tox.ini", "[tox]\nenvlist = py\n[pytest]\n{}"),
    ("anything.ini", "[pytest]\n{}"),
    ("setup.cfg", "[metadata]\nname = x\n[tool:pytest]\n{}"),
    ("pyproject.toml", "[tool.pytest.ini_options]\n{}"),
    ("pyproject.toml", "[tool.pytest]\n{}"),
    ("pytest.toml", "[pytest]\n{}"),
    (".pytest.toml", "[pytest]\n{}"),
    ("anything.toml", "[pytest]\n{}"),
    ("anything.toml", "[tool.pytest]\n{}"),
    ("anything.toml", "[tool.pytest.ini_options]\n{}"),
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "text"), SECTIONS)
def test_entries_are_found_in_the_section_that_pytest_reads(name: str, text: str, tmp_path: Path) -> None:
    assignments = 'cortex_seed = "7"\naddopts = "-q"' if name.endswith(".toml") else "cortex_seed = 7\naddopts = -q"
    path = written(tmp_path, name, text.format(assignments))
    assert entries(path) == {"cortex_seed": "7"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[tool:pytest]\ncortex_seed = 7"),
        ("tox.ini", "[tox]\ncortex_seed = 7"),
        ("setup.cfg", "[pytest]\ncortex_seed = 7"),
        ("pyproject.toml", "[pytest]\ncortex_seed = 7"),
        ("pyproject.toml", "[tool.other]\ncortex_seed = 7"),
        ("pytest.toml", "[tool.pytest]\ncortex_seed = 7"),
        ("pytest.ini", "[pytest]\naddopts = --cortex-bench"),
        ("settings.yaml", "cortex_seed: 7"),
    ],
)
def test_nothing_is_found_where_pytest_does_not_look(name: str, text: str, tmp_path: Path) -> None:
    assert entries(written(tmp_path, name, text)) == {}


def test_types_of_toml_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "pyproject.toml", '[tool.pytest]\ncortex_strict = true\ncortex_scenario = ["a", 1]')
    assert entries(path) == {"cortex_strict": True, "cortex_scenario": ["a", 1]}


def test_file_that_does_not_mention_the_plugin_is_not_parsed(tmp_path: Path) -> None:
    """It need not even be a file that could be."""
    assert entries(written(tmp_path, "pyproject.toml", "no [ TOML")) == {}


@pytest.mark.parametrize("key", ["cortex_seed", "cortex-seed", "Cortex_Seed", "--cortex-seed", "cortex"])
def test_key_may_be_meant_for_the_plugin_in_any_spelling(key: str) -> None:
    assert is_ours(key)


@pytest.mark.parametrize("key", ["seed", "my_cortex", "", "corte_x"])
def test_key_of_others_is_left_to_them(key: str) -> None:
    assert not is_ours(key)


# From a value to words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "many", "words"),
    [
        ("3.5", False, ["3.5"]),
        ("out put", False, ["out put"]),
        ("small:3 2.5", True, ["small:3", "2.5"]),
        ("\nsmall:3\n2.5", True, ["small:3", "2.5"]),
        ("'two words' one", True, ["two words", "one"]),
        (8, False, ["8"]),
        (0.001, False, ["0.001"]),
        (1e-9, False, ["1e-09"]),
        (True, False, ["true"]),
        (False, False, ["false"]),
        (2.5, True, ["2.5"]),
        (["small:3", 2.5, 4], True, ["small:3", "2.5", "4"]),
        (["two words"], True, ["two words"]),
        ([], True, []),
        (["x"], False, ["x"]),
        (["x", "y"], False, ["x", "y"]),
    ],
)
def test_value_becomes_the_words_of_a_command_line(value: object, many: bool, words: list[str]) -> None:  # noqa: FBT001 - a row of the table
    assert words_of(value, many=many) == words


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "it is empty: give it a value, or remove it"),
        ("  \n", "it is empty"),
        ({"small": 3}, 'a table stands where a string, a number, .* e.g. \\["small:3"\\]'),
        ([["a"]], r"\['a'\] is of the wrong type: a string, a number, true, false or a list of these is wanted"),
        ([{"small": 3}], "a table stands where"),
        (None, "None is of the wrong type"),
    ],
)
def test_value_that_is_none_is_refused(value: object, many: bool, problem: str) -> None:  # noqa: FBT001 - as above
    with pytest.raises(ValueError, match=problem):
        words_of(value, many=many)


def test_quotes_that_do_not_end_are_refused() -> None:
    with pytest.raises(ValueError, match='"\'small" cannot be split into words: No closing quotation'):
        words_of("'small", many=True)
