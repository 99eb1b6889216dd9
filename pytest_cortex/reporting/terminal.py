"""The table at the end of a test run, as plain text: whoever prints it chooses the colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.complaints import Complaint, complaints, ending
from pytest_cortex.reporting.rows import Row, cell_texts, rows
from pytest_cortex.wording import cells, listed, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_cortex.judging.gate import Outcome
    from pytest_cortex.record import SessionRecord

HEADINGS = ("measurement", "workers", "speedup", "efficiency", "ceiling", "limit", "verdict")
GAP = "  "
NARROWEST_NAME = len(HEADINGS[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line for the terminal.

    Attributes:
        text: Without colour codes and without a line end.
        outcome: What the line reports, to colour it by; None where no gate spoke.
    """

    text: str
    outcome: Outcome | None = None


def lines(session: SessionRecord, *, width: int = 80) -> tuple[Line, ...]:
    """Returns the table, then for each gate that did not pass its reason, and why as far as the data show it.

    Args:
        session: What was measured.
        width: Columns of the terminal.  Names are shortened so that the table fits, down to the width of
            their heading; reasons are one line each, however long, so that they can be searched for.
    """
    complained = (line for complaint in complaints(session) for line in _complaint(complaint))
    table = _table(rows(session), width)
    return (*table, *_scalings(session), *complained, *_time_budget(session), *_ending(session))


def _table(shown: Sequence[Row], width: int) -> Iterator[Line]:
    if not shown:
        yield Line(text="nothing was measured")
        return
    grid = [HEADINGS, *map(cell_texts, shown)]
    widths = [max(map(cells, column)) for column in zip(*grid, strict=True)]
    rest = sum(widths[1:]) + len(GAP) * (len(widths) - 1)
    widths[0] = min(widths[0], max(width - rest, NARROWEST_NAME))
    outcomes = [None, *(row.outcome for row in shown)]
    for texts, outcome in zip(grid, outcomes, strict=True):
        yield Line(text=_aligned(texts, widths), outcome=outcome)


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> str:
    name = shorten(texts[0], widths[0])
    padded = [name + " " * (widths[0] - cells(name))]
    padded += [text.rjust(width) for text, width in zip(texts[1:-1], widths[1:-1], strict=True)]
    return GAP.join([*padded, texts[-1]])


def _scalings(session: SessionRecord) -> Iterator[Line]:
    for scaling in session.scalings:
        yield Line(text=printable(f"scaling of {scaling.name}: {scaling.summary}"))


def _complaint(complaint: Complaint) -> Iterator[Line]:
    where = f"{complaint.label} ({complaint.gate})" if complaint.gate else complaint.label
    yield Line(text=f"{complaint.verdict} {where}: {complaint.reason}", outcome=complaint.outcome)
    for cause in complaint.causes:
        yield Line(text=f"  why: {cause}", outcome=complaint.outcome)


def _time_budget(session: SessionRecord) -> Iterator[Line]:
    budget = session.settings.get("total_budget")
    if budget is not None and budget.value is not None and session.took_s is not None:
        yield Line(text=f"the bench took {session.took_s:.1f} s of its time budget of {budget.value:g} s")


def _ending(session: SessionRecord) -> Iterator[Line]:
    said = ending(session)
    if said is not None:
        yield Line(text=": ".join([said, *filter(None, [listed([*map(printable, session.unfinished)])])]))
