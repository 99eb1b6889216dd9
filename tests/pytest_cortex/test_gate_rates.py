"""How often a gate errs and how often it decides: the error rates it promises, for independent rounds and others.

Errors and decisions are always shown together, since a gate that never decides has no errors.  Rates come from
seeded simulation and are compared through exact binomial bounds: a goal counts as met if the bound, not the rate
that happened to come out, meets it.  The large numbers of measurements need a vectorised copy of the rule; it is
held against ``Gate.decide`` itself.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

from pytest_cortex.evidence import boundary
from pytest_cortex.gate import Gate, Outcome

Floats = NDArray[np.float64]
Drift = Literal["wave", "ramp", "walk"]

LIMIT = 2.0
GATE = Gate(min_speedup=LIMIT)
HORIZON = GATE.horizon

# The largest goal is one error in a thousand measurements; one seed in a million may contradict it by chance.
IMPLAUSIBLE = 1e-6

# True speedup as a multiple of the limit, where the limit stands 5 % below the speedup before the regression.
TEN_PERCENT_LOST = 0.90 / 0.95
TWENTY_PERCENT_LOST = 0.80 / 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Counts of outcomes over *decisions* measurements."""

    decisions: int
    failed: int
    passed: int

    def bound(self, count: int, side: Literal["low", "high"]) -> float:
        """Returns the Clopper-Pearson bound that errs once in 1000 on either side."""
        interval = binomtest(count, self.decisions).proportion_ci(confidence_level=0.998)
        return float(getattr(interval, side))

    @property
    def failed_at_least(self) -> float:
        return self.bound(self.failed, "low")

    @property
    def failed_at_most(self) -> float:
        return self.bound(self.failed, "high")

    @property
    def passed_at_most(self) -> float:
        return self.bound(self.passed, "high")

    @property
    def decided_at_least(self) -> float:
        return self.bound(self.failed + self.passed, "low")

    @property
    def chance_if_one_in_1000_fails(self) -> float:
        """Returns the chance of that many FAILs or more if their true rate were 0.1 %."""
        return float(binom.sf(self.failed - 1, self.decisions, 0.001))


def sides_of_signs(ratios: Floats) -> Floats:
    """Returns 1 where the signs up to a round are enough for FAIL, -1 where they are for PASS, else 0."""
    n_rounds = ratios.shape[1]
    needed = np.array([count or np.inf for count in boundary(HORIZON, GATE.alpha)[:n_rounds]])
    below = np.cumsum(ratios < GATE.threshold, axis=1)
    not_below = np.arange(1, n_rounds + 1) - below
    return np.where(below >= needed, 1.0, np.where(not_below >= needed, -1.0, 0.0))


def distance_beyond_reach(logs: Floats) -> Floats:
    """Returns how far all that is within reach lies below (+) or above (-) the threshold, in logs; 0 for neither.

    Args:
        logs: ``(n_measurements, n_rounds)`` logarithms of ratio / threshold.
    """
    n_rounds = logs.shape[1]
    middle = np.median(logs, axis=1, keepdims=True)
    cap = 2.0 * np.median(np.abs(logs - middle), axis=1, keepdims=True)
    steps = np.clip(logs - middle, -cap, cap)
    slope = steps.mean(axis=1, keepdims=True)
    swings = np.cumsum(steps - slope, axis=1)
    width = swings.max(axis=1).clip(0) - swings.min(axis=1).clip(None, 0)
    wander = np.maximum(width, 1.4 * np.sqrt(n_rounds) * np.abs(steps).mean(axis=1))
    centre = (middle + slope)[:, 0]
    beyond = np.abs(centre) - 4.5 * (HORIZON / n_rounds) ** (2 / 3) * wander / n_rounds
    distance: Floats = -np.sign(centre) * beyond.clip(0)
    return distance


def walk_outcomes(ratios: Floats) -> tuple[Floats, Floats]:
    """Returns, by measurement, 1 for FAIL, -1 for PASS, 0 for neither, and the rounds counted.

    Args:
        ratios: ``(n_measurements, n_rounds)`` speedups of single rounds.
    """
    side, logs = sides_of_signs(ratios), np.log(ratios / GATE.threshold)
    outcome, rounds = np.zeros(len(ratios)), np.full(len(ratios), ratios.shape[1])
    for n in range(1, ratios.shape[1] + 1):
        crossed = np.flatnonzero((outcome == 0) & (side[:, n - 1] != 0))
        decided = crossed[distance_beyond_reach(logs[crossed, :n]) * side[crossed, n - 1] > 0]
        outcome[decided], rounds[decided] = side[decided, n - 1], n
    return outcome, rounds


def measured(rng: np.random.Generator, *, decisions: int, truth: float, sd: float, rounds: int = HORIZON) -> Floats:
    """Returns ratios of independent rounds around *truth* times the limit, *sd* being that of their logarithm."""
    return LIMIT * truth * np.exp(sd * rng.standard_normal((decisions, rounds)))


def with_bursts(rng: np.random.Generator, ratios: Floats) -> Floats:
    """Returns *ratios* with a tenth of the rounds, in runs of five on average, disturbed by 30 %."""
    draws = rng.random(ratios.shape)
    noisy = np.empty(ratios.shape, dtype=bool)
    noisy[:, 0] = draws[:, 0] < 0.1
    for i in range(1, ratios.shape[1]):
        noisy[:, i] = draws[:, i] < np.where(noisy[:, i - 1], 4 / 5, 1 / 5 / 9)
    return ratios * np.where(noisy, np.exp(0.3 * rng.standard_normal(ratios.shape)), 1.0)


def autocorrelated(rng: np.random.Generator, *, decisions: int, truth: float, sd: float, by: float) -> Floats:
    """Returns ratios whose logarithm keeps the fraction *by* of its deviation from one round to the next."""
    noise = rng.standard_normal((decisions, HORIZON))
    noise[:, 1:] *= np.sqrt(1 - by * by)
    for i in range(1, HORIZON):
        noise[:, i] += by * noise[:, i - 1]
    return LIMIT * truth * np.exp(sd * noise)


def drifting(rng: np.random.Generator, shape: Drift, *, decisions: int, truth: float) -> Floats:
    """Returns ratios with noise of 5 % around a drift of 3 %, both standard deviations; its mean is *truth*.

    Of the shapes, "wave" goes up and down once within the horizon and begins anywhere, "ramp" goes one way, and
    "walk" makes a random step in every round.
    """
    if shape == "wave":
        drift = np.sin(2 * np.pi * (np.arange(HORIZON) / HORIZON + rng.random((decisions, 1))))
    elif shape == "ramp":
        drift = np.linspace(-1.0, 1.0, HORIZON) * rng.choice([-1.0, 1.0], (decisions, 1))
    else:
        drift = np.cumsum(rng.standard_normal((decisions, HORIZON)), axis=1)
        drift -= drift.mean(axis=1, keepdims=True)
    drift *= 0.03 / np.sqrt((drift * drift).mean())
    return measured(rng, decisions=decisions, truth=truth, sd=0.05) * np.exp(drift)


def rates_of(ratios: Floats) -> Rates:
    outcome, _ = walk_outcomes(ratios)
    return Rates(decisions=len(ratios), failed=int((outcome > 0).sum()), passed=int((outcome < 0).sum()))


def rates_of_gate(ratios: Floats) -> Rates:
    outcomes = [GATE.decide(row, [1.0] * len(row)).outcome for row in ratios.tolist()]
    return Rates(decisions=len(outcomes), failed=outcomes.count(Outcome.FAIL), passed=outcomes.count(Outcome.PASS))


@pytest.mark.parametrize("truth", [0.9, 0.98, 1.0, 1.05])
def test_vectorised_walk_is_gate_decide(truth: float) -> None:
    ratios = measured(np.random.default_rng(1), decisions=300, truth=truth, sd=0.05)
    codes = {Outcome.FAIL: 1.0, Outcome.PASS: -1.0, Outcome.INCONCLUSIVE: 0.0}
    verdicts = [GATE.decide(row, [1.0] * HORIZON) for row in ratios.tolist()]
    outcome, rounds = walk_outcomes(ratios)
    assert [codes[verdict.outcome] for verdict in verdicts] == outcome.tolist()
    assert [verdict.rounds for verdict in verdicts] == rounds.tolist()


def test_vectorised_walk_is_gate_decide_for_autocorrelated_rounds() -> None:
    ratios = autocorrelated(np.random.default_rng(12), decisions=500, truth=0.98, sd=0.15, by=0.7)
    outcome, _ = walk_outcomes(ratios)
    assert rates_of_gate(ratios) == rates_of(ratios)
    # Else nothing would have been compared.
    assert outcome.any()


@pytest.mark.parametrize("sd", [0.005, 0.05, 0.3])
def test_false_fail_when_the_truth_is_the_tested_value_itself(sd: float) -> None:
    """The worst case: any true speedup that may not fail fails at most this often.  0.1 % is not contradicted."""
    rates = rates_of(measured(np.random.default_rng(2), decisions=100_000, truth=0.98, sd=sd))
    assert rates.chance_if_one_in_1000_fails > IMPLAUSIBLE


def test_false_fail_when_the_noise_is_no_bell_curve() -> None:
    """A sign test asks nothing of the noise but its median: here half of the rounds come late without bound."""
    rng = np.random.default_rng(3)
    late = np.where(rng.random((100_000, HORIZON)) < 0.5, rng.exponential(1.0, (100_000, HORIZON)), -0.001)
    rates = rates_of(GATE.threshold * np.exp(-late))
    assert rates.chance_if_one_in_1000_fails > IMPLAUSIBLE


@pytest.mark.parametrize("sd", [0.005, 0.015, 0.03, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("truth", [1.0, 1.05])
def test_false_fail_when_the_truth_is_the_limit_or_5_percent_above(truth: float, sd: float) -> None:
    rates = rates_of(measured(np.random.default_rng(4), decisions=30_000, truth=truth, sd=sd))
    # At the limit with 30 % noise the tested value is a fifteenth of the noise away: nearly the worst case.
    assert rates.failed_at_most <= 0.001


@pytest.mark.parametrize("sd", [0.005, 0.01, 0.015])
def test_a_regression_of_10_percent_is_found_within_30_rounds(sd: float) -> None:
    ratios = measured(np.random.default_rng(5), decisions=20_000, truth=TEN_PERCENT_LOST, sd=sd, rounds=30)
    assert rates_of(ratios).failed_at_least >= 0.99


@pytest.mark.parametrize("sd", [0.005, 0.015, 0.03])
def test_a_regression_of_20_percent_is_found_within_15_rounds(sd: float) -> None:
    ratios = measured(np.random.default_rng(6), decisions=20_000, truth=TWENTY_PERCENT_LOST, sd=sd, rounds=15)
    assert rates_of(ratios).failed_at_least >= 0.99


@pytest.mark.parametrize("sd", [0.015, 0.05, 0.1])
def test_a_regression_of_10_percent_does_not_pass(sd: float) -> None:
    rates = rates_of(measured(np.random.default_rng(7), decisions=30_000, truth=TEN_PERCENT_LOST, sd=sd))
    assert rates.passed_at_most <= 0.001


def test_headroom_of_5_percent_is_decided_within_the_default_horizon() -> None:
    rates = rates_of(measured(np.random.default_rng(8), decisions=20_000, truth=1.05, sd=0.05))
    assert rates.decided_at_least >= 0.95
    assert rates.failed_at_most <= 0.001


def test_headroom_of_5_percent_is_decided_in_spite_of_bursts() -> None:
    rng = np.random.default_rng(9)
    rates = rates_of(with_bursts(rng, measured(rng, decisions=20_000, truth=1.05, sd=0.05)))
    assert rates.decided_at_least >= 0.95
    assert rates.failed_at_most <= 0.001


def test_false_fail_when_autocorrelation_is_0_5_and_the_truth_is_the_tested_value() -> None:
    """0.6 % instead of 2.8 % by signs alone."""
    rates = rates_of(autocorrelated(np.random.default_rng(13), decisions=20_000, truth=0.98, sd=0.05, by=0.5))
    assert rates.failed_at_most <= 0.01


def test_false_fail_when_autocorrelation_is_0_7_and_the_truth_is_the_tested_value() -> None:
    """2.6 % instead of 10.6 % by signs alone."""
    rates = rates_of(autocorrelated(np.random.default_rng(14), decisions=20_000, truth=0.98, sd=0.15, by=0.7))
    assert rates.failed_at_most <= 0.03


@pytest.mark.parametrize("shape", ["wave", "ramp"])
def test_false_fail_when_the_speedup_drifts_about_the_tested_value(shape: Drift) -> None:
    rates = rates_of(drifting(np.random.default_rng(15), shape, decisions=20_000, truth=0.98))
    assert rates.failed_at_most <= 0.01


def test_false_fail_when_the_speedup_walks_at_random_about_the_tested_value() -> None:
    """0.84 % in 100,000 measurements, nearest to the goal of 1 %, so that needs more of them to show."""
    rates = rates_of(drifting(np.random.default_rng(16), "walk", decisions=60_000, truth=0.98))
    assert rates.failed_at_most <= 0.01


@pytest.mark.parametrize(("by", "sd", "goal"), [(0.5, 0.05, 0.001), (0.7, 0.15, 0.005)])
def test_false_fail_when_rounds_are_autocorrelated_with_5_percent_headroom(by: float, sd: float, goal: float) -> None:
    rates = rates_of(autocorrelated(np.random.default_rng(17), decisions=20_000, truth=1.05, sd=sd, by=by))
    assert rates.failed_at_most <= goal


@pytest.mark.parametrize("shape", ["wave", "ramp", "walk"])
def test_false_fail_when_the_speedup_drifts_with_5_percent_headroom(shape: Drift) -> None:
    rates = rates_of(drifting(np.random.default_rng(18), shape, decisions=20_000, truth=1.05))
    assert rates.failed_at_most <= 0.001
    # A drift is not known from a regression until it turns, so some stay open: 16 % for the wave.
    assert rates.decided_at_least >= 0.8


def test_headroom_of_5_percent_is_decided_in_spite_of_autocorrelation() -> None:
    rates = rates_of(autocorrelated(np.random.default_rng(19), decisions=20_000, truth=1.05, sd=0.05, by=0.5))
    assert rates.decided_at_least >= 0.95


def test_a_regression_of_10_percent_does_not_pass_when_rounds_are_autocorrelated() -> None:
    regressed = autocorrelated(np.random.default_rng(20), decisions=30_000, truth=TEN_PERCENT_LOST, sd=0.05, by=0.5)
    assert rates_of(regressed).passed_at_most <= 0.001


def test_gate_decides_rightly_when_simulated_without_the_copy() -> None:
    """The same through Gate.decide alone: it fails a 10 % regression and passes 5 % of headroom."""
    rng = np.random.default_rng(10)
    lost = rates_of_gate(measured(rng, decisions=2000, truth=TEN_PERCENT_LOST, sd=0.015))
    kept = rates_of_gate(measured(rng, decisions=2000, truth=1.05, sd=0.03))
    assert lost.failed_at_least >= 0.99
    assert (kept.decided_at_least >= 0.99, kept.failed) == (True, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "sd"), [(0.98, 0.05), (1.0, 0.03), (1.05, 0.05)])
def test_false_fail_in_100_000_decisions_of_the_gate_itself(truth: float, sd: float) -> None:
    rates = rates_of_gate(measured(np.random.default_rng(11), decisions=100_000, truth=truth, sd=sd))
    assert rates.chance_if_one_in_1000_fails > IMPLAUSIBLE
    if truth >= 1.0:
        assert rates.failed_at_most <= 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "goal"), [(0.98, 0.01), (1.05, 0.001)])
@pytest.mark.parametrize("shape", ["wave", "ramp", "walk"])
def test_false_fail_of_the_gate_itself_when_the_speedup_drifts(shape: Drift, truth: float, goal: float) -> None:
    rates = rates_of_gate(drifting(np.random.default_rng(21), shape, decisions=100_000, truth=truth))
    assert rates.failed_at_most <= goal


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "by", "sd", "goal"),
    [(0.98, 0.5, 0.05, 0.01), (1.05, 0.5, 0.05, 0.001), (0.98, 0.7, 0.15, 0.03), (1.05, 0.7, 0.15, 0.005)],
)
def test_false_fail_of_the_gate_itself_when_rounds_are_autocorrelated(
    truth: float, by: float, sd: float, goal: float
) -> None:
    ratios = autocorrelated(np.random.default_rng(22), decisions=100_000, truth=truth, sd=sd, by=by)
    assert rates_of_gate(ratios).failed_at_most <= goal


@pytest.mark.slow
def test_error_rate_in_two_million_walks_is_what_was_calculated() -> None:
    """By signs alone and at the tested value, 0.0779 % fail and as many pass: alpha less its reserve is used."""
    failed = passed = 0
    for seed in range(20):
        ratios = measured(np.random.default_rng(100 + seed), decisions=100_000, truth=0.98, sd=0.05)
        by_signs = sides_of_signs(ratios)
        first = by_signs[np.arange(len(ratios)), np.argmax(by_signs != 0, axis=1)]
        failed, passed = failed + int((first > 0).sum()), passed + int((first < 0).sum())
    total = Rates(decisions=2_000_000, failed=failed, passed=passed)
    assert total.failed_at_least <= 0.000779 <= total.failed_at_most < 0.0009
    assert total.bound(passed, "low") <= 0.000779 <= total.passed_at_most < 0.0009
