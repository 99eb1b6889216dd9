"""Where numbers stand in a picture: all positions are percent of its width or height, so that it fits any screen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LARGEST = 1e100  # no clock gives more, and arithmetic with more may overflow
_ROOM = 0.08  # left free at either end of a scale that does not begin at zero, as a share of what it holds
_LEAST_ROOM = 0.01  # … and as a share of the largest number: rounds that hardly differ must not look as if they did


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number written at an axis.

    Attributes:
        at: Percent from the axis' low end.
        text: The number.
    """

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From numbers to percent.

    Attributes:
        low: The number at 0 %.
        high: The number at 100 %, above *low*.
    """

    low: float
    high: float

    def at(self, value: float) -> float:
        """Returns percent from the low end; what lies outside is put at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def between(self, low: float, high: float) -> float:
        """Returns the percent from *low* to *high*."""
        return round(self.at(high) - self.at(low), 2)

    def holds(self, value: float) -> bool:
        """True unless *value* lies outside."""
        return self.low <= value <= self.high

    def ticks(self, *, most: int = 6, whole: bool = False, unit: str = "") -> tuple[Tick, ...]:
        """Returns round numbers to write at the axis.

        Args:
            most: About how many.
            whole: True if only whole numbers make sense.
            unit: Written after each number.
        """
        step = _round_up((self.high - self.low) / most)
        step = max(step, 1.0) if whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Tick(at=self.at(k * step), text=f"{k * step:g}{unit}") for k in range(first, last + 1))


def drawable(value: float | None) -> float | None:
    """Returns *value*, or None where there is no number that could be drawn."""
    return value if value is not None and math.isfinite(value) and abs(value) < _LARGEST else None


def from_zero(values: Iterable[float | None]) -> Scale:
    """Returns a scale from 0 to the largest of *values*, or to 1 if none is above 0."""
    high = max(_known(values), default=0.0)
    return Scale(low=0.0, high=high if high > 0 else 1.0)


def around(values: Iterable[float | None]) -> Scale:
    """Returns a scale that holds all *values*, with some room at either end."""
    known = _known(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    room = max(_ROOM * (high - low), _LEAST_ROOM * max(abs(low), abs(high))) or 1.0
    return Scale(low=low - room, high=high + room)


def _known(values: Iterable[float | None]) -> list[float]:
    return [known for value in values if (known := drawable(value)) is not None]


def _round_up(step: float) -> float:
    """Returns the next of 1, 2, 5 and 10 times a power of ten."""
    step = max(step, 1e-100)
    power = 10.0 ** math.floor(math.log10(step))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= step * (1 - 1e-9)), 10 * power)
