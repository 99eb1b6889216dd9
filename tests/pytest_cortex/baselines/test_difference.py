"""Two runs of one program: what their rounds prove of each other, how often that is wrong, and what intervals say."""

import random
from collections import Counter
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_cortex.baselines.difference import Basis, Difference, Direction, Measured, difference
from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.judging.estimate import estimate_speedup

# The machine may be busy; how fast examples come is not what is tested.
patient = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def measured(ratios: tuple[float, ...], *, horizon: int = 60) -> Measured:
    estimate = estimate_speedup(ratios)
    entry = BaselineEntry(
        test="test_it.py::test_it",
        name="test_it",
        workers=4,
        horizon=horizon,
        ratios=ratios,
        speedup=median(ratios),
        speedup_low=estimate.low,
        speedup_high=estimate.high,
        sequential_s=3.0,
        parallel_s=1.0,
    )
    return Measured(speedup=median(ratios), low=estimate.low, high=estimate.high, entry=entry)


def drawn(source: random.Random, truth: float, *, sd: float, rounds: int = 12) -> Measured:
    return measured(tuple(truth * source.lognormvariate(0, sd) for _ in range(rounds)))


def interval(low: float, high: float) -> Measured:
    return Measured(speedup=(low + high) / 2, low=low, high=high)


def rates(first: float, second: float, *, sd: float, runs: int) -> Counter[Direction]:
    source = random.Random(1)  # noqa: S311 - noise, not a secret
    return Counter(difference(drawn(source, first, sd=sd), drawn(source, second, sd=sd)).direction for _ in range(runs))


def test_unchanged_program_is_called_neither() -> None:
    """Noise of 5 %, a dozen rounds each; that it is wrong in 0.2 % of comparisons at most is the sum of two proofs."""
    assert rates(3.0, 3.0, sd=0.05, runs=1000) == {Direction.UNPROVEN: 1000}


@pytest.mark.parametrize(("second", "direction"), [(2.4, Direction.SLOWER), (3.75, Direction.FASTER)])
def test_clear_difference_is_found_after_a_dozen_rounds(second: float, direction: Direction) -> None:
    found = rates(3.0, second, sd=0.03, runs=300)
    assert found[direction] >= 270
    assert found.keys() <= {direction, Direction.UNPROVEN}


ratio_tuples = st.lists(st.floats(0.5, 8.0), min_size=1, max_size=20).map(tuple)
OPPOSITE = {
    Direction.SLOWER: Direction.FASTER,
    Direction.FASTER: Direction.SLOWER,
    Direction.UNPROVEN: Direction.UNPROVEN,
}


@patient
@given(ratio_tuples, ratio_tuples)
def test_changing_places_turns_the_answer_round(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    there, back = difference(measured(first), measured(second)), difference(measured(second), measured(first))
    assert back.direction is OPPOSITE[there.direction]
    assert back.basis is there.basis
    assert back.ratio == pytest.approx(1 / there.ratio)


@patient
@given(ratio_tuples)
def test_run_is_never_different_from_itself(ratios: tuple[float, ...]) -> None:
    found = difference(measured(ratios), measured(ratios))
    assert (found.direction, found.ratio) == (Direction.UNPROVEN, 1.0)


def test_ratio_has_an_interval_from_both() -> None:
    assert difference(interval(2.0, 4.0), interval(3.0, 5.0)) == Difference(
        direction=Direction.UNPROVEN, basis=Basis.INTERVALS, ratio=4 / 3, low=3 / 4, high=5 / 2
    )


@pytest.mark.parametrize(
    ("second", "direction"),
    [
        ((1.0, 1.9), Direction.SLOWER),
        ((1.0, 2.0), Direction.UNPROVEN),
        ((4.0, 5.0), Direction.UNPROVEN),
        ((4.1, 5.0), Direction.FASTER),
    ],
)
def test_without_rounds_the_intervals_have_to_lie_apart(second: tuple[float, float], direction: Direction) -> None:
    found = difference(interval(2.0, 4.0), interval(*second))
    assert (found.direction, found.basis) == (direction, Basis.INTERVALS)


def test_with_too_few_rounds_the_intervals_have_to_lie_apart() -> None:
    """Eight rounds prove nothing at this error rate, and have an interval."""
    found = difference(measured((3.0,) * 8), measured((2.0,) * 30))
    assert (found.direction, found.basis) == (Direction.SLOWER, Basis.INTERVALS)


@pytest.mark.parametrize("other", [interval(1.0, 2.0), Measured(speedup=3.0, low=None, high=None)])
def test_without_an_interval_nothing_is_tested(other: Measured) -> None:
    found = difference(Measured(speedup=9.0, low=None, high=None), other)
    assert (found.direction, found.basis) == (Direction.UNPROVEN, Basis.NOTHING)
    assert (found.low, found.high) == (None, None)


def test_interval_from_nothing_up_has_no_quotient() -> None:
    assert difference(interval(0.0, 4.0), interval(1.0, 2.0)).high is None
