"""Rounds: in random order, as many as there is time for, compared every time and never thrown away."""

import gc
import itertools
import math
import pickle
import random
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import eq
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.measuring import rounds as rounds_module
from pytest_cortex.measuring.arms import Arms, ResultsDiffer
from pytest_cortex.measuring.machine import cpu_clock_step_s
from pytest_cortex.measuring.rounds import (
    WARM_UPS,
    ArmTooShort,
    Budget,
    Medians,
    PairedRounds,
    Progress,
    Round,
    Rounds,
    Watch,
    steady_memory,
    timed,
    undisturbed,
)
from pytest_cortex.record import Arm, RoundRecord

Programs = Callable[..., dict[str, Callable[[], Any]]]

BUDGET = Budget(seconds=10.0, fewest=16, most=60)


def never(_seconds: float) -> None:
    raise AssertionError("nobody asked for a pause")


def arms_of(
    programs: dict[str, Callable[[], Any]] | None = None,
    *,
    equal: Callable[[Any, Any], object] = eq,
    compared: Callable[[Any], object] = lambda result: result,
) -> Arms:
    both = {"sequential": int, "parallel": int}
    return Arms(programs=both if programs is None else programs, equal=equal, time_limit_s=60.0, compared=compared)


def both(program: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(Arm, program)


def rounds_of(
    programs: dict[str, Callable[[], Any]],
    *,
    seed: str = "seed",
    budget: Budget = BUDGET,
    equal: Callable[[Any, Any], object] = eq,
    watch: Watch = undisturbed,
    sleep: Callable[[float], None] | None = None,
) -> Rounds:
    return Rounds(arms_of(programs, equal=equal), seed=seed, budget=budget, watch=watch, sleep=sleep)


def paired(programs: dict[str, Callable[[], Any]], **options: Any) -> PairedRounds:
    return PairedRounds(rounds_of(programs, **options))


# Order ----------------------------------------------------------------------------------------------------------------


def test_round_is_recorded_as_it_was(programs: Programs) -> None:
    rounds = paired(programs(3.0, 1.5))
    list(rounds.stream())
    assert {(each.sequential_s, each.parallel_s) for each in rounds.records} == {(3.0, 1.5)}


def test_order_within_the_rounds_is_the_recorded_one(programs: Programs) -> None:
    calls: list[str] = []
    rounds = paired(programs(0.1, 0.05, calls=calls))
    list(rounds.stream())
    assert calls[::2] == [each.first for each in rounds.records]
    assert sorted(calls) == ["parallel"] * len(rounds.records) + ["sequential"] * len(rounds.records)


def test_each_arm_comes_first_in_some_rounds(programs: Programs) -> None:
    assert {each.first for each in paired(programs(0.1, 0.05)).stream()} == set(Arm)


def order(programs: Programs, seed: str) -> list[Arm]:
    return [each.first for each in paired(programs(0.1, 0.05), seed=seed).stream()]


def test_order_is_the_same_for_the_same_seed_and_another_for_another(programs: Programs) -> None:
    assert order(programs, "1 test 0") == order(programs, "1 test 0") != order(programs, "1 test 1")


def test_order_does_not_touch_the_random_numbers_of_the_user(programs: Programs) -> None:
    random.seed(1)
    before = random.getstate()
    list(rounds_of(programs(0.1, 0.05)).stream())
    assert random.getstate() == before


# How many -------------------------------------------------------------------------------------------------------------


def test_two_warm_ups_are_kept_and_not_counted(programs: Programs) -> None:
    rounds = paired(programs([9.0, 9.0, 1.0], 1.0))
    first = next(rounds.stream())
    assert [each.warmup for each in rounds.records] == [True] * WARM_UPS + [False]
    assert rounds.counted == [first]
    assert (rounds.records[0].sequential_s, first.sequential_s) == (9.0, 1.0)


@pytest.mark.parametrize(
    ("sequential_s", "parallel_s", "horizon"),
    [(0.15, 0.05, 50), (0.2, 0.05, 40), (60.0, 15.0, 16), (0.001, 0.001, 60)],
)
def test_horizon_is_what_the_budget_has_room_for(
    programs: Programs, sequential_s: float, parallel_s: float, horizon: int
) -> None:
    assert rounds_of(programs(sequential_s, parallel_s), budget=BUDGET).horizon == horizon


@given(
    seconds=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    round_s=st.floats(1e-9, 1e6),
    bounds=st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted),
)
def test_budget_is_kept_to_as_far_as_the_bounds_allow(seconds: float, round_s: float, bounds: list[int]) -> None:
    fewest, most = bounds
    horizon = Budget(seconds=seconds, fewest=fewest, most=most).horizon(round_s)
    assert fewest <= horizon <= most
    assert horizon == fewest or horizon * round_s <= seconds * (1 + 1e-9)
    assert horizon == most or (horizon + 1) * round_s >= seconds * (1 - 1e-9)


def test_horizon_is_fixed_by_the_warm_ups_whatever_the_counted_rounds_take(programs: Programs) -> None:
    rounds = rounds_of(programs([0.1] * WARM_UPS + [100.0] * 60, 0.1))
    assert rounds.horizon == 50
    assert len(list(rounds.stream())) == rounds.horizon == 50


def test_stream_makes_no_round_before_it_is_asked_for(programs: Programs) -> None:
    calls: list[str] = []
    rounds = rounds_of(programs(0.1, 0.1, calls=calls))
    stream = rounds.stream()
    assert calls == []
    list(islice(stream, 3))
    assert len(calls) == 2 * (WARM_UPS + 3)


def test_second_stream_begins_with_the_rounds_there_are(programs: Programs) -> None:
    rounds = rounds_of(programs([0.1, 0.2, 0.3, 0.4, 0.5], 0.1))
    first = list(islice(rounds.stream(), 3))
    second = list(islice(rounds.stream(), 5))
    assert second[:3] == first
    assert len(rounds.counted) == 5


def test_stream_ends_at_the_horizon_however_often_it_is_asked_for(programs: Programs) -> None:
    rounds = rounds_of(programs(0.01, 0.01))
    assert len(list(rounds.stream())) == 60
    assert len(list(rounds.stream())) == 60 == len(rounds.counted)


def test_round_takes_what_its_runs_take_together(programs: Programs) -> None:
    assert next(rounds_of(programs(3.0, 1.5)).stream()).seconds == 4.5


def test_rounds_keep_no_results(programs: Programs) -> None:
    """Sixty results may be more than the memory holds."""
    rounds = rounds_of(programs(0.1, 0.1, returns="large"))
    made = next(rounds.stream())
    assert {run.result for each in (made, *rounds.made) for run in each.runs.values()} == {None}


# More than two --------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(advance: Callable[..., None]) -> dict[str, Callable[[], Any]]:
    """Programs that take 6, 3 and 1 seconds."""
    return {name: partial(advance, seconds) for name, seconds in (("old", 6.0), ("new", 3.0), ("newest", 1.0))}


def test_every_arm_runs_once_per_round_in_each_possible_order(three: dict[str, Callable[[], Any]]) -> None:
    rounds = rounds_of(three, budget=replace(BUDGET, fewest=60))
    assert {tuple(made.runs) for made in rounds.stream()} == set(itertools.permutations(three))


def test_horizon_has_room_for_all_arms(three: dict[str, Callable[[], Any]]) -> None:
    assert rounds_of(three, budget=Budget(seconds=200.0, fewest=1, most=60)).horizon == 20


def test_rounds_are_shared_by_all_pairs_of_arms(three: dict[str, Callable[[], Any]]) -> None:
    rounds = rounds_of(three)
    new, newest = (PairedRounds(rounds, "old", name) for name in ("new", "newest"))
    assert len(list(new.stream())) == len(list(newest.stream())) == len(rounds.counted) == 16
    assert (set(new.ratios), set(newest.ratios)) == ({2.0}, {6.0})


def test_first_of_a_pair_is_told_apart_whatever_ran_before_or_between(three: dict[str, Callable[[], Any]]) -> None:
    rounds = rounds_of(three)
    for reference, other in itertools.permutations(three, 2):
        records = list(PairedRounds(rounds, reference, other).stream())
        ran = [[arm for arm in made.runs if arm in {reference, other}] for made in rounds.counted]
        assert [{"sequential": reference, "parallel": other}[each.first] for each in records] == [a for a, _ in ran]
        assert {each.first for each in records} == set(Arm)


def test_third_arm_that_returns_something_else_is_named_with_the_first() -> None:
    arms = arms_of({"old": int, "new": int, "newest": int})
    with pytest.raises(ResultsDiffer) as caught:
        arms.check({"old": 1, "new": 1, "newest": 2})
    assert caught.value.results == {"old": "1", "newest": "2"}


# Disturbances ---------------------------------------------------------------------------------------------------------


def saying(by_round: Iterable[str | None], *, runs: int = 2) -> Watch:
    """Makes a watch that says the same of each of a round's *runs*, and nothing of the warm-ups."""
    said = (each for each in itertools.chain([None] * WARM_UPS, by_round) for _ in range(runs))
    return lambda: lambda _seconds: next(said)


def test_every_run_is_watched_from_before_it_starts_and_its_seconds_are_told(programs: Programs) -> None:
    events: list[object] = []

    def watch() -> Callable[[float], None]:
        events.append("watch")
        return events.append

    rounds = rounds_of(programs(3.0, 1.5, calls=events), watch=watch)
    made = next(rounds.stream())
    run = [("watch", arm, run.seconds) for arm, run in made.runs.items()]
    assert events[-6:] == [event for events_of_run in run for event in events_of_run]
    assert len(events) == 6 * (WARM_UPS + 1)


@pytest.mark.parametrize("spoilt_run", [0, 1])
def test_one_disturbed_run_spoils_its_round(programs: Programs, spoilt_run: int) -> None:
    said = iter([None] * 2 * WARM_UPS + [("steal", None)[spoilt_run], (None, "steal")[spoilt_run]] + [None] * 2)
    rounds = rounds_of(programs(0.1, 0.1), watch=lambda: lambda _seconds: next(said))
    counted = next(rounds.stream())
    assert [each.spoilt for each in rounds.made] == [*[None] * WARM_UPS, "steal", None]
    assert [run.disturbance for run in rounds.made[WARM_UPS].runs.values()].index("steal") == spoilt_run
    assert rounds.counted == [counted]


def test_round_with_two_disturbances_tells_the_one_that_came_first(programs: Programs) -> None:
    said = iter([*[None] * 2 * WARM_UPS, "first", "second", None, None])
    rounds = rounds_of(programs(0.1, 0.1), watch=lambda: lambda _seconds: next(said))
    next(rounds.stream())
    assert rounds.spoilt == ["first"]


def test_disturbed_warm_ups_are_noted_and_no_loss(programs: Programs) -> None:
    said = iter([*["steal"] * 2 * WARM_UPS, None, None])
    rounds = rounds_of(programs(0.1, 0.1), watch=lambda: lambda _seconds: next(said))
    next(rounds.stream())
    assert [each.spoilt for each in rounds.made] == [*["steal"] * WARM_UPS, None]
    assert rounds.spoilt == []


@pytest.mark.parametrize("spoilt", [None, "steal"])
@pytest.mark.parametrize("warmup", [False, True])
def test_round_counts_when_it_is_neither_a_warm_up_nor_spoilt(*, warmup: bool, spoilt: str | None) -> None:
    assert Round(runs={}, warmup=warmup, spoilt=spoilt).counts is ((warmup, spoilt) == (False, None))


def test_spoilt_rounds_are_recorded_and_give_no_ratio(programs: Programs) -> None:
    rounds = paired(programs([9.0, 3.0], 1.0), watch=saying(itertools.cycle(["steal", None])))
    streamed = list(islice(rounds.stream(), 4))
    assert rounds.ratios == [3.0] * 4
    assert rounds.counted == streamed
    assert [each.spoilt for each in rounds.records] == [*[None] * WARM_UPS, *["steal", None] * 4]


def test_spoilt_rounds_are_made_up_for(programs: Programs) -> None:
    """One in four is lost, and still as many count as the horizon has."""
    disturbed = saying(itertools.cycle(["steal", None, None, None]))
    rounds = rounds_of(programs(1.0, 1.0), watch=disturbed)
    assert len(list(rounds.stream())) == rounds.horizon == 16
    assert len(rounds.spoilt) == 6


def test_results_of_a_spoilt_round_are_compared_all_the_same(advance: Callable[..., None]) -> None:
    both = {"sequential": answers(advance, 1, 1, 1), "parallel": answers(advance, 1, 1, 2)}
    with pytest.raises(ResultsDiffer):
        next(rounds_of(both, watch=saying(["steal"])).stream())


def test_measuring_ends_after_the_fewest_rounds_when_all_are_spoilt_and_they_were_long(programs: Programs) -> None:
    rounds = rounds_of(programs(0.3, 0.1), watch=saying(itertools.repeat("steal")))
    assert list(rounds.stream()) == []
    assert len(rounds.spoilt) == BUDGET.fewest < rounds.horizon


@pytest.mark.parametrize("round_s", [0.04, 0.08])
def test_machine_that_stays_busy_is_given_up_as_soon_as_half_of_the_time_budget_is_spent(
    programs: Programs, round_s: float
) -> None:
    """On rounds and the pauses between them: the rounds alone would leave hope."""
    slept: list[float] = []
    busy = saying(itertools.repeat("steal"))
    rounds = rounds_of(programs(round_s / 2, round_s / 2), watch=busy, sleep=slept.append)
    assert list(rounds.stream()) == []
    measured_s = sum(made.seconds for made in rounds.made)
    assert measured_s < BUDGET.seconds / 2 <= measured_s + sum(slept)
    assert measured_s + sum(slept) - rounds.made[-1].seconds - slept[-1] < BUDGET.seconds / 2
    assert len(rounds.spoilt) > BUDGET.fewest


def test_burst_that_passes_is_outlasted(programs: Programs) -> None:
    """It spoils all of the fewest rounds and more, within less than half of the time budget."""
    rounds = rounds_of(programs(0.03, 0.01), watch=saying([*["steal"] * 24, *[None] * 60]))
    assert len(list(rounds.stream())) == rounds.horizon == 60
    assert len(rounds.spoilt) == 24 > BUDGET.fewest


def test_measuring_ends_as_soon_as_hardly_any_round_is_clean(programs: Programs) -> None:
    """Of the first 26 rounds 22 are spoilt, which still leaves hope, and then one more."""
    said = [*[None] * 4, *["steal"] * 22, "steal", None]
    rounds = rounds_of(programs(0.1, 0.1), watch=saying(said))
    assert len(list(rounds.stream())) == 4
    assert len(rounds.spoilt) == 23


def test_measuring_ends_after_half_as_many_rounds_again_as_the_horizon_has(programs: Programs) -> None:
    rounds = rounds_of(programs(0.1, 0.1), watch=saying(itertools.cycle(["steal", None])))
    assert rounds.horizon == 50
    assert len(list(rounds.stream())) == 37
    assert len(rounds.made) == WARM_UPS + 75


def test_further_rounds_are_made_as_long_as_the_time_budget_lasts(programs: Programs) -> None:
    """Two of three rounds are spoilt, and time is left for all that may count: 60, after three times as many."""
    rounds = rounds_of(
        programs(0.02, 0.01), watch=saying(itertools.cycle(["steal", None, None, "steal", "steal", None]))
    )
    assert rounds.horizon == 60
    assert len(list(rounds.stream())) == 60
    assert len(rounds.made) > WARM_UPS + 1.5 * 60


def test_measuring_that_was_given_up_is_not_taken_up_again(programs: Programs) -> None:
    """A second gate sees the rounds that counted, and makes no more."""
    rounds = rounds_of(programs(0.5, 0.5), watch=saying([None, *["steal"] * 15]))
    first, made = list(rounds.stream()), len(rounds.made)
    assert list(rounds.stream()) == first != []
    assert len(rounds.made) == made


# Spacing --------------------------------------------------------------------------------------------------------------


def test_rounds_follow_at_once_until_they_are_to_be_spaced(programs: Programs) -> None:
    """``never`` is what would sleep here."""
    assert len(list(rounds_of(programs(1.0, 1.0), sleep=never).stream())) == 16


def pauses_among(programs: Programs, *said: str | None, warm_ups: str | None = None) -> list[object]:
    """Returns one entry per round, and one per pause between them, for rounds of which *said* is said."""
    events: list[Any] = []
    disturbances = itertools.chain([warm_ups] * 2 * WARM_UPS, (each for each in said for _ in range(2)))
    both = {**programs(0.1, 0.1), "parallel": programs(0.1, 0.1, calls=events)["parallel"]}
    rounds = rounds_of(
        both, watch=lambda: lambda _seconds: next(disturbances), sleep=lambda _seconds: events.append("pause")
    )
    list(islice(rounds.stream(), said.count(None)))
    return ["round" if event == "parallel" else event for event in events][WARM_UPS:]


def test_round_that_follows_a_spoilt_one_is_set_apart_from_it(programs: Programs) -> None:
    """What disturbed the one would disturb the next; rounds that follow calm ones need no pause."""
    assert pauses_among(programs, None, "steal", "steal", None, None) == [
        *("round", "round", "pause", "round", "pause", "round", "round")
    ]


def test_first_round_is_set_apart_from_warm_ups_that_were_disturbed(programs: Programs) -> None:
    assert pauses_among(programs, None, None, warm_ups="steal") == ["pause", "round", "round"]


def test_pauses_are_slept_by_the_clock_that_times_the_rounds(
    programs: Programs, advance: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up when the rounds are set up, so that a clock put in its place is the only one."""
    slept: list[float] = []
    monkeypatch.setattr("pytest_cortex.measuring.rounds.time.sleep", slept.append)
    rounds = Rounds(arms_of(programs(0.1, 0.1)), seed="seed", budget=BUDGET)
    rounds.spaced = True
    next(rounds.stream())
    assert len(slept) == 1


def pauses(programs: Programs, round_s: float) -> list[float]:
    """Returns how long 13 rounds were set apart, of which the first three were not to be spaced."""
    slept: list[float] = []
    rounds = rounds_of(programs(round_s / 2, round_s / 2), sleep=slept.append)
    stream = rounds.stream()
    list(islice(stream, 3))
    assert slept == []
    rounds.spaced = True
    list(islice(stream, 10))
    return slept


def test_spaced_rounds_are_set_apart_by_up_to_three_times_the_length_of_one(programs: Programs) -> None:
    slept = pauses(programs, 0.1)
    assert len(slept) == 10
    assert all(0 <= pause <= 0.3 for pause in slept)
    assert max(slept) > 0.2


def test_pauses_differ_so_that_rounds_fall_out_of_step(programs: Programs) -> None:
    """With what comes and goes on the machine; halves of the range are both hit by ten."""
    slept = pauses(programs, 0.1)
    assert len(set(slept)) == 10
    assert min(slept) < 0.15 < max(slept)


def test_long_rounds_are_set_apart_by_half_a_second_at_most(programs: Programs) -> None:
    slept = pauses(programs, 20.0)
    assert 0.25 < max(slept) <= 0.5


def test_pauses_are_the_same_for_the_same_seed(programs: Programs) -> None:
    assert pauses(programs, 0.1) == pauses(programs, 0.1)


# CPU-bound or not -----------------------------------------------------------------------------------------------------


def test_it_is_unknown_before_the_first_round_whether_the_program_is_cpu_bound(programs: Programs) -> None:
    assert paired(programs(1.0, 1.0)).cpu_bound is None


@pytest.mark.parametrize(("share", "expected"), [(0.0, False), (0.5, False), (0.51, True), (1.0, True)])
def test_program_is_cpu_bound_when_its_sequential_arm_spends_most_of_its_time_on_the_cpu(
    programs: Programs, share: float, expected: object
) -> None:
    rounds = paired(programs(1.0, 0.5, cpu_share=share))
    assert rounds.shared.horizon
    assert rounds.cpu_bound is expected


def test_program_is_cpu_bound_as_soon_as_one_round_has_shown_it(
    programs: Programs, advance: Callable[..., None]
) -> None:
    shares = iter([0.1, 0.9, 0.1])
    both = {**programs(1.0, 1.0), "sequential": lambda: advance(1.0, cpu_s=next(shares))}
    rounds = paired(both)
    next(rounds.stream())
    assert rounds.cpu_bound is True


@pytest.mark.parametrize(("ticks", "expected"), [([1, 0, 0, 0], False), ([0, 3, 0, 0], True), ([1, 1, 1, 0], True)])
def test_a_single_tick_of_a_coarse_clock_makes_no_program_cpu_bound(
    programs: Programs,
    advance: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    ticks: list[int],
    *,
    expected: bool,
) -> None:
    """Windows counts CPU time in ticks of 1/64 s: in a run of 20 ms, none or one, whatever the program does.

    Ticks that come again and again are no chance.
    """
    tick_s = cpu_clock_step_s("win32")
    monkeypatch.setattr(rounds_module, "_CPU_CLOCK_STEP_S", tick_s)
    seen = iter(ticks)
    both = {**programs(0.02, 0.02), "sequential": lambda: advance(0.02, cpu_s=tick_s * next(seen))}
    rounds = paired(both)
    stream = rounds.stream()
    for _ in ticks[WARM_UPS:]:
        next(stream)
    assert rounds.cpu_bound is expected


def test_cpu_time_of_the_parallel_arm_alone_does_not_make_a_program_cpu_bound(
    programs: Programs, advance: Callable[..., None]
) -> None:
    both = programs(1.0, 1.0)
    both["parallel"] = lambda: advance(1.0, cpu_s=4.0)
    rounds = paired(both)
    assert rounds.shared.horizon
    assert rounds.cpu_bound is False


def test_reference_of_the_pair_is_what_makes_it_cpu_bound(advance: Callable[..., None]) -> None:
    rounds = rounds_of({"busy": partial(advance, 1.0, cpu_s=1.0), "idle": partial(advance, 1.0)})
    assert rounds.horizon
    assert PairedRounds(rounds, "busy", "idle").cpu_bound is True
    assert PairedRounds(rounds, "idle", "busy").cpu_bound is False


def test_medians_are_those_of_all_rounds_by_arm_and_clock(advance: Callable[..., None]) -> None:
    sequential, parallel = iter([9.0, 4.0, 5.0]), iter([1.0, 3.0, 2.0])
    rounds = paired(
        {
            "sequential": lambda: advance(seconds := next(sequential), cpu_s=seconds / 2),
            "parallel": lambda: advance(seconds := next(parallel), cpu_s=seconds * 2),
        }
    )
    next(rounds.stream())
    assert rounds.medians == Medians(sequential_s=5.0, parallel_s=2.0, sequential_cpu_s=2.5, parallel_cpu_s=4.0)


# Results --------------------------------------------------------------------------------------------------------------


def test_results_are_compared_in_every_round(programs: Programs) -> None:
    seen: list[tuple[object, object]] = []

    def equal(sequential: object, parallel: object) -> bool:
        seen.append((sequential, parallel))
        return True

    rounds = rounds_of(programs(0.1, 0.1, returns=7), equal=equal)
    list(islice(rounds.stream(), 4))
    assert seen == [(7, 7)] * (WARM_UPS + 4)


def answers(advance: Callable[..., None], *values: object) -> Callable[[], object]:
    given_in_turn = iter(values)

    def program() -> object:
        advance(0.1)
        return next(given_in_turn)

    return program


def test_different_results_stop_the_measurement_in_the_round_they_come(advance: Callable[..., None]) -> None:
    both = {"sequential": answers(advance, *[1] * 9), "parallel": answers(advance, 1, 1, 1, 1, 2)}
    rounds = rounds_of(both)
    with pytest.raises(ResultsDiffer) as caught:
        list(rounds.stream())
    assert caught.value.results == {"sequential": "1", "parallel": "2"}
    assert len(rounds.made) == 4


def test_different_results_are_shown_but_not_at_any_length() -> None:
    with pytest.raises(ResultsDiffer) as caught:
        arms_of().check({"sequential": "a" * 1000, "parallel": "b"})
    message = str(caught.value)
    assert "a fast wrong answer is no speedup (equal= takes your own comparison)" in message
    assert f"sequential: '{'a' * 199}… (1002 characters), parallel: 'b'" in message


def test_what_is_compared_can_be_made_of_what_was_returned() -> None:
    arms = arms_of(compared=len)
    arms.check({"sequential": "abc", "parallel": "xyz"})
    with pytest.raises(ResultsDiffer, match="sequential: 3, parallel: 2"):
        arms.check({"sequential": "abc", "parallel": "xy"})


def test_arrays_need_a_comparison_of_their_own() -> None:
    with pytest.raises(TypeError, match=r"results of type ndarray, .*pass your own, e\.g\. equal=numpy\.array_equal"):
        arms_of().check({"sequential": np.array([1, 2]), "parallel": np.array([1, 2])})


def test_arrays_are_compared_by_the_comparison_given() -> None:
    arms = arms_of(equal=np.array_equal)
    arms.check({"sequential": np.array([1, 2]), "parallel": np.array([1, 2])})
    with pytest.raises(ResultsDiffer):
        arms.check({"sequential": np.array([1, 2]), "parallel": np.array([1, 3])})


@pytest.mark.parametrize("answer", [1, "yes", [0]])
def test_comparison_may_answer_with_anything_that_is_true(answer: object) -> None:
    arms_of(equal=lambda _a, _b: answer).check({"sequential": 1, "parallel": 2})


@pytest.mark.parametrize("answer", [0, "", []])
def test_comparison_may_answer_with_anything_that_is_false(answer: object) -> None:
    with pytest.raises(ResultsDiffer):
        arms_of(equal=lambda _a, _b: answer).check({"sequential": 1, "parallel": 1})


# Batches --------------------------------------------------------------------------------------------------------------


def test_runs_of_a_millisecond_are_timed_one_by_one(programs: Programs) -> None:
    calls: list[str] = []
    rounds = rounds_of(programs(0.004, 0.001, calls=calls))
    list(islice(rounds.stream(), 3))
    assert rounds.batch == 1
    assert len(calls) == 2 * (WARM_UPS + 3)


def test_shorter_runs_are_timed_together_as_many_of_each_arm(programs: Programs) -> None:
    """As many as take the shorter arm over a millisecond; the seconds are those of one."""
    calls: list[str] = []
    rounds = rounds_of(programs(0.0004, 0.0001, calls=calls))
    made = next(rounds.stream())
    assert rounds.batch == made.batch == 13
    assert calls[-26:].count("parallel") == calls[-26:].count("sequential") == 13
    assert (made.runs["sequential"].seconds, made.runs["parallel"].seconds) == pytest.approx((0.0004, 0.0001))
    assert made.seconds == pytest.approx(13 * 0.0005)
    assert rounds.horizon == 60


def test_runs_within_a_batch_follow_each_other(programs: Programs) -> None:
    calls: list[str] = []
    rounds = rounds_of(programs(0.0004, 0.0001, calls=calls))
    next(rounds.stream())
    assert sorted(arm for arm, _ in itertools.groupby(calls[-26:])) == ["parallel", "sequential"]


def test_batches_are_warmed_up_and_grow_until_they_are_long_enough(programs: Programs) -> None:
    """A run that is timed alone seems longer than it is: the first number is too small then."""
    cold = [*[0.0005] * WARM_UPS, *[0.0001] * 10_000]
    rounds = rounds_of(programs(cold, cold))
    next(rounds.stream())
    assert [made.batch for made in rounds.made] == [1, 1, 3, 13, 13]
    assert [made.warmup for made in rounds.made] == [True, True, True, True, False]


def test_arm_that_becomes_ever_shorter_is_not_chased_for_ever(advance: Callable[..., None]) -> None:
    seconds = (0.0005 / number for number in itertools.count(1))
    rounds = rounds_of(dict.fromkeys(Arm, lambda: advance(next(seconds))))
    assert rounds.horizon == 60
    batches = [made.batch for made in rounds.made]
    assert batches == sorted(batches)
    assert len(batches) == WARM_UPS + 5


def test_horizon_of_batches_is_what_they_take(programs: Programs) -> None:
    """Not what the warm-ups took that went before: the very first run may be a long one."""
    rounds = rounds_of(programs([1.0, *[0.0001] * 10_000], 0.0001))
    assert (rounds.horizon, rounds.batch) == (60, 13)


def test_batches_are_no_larger_than_the_time_for_all_rounds_allows(programs: Programs) -> None:
    """The other arm takes its time as well: sixty rounds in six seconds leave a tenth of one each."""
    rounds = rounds_of(programs(0.02, 0.00001), budget=Budget(seconds=6.0, fewest=16, most=60))
    assert rounds.horizon == 60
    assert rounds.batch == 4


def test_arm_that_is_much_longer_than_the_other_is_not_repeated(programs: Programs) -> None:
    rounds = rounds_of(programs(1.0, 0.00001), budget=Budget(seconds=math.inf, fewest=16, most=60))
    assert rounds.horizon == 60
    assert rounds.batch == 125
    assert rounds_of(programs(1.0, 0.00001), budget=BUDGET).horizon == 16


def test_batch_is_fixed_before_the_first_counted_round(programs: Programs) -> None:
    rounds = rounds_of(programs([*[0.0001] * 100, 0.00001], 0.0001))
    assert {made.batch for made in islice(rounds.stream(), 20)} == {13}


def test_ratio_of_batches_is_that_of_their_sums(programs: Programs) -> None:
    rounds = paired(programs(0.0003, [0.0001, 0.0002]))
    next(rounds.stream())
    batch, (ratio,) = rounds.shared.batch, rounds.ratios
    ran = {0.0001: batch - batch // 2, 0.0002: batch // 2}, {0.0001: batch // 2, 0.0002: batch - batch // 2}
    assert any(ratio == pytest.approx(0.0003 * batch / sum(s * n for s, n in each.items())) for each in ran)


def test_last_result_of_a_batch_is_compared(advance: Callable[..., None]) -> None:
    seen: list[tuple[object, object]] = []

    def equal(one: object, other: object) -> bool:
        seen.append((one, other))
        return True

    def counting() -> Callable[[], int]:
        numbers = itertools.count(1)

        def count() -> int:
            advance(0.0001)
            return next(numbers)

        return count

    rounds = rounds_of({"sequential": counting(), "parallel": counting()}, equal=equal)
    next(rounds.stream())
    assert seen == [(n, n) for n in (1, 2, 15, 28)]


@pytest.mark.parametrize("around", [{"setup": int}, {"teardown": lambda *_: None}])
def test_runs_that_are_set_up_or_torn_down_are_timed_one_by_one(
    advance: Callable[..., None], around: dict[str, Any]
) -> None:
    arms = replace(arms_of(both(lambda *_: advance(0.0005))), **around)
    rounds = Rounds(arms, seed="seed", budget=BUDGET)
    next(rounds.stream())
    assert rounds.batch == 1


def test_run_that_is_set_up_and_too_short_to_be_timed_alone_is_refused(advance: Callable[..., None]) -> None:
    """Its time would be mostly that of cold caches."""
    arms = replace(arms_of(both(lambda _: advance(0.00005))), setup=int)
    with pytest.raises(
        ArmTooShort, match=r"an arm took 50000 ns, too short to time alone, as every run is with setup= or"
    ):
        next(Rounds(arms, seed="seed", budget=BUDGET).stream())


# Around a run ---------------------------------------------------------------------------------------------------------


def test_set_up_and_tear_down_are_outside_the_clock_and_the_watch(advance: Callable[..., None]) -> None:
    events: list[str] = []

    def note(word: str) -> None:
        events.append(word)
        advance(5.0, cpu_s=5.0)

    def watch() -> Callable[[float], None]:
        events.append("watched")
        return lambda seconds: events.append(f"for {seconds:g} s")

    arms = replace(
        arms_of(both(lambda _: advance(1.0))),
        setup=lambda: note("set up"),
        teardown=lambda _: note("torn down"),
    )
    rounds = Rounds(arms, seed="seed", budget=BUDGET, watch=watch)
    made = next(rounds.stream())
    assert {(run.seconds, run.cpu_s) for run in made.runs.values()} == {(1.0, 0.0)}
    assert events[-8:] == ["set up", "watched", "for 1 s", "torn down"] * 2
    assert len(events) == 8 * (WARM_UPS + 1)


def test_threads_that_the_runs_leave_are_counted_by_arm(advance: Callable[..., None]) -> None:
    over = threading.Event()

    def leaving() -> None:
        threading.Thread(target=over.wait).start()
        advance(1.0)

    try:
        rounds = rounds_of({"sequential": partial(advance, 4.0), "parallel": leaving})
        list(islice(rounds.stream(), 3))
        rounds.leftovers._grace_s = 0.0
        assert [each.partition(" leaves")[0] for each in rounds.leftovers.complaints(["sequential", "parallel"])] == [
            "the parallel arm"
        ]
    finally:
        over.set()


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_error_of_an_arm_passes_and_leaves_no_round(programs: Programs, advance: Callable[..., None]) -> None:
    def fail() -> None:
        advance(0.1)
        raise LookupError("no data")

    rounds = rounds_of({**programs(0.1, 0.1), "parallel": fail})
    with pytest.raises(LookupError, match="no data"):
        list(rounds.stream())
    assert rounds.made == []


@pytest.mark.parametrize("arm", list(Arm))
def test_error_of_an_arm_says_which_arm_it_was(programs: Programs, advance: Callable[..., None], arm: Arm) -> None:
    def fail() -> None:
        advance(0.1)
        raise LookupError("no data")

    with pytest.raises(LookupError) as caught:
        list(rounds_of({**programs(0.1, 0.1), arm.value: fail}).stream())
    assert caught.value.__notes__ == [f"in the {arm} arm"]


@pytest.mark.parametrize("elapsed_ns", [0, -1])
def test_arm_is_too_short_when_the_clock_does_not_move(advance: Callable[..., None], elapsed_ns: int) -> None:
    with pytest.raises(ArmTooShort, match=rf"an arm took {elapsed_ns} ns, too short to time by this clock"):
        timed(lambda: advance(elapsed_ns / 1e9), 60.0)


@pytest.mark.parametrize(
    "error",
    [ResultsDiffer({"old": "[1]", "new": "[2]"}), ArmTooShort(0), ArmTooShort(9, alone=True)],
    ids=lambda error: type(error).__name__,
)
def test_error_survives_pickling(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


# Timing ---------------------------------------------------------------------------------------------------------------


def test_run_is_timed_on_both_clocks(advance: Callable[..., None]) -> None:
    def program() -> str:
        advance(2.5, cpu_s=1.25)
        return "result"

    run = timed(program, 60.0)
    assert (run.seconds, run.cpu_s, run.result) == (2.5, 1.25, "result")


class Node:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Keeps the collector from running by chance."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_garbage_is_collected_before_the_clock_starts(advance: Callable[..., None]) -> None:
    garbage = weakref.ref(Node())
    assert garbage() is not None

    def program() -> bool:
        advance(1.0)
        return garbage() is None

    assert timed(program, 60.0).result


@pytest.mark.usefixtures("uncollected")
def test_garbage_is_collected_before_anything_is_watched(advance: Callable[..., None]) -> None:
    """Collecting is this plugin's own doing, and must not look like a disturbance."""
    garbage = weakref.ref(Node())
    left: list[object] = []

    def watch() -> Callable[[float], None]:
        left.append(garbage())
        return lambda _seconds: None

    timed(lambda: advance(1.0), 60.0, watch=watch)
    assert left == [None]


def test_watching_takes_no_time_of_the_run(advance: Callable[..., None]) -> None:
    def watch() -> Callable[[float], str]:
        advance(5.0, cpu_s=5.0)

        def disturbed(seconds: float) -> str:
            advance(5.0, cpu_s=5.0)
            return f"something within {seconds} s"

        return disturbed

    run = timed(lambda: advance(1.0), 60.0, watch=watch)
    assert (run.seconds, run.cpu_s, run.disturbance) == (1.0, 0.0, "something within 1.0 s")


def test_memory_is_frozen_while_measuring_and_thawed_after() -> None:
    with steady_memory():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_memory_is_thawed_after_an_error() -> None:
    with pytest.raises(LookupError), steady_memory():
        raise LookupError
    assert gc.get_freeze_count() == 0


def test_records_are_frozen_rounds(programs: Programs) -> None:
    record = next(paired(programs(2.0, 1.0), seed="1").stream())
    assert record == RoundRecord(sequential_s=2.0, parallel_s=1.0, first=record.first, warmup=False, spoilt=None)


# Progress -------------------------------------------------------------------------------------------------------------


def told(both: dict[str, Callable[[], Any]], *, count: int, **options: Any) -> list[Progress | None]:
    """Returns what is told of the warm-ups and *count* rounds that count."""
    seen: list[Progress | None] = []
    rounds = Rounds(arms_of(both), seed="seed", budget=BUDGET, on_round=seen.append, **options)
    list(islice(rounds.stream(), count))
    rounds.rest()
    return seen


def test_every_round_is_told_and_then_that_none_is_to_come(programs: Programs) -> None:
    *rounds, rest = told(programs([0.4, 0.4, 0.4, 0.2], 0.1), count=2)
    seen = [each for each in rounds if each is not None]
    assert rest is None
    assert [(each.made, each.counted, each.horizon) for each in seen] == [(1, 0, 0), (2, 0, 0), (3, 1, 20), (4, 2, 20)]
    assert [each.spent_s for each in seen] == pytest.approx([0.5, 1.0, 1.5, 1.8])
    assert [each.left_s for each in seen] == pytest.approx([0.0, 0.0, 19 * 1.5 / 3, 18 * 1.8 / 4])
    assert [each.speedup for each in seen[:2]] == [None, None]
    assert [each.speedup for each in seen[2:]] == pytest.approx([4.0, 8**0.5])  # of 4 and 2, on the log scale


def test_spoilt_rounds_are_told_as_such(programs: Programs) -> None:
    seen = told(programs(0.1, 0.1), count=1, watch=saying(["steal", "steal", None]))
    assert [(each.made, each.counted, each.spoilt) for each in seen if each is not None] == [
        *((1, 0, 0), (2, 0, 0)),
        *((3, 0, 1), (4, 0, 2), (5, 1, 2)),
    ]


def test_speedup_of_several_arms_is_that_of_the_last_over_the_first(three: dict[str, Callable[[], Any]]) -> None:
    *_, last, _rest = told(three, count=1)
    assert last is not None
    assert last.speedup == pytest.approx(6.0)


def test_nobody_need_look(programs: Programs) -> None:
    rounds_of(programs(0.1, 0.1)).rest()


def test_what_is_told_comes_outside_the_clock(programs: Programs, advance: Callable[..., None]) -> None:
    rounds = Rounds(arms_of(programs(0.2, 0.1)), seed="seed", budget=BUDGET, on_round=lambda _progress: advance(5.0))
    assert next(rounds.stream()).seconds == pytest.approx(0.3)
