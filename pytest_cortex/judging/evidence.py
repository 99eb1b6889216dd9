"""What the rounds so far prove: a sequential sign test on paired ratios, exact for its horizon.

The signs decide only where the threshold also lies beyond the reach of rounds that depend on each other.

Numbers come in, a decision comes out.  Nothing here knows a clock, a test or a file, so the same numbers give
the same decision on every machine and on every day.
"""

from __future__ import annotations

import itertools
import math
from enum import StrEnum
from functools import lru_cache

from pytest_cortex.judging.wander import reach

# The share of alpha that is never spent.  With all of it spent, the true rate of errors would be the stated one to
# within a fortieth, and of the measurements of any 100,000 tests with the truth exactly at the tested value, more
# than the stated share would come out wrong two times in five, by chance alone.
RESERVE = 0.2

# No time is a truth value or a piece of text, yet float() would take all of these.
_NOT_TIMES = (bool, str, bytes)


class InvalidRounds(ValueError):
    """Rounds that no verdict can be computed from.

    Attributes:
        problem: What is wrong, and what is expected instead.
        index: Position of the offending round in the sequences given; None if no single round is at fault.
        value: The offending value.
    """

    def __init__(self, problem: str, index: int | None = None, value: object = None) -> None:
        super().__init__(problem, index, value)
        self.problem = problem
        self.index = index
        self.value = value

    def __str__(self) -> str:
        where = "" if self.index is None else f"round {self.index}: "
        return f"{where}{self.problem}, got {self.value!r}"


class Decision(StrEnum):
    """What the evidence proves about the true speedup and the threshold."""

    UNDECIDED = "undecided"
    BELOW = "below"
    NOT_BELOW = "not below"


def smallest_horizon(alpha: float) -> int:
    """Returns the smallest horizon, in rounds, at which any decision is possible: 11 for alpha = 0.001.

    It is the smallest n with 2**-n <= alpha less the reserve: n equal signs are the strongest evidence of n rounds.
    """
    _check_alpha(alpha)
    # x = m * 2**e with 1/2 <= m < 1, so 2**(e - 1) is the largest power of two that is not above it.
    return 1 - math.frexp(alpha * _spending(1.0))[1]


def forgiving_horizon(alpha: float) -> int:
    """Returns the first horizon, in rounds, at which one odd round cannot block the verdict: 16 for alpha = 0.001.

    There 15 equal signs of 16 decide; below that every round must agree.  Where 1 round in 20 points the other way,
    the signs of 82 % of measurements decide within 16 rounds, but only of 57 % within 11 to 15.
    """
    return next(n for n in itertools.count(smallest_horizon(alpha)) if (boundary(n, alpha)[-1] or n) < n)


@lru_cache(maxsize=256)
def boundary(horizon: int, alpha: float) -> tuple[int | None, ...]:
    """Returns, for n = 1 … *horizon*, how many equal signs among n rounds decide; None where none would do.

    With a fair coin for a sign, the probability of ever reaching the count of BELOW is at most *alpha*, and so is
    that of NOT_BELOW; both counts are the same.  Stopping early costs nothing: it is part of the calculation.

    Args:
        horizon: Rounds after which the measurement ends undecided; fixed before the first round.
        alpha: Error probability per side, 0 < alpha < 0.5.

    Raises:
        ValueError: If *horizon* < 1 or *alpha* is out of range.

    Source:
        Lan & DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70(3), 1983.
    """
    _check_alpha(alpha)
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 round, got {horizon!r}")
    walk, spent, counts = {0: 1.0}, 0.0, list[int | None]()
    for n in range(1, horizon + 1):
        walk = _step(walk)
        needed, spent = _lowest_count(walk, n, spent=spent, allowed=alpha * _spending(n / horizon))
        counts.append(needed if needed <= n else None)
        walk = {count: chance for count, chance in walk.items() if n - needed < count < needed}
    return tuple(counts)


def _spending(elapsed: float) -> float:
    """Returns the share of alpha that may be spent once *elapsed*, a fraction of the horizon, has gone by.

    A quarter at once, because a clear case should not wait: a dozen equal signs cost 2**-12, a quarter of 0.001,
    so the earliest verdict comes after 12 rounds at every horizon from 17 on (after 11 below that).  The rest, less
    the reserve, goes late, where a count more is worth most.  Calculated for horizon 60, alpha 0.001, p being the
    chance that a round's sign points the right way (decided: within the horizon; rounds: mean until the end):

        shape                first  alpha used  decided p=.75  p=.90   rounds p=.75  p=.95  p=.99
        t**0.75                 12     96.5 %          68.2 %   100 %          44.8   15.4   12.6
        t                       13     97.5 %          72.8 %   100 %          44.5   16.1   13.5
        1/4 + 3/4 t**1.5        12     97.6 %          72.6 %   100 %          45.1   15.5   12.6
        t**3                    16     97.6 %          79.5 %   100 %          45.8   19.5   16.6
        1/4 + 0.55 t**2         12     77.9 %          71.5 %   100 %          46.4   16.1   12.7

    The last is used: the early verdict of the first and nearly the decided share of the second, with a fifth of
    alpha kept in reserve.
    """
    return 0.25 + (0.75 - RESERVE) * elapsed * elapsed


def _step(walk: dict[int, float]) -> dict[int, float]:
    """Returns the walk one fair coin later: chance by count of one sign."""
    later: dict[int, float] = {}
    # Counts come in ascending order, so only the lower of the two may hold something already.
    for count, chance in walk.items():
        later[count] = later.get(count, 0.0) + chance / 2
        later[count + 1] = chance / 2
    return later


def _lowest_count(walk: dict[int, float], n: int, *, spent: float, allowed: float) -> tuple[int, float]:
    """Returns the smallest count whose crossing keeps within *allowed*, and what is spent then.

    It stays above n / 2 by itself: half of all walks are at or beyond the middle, and alpha is less than half.
    """
    needed = n + 1
    while (with_one_less := spent + walk.get(needed - 1, 0.0)) <= allowed:
        needed, spent = needed - 1, with_one_less
    return needed, spent


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie between 0 and 0.5, got {alpha!r}; 0.001 is one wrong verdict in 1000")


def paired_ratio(sequential_s: float, parallel_s: float, *, index: int) -> float:
    """Returns the speedup that one round shows.

    Args:
        sequential_s: Wall seconds of the sequential run.
        parallel_s: Wall seconds of the parallel run.
        index: The round's position, for the error.

    Raises:
        InvalidRounds: If a time is not a finite number above 0.
    """
    sequential, parallel = _seconds("sequential_s", sequential_s, index), _seconds("parallel_s", parallel_s, index)
    ratio = sequential / parallel
    if not 0 < ratio < math.inf:
        problem = "sequential_s / parallel_s must be a number that a float can hold"
        raise InvalidRounds(problem, index, (sequential, parallel))
    return ratio


def _seconds(name: str, value: object, index: int) -> float:
    problem = f"{name} must be a finite number of seconds above 0"
    if isinstance(value, _NOT_TIMES):
        raise InvalidRounds(problem, index, value)
    try:
        seconds = float(value)  # type: ignore[arg-type]  # whatever float() cannot take is caught below
    except (TypeError, ValueError, OverflowError):
        raise InvalidRounds(problem, index, value) from None
    if not 0 < seconds < math.inf:
        raise InvalidRounds(problem, index, seconds)
    return seconds


class Evidence:
    """What the rounds so far prove about the true speedup, updated round by round.

    The true speedup is the median of sequential / parallel over the rounds that this process on this machine
    would give now.  A round whose ratio is below the threshold is a loss.  If the true speedup is not below the
    threshold, a loss is at most as likely as heads, and if it is below, a round that is no loss is: so whatever
    the distribution of the times, independent rounds reach a wrong decision with probability alpha at most.

    Rounds are not quite independent, so this alone does not decide: the threshold must at the same time lie beyond
    the :func:`~pytest_cortex.judging.wander.reach` of the rounds.  As that can only hold a decision back, alpha stays
    what it was.  False BELOW with the truth exactly at the threshold, 60 rounds, alpha 0.001, and what it costs:

        rounds                                        signs alone   and beyond reach
        independent                                        0.08 %             0.01 %
        autocorrelation 0.5                                 2.8 %              0.6 %
        autocorrelation 0.7                                10.6 %              2.6 %
        drift of 3 % (wave, ramp, walk), noise of 5 %  2.8 to 6.1 %       0.2 to 0.8 %
        independent, threshold 2 deviations away      13.7 rounds        20.2 rounds until decided
        independent, threshold 1 deviation away            99.3 %             98.5 % decided in 60 rounds

    A drift larger than the noise looks like a regression until it turns; no count of rounds in a row helps there.

    A ratio that equals the threshold is no loss.  That keeps both statements true, since "at most half of the
    ratios lie below the median" and "at most half lie above it" hold with ties as well; counted as a loss, a
    program that always hits the threshold exactly would be called slower than it.

    Once decided, or past the horizon, further rounds change nothing.

    Args:
        threshold: The speedup tested, a ratio above 0.
        alpha: Error probability per side.
        horizon: Rounds after which the evidence stays undecided.
    """

    __slots__ = ("_below", "_decision", "_logs", "_needed", "_ratios", "alpha", "horizon", "threshold")

    def __init__(self, *, threshold: float, alpha: float, horizon: int) -> None:
        if not 0 < threshold < math.inf:
            raise ValueError(f"threshold must be a finite speedup above 0, got {threshold!r}")
        self.threshold = threshold
        self.alpha = alpha
        self.horizon = horizon
        self._needed = boundary(horizon, alpha)
        self._ratios: list[float] = []
        self._logs: list[float] = []
        self._below = 0
        self._decision = Decision.UNDECIDED

    @property
    def decision(self) -> Decision:
        """What is proven so far."""
        return self._decision

    @property
    def ratios(self) -> tuple[float, ...]:
        """The speedup of each counted round, in order."""
        return tuple(self._ratios)

    @property
    def rounds(self) -> int:
        """Counted rounds: all until the decision or the horizon."""
        return len(self._ratios)

    @property
    def below(self) -> int:
        """Counted rounds whose ratio is below the threshold."""
        return self._below

    @property
    def held_back(self) -> bool:
        """True where the signs alone would decide, but dependent or drifting rounds could show them by chance."""
        return self._decision is not self._sign_test()

    @property
    def settled(self) -> bool:
        """True once no further round can change anything: decided, or at the horizon."""
        return self._decision is not Decision.UNDECIDED or self.rounds == self.horizon

    def update(self, *, sequential_s: float, parallel_s: float) -> Decision:
        """Takes in one round and returns what is proven now.

        Args:
            sequential_s: Wall seconds of the sequential run.
            parallel_s: Wall seconds of the parallel run.

        Raises:
            InvalidRounds: If a time is not a finite number above 0.
        """
        ratio = paired_ratio(sequential_s, parallel_s, index=self.rounds)
        if not self.settled:
            self._ratios.append(ratio)
            self._logs.append(math.log(ratio))
            self._below += ratio < self.threshold
            self._decision = self._decide()
        return self._decision

    def _decide(self) -> Decision:
        decision = self._sign_test()
        return decision if decision is Decision.UNDECIDED or self._beyond_reach(decision) else Decision.UNDECIDED

    def _sign_test(self) -> Decision:
        needed = self._needed[self.rounds - 1] if self.rounds else None
        if needed is None:
            return Decision.UNDECIDED
        if self._below >= needed:
            return Decision.BELOW
        return Decision.NOT_BELOW if self.rounds - self._below >= needed else Decision.UNDECIDED

    def _beyond_reach(self, decision: Decision) -> bool:
        tested, reached = math.log(self.threshold), reach(self._logs, horizon=self.horizon)
        return reached.high <= tested if decision is Decision.BELOW else tested <= reached.low
