"""Speedup against workers: what was measured, and the ideal, the ceiling and Amdahl's law beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.wording import MISSING, finite, plural, printable, ratio

if TYPE_CHECKING:
    from pytest_cortex.record import ScalingPointRecord, ScalingRecord, SessionRecord

MOST_CURVES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One number of workers; None where there is nothing to show.

    Attributes:
        workers: P.
        speedup: Over one worker.
        low: Lower end of its interval.
        high: Upper end.
        ceiling: The most that the graph allows.
        karp_flatt: The serial fraction that this point alone shows.
    """

    workers: int
    speedup: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    karp_flatt: float | None

    @property
    def efficiency(self) -> float | None:
        """Speedup / workers."""
        return None if self.speedup is None else self.speedup / self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One program.

    Attributes:
        label: Its name.
        detail: The test it comes from and the CPUs it could use, in small print.
        points: By number of workers.
        serial_fraction: Amdahl's, fitted over all points; None if unknown.
        serial_text: The same in words, with its interval.
        summary: One sentence for people.
        cpus: How many CPUs the process may use; None if unknown.
    """

    label: str
    detail: str
    points: tuple[CurvePoint, ...]
    serial_fraction: float | None
    serial_text: str
    summary: str
    cpus: float | None

    @property
    def most_workers(self) -> int:
        """Where the axis ends."""
        return max(point.workers for point in self.points)

    def fitted(self, workers: float) -> float | None:
        """Returns what Amdahl's law expects; None if no fraction is known, or none but infinity is expected."""
        if self.serial_fraction is None:
            return None
        left = self.serial_fraction + (1 - self.serial_fraction) / workers
        return 1 / left if left > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A whole chart.

    Attributes:
        curves: One panel each, from top to bottom.
        left_out: How many are not shown; empty if all are.
    """

    curves: tuple[Curve, ...]
    left_out: str


def scaling(session: SessionRecord) -> Curves | None:
    """Returns the curves of all programs that were measured at several numbers of workers, None if there is none."""
    cpus = usable_cpus(session)
    curves = [_curve(one, cpus) for one in session.scalings if any(finite(point.speedup) for point in one.points)]
    if not curves:
        return None
    more = len(curves) - MOST_CURVES
    return Curves(
        curves=tuple(curves[:MOST_CURVES]),
        left_out=f"{more} of {len(curves)} programs are not shown: summary.md has all of them." if more > 0 else "",
    )


def describe(session: SessionRecord) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = scaling(session)
    if shown is None:
        return None
    said = "; ".join(f"{curve.label}: {_in_words(curve)}" for curve in shown.curves)
    return f"Speedup against workers. {said}. {shown.left_out}".rstrip()


def usable_cpus(session: SessionRecord) -> float | None:
    """Returns how many CPUs the process could use; None if the environment does not say."""
    value = session.environment.get("usable_cpus")
    return finite(float(value)) if isinstance(value, int | float) and value > 0 else None


def percent(fraction: float | None) -> str:
    """Returns a fraction in percent, as people read it; a dash for None."""
    return MISSING if fraction is None else f"{100 * fraction:.1f} %".replace("-", "−")


def sampled(curve: Curve, count: int = 120) -> list[tuple[float, float]]:
    """Returns points of Amdahl's curve from one worker to the most, closer together where there are few."""
    most = curve.most_workers
    places = [math.exp(math.log(most) * step / (count - 1)) for step in range(count)]
    return [(place, speedup) for place in places if (speedup := curve.fitted(place)) is not None]


def _curve(one: ScalingRecord, cpus: float | None) -> Curve:
    fraction = finite(one.serial_fraction)
    low, high = finite(one.serial_low), finite(one.serial_high)
    interval = f" ({percent(low)} to {percent(high)})" if low is not None and high is not None else ""
    return Curve(
        label=printable(one.name),
        detail=printable(one.test) if cpus is None else f"{printable(one.test)} · {cpus:g} usable CPUs",
        points=tuple(_point(point) for point in sorted(one.points, key=lambda point: point.workers)),
        serial_fraction=fraction,
        serial_text="unknown" if fraction is None else f"{percent(fraction)}{interval}",
        summary=printable(one.summary),
        cpus=cpus,
    )


def _point(point: ScalingPointRecord) -> CurvePoint:
    return CurvePoint(
        workers=point.workers,
        speedup=finite(point.speedup),
        low=finite(point.low),
        high=finite(point.high),
        ceiling=finite(point.ceiling),
        karp_flatt=finite(point.karp_flatt),
    )


def _in_words(curve: Curve) -> str:
    points = ", ".join(
        f"{ratio(point.speedup)} on {plural(point.workers, 'worker')}"
        for point in curve.points
        if point.speedup is not None
    )
    return f"{points}; Amdahl's serial fraction {curve.serial_text}"
