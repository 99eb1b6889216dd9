"""What options must be to each other: checked once all are read, and before anything is collected."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pytest_cortex.judging.evidence import smallest_horizon
from pytest_cortex.settings.settings import Settings
from pytest_cortex.settings.values import SettingError


def check_horizon(settings: Settings) -> None:
    """Refuses a horizon that could never give a verdict.

    Raises:
        SettingError: If it is too short for alpha.
    """
    least = smallest_horizon(settings["alpha"])
    if settings["rounds"] < least:
        given = f"{settings['rounds']} rounds prove nothing at alpha {settings['alpha']:g}"
        raise settings.error("rounds", f"{given}; {least} or more are wanted")


def selected_names(settings: Settings, known: Sequence[str]) -> tuple[str, ...]:
    """Names of the scenarios that ``cortex_scenario`` stands for; files are not read yet.

    Args:
        settings: The options in force.
        known: Names of the scenarios that there are without a file, the built-in ones first.

    Raises:
        SettingError: If one is neither known nor a file, or two have one name.
    """
    chosen: Sequence[str] = settings["scenario"] or known
    names = [each if each in known else Path(each).stem for each in chosen]
    for each, name in zip(chosen, names, strict=True):
        if problem := _problem(each, name, names, known):
            raise settings.error("scenario", problem)
    for scenario, (option, where) in settings.scenarios_with_limits().items():
        if scenario not in {*known, *names}:
            among = ", ".join(dict.fromkeys([*known, *names]))
            problem = f"there is no scenario {scenario!r}; a limit is written alone, or for one of {among}"
            raise SettingError(option, where, problem)
    return tuple(names)


def _problem(given: str, name: str, names: Sequence[str], known: Sequence[str]) -> str | None:
    if given not in known and not _is_file(given):
        return f"{given!r} is neither a known scenario ({', '.join(known)}) nor a file"
    if given not in known and name in known:
        return f"{given!r} has the name of a scenario that is there without a file: rename it"
    if names.count(name) > 1:
        return f"the name {name!r} is given more than once"
    return None


def _is_file(given: str) -> bool:
    with suppress(OSError):  # a folder nobody may look into, a name too long
        return Path(given).is_file()
    return False
