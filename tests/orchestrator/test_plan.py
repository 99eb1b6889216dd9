"""What a plan says about a graph before anything runs."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import CallError, Module, Operation, Phase, Plan, module, plan


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


@pytest.fixture
def diamond() -> Plan:
    return plan(Operation("diamond", [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")]))


def test_planning_runs_nothing() -> None:
    ran: list[str] = []
    plan(Operation("op", [module(id="a")(lambda _context: ran.append("a"))]))
    assert ran == []


def test_order_honours_dependencies_and_breaks_ties_by_phase_priority_and_declaration() -> None:
    modules = [
        node("second", phase=Phase.FEATURES),
        node("slow", priority=90),
        node("plain"),
        node("plain_too"),
        node("urgent", priority=1),
    ]
    assert plan(Operation("op", modules)).order == ("urgent", "plain", "plain_too", "slow", "second")


def test_groups_are_modules_of_equal_depth(diamond: Plan) -> None:
    assert diamond.groups == (("a",), ("b", "c"), ("d",))


def test_groups_do_not_reach_across_phases() -> None:
    modules = [node("early", phase=Phase.PREPARATION), node("late"), node("later", "early", "late")]
    assert plan(Operation("op", modules)).groups == (("early",), ("late",), ("later",))


def test_dependencies_name_what_is_directly_before(diamond: Plan) -> None:
    assert diamond.dependencies == {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def test_critical_path_is_the_longest_chain_in_time(diamond: Plan) -> None:
    assert diamond.critical_path({"a": 1, "b": 5, "c": 2, "d": 1}) == ("a", "b", "d")
    assert diamond.critical_path({"a": 1, "b": 2, "c": 5, "d": 1}) == ("a", "c", "d")


def test_critical_path_of_equals_goes_to_the_first(diamond: Plan) -> None:
    assert diamond.critical_path({}) == ("a",)
    assert diamond.critical_path(dict.fromkeys("abcd", 1.0)) == ("a", "b", "d")


def test_critical_path_adds_up_over_phases() -> None:
    modules = [node("p", phase=Phase.PREPARATION), node("q", phase=Phase.PREPARATION), node("r")]
    made = plan(Operation("op", modules))
    durations = {"p": 3.0, "q": 4.0, "r": 2.0}
    assert made.critical_path(durations) == ("q", "r")
    assert made.span_s(durations) == 6.0


def test_work_span_parallelism_and_bound(diamond: Plan) -> None:
    durations = {"a": 1.0, "b": 4.0, "c": 4.0, "d": 1.0}
    assert diamond.work_s(durations) == 10.0
    assert diamond.span_s(durations) == 6.0
    assert diamond.parallelism(durations) == pytest.approx(10 / 6)
    assert diamond.bound_s(durations, 1) == 10.0
    assert diamond.bound_s(durations, 2) == 6.0


def test_bound_needs_a_worker(diamond: Plan) -> None:
    with pytest.raises(CallError, match="workers must be at least 1, not 0"):
        diamond.bound_s({}, 0)


def test_numbers_of_an_empty_plan_are_zero() -> None:
    empty = plan(Operation("op", []))
    assert (empty.work_s({}), empty.span_s({}), empty.parallelism({}), empty.bound_s({}, 4)) == (0.0, 0.0, 0.0, 0.0)
    assert (len(empty), empty.width, empty.order, empty.groups, empty.critical_path({})) == (0, 0, (), (), ())


def test_width_of_chain_fan_and_diamond(diamond: Plan) -> None:
    chain = plan(Operation("chain", [node("a"), node("b", "a"), node("c", "b")]))
    fan = plan(Operation("fan", [node(name) for name in "abcde"]))
    assert (chain.width, fan.width, diamond.width) == (1, 5, 2)


def test_plan_tells_its_size(diamond: Plan) -> None:
    assert len(diamond) == 4
    assert repr(diamond) == "<Plan of diamond: 4 modules>"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(1, 8))
    phases = sorted(draw(st.lists(st.sampled_from(Phase), min_size=size, max_size=size)))
    modules = []
    for number in range(size):
        before = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        modules.append(node(f"m{number}", *(f"m{each}" for each in sorted(before)), phase=phases[number]))
    return plan(Operation("drawn", modules))


@given(plans(), st.lists(st.integers(0, 9), min_size=8, max_size=8), st.integers(1, 4))
def test_bound_lies_between_span_and_work(made: Plan, lengths: list[int], workers: int) -> None:
    durations = {f"m{number}": float(length) for number, length in enumerate(lengths)}
    assert made.span_s(durations) <= made.bound_s(durations, workers) <= made.work_s(durations)
    assert made.bound_s(durations, 1) == made.work_s(durations)


@given(plans())
def test_no_group_is_wider_than_the_width(made: Plan) -> None:
    assert max(map(len, made.groups)) <= made.width <= len(made)


@given(plans())
def test_groups_partition_the_order(made: Plan) -> None:
    assert tuple(name for group in made.groups for name in group) == made.order
    assert all(made.order.index(p) < made.order.index(name) for name, ps in made.dependencies.items() for p in ps)


# The schedule, played without threads ---------------------------------------------------------------------------------


@st.composite
def timed_plans(draw: st.DrawFn) -> tuple[Plan, dict[str, float]]:
    made = draw(plans())
    return made, {name: draw(st.floats(0.0, 9.0)) for name in made.order}


def test_timetable_says_when_and_where_each_module_runs(diamond: Plan) -> None:
    timetable = diamond.simulate({"a": 1.0, "b": 4.0, "c": 2.0, "d": 1.0}, 2)
    seen = {name: (slot.started_s, slot.finished_s, slot.worker) for name, slot in timetable.slots.items()}
    assert seen == {"a": (0.0, 1.0, 0), "b": (1.0, 5.0, 0), "c": (1.0, 3.0, 1), "d": (5.0, 6.0, 0)}
    assert (timetable.makespan_s, timetable.peak_concurrency) == (6.0, 2)


def test_timetable_starts_the_longest_remaining_path_first_as_the_runner_does() -> None:
    """The path is counted in modules: the runner does not know how long they take."""
    made = plan(Operation("op", [node("short"), node("head"), node("tail", "head")]))
    assert list(made.simulate(dict.fromkeys(made.order, 1.0), 1).slots) == ["head", "short", "tail"]


def test_timetable_of_nothing_is_empty() -> None:
    timetable = plan(Operation("op", [])).simulate({}, 4)
    assert (timetable.slots, timetable.makespan_s, timetable.peak_concurrency) == ({}, 0.0, 0)


def test_timetable_needs_a_worker(diamond: Plan) -> None:
    with pytest.raises(CallError, match="workers must be at least 1, not 0"):
        diamond.simulate({}, 0)


@given(timed_plans(), st.integers(1, 5))
def test_makespan_keeps_grahams_bounds(timed: tuple[Plan, dict[str, float]], workers: int) -> None:
    """Graham's bound holds within one phase; both of its sides add up over phases, so it holds for all of them."""
    made, durations = timed
    work_s, span_s = made.work_s(durations), made.span_s(durations)
    makespan_s = made.simulate(durations, workers).makespan_s
    assert made.bound_s(durations, workers) <= makespan_s * (1 + 1e-9)
    assert makespan_s <= (work_s + (workers - 1) * span_s) / workers * (1 + 1e-9)


@given(timed_plans())
def test_makespan_on_one_worker_is_the_work(timed: tuple[Plan, dict[str, float]]) -> None:
    made, durations = timed
    timetable = made.simulate(durations, 1)
    assert timetable.makespan_s == pytest.approx(made.work_s(durations))
    assert timetable.peak_concurrency == 1


@given(timed_plans(), st.integers(1, 5))
def test_timetable_honours_dependencies_and_phases(timed: tuple[Plan, dict[str, float]], workers: int) -> None:
    made, durations = timed
    slots = made.simulate(durations, workers).slots
    assert sorted(slots) == sorted(made.order)
    for name, slot in slots.items():
        assert slot.finished_s == slot.started_s + durations[name]
        earlier = {each for each in made.order if made.phases[each] < made.phases[name]}
        assert all(slots[each].finished_s <= slot.started_s for each in earlier.union(made.dependencies[name]))


@given(timed_plans(), st.integers(1, 5))
def test_worker_runs_one_module_at_a_time(timed: tuple[Plan, dict[str, float]], workers: int) -> None:
    made, durations = timed
    timetable = made.simulate(durations, workers)
    slots = timetable.slots.values()
    assert {slot.worker for slot in slots} <= set(range(workers))
    assert timetable.peak_concurrency <= min(workers, made.width)
    for one, other in combinations(slots, 2):
        apart = one.finished_s <= other.started_s or other.finished_s <= one.started_s
        assert apart or one.worker != other.worker
