"""Every option of the plugin: its name, what it means, how a value is read and which of its sources wins.

Command line over marker over ini file over default.  All values are read before the first test; a wrong one is a
``SettingError`` that names the value, where it stands and what would be right.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pytest_cortex.record import GateName, SettingRecord

T = TypeVar("T")

SPEED_GATES: tuple[GateName, ...] = ("min_speedup", "min_efficiency")
STRUCTURE_GATES: tuple[GateName, ...] = ("min_parallelism", "max_groups", "min_quality", "min_peak_concurrency")
GATES = SPEED_GATES + STRUCTURE_GATES
INCONCLUSIVE_MODES = ("warn", "fail", "skip")
LATEST = "latest"
_UNNAMED = "default"

_STRICT: Mapping[str, Any] = {"rounds": 90, "time_budget": 30.0, "inconclusive": "fail"}


class SettingError(ValueError):
    """An option or marker with a value that makes no sense.

    Attributes:
        name: The option.
        origin: Where the value stands.
        problem: What is wrong with it, and what would be right.
    """

    def __init__(self, name: str, origin: str, problem: str) -> None:
        super().__init__(name, origin, problem)
        self.name = name
        self.origin = origin
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.name} ({self.origin}): {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Generic[T]):
    """An effective value and where it comes from."""

    value: T
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option, on the command line as ``--cortex-…`` and in the ini file as ``cortex_…``.

    Attributes:
        name: Without the prefix, words joined by ``_``.
        help: For ``--help`` and ``--markers``.
        read: Turns a list of words into a value, or raises ``ValueError`` saying what would be right.
        default: The value if nobody says anything.
        metavar: Stands for the value in ``--help``; empty for a switch.
        many: True if it may be given several times.
        alone: The value of the option without one; None if it takes a value always.
    """

    name: str
    help: str
    read: Callable[[Sequence[str]], Any]
    default: Any
    metavar: str = ""
    many: bool = False
    alone: str | None = None

    @property
    def flag(self) -> str:
        """As written on the command line."""
        return "--cortex-" + self.name.replace("_", "-")

    @property
    def ini(self) -> str:
        """As written in the ini file."""
        return "cortex_" + self.name


# How values are read --------------------------------------------------------------------------------------------------


def _number(word: str, wanted: str, *, least: float = 0.0, inclusive: bool = False, below: float = math.inf) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a number; {wanted} is wanted") from None
    if not value < below or value < least or (value == least and not inclusive):
        raise ValueError(f"{word!r} is out of range; {wanted} is wanted")
    return value


def _only(words: Sequence[str], wanted: str) -> str:
    if len(words) != 1:
        raise ValueError(f"{' '.join(words)!r} is not one value; {wanted} is wanted")
    return words[0]


def _seconds(words: Sequence[str]) -> float:
    wanted = "a number of seconds above 0"
    return _number(_only(words, wanted), wanted)


def _duration(words: Sequence[str]) -> float:
    wanted = "a number of seconds from 0.001 up"
    return _number(_only(words, wanted), wanted, least=0.001, inclusive=True)


def _probability(words: Sequence[str]) -> float:
    wanted = "a probability above 0 and below 0.5, e.g. 0.001,"
    return _number(_only(words, wanted), wanted, below=0.5)


def _margin(words: Sequence[str]) -> float:
    wanted = "a fraction from 0 up to below 1, e.g. 0.02 for 2 %,"
    return _number(_only(words, wanted), wanted, inclusive=True, below=1.0)


def _scale(words: Sequence[str]) -> float | None:
    wanted = "a factor above 0 (or 'auto')"
    word = _only(words, wanted)
    return None if word == "auto" else _number(word, wanted)


def _count(words: Sequence[str]) -> int:
    word = _only(words, "a whole number from 1 up")
    if not word.isascii() or not word.isdecimal() or int(word) < 1:
        raise ValueError(f"{word!r} is out of range; a whole number from 1 up is wanted")
    return int(word)


def _seed(words: Sequence[str]) -> int:
    word = _only(words, "a whole number")
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a whole number") from None


def _switch(words: Sequence[str]) -> bool:
    word = _only(words, "true or false").lower()
    if word not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError(f"{word!r} is neither true nor false")
    return word in {"true", "1", "yes", "on"}


def _mode(words: Sequence[str]) -> str:
    word = _only(words, "one word")
    if word not in INCONCLUSIVE_MODES:
        raise ValueError(f"{word!r} is unknown; one of {', '.join(INCONCLUSIVE_MODES)} is wanted")
    return word


def _name(words: Sequence[str]) -> str:
    word = _only(words, "a name")
    if not re.fullmatch(r"\w[\w.-]{0,99}", word, re.ASCII):
        raise ValueError(f"{word!r} is no name; up to 100 letters, digits and '-', '_', '.' are wanted")
    if word not in {LATEST, _UNNAMED} and Path(word).exists():
        raise ValueError(f"{word!r} is a file or folder here; if it was meant for pytest, put it first, else rename it")
    return word


def _new_name(words: Sequence[str]) -> str:
    word = _name(words)
    if word == LATEST:
        raise ValueError(f"{word!r} stands for the baseline saved last; give another name, e.g. 'main'")
    return word


def _folder(words: Sequence[str]) -> str:
    word = _only(words, "a folder")
    if not word.strip():
        raise ValueError("it is empty; a folder is wanted")
    return word


def read_limit(gate: GateName, word: str) -> float:
    """Reads a limit.

    Raises:
        ValueError: If it is no speedup above 0, no fraction above 0 and up to 1, or no number of its kind.
    """
    if gate in _FRACTIONS:
        value = _number(word, f"{_FRACTIONS[gate]} above 0 and up to 1, e.g. 0.85,")
        if value > 1:
            raise ValueError(f"{word!r} is out of range; {_FRACTIONS[gate]} is at most 1 (write 0.85 for 85 %)")
        return value
    if gate in _COUNTS:
        return _count([word])
    return _number(word, f"a {gate.removeprefix('min_')} above 0, e.g. 3.5,")


_FRACTIONS = {"min_efficiency": "an efficiency", "min_quality": "a schedule quality"}
_COUNTS = ("max_groups", "min_peak_concurrency")


def _limits(gate: GateName) -> Callable[[Sequence[str]], Mapping[str, float]]:
    """Reads ``3.5`` and ``large:3.5``; the key is the scenario's name, empty for all."""

    def read(words: Sequence[str]) -> Mapping[str, float]:
        limits = {}
        for word in words:
            scenario, _colon, limit = word.rpartition(":")
            limits[scenario] = read_limit(gate, limit)
        return limits

    return read


OPTIONS = (
    Option(
        name="bench",
        help="measure the bench tests (without it they are skipped); in a folder without any, the built-in scenarios",
        read=_switch,
        default=False,
    ),
    Option(
        name="min_speedup",
        metavar="[SCENARIO:]LIMIT",
        help="fail a bench test whose speedup is proven below LIMIT, for one scenario or for all; repeatable",
        read=_limits("min_speedup"),
        default={},
        many=True,
    ),
    Option(
        name="min_efficiency",
        metavar="[SCENARIO:]LIMIT",
        help="the same for speedup / workers, a fraction up to 1; the built-in scenarios have 0.85 of themselves",
        read=_limits("min_efficiency"),
        default={},
        many=True,
    ),
    Option(
        name="min_parallelism",
        metavar="[SCENARIO:]LIMIT",
        help="fail an operation whose graph allows less: work / critical path, without a clock, the same on every "
        "machine; repeatable",
        read=_limits("min_parallelism"),
        default={},
        many=True,
    ),
    Option(
        name="max_groups",
        metavar="[SCENARIO:]N",
        help="fail an operation whose graph has more groups, one after another, than this; repeatable",
        read=_limits("max_groups"),
        default={},
        many=True,
    ),
    Option(
        name="min_quality",
        metavar="[SCENARIO:]LIMIT",
        help="fail an operation whose schedule is worse: shortest possible / planned makespan, up to 1; repeatable",
        read=_limits("min_quality"),
        default={},
        many=True,
    ),
    Option(
        name="min_peak_concurrency",
        metavar="[SCENARIO:]N",
        help="fail an operation of which fewer modules ever run at once by its schedule; repeatable",
        read=_limits("min_peak_concurrency"),
        default={},
        many=True,
    ),
    Option(
        name="save",
        metavar="NAME",
        help="save what this run measures as a baseline; a name that exists is brought up to date, which is how a new "
        "baseline is accepted (alone: default)",
        read=_new_name,
        default=None,
        alone=_UNNAMED,
    ),
    Option(
        name="compare",
        metavar="NAME",
        help="fail what is proven slower than in this baseline of the same machine by more than the margin (alone: "
        "latest, the one saved last)",
        read=_name,
        default=None,
        alone=LATEST,
    ),
    Option(
        name="baseline_dir",
        metavar="DIR",
        help="where baselines are kept, beside the ini file (default: .cortex/baselines)",
        read=_folder,
        default=".cortex/baselines",
    ),
    Option(
        name="scenario",
        metavar="NAME|FILE",
        help="scenarios to run: small, medium, large, limited_workers, or a WfFormat file of a real workflow, which is "
        "replayed with sleeping modules; repeatable; by default the four built-in ones",
        read=tuple,
        default=(),
        many=True,
    ),
    Option(
        name="module_duration",
        metavar="SECONDS",
        help="how long each module of a built-in scenario takes (default: 0.03)",
        read=_duration,
        default=0.03,
    ),
    Option(
        name="time_scale",
        metavar="FACTOR",
        help="factor from recorded to replayed seconds for workflow files (default: auto, all tasks together take 1 s)",
        read=_scale,
        default=None,
    ),
    Option(
        name="workers",
        metavar="P",
        help="workers for scenarios from workflow files (default: 4)",
        read=_count,
        default=4,
    ),
    Option(
        name="alpha",
        metavar="P",
        help="how often PASS and FAIL may each be wrong, per gate (default: 0.001, once in a thousand)",
        read=_probability,
        default=0.001,
    ),
    Option(
        name="family_wise",
        help="share alpha among all gates of the run, so that it bounds the chance of any false alarm at all",
        read=_switch,
        default=False,
    ),
    Option(
        name="margin",
        metavar="FRACTION",
        help="fraction of a limit that is forgiven (default: 0.02)",
        read=_margin,
        default=0.02,
    ),
    Option(
        name="rounds",
        metavar="N",
        help="most rounds that count towards a verdict, its horizon (default: 60)",
        read=_count,
        default=60,
    ),
    Option(
        name="time_budget",
        metavar="SECONDS",
        help="how long the counted rounds of one measurement should take at most, though never fewer rounds than a "
        "verdict needs, 16 by default (default: 10)",
        read=_seconds,
        default=10.0,
    ),
    Option(
        name="strict",
        help="up to 90 rounds in 30 seconds, and INCONCLUSIVE fails; options that are given win",
        read=_switch,
        default=False,
    ),
    Option(
        name="rounds_all",
        help="go on to the last round though the verdict has fallen; verdicts stay what they are",
        read=_switch,
        default=False,
    ),
    Option(
        name="against_itself",
        help="measure each parallel arm against itself, with the true ratio 1 as the value tested: whatever FAILs then "
        "is a false alarm",
        read=_switch,
        default=False,
    ),
    Option(
        name="time_limit",
        metavar="SECONDS",
        help="stop an arm that runs longer than this and show what its threads were doing (default: 60)",
        read=_seconds,
        default=60.0,
    ),
    Option(
        name="inconclusive",
        metavar="MODE",
        help="what an INCONCLUSIVE gate does to its test: warn (shown as a category of its own), fail or skip "
        "(default: warn)",
        read=_mode,
        default="warn",
    ),
    Option(
        name="max_inconclusive",
        metavar="N",
        help="fail a gate that was INCONCLUSIVE in N runs in a row (default: 5)",
        read=_count,
        default=5,
    ),
    Option(
        name="seed",
        metavar="N",
        help="seed of the order within the rounds (default: a new one every run, shown in the header)",
        read=_seed,
        default=None,
    ),
    Option(
        name="report_dir",
        metavar="DIR",
        help="where the reports are written (default: reports, beside the ini file, or here if there is none)",
        read=_folder,
        default="reports",
    ),
)


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


# The marker -----------------------------------------------------------------------------------------------------------


def read_marker(positional: Sequence[object], keywords: Mapping[str, object]) -> dict[GateName, float]:
    """Reads the arguments of ``@pytest.mark.cortex(...)``.

    Raises:
        SettingError: If a keyword is unknown or a limit makes no sense.
    """
    if positional:
        raise SettingError("cortex", "marker", f"it takes keywords only, not {positional[0]!r}: write min_speedup=3.5")
    return {(gate := _gate(name)): _marker_limit(gate, value) for name, value in keywords.items()}


def _marker_limit(gate: GateName, value: object) -> float:
    try:
        return read_limit(gate, str(value))
    except ValueError as error:
        raise SettingError(f"cortex({gate}=…)", "marker", str(error)) from error


def _gate(name: str) -> GateName:
    for gate in GATES:
        if name == gate:
            return gate
    close = difflib.get_close_matches(name, GATES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise SettingError("cortex", "marker", f"unknown keyword {name!r}{hint} Known keywords: {', '.join(GATES)}")
