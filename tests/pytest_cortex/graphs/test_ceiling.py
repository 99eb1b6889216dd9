"""Ceilings: no schedule gets above them, and they say what keeps it there."""

import heapq
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Operation, Phase, Plan, module, plan
from pytest_cortex.graphs.ceiling import ceiling_by_durations, ceiling_by_shape

Dependencies = dict[str, list[str]]


def graph(dependencies: Dependencies, phases: dict[str, Phase] | None = None) -> Plan:
    modules = [
        module(id=name, depends_on=before, phase=(phases or {}).get(name, Phase.PROCESSING))(lambda context: None)
        for name, before in dependencies.items()
    ]
    return plan(Operation("any", modules))


CHAIN = graph({"a": [], "b": ["a"], "c": ["b"]})
FAN = graph({"a": [], "b": [], "c": []})
DIAMOND = graph({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})


# By shape -------------------------------------------------------------------------------------------------------------


def test_chain_allows_no_speedup_and_is_named() -> None:
    ceiling = ceiling_by_shape(CHAIN, 4)
    assert ceiling.speedup == 1.0
    assert ceiling.because == (
        "no more than 1 of its 3 modules can ever run at once, because of the dependencies a → b → c"
    )


def test_fan_allows_as_much_as_it_is_wide() -> None:
    ceiling = ceiling_by_shape(FAN, 4)
    assert (ceiling.speedup, ceiling.because) == (3.0, "no more than 3 of its 3 modules can ever run at once")


def test_wide_graph_allows_as_much_as_there_are_workers() -> None:
    ceiling = ceiling_by_shape(FAN, 3)
    assert (ceiling.speedup, ceiling.because) == (3.0, "3 workers")


def test_diamond_is_two_wide() -> None:
    assert ceiling_by_shape(DIAMOND, 4).speedup == 2.0


def test_phases_do_not_run_at_once() -> None:
    phases = {"a": Phase.PREPARATION, "b": Phase.PROCESSING, "c": Phase.VALIDATION}
    assert ceiling_by_shape(graph({"a": [], "b": [], "c": []}, phases), 4).speedup == 1.0


def test_long_chain_is_named_by_its_ends() -> None:
    names = [f"m{number}" for number in range(9)]
    chain: Dependencies = {name: names[place - 1 : place] if place else [] for place, name in enumerate(names)}
    assert "m0 → m1 → m2 → … 3 more … → m6 → m7 → m8" in ceiling_by_shape(graph(chain), 4).because


# By durations ---------------------------------------------------------------------------------------------------------


def test_critical_path_is_named_with_the_dependency_that_costs_most() -> None:
    durations = {"a": 1.0, "b": 2.0, "c": 3.0}
    ceiling = ceiling_by_durations(CHAIN, durations, 4)
    assert ceiling.speedup == 1.0
    assert ceiling.because == (
        "its critical path takes 6 s of 6 s of work: a → b → c; "
        "without the dependency of 'c' on 'b' it would allow 2.00"
    )


def test_shared_work_is_the_ceiling_where_no_chain_is_long() -> None:
    ceiling = ceiling_by_durations(FAN, dict.fromkeys("abc", 1.0), 2)
    assert (ceiling.speedup, ceiling.because) == (2.0, "2 workers share 3 s of work")


def test_longest_module_is_the_ceiling_of_a_fan() -> None:
    ceiling = ceiling_by_durations(FAN, {"a": 4.0, "b": 1.0, "c": 1.0}, 3)
    assert (ceiling.speedup, ceiling.because) == (1.5, "its critical path takes 4 s of 6 s of work: a")


def test_no_dependency_is_blamed_when_another_chain_is_as_long() -> None:
    two_chains = graph({"a": [], "b": ["a"], "x": [], "y": ["x"]})
    ceiling = ceiling_by_durations(two_chains, dict.fromkeys("abxy", 1.0), 4)
    assert (ceiling.speedup, ceiling.because) == (2.0, "its critical path takes 2 s of 4 s of work: a → b")


def test_gain_from_a_removed_dependency_is_limited_by_the_workers() -> None:
    ceiling = ceiling_by_durations(graph({"a": [], "b": ["a"], "x": []}), dict.fromkeys("abx", 1.0), 2)
    assert ceiling.speedup == 1.5
    assert ceiling.because.endswith("; without the dependency of 'b' on 'a' it would allow 2.00")


def test_phases_on_the_critical_path_are_not_taken_for_dependencies() -> None:
    phases = {"a": Phase.PREPARATION, "b": Phase.PROCESSING}
    ceiling = ceiling_by_durations(graph({"a": [], "b": []}, phases), {"a": 1.0, "b": 1.0}, 4)
    assert (ceiling.speedup, ceiling.because) == (1.0, "its critical path takes 2 s of 2 s of work: a → b")


def test_dependency_that_a_phase_would_enforce_anyway_is_not_blamed() -> None:
    two_phases = graph({"a": [], "b": ["a"]}, {"a": Phase.PREPARATION, "b": Phase.PROCESSING})
    assert "without the dependency" not in ceiling_by_durations(two_phases, {"a": 1.0, "b": 1.0}, 4).because


@pytest.mark.parametrize("durations", [{}, {"a": 0.0, "b": 0.0, "c": 0.0}])
def test_number_of_workers_is_the_ceiling_without_any_work(durations: dict[str, float]) -> None:
    ceiling = ceiling_by_durations(CHAIN, durations, 4)
    assert (ceiling.speedup, ceiling.because) == (4.0, "4 workers")


# No schedule gets above -----------------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Plan, dict[str, float], dict[str, Phase]]:
    names = [f"m{number}" for number in range(draw(st.integers(1, 9)))]
    dependencies = {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=3)) if place else []
        for place, name in enumerate(names)
    }
    stages = sorted(draw(st.lists(st.sampled_from(list(Phase)[:3]), min_size=len(names), max_size=len(names))))
    phases = dict(zip(names, stages, strict=True))
    durations = {name: draw(st.floats(0.0, 10.0)) for name in names}
    return graph(dependencies, phases), durations, phases


def greedy_makespan_s(
    operation: Plan, durations: dict[str, float], phases: dict[str, Phase], workers: int, wanted: list[str]
) -> float:
    """Starts whatever may start, in the order *wanted*, as long as there is a worker; an independent simulation."""
    waiting = {
        name: {*before, *(other for other in phases if phases[other] < phases[name])}
        for name, before in operation.dependencies.items()
    }
    running: list[tuple[float, int, str]] = []
    number, now_s = count(), 0.0
    while waiting or running:
        ready = sorted((name for name, before in waiting.items() if not before), key=wanted.index)
        for name in ready[: workers - len(running)]:
            del waiting[name]
            heapq.heappush(running, (now_s + durations[name], next(number), name))
        now_s, _, ended = heapq.heappop(running)
        for before in waiting.values():
            before.discard(ended)
    return now_s


@given(
    drawn=graphs().flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(sorted(drawn[1])))),
    workers=st.integers(1, 6),
)
def test_no_greedy_schedule_gets_above_the_ceilings(
    drawn: tuple[tuple[Plan, dict[str, float], dict[str, Phase]], list[str]], workers: int
) -> None:
    (operation, durations, phases), wanted = drawn
    makespan_s = greedy_makespan_s(operation, durations, phases, workers, wanted)
    work_s = sum(durations.values())
    by_durations = ceiling_by_durations(operation, durations, workers).speedup
    by_shape = ceiling_by_shape(operation, workers).speedup
    assert work_s <= makespan_s * by_durations * (1 + 1e-9)
    assert work_s <= makespan_s * by_shape * (1 + 1e-9)


@given(drawn=graphs(), workers=st.integers(1, 6))
def test_ceilings_lie_between_1_and_the_number_of_workers(
    drawn: tuple[Plan, dict[str, float], dict[str, Phase]], workers: int
) -> None:
    operation, durations, _phases = drawn
    for ceiling in (ceiling_by_shape(operation, workers), ceiling_by_durations(operation, durations, workers)):
        assert 1 - 1e-9 <= ceiling.speedup <= workers * (1 + 1e-9)
