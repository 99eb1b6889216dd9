"""The simulator: noise has the shape it is named for, and rates are what the gate itself says."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from pytest_cortex import Gate, InvalidRounds, testing
from pytest_cortex.testing import (
    Autocorrelated,
    Bias,
    Bursts,
    Drift,
    DriftKind,
    Floats,
    Independent,
    Noise,
    operating_characteristic,
    rate_at_least,
    rate_at_most,
    replay,
    simulate,
)

GATE = Gate(min_speedup=2.0)
KINDS = [
    Independent(sd=0.05),
    Autocorrelated(sd=0.05, correlation=0.6),
    Bursts(share=0.2, size=0.3, sd=0.05),
    Drift(kind="ramp", size=0.03, sd=0.05),
    Drift(kind="wave", size=0.03),
    Drift(kind="walk", size=0.03),
    Bias(size=-0.1),
    Independent(sd=0.02) + Bias(size=0.1),
]


def drawn(noise: Noise, *, runs: int = 4000, rounds: int = 60) -> Floats:
    return noise.draw(np.random.default_rng(1), runs=runs, rounds=rounds)


def lag_1_correlation(deviations: Floats) -> float:
    return float((deviations[:, 1:] * deviations[:, :-1]).mean() / (deviations**2).mean())


def test_the_example_in_the_docstring_prints_what_it_says() -> None:
    assert doctest.testmod(testing).failed == 0


def test_all_names_what_is_public_in_order() -> None:
    assert testing.__all__ == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 60)])
def test_every_noise_is_finite_in_any_shape(noise: Noise, shape: tuple[int, int]) -> None:
    deviations = drawn(noise, runs=shape[0], rounds=shape[1])
    assert deviations.shape == shape
    assert np.isfinite(deviations).all()


@pytest.mark.parametrize(
    ("noise", "sd"),
    [
        (Independent(sd=0.05), 0.05),
        (Autocorrelated(sd=0.05, correlation=0.6), 0.05),
        (Bursts(share=0.2, size=0.3, sd=0.05), math.hypot(0.05, 0.3 * math.sqrt(0.2))),
        (Drift(kind="ramp", size=0.03), 0.03),
        (Drift(kind="wave", size=0.03), 0.03),
        (Drift(kind="walk", size=0.03), 0.03),
        (Drift(kind="wave", size=0.03, sd=0.05), math.hypot(0.03, 0.05)),
        (Independent(sd=0.03) + Independent(sd=0.04), 0.05),
    ],
)
def test_noise_is_as_large_as_asked_for(noise: Noise, sd: float) -> None:
    """The root mean square over all rounds of many runs is the size given, to 3 %, and the mean is nothing."""
    deviations = drawn(noise)
    assert math.sqrt(float((deviations**2).mean())) == pytest.approx(sd, rel=0.03)
    assert abs(deviations.mean()) < 0.05 * sd


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.7])
def test_autocorrelated_rounds_correlate_as_asked_for(correlation: float) -> None:
    deviations = drawn(Autocorrelated(sd=0.05, correlation=correlation))
    assert lag_1_correlation(deviations) == pytest.approx(correlation, abs=0.01)


def test_independent_rounds_do_not_correlate() -> None:
    assert abs(lag_1_correlation(drawn(Independent(sd=0.05)))) < 0.01


def test_bursts_cover_their_share_in_runs_of_their_length() -> None:
    deviations = drawn(Bursts(share=0.2, size=0.3, length=5.0))
    disturbed = deviations != 0
    begun = disturbed[:, 1:] & ~disturbed[:, :-1]
    assert disturbed.mean() == pytest.approx(0.2, abs=0.01)
    assert disturbed[:, 1:].sum() / begun.sum() == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize("kind", ["ramp", "wave", "walk"])
def test_drift_leaves_the_mean_of_every_run_where_it_was(kind: DriftKind) -> None:
    deviations = drawn(Drift(kind=kind, size=0.03))
    assert abs(deviations.mean(axis=1)).max() < 1e-12


def test_a_ramp_goes_one_way_in_each_run_and_either_way_over_runs() -> None:
    steps = np.sign(np.diff(drawn(Drift(kind="ramp", size=0.03)), axis=1))
    assert (steps == steps[:, :1]).all()
    assert set(steps[:, 0]) == {-1.0, 1.0}


def test_bias_is_the_same_in_every_round() -> None:
    assert (drawn(Bias(size=-0.3)) == -0.3).all()


def test_a_noise_of_ones_own_adds_up_with_the_others() -> None:
    class Alternating(Noise):
        def draw(self, rng: np.random.Generator, *, runs: int, rounds: int) -> Floats:
            return np.tile([0.1, -0.1], (runs, rounds // 2))

    assert (drawn(Alternating() + Bias(size=0.1), runs=2, rounds=4) == [[0.2, 0.0, 0.2, 0.0]] * 2).all()


@pytest.mark.parametrize("noise", KINDS)
def test_simulated_ratios_are_the_true_speedup_moved_by_the_noise(noise: Noise) -> None:
    sequential_s, parallel_s = simulate(noise, true_speedup=3.0, rounds=20, runs=5, seed=7)
    deviations = noise.draw(np.random.default_rng(7), runs=5, rounds=20)
    assert np.log(sequential_s / parallel_s / 3.0) == pytest.approx(deviations)


def test_simulated_times_are_the_same_for_the_same_seed_only() -> None:
    first, again, other = (
        simulate(Independent(sd=0.05), true_speedup=3.0, rounds=20, runs=5, seed=seed)[0] for seed in (7, 7, 8)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("noise", KINDS)
def test_rates_are_those_of_gate_decide(noise: Noise) -> None:
    """Counted by hand over the same simulated rounds."""
    (row,) = operating_characteristic(GATE, noise, true_speedups=[2.05], runs=20, seed=3).rows
    times = simulate(noise, true_speedup=2.05, rounds=60, runs=20, seed=3)
    verdicts = [GATE.decide(*measurement) for measurement in zip(*times, strict=True)]
    assert row.passed == sum(verdict.outcome == "PASS" for verdict in verdicts)
    assert row.failed == sum(verdict.outcome == "FAIL" for verdict in verdicts)
    assert row.rounds == np.median([verdict.rounds for verdict in verdicts])


def test_rows_follow_the_true_speedups_asked_for() -> None:
    """Without noise, the verdict is known: the shortest measurement that can be decided."""
    speedups = [3.0, 1.0]
    table = operating_characteristic(GATE, Independent(sd=0.0), true_speedups=speedups, runs=3, seed=1)
    above, below = table.rows
    assert (above.true_speedup, above.passed, above.failed, above.rounds) == (3.0, 3, 0, 12)
    assert (below.true_speedup, below.passed, below.failed, below.rounds) == (1.0, 0, 3, 12)


def test_fewer_rounds_than_a_decision_needs_stay_inconclusive() -> None:
    (row,) = operating_characteristic(GATE, Independent(sd=0.0), true_speedups=[3.0], runs=5, rounds=8, seed=1).rows
    assert (row.inconclusive, row.decided, row.inconclusive_rate, row.rounds) == (5, 0, 1.0, 8)


@given(
    lower=st.floats(1.7, 2.4),
    higher=st.floats(1.7, 2.4),
    seed=st.integers(0, 2**32),
    noise=st.sampled_from(KINDS),
)
@settings(max_examples=25, deadline=None)
def test_a_higher_true_speedup_never_fails_more_often(lower: float, higher: float, seed: int, noise: Noise) -> None:
    """On the same noise every round moves up with the truth, so no verdict gets worse."""
    ascending = sorted([lower, higher])
    table = operating_characteristic(GATE, noise, true_speedups=ascending, runs=5, seed=seed)
    low, high = table.rows
    assert high.failed <= low.failed
    assert high.passed >= low.passed


def test_rates_add_up_and_their_bounds_lie_above() -> None:
    (row,) = operating_characteristic(GATE, Independent(sd=0.05), true_speedups=[2.0], runs=200, seed=1).rows
    assert row.pass_rate + row.fail_rate + row.inconclusive_rate == pytest.approx(1.0)
    assert 0 < row.inconclusive < 200
    assert row.pass_rate < row.pass_rate_at_most < 1
    assert row.fail_rate < row.fail_rate_at_most < 1
    assert row.inconclusive_rate < row.inconclusive_rate_at_most < 1


def test_a_printed_table_has_a_line_per_true_speedup() -> None:
    table = operating_characteristic(GATE, Independent(sd=0.0), true_speedups=[3.0, 1.0], runs=4, seed=1)
    assert str(table).splitlines() == [
        "true speedup      PASS      FAIL  INCONCLUSIVE  rounds",
        "        3.00  100.00 %    0.00 %        0.00 %      12",
        "        1.00    0.00 %  100.00 %        0.00 %      12",
    ]


@given(data=st.data(), runs=st.integers(1, 3000), confidence=st.sampled_from([0.9, 0.99, 0.999]))
@settings(max_examples=60, deadline=None)
def test_bounds_are_those_of_clopper_and_pearson(data: st.DataObject, runs: int, confidence: float) -> None:
    count = data.draw(st.integers(0, runs))
    expected = binomtest(count, runs).proportion_ci(confidence_level=2 * confidence - 1)
    assert rate_at_most(count, runs=runs, confidence=confidence) == pytest.approx(expected.high, abs=1e-9)
    assert rate_at_least(count, runs=runs, confidence=confidence) == pytest.approx(expected.low, abs=1e-9)


@pytest.mark.parametrize("count", [0, 1, 84, 50_000, 99_999, 100_000])
def test_bounds_are_exact_for_100_000_runs_too(count: int) -> None:
    expected = binomtest(count, 100_000).proportion_ci(confidence_level=0.998)
    assert rate_at_most(count, runs=100_000) == pytest.approx(expected.high, rel=1e-6)


def recorded(rounds: int) -> tuple[list[float], list[float]]:
    sequential_s, parallel_s = simulate(Independent(sd=0.01), true_speedup=2.1, rounds=rounds, runs=1, seed=5)
    return sequential_s[0].tolist(), parallel_s[0].tolist()


def test_a_replay_begins_at_every_round_that_enough_others_follow() -> None:
    assert replay(GATE, *recorded(100)).runs == 41
    assert replay(GATE, *recorded(60)).runs == 1
    assert replay(GATE, *recorded(20)).runs == 1


def test_a_replay_judges_each_stretch_as_gate_decide_does() -> None:
    """A program that becomes slower half-way: stretches before the change pass, those after it fail."""
    sequential_s, parallel_s = [2.2] * 80 + [1.8] * 80, [1.0] * 160
    rates = replay(GATE, sequential_s, parallel_s)
    verdicts = [GATE.decide(sequential_s[i : i + 60], parallel_s[i : i + 60]).outcome for i in range(101)]
    assert (rates.passed, rates.failed) == (verdicts.count(verdicts[0]), verdicts.count(verdicts[-1]))
    assert rates.passed > 0 < rates.failed


def test_a_replay_injects_the_regression_asked_for() -> None:
    healthy, regressed = replay(GATE, *recorded(100)), replay(GATE, *recorded(100), scale=0.9)
    assert regressed.true_speedup == pytest.approx(0.9 * healthy.true_speedup)
    assert (healthy.pass_rate, regressed.fail_rate) == (1.0, 1.0)


def test_a_replay_takes_arrays_and_iterators_alike() -> None:
    sequential_s, parallel_s = recorded(70)
    expected = replay(GATE, sequential_s, parallel_s)
    assert replay(GATE, np.array(sequential_s), np.array(parallel_s)) == expected
    assert replay(GATE, iter(sequential_s), iter(parallel_s)) == expected


def test_a_replay_refuses_what_no_gate_could_judge() -> None:
    with pytest.raises(ValueError, match="at least one round to replay, got none"):
        replay(GATE, [], [])
    with pytest.raises(InvalidRounds, match="equally long"):
        replay(GATE, [1.0, 1.0], [1.0])
    with pytest.raises(InvalidRounds, match="round 0: parallel_s must be a finite number"):
        replay(GATE, [1.0], [0.0])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Independent(sd=-0.1), "sd must be a finite number from 0 on.*got -0.1"),
        (lambda: Autocorrelated(sd=0.1, correlation=1.0), "correlation must be above -1 and below 1.*got 1.0"),
        (lambda: Bursts(share=0.9, size=0.3), "share must be from 0 to 0.83.*got 0.9"),
        (lambda: Bursts(share=0.1, size=0.3, length=0.5), "length must be .* from 1 on.*got 0.5"),
        (lambda: Bursts(share=0.1, size=math.nan), "size must be a finite number.*got nan"),
        (lambda: Drift(kind="jump", size=0.1), "kind must be one of ramp, wave, walk, got 'jump'"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: Bias(size=math.inf), "size must be a finite number.*got inf"),
        (lambda: simulate(KINDS[0], true_speedup=0, rounds=1, runs=1, seed=1), "true_speedup must be .*got 0"),
        (lambda: simulate(KINDS[0], true_speedup=1, rounds=0, runs=1, seed=1), "rounds must be at least 1.*got 0"),
        (lambda: simulate(KINDS[0], true_speedup=1, rounds=1, runs=0, seed=1), "runs must be at least 1.*got 0"),
        (lambda: replay(GATE, [1.0], [1.0], scale=0), "scale must be .*got 0"),
        (lambda: rate_at_most(3, runs=2), "count must be from 0 to the number of runs, 2, got 3"),
        (lambda: rate_at_most(0, runs=0), "runs must be at least 1.*got 0"),
        (lambda: rate_at_most(0, runs=1, confidence=1.0), "confidence must be above 0 and below 1.*got 1.0"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_wanted(made: object, message: str) -> None:
    assert callable(made)
    with pytest.raises(ValueError, match=message):
        made()
