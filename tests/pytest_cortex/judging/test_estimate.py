"""The numbers beside a verdict: the interval covers in spite of early stopping, the drop is one that is found."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_cortex.judging.estimate import Estimate, detectable_drop, estimate_speedup
from pytest_cortex.judging.evidence import Decision, Evidence, boundary

ratio_lists = st.lists(st.floats(min_value=0.1, max_value=10.0), min_size=1, max_size=90)


def decision_of(ratios: list[float]) -> Decision:
    evidence = Evidence(threshold=1.0, alpha=0.001, horizon=60)
    for ratio in ratios:
        evidence.update(sequential_s=ratio, parallel_s=1.0)
    return evidence.decision


def ranks_of_interval(n: int) -> tuple[int, int] | None:
    """Returns how many of n rounds may lie below the true median while the interval still covers it."""
    shown = estimate_speedup([float(i) for i in range(1, n + 1)])
    return None if shown.low is None or shown.high is None else (int(shown.low), int(shown.high) - 1)


def coverage_when_stopping(horizon: int, below_threshold: float) -> float:
    """Returns the exact chance that the interval, wherever the sign test stops, covers the true median.

    Only two counts matter, whatever the distribution: rounds below the threshold, which stop the test, and rounds
    below the true median, which decide about coverage.  A round is the former with probability *below_threshold*
    (at most one half: the other case is its mirror image), and then also the latter.
    """
    size = horizon + 2
    chance, covered = np.zeros((size, size)), 0.0
    chance[0, 0] = 1.0
    for n, needed in enumerate(boundary(horizon, 0.001), start=1):
        later = 0.5 * chance
        later[1:, 1:] += below_threshold * chance[:-1, :-1]
        later[:, 1:] += (0.5 - below_threshold) * chance[:, :-1]
        below = np.arange(size)
        stops = (below >= (needed or n + 1)) | (n - below >= (needed or n + 1)) | (n == horizon)
        if (ranks := ranks_of_interval(n)) is not None:
            covered += float(later[stops][:, ranks[0] : ranks[1] + 1].sum())
        later[stops & (below <= n)] = 0.0
        chance = later
    return covered


@pytest.mark.parametrize("horizon", [10, 15, 24, 41, 60, 90])
def test_interval_covers_when_measuring_stops_at_the_decision(horizon: int) -> None:
    """At least 95 %, wherever the true speedup lies relative to the threshold."""
    assert min(coverage_when_stopping(horizon, p) for p in np.linspace(0.0, 0.5, 26)) >= 0.95


def test_interval_covers_in_simulated_measurements() -> None:
    """The same by drawing: 4000 measurements, true speedups 0.8 to 1.3 times the threshold, bound at 1 in 10,000."""
    rng = np.random.default_rng(20)
    truths = rng.choice([0.8, 0.95, 0.99, 1.0, 1.01, 1.03, 1.1, 1.3], size=4000)
    covered = 0
    for truth in truths:
        evidence = Evidence(threshold=1.0, alpha=0.001, horizon=60)
        for ratio in truth * np.exp(0.05 * rng.standard_normal(60)):
            evidence.update(sequential_s=ratio, parallel_s=1.0)
        shown = estimate_speedup(evidence.ratios)
        assert shown.low is not None
        assert shown.high is not None
        covered += shown.low <= truth <= shown.high
    # If true coverage were 95 %, one seed in 10,000 would give so few.
    assert covered / 4000 > 0.95 - 3.72 * math.sqrt(0.95 * 0.05 / 4000)


def test_estimate_when_there_is_no_round() -> None:
    assert estimate_speedup([]) == Estimate(speedup=None, low=None, high=None)


@pytest.mark.parametrize("n", range(1, 7))
def test_estimate_when_rounds_are_too_few_for_an_interval(n: int) -> None:
    assert estimate_speedup([2.0] * n) == Estimate(speedup=2.0, low=None, high=None)


def test_estimate_when_seven_rounds_allow_the_first_interval() -> None:
    assert estimate_speedup([4, 1, 7, 3, 5, 2, 6]) == Estimate(speedup=4, low=1, high=7)


def test_estimate_when_the_number_of_rounds_is_even_takes_the_middle_of_the_logs() -> None:
    assert estimate_speedup([1.0, 2.0, 8.0, 9.0]).speedup == pytest.approx(4.0)


def test_estimate_when_ratios_are_constant_is_that_ratio() -> None:
    assert estimate_speedup([0.1] * 12) == Estimate(speedup=0.1, low=0.1, high=0.1)


@given(ratios=ratio_lists)
def test_estimate_is_the_median_of_the_logs_and_lies_in_its_interval(ratios: list[float]) -> None:
    shown = estimate_speedup(ratios)
    assert shown.speedup == pytest.approx(math.exp(statistics.median(map(math.log, ratios))))
    assert shown.speedup is not None
    assert (shown.low or 0.0) <= shown.speedup <= (shown.high or math.inf)


@given(ratios=ratio_lists)
def test_estimate_when_the_arms_change_places_is_its_inverse(ratios: list[float]) -> None:
    there, back = estimate_speedup(ratios), estimate_speedup([1 / ratio for ratio in ratios])
    assert back.speedup == pytest.approx(1 / (there.speedup or math.nan))
    assert (back.low, back.high) == (there.high and 1 / there.high, there.low and 1 / there.low)


def test_detectable_drop_when_rounds_are_too_few_to_fail() -> None:
    assert detectable_drop([1.0] * 11, threshold=1.0, alpha=0.001, horizon=60) is None


def test_detectable_drop_when_there_is_no_round() -> None:
    assert detectable_drop([], threshold=1.0, alpha=0.001, horizon=60) is None


def test_detectable_drop_when_ratios_are_constant_is_their_distance_to_the_threshold() -> None:
    assert detectable_drop([1.25] * 12, threshold=1.0, alpha=0.001, horizon=60) == pytest.approx(0.2)


def test_detectable_drop_when_the_ratios_fail_as_they_are() -> None:
    assert detectable_drop([0.9] * 12, threshold=1.0, alpha=0.001, horizon=60) == 0.0


@given(ratios=st.lists(st.floats(0.5, 2.0), min_size=12, max_size=60))
@example(ratios=[1.1, 0.9] * 30)
def test_detectable_drop_is_where_the_gate_begins_to_fail(ratios: list[float]) -> None:
    assume(decision_of(ratios) is Decision.UNDECIDED)
    drop = detectable_drop(ratios, threshold=1.0, alpha=0.001, horizon=60)
    assert drop is not None
    little_more, little_less = (1 - drop) * (1 - 1e-9), (1 - drop) * (1 + 1e-9)
    assert decision_of([ratio * little_more for ratio in ratios]) is Decision.BELOW
    assert decision_of([ratio * little_less for ratio in ratios]) is not Decision.BELOW


@given(ratios=st.lists(st.floats(0.5, 2.0), min_size=13, max_size=60))
def test_detectable_drop_never_grows_with_more_rounds(ratios: list[float]) -> None:
    drops = [detectable_drop(ratios[:n], threshold=1.0, alpha=0.001, horizon=60) for n in range(12, len(ratios) + 1)]
    assert all(
        later is not None and earlier is not None and later <= earlier for earlier, later in itertools.pairwise(drops)
    )
