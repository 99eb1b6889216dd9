"""The options in force: command line over marker over ini file over default.

All values are read before the first test; a wrong one is a ``SettingError`` that names the value, where it stands and
what would be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pytest_cortex.settings.options import OPTIONS, Option
from pytest_cortex.settings.values import GATES, SPEED_GATES, SettingError

if TYPE_CHECKING:
    from pytest_cortex.record import GateName, SettingRecord

T = TypeVar("T")
_STRICT: Mapping[str, Any] = {"rounds": 90, "time_budget": 30.0, "inconclusive": "fail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Generic[T]):
    """An effective value and where it comes from."""

    value: T
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit that applies to one measurement.

    Attributes:
        gate: Which kind.
        value: A speedup, an efficiency, a number of groups …; NaN where there is no baseline to take it from.
        origin: Who set it.
    """

    gate: GateName
    value: float
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options with their effective values.

    Attributes:
        by_name: Value and origin per option.
        limits: Per gate and origin, the limit per scenario (empty name: for all).
    """

    by_name: Mapping[str, Setting[Any]]
    limits: Mapping[tuple[GateName, str], Mapping[str, float]]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name].value

    def origin(self, name: str) -> str:
        """Where the value comes from."""
        return self.by_name[name].origin

    def records(self) -> dict[str, SettingRecord]:
        """The settings as they are written into reports."""
        from pytest_cortex.record import SettingRecord  # noqa: PLC0415 - an idle run does not pay for it

        return {name: SettingRecord(value=each.value, origin=each.origin) for name, each in self.by_name.items()}

    def scenarios_with_limits(self) -> dict[str, tuple[str, str]]:
        """The scenario names that limits mention, each with the option that does and where that stands."""
        return {
            scenario: (f"--cortex-{gate}".replace("_", "-") if origin == "command line" else f"cortex_{gate}", origin)
            for (gate, origin), limits in self.limits.items()
            for scenario in limits
            if scenario
        }

    def limits_for(
        self, scenario: str | None, marker: Mapping[GateName, float], default_min_efficiency: float | None
    ) -> tuple[Limit, ...]:
        """Returns the limits of one measurement; a limit that somebody set replaces the scenario's own.

        Args:
            scenario: Name of the scenario, None for a user's own code.
            marker: Keywords of the test's ``cortex`` marker.
            default_min_efficiency: What the scenario has of itself.
        """
        chosen = []
        for gate in GATES:
            given = {
                "command line": self._limit(gate, "command line", scenario),
                "marker": marker.get(gate),
                "ini": self._limit(gate, "ini", scenario),
            }
            chosen += [Limit(gate=gate, value=v, origin=origin) for origin, v in given.items() if v is not None][:1]
        judged_by_speed = any(limit.gate in SPEED_GATES for limit in chosen)
        if not judged_by_speed and default_min_efficiency is not None:
            chosen.append(Limit(gate="min_efficiency", value=default_min_efficiency, origin="default"))
        return tuple(chosen)

    def _limit(self, gate: GateName, origin: str, scenario: str | None) -> float | None:
        limits = self.limits.get((gate, origin), {})
        return limits.get(scenario or "", limits.get(""))


def resolve(command_line: Mapping[str, Sequence[str]], ini: Mapping[str, Sequence[str]], *, seed: int) -> Settings:
    """Reads all options.

    Args:
        command_line: Words per option name, for the options given there.
        ini: The same for the ini file.
        seed: Used if nobody gives one.

    Raises:
        SettingError: If a value makes no sense.
    """
    effective = {option.name: Setting(value=option.default, origin="default") for option in OPTIONS}
    limits: dict[tuple[GateName, str], Mapping[str, float]] = {}
    for origin, source in (("ini", ini), ("command line", command_line)):
        for option in OPTIONS:
            if option.name in source:
                value = _read(option, source[option.name], origin)
                effective[option.name] = Setting(value=value, origin=origin)
                if option.name in GATES:
                    limits[option.name, origin] = value
    if effective["strict"].value:
        for name, value in _STRICT.items():
            if effective[name].origin == "default":
                effective[name] = Setting(value=value, origin="strict")
    if effective["seed"].value is None:
        effective["seed"] = Setting(value=seed, origin="random")
    return Settings(by_name=effective, limits=limits)


def _read(option: Option, words: Sequence[str], origin: str) -> Any:
    name = option.flag if origin == "command line" else option.ini
    try:
        return option.read(words)
    except ValueError as error:
        raise SettingError(name, origin, str(error)) from error
