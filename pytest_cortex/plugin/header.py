"""The lines above the first test: what is measured, under which settings, and what a verdict claims."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cortex.plugin.distribution import is_controller
from pytest_cortex.plugin.stash import SESSION_KEY
from pytest_cortex.settings.settings import Settings

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
        *_settings_by_origin(session.settings),
        f"cortex: reports in {session.report_dir}",
    ]


def _claim(settings: Settings) -> str:
    """What a verdict says, how often it may be wrong, and of what it speaks."""
    once_in = f"{1 / settings['alpha']:,.0f}".replace(",", " ")
    of_what = "runs, whatever the number of gates" if settings["family_wise"] else "verdicts"
    return (
        f"cortex: PASS and FAIL are each wrong at most once in {once_in} {of_what} (limit less "
        f"{100 * settings['margin']:g} %, up to {settings['rounds']} independent rounds; here and now)"
    )


def _settings_by_origin(settings: Settings) -> list[str]:
    """One line per origin: what the user set stands apart from what is default."""
    shown: dict[str, list[str]] = {}
    for name in settings.by_name:
        for origin, value in _in_force(name, settings).items():
            shown.setdefault(origin, []).append(f"{name}={_shown(value)}")
    return [f"cortex: {origin}: {', '.join(shown[origin])}" for origin in sorted(shown, key=_ORIGINS.index)]


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
