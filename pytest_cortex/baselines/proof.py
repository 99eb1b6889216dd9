"""What the rounds of a baseline prove, and whether a program has outgrown it.

A baseline is uncertain too.  So its rounds do not stand for its speedup by their median, but by the speedup that they
prove: a gate at that limit, with half of alpha for either side, wrongly fails an unchanged program with probability
alpha at most::

    gate = Gate(min_speedup=baseline_limit(entry, alpha=alpha / 2), alpha=alpha / 2)
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.judging.evidence import boundary, smallest_horizon


class TooFewRounds(ValueError):
    """A baseline of so few rounds that they prove nothing.

    Attributes:
        rounds: How many there are.
        least: How many equal signs it takes at least.
    """

    def __init__(self, rounds: int, least: int) -> None:
        super().__init__(rounds, least)
        self.rounds = rounds
        self.least = least

    def __str__(self) -> str:
        return (
            f"the baseline was saved from only {self.rounds} rounds, and fewer than {self.least} prove nothing: "
            "save it again with --cortex-save"
        )


def baseline_limit(entry: BaselineEntry, *, alpha: float, modelled: bool = False) -> float:
    """Returns the speedup that stands for the baseline's: the highest one that its rounds prove.

    It is the order statistic up to which :func:`~pytest_cortex.judging.evidence.boundary` calls the signs of these
    rounds a proof of "not below".  So it holds whatever the distribution of the times, and however early measuring
    stopped.

    Simulated: the truth unchanged, noise of 5 %, baselines of 16 rounds, 2,000 comparisons of 60 rounds, alpha 0.001.

        wrong FAIL, autocorrelation      0     0.5     0.7
        this, at alpha / 2             0 %     0 %  0.05 %
        the baseline's median          4 %     9 %    12 %

    Args:
        entry: The baseline.
        alpha: The probability with which it may lie above the baseline's true speedup, 0 < alpha < 0.5.
        modelled: True for the modelled speedup.

    Raises:
        TooFewRounds: If the baseline has too few rounds to prove anything.
    """
    low, _high = _bounds(entry.modelled_ratios if modelled else entry.ratios, horizon=entry.horizon, alpha=alpha)
    return low


def stale(
    entry: BaselineEntry, new_entry: BaselineEntry, *, name: str, alpha: float = 0.001, by: float = 0.10
) -> str | None:
    """Returns a warning if the program is proven to be much faster than its baseline, which then guards little.

    Args:
        entry: The baseline.
        new_entry: The same measurement now.
        name: The baseline's name.
        alpha: The probability with which the warning may be wrong.
        by: How much faster is much, as a fraction of the baseline's speedup.
    """
    try:
        _low, high = _bounds(entry.ratios, horizon=entry.horizon, alpha=alpha / 2)
        low, _high = _bounds(new_entry.ratios, horizon=new_entry.horizon, alpha=alpha / 2)
    except TooFewRounds:
        return None
    if low <= high * (1 + by):
        return None
    return (
        f"speedup {new_entry.speedup:.2f} is proven more than {100 * by:g} % above the {entry.speedup:.2f} of baseline "
        f"{name!r}: it became much faster, so the limit is stale; accept the new baseline with --cortex-save={name}, "
        "or raise the limit"
    )


def _bounds(ratios: Sequence[float], *, horizon: int, alpha: float) -> tuple[float, float]:
    """Returns what the true speedup is proven not to be below and not to be above, each up to *alpha*."""
    counts = boundary(horizon, alpha)
    needed = counts[len(ratios) - 1] if ratios else None
    if needed is None:
        least = next((n for n, count in enumerate(counts, start=1) if count is not None), smallest_horizon(alpha))
        raise TooFewRounds(len(ratios), least)
    ordered = sorted(ratios)
    return ordered[-needed], ordered[needed - 1]
