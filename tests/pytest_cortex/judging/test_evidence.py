"""What the sign test promises, checked by counting coin sequences and by laws that need no reference."""

import itertools
import math
import pickle
from collections.abc import Callable, Iterable
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_cortex.judging.evidence import (
    RESERVE,
    Decision,
    Evidence,
    InvalidRounds,
    boundary,
    forgiving_horizon,
    paired_ratio,
    smallest_horizon,
)

MIRROR = {
    Decision.BELOW: Decision.NOT_BELOW,
    Decision.NOT_BELOW: Decision.BELOW,
    Decision.UNDECIDED: Decision.UNDECIDED,
}

seconds = st.floats(min_value=0.25, max_value=4.0)
rounds = st.lists(st.tuples(seconds, seconds), max_size=80)
# Runs of equal sign are what decides; independent draws hardly ever make one that is long enough.
streaky_ratios = st.lists(
    st.tuples(st.floats(min_value=0.5, max_value=2.0), st.integers(min_value=1, max_value=25)), max_size=8
).map(lambda runs: [ratio for ratio, length in runs for _ in range(length)])

# Runs with noise in them, for constant ones leave the running total nothing to wander about.
noisy_streaks = st.tuples(streaky_ratios, st.lists(st.floats(0.9, 1.1), min_size=60, max_size=60)).map(
    lambda drawn: [ratio * noise for ratio, noise in zip(*drawn, strict=False)]
)


def fold(pairs: Iterable[tuple[float, float]], *, threshold: float = 1.0, horizon: int = 60) -> Evidence:
    evidence = Evidence(threshold=threshold, alpha=0.001, horizon=horizon)
    for sequential_s, parallel_s in pairs:
        evidence.update(sequential_s=sequential_s, parallel_s=parallel_s)
    return evidence


def first_crossing(signs: Iterable[int], counts: tuple[int | None, ...]) -> int:
    """Returns 1 or -1 for the side that a sequence of 0 and 1 reaches first, 0 for neither."""
    ones = 0
    for n, (sign, needed) in enumerate(zip(signs, counts, strict=True), start=1):
        ones += sign
        if needed is not None and max(ones, n - ones) >= needed:
            return 1 if ones >= needed else -1
    return 0


def crossing_chances(counts: tuple[int | None, ...], p: Fraction) -> tuple[Fraction, Fraction]:
    """Returns the chances of reaching *counts* with ones and with zeros, exactly, *p* being that of a one."""
    alive, up, down = [Fraction(1)], Fraction(0), Fraction(0)
    for n, needed in enumerate(counts, start=1):
        padded = [Fraction(0), *alive, Fraction(0)]
        alive = [padded[ones + 1] * (1 - p) + padded[ones] * p for ones in range(n + 1)]
        if needed is not None:
            up, down = up + sum(alive[needed:]), down + sum(alive[: n - needed + 1])
            alive = [mass if n - needed < ones < needed else Fraction(0) for ones, mass in enumerate(alive)]
    return up, down


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("horizon", [1, 3, 7, 10, 13])
def test_boundary_when_every_coin_sequence_is_tried(horizon: int, alpha: float) -> None:
    """Of all 2**horizon sequences, at most the share alpha ever decides for either side, equally many for both."""
    sides = [first_crossing(signs, boundary(horizon, alpha)) for signs in itertools.product((0, 1), repeat=horizon)]
    assert sides.count(1) == sides.count(-1) <= alpha * 2**horizon


@pytest.mark.parametrize("alpha", [0.0001, 0.001, 0.01])
@pytest.mark.parametrize("horizon", [10, 12, 15, 24, 37, 60, 90])
def test_boundary_when_calculated_in_fractions(horizon: int, alpha: float) -> None:
    up, down = crossing_chances(boundary(horizon, alpha), Fraction(1, 2))
    assert up == down <= Fraction(alpha)


@pytest.mark.parametrize(("horizon", "used"), [(30, 0.75), (60, 0.77), (90, 0.76)])
def test_boundary_uses_nearly_all_of_alpha_but_the_reserve(horizon: int, used: float) -> None:
    up, _ = crossing_chances(boundary(horizon, 0.001), Fraction(1, 2))
    assert Fraction(used) * Fraction(0.001) <= up <= Fraction(1 - RESERVE) * Fraction(0.001)


@pytest.mark.parametrize("horizon", range(17, 91))
def test_boundary_gives_the_earliest_verdict_after_a_dozen_rounds(horizon: int) -> None:
    counts = boundary(horizon, 0.001)
    assert counts[:12] == (None,) * 11 + (12,)


@given(horizon=st.integers(1, 120), alpha=st.floats(1e-6, 0.49))
def test_boundary_asks_for_a_majority_and_never_for_less_later(horizon: int, alpha: float) -> None:
    counts = boundary(horizon, alpha)
    possible = [(n, count) for n, count in enumerate(counts, start=1) if count is not None]
    assert len(counts) == horizon
    assert all(n / 2 < count <= n for n, count in possible)
    assert all(later >= earlier for (_, earlier), (_, later) in itertools.pairwise(possible))


@given(alpha=st.floats(1e-12, 0.49))
def test_smallest_horizon_is_the_first_at_which_anything_decides(alpha: float) -> None:
    least = smallest_horizon(alpha)
    assert boundary(least, alpha)[-1] == least
    assert least == 1 or set(boundary(least - 1, alpha)) == {None}


def test_smallest_horizon_for_one_error_in_1000() -> None:
    assert smallest_horizon(0.001) == 11


def test_smallest_horizon_when_alpha_is_a_power_of_two() -> None:
    """A power of two itself would do, but for the reserve."""
    assert smallest_horizon(2**-10) == 11


def signs_survive(odd_round: int, horizon: int, alpha: float) -> bool:
    """True if all rounds but one of them, which points the other way, reach what decides."""
    counts = boundary(horizon, alpha)
    signs = [int(n != odd_round) for n in range(horizon)]
    return first_crossing(signs, counts) == 1


@given(alpha=st.floats(1e-9, 0.4))
def test_forgiving_horizon_is_the_first_that_no_odd_round_can_block(alpha: float) -> None:
    """The first round is the worst to be odd, as an odd one that comes late may come after the decision."""
    least = forgiving_horizon(alpha)
    assert all(signs_survive(odd, least, alpha) for odd in range(least))
    assert not any(signs_survive(0, horizon, alpha) for horizon in range(1, least))


def test_forgiving_horizon_for_one_error_in_1000() -> None:
    assert forgiving_horizon(0.001) == 16


def test_evidence_at_the_forgiving_horizon_decides_despite_an_odd_round() -> None:
    assert fold([(0.5, 1.0)] + [(2.0, 1.0)] * 15, horizon=16).decision is Decision.NOT_BELOW


@given(alpha=st.floats(1e-9, 0.2), stricter=st.floats(0.01, 1.0))
def test_no_horizon_is_too_short_for_any_verdict_and_a_smaller_alpha_takes_no_fewer_rounds(
    alpha: float, stricter: float
) -> None:
    """Of the forgiving horizon the latter would be false: it is 15 for alpha = 0.0019, and 14 for 0.0018."""
    assert forgiving_horizon(alpha) >= smallest_horizon(alpha)
    assert smallest_horizon(alpha * stricter) >= smallest_horizon(alpha)


def test_forgiving_horizon_decides_as_often_as_its_docstring_says() -> None:
    chances = {n: sum(crossing_chances(boundary(n, 0.001), Fraction(19, 20))) for n in range(11, 17)}
    assert {n: round(float(chance), 2) for n, chance in chances.items()} == {
        11: 0.57, 12: 0.57, 13: 0.57, 14: 0.57, 15: 0.57, 16: 0.82
    }  # fmt: skip


@pytest.mark.parametrize("horizon_for", [smallest_horizon, forgiving_horizon])
def test_horizon_when_alpha_is_no_error_rate(horizon_for: Callable[[float], int]) -> None:
    with pytest.raises(ValueError, match=r"alpha must lie between 0 and 0\.5, got 0\.5"):
        horizon_for(0.5)


@pytest.mark.parametrize("alpha", [0, -0.1, 0.5, 1, math.nan])
def test_boundary_when_alpha_is_no_error_rate(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha must lie between 0 and 0\.5"):
        boundary(60, alpha)


def test_boundary_when_there_is_no_round() -> None:
    with pytest.raises(ValueError, match="horizon must be at least 1 round, got 0"):
        boundary(0, 0.001)


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, math.inf])
def test_evidence_when_the_threshold_is_no_speedup(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must be a finite speedup above 0"):
        Evidence(threshold=threshold, alpha=0.001, horizon=60)


def test_evidence_when_all_rounds_are_below() -> None:
    evidence = fold([(1.0, 2.0)] * 12)
    assert (evidence.decision, evidence.rounds, evidence.below) == (Decision.BELOW, 12, 12)


def test_evidence_when_one_round_is_missing_to_the_earliest_verdict() -> None:
    evidence = fold([(1.0, 2.0)] * 11)
    assert (evidence.decision, evidence.settled) == (Decision.UNDECIDED, False)


def test_evidence_when_every_ratio_ties_with_the_threshold() -> None:
    """A program that hits the tested value exactly, every time, is not below it."""
    assert fold([(3.0, 1.0)] * 60, threshold=3.0).decision is Decision.NOT_BELOW


def test_evidence_when_a_tie_is_half_of_the_rounds() -> None:
    """The median is the threshold itself, so nothing may be called below it."""
    assert fold([(3.0, 1.0), (2.0, 1.0)] * 30, threshold=3.0).decision is not Decision.BELOW


def test_evidence_keeps_the_counted_ratios_only() -> None:
    assert fold([(2.0, 1.0)] * 20).ratios == (2.0,) * 12


def test_evidence_past_the_horizon_stays_undecided() -> None:
    evidence = fold([(2.0, 1.0), (1.0, 2.0)] * 10 + [(2.0, 1.0)] * 60, horizon=20)
    assert (evidence.decision, evidence.rounds, evidence.settled) == (Decision.UNDECIDED, 20, True)


def ramp(first: float, last: float, rounds: int) -> list[tuple[float, float]]:
    """Returns rounds whose log ratio moves from *first* to *last* in equal steps."""
    step = (last - first) / (rounds - 1)
    return [(math.exp(first + i * step), 1.0) for i in range(rounds)]


def test_evidence_when_rounds_drift_towards_the_threshold_is_held_back() -> None:
    """All 16 are below, where 12 would do; but going on like this, from the 20th round on all would be above."""
    evidence = fold(ramp(-0.1, -0.02, 16))
    assert (evidence.decision, evidence.below, evidence.held_back) == (Decision.UNDECIDED, 16, True)


def test_evidence_when_rounds_drift_far_from_the_threshold_is_not_held_back() -> None:
    evidence = fold(ramp(-0.4, -0.32, 16))
    assert (evidence.decision, evidence.rounds, evidence.held_back) == (Decision.BELOW, 12, False)


def test_evidence_when_signs_are_not_enough_is_not_held_back() -> None:
    assert not fold(ramp(-0.1, 0.1, 16)).held_back


def test_evidence_when_there_is_no_round_is_not_held_back() -> None:
    assert not fold([]).held_back


def test_evidence_is_held_back_only_until_the_rounds_lead_away() -> None:
    evidence = fold(ramp(-0.1, -0.02, 16) + [(math.exp(-0.06), 1.0)] * 30)
    assert (evidence.decision, evidence.rounds > 16, evidence.held_back) == (Decision.BELOW, True, False)


@given(ratios=noisy_streaks)
def test_evidence_never_decides_what_signs_alone_would_not(ratios: list[float]) -> None:
    """So holding decisions back cannot raise the error rate of independent rounds."""
    evidence = fold((ratio, 1.0) for ratio in ratios)
    needed = boundary(60, 0.001)[evidence.rounds - 1] if evidence.rounds else None
    majority = {Decision.BELOW: evidence.below, Decision.NOT_BELOW: evidence.rounds - evidence.below}
    assert evidence.decision is Decision.UNDECIDED or majority[evidence.decision] >= (needed or math.inf)


def test_update_returns_the_decision() -> None:
    evidence = fold([(2.0, 1.0)] * 11)
    assert evidence.update(sequential_s=2.0, parallel_s=1.0) is Decision.NOT_BELOW is evidence.decision


def test_update_after_the_decision_still_refuses_what_is_no_time() -> None:
    with pytest.raises(InvalidRounds):
        fold([(2.0, 1.0)] * 20).update(sequential_s=math.nan, parallel_s=1.0)


@given(ratios=streaky_ratios | noisy_streaks, more=rounds)
def test_evidence_once_decided_is_the_same_whatever_comes_later(
    ratios: list[float], more: list[tuple[float, float]]
) -> None:
    now = fold((ratio, 1.0) for ratio in ratios)
    assume(now.decision is not Decision.UNDECIDED)
    later = fold([*((ratio, 1.0) for ratio in ratios), *more])
    assert (later.decision, later.ratios, later.below) == (now.decision, now.ratios, now.below)


@given(ratios=streaky_ratios | noisy_streaks, threshold=st.floats(0.5, 2.0))
def test_evidence_when_the_arms_change_places(ratios: list[float], threshold: float) -> None:
    """Swapping the arms and inverting the threshold swaps the decision; ties aside, which count for one side."""
    assume(all(abs(ratio / threshold - 1) > 1e-9 for ratio in ratios))
    there = fold(((ratio, 1.0) for ratio in ratios), threshold=threshold)
    back = fold(((1.0, ratio) for ratio in ratios), threshold=1 / threshold)
    assert (back.decision, back.rounds) == (MIRROR[there.decision], there.rounds)


@given(pairs=rounds, exponent=st.integers(-20, 20))
def test_evidence_when_the_clock_ticks_in_another_unit(pairs: list[tuple[float, float]], exponent: int) -> None:
    """Seconds, milliseconds or ticks: only ratios count.  Powers of two, so that rounding plays no part."""
    scaled = [(a * 2.0**exponent, b * 2.0**exponent) for a, b in pairs]
    assert fold(scaled).ratios == fold(pairs).ratios


@given(ratios=streaky_ratios | noisy_streaks, faster=st.floats(1.0, 2.0))
def test_evidence_when_every_ratio_rises_is_never_worse(ratios: list[float], faster: float) -> None:
    order = [Decision.BELOW, Decision.UNDECIDED, Decision.NOT_BELOW]
    slow, fast = (fold((ratio * by, 1.0) for ratio in ratios) for by in (1.0, faster))
    assert order.index(fast.decision) >= order.index(slow.decision)


@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, -math.inf, None, "1.0", b"1", True, [1.0], 10**400])
def test_paired_ratio_when_a_time_is_no_time(bad: float) -> None:
    with pytest.raises(InvalidRounds, match="parallel_s must be a finite number of seconds above 0") as caught:
        paired_ratio(1.0, bad, index=7)
    assert caught.value.index == 7


def test_paired_ratio_when_no_float_can_hold_it() -> None:
    with pytest.raises(InvalidRounds, match="that a float can hold"):
        paired_ratio(1e300, 1e-300, index=0)


def test_invalid_rounds_names_the_round_and_the_value() -> None:
    with pytest.raises(InvalidRounds, match=r"^round 3: sequential_s must be .* above 0, got -2\.0$"):
        paired_ratio(-2.0, 1.0, index=3)


def test_invalid_rounds_survives_pickling() -> None:
    error = InvalidRounds("sequential_s must be above 0", 3, -2.0)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.index, copy.value) == (str(error), 3, -2.0)
