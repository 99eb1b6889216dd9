"""How the value of an option is read: from words to a number, a name, a limit, or an error that says what is wanted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_cortex.record import GateName

SPEED_GATES: tuple[GateName, ...] = ("min_speedup", "min_efficiency")
STRUCTURE_GATES: tuple[GateName, ...] = ("min_parallelism", "max_groups", "min_quality", "min_peak_concurrency")
GATES = SPEED_GATES + STRUCTURE_GATES
BUILT_IN_SCENARIOS = ("small", "medium", "large", "limited_workers")
INCONCLUSIVE_MODES = ("warn", "fail", "skip")
LATEST = "latest"
UNNAMED = "default"


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


def read_seconds(words: Sequence[str]) -> float:
    """Reads a duration."""
    wanted = "a number of seconds above 0"
    return _number(_only(words, wanted), wanted)


def read_duration(words: Sequence[str]) -> float:
    """Reads the duration of a module."""
    wanted = "a number of seconds from 0.001 up"
    return _number(_only(words, wanted), wanted, least=0.001, inclusive=True)


def read_days(words: Sequence[str]) -> float:
    """Reads a number of days."""
    wanted = "a number of days above 0"
    return _number(_only(words, wanted), wanted)


def read_probability(words: Sequence[str]) -> float:
    """Reads an error rate."""
    wanted = "a probability above 0 and below 0.5, e.g. 0.001,"
    return _number(_only(words, wanted), wanted, below=0.5)


def read_margin(words: Sequence[str]) -> float:
    """Reads a fraction of a limit."""
    wanted = "a fraction from 0 up to below 1, e.g. 0.02 for 2 %,"
    return _number(_only(words, wanted), wanted, inclusive=True, below=1.0)


def read_scale(words: Sequence[str]) -> float | None:
    """Reads a factor; None for ``auto``."""
    wanted = "a factor above 0 (or 'auto')"
    word = _only(words, wanted)
    return None if word == "auto" else _number(word, wanted)


def read_count(words: Sequence[str]) -> int:
    """Reads a whole number from 1 up."""
    word = _only(words, "a whole number from 1 up")
    if not word.isascii() or not word.isdecimal() or int(word) < 1:
        raise ValueError(f"{word!r} is out of range; a whole number from 1 up is wanted")
    return int(word)


def read_seed(words: Sequence[str]) -> int:
    """Reads a whole number."""
    word = _only(words, "a whole number")
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a whole number") from None


def read_switch(words: Sequence[str]) -> bool:
    """Reads true or false, as people write them."""
    word = _only(words, "true or false").lower()
    if word not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError(f"{word!r} is neither true nor false")
    return word in {"true", "1", "yes", "on"}


def read_mode(words: Sequence[str]) -> str:
    """Reads one of ``INCONCLUSIVE_MODES``."""
    word = _only(words, "one word")
    if word not in INCONCLUSIVE_MODES:
        raise ValueError(f"{word!r} is unknown; one of {', '.join(INCONCLUSIVE_MODES)} is wanted")
    return word


def read_name(words: Sequence[str]) -> str:
    """Reads the name of a baseline that there is."""
    word = _only(words, "a name")
    if not re.fullmatch(r"\w[\w.-]{0,99}", word, re.ASCII):
        raise ValueError(f"{word!r} is no name; up to 100 letters, digits and '-', '_', '.' are wanted")
    if word not in {LATEST, UNNAMED} and Path(word).exists():
        raise ValueError(f"{word!r} is a file or folder here; if it was meant for pytest, put it first, else rename it")
    return word


def read_new_name(words: Sequence[str]) -> str:
    """Reads the name of a baseline to save."""
    word = read_name(words)
    if word == LATEST:
        raise ValueError(f"{word!r} stands for the baseline saved last; give another name, e.g. 'main'")
    return word


def read_folder(words: Sequence[str]) -> str:
    """Reads the name of a folder."""
    word = _only(words, "a folder")
    if not word.strip():
        raise ValueError("it is empty; a folder is wanted")
    return word


def read_history(words: Sequence[str]) -> str | None:
    """Reads the folder of a history; None for ``off``."""
    word = read_folder(words)
    return None if word == "off" else word


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
        return read_count([word])
    return _number(word, f"a {gate.removeprefix('min_')} above 0, e.g. 3.5,")


_FRACTIONS = {"min_efficiency": "an efficiency", "min_quality": "a schedule quality"}
_COUNTS = ("max_groups", "min_peak_concurrency")


def read_limits(gate: GateName) -> Callable[[Sequence[str]], Mapping[str, float]]:
    """Reads ``3.5`` and ``large:3.5``; the key is the scenario's name, empty for all."""

    def read(words: Sequence[str]) -> Mapping[str, float]:
        limits = {}
        for word in words:
            scenario, _colon, limit = word.rpartition(":")
            limits[scenario] = read_limit(gate, limit)
        return limits

    return read
