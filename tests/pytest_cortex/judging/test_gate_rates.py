"""How often a gate errs and how often it decides: the error rates it promises, for independent rounds and others.

Errors and decisions are always shown together, since a gate that never decides has no errors.  Rates come from
seeded simulation and are compared through exact binomial bounds: a goal counts as met if the bound, not the rate
that happened to come out, meets it.  The large numbers of measurements need a vectorised copy of the rule; it is
held against ``Gate.decide`` itself.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from pytest_cortex.judging.evidence import boundary
from pytest_cortex.judging.gate import Gate, Outcome
from pytest_cortex.testing import (
    Autocorrelated,
    Bursts,
    Drift,
    DriftKind,
    Floats,
    Independent,
    Noise,
    rate_at_least,
    rate_at_most,
    simulate,
)

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

    @property
    def failed_at_least(self) -> float:
        return rate_at_least(self.failed, runs=self.decisions)

    @property
    def failed_at_most(self) -> float:
        return rate_at_most(self.failed, runs=self.decisions)

    @property
    def passed_at_least(self) -> float:
        return rate_at_least(self.passed, runs=self.decisions)

    @property
    def passed_at_most(self) -> float:
        return rate_at_most(self.passed, runs=self.decisions)

    @property
    def decided_at_least(self) -> float:
        return rate_at_least(self.failed + self.passed, runs=self.decisions)

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


def measured(noise: Noise, *, seed: int, decisions: int, truth: float, rounds: int = HORIZON) -> Floats:
    """Returns ratios around *truth* times the limit."""
    times = simulate(noise, true_speedup=LIMIT * truth, rounds=rounds, runs=decisions, seed=seed)
    return times[0] / times[1]


def drifting(kind: DriftKind) -> Noise:
    """Returns noise of 5 % around a drift of 3 %, both standard deviations."""
    return Drift(kind=kind, size=0.03, sd=0.05)


def rates_of(ratios: Floats) -> Rates:
    outcome, _ = walk_outcomes(ratios)
    return Rates(decisions=len(ratios), failed=int((outcome > 0).sum()), passed=int((outcome < 0).sum()))


def rates_of_gate(ratios: Floats) -> Rates:
    outcomes = [GATE.decide(row, [1.0] * len(row)).outcome for row in ratios.tolist()]
    return Rates(decisions=len(outcomes), failed=outcomes.count(Outcome.FAIL), passed=outcomes.count(Outcome.PASS))


@pytest.mark.parametrize("truth", [0.9, 0.98, 1.0, 1.05])
def test_vectorised_walk_is_gate_decide(truth: float) -> None:
    ratios = measured(Independent(sd=0.05), seed=1, decisions=300, truth=truth)
    codes = {Outcome.FAIL: 1.0, Outcome.PASS: -1.0, Outcome.INCONCLUSIVE: 0.0}
    verdicts = [GATE.decide(row, [1.0] * HORIZON) for row in ratios.tolist()]
    outcome, rounds = walk_outcomes(ratios)
    assert [codes[verdict.outcome] for verdict in verdicts] == outcome.tolist()
    assert [verdict.rounds for verdict in verdicts] == rounds.tolist()


def test_vectorised_walk_is_gate_decide_for_autocorrelated_rounds() -> None:
    ratios = measured(Autocorrelated(sd=0.15, correlation=0.7), seed=12, decisions=500, truth=0.98)
    outcome, _ = walk_outcomes(ratios)
    assert rates_of_gate(ratios) == rates_of(ratios)
    # Else nothing would have been compared.
    assert outcome.any()


@pytest.mark.parametrize("sd", [0.005, 0.05, 0.3])
def test_false_fail_when_the_truth_is_the_tested_value_itself(sd: float) -> None:
    """The worst case: any true speedup that may not fail fails at most this often.  0.1 % is not contradicted."""
    rates = rates_of(measured(Independent(sd=sd), seed=2, decisions=100_000, truth=0.98))
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
    rates = rates_of(measured(Independent(sd=sd), seed=4, decisions=30_000, truth=truth))
    # At the limit with 30 % noise the tested value is a fifteenth of the noise away: nearly the worst case.
    assert rates.failed_at_most <= 0.001


@pytest.mark.parametrize("sd", [0.005, 0.01, 0.015])
def test_a_regression_of_10_percent_is_found_within_30_rounds(sd: float) -> None:
    ratios = measured(Independent(sd=sd), seed=5, decisions=20_000, truth=TEN_PERCENT_LOST, rounds=30)
    assert rates_of(ratios).failed_at_least >= 0.99


@pytest.mark.parametrize("sd", [0.005, 0.015, 0.03])
def test_a_regression_of_20_percent_is_found_within_15_rounds(sd: float) -> None:
    ratios = measured(Independent(sd=sd), seed=6, decisions=20_000, truth=TWENTY_PERCENT_LOST, rounds=15)
    assert rates_of(ratios).failed_at_least >= 0.99


@pytest.mark.parametrize("sd", [0.015, 0.05, 0.1])
def test_a_regression_of_10_percent_does_not_pass(sd: float) -> None:
    rates = rates_of(measured(Independent(sd=sd), seed=7, decisions=30_000, truth=TEN_PERCENT_LOST))
    assert rates.passed_at_most <= 0.001


def test_headroom_of_5_percent_is_decided_within_the_default_horizon() -> None:
    rates = rates_of(measured(Independent(sd=0.05), seed=8, decisions=20_000, truth=1.05))
    assert rates.decided_at_least >= 0.95
    assert rates.failed_at_most <= 0.001


def test_headroom_of_5_percent_is_decided_in_spite_of_bursts() -> None:
    bursts = Bursts(share=0.1, size=0.3, sd=0.05)
    rates = rates_of(measured(bursts, seed=9, decisions=20_000, truth=1.05))
    assert rates.decided_at_least >= 0.95
    assert rates.failed_at_most <= 0.001


def test_false_fail_when_autocorrelation_is_0_5_and_the_truth_is_the_tested_value() -> None:
    """0.6 % instead of 2.8 % by signs alone."""
    rates = rates_of(measured(Autocorrelated(sd=0.05, correlation=0.5), seed=13, decisions=20_000, truth=0.98))
    assert rates.failed_at_most <= 0.01


def test_false_fail_when_autocorrelation_is_0_7_and_the_truth_is_the_tested_value() -> None:
    """2.6 % instead of 10.6 % by signs alone."""
    rates = rates_of(measured(Autocorrelated(sd=0.15, correlation=0.7), seed=14, decisions=20_000, truth=0.98))
    assert rates.failed_at_most <= 0.03


@pytest.mark.parametrize("shape", ["wave", "ramp"])
def test_false_fail_when_the_speedup_drifts_about_the_tested_value(shape: DriftKind) -> None:
    rates = rates_of(measured(drifting(shape), seed=15, decisions=20_000, truth=0.98))
    assert rates.failed_at_most <= 0.01


def test_false_fail_when_the_speedup_walks_at_random_about_the_tested_value() -> None:
    """0.80 % in 200,000 measurements, nearest to the goal of 1 %, so that needs more of them to show."""
    rates = rates_of(measured(drifting("walk"), seed=16, decisions=60_000, truth=0.98))
    assert rates.failed_at_most <= 0.01


@pytest.mark.parametrize(("by", "sd", "goal"), [(0.5, 0.05, 0.001), (0.7, 0.15, 0.005)])
def test_false_fail_when_rounds_are_autocorrelated_with_5_percent_headroom(by: float, sd: float, goal: float) -> None:
    rates = rates_of(measured(Autocorrelated(sd=sd, correlation=by), seed=17, decisions=20_000, truth=1.05))
    assert rates.failed_at_most <= goal


@pytest.mark.parametrize("shape", ["wave", "ramp", "walk"])
def test_false_fail_when_the_speedup_drifts_with_5_percent_headroom(shape: DriftKind) -> None:
    rates = rates_of(measured(drifting(shape), seed=18, decisions=20_000, truth=1.05))
    assert rates.failed_at_most <= 0.001
    # A drift is not known from a regression until it turns, so some stay open: 16 % for the wave.
    assert rates.decided_at_least >= 0.8


def test_headroom_of_5_percent_is_decided_in_spite_of_autocorrelation() -> None:
    rates = rates_of(measured(Autocorrelated(sd=0.05, correlation=0.5), seed=19, decisions=20_000, truth=1.05))
    assert rates.decided_at_least >= 0.95


def test_a_regression_of_10_percent_does_not_pass_when_rounds_are_autocorrelated() -> None:
    regressed = measured(Autocorrelated(sd=0.05, correlation=0.5), seed=20, decisions=30_000, truth=TEN_PERCENT_LOST)
    assert rates_of(regressed).passed_at_most <= 0.001


def test_gate_decides_rightly_when_simulated_without_the_copy() -> None:
    """The same through Gate.decide alone: it fails a 10 % regression and passes 5 % of headroom."""
    lost = rates_of_gate(measured(Independent(sd=0.015), seed=10, decisions=2000, truth=TEN_PERCENT_LOST))
    kept = rates_of_gate(measured(Independent(sd=0.03), seed=23, decisions=2000, truth=1.05))
    assert lost.failed_at_least >= 0.99
    assert (kept.decided_at_least >= 0.99, kept.failed) == (True, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "sd"), [(0.98, 0.05), (1.0, 0.03), (1.05, 0.05)])
def test_false_fail_in_100_000_decisions_of_the_gate_itself(truth: float, sd: float) -> None:
    rates = rates_of_gate(measured(Independent(sd=sd), seed=11, decisions=100_000, truth=truth))
    assert rates.chance_if_one_in_1000_fails > IMPLAUSIBLE
    if truth >= 1.0:
        assert rates.failed_at_most <= 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "goal"), [(0.98, 0.01), (1.05, 0.001)])
@pytest.mark.parametrize("shape", ["wave", "ramp", "walk"])
def test_false_fail_of_the_gate_itself_when_the_speedup_drifts(shape: DriftKind, truth: float, goal: float) -> None:
    rates = rates_of_gate(measured(drifting(shape), seed=21, decisions=100_000, truth=truth))
    assert rates.failed_at_most <= goal


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "by", "sd", "goal"),
    [(0.98, 0.5, 0.05, 0.01), (1.05, 0.5, 0.05, 0.001), (0.98, 0.7, 0.15, 0.03), (1.05, 0.7, 0.15, 0.005)],
)
def test_false_fail_of_the_gate_itself_when_rounds_are_autocorrelated(
    truth: float, by: float, sd: float, goal: float
) -> None:
    ratios = measured(Autocorrelated(sd=sd, correlation=by), seed=22, decisions=100_000, truth=truth)
    assert rates_of_gate(ratios).failed_at_most <= goal


@pytest.mark.slow
def test_error_rate_in_two_million_walks_is_what_was_calculated() -> None:
    """By signs alone and at the tested value, 0.0779 % fail and as many pass: alpha less its reserve is used."""
    failed = passed = 0
    for seed in range(20):
        ratios = measured(Independent(sd=0.05), seed=100 + seed, decisions=100_000, truth=0.98)
        by_signs = sides_of_signs(ratios)
        first = by_signs[np.arange(len(ratios)), np.argmax(by_signs != 0, axis=1)]
        failed, passed = failed + int((first > 0).sum()), passed + int((first < 0).sum())
    total = Rates(decisions=2_000_000, failed=failed, passed=passed)
    assert total.failed_at_least <= 0.000779 <= total.failed_at_most < 0.0009
    assert total.passed_at_least <= 0.000779 <= total.passed_at_most < 0.0009
