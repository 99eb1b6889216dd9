"""The numbers shown to people beside a verdict: a speedup, its interval, and what could have been found.

They explain a verdict and never make one.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pytest_cortex.judging.evidence import boundary
from pytest_cortex.judging.wander import reach

# The interval is promised to cover with at least 95 %, also where measuring stops at a decision and so is more
# likely to stop on extreme rounds.  Calculated exactly over all horizons from 10 to 120 and all positions of the
# threshold, the worst coverage at this level is 96.5 % for alpha = 0.001 and 95.7 % for 0.01; a nominal 95 % would
# give 94.3 and 93.4 %.  (At alpha = 0.05, where a handful of rounds decide, it is about 90 %.)  That is where signs
# alone stop; a decision held back stops later, on less extreme rounds.
NOMINAL_COVERAGE = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A speedup as shown to people.

    Attributes:
        speedup: The median of the paired ratios, taken between the two middle ones on the log scale; None
            without rounds.
        low: Lower end of an interval that covers the true median with at least 95 %; None if there are too few
            rounds for one (fewer than 7).
        high: Upper end of that interval.
    """

    speedup: float | None
    low: float | None
    high: float | None


def estimate_speedup(ratios: Sequence[float]) -> Estimate:
    """Returns the median of *ratios* with its distribution-free interval.

    The interval runs between two order statistics, so it needs no shape of the noise, holds for ratios and their
    logarithms alike, and turns into its own inverse when the two arms change places.

    Args:
        ratios: ``(n_rounds,)`` speedups of single rounds, each above 0.
    """
    ordered = sorted(ratios)
    rank = _interval_rank(len(ordered))
    if rank == 0:
        return Estimate(speedup=_log_median(ordered), low=None, high=None)
    return Estimate(speedup=_log_median(ordered), low=ordered[rank - 1], high=ordered[-rank])


def _log_median(ordered: Sequence[float]) -> float | None:
    if not ordered:
        return None
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    # The roots are taken apart because a product may overflow; rounding must not leave the two middle ratios.
    return min(max(math.sqrt(lower) * math.sqrt(upper), lower), upper)


@lru_cache(maxsize=1024)
def _interval_rank(n: int) -> int:
    """Returns k such that the k-th ratio from either end bounds the interval; 0 if there is none.

    The median lies beyond the k-th smallest of n with the probability of fewer than k heads in n fair coins.
    """
    allowed = math.floor((1 - NOMINAL_COVERAGE) / 2 * 2**n)
    rank, beyond = 0, 1
    while beyond <= allowed:
        rank += 1
        beyond += math.comb(n, rank)
    return rank


def detectable_drop(ratios: Sequence[float], *, threshold: float, alpha: float, horizon: int) -> float | None:
    """Returns the drop common to all of *ratios* beyond which the gate would have failed by the last of them.

    "Nothing was found" means little without it: noise of 30 % hides a drop of 20 %.

    Args:
        ratios: ``(n_rounds,)`` speedups of the counted rounds, in order.
        threshold: The speedup tested.
        alpha: Error probability per side.
        horizon: The horizon the rounds were counted under.

    Returns:
        A fraction of the speedup: 0.1 if the gate fails once every ratio is lowered by more than 10 %; 0 if these
        ratios fail it as they are; None if so few rounds could not have failed it whatever the drop.
    """
    logs = [math.log(ratio) for ratio in ratios]
    lowest = math.inf
    # Ascending, so that half of the rounds need no look at their reach: their signs alone ask for more already.
    for by_signs, rounds in sorted(_deciding_logs(logs, alpha=alpha, horizon=horizon)):
        if by_signs >= lowest:
            break
        lowest = min(lowest, max(by_signs, reach(logs[:rounds], horizon=horizon).high))
    return None if lowest == math.inf else max(0.0, -math.expm1(math.log(threshold) - lowest))


def _deciding_logs(logs: Sequence[float], *, alpha: float, horizon: int) -> Iterator[tuple[float, int]]:
    """Yields, for every number of rounds that may decide, the log ratio that must fall below the threshold for it."""
    ordered: list[float] = []
    for log, needed in zip(logs, boundary(horizon, alpha), strict=False):
        insort(ordered, log)
        if needed is not None:
            # This many ratios must fall below the threshold, so the largest of them tells how far all must fall.
            yield ordered[needed - 1], len(ordered)
