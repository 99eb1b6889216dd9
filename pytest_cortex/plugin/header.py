"""The lines above the first test: what is measured, under which settings, and what a verdict claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cortex.plugin.collection import is_bench
from pytest_cortex.plugin.distribution import is_controller
from pytest_cortex.plugin.marker import gates_of
from pytest_cortex.plugin.stash import SESSION_KEY
from pytest_cortex.settings.settings import Settings
from pytest_cortex.settings.values import SettingError
from pytest_cortex.wording import plural

if TYPE_CHECKING:
    from pytest_cortex.record import GateName

_ORIGINS = ("command line", "ini", "strict", "random", "default")


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Says what is measured, under which settings, and what a verdict claims."""
    session = config.stash.get(SESSION_KEY, None)
    if session is None:
        return None
    how = "by the controller, after the workers" if is_controller(config) else "one at a time"
    return [
        f"cortex: measuring bench tests {how}",
        _claim(session.settings),
        *_settings_by_origin(session.settings, all_of_them=config.get_verbosity() > 0),
        f"cortex: reports in {session.report_dir}",
    ]


def pytest_report_collectionfinish(config: pytest.Config, items: Sequence[pytest.Item]) -> str | None:
    """Says which limits markers set, as far as none on the command line takes their place."""
    session = config.stash.get(SESSION_KEY, None)
    if session is None or config.get_verbosity() < 0:
        return None
    asked = Counter(pair for item in items if is_bench(item) for pair in _gates(item).items())
    shown = [
        f"{gate}={limit:g} ({plural(count, 'test')}{_overruled(session.settings.limits.get((gate, 'command line')))})"
        for (gate, limit), count in asked.items()
    ]
    return f"cortex: marker: {', '.join(shown)}" if shown else None


def _gates(item: pytest.Item) -> dict[GateName, float]:
    try:
        return gates_of(item)
    except SettingError:  # of a marker that was added after collection: the test will say what is wrong with it
        return {}


def _overruled(limits: Mapping[str, float] | None) -> str:
    return ", overruled by the command line" if limits and "" in limits else ""


def _claim(settings: Settings) -> str:
    """What a verdict says, how often it may be wrong, and of what it speaks."""
    once_in = f"{1 / settings['alpha']:,.0f}".replace(",", " ")
    of_what = "runs, whatever the number of gates" if settings["family_wise"] else "verdicts"
    return (
        f"cortex: PASS and FAIL are each wrong at most once in {once_in} {of_what} (limit less "
        f"{100 * settings['margin']:g} %, up to {settings['rounds']} independent rounds; here and now)"
    )


def _settings_by_origin(settings: Settings, *, all_of_them: bool) -> list[str]:
    """One line per place: what the user set stands apart from what is default, and that is two dozen values."""
    shown: dict[tuple[int, str], list[str]] = {}
    for name in settings.by_name:
        for origin, value in _in_force(name, settings).items():
            place = _ORIGINS.index(origin), settings.place(name, origin)
            shown.setdefault(place, []).append(f"{name}={_shown(value)}")
    defaults = shown.pop((_ORIGINS.index("default"), "default"), [])
    in_order = sorted(shown, key=lambda each: (each[0], each[1] == "addopts", each[1]))
    lines = [f"cortex: {place}: {', '.join(shown[rank, place])}" for rank, place in in_order]
    if all_of_them:
        return [*lines, f"cortex: default: {', '.join(defaults)}"]
    return [*lines, f"cortex: {plural(len(defaults), 'other option')} by default (-v shows them)"]


def _in_force(name: str, settings: Settings) -> dict[str, Any]:
    """Value by origin; a limit on the command line leaves those of the ini file for other scenarios in force."""
    if name == "bench":
        return {}  # whoever reads this, knows
    limits = {origin: limit for (gate, origin), limit in settings.limits.items() if gate == name}
    return limits or {settings.origin(name): settings[name]}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        value = " ".join(f"{scenario}:{limit:g}" if scenario else f"{limit:g}" for scenario, limit in value.items())
    elif isinstance(value, tuple):
        value = " ".join(value)
    return "none" if value in (None, "") else str(value)
