"""The rounds: each as a dot in the order they were made, how they are spread, and what disturbed some of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, NamedTuple

from pytest_cortex.reporting.page.axes import Scale, Tick, around, drawable
from pytest_cortex.wording import plural, ratio, seconds

if TYPE_CHECKING:
    from pytest_cortex.record import RoundRecord
    from pytest_cortex.reporting.page.measured import Measured

MOST_DOTS = 200
MOST_CORNERS = 100  # of the curve
QUARTERS = ("Lowest", "Lower quarter", "Median", "Upper quarter", "Highest")
KINDS = {
    "counted": ("round counts", "rounds count"),
    "warmup": ("warm-up does not", "warm-ups do not"),
    "spoilt": ("disturbed round does not", "disturbed rounds do not"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One round.

    Attributes:
        kind: ``"counted"``, ``"warmup"`` or ``"spoilt"``: how it looks.
        x: Percent from the left, by the order they were made.
        y: Percent from the top.
    """

    kind: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One row of the table: the quarters of a quantity over the rounds that count.

    Attributes:
        name: What is spread.
        values: From the lowest to the highest.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """All rounds of one measurement; positions are percent from the top, None where there is nothing to show.

    Attributes:
        dots: In the order they were made.
        curve: Share of the rounds that count up to each speedup, as an SVG path in percent; empty if none.
        ticks: Speedups, percent from the bottom.
        limit: The limit that decided.
        median: The median.
        band: Top and height of its interval.
        legend: How many rounds of each kind, in words.
        spreads: The table; empty if no round counts.
        noise: Sentences on how noisy it was, and by what.
        description: The picture in words.
    """

    dots: tuple[Dot, ...]
    curve: str
    ticks: tuple[Tick, ...]
    limit: float | None
    median: float | None
    band: tuple[float, float] | None
    legend: tuple[tuple[str, str], ...]
    spreads: tuple[Spread, ...]
    noise: tuple[str, ...]
    description: str


class _Made(NamedTuple):
    """A round with a ratio."""

    kind: str
    number: int
    ratio: float


def rounds_of(one: Measured) -> Rounds | None:
    """Returns the rounds; None if there is none with a ratio."""
    made = list(_made(one.record.rounds))
    if not made:
        return None
    row = one.row
    counted = sorted(each.ratio for each in made if each.kind == "counted")
    scale = around([*(counted or [each.ratio for each in made]), row.low, row.high, row.limit])
    return Rounds(
        dots=tuple(_dot(each, len(one.record.rounds), scale) for each in made[:MOST_DOTS]),
        curve=_curve(counted, scale),
        ticks=scale.ticks(most=5),
        limit=_from_top(row.limit, scale),
        median=_from_top(one.speedup, scale),
        band=_band(row.low, row.high, scale),
        legend=tuple(_legend(made)),
        spreads=_spreads(one, counted),
        noise=(*_spread_in_words(counted), *_disturbances(one.record.rounds), *_not_drawn(made, scale)),
        description=_description(one, made, counted),
    )


def _made(rounds: Sequence[RoundRecord]) -> Iterator[_Made]:
    for number, each in enumerate(rounds, start=1):
        sequential_s, parallel_s = drawable(each.sequential_s), drawable(each.parallel_s)
        if sequential_s and parallel_s and (value := drawable(sequential_s / parallel_s)):
            yield _Made(_kind(each), number, value)


def _kind(each: RoundRecord) -> str:
    return "warmup" if each.warmup else "counted" if each.counts else "spoilt"


# The picture ----------------------------------------------------------------------------------------------------------


def _dot(each: _Made, rounds: int, scale: Scale) -> Dot:
    x = round(100 * (each.number - 0.5) / min(rounds, MOST_DOTS), 2)
    return Dot(kind=each.kind, x=x, y=_down(each.ratio, scale))


def _down(value: float, scale: Scale) -> float:
    return round(100 - scale.at(value), 2)


def _from_top(value: float | None, scale: Scale) -> float | None:
    known = drawable(value)
    return None if known is None else _down(known, scale)


def _band(low: float | None, high: float | None, scale: Scale) -> tuple[float, float] | None:
    top, bottom = _from_top(high, scale), _from_top(low, scale)
    return None if top is None or bottom is None else (top, round(bottom - top, 2))


def _curve(counted: Sequence[float], scale: Scale) -> str:
    """Returns a path that steps right at each ratio, from the lowest at the bottom left."""
    corners = min(len(counted), MOST_CORNERS)
    places = [(k + 1) * len(counted) // corners for k in range(corners)]
    steps = [f"V{_down(counted[place - 1], scale):g}H{100 * place / len(counted):.4g}" for place in places]
    return "".join([f"M0 {_down(counted[0], scale):g}", *steps]) if steps else ""


def _not_drawn(made: Sequence[_Made], scale: Scale) -> Iterator[str]:
    outside = sum(not scale.holds(each.ratio) for each in made)
    if outside:
        were = "round that does not count is" if outside == 1 else "rounds that do not count are"
        yield f"{outside} {were} off the scale, and drawn at its edge."
    if len(made) > MOST_DOTS:
        yield f"The first {MOST_DOTS} of {len(made)} rounds are drawn; the curve is of all that count."


# The words ------------------------------------------------------------------------------------------------------------


def _legend(made: Sequence[_Made]) -> Iterator[tuple[str, str]]:
    for kind, (singular, several) in KINDS.items():
        count = sum(each.kind == kind for each in made)
        if count or kind == "counted":
            yield kind, f"{count} {singular if count == 1 else several}"


def _spread_in_words(counted: Sequence[float]) -> Iterator[str]:
    if len(counted) >= 4:
        lower, middle, upper = quantiles(counted, n=4, method="inclusive")
        share = f"{(upper - lower) / middle:.1%}".replace("%", " %")
        yield f"The middle half of the rounds lies between {ratio(lower)} and {ratio(upper)}, {share} of the median."


def _disturbances(rounds: Sequence[RoundRecord]) -> Iterator[str]:
    """Says what disturbed how many rounds."""
    spoilt = [each.spoilt for each in rounds if each.spoilt is not None and not each.warmup]
    if spoilt:
        were = "was" if len(spoilt) == 1 else "were"
        by = ", ".join(f"{what} {_times(shares)}" for what, shares in _by_what(spoilt).items())
        yield f"{plural(len(spoilt), 'round')} {were} disturbed from outside and did not count: {by}."


def _by_what(spoilt: Sequence[str]) -> Mapping[str, list[int]]:
    """Returns the percents lost, by what took them: ``steal 9 %``; nothing that is written otherwise has any."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for each in spoilt:
        matched = re.fullmatch(r"(.+) (\d{1,3}) %", each)
        what, percent = (matched[1], int(matched[2])) if matched else (each, 0)
        found[what].append(percent)
    return found


def _times(percents: Sequence[int]) -> str:
    once = f"{len(percents)}×"
    return f"{once} (up to {max(percents)} %)" if max(percents) else once


def _spreads(one: Measured, counted: Sequence[float]) -> tuple[Spread, ...]:
    if not counted:
        return ()
    rounds = [each for each in one.record.rounds if each.counts]
    lowest, lower, _median, upper, highest = _quarters(counted)
    # The median is the speedup that is shown everywhere: between the two middle ones on the log scale.
    speedups = (lowest, lower, one.speedup, upper, highest)
    return (
        Spread(name="Speedup", values=tuple(map(ratio, speedups))),
        Spread(name="Sequential time", values=_times_in_quarters(each.sequential_s for each in rounds)),
        Spread(name="Parallel time", values=_times_in_quarters(each.parallel_s for each in rounds)),
    )


def _times_in_quarters(times_s: Iterable[float]) -> tuple[str, ...]:
    return tuple(map(seconds, _quarters(sorted(time_s for time_s in times_s if drawable(time_s) is not None))))


def _quarters(ordered: Sequence[float]) -> Sequence[float]:
    """Returns lowest, lower quarter, median, upper quarter and highest of at least one number."""
    inner = quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else [ordered[0]] * 3
    return [ordered[0], *inner, ordered[-1]]


def _description(one: Measured, made: Sequence[_Made], counted: Sequence[float]) -> str:
    kinds = ", ".join(words for _kind, words in _legend(made))
    if not counted:
        return kinds
    limit = "" if one.row.limit is None else f", limit {ratio(one.row.limit)}"
    return f"{kinds}; speedups from {ratio(counted[0])} to {ratio(counted[-1])}, median {ratio(one.speedup)}{limit}"
