"""Who worked when: the parallel run of median length, a lane per worker, with the critical path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.page.axes import Scale, Tick, drawable, from_zero
from pytest_cortex.wording import plural, seconds

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SpanRecord
    from pytest_cortex.reporting.page.measured import Measured

# Shared out among all timelines of the page, so that it stays small; a few modules each are always shown.
MOST_BARS, FEWEST_BARS = 9_000, 60
MOST_ROWS, FEWEST_ROWS = 4_000, 12
MOST_LANES = 32
MOST_LISTED = 12  # modules of the critical path that are named
_CHARACTER = 0.95  # percent of the width that a letter takes on a narrow screen, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of each timeline is shown.

    Attributes:
        bars: About how many bars.
        rows: How many rows of its table.
    """

    bars: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A bar: one module, or several too short to be told apart.

    Attributes:
        at: Where it begins, percent.
        width: Percent.
        critical: True on the critical path.
        name: Written inside; empty where there is no room.
        said: What it is, for people.
    """

    at: float
    width: float
    critical: bool
    name: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One worker.

    Attributes:
        worker: Its number.
        busy: How long it worked, as text.
        blocks: By start.
    """

    worker: int
    busy: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One module as a row of the table.

    Attributes:
        module: Its id.
        worker: Where it ran.
        started: As text.
        started_s: For sorting.
        duration: As text.
        duration_s: For sorting.
        critical: True on the critical path.
    """

    module: str
    worker: int
    started: str
    started_s: float
    duration: str
    duration_s: float
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One parallel run.

    Attributes:
        lanes: By worker.
        ticks: Seconds.
        runs: Its modules by start; of many, the longest.
        path: The critical path in words; empty if it is not known.
        said: What was left out or put together, in words; empty if nothing was.
        description: The picture in words.
    """

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    runs: tuple[Run, ...]
    path: str
    said: str
    description: str


def budget_for(timelines: int) -> Budget:
    """Returns what each of so many timelines may show."""
    share = max(timelines, 1)
    return Budget(bars=max(MOST_BARS // share, FEWEST_BARS), rows=max(MOST_ROWS // share, FEWEST_ROWS))


def timeline_of(one: Measured, budget: Budget) -> Timeline | None:
    """Returns the timeline; None where modules were not seen from inside."""
    spans = sorted(filter(_drawable, one.record.timeline), key=lambda span: (span.started_s, span.worker, span.module))
    if not spans:
        return None
    scale = from_zero(span.started_s + span.duration_s for span in spans)
    path = frozenset(one.record.critical_path)
    by_worker = _by_worker(spans)
    finest = 100 * min(len(by_worker), MOST_LANES) / budget.bars
    shown = list(by_worker.items())[:MOST_LANES]
    lanes = tuple(_lane(worker, its, scale, path, finest) for worker, its in shown)
    return Timeline(
        lanes=lanes,
        ticks=scale.ticks(unit=" s"),
        runs=_runs(spans, path, budget.rows),
        path=_listed(one.record.critical_path),
        said=" ".join(_left_out(one.record, lanes, by_worker, budget)),
        description=_description(by_worker, scale.high, one.record),
    )


def _drawable(span: SpanRecord) -> bool:
    return drawable(span.started_s) is not None and drawable(span.duration_s) is not None


def _by_worker(spans: Sequence[SpanRecord]) -> Mapping[int, list[SpanRecord]]:
    found: defaultdict[int, list[SpanRecord]] = defaultdict(list)
    for span in spans:
        found[span.worker].append(span)
    return dict(sorted(found.items()))


# The bars -------------------------------------------------------------------------------------------------------------


def _lane(worker: int, spans: Sequence[SpanRecord], scale: Scale, path: frozenset[str], finest: float) -> Lane:
    return Lane(
        worker=worker,
        busy=seconds(sum(span.duration_s for span in spans)),
        blocks=tuple(_block(group, scale, path) for group in _grouped(spans, scale, path, finest)),
    )


def _grouped(
    spans: Sequence[SpanRecord], scale: Scale, path: frozenset[str], finest: float
) -> Iterator[list[SpanRecord]]:
    """Yields modules that are drawn as one bar: neighbours that together are no wider than *finest* percent."""
    group: list[SpanRecord] = []
    for span in spans:
        end = scale.at(span.started_s + span.duration_s)
        alike = bool(group) and (group[0].module in path) == (span.module in path)
        if group and not (alike and end - scale.at(group[0].started_s) <= finest):
            yield group
            group = []
        group.append(span)
    yield group


def _block(group: Sequence[SpanRecord], scale: Scale, path: frozenset[str]) -> Block:
    first, last_s = group[0], max(span.started_s + span.duration_s for span in group)
    width = scale.between(first.started_s, last_s)
    critical = first.module in path
    name = first.module if len(group) == 1 else plural(len(group), "module")
    when = f"{seconds(last_s - first.started_s)} from {seconds(first.started_s)}"
    return Block(
        at=scale.at(first.started_s),
        width=width,
        critical=critical,
        name=name if len(name) * _CHARACTER <= width else "",
        said=f"{name}: {when}" + (", on the critical path" if critical else ""),
    )


# The table and the words ----------------------------------------------------------------------------------------------


def _runs(spans: Sequence[SpanRecord], path: frozenset[str], most: int) -> tuple[Run, ...]:
    longest = sorted(spans, key=lambda span: -span.duration_s)[:most]
    chosen = {id(span) for span in longest}
    return tuple(
        Run(
            module=span.module,
            worker=span.worker,
            started=seconds(span.started_s),
            started_s=span.started_s,
            duration=seconds(span.duration_s),
            duration_s=span.duration_s,
            critical=span.module in path,
        )
        for span in spans
        if id(span) in chosen
    )


def _listed(path: Sequence[str]) -> str:
    """Returns the path with arrows; of a long one the two ends."""
    if len(path) <= MOST_LISTED:
        return " → ".join(path)
    half = MOST_LISTED // 2
    between = plural(len(path) - 2 * half, "more module")
    return " → ".join([*path[:half], f"… {between} …", *path[-half:]])


def _left_out(
    one: MeasurementRecord, lanes: Sequence[Lane], by_worker: Mapping[int, object], budget: Budget
) -> Iterator[str]:
    together = len(one.timeline) - sum(len(lane.blocks) for lane in lanes)
    if len(by_worker) > MOST_LANES:
        yield f"The first {MOST_LANES} of {len(by_worker)} workers are drawn."
    elif together:
        yield "Neighbours that are too short to be told apart are drawn as one bar."
    if len(one.timeline) > budget.rows:
        yield f"The table has the {budget.rows} longest of {len(one.timeline)} modules; cortex.json has all."


def _description(by_worker: Mapping[int, Sequence[SpanRecord]], end_s: float, one: MeasurementRecord) -> str:
    spans = [span for its in by_worker.values() for span in its]
    busy_s = sum(span.duration_s for span in spans)
    used = busy_s / (one.workers * end_s)
    first = [
        f"worker {worker} ran {plural(len(its), 'module')} for {seconds(sum(span.duration_s for span in its))}"
        for worker, its in list(by_worker.items())[:8]
    ]
    return (
        f"{plural(len(spans), 'module')} on {plural(one.workers, 'worker')} in {seconds(end_s)}; the workers were busy "
        f"for {used:.0%} of that: {', '.join(first)}{', …' if len(by_worker) > len(first) else ''}"
    )
