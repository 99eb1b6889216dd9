"""The history: a program's speedup from run to run, on one kind of machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.theme import NO_GATE
from pytest_cortex.wording import finite, plural, printable, ratio

if TYPE_CHECKING:
    from pytest_cortex.record import HistoryPoint, HistorySeries, SessionRecord

MOST_PANELS = 40
MOST_RUNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run; None where there is nothing to show.

    Attributes:
        day: When it was, ``2026-01-31``.
        time: The same with the minute.
        speedup: What was measured.
        low: Lower end of the interval.
        high: Upper end.
        limit: The gate's limit.
        verdict: PASS, FAIL, INCONCLUSIVE or ``no gate``.
    """

    day: str
    time: str
    speedup: float
    low: float | None
    high: float | None
    limit: float | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One program on one kind of machine.

    Attributes:
        label: Its name and its workers.
        detail: The test and the machine, in small print.
        runs: Oldest first.
        earlier: How many older runs are not shown.
    """

    label: str
    detail: str
    runs: tuple[Run, ...]
    earlier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """A whole chart.

    Attributes:
        trends: One panel each, from top to bottom.
        left_out: How many programs are not shown; empty if all are.
    """

    trends: tuple[Trend, ...]
    left_out: str


def history(session: SessionRecord) -> Trends | None:
    """Returns a trend per program and machine of which a run was saved; None if there is none."""
    trends = [trend for one in session.history if (trend := _trend(one)).runs]
    if not trends:
        return None
    chosen = sorted(sorted(range(len(trends)), key=lambda index: _urgency(trends[index]))[:MOST_PANELS])
    more = len(trends) - len(chosen)
    first = "first come those that did not pass in their last run"
    return Trends(
        trends=tuple(trends[index] for index in chosen),
        left_out=f"{more} of {len(trends)} programs are not shown: {first}." if more else "",
    )


def describe(session: SessionRecord) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = history(session)
    if shown is None:
        return None
    said = "; ".join(f"{trend.label} ({trend.detail}): {_in_words(trend)}" for trend in shown.trends)
    return f"Speedup from run to run: {said}. {shown.left_out}".rstrip()


def _urgency(trend: Trend) -> int:
    return ("FAIL", "INCONCLUSIVE", NO_GATE, "PASS").index(trend.runs[-1].verdict)


def _trend(one: HistorySeries) -> Trend:
    runs = [_run(point) for point in one.points if finite(point.speedup) is not None]
    return Trend(
        label=f"{printable(one.name)} on {plural(one.workers, 'worker')}",
        detail=f"{printable(one.test)} · {printable(one.machine_name or one.machine)}",
        runs=tuple(runs[-MOST_RUNS:]),
        earlier=max(0, len(runs) - MOST_RUNS),
    )


def _run(point: HistoryPoint) -> Run:
    day, _, time = printable(point.created_at).partition("T")
    return Run(
        day=day,
        time=f"{day} {time[:5]}".rstrip(),
        speedup=point.speedup,
        low=finite(point.low),
        high=finite(point.high),
        limit=finite(point.limit),
        verdict=NO_GATE if point.outcome is None else point.outcome.name,
    )


def _in_words(trend: Trend) -> str:
    speedups = [run.speedup for run in trend.runs]
    first, last = trend.runs[0], trend.runs[-1]
    return (
        f"{plural(len(speedups), 'run')} from {first.time} to {last.time}, "
        f"the last {ratio(last.speedup)} ({last.verdict}), all from {ratio(min(speedups))} to {ratio(max(speedups))}"
    )
