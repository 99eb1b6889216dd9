"""Rounds: in random order, as many as there is time for, compared every time and never thrown away."""

import gc
import pickle
import random
import weakref
from collections.abc import Callable, Iterator
from itertools import islice
from operator import eq
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex import rounds as rounds_module
from pytest_cortex.evidence import MIN_HORIZON
from pytest_cortex.record import Arm, RoundRecord
from pytest_cortex.rounds import (
    MAX_HORIZON,
    WARM_UPS,
    ArmTooShort,
    Pair,
    ResultsDiffer,
    Rounds,
    Timed,
    steady_memory,
    timed,
)

Programs = Callable[..., dict[str, Callable[[], Any]]]


def rounds_of(
    programs: dict[str, Callable[[], Any]],
    *,
    seed: str = "seed",
    time_budget_s: float = 10.0,
    equal: Callable[[Any, Any], object] = eq,
) -> Rounds:
    pair = Pair(sequential=programs["sequential"], parallel=programs["parallel"], equal=equal, time_limit_s=60.0)
    return Rounds(pair, seed=seed, time_budget_s=time_budget_s)


# Order ----------------------------------------------------------------------------------------------------------------


def test_round_is_recorded_as_it_was(programs: Programs) -> None:
    rounds = rounds_of(programs(3.0, 1.5))
    list(rounds.stream())
    assert {(each.sequential_s, each.parallel_s) for each in rounds.records} == {(3.0, 1.5)}


def test_order_within_the_rounds_is_the_recorded_one(programs: Programs) -> None:
    calls: list[str] = []
    rounds = rounds_of(programs(0.1, 0.05, calls=calls))
    list(rounds.stream())
    assert calls[::2] == [each.first for each in rounds.records]
    assert sorted(calls) == ["parallel"] * len(rounds.records) + ["sequential"] * len(rounds.records)


def test_each_arm_comes_first_in_some_rounds(programs: Programs) -> None:
    rounds = rounds_of(programs(0.1, 0.05))
    assert {each.first for each in rounds.stream()} == set(Arm)


def order(programs: Programs, seed: str) -> list[Arm]:
    return [each.first for each in rounds_of(programs(0.1, 0.05), seed=seed).stream()]


def test_order_is_the_same_for_the_same_seed_and_another_for_another(programs: Programs) -> None:
    assert order(programs, "1 test 0") == order(programs, "1 test 0") != order(programs, "1 test 1")


def test_order_does_not_touch_the_random_numbers_of_the_user(programs: Programs) -> None:
    random.seed(1)
    before = random.getstate()
    list(rounds_of(programs(0.1, 0.05)).stream())
    assert random.getstate() == before


# How many -------------------------------------------------------------------------------------------------------------


def test_two_warm_ups_are_kept_and_not_counted(programs: Programs) -> None:
    rounds = rounds_of(programs([9.0, 9.0, 1.0], 1.0))
    first = next(rounds.stream())
    assert [each.warmup for each in rounds.records] == [True] * WARM_UPS + [False]
    assert rounds.counted == [first]
    assert (rounds.records[0].sequential_s, first.sequential_s) == (9.0, 1.0)


@pytest.mark.parametrize(
    ("sequential_s", "parallel_s", "horizon"),
    [(0.15, 0.05, 50), (0.2, 0.05, 40), (60.0, 15.0, MIN_HORIZON), (0.001, 0.001, MAX_HORIZON)],
)
def test_horizon_is_what_the_time_budget_has_room_for(
    programs: Programs, sequential_s: float, parallel_s: float, horizon: int
) -> None:
    assert rounds_of(programs(sequential_s, parallel_s), time_budget_s=10.0).horizon == horizon


@given(
    round_s=st.floats(1e-9, 1e6),
    budget_s=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
def test_horizon_lies_within_its_bounds_whatever_the_budget(round_s: float, budget_s: float) -> None:
    run = Timed(seconds=round_s, cpu_s=0.0, result=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds_module, "timed", lambda _program, _limit_s, _what: run)
        assert (
            MIN_HORIZON
            <= rounds_of({"sequential": int, "parallel": int}, time_budget_s=budget_s).horizon
            <= MAX_HORIZON
        )


def test_horizon_is_fixed_by_the_warm_ups_whatever_the_counted_rounds_take(programs: Programs) -> None:
    rounds = rounds_of(programs([0.1] * WARM_UPS + [100.0] * 60, 0.1), time_budget_s=10.0)
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
    assert len(list(rounds.stream())) == MAX_HORIZON
    assert len(list(rounds.stream())) == MAX_HORIZON == len(rounds.counted)


# CPU-bound or not -----------------------------------------------------------------------------------------------------


def test_it_is_unknown_before_the_first_round_whether_the_program_is_cpu_bound(programs: Programs) -> None:
    assert rounds_of(programs(1.0, 1.0)).cpu_bound is None


@pytest.mark.parametrize(("share", "expected"), [(0.0, False), (0.5, False), (0.51, True), (1.0, True)])
def test_program_is_cpu_bound_when_its_sequential_arm_spends_most_of_its_time_on_the_cpu(
    programs: Programs, share: float, expected: object
) -> None:
    rounds = rounds_of(programs(1.0, 0.5, cpu_share=share))
    assert rounds.horizon
    assert rounds.cpu_bound is expected


def test_program_is_cpu_bound_as_soon_as_one_round_has_shown_it(
    programs: Programs, advance: Callable[..., None]
) -> None:
    shares = iter([0.1, 0.9, 0.1])
    both = {**programs(1.0, 1.0), "sequential": lambda: advance(1.0, cpu_s=next(shares))}
    rounds = rounds_of(both)
    next(rounds.stream())
    assert rounds.cpu_bound is True


def test_cpu_time_of_the_parallel_arm_alone_does_not_make_a_program_cpu_bound(
    programs: Programs, advance: Callable[..., None]
) -> None:
    both = programs(1.0, 1.0)
    both["parallel"] = lambda: advance(1.0, cpu_s=4.0)
    rounds = rounds_of(both)
    assert rounds.horizon
    assert rounds.cpu_bound is False


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
    assert (caught.value.sequential, caught.value.parallel) == ("1", "2")
    assert len(rounds.records) == 4


def test_different_results_are_shown_but_not_at_any_length() -> None:
    with pytest.raises(ResultsDiffer) as caught:
        Pair(sequential=int, parallel=int, equal=eq, time_limit_s=1.0).check("a" * 1000, "b")
    message = str(caught.value)
    assert "a fast wrong answer is no speedup (equal= takes your own comparison)" in message
    assert f"sequential: '{'a' * 199}… (1002 characters), parallel: 'b'" in message


def test_what_is_compared_can_be_made_of_what_was_returned() -> None:
    pair = Pair(sequential=int, parallel=int, equal=eq, time_limit_s=1.0, compared=len)
    pair.check("abc", "xyz")
    with pytest.raises(ResultsDiffer, match="sequential: 3, parallel: 2"):
        pair.check("abc", "xy")


def test_arrays_need_a_comparison_of_their_own() -> None:
    pair = Pair(sequential=int, parallel=int, equal=eq, time_limit_s=1.0)
    with pytest.raises(TypeError, match=r"results of type ndarray, .*pass your own, e\.g\. equal=numpy\.array_equal"):
        pair.check(np.array([1, 2]), np.array([1, 2]))


def test_arrays_are_compared_by_the_comparison_given() -> None:
    pair = Pair(sequential=int, parallel=int, equal=np.array_equal, time_limit_s=1.0)
    pair.check(np.array([1, 2]), np.array([1, 2]))
    with pytest.raises(ResultsDiffer):
        pair.check(np.array([1, 2]), np.array([1, 3]))


@pytest.mark.parametrize("answer", [1, "yes", [0]])
def test_comparison_may_answer_with_anything_that_is_true_or_false(answer: object) -> None:
    Pair(sequential=int, parallel=int, equal=lambda _a, _b: answer, time_limit_s=1.0).check(1, 2)


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_error_of_an_arm_passes_and_leaves_no_round(programs: Programs, advance: Callable[..., None]) -> None:
    def fail() -> None:
        advance(0.1)
        raise LookupError("no data")

    rounds = rounds_of({**programs(0.1, 0.1), "parallel": fail})
    with pytest.raises(LookupError, match="no data"):
        list(rounds.stream())
    assert rounds.records == []


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
    with pytest.raises(ArmTooShort, match=rf"an arm took {elapsed_ns} ns by this clock, too short to time"):
        timed(lambda: advance(elapsed_ns / 1e9), 60.0)


@pytest.mark.parametrize("error", [ResultsDiffer("[1]", "[2]"), ArmTooShort(0)], ids=lambda error: type(error).__name__)
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


def test_memory_is_frozen_while_measuring_and_thawed_after() -> None:
    with steady_memory():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_memory_is_thawed_after_an_error() -> None:
    with pytest.raises(LookupError), steady_memory():
        raise LookupError
    assert gc.get_freeze_count() == 0


def test_records_are_frozen_rounds(programs: Programs) -> None:
    record = next(rounds_of(programs(2.0, 1.0), seed="1").stream())
    assert record == RoundRecord(sequential_s=2.0, parallel_s=1.0, first=record.first, warmup=False)
