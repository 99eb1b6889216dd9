"""The schedule alone, driven by hand: every interleaving of small graphs, and the laws of greedy scheduling."""

import heapq
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Module, Operation, Phase, SkipReason, module
from orchestrator.graph import Graph, compile_operation
from orchestrator.schedule import Schedule


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


def graph_of(*modules: Module) -> Graph:
    return compile_operation(Operation("op", modules)).graph


def take_all(schedule: Schedule) -> list[int]:
    """Takes whatever is ready."""
    return list(iter(schedule.take, None))


# By hand --------------------------------------------------------------------------------------------------------------


def test_independent_nodes_are_ready_at_once_in_declaration_order() -> None:
    assert take_all(Schedule(graph_of(node("a"), node("b"), node("c")))) == [0, 1, 2]


def test_longest_remaining_path_goes_first() -> None:
    graph = graph_of(node("alone"), node("tail", "middle"), node("middle", "head"), node("head"))
    schedule = Schedule(graph)
    assert [graph.ids[each] for each in take_all(schedule)] == ["head", "alone"]


def test_priority_breaks_ties() -> None:
    graph = graph_of(node("late", priority=60), node("early", priority=40), node("middle"))
    assert [graph.ids[each] for each in take_all(Schedule(graph))] == ["early", "middle", "late"]


def test_node_is_ready_when_the_last_of_its_dependencies_ends() -> None:
    schedule = Schedule(graph_of(node("a"), node("b"), node("c", "a", "b")))
    take_all(schedule)
    schedule.succeed(0)
    assert schedule.take() is None
    schedule.succeed(1)
    assert schedule.take() == 2


def test_phase_opens_when_the_last_node_of_the_one_before_ends() -> None:
    early = {"phase": Phase.PREPARATION}
    schedule = Schedule(graph_of(node("a", **early), node("b", **early), node("c")))
    assert take_all(schedule) == [0, 1]
    schedule.succeed(1)
    assert schedule.take() is None
    schedule.succeed(0)
    assert schedule.take() == 2


def test_phase_of_which_everything_is_skipped_is_passed_over() -> None:
    first = node("a", phase=Phase.PREPARATION, optional=True)
    doomed = node("b", "a", phase=Phase.ENVIRONMENT, optional=True)
    schedule = Schedule(graph_of(first, doomed, node("c", phase=Phase.FEATURES)))
    take_all(schedule)
    schedule.fail(0)
    assert schedule.take() == 2


def test_failure_skips_what_needs_it_and_frees_what_merely_follows() -> None:
    schedule = Schedule(graph_of(node("a"), node("b", "a"), node("c", "b"), node("d", runs_after=["c"])))
    take_all(schedule)
    schedule.fail(0)
    assert schedule.skipped == {1: SkipReason.UPSTREAM_FAILED, 2: SkipReason.UPSTREAM_FAILED}
    assert schedule.take() == 3


def test_skip_skips_what_needs_it_for_another_reason() -> None:
    schedule = Schedule(graph_of(node("a"), node("b", "a")))
    take_all(schedule)
    schedule.skip(0)
    assert schedule.skipped == {0: SkipReason.CONDITION, 1: SkipReason.UPSTREAM_SKIPPED}
    assert schedule.exhausted


def test_first_reason_to_skip_stays() -> None:
    schedule = Schedule(graph_of(node("a"), node("b"), node("c", "a", "b")))
    take_all(schedule)
    schedule.skip(1)
    schedule.fail(0)
    assert schedule.skipped[2] is SkipReason.UPSTREAM_SKIPPED


def test_skipped_node_holds_its_followers_until_all_before_it_have_ended() -> None:
    """Node b is skipped since a failed; but c, which only follows b, still waits for the slow one that b waited for."""
    schedule = Schedule(graph_of(node("a"), node("slow"), node("b", "a", "slow"), node("c", runs_after=["b"])))
    take_all(schedule)
    schedule.fail(0)
    assert schedule.take() is None
    schedule.succeed(1)
    assert schedule.take() == 3


def test_nothing_can_be_taken_after_closing() -> None:
    schedule = Schedule(graph_of(node("a"), node("b")))
    schedule.take()
    schedule.close()
    assert (schedule.take(), schedule.ready, schedule.exhausted) == (None, 0, True)


def test_running_counts_what_was_taken_and_has_not_ended() -> None:
    schedule = Schedule(graph_of(node("a"), node("b"), node("c"), node("d")))
    take_all(schedule)
    schedule.succeed(0)
    schedule.fail(1)
    schedule.skip(2)
    assert schedule.running == 1
    schedule.abandon()
    assert schedule.running == 0


def test_ready_tells_how_many_could_be_taken() -> None:
    schedule = Schedule(graph_of(node("a"), node("b"), node("c", "a")))
    assert schedule.ready == 2
    schedule.take()
    assert schedule.ready == 1


def test_empty_graph_is_exhausted_from_the_start() -> None:
    schedule = Schedule(graph_of())
    assert (schedule.take(), schedule.exhausted) == (None, True)


# Every interleaving ---------------------------------------------------------------------------------------------------


@dataclass
class Play:
    """One game against a schedule: what was done so far, and what could be done next.

    Schedules cannot be copied, so each game is played from the start.
    """

    graph: Graph
    workers: int
    endings: Sequence[str]
    moves: list[Any] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.graph)

    def options(self) -> Iterator[tuple[str, int]]:
        """Every move a driver could make now."""
        if self.schedule.ready and len(self.running) < self.workers:
            yield "take", -1
        for each in self.running:
            for ending in self.endings:
                yield ending, each

    def make(self, move: tuple[str, int]) -> None:
        """Makes one move and checks every invariant."""
        what, which = move
        if what == "take":
            self._check_taken(self.schedule.take())
        else:
            getattr(self.schedule, what)(which)
            self.running.remove(which)
            self.ended.append(which)
        self.moves.append(move)
        assert self.schedule.running == len(self.running)

    def _check_taken(self, took: int | None) -> None:
        assert took is not None, "what is ready can be taken"
        assert took not in self.taken, "each node is taken once"
        assert took not in self.schedule.skipped, "what is skipped does not run"
        assert all(self._is_over(before) for before in self.graph.predecessors[took]), "dependencies end first"
        earlier = (n for n in range(len(self.graph)) if self.graph.stage[n] < self.graph.stage[took])
        assert all(self._is_over(before) for before in earlier), "phases do not overlap"
        self.taken.append(took)
        self.running.append(took)

    def _is_over(self, which: int) -> bool:
        return which in self.ended or which in self.schedule.skipped

    def check_end(self) -> None:
        """Nothing is left: each node was taken, or skipped because of one that was."""
        assert self.schedule.exhausted
        assert self.schedule.take() is None
        never_taken = set(self.schedule.skipped) - set(self.taken)
        assert sorted([*self.taken, *never_taken]) == list(range(len(self.graph)))


def explore(graph: Graph, workers: int, endings: Sequence[str]) -> int:
    """Plays every possible game to its end; returns how many there are."""
    games = 0
    unplayed: list[list[tuple[str, int]]] = [[]]
    while unplayed:
        moves = unplayed.pop()
        play = Play(graph, workers, endings)
        for move in moves:
            play.make(move)
        while options := list(play.options()):
            unplayed += [[*play.moves, other] for other in options[1:]]
            play.make(options[0])
        play.check_end()
        games += 1
    return games


def six_nodes() -> Graph:
    """Two phases; a diamond with a tail that only follows, and one node by itself."""
    return graph_of(
        node("a", phase=Phase.PREPARATION),
        node("b", "a", phase=Phase.PREPARATION),
        node("c", "a", phase=Phase.PREPARATION),
        node("d", "b", "c"),
        node("e", runs_after=["d"]),
        node("f"),
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 6])
def test_every_interleaving_of_six_nodes_keeps_the_promises(workers: int) -> None:
    assert explore(six_nodes(), workers, ["succeed"]) >= 1


def test_every_interleaving_with_every_ending_keeps_the_promises() -> None:
    """Each node may also fail or be skipped: 3 endings for 5 nodes, whoever ends first."""
    diamond = graph_of(node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c"), node("e", runs_after=["d"]))
    assert explore(diamond, 2, ["succeed", "fail", "skip"]) > 3**4


def test_every_completion_order_of_a_fan_frees_the_join_once_and_last() -> None:
    graph = graph_of(*(node(name) for name in "abcde"), node("join", *"abcde"))
    for order in permutations(range(5)):
        schedule = Schedule(graph)
        take_all(schedule)
        for which in order:
            assert schedule.take() is None
            schedule.succeed(which)
        assert take_all(schedule) == [5]


@pytest.mark.parametrize("closed_after", range(6))
def test_nothing_starts_after_closing_at_any_moment(closed_after: int) -> None:
    schedule = Schedule(six_nodes())
    running: list[int] = []
    for _ in range(closed_after):
        running += take_all(schedule)
        schedule.succeed(running.pop(0))
    schedule.close()
    for each in running:
        assert schedule.take() is None
        schedule.succeed(each)
    assert schedule.take() is None


# Laws, with a clock that is only counted ------------------------------------------------------------------------------


def simulate(graph: Graph, durations: Sequence[int], workers: int) -> tuple[int, list[int]]:
    """Plays *graph* on *workers* workers; returns the makespan and the order of dispatch."""
    schedule = Schedule(graph)
    now = 0
    order: list[int] = []
    running: list[tuple[int, int]] = []
    while True:
        while len(running) < workers and (took := schedule.take()) is not None:
            order.append(took)
            heapq.heappush(running, (now + durations[took], took))
        if not running:
            return now, order
        now, done = heapq.heappop(running)
        schedule.succeed(done)


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Up to twelve nodes in one phase."""
    size = draw(st.integers(1, 12))
    modules = []
    for number in range(size):
        before = draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        modules.append(node(f"m{number}", *(f"m{each}" for each in sorted(before))))
    return graph_of(*modules)


def span(graph: Graph, durations: Sequence[int]) -> int:
    """T∞ by its definition: nodes are numbered in a topological order here."""
    finish: list[int] = []
    for each, before in enumerate(graph.predecessors):
        finish.append(durations[each] + max((finish[p] for p in before), default=0))
    return max(finish)


lengths = st.lists(st.integers(0, 20), min_size=12, max_size=12)


@given(random_graphs(), lengths, st.integers(1, 5))
def test_greedy_bounds(graph: Graph, durations: list[int], workers: int) -> None:
    """max(T1/P, T∞) ≤ T_P ≤ (T1 + (P−1)·T∞)/P (Graham 1969; Brent 1974), in whole numbers, so without rounding."""
    makespan, _order = simulate(graph, durations, workers)
    work, longest = sum(durations[: len(graph)]), span(graph, durations)
    assert max(work, longest * workers) <= makespan * workers <= work + (workers - 1) * longest


@given(random_graphs(), lengths)
def test_one_worker_takes_exactly_the_work(graph: Graph, durations: list[int]) -> None:
    assert simulate(graph, durations, 1)[0] == sum(durations[: len(graph)])


@given(random_graphs(), lengths)
def test_as_many_workers_as_nodes_take_exactly_the_span(graph: Graph, durations: list[int]) -> None:
    assert simulate(graph, durations, len(graph))[0] == span(graph, durations)


@given(random_graphs(), lengths, st.integers(1, 5))
def test_dispatch_is_deterministic(graph: Graph, durations: list[int], workers: int) -> None:
    assert simulate(graph, durations, workers) == simulate(graph, durations, workers)


@given(st.integers(1, 12), st.integers(1, 4))
def test_adding_phases_adds_makespans(size: int, workers: int) -> None:
    """Phases do not overlap: two copies of a fan in two phases take twice as long as one."""

    def fan(*phases: Phase) -> int:
        modules = [node(f"{phase.name}{number}", phase=phase) for phase in phases for number in range(size)]
        return simulate(graph_of(*modules), [3] * len(modules), workers)[0]

    assert fan(Phase.PREPARATION, Phase.FEATURES) == 2 * fan(Phase.FEATURES)


PRINT_ORDER = """
from orchestrator import Operation, execute_operation, module, plan
ran = []

def numbered(number):
    @module(id=f"m{number}", depends_on={f"m{number // k}" for k in (2, 3, 5) if number}, merge={"all": list.__add__})
    def work(context):
        ran.append(number)
        return {"all": [number], f"key_{number}": context.get(f"key_{number // 2}", 0) + 1}
    return work

operation = Operation("op", [numbered(number) for number in range(60)])
report = execute_operation(operation, max_parallel_workers=1)
assert report.success
print(ran, plan(operation).groups, dict(report.context))
"""


def test_order_plan_and_context_do_not_depend_on_the_hash_seed() -> None:
    """Dependencies given as a set come in any order; what follows from them does not."""

    def printed(seed: int) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_ORDER], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    assert len({printed(seed) for seed in (1, 2, 3)}) == 1
