"""From the record to the views of all parts of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.page.curves import Curve, curves_of
from pytest_cortex.reporting.page.details import Details, details_of, wants_attention
from pytest_cortex.reporting.page.facts import Fact, Section, Setting, environment_of, section_of, settings_of
from pytest_cortex.reporting.page.findings import MEANINGS, Group, groups_of
from pytest_cortex.reporting.page.losses import Bars, bars_of
from pytest_cortex.reporting.page.measured import Measured, all_measured
from pytest_cortex.reporting.page.places import Place, place_of
from pytest_cortex.reporting.page.timelines import budget_for
from pytest_cortex.reporting.rows import cell_texts
from pytest_cortex.reporting.summary import command_of, result, scope, total_texts, totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_cortex.record import SessionRecord

FEW = 4  # as many are all open
MOST_OPEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table of measurements.

    Attributes:
        anchor: Id of its details.
        label: Which measurement.
        verdict: In a word.
        severity: For sorting, 0 for the worst.
        place: Where its speedup stands.
        cells: Workers, speedup, efficiency, ceiling and limit as text, each with the number to sort by.
    """

    anchor: str
    label: str
    verdict: str
    severity: int
    place: Place
    cells: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole page.

    Attributes:
        result: The run in one line.
        created_at: When it was.
        complete: False if it was interrupted.
        scope: What intervals and verdicts speak of.
        groups: The verdicts.
        bars: Where the missing speedup went.
        lines: The table of measurements.
        totals: Sums over them.
        details: Each in full.
        curves: Scalings.
        sections: What others have to say.
        environment: Machine and versions.
        settings: Options.
        command: How the run was started.
        seed: Of the order within rounds.
    """

    result: str
    created_at: str
    complete: bool
    scope: str
    groups: tuple[Group, ...]
    bars: Bars
    lines: tuple[Line, ...]
    totals: tuple[tuple[str, str], ...]
    details: tuple[Details, ...]
    curves: tuple[Curve, ...]
    sections: tuple[Section, ...]
    environment: tuple[Fact, ...]
    settings: tuple[Setting, ...]
    command: str
    seed: int


def page_of(session: SessionRecord) -> Page:
    """Returns the page as views."""
    measured = all_measured(session)
    sums = totals(session)
    return Page(
        result=result(session),
        created_at=session.created_at,
        complete=session.complete,
        scope=scope(session.created_at),
        groups=groups_of(measured),
        bars=bars_of(measured),
        lines=tuple(map(_line, measured)),
        totals=() if sums is None else total_texts(sums),
        details=_details(measured, session.seed),
        curves=curves_of(session),
        sections=tuple(map(section_of, session.sections)),
        environment=environment_of(session),
        settings=settings_of(session),
        command=command_of(session),
        seed=session.seed,
    )


def _line(one: Measured) -> Line:
    row = one.row
    _label, *texts, _verdict = cell_texts(row)
    numbers = (row.workers, row.speedup, row.efficiency, row.ceiling, row.limit)
    return Line(
        anchor=one.anchor,
        label=one.label,
        verdict=row.verdict,
        severity=list(MEANINGS).index(row.verdict),
        place=place_of(one),
        cells=tuple(zip(texts, numbers, strict=True)),
    )


def _details(measured: Sequence[Measured], seed: int) -> tuple[Details, ...]:
    """Few are all open; of many, the first that somebody should look at."""
    few = len(measured) <= FEW
    opened = [one.anchor for one in measured if few or wants_attention(one)][:MOST_OPEN]
    budget = budget_for(sum(bool(one.record.timeline) for one in measured))
    return tuple(details_of(one, seed=seed, budget=budget, opened=one.anchor in opened) for one in measured)
