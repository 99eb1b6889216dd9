"""How a program speeds up with its workers, and which share of it stays serial.

    >>> measured = scaling({1: [8.0] * 7, 2: [4.5] * 7, 4: [2.75] * 7})
    >>> round(measured.amdahl.fraction, 3), round(measured.predicted(8), 2)
    (0.125, 4.27)

Numbers come in, numbers and one sentence go out: no clock, no test, no file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_cortex.judging.estimate import Estimate, estimate_speedup

# Shown as 0.0 %; the speedup that it allows would be a number nobody can have measured.
_NEXT_TO_NOTHING = 0.0005
# Fractions that differ by less are the same number, calculated in two ways.
_ROUNDING = 1e-9


class InvalidScaling(ValueError):
    """Times that no scaling can be computed from.

    Attributes:
        problem: What is wrong, and what is expected instead.
        value: The offending value.
        workers: The worker count it belongs to; None if no single one is at fault.
        index: The round it belongs to; None if no single one is at fault.
    """

    def __init__(self, problem: str, value: object, workers: int | None = None, index: int | None = None) -> None:
        super().__init__(problem, value, workers, index)
        self.problem = problem
        self.value = value
        self.workers = workers
        self.index = index

    def __str__(self) -> str:
        where = "" if self.index is None else f"round {self.index} at workers={self.workers}: "
        return f"{where}{self.problem}, got {self.value!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialFraction:
    """The share of the work that more workers do not speed up; below 0 where the speedup is more than linear.

    Attributes:
        fraction: The median over the rounds; None without rounds.
        low: Lower end of an interval that covers the true median with at least 95 %; None if there are too few
            rounds for one (fewer than 7).
        high: Upper end of that interval.
    """

    fraction: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPoint:
    """One worker count.

    Attributes:
        workers: P.
        speedup: Over one worker in the same round: the median with its interval.
        karp_flatt: The serial fraction that this count alone shows; None for one worker.
    """

    workers: int
    speedup: Estimate
    karp_flatt: SerialFraction | None

    @property
    def efficiency(self) -> float | None:
        """Speedup / workers; None without rounds."""
        return None if self.speedup.speedup is None else self.speedup.speedup / self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What the rounds show about a program at several worker counts.

    Attributes:
        points: One per worker count, ascending; the first is that of one worker.
        amdahl: The serial fraction that fits all counts best.
        growth: Above 1 where Karp and Flatt's fraction grows from the fewest workers (above one) to the most, below
            1 where it falls; how much above or below means nothing.  None where only one count has a fraction.
    """

    points: tuple[ScalingPoint, ...]
    amdahl: SerialFraction
    growth: Estimate | None

    def predicted(self, workers: int) -> float | None:
        """Returns the speedup that the fit expects on *workers*; None without rounds.

        A fitted fraction below 0 predicts more than linear speedup, and from some number of workers on no finite
        one: infinity.

        Raises:
            ValueError: If *workers* < 1.
        """
        _check_workers(workers)
        return None if self.amdahl.fraction is None else _amdahl(self.amdahl.fraction, workers)

    @property
    def summary(self) -> str:
        """What the points show, in one sentence for people."""
        if self.amdahl.fraction is None:
            return "no round counted, so the serial fraction is unknown"
        return f"{_size_in_words(self.amdahl, self.amdahl.fraction)}; {_trend_in_words(self)}"


def scaling(seconds: Mapping[int, Sequence[float]]) -> Scaling:
    """Returns speedups and serial fractions, from rounds in which every worker count ran once.

    Args:
        seconds: Worker count to ``(n_rounds,)`` wall seconds; index i of all counts is the same round.

    Raises:
        InvalidScaling: If the count 1 is missing or alone, a count is below 1, the lengths differ, or a time is not
            a finite number above 0.

    Source:
        Karp & Flatt, "Measuring parallel processor performance", CACM 33(5), 1990, for the fraction of a single
        count: (1/S − 1/P) / (1 − 1/P).
    """
    _check(seconds)
    counts = sorted(seconds)
    one = seconds[1]
    # 1 / speedup by round: the share of the one-worker time that is left on P workers.
    shares = {count: [s / s1 for s, s1 in zip(seconds[count], one, strict=True)] for count in counts}
    return Scaling(
        points=tuple(_point(count, shares[count]) for count in counts),
        amdahl=_fit(shares),
        growth=_growth(shares) if len(counts) > 2 else None,
    )


def speedup_for(serial_fraction: float, workers: int) -> float:
    """Returns the speedup of a program whose *serial_fraction* does not speed up and whose rest does so ideally.

    A gate "serial fraction at most x" is a gate on this speedup.

    Args:
        serial_fraction: Between 0 and 1.
        workers: P, at least 1.

    Raises:
        ValueError: If either is out of range.

    Source:
        Amdahl, "Validity of the single processor approach to achieving large scale computing capabilities",
        AFIPS Spring Joint Computer Conference, 1967.
    """
    _check_workers(workers)
    if not 0 <= serial_fraction <= 1:
        raise ValueError(f"serial_fraction must be from 0 to 1, got {serial_fraction!r}; write 0.05 for 5 %")
    return _amdahl(serial_fraction, workers)


def _amdahl(fraction: float, workers: int) -> float:
    share = fraction + (1 - fraction) / workers
    return 1 / share if share > 0 else math.inf


def _point(workers: int, shares: Sequence[float]) -> ScalingPoint:
    speedup = estimate_speedup([1 / share for share in shares])
    # The fraction falls as the speedup rises, so the interval's ends change places.
    karp_flatt = SerialFraction(
        fraction=_karp_flatt(speedup.speedup, workers),
        low=_karp_flatt(speedup.high, workers),
        high=_karp_flatt(speedup.low, workers),
    )
    return ScalingPoint(workers=workers, speedup=speedup, karp_flatt=karp_flatt if workers > 1 else None)


def _karp_flatt(speedup: float | None, workers: int) -> float | None:
    if speedup is None or workers == 1:
        return None
    return (1 / speedup - 1 / workers) / (1 - 1 / workers)


def _fit(shares: Mapping[int, Sequence[float]]) -> SerialFraction:
    """Fits ``share = f + (1 − f) / P`` by least squares in every round, and takes the median of f over the rounds.

    With x = 1 − 1/P the law is ``share − 1/P = f · x``, a line through the origin, so f = Σ x (share − 1/P) / Σ x².
    That is a part linear in the shares, always above 0, less a constant: the former is estimated as speedups are,
    whose interval needs no shape of the noise, and the constant is taken off at the end.
    """
    slopes = {count: 1 - 1 / count for count in shares if count > 1}
    squares = sum(slope * slope for slope in slopes.values())
    constant = sum(slope / count for count, slope in slopes.items()) / squares
    rounds = zip(*(shares[count] for count in slopes), strict=True)
    linear = [sum(x * share for x, share in zip(slopes.values(), each, strict=True)) / squares for each in rounds]
    return _shifted(estimate_speedup(linear), -constant)


def _shifted(estimate: Estimate, by: float) -> SerialFraction:
    low, fraction, high = (None if end is None else end + by for end in (estimate.low, estimate.speedup, estimate.high))
    return SerialFraction(fraction=fraction, low=low, high=high)


def _growth(shares: Mapping[int, Sequence[float]]) -> Estimate:
    """Says whether Karp and Flatt's fraction grows from the fewest workers to the most, paired within rounds.

    Fractions may be 0 or below, so their own ratio would say nothing.  But a fraction is share / (1 − 1/P) less
    1 / (P − 1), so "the fraction for many is above that for few" is the same as "share / (1 − 1/P) for many, plus the
    difference of the constants, is above that for few".  Both sides are above 0: their ratio has the usual interval.
    """
    few, *_, many = sorted(count for count in shares if count > 1)
    constants = 1 / (few - 1) - 1 / (many - 1)
    rounds = zip(shares[few], shares[many], strict=True)
    return estimate_speedup([(b / (1 - 1 / many) + constants) / (a / (1 - 1 / few)) for a, b in rounds])


# In words ------------------------------------------------------------------------------------------------------------


def _size_in_words(amdahl: SerialFraction, fraction: float) -> str:
    shown = f"the serial fraction is {_percent(fraction)}"
    if amdahl.low is not None and amdahl.high is not None:
        shown += f" ({_percent(amdahl.low)} to {_percent(amdahl.high)})"
    if fraction < 0:
        return f"{shown}, below 0: faster than linear, as with more cache per worker or extra work on one worker"
    if fraction < _NEXT_TO_NOTHING:
        return shown
    return f"{shown}, which allows a speedup of {1 / fraction:.3g} at most, on any number of workers"


def _trend_in_words(measured: Scaling) -> str:
    if measured.growth is None:
        return "a third worker count would tell a serial part from overhead"
    if measured.growth.low is None or measured.growth.high is None:
        return "too few rounds to tell a serial part from overhead"
    _one, few, *_, many = measured.points
    ends = f"from {_of(few)} to {_of(many)}"
    if measured.growth.low > 1 + _ROUNDING:
        return f"by Karp and Flatt it grows {ends}: overhead grows with the workers"
    if measured.growth.high < 1 - _ROUNDING:
        return f"by Karp and Flatt it falls {ends}: what slows few workers down is shared by more"
    return f"by Karp and Flatt it goes {ends}, constant as far as these rounds tell: a serial part"


def _of(point: ScalingPoint) -> str:
    fraction = None if point.karp_flatt is None else point.karp_flatt.fraction
    return f"{_percent(fraction or 0.0)} on {point.workers} workers"


def _percent(fraction: float) -> str:
    return f"{round(100 * fraction, 1) + 0.0:.1f} %"  # the sum makes 0 of a negative zero


# Checks --------------------------------------------------------------------------------------------------------------


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}")


def _check(seconds: Mapping[int, Sequence[float]]) -> None:
    counts = sorted(seconds)
    if not counts or counts[0] < 1:
        raise InvalidScaling("worker counts must be whole numbers from 1 up", counts)
    if 1 not in seconds:
        raise InvalidScaling("speedups are over one worker, so the worker count 1 is needed", counts)
    if len(counts) < 2:
        raise InvalidScaling("scaling takes two worker counts or more, e.g. 1 and 2", counts)
    lengths = {count: len(seconds[count]) for count in counts}
    if len(set(lengths.values())) > 1:
        raise InvalidScaling("every worker count must have run once in every round", lengths)
    for count in counts:
        for index, each in enumerate(seconds[count]):
            if not 0 < each < math.inf:
                raise InvalidScaling("a time must be a finite number of seconds above 0", each, count, index)
