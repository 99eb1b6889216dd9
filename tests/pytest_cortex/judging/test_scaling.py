"""Scaling: Amdahl's and Karp and Flatt's fractions come back out of the times that were made with them."""

import itertools
import math
import pickle
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cortex.judging.estimate import Estimate
from pytest_cortex.judging.scaling import InvalidScaling, Scaling, ScalingPoint, scaling, speedup_for

fractions = st.floats(min_value=0.0, max_value=1.0)
times = st.floats(min_value=0.01, max_value=100.0)


def by_law(share: Callable[[int], float], counts: Sequence[int] = (1, 2, 4, 8), rounds: int = 7) -> Scaling:
    """Returns the scaling of rounds without noise; *share* is the time left on P workers, as a share of one's."""
    return scaling({count: [3.0 * share(count)] * rounds for count in counts})


def amdahl(fraction: float) -> Callable[[int], float]:
    return lambda workers: fraction + (1 - fraction) / workers


def karp_flatt_of(point: ScalingPoint) -> float | None:
    return None if point.karp_flatt is None else point.karp_flatt.fraction


@settings(max_examples=40)
@given(fraction=fractions)
def test_both_fractions_when_times_follow_amdahl_are_his(fraction: float) -> None:
    measured = by_law(amdahl(fraction))
    assert measured.amdahl.fraction == pytest.approx(fraction, abs=1e-9)
    assert [karp_flatt_of(point) for point in measured.points[1:]] == pytest.approx([fraction] * 3, abs=1e-9)


@settings(max_examples=40)
@given(rounds=st.lists(st.tuples(times, times), min_size=7, max_size=30), workers=st.integers(2, 64))
def test_fit_when_there_is_one_count_above_one_is_karp_flatt(rounds: list[tuple[float, float]], workers: int) -> None:
    """Two ways to the same number, with the same interval, whatever the noise."""
    measured = scaling({1: [a for a, _ in rounds], workers: [b for _, b in rounds]})
    karp_flatt, fit = measured.points[1].karp_flatt, measured.amdahl
    assert karp_flatt is not None
    for one, other in ((karp_flatt.low, fit.low), (karp_flatt.fraction, fit.fraction), (karp_flatt.high, fit.high)):
        assert one == pytest.approx(other, abs=1e-9, rel=1e-9)


@settings(max_examples=40)
@given(rounds=st.lists(st.tuples(times, times, times), min_size=7, max_size=20))
def test_fit_is_the_least_squares_solution(rounds: list[tuple[float, float, float]]) -> None:
    """With an odd number of equal rounds the median is that of any one: numpy's solution of it."""
    one, two, four = rounds[0]
    fit = scaling({1: [one] * 7, 2: [two] * 7, 4: [four] * 7}).amdahl.fraction
    slope, share = np.array([[0.5], [0.75]]), np.array([two / one - 0.5, four / one - 0.25])
    assert fit == pytest.approx(float(np.linalg.lstsq(slope, share)[0][0]), rel=1e-6, abs=1e-9)


@settings(max_examples=40)
@given(rounds=st.lists(st.tuples(times, times, times), min_size=1, max_size=20))
def test_intervals_are_ordered_around_their_medians(rounds: list[tuple[float, float, float]]) -> None:
    measured = scaling(dict(zip((1, 2, 4), map(list, zip(*rounds, strict=True)), strict=True)))
    for each in (measured.amdahl, *(point.karp_flatt for point in measured.points[1:])):
        assert each is not None
        assert each.fraction is not None
        assert (each.low is None) == (len(rounds) < 7) == (each.high is None)
        low, high = (-math.inf if each.low is None else each.low), (math.inf if each.high is None else each.high)
        assert low - 1e-9 <= each.fraction <= high + 1e-9


def test_interval_of_the_fit_covers_the_true_fraction() -> None:
    """95 % are promised; if they were kept only just, one seed in 10,000 would show so few of 500."""
    rng, covered = np.random.default_rng(7), 0
    for _ in range(500):
        seconds = {p: list(amdahl(0.1)(p) * np.exp(0.05 * rng.standard_normal(15))) for p in (1, 2, 4)}
        fit = scaling(seconds).amdahl
        assert fit.low is not None
        assert fit.high is not None
        covered += fit.low <= 0.1 <= fit.high
    assert covered / 500 > 0.95 - 3.72 * math.sqrt(0.95 * 0.05 / 500)


def test_point_has_speedup_and_efficiency_over_one_worker() -> None:
    first, _, last = by_law(amdahl(0.125), counts=(4, 1, 2)).points
    assert (first.workers, first.speedup.speedup, first.efficiency, first.karp_flatt) == (1, 1.0, 1.0, None)
    assert last.workers == 4
    assert last.speedup.speedup == pytest.approx(32 / 11)
    assert last.efficiency == pytest.approx(8 / 11)


def test_speedup_is_paired_within_rounds() -> None:
    """A machine that halves its speed from one round to the next changes no ratio."""
    slower = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    point = scaling({1: slower, 2: [each / 2 for each in slower]}).points[1]
    assert point.speedup == Estimate(speedup=2.0, low=2.0, high=2.0)


def test_prediction_when_times_follow_amdahl_goes_beyond_the_counts_measured() -> None:
    assert by_law(amdahl(0.125)).predicted(16) == pytest.approx(speedup_for(0.125, 16))


def test_prediction_when_faster_than_linear_may_have_no_finite_value() -> None:
    assert by_law(lambda workers: workers**-1.5).predicted(1000) == math.inf


def test_prediction_when_workers_are_below_one() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        by_law(amdahl(0.1)).predicted(0)


def test_scaling_when_there_are_no_rounds_knows_nothing() -> None:
    """All rounds may be spoilt: that is no error."""
    measured = scaling({1: [], 2: [], 4: []})
    assert measured.amdahl.fraction is measured.predicted(2) is measured.points[1].efficiency is None
    assert measured.summary == "no round counted, so the serial fraction is unknown"


# In words -------------------------------------------------------------------------------------------------------------


def test_summary_when_the_fraction_is_constant_says_a_serial_part() -> None:
    assert by_law(amdahl(0.125)).summary == (
        "the serial fraction is 12.5 % (12.5 % to 12.5 %), which allows a speedup of 8 at most, on any number of "
        "workers; by Karp and Flatt it goes from 12.5 % on 2 workers to 12.5 % on 8 workers, constant as far as these "
        "rounds tell: a serial part"
    )


def test_summary_when_the_fraction_grows_says_overhead() -> None:
    grown = by_law(lambda workers: 1 / workers + 0.02 * (workers - 1)).summary
    assert "it grows from 4.0 % on 2 workers to 16.0 % on 8 workers: overhead grows with the workers" in grown


def test_summary_when_the_fraction_falls_says_what_is_shared() -> None:
    fallen = by_law(lambda workers: 1 / workers + (0.05 if workers == 2 else 0)).summary
    assert "it falls from 10.0 % on 2 workers to 0.0 % on 8 workers" in fallen


def test_summary_when_faster_than_linear_says_so() -> None:
    summary = by_law(lambda workers: workers**-1.1).summary
    assert summary.startswith("the serial fraction is -")
    assert "below 0: faster than linear" in summary


def test_summary_when_nothing_is_serial_names_no_ceiling() -> None:
    summary = by_law(amdahl(0.0)).summary
    assert summary.startswith("the serial fraction is 0.0 % (0.0 % to 0.0 %); by")


def test_summary_when_there_is_one_count_above_one_asks_for_another() -> None:
    assert by_law(amdahl(0.1), counts=(1, 4)).summary.endswith(
        "; a third worker count would tell a serial part from overhead"
    )


def test_summary_when_rounds_are_too_few_says_so() -> None:
    assert by_law(amdahl(0.1), rounds=6).summary == (
        "the serial fraction is 10.0 %, which allows a speedup of 10 at most, on any number of workers; too few rounds "
        "to tell a serial part from overhead"
    )


@settings(max_examples=40)
@given(few=times, many=times)
def test_growth_when_there_is_no_noise_has_the_sign_of_the_difference(few: float, many: float) -> None:
    measured = scaling({1: [1.0] * 7, 2: [few] * 7, 8: [many] * 7})
    one, other = (karp_flatt_of(point) for point in measured.points[1:])
    assert measured.growth is not None
    assert measured.growth.speedup is not None
    assert one is not None
    assert other is not None
    if abs(other - one) > 1e-6:
        assert (measured.growth.speedup > 1) == (other > one)


# Gates ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(fraction=fractions, workers=st.integers(1, 1000))
def test_speedup_for_a_fraction_lies_between_one_and_the_workers(fraction: float, workers: int) -> None:
    assert 1 - 1e-9 <= speedup_for(fraction, workers) <= workers + 1e-9


@settings(max_examples=40)
@given(workers=st.integers(2, 64))
def test_speedup_for_a_fraction_is_undone_by_karp_flatt(workers: int) -> None:
    measured = by_law(lambda count: 1 / speedup_for(0.2, count), counts=(1, workers))
    assert karp_flatt_of(measured.points[1]) == pytest.approx(0.2)


@pytest.mark.parametrize("fraction", [-0.01, 1.01, math.nan])
def test_speedup_for_a_fraction_when_out_of_range(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"serial_fraction must be from 0 to 1, got .*; write 0.05 for 5 %"):
        speedup_for(fraction, 4)


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ({}, "worker counts must be whole numbers from 1 up, got []"),
        ({0: [1.0], 1: [1.0]}, "worker counts must be whole numbers from 1 up, got [0, 1]"),
        ({2: [1.0], 4: [1.0]}, "speedups are over one worker, so the worker count 1 is needed, got [2, 4]"),
        ({1: [1.0]}, "scaling takes two worker counts or more, e.g. 1 and 2, got [1]"),
        ({1: [1.0], 2: []}, "every worker count must have run once in every round, got {1: 1, 2: 0}"),
    ],
)
def test_scaling_when_the_counts_make_no_sense(seconds: dict[int, list[float]], message: str) -> None:
    with pytest.raises(InvalidScaling) as caught:
        scaling(seconds)
    assert str(caught.value) == message


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_scaling_when_a_time_is_none_names_its_round(seconds: float) -> None:
    with pytest.raises(InvalidScaling) as caught:
        scaling({1: [1.0, 1.0], 2: [1.0, seconds]})
    assert (caught.value.workers, caught.value.index) == (2, 1)
    assert str(caught.value).startswith("round 1 at workers=2: a time must be a finite number of seconds above 0, got ")


def test_error_survives_pickling() -> None:
    """An exception that does not, kills a process pool and hides its cause."""
    error = InvalidScaling("a problem", 0.0, 2, 1)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_points_are_ascending_whatever_the_order_given() -> None:
    for counts in itertools.permutations((1, 2, 8)):
        assert [point.workers for point in by_law(amdahl(0.1), counts=counts).points] == [1, 2, 8]
