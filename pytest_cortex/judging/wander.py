"""How much rounds may tell when each depends on the one before: their running total wanders, and that is measured.

Two strangers who agree are two witnesses; a round that only repeats its neighbour is none.  A machine that was slow
in the last round is often slow in the next one (lag-1 correlations of raw log ratios up to 0.67 were measured), and
a sign test takes a dozen such rounds for a dozen witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt

# Rounds further from the median are drawn back to this many median absolute deviations (1.35 standard deviations of
# a bell curve), so that a burst of noise counts as a few odd rounds, not as wandering.  Where a fifth of the rounds
# lie in bursts of 30 %, 95.5 % of the measurements with 5 % headroom are decided; drawn back to 5 deviations, and the
# rest set so that autocorrelated rounds err no less often, 88.7 %.
_CAP = 2.0

# Rounds that happen to balance each other look calmer than they are.  Independent ones typically wander 1.1 (12
# rounds) to 1.3 (60) times their mean deviation times the square root of their number, and no less than this is ever
# believed.  Without it, a ramp of 3 % under noise of 5 % errs in 1.7 % of measurements instead of 0.5 %.
_LEAST_WANDER = 1.4

# How many times the wandering the total must be at the horizon, and how that grows towards the first round: at 12 of
# 60 rounds it is 13.2, because a drift has no time yet to show itself.  A regression of 20 % under noise of 3 % stands
# five deviations away and decides at once all the same.
_CLEAR_AT_HORIZON = 4.5
_EARLY = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The log speedups that the total of rounds is not clear of.

    Attributes:
        low: Their lower end, a natural logarithm.
        high: Their upper end.
    """

    low: float
    high: float


def reach(logs: Sequence[float], *, horizon: int) -> Reach:
    """Returns the log speedups that these rounds cannot exclude if they may depend on each other or drift.

    Independent rounds step away from a threshold that is not theirs in a straight line, while dependent or drifting
    ones swing to and fro.  So the total of all steps must exceed the widest swing about that line several times.

    Args:
        logs: ``(n_rounds,)`` natural logarithms of the paired ratios, in order; at least one.
        horizon: Rounds after which the measurement ends.

    Source:
        The range of the running total about its line is that of Hurst, "Long-term storage capacity of reservoirs",
        Transactions of the ASCE 116, 1951; it replaces the standard deviation, as in Lo, "Long-term memory in stock
        market prices", Econometrica 59(5), 1991.
    """
    middle = _median(sorted(logs))
    steps = _drawn_back([log - middle for log in logs])
    n, slope = len(steps), sum(steps) / len(steps)
    clear = _CLEAR_AT_HORIZON * (horizon / n) ** _EARLY * _wander(steps, slope) / n
    return Reach(low=middle + slope - clear, high=middle + slope + clear)


def _drawn_back(deviations: Sequence[float]) -> list[float]:
    cap = _CAP * _median(sorted(map(abs, deviations)))
    # Written out, because calling min and max for each round takes as long as all the rest.
    return [-cap if each < -cap else cap if each > cap else each for each in deviations]


def _wander(steps: Sequence[float], slope: float) -> float:
    """Returns how wide the running total of *steps* swings about the line of *slope* that ends with it."""
    swings = list(accumulate([step - slope for step in steps], initial=0.0))
    return max(max(swings) - min(swings), _LEAST_WANDER * sum(map(abs, steps)) / sqrt(len(steps)))


def _median(ordered: Sequence[float]) -> float:
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
