"""What an ini file says of these options, read once more where pytest has read it already.

pytest gives options out one by one, as strings, refuses the numbers and booleans of a TOML file where a string was
announced, and tells of a key that nobody knows only after collection, as a warning.  Here a number means the same in
every kind of file, and a misspelt key can be found before anything runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import iniconfig

_WANTED = "a string, a number, true, false or a list of these is wanted"


def is_ours(key: str) -> bool:
    """True for a key that somebody may have meant for this plugin, also ``Cortex-Bench``."""
    return key.lower().replace("-", "_").lstrip("_").startswith("cortex")


def entries(path: Path) -> dict[str, object]:
    """Returns what *path* says under keys that may be meant for this plugin, as strings or whatever TOML has.

    Args:
        path: The file that pytest reads its own options from.
    """
    if path.suffix not in {".ini", ".cfg", ".toml"}:
        return {}  # pytest reads nothing from it either
    text = path.read_text(encoding="utf-8")
    if "cortex" not in text.lower():
        return {}  # most files: an idle run is spared the parsing
    section = _toml(path, text) if path.suffix == ".toml" else _ini(path, text)
    return {key: value for key, value in section.items() if is_ours(key)}


def _ini(path: Path, text: str) -> Mapping[str, object]:
    section = "tool:pytest" if path.suffix == ".cfg" else "pytest"
    return iniconfig.IniConfig(str(path), data=text).sections.get(section, {})


def _toml(path: Path, text: str) -> Mapping[str, object]:
    """The tables that pytest 9 reads; pytest 8 knows ``ini_options`` only, but the other is meant as well."""
    import tomllib  # noqa: PLC0415 - takes longer to import than most runs would want to pay

    document = tomllib.loads(text)
    own = {} if path.name == "pyproject.toml" else _table(document, "pytest")
    native = {} if path.name in {"pytest.toml", ".pytest.toml"} else _table(document, "tool", "pytest")
    return {**own, **native, **_table(native, "ini_options")}


def _table(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        document = document.get(name, {})
    return document


def words_of(value: object, *, many: bool) -> list[str]:
    """Returns *value* as the command line would have it, word by word.

    Args:
        value: A string as in an ini file, or what TOML has instead.
        many: True if a string may hold several words, quoted as in a shell.

    Raises:
        ValueError: If it is neither a string nor a number, a boolean or a list of these, or there is nothing in it.
    """
    match value:
        case str() if not value.strip():
            raise ValueError("it is empty: give it a value, or remove it")
        case str() if many:
            return _split(value)
        case list():
            return [_word(each) for each in value]
        case _:
            return [_word(value)]


def _split(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"{value!r} cannot be split into words: {error}") from error


def _word(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case dict():
            entry = ", ".join(f'"{key}:{each}"' for key, each in value.items())
            raise ValueError(f"a table stands where {_WANTED}, e.g. [{entry}]")
        case _:
            raise ValueError(f"{value!r} is of the wrong type: {_WANTED}")
