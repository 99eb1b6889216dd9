"""The rounds: how the speedups of single rounds are spread, and on which side of the tested value they lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.charts.content.selection import left_out, most_telling
from pytest_cortex.reporting.rows import rows
from pytest_cortex.wording import finite, plural, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_cortex.record import MeasurementRecord, RoundRecord, SessionRecord
    from pytest_cortex.reporting.rows import Row

MOST_PANELS = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One measurement.

    Attributes:
        label: Its name.
        verdict: PASS, FAIL, INCONCLUSIVE, ERROR or ``no gate``.
        speedups: ``(n_rounds,)`` of the counted rounds, ascending.
        median: Their median, as it is reported.
        low: Lower end of the interval; None if there is none.
        high: Upper end.
        tested: The limit less the margin, which the gate compares each round with; None without a gate on speedup.
        not_counted: How many rounds of which kind do not count; empty if all do.
    """

    label: str
    verdict: str
    speedups: tuple[float, ...]
    median: float | None
    low: float | None
    high: float | None
    tested: float | None
    not_counted: str

    @property
    def below(self) -> int:
        """How many rounds lie below the tested value; 0 without one."""
        return 0 if self.tested is None else sum(speedup < self.tested for speedup in self.speedups)

    @property
    def counted_text(self) -> str:
        """How many rounds count, and how many lie below the tested value."""
        counted = plural(len(self.speedups), "round")
        return counted if self.tested is None else f"{counted}, {self.below} below {ratio(self.tested)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreads:
    """A whole chart.

    Attributes:
        spreads: One panel each.
        left_out: How many measurements are not shown; empty if all are.
    """

    spreads: tuple[Spread, ...]
    left_out: str


def rounds(session: SessionRecord) -> Spreads | None:
    """Returns the rounds of all measurements with a round that counts, None if there is none."""
    margin = _margin(session)
    spreads = [
        (row, _spread(row, one, speedups, margin))
        for row, one in zip(rows(session), session.measurements, strict=True)
        if (speedups := sorted(_speedups(one.rounds)))
    ]
    if not spreads:
        return None
    chosen = most_telling([row for row, _ in spreads], MOST_PANELS)
    return Spreads(spreads=tuple(spreads[index][1] for index in chosen), left_out=left_out(len(chosen), len(spreads)))


def describe(session: SessionRecord) -> str | None:
    """Returns what the chart says, for those who cannot see it; None if there is no chart."""
    shown = rounds(session)
    if shown is None:
        return None
    said = "; ".join(f"{spread.label} {_in_words(spread)}" for spread in shown.spreads)
    return f"Speedup round by round: {said}. {shown.left_out}".rstrip()


def _margin(session: SessionRecord) -> float:
    """What is forgiven of a limit; a record without that setting is taken at its limit."""
    setting = session.settings.get("margin")
    value = None if setting is None else setting.value
    return float(value) if isinstance(value, int | float) and 0 <= value < 1 else 0.0


def _speedups(made: Iterable[RoundRecord]) -> Iterator[float]:
    for one in made:
        sequential_s, parallel_s = finite(one.sequential_s), finite(one.parallel_s)
        if one.counts and sequential_s is not None and parallel_s:
            yield sequential_s / parallel_s


def _spread(row: Row, one: MeasurementRecord, speedups: list[float], margin: float) -> Spread:
    return Spread(
        label=row.label,
        verdict=row.verdict,
        speedups=tuple(speedups),
        median=row.speedup,
        low=row.low,
        high=row.high,
        tested=None if row.limit is None else row.limit * (1 - margin),
        not_counted=_not_counted(one.rounds),
    )


def _not_counted(made: Iterable[RoundRecord]) -> str:
    kinds = Counter("warm-up" if one.warmup else "disturbed" for one in made if not one.counts)
    parts = [plural(kinds["warm-up"], "warm-up")] * bool(kinds["warm-up"])
    parts += [f"{kinds['disturbed']} disturbed"] * bool(kinds["disturbed"])
    return " and ".join(parts)


def _in_words(spread: Spread) -> str:
    ends = f"{ratio(spread.speedups[0])} to {ratio(spread.speedups[-1])}"
    not_counted = f", not counted {spread.not_counted}" if spread.not_counted else ""
    return f"{ends} ({spread.verdict}) in {spread.counted_text}{not_counted}"
