"""A measurement and what the page calls it: what all builders start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.page.axes import drawable
from pytest_cortex.reporting.rows import Row, rows

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement.

    Attributes:
        record: As it was written down.
        row: As all reports show it.
        anchor: Id of its details on the page.
    """

    record: MeasurementRecord
    row: Row
    anchor: str

    @property
    def label(self) -> str:
        """Which measurement."""
        return self.row.label

    @property
    def speedup(self) -> float | None:
        """The median speedup; None where there is no number that could be drawn."""
        return drawable(self.row.speedup)

    @property
    def ideal(self) -> float | None:
        """P, every worker busy all the time; None between contenders, where neither is the other on one worker."""
        return None if self.record.against is not None else float(self.record.workers)


def all_measured(session: SessionRecord) -> tuple[Measured, ...]:
    """Returns every measurement, in the order they were made."""
    both = zip(session.measurements, rows(session), strict=True)
    return tuple(Measured(record=one, row=row, anchor=f"m{n}") for n, (one, row) in enumerate(both, start=1))
