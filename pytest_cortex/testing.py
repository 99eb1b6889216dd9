"""What would this gate do with my noise?  A simulator that asks :meth:`Gate.decide` itself, thousands of times.

    >>> from pytest_cortex import Gate
    >>> from pytest_cortex.testing import Autocorrelated, Bursts, operating_characteristic
    >>> noise = Autocorrelated(sd=0.03, correlation=0.5) + Bursts(share=0.1, size=0.3)
    >>> speedups = [3.0, 3.43, 3.5, 3.8]
    >>> print(operating_characteristic(Gate(min_speedup=3.5), noise, true_speedups=speedups, runs=200, seed=1))
    true speedup      PASS      FAIL  INCONCLUSIVE  rounds
            3.00    0.00 %  100.00 %        0.00 %      12
            3.43    1.50 %    0.50 %       98.00 %      60
            3.50   35.00 %    0.00 %       65.00 %      60
            3.80  100.00 %    0.00 %        0.00 %      13

Noise is what moves the logarithm of sequential / parallel away from that of the true speedup, round by round; 0.05 is
about 5 %.  Kinds of noise add up with ``+``, and a kind of your own is a subclass of :class:`Noise`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from pytest_cortex.judging.gate import Gate, Outcome

__all__ = [
    "Autocorrelated",
    "Bias",
    "Bursts",
    "Drift",
    "Independent",
    "Noise",
    "OperatingCharacteristic",
    "Rates",
    "Sum",
    "operating_characteristic",
    "rate_at_least",
    "rate_at_most",
    "replay",
    "simulate",
]

Floats: TypeAlias = NDArray[np.float64]
DriftKind: TypeAlias = Literal["ramp", "wave", "walk"]

# Each bound is wrong once in a thousand, as each verdict is.
_CONFIDENCE = 0.999


class Noise(ABC):
    """What moves the log ratio of rounds away from the logarithm of the true speedup."""

    __slots__ = ()

    @abstractmethod
    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns ``(runs, rounds)`` deviations of the log ratio; runs are independent, rounds need not be."""

    def __add__(self, other: Noise) -> Sum:
        return Sum(parts=(self, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Noise):
    """Several kinds of noise at once, each drawn independently; made with ``+``.

    Attributes:
        parts: What is added up.
    """

    parts: tuple[Noise, ...]

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns the sum of what each part draws."""
        deviations = np.zeros((runs, rounds))
        for part in self.parts:
            deviations += part.draw(rng, runs=runs, rounds=rounds)
        return deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Independent(Noise):
    """Rounds that know nothing of each other: a bell curve.

    Attributes:
        sd: Standard deviation of the log ratio.
    """

    sd: float

    def __post_init__(self) -> None:
        _check_size("sd", self.sd)

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns normal deviations."""
        return self.sd * rng.standard_normal((runs, rounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Autocorrelated(Noise):
    """Each round keeps a part of the deviation of the one before, as where a machine stays slow for a while.

    Attributes:
        sd: Standard deviation of the log ratio.
        correlation: Of a round with the one before, above -1 and below 1.
    """

    sd: float
    correlation: float

    def __post_init__(self) -> None:
        _check_size("sd", self.sd)
        _check("correlation", self.correlation, lambda c: -1 < c < 1, "above -1 and below 1, e.g. 0.5")

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns an autoregressive process of order 1 that has been running forever."""
        deviations = rng.standard_normal((runs, rounds))
        deviations[:, 1:] *= math.sqrt(1 - self.correlation**2)
        for i in range(1, rounds):
            deviations[:, i] += self.correlation * deviations[:, i - 1]
        return self.sd * deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts(Noise):
    """Some rounds, several in a row, are far noisier than the rest.

    Attributes:
        share: Fraction of all rounds that lie in bursts.
        size: Standard deviation of the log ratio that a burst adds to each of its rounds.
        length: Mean number of rounds in a burst, at least 1.
        sd: Standard deviation of the log ratio in all rounds.
    """

    share: float
    size: float
    length: float = 5.0
    sd: float = 0.0

    def __post_init__(self) -> None:
        _check_size("size", self.size)
        _check_size("sd", self.sd)
        _check("length", self.length, lambda n: 1 <= n < math.inf, "a number of rounds from 1 on, e.g. 5")
        most = self.length / (self.length + 1)
        wanted = f"from 0 to {most:.2f}, as bursts of {self.length:g} rounds have at least one round between them"
        _check("share", self.share, lambda share: 0 <= share <= most, wanted)

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns normal deviations, wider within bursts that begin and end at random."""
        scale = self.size * self._disturbed(rng.random((runs, rounds)))
        within = scale * rng.standard_normal((runs, rounds))
        return within + self.sd * rng.standard_normal((runs, rounds))

    def _disturbed(self, draws: Floats) -> NDArray[np.bool_]:
        goes_on = 1 - 1 / self.length
        begins = self.share / (1 - self.share) / self.length
        disturbed = draws < self.share
        for i in range(1, draws.shape[1]):
            disturbed[:, i] = draws[:, i] < np.where(disturbed[:, i - 1], goes_on, begins)
        return disturbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Noise):
    """The speedup moves slowly while it is measured; on average over all rounds it is the true one.

    Attributes:
        kind: "ramp" goes one way, up or down; "wave" goes up and down once and begins anywhere; "walk" makes a
            random step in every round.
        size: Standard deviation of the drift over the rounds.
        sd: Standard deviation of the log ratio about the drift.
    """

    kind: DriftKind
    size: float
    sd: float = 0.0

    def __post_init__(self) -> None:
        kinds = get_args(DriftKind)
        if self.kind not in kinds:
            raise ValueError(f"kind must be one of {', '.join(kinds)}, got {self.kind!r}")
        _check_size("size", self.size)
        _check_size("sd", self.sd)

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
        """Returns normal deviations about the drift."""
        drift = self.size * _DRIFTS[self.kind](rng, runs, rounds)
        return drift + self.sd * rng.standard_normal((runs, rounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias(Noise):
    """Every round is off by the same amount: what load on the machine does to CPU-bound work.

    No gate can tell it from a change of the program, however many rounds it sees.

    Attributes:
        size: What is added to the log ratio; -0.3 is about 26 % less speedup.
    """

    size: float

    def __post_init__(self) -> None:
        _check("size", self.size, math.isfinite, "a finite number, e.g. -0.3")

    def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:  # noqa: ARG002 - nothing is random
        """Returns the same deviation for every round."""
        return np.full((runs, rounds), self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a gate said in many runs of which the true speedup is known.

    Attributes:
        true_speedup: The median of sequential / parallel that the program has, without the noise.
        runs: Number of verdicts.
        passed: Number of PASS among them.
        failed: Number of FAIL among them.
        rounds: Median number of rounds until the verdict; of INCONCLUSIVE, all rounds there were.
    """

    true_speedup: float
    runs: int
    passed: int
    failed: int
    rounds: float

    @property
    def inconclusive(self) -> int:
        """Number of INCONCLUSIVE."""
        return self.runs - self.decided

    @property
    def decided(self) -> int:
        """Number of PASS and FAIL together."""
        return self.passed + self.failed

    @property
    def pass_rate(self) -> float:
        """Fraction of PASS."""
        return self.passed / self.runs

    @property
    def fail_rate(self) -> float:
        """Fraction of FAIL."""
        return self.failed / self.runs

    @property
    def inconclusive_rate(self) -> float:
        """Fraction of INCONCLUSIVE."""
        return self.inconclusive / self.runs

    @property
    def pass_rate_at_most(self) -> float:
        """Upper bound of the true rate of PASS, wrong once in 1000."""
        return rate_at_most(self.passed, runs=self.runs)

    @property
    def fail_rate_at_most(self) -> float:
        """Upper bound of the true rate of FAIL, wrong once in 1000."""
        return rate_at_most(self.failed, runs=self.runs)

    @property
    def inconclusive_rate_at_most(self) -> float:
        """Upper bound of the true rate of INCONCLUSIVE, wrong once in 1000."""
        return rate_at_most(self.inconclusive, runs=self.runs)

    def __str__(self) -> str:
        passed, failed, open_ = map(_percent, (self.pass_rate, self.fail_rate, self.inconclusive_rate))
        return f"{self.true_speedup:>12.2f}{passed:>10}{failed:>10}{open_:>14}{self.rounds:>8g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingCharacteristic:
    """What a gate does with a kind of noise, by true speedup; printed, it is a table.

    Attributes:
        gate: What judged.
        noise: What the rounds were disturbed by.
        rows: One per true speedup, in the order asked for.
    """

    gate: Gate
    noise: Noise
    rows: tuple[Rates, ...]

    def __str__(self) -> str:
        return "\n".join(["true speedup      PASS      FAIL  INCONCLUSIVE  rounds", *map(str, self.rows)])


def simulate(
    noise: Noise, *, true_speedup: float, rounds: int, runs: int, seed: int | Sequence[int]
) -> tuple[Floats, Floats]:
    """Returns the times that *runs* measurements of *rounds* rounds would give.

    Half of each deviation makes the sequential run longer and half the parallel one shorter, about 1 second for
    the parallel run.  The same seed gives the same noise, whatever the true speedup.

    Args:
        noise: What disturbs the rounds.
        true_speedup: Median of sequential / parallel without the noise.
        rounds: Rounds per measurement.
        runs: Measurements.
        seed: For numpy's generator.

    Returns:
        ``sequential_s`` and ``parallel_s``, each ``(runs, rounds)`` seconds.

    Raises:
        ValueError: If the speedup is not a finite number above 0, or *rounds* or *runs* is below 1.
    """
    _check("true_speedup", true_speedup, lambda s: 0 < s < math.inf, "a finite number above 0, e.g. 3.5")
    _check("rounds", rounds, lambda n: n >= 1, "at least 1, e.g. 60")
    _check("runs", runs, lambda n: n >= 1, "at least 1, e.g. 1000")
    half = noise.draw(np.random.default_rng(seed), runs=runs, rounds=rounds) / 2
    return true_speedup * np.exp(half), np.exp(-half)


def operating_characteristic(
    gate: Gate,
    noise: Noise,
    *,
    true_speedups: Iterable[float],
    runs: int,
    rounds: int | None = None,
    seed: int | Sequence[int],
) -> OperatingCharacteristic:
    """Returns how often *gate* says what, for each of *true_speedups*, in rounds disturbed by *noise*.

    All rows are judged on the same noise, so that they differ by the true speedup alone.

    Args:
        gate: What judges, through :meth:`~pytest_cortex.judging.gate.Gate.decide`; about 3000 verdicts a second.
        noise: What disturbs the rounds.
        true_speedups: One row each.
        runs: Verdicts per row.
        rounds: Rounds that a measurement has; None for the gate's horizon.
        seed: For numpy's generator.

    Raises:
        ValueError: If a speedup is not a finite number above 0, or *rounds* or *runs* is below 1.
    """
    n_rounds = gate.horizon if rounds is None else rounds

    def row(true_speedup: float) -> Rates:
        times = simulate(noise, true_speedup=true_speedup, rounds=n_rounds, runs=runs, seed=seed)
        return _judged(gate, zip(*times, strict=True), true_speedup=true_speedup)

    return OperatingCharacteristic(gate=gate, noise=noise, rows=tuple(map(row, true_speedups)))


def replay(gate: Gate, sequential_s: Iterable[float], parallel_s: Iterable[float], *, scale: float = 1.0) -> Rates:
    """Returns how often *gate* says what on recorded rounds, the true speedup being *scale* times the recorded one.

    A measurement begins at every recorded round that is followed by enough others for the gate's horizon; of a
    shorter record there is one measurement.  They overlap, so the rates are what happened, and the bounds of
    :class:`Rates`, which are for independent measurements, do not apply.

    Args:
        gate: What judges.
        sequential_s: ``(n_rounds,)`` seconds; index i pairs with ``parallel_s[i]``.
        parallel_s: ``(n_rounds,)`` seconds, at least one.
        scale: 0.9 for a regression of 10 % in every round.

    Raises:
        InvalidRounds: If the lengths differ or a time is not a finite number above 0.
        ValueError: If there are no rounds, or *scale* is not a finite number above 0.
    """
    _check("scale", scale, lambda factor: 0 < factor < math.inf, "a finite number above 0, e.g. 0.9")
    recorded = [*sequential_s], [*parallel_s]
    # What cannot be judged is refused here, by the gate's own rules, before anything is calculated from it.
    if gate.decide(*recorded).speedup is None:
        raise ValueError("there must be at least one round to replay, got none; record some first")
    sequential, parallel = np.array(recorded, dtype=float) / [[1.0], [scale]]
    starts = range(max(len(parallel) - gate.horizon, 0) + 1)
    windows = ((times[i : i + gate.horizon] for times in (sequential, parallel)) for i in starts)
    return _judged(gate, windows, true_speedup=float(np.median(sequential / parallel)))


def _judged(gate: Gate, measurements: Iterable[Iterable[Floats]], *, true_speedup: float) -> Rates:
    verdicts = [gate.decide(*(times.tolist() for times in measurement)) for measurement in measurements]
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    return Rates(
        true_speedup=true_speedup,
        runs=len(verdicts),
        passed=outcomes[Outcome.PASS],
        failed=outcomes[Outcome.FAIL],
        rounds=median(verdict.rounds for verdict in verdicts),
    )


def rate_at_most(count: int, *, runs: int, confidence: float = _CONFIDENCE) -> float:
    """Returns the exact upper bound of a rate of which *count* of *runs* were seen.

    It is the rate at which so few would be seen with probability 1 - *confidence* only.

    Raises:
        ValueError: If not 0 <= *count* <= *runs*, *runs* is below 1, or not 0 < *confidence* < 1.

    Source:
        Clopper & Pearson, "The use of confidence or fiducial limits", Biometrika 26(4), 1934.
    """
    _check("runs", runs, lambda n: n >= 1, "at least 1, e.g. 1000")
    _check("count", count, lambda n: 0 <= n <= runs, f"from 0 to the number of runs, {runs}")
    _check("confidence", confidence, lambda c: 0 < c < 1, "above 0 and below 1, e.g. 0.999")
    if count == runs:
        return 1.0
    few_or_fewer = _binomial_tail(count, runs)
    low, high = count / runs, 1.0
    # 50 halvings leave less than a float of this size can tell apart.
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if few_or_fewer(middle) > 1 - confidence else (low, middle)
    return high


def rate_at_least(count: int, *, runs: int, confidence: float = _CONFIDENCE) -> float:
    """Returns the exact lower bound of a rate of which *count* of *runs* were seen; see :func:`rate_at_most`."""
    return 1 - rate_at_most(runs - count, runs=runs, confidence=confidence)


def _binomial_tail(count: int, runs: int) -> Callable[[float], float]:
    """Returns the function of a rate that gives the chance of *count* or fewer among *runs*."""
    # Of rates above the one seen, fewer than these have a chance of exp(-50) by Hoeffding's inequality.
    counts = np.arange(count, max(count - 5 * math.isqrt(runs) - 6, -1), -1)
    ways = math.lgamma(runs + 1) - math.lgamma(count + 1) - math.lgamma(runs - count + 1)
    log_ways = ways + np.concatenate([[0.0], np.cumsum(np.log(counts[:-1] / (runs - counts[:-1] + 1)))])

    def chance(rate: float) -> float:
        return float(np.exp(log_ways + counts * math.log(rate) + (runs - counts) * math.log1p(-rate)).sum())

    return chance


def _ramp(rng: np.random.Generator, runs: int, rounds: int) -> Floats:
    up_or_down = np.where(rng.random((runs, 1)) < 0.5, -1.0, 1.0)
    # From -1 to 1, the squares average (rounds + 1) / (rounds - 1) / 3; a single round has nowhere to go.
    unit: float = math.sqrt((rounds + 1) / (rounds - 1) / 3) if rounds > 1 else math.inf
    return up_or_down * np.linspace(-1.0, 1.0, rounds) / unit


def _wave(rng: np.random.Generator, runs: int, rounds: int) -> Floats:
    phases = np.arange(rounds) / rounds + rng.random((runs, 1))
    return math.sqrt(2) * np.sin(2 * math.pi * phases)


def _walk(rng: np.random.Generator, runs: int, rounds: int) -> Floats:
    walks = np.cumsum(rng.standard_normal((runs, rounds)), axis=1)
    walks -= walks.mean(axis=1, keepdims=True)
    # The square of a walk about its own mean, as expected; of a single round that is 0, and so is the walk.
    return walks / (math.sqrt((rounds - 1 / rounds) / 6) or 1.0)


_DRIFTS: dict[DriftKind, Callable[[np.random.Generator, int, int], Floats]] = {
    "ramp": _ramp,
    "wave": _wave,
    "walk": _walk,
}


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"


def _check_size(name: str, value: float) -> None:
    _check(name, value, lambda size: 0 <= size < math.inf, "a finite number from 0 on, e.g. 0.05 for about 5 %")


def _check(name: str, value: float, valid: Callable[[float], bool], wanted: str) -> None:
    if not valid(value):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
