"""The timeline: when each module ran, and on which worker, in the parallel run of median length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.content.selection import left_out, most_telling
from pytest_cortex.reporting.rows import rows
from pytest_cortex.wording import PHASES, finite, plural, printable, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_cortex.record import MeasurementRecord, SessionRecord, SpanRecord
    from pytest_cortex.reporting.rows import Row

# A panel of four workers is an inch and a half high, and one of 2,000 modules takes half a second to draw.
MOST_PANELS = 12
MOST_TRACKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One module.

    Attributes:
        module: Its id, on one line.
        track: Which track it is on, 0 for the uppermost.
        start_s: Seconds from the operation's start.
        length_s: Seconds it ran.
        critical: True if it is on the critical path.
    """

    module: str
    track: int
    start_s: float
    length_s: float
    critical: bool

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.start_s + self.length_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One measurement.

    Attributes:
        label: Its name.
        detail: Its size and length, how busy the workers were, and the critical path, in small print.
        tracks: Names of the workers, from top to bottom.
        bars: One per module on these tracks, by start.
        phases: Each phase's name and the second its first module started; empty if there is only one.
        end_s: When the last module ended.
    """

    label: str
    detail: str
    tracks: tuple[str, ...]
    bars: tuple[Bar, ...]
    phases: tuple[tuple[str, float], ...]
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timelines:
    """A whole chart.

    Attributes:
        timelines: One panel each, from top to bottom.
        left_out: How many measurements are not shown; empty if all are.
    """

    timelines: tuple[Timeline, ...]
    left_out: str


def timeline(session: SessionRecord) -> Timelines | None:
    """Returns the timelines of all measurements that were seen from inside, None if there is none."""
    pairs = [
        (row, one, spans)
        for row, one in zip(rows(session), session.measurements, strict=True)
        if (spans := [span for span in one.timeline if _is_whole(span)])
    ]
    if not pairs:
        return None
    chosen = most_telling([row for row, *_ in pairs], MOST_PANELS)
    return Timelines(
        timelines=tuple(_timeline(*pairs[index]) for index in chosen),
        left_out=left_out(len(chosen), len(pairs)),
    )


def describe(session: SessionRecord) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = timeline(session)
    if shown is None:
        return None
    said = "; ".join(f"{one.label}: {one.detail}" for one in shown.timelines)
    return f"Timeline of each parallel run of median length. {said}. {shown.left_out}".rstrip()


def _is_whole(span: SpanRecord) -> bool:
    return finite(span.started_s) is not None and finite(span.duration_s) is not None


def _timeline(row: Row, one: MeasurementRecord, spans: Sequence[SpanRecord]) -> Timeline:
    workers = sorted({span.worker for span in spans})
    tracks = {worker: track for track, worker in enumerate(workers[:MOST_TRACKS])}
    on_path = set(one.critical_path)
    bars = [
        Bar(
            module=printable(span.module),
            track=tracks[span.worker],
            start_s=span.started_s,
            length_s=span.duration_s,
            critical=span.module in on_path,
        )
        for span in spans
        if span.worker in tracks
    ]
    return Timeline(
        label=row.label,
        detail=_detail(row, one, spans, hidden=len(workers) - len(tracks)),
        tracks=tuple(f"worker {worker}" if worker else "calling thread" for worker in tracks),
        bars=tuple(bars),
        phases=_phases(spans, one.phases),
        end_s=_end_s(spans),
    )


def _end_s(spans: Sequence[SpanRecord]) -> float:
    return max(span.started_s + span.duration_s for span in spans)


def _detail(row: Row, one: MeasurementRecord, spans: Sequence[SpanRecord], *, hidden: int) -> str:
    end_s = _end_s(spans)
    busy = sum(span.duration_s for span in spans) / (row.workers * end_s) if end_s else 0.0
    said = (
        f"{plural(len(spans), 'module')} on {plural(row.workers, 'worker')} in {seconds(end_s)}, "
        f"workers busy {busy:.0%} of the time"
    )
    said += f", critical path {_path(one.critical_path)}" if one.critical_path else ""
    return f"{said}; {plural(hidden, 'worker')} not shown" if hidden else said


def _path(modules: Sequence[str]) -> str:
    names = [printable(name) for name in modules]
    if len(names) > 4:
        names = [*names[:2], f"… {len(names) - 3} more …", names[-1]]
    return " → ".join(names)


def _phases(spans: Sequence[SpanRecord], places: Mapping[str, int]) -> tuple[tuple[str, float], ...]:
    first_s: dict[int, float] = {}
    for span in spans:
        place = places.get(span.module)
        if place is not None:
            first_s[place] = min(span.started_s, first_s.get(place, span.started_s))
    if len(first_s) < 2:
        return ()
    return tuple((_phase(place), first_s[place]) for place in sorted(first_s))


def _phase(place: int) -> str:
    return PHASES[place] if 0 <= place < len(PHASES) else f"phase {place}"
