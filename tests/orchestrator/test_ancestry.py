"""Who comes before whom, against the answer by brute force."""

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Module, Operation, Phase, module
from orchestrator.ancestry import Ancestry, Past, Writers
from orchestrator.graph import Graph, compile_operation


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


def graph_of(*modules: Module) -> Graph:
    return compile_operation(Operation("op", modules)).graph


@st.composite
def staged_graphs(draw: st.DrawFn) -> Graph:
    """Up to fourteen nodes in up to three phases; wide joins and long chains both turn up."""
    size = draw(st.integers(1, 14))
    phases = sorted(draw(st.lists(st.sampled_from(list(Phase)[:3]), min_size=size, max_size=size)))
    modules = []
    for number in range(size):
        before = draw(st.sets(st.integers(max(0, number - 6), number - 1), max_size=4)) if number else set()
        modules.append(node(f"m{number}", *(f"m{each}" for each in sorted(before)), phase=phases[number]))
    return graph_of(*modules)


def closure(graph: Graph) -> set[tuple[int, int]]:
    """All pairs (before, after), by walking every path; nodes are numbered in a topological order here."""
    past: list[set[int]] = []
    for each, before in enumerate(graph.predecessors):
        earlier = {other for other in range(len(graph)) if graph.stage[other] < graph.stage[each]}
        past.append(earlier.union(before, *(past[p] for p in before)))
    return {(other, each) for each, others in enumerate(past) for other in others}


@given(staged_graphs())
def test_is_before_is_the_transitive_closure(graph: Graph) -> None:
    expected = closure(graph)
    for pair in product(range(len(graph)), repeat=2):
        assert graph.ancestry.is_before(*pair) == (pair in expected)


@given(staged_graphs(), st.randoms(use_true_random=False))
def test_answers_do_not_depend_on_the_order_of_questions(graph: Graph, random: Any) -> None:
    """Searches leave marks behind for later ones; none of them may mislead."""
    expected = closure(graph)
    questions = list(product(range(len(graph)), repeat=2))
    random.shuffle(questions)
    assert all(graph.ancestry.is_before(*pair) == (pair in expected) for pair in questions)


@given(staged_graphs())
def test_past_that_has_lost_its_patience_gives_the_same_answers(graph: Graph) -> None:
    """After much searching the whole past is walked once instead."""
    expected = closure(graph)
    for each in range(len(graph)):
        past = Past(graph.ancestry, each)
        past._patience = 0
        assert [other in past for other in range(len(graph))] == [
            (other, each) in expected for other in range(len(graph))
        ]


@given(staged_graphs())
def test_search_alone_is_right_wherever_it_is_needed(graph: Graph) -> None:
    expected = closure(graph)
    for pair in product(range(len(graph)), repeat=2):
        if graph.ancestry.obvious(*pair) is None:
            assert graph.ancestry.search(*pair)[0] == (pair in expected)


def test_nothing_is_computed_before_somebody_asks() -> None:
    ancestry = graph_of(node("a"), node("b", "a")).ancestry
    assert "_intervals" not in vars(ancestry)
    assert ancestry.is_before(0, 1)
    assert "_intervals" not in vars(ancestry)


def test_chain_needs_no_search_at_all() -> None:
    """In a chain, visit numbers nest; a search per pair would cost quadratic time."""
    size = 2000
    chain = graph_of(*(node(f"m{each}", *[f"m{each - 1}"] * (each > 0)) for each in range(size)))
    assert all(chain.ancestry.is_before(0, each) for each in range(1, size))
    assert not any(chain.ancestry.is_before(each, 0) for each in range(size))
    assert chain.ancestry._known == {}


def test_many_questions_about_one_node_cost_one_walk(monkeypatch: Any) -> None:
    """1,000 writers, each behind a module of its own, and a join that asks for every writer: no search per writer."""
    width = 1000
    first = [node(f"w{each}") for each in range(width)]
    second = [node(f"p{each}", f"w{each}") for each in range(width)]
    graph = graph_of(*first, *second, node("join", *(f"p{each}" for each in range(width))))
    efforts: list[int] = []
    search = Ancestry.search

    def counted(self: Ancestry, ancestor: int, node: int) -> tuple[bool, int]:
        found, effort = search(self, ancestor, node)
        efforts.append(effort)
        return found, effort

    monkeypatch.setattr(Ancestry, "search", counted)
    past = graph.ancestry.past(2 * width)
    assert all(each in past for each in range(2 * width))
    assert sum(efforts) <= 3 * len(graph)


# Writers of one key ---------------------------------------------------------------------------------------------------


def write(graph: Graph, writers: Writers, name: str, *, reduces: bool = False) -> int | None:
    """Lets a module write if nothing speaks against it; returns the rival otherwise."""
    rival = writers.clash(graph.ids.index(name), graph.ancestry, reduces=reduces)
    if rival is None:
        writers.add(graph.ids.index(name), reduces=reduces)
    return rival


def test_ordered_plain_writers_do_not_clash() -> None:
    graph, writers = graph_of(node("a"), node("b", "a"), node("c", "b")), Writers()
    assert [write(graph, writers, name) for name in "abc"] == [None, None, None]


def test_unordered_plain_writers_clash_with_the_earlier_one() -> None:
    graph, writers = graph_of(node("a"), node("b")), Writers()
    write(graph, writers, "a")
    assert write(graph, writers, "b") == 0


def test_reducers_never_clash_among_themselves() -> None:
    graph, writers = graph_of(node("a"), node("b"), node("c")), Writers()
    assert [write(graph, writers, name, reduces=True) for name in "cab"] == [None, None, None]


def test_reducer_clashes_with_an_unordered_plain_writer_in_either_order() -> None:
    graph = graph_of(node("plain"), node("reducer"))
    first_plain, first_reducer = Writers(), Writers()
    write(graph, first_plain, "plain")
    assert write(graph, first_plain, "reducer", reduces=True) == 0
    write(graph, first_reducer, "reducer", reduces=True)
    assert write(graph, first_reducer, "plain") == 1


def test_plain_writer_must_follow_every_reducer() -> None:
    graph, writers = graph_of(node("a"), node("b"), node("c", "a")), Writers()
    write(graph, writers, "a", reduces=True)
    write(graph, writers, "b", reduces=True)
    assert write(graph, writers, "c") == 1
