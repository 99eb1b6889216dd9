"""Where the missing speedup went: the way from the ideal, one per worker, down to what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.content.comparison import size
from pytest_cortex.reporting.charts.content.selection import left_out, most_telling
from pytest_cortex.reporting.charts.theme import LOSSES
from pytest_cortex.reporting.rows import rows
from pytest_cortex.wording import finite, printable, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_cortex.record import SessionRecord, StepRecord
    from pytest_cortex.reporting.rows import Row

MOST_ROWS = 60
NOT_LOOKED_INTO = "not looked into"
UNEXPLAINED = "unexplained"

_ROUNDING = 1e-9
# Shown as 0.00: nothing that a reader could see.
_NEXT_TO_NOTHING = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One step of the way, in units of speedup.

    Attributes:
        name: A step's name, or ``not looked into`` where the whole way is one step.
        before: What was left before it.
        after: What is left after it.
        because: One sentence for people; empty if there is nothing to say.
    """

    name: str
    before: float
    after: float
    because: str = ""

    @property
    def lost(self) -> float:
        """Negative where something was gained."""
        return self.before - self.after

    @property
    def matters(self) -> bool:
        """True if it can be seen in two decimals."""
        return abs(self.lost) >= _NEXT_TO_NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One measurement.

    Attributes:
        label: Its name.
        detail: Its size, in small print below.
        ideal: One per worker: the speedup if nothing were lost.
        speedup: What was measured; None if nothing was.
        losses: From the ideal down to the measured; their sum is the difference.
        value_text: The measured and the ideal.
        verdict_text: The verdict and the limit.
    """

    label: str
    detail: str
    ideal: float
    speedup: float | None
    losses: tuple[Loss, ...]
    value_text: str
    verdict_text: str

    @property
    def gained(self) -> float:
        """All that was gained on the way, which as much was lost again besides."""
        return sum(max(0.0, -loss.lost) for loss in self.losses)

    @property
    def looked_into(self) -> bool:
        """True if the steps are known."""
        return any(loss.name != NOT_LOOKED_INTO for loss in self.losses)

    @property
    def largest(self) -> Loss | None:
        """The step that lost most; None if nothing worth showing was lost."""
        return max((loss for loss in self.losses if loss.lost >= _NEXT_TO_NOTHING), key=_lost, default=None)

    @property
    def in_words(self) -> str:
        """What each step took, the largest first, and why that one took so much."""
        if self.speedup is None:
            return ""
        seen = sorted((loss for loss in self.losses if loss.matters), key=_lost, reverse=True)
        amounts = ", ".join(f"{loss.name} {amount(loss)}" for loss in seen) or "nothing is missing"
        because = self.largest.because if self.largest else ""
        return f"{amounts} · {because}" if because else amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A whole chart.

    Attributes:
        ways: One per measurement, from top to bottom.
        left_out: How many measurements are not shown; empty if all are.
    """

    ways: tuple[Way, ...]
    left_out: str

    @property
    def in_detail(self) -> Way | None:
        """The only measurement, if its steps are known: then there is room to show each with its reason."""
        return self.ways[0] if len(self.ways) == 1 and self.ways[0].looked_into else None


def missing(session: SessionRecord) -> Missing | None:
    """Returns the ways of all measurements, None if no speedup was measured.

    Contenders have none: neither is the other on one worker, so there is no ideal.
    """
    pairs = zip(rows(session), session.measurements, strict=True)
    ways = [(row, _way(row, one.steps)) for row, one in pairs if one.against is None]
    if all(way.speedup is None for _, way in ways):
        return None
    shown = [row for row, _ in ways]
    chosen = most_telling(shown, MOST_ROWS, lambda index: _missing_share(ways[index][1]))
    return Missing(
        ways=tuple(ways[index][1] for index in chosen),
        left_out=left_out(len(chosen), len(ways), order=", then those that miss most"),
    )


def describe(session: SessionRecord) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = missing(session)
    if shown is None:
        return None
    said = "; ".join(f"{way.label} {way.value_text}: {way.in_words}".removesuffix(": ") for way in shown.ways)
    return f"Where the missing speedup went, from the ideal down to the measured: {said}. {shown.left_out}".rstrip()


def amount(loss: Loss) -> str:
    """Returns what a step took with a minus sign, or gave with a plus; two decimals."""
    if not loss.matters:
        return "0"
    return f"{'−' if loss.lost > 0 else '+'}{ratio(abs(loss.lost))}"


def _lost(loss: Loss) -> float:
    return loss.lost


def _missing_share(way: Way) -> float:
    return 0.0 if way.speedup is None else 1 - way.speedup / way.ideal


def _way(row: Row, steps: Sequence[StepRecord]) -> Way:
    ideal = float(row.workers)
    return Way(
        label=row.label,
        detail=size(row),
        ideal=ideal,
        speedup=row.speedup,
        losses=() if row.speedup is None else tuple(_losses(ideal, row.speedup, steps)),
        value_text="not measured" if row.speedup is None else f"{ratio(row.speedup)} of {row.workers}",
        verdict_text=row.verdict if row.limit is None else f"{row.verdict}, limit {ratio(row.limit)}",
    )


def _losses(ideal: float, speedup: float, steps: Sequence[StepRecord]) -> Iterator[Loss]:
    levels = [finite(step.speedup) for step in steps]
    if not levels or None in levels:
        yield Loss(name=NOT_LOOKED_INTO, before=ideal, after=speedup)
        return
    before = ideal
    for step in steps:
        name = step.name if step.name in LOSSES else UNEXPLAINED
        yield Loss(name=name, before=before, after=step.speedup, because=printable(step.because))
        before = step.speedup
    # A record of an earlier version may end a little beside what it calls the speedup.
    if abs(before - speedup) > _ROUNDING:
        yield Loss(name=UNEXPLAINED, before=before, after=speedup)
