"""What stands in the ini file and in ``-o``; imported where there is something for this plugin.

pytest decides which file it is, and ``settings.ini_file`` reads what that says.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pytest

from pytest_cortex.settings.ini_file import entries, is_ours, words_of
from pytest_cortex.settings.options import OPTIONS, Option
from pytest_cortex.settings.values import SettingError


def written(config: pytest.Config) -> dict[str, tuple[list[str], str]]:
    """Returns the words of every option that is written down, and where that is; ``-o`` wins over the file.

    Raises:
        SettingError: If a value is of no use, or nobody knows its key: what it was to guard would go unguarded.
    """
    file = config.inipath
    found = {} if file is None else {key: (value, file.name) for key, value in entries(file).items()}
    for assignment in config.getoption("override_ini") or ():
        key, _equals, value = assignment.partition("=")
        if is_ours(key):
            found[key] = (value, "-o")
    _check_keys(config, found)
    return {
        option.name: (words(option, value, place), place)
        for option in OPTIONS
        for value, place in [found.get(option.ini) or (config.getini(option.ini), "ini file")]
        if value is not None
    }


def words(option: Option, value: object, place: str) -> list[str]:
    """Returns a value as the command line would have it.

    Raises:
        SettingError: If it is of the wrong type, or empty.
    """
    try:
        return words_of(value, many=option.many)
    except ValueError as error:
        raise SettingError(option.ini, place, str(error)) from error


def _check_keys(config: pytest.Config, found: Mapping[str, tuple[object, str]]) -> None:
    known = {option.ini for option in OPTIONS}
    for key, (_value, place) in found.items():
        if key not in known and not _is_somebodys(config, key):
            raise SettingError(key, place, f"there is no such option; {_hint(key)}")


def _is_somebodys(config: pytest.Config, key: str) -> bool:
    """True if another plugin has announced *key* as an option of its own."""
    try:
        config.getini(key)
    except ValueError as error:
        return "unknown configuration value" not in str(error)
    except Exception:  # noqa: BLE001 - announced, and wrong, which is for its owner to tell
        return True
    return True


def _hint(key: str) -> str:
    """All keys begin alike, so that only the rest says which one may be meant."""
    names = [option.name for option in OPTIONS]
    close = difflib.get_close_matches(key.lower().replace("-", "_").lstrip("_").removeprefix("cortex_"), names, n=1)
    return f"did you mean 'cortex_{close[0]}'?" if close else f"known are cortex_{', cortex_'.join(names)}"
