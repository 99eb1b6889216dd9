"""How a speedup went from saved run to saved run, in words: what is there, and no claim beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_cortex.reporting.rows import labels_of
from pytest_cortex.wording import MISSING, estimate, finite, plural, printable, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_cortex.record import HistoryPoint, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One program on one kind of machine, ready to be shown.

    Attributes:
        label: The name on one line, with the test's id where two measurements share a name.
        workers: P.
        last: The last speedup and its interval.
        earlier: The median of the earlier ones, and how many there are.
        change: From that median to the last, in percent.
        place: Where the last one lies among the earlier ones.
        machine: What machine it is.
    """

    label: str
    workers: int
    last: str
    earlier: str
    change: str
    place: str
    machine: str


def trends(session: SessionRecord) -> tuple[Trend, ...]:
    """Returns one trend per series of the record's history."""
    labels = {
        (one.test, one.name, one.workers): label
        for label, one in zip(labels_of(session), session.measurements, strict=True)
    }
    found = []
    for series in session.history:
        points = [point for point in series.points if finite(point.speedup) is not None]
        if points:
            earlier = [point.speedup for point in points[:-1]]
            trend = Trend(
                label=labels.get((series.test, series.name, series.workers), printable(series.name)),
                workers=series.workers,
                last=estimate(points[-1].speedup, finite(points[-1].low), finite(points[-1].high)),
                earlier=f"{ratio(median(earlier))} ({plural(len(earlier), 'run')})" if earlier else MISSING,
                change=_change(earlier, points[-1]),
                place=_place(earlier, points[-1]),
                machine=printable(series.machine_name or series.machine),
            )
            found.append(trend)
    return tuple(found)


def _change(earlier: Sequence[float], last: HistoryPoint) -> str:
    middle = median(earlier) if earlier else 0.0
    return f"{100 * (last.speedup / middle - 1):+.1f} %" if middle else MISSING


def _place(earlier: Sequence[float], last: HistoryPoint) -> str:
    """A comparison of single runs, which moves with the day: so it says where the last one lies, and no more."""
    if not earlier:
        return "the first"
    if last.speedup < min(earlier):
        return "below all earlier ones"
    if last.speedup > max(earlier):
        return "above all earlier ones"
    return f"among the earlier ones ({ratio(min(earlier))}–{ratio(max(earlier))})"
