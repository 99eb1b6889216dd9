"""The options in force: command line over marker over ini file over default.

All values are read before the first test; a wrong one is a ``SettingError`` that names the value, where it stands and
what would be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        places: Per option and origin, what people call the latter: the name of the ini file, say.
    """

    by_name: Mapping[str, Setting[Any]]
    limits: Mapping[tuple[GateName, str], Mapping[str, float]]
    places: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name].value

    @property
    def given(self) -> bool:
        """True if somebody set anything."""
        return any(each.origin in {"command line", "ini"} for each in self.by_name.values())

    def origin(self, name: str) -> str:
        """Where the value comes from."""
        return self.by_name[name].origin

    def place(self, name: str, origin: str | None = None) -> str:
        """Where exactly it stands, for people, e.g. ``pytest.ini``.

        Args:
            name: The option.
            origin: One of several; by default that of the value in force.
        """
        origin = origin or self.origin(name)
        return self.places.get((name, origin), origin)

    def error(self, name: str, problem: str) -> SettingError:
        """Returns the error that tells of a problem with the value in force, where that stands."""
        return SettingError(_written(name, self.origin(name)), self.place(name), problem)

    def records(self) -> dict[str, SettingRecord]:
        """The settings as they are written into reports."""
        from pytest_cortex.record import SettingRecord  # noqa: PLC0415 - an idle run does not pay for it

        return {name: SettingRecord(value=each.value, origin=each.origin) for name, each in self.by_name.items()}

    def scenarios_with_limits(self) -> dict[str, tuple[str, str]]:
        """The scenario names that limits mention, each with the option that does and where that stands."""
        return {
            scenario: (_written(gate, origin), self.place(gate, origin))
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


def resolve(
    command_line: Mapping[str, Sequence[str]],
    ini: Mapping[str, Sequence[str]],
    *,
    seed: int,
    places: Mapping[tuple[str, str], str] | None = None,
) -> Settings:
    """Reads all options.

    Args:
        command_line: Words per option name, for the options given there.
        ini: The same for the ini file.
        seed: Used if nobody gives one.
        places: Per option and origin, what to call the latter; by default its own name.

    Raises:
        SettingError: If a value makes no sense.
    """
    places = places or {}
    effective = {option.name: Setting(value=option.default, origin="default") for option in OPTIONS}
    limits: dict[tuple[GateName, str], Mapping[str, float]] = {}
    for origin, source in (("ini", ini), ("command line", command_line)):
        for option in OPTIONS:
            if option.name in source:
                value = _read(option, source[option.name], origin, places.get((option.name, origin), origin))
                effective[option.name] = Setting(value=value, origin=origin)
                if option.name in GATES:
                    limits[option.name, origin] = value
    if effective["strict"].value:
        for name, value in _STRICT.items():
            if effective[name].origin == "default":
                effective[name] = Setting(value=value, origin="strict")
    if effective["seed"].value is None:
        effective["seed"] = Setting(value=seed, origin="random")
    return Settings(by_name=effective, limits=limits, places=places)


def _read(option: Option, words: Sequence[str], origin: str, place: str) -> Any:
    try:
        return option.read(words)
    except ValueError as error:
        raise SettingError(_written(option.name, origin), place, str(error)) from error


def _written(name: str, origin: str) -> str:
    """An option as it is written there."""
    return f"--cortex-{name}".replace("_", "-") if origin == "command line" else f"cortex_{name}"
