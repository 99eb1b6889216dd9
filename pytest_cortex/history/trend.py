"""The runs of a history, turned round: per program and kind of machine, its speedup from run to run."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cortex.history.run import HistoryEntry, HistoryRun
from pytest_cortex.record import HistoryPoint, HistorySeries


def series(runs: Iterable[HistoryRun], *, measured: Iterable[tuple[str, str, int]]) -> tuple[HistorySeries, ...]:
    """Returns one series per program and machine.

    Args:
        runs: Oldest first.
        measured: The programs of interest, as (test, name, workers), in the order in which their series come; the
            machines of one are in the order in which they first saw it.
    """
    wanted = dict.fromkeys(measured)
    points: dict[tuple[str, str, int, str], list[HistoryPoint]] = {}
    machine_names: dict[str, str] = {}
    for run in runs:
        machine_names[run.machine] = run.machine_name
        for entry in run.measurements:
            if (entry.test, entry.name, entry.workers) in wanted:
                key = (entry.test, entry.name, entry.workers, run.machine)
                points.setdefault(key, []).append(_point(run, entry))
    places = {key: place for place, key in enumerate(wanted)}
    return tuple(
        HistorySeries(
            test=test,
            name=name,
            workers=workers,
            machine=machine,
            machine_name=machine_names[machine],
            points=tuple(found),
        )
        for (test, name, workers, machine), found in sorted(points.items(), key=lambda item: places[item[0][:3]])
    )


def _point(run: HistoryRun, entry: HistoryEntry) -> HistoryPoint:
    return HistoryPoint(
        created_at=run.created_at,
        speedup=entry.speedup,
        low=entry.low,
        high=entry.high,
        limit=entry.limit,
        outcome=entry.outcome,
        commit=run.commit,
    )
