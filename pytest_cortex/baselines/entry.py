"""One measurement as a baseline keeps it, and how it is written and read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """Which measurement an entry is of.

    Attributes:
        test: The pytest node id.
        name: The measurement's name within the test.
        workers: P, the workers the parallel arm was allowed.
    """

    test: str
    name: str
    workers: int

    def __str__(self) -> str:
        return f"{self.test} ({self.name}, workers={self.workers})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One measurement, as far as a later one is held against it.

    Attributes:
        test: The pytest node id.
        name: The measurement's name within the test.
        workers: P, the workers the parallel arm was allowed.
        horizon: Counted rounds after which measuring would have ended; it makes up for ending earlier.
        ratios: ``(n_rounds,)`` sequential / parallel of the counted rounds.
        speedup: Their median.
        speedup_low: Lower end of its interval, None if there were too few rounds for one.
        speedup_high: Upper end of the interval.
        sequential_s: Median wall seconds of the sequential arm.
        parallel_s: Median wall seconds of the parallel arm.
        modelled_ratios: The same as *ratios* for the modelled speedup; empty where nothing was modelled.
        ceiling: The most speedup the graph allowed on P workers, None where there was no graph.
        critical_path: Ids of the modules on the longest dependency chain.
        durations: Seconds per module id; empty where there was no graph, or too large a one to keep.
        dependencies: Pairs (module, the module it depends on).
        phases: The number of each module's phase; only their order counts.  A module without is in phase 0.

    Raises:
        ValueError: If a ratio is not a finite number above 0, or *horizon* is below 1 or the number of ratios.
    """

    test: str
    name: str
    workers: int
    horizon: int
    ratios: tuple[float, ...]
    speedup: float
    speedup_low: float | None
    speedup_high: float | None
    sequential_s: float
    parallel_s: float
    modelled_ratios: tuple[float, ...] = ()
    ceiling: float | None = None
    critical_path: tuple[str, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)
    dependencies: tuple[tuple[str, str], ...] = ()
    phases: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for ratios in (self.ratios, self.modelled_ratios):
            wrong = next((ratio for ratio in ratios if not 0 < ratio < math.inf), None)
            if wrong is not None:
                raise ValueError(f"a ratio must be a finite number above 0, got {wrong!r}")
            if self.horizon < max(1, len(ratios)):
                raise ValueError(f"a horizon of {self.horizon} cannot hold {len(ratios)} rounds; give the rounds' own")

    @property
    def key(self) -> Key:
        """Which measurement this is."""
        return Key(test=self.test, name=self.name, workers=self.workers)

    def to_json(self) -> dict[str, Any]:
        """Returns the entry as plain dicts, lists, strings, numbers and None."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BaselineEntry:
        """Returns the entry that :meth:`to_json` made *document* of.

        Raises:
            ValueError: If a field is missing or holds what it never holds.
        """
        missing = _READ.keys() - of_kind(dict, document).keys()
        if missing:
            raise ValueError(f"a measurement lacks the field {min(missing)!r}")
        return cls(**{name: read(document[name]) for name, read in _READ.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


def of_kind(kind: type[T], value: Any) -> T:
    """Returns *value*, read from a file, if it is of that kind.

    Raises:
        ValueError: If it is not.
    """
    # True is a number to Python, and never one here.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{value!r:.60} stands where a {kind.__name__} should")  # noqa: TRY004 - the file is wrong
    return value


def _text(value: Any) -> str:
    return of_kind(str, value)


def _count(value: Any) -> int:
    return of_kind(int, value)


def _number(value: Any) -> float:
    number = float(of_kind(Real, value))  # type: ignore[type-abstract]  # whole numbers come as int
    if not math.isfinite(number):
        raise ValueError(f"{number!r} stands where a finite number should")
    return number


def _number_or_none(value: Any) -> float | None:
    return None if value is None else _number(value)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(_number, of_kind(list, value)))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, of_kind(list, value)))


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((module, dependency) for module, dependency in map(_texts, of_kind(list, value)))


_READ: Mapping[str, Callable[[Any], Any]] = {
    "test": _text,
    "name": _text,
    "workers": _count,
    "horizon": _count,
    "ratios": _numbers,
    "speedup": _number,
    "speedup_low": _number_or_none,
    "speedup_high": _number_or_none,
    "sequential_s": _number,
    "parallel_s": _number,
    "modelled_ratios": _numbers,
    "ceiling": _number_or_none,
    "critical_path": _texts,
    "durations": lambda value: {module: _number(each) for module, each in of_kind(dict, value).items()},
    "dependencies": _pairs,
    "phases": lambda value: {module: _count(each) for module, each in of_kind(dict, value).items()},
}
