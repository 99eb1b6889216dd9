"""How a program speeds up with its workers: the curve, its intervals, the ideal, the ceiling and Amdahl's fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.page.axes import Scale, Tick, drawable, from_zero
from pytest_cortex.reporting.rows import point_texts
from pytest_cortex.wording import estimate, finite, ratio

if TYPE_CHECKING:
    from pytest_cortex.record import ScalingPointRecord, ScalingRecord, SessionRecord

_BENDS = 24  # straight pieces that the fitted curve is drawn with
_HEADROOM = 2.5  # the ideal is drawn up to so many times the best speedup, or the rest would lie flat on the ground
_APART = 6  # percent between two numbers at the axis, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One number of workers; positions are percent from the left and from the top, None where nothing was measured.

    Attributes:
        workers: P.
        x: From the left.
        y: The speedup.
        top: Upper end of its interval.
        height: How far it reaches down.
        texts: The row of the table.
    """

    workers: int
    x: float
    y: float | None
    top: float | None
    height: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One scaling.

    Attributes:
        anchor: Its id on the page.
        name: What was measured.
        summary: One sentence.
        fraction: The fitted serial fraction with its interval.
        points: By number of workers.
        lines: SVG paths in percent by name, "ideal", "ceiling", "fit" and "measured"; no empty ones.
        cpus: Where the CPUs end that this process may use, percent from the left; None outside the picture.
        cpus_text: How many they are; empty where that is not known.
        x_ticks: Numbers of workers.
        y_ticks: Speedups.
        description: The picture in words.
    """

    anchor: str
    name: str
    summary: str
    fraction: str
    points: tuple[Point, ...]
    lines: Mapping[str, str]
    cpus: float | None
    cpus_text: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plane:
    """Both scales of a curve: workers to the right, speedup upwards."""

    x: Scale
    y: Scale

    def path(self, points: Iterable[tuple[float, float | None]]) -> str:
        """Returns an SVG path, in percent, through what is known; the picture's frame cuts off what lies above."""
        known = [(x, y) for x, value in points if (y := drawable(value)) is not None]
        if len(known) < 2:
            return ""
        places = [f"{self.x.at(x):g} {100 - 100 * y / self.y.high:.4g}" for x, y in known]
        return f"M{'L'.join(places)}"

    def from_top(self, speedup: float | None) -> float | None:
        """Percent from the top."""
        known = drawable(speedup)
        return None if known is None else round(100 - self.y.at(known), 2)


def curves_of(session: SessionRecord) -> tuple[Curve, ...]:
    """Returns one curve per scaling."""
    cpus = session.environment.get("usable_cpus")
    known = drawable(cpus) if isinstance(cpus, int | float) else None
    return tuple(_curve(one, f"s{n}", known) for n, one in enumerate(session.scalings, start=1))


def _curve(one: ScalingRecord, anchor: str, cpus: float | None) -> Curve:
    points = sorted(one.points, key=lambda point: point.workers)
    most = max((point.workers for point in points), default=1)
    plane = _Plane(x=Scale(low=0.0, high=1.05 * most), y=_upwards(points, most))
    corner = max(plane.x.high, plane.y.high)
    lines = {
        "ideal": plane.path([(0.0, 0.0), (min(corner, plane.x.high), min(corner, plane.x.high))]),
        "ceiling": plane.path((point.workers, point.ceiling) for point in points),
        "fit": plane.path(_fit(drawable(one.serial_fraction), most)),
        "measured": plane.path((point.workers, point.speedup) for point in points),
    }
    return Curve(
        anchor=anchor,
        name=one.name,
        summary=one.summary[:1].upper() + one.summary[1:],
        fraction=estimate(*map(finite, (one.serial_fraction, one.serial_low, one.serial_high))),
        points=tuple(_point(point, plane) for point in points),
        lines={name: path for name, path in lines.items() if path},
        cpus=plane.x.at(cpus) if cpus is not None and plane.x.holds(cpus) else None,
        cpus_text="" if cpus is None else f"{cpus:g}",
        x_ticks=tuple(_ticks([point.workers for point in points], plane.x)),
        y_ticks=plane.y.ticks(most=5, whole=True),
        description=_description(points),
    )


def _upwards(points: Sequence[ScalingPointRecord], most: int) -> Scale:
    """A scale for everything measured, and for the ideal as far as that leaves something to be seen of the rest."""
    best = from_zero(value for point in points for value in (point.speedup, point.high)).high
    return Scale(low=0.0, high=1.05 * max(best, min(float(most), _HEADROOM * best)))


def _fit(fraction: float | None, most: int) -> Iterator[tuple[float, float]]:
    """Yields Amdahl's speedups from one worker to the most; nothing where there is no such curve."""
    if fraction is None or not 0 <= fraction <= 1:
        return
    for k in range(_BENDS + 1):
        workers = 1 + (most - 1) * k / _BENDS
        yield workers, 1 / (fraction + (1 - fraction) / workers)


def _ticks(workers: Sequence[int], scale: Scale) -> Iterator[Tick]:
    """Yields the numbers of workers that were measured, but for those too close to the one before."""
    before = -100.0
    for count in workers:
        if scale.at(count) - before >= _APART:
            before = scale.at(count)
            yield Tick(at=before, text=str(count))


def _point(point: ScalingPointRecord, plane: _Plane) -> Point:
    top, bottom = plane.from_top(point.high), plane.from_top(point.low)
    known = top is not None and bottom is not None
    return Point(
        workers=point.workers,
        x=plane.x.at(point.workers),
        y=plane.from_top(point.speedup),
        top=top if known else None,
        height=round((bottom or 0.0) - (top or 0.0), 2) if known else 0.0,
        texts=point_texts(point),
    )


def _description(points: Iterable[ScalingPointRecord]) -> str:
    shown = (f"{ratio(finite(point.speedup))} on {point.workers}" for point in points)
    return f"Speedup by number of workers: {', '.join(shown)}."
