"""What modules see of each other's work: visibility, merging, conflicts, and that timing changes none of it."""

import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from typing import Any

import pytest

from orchestrator import ContextConflict, Module, ModuleContext, Operation, Phase, execute_operation, module
from orchestrator.context import Ledger
from orchestrator.graph import Graph, compile_operation
from orchestrator.schedule import Schedule


def writer(name: str, data: Mapping[Any, Any] | None = None, *depends_on: str, **fields: Any) -> Module:
    """A module that returns *data*."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: data)


def reader(name: str, *depends_on: str, read: Callable[[ModuleContext], Any], **fields: Any) -> Module:
    """A module that keeps what *read* makes of its context under its own name."""
    return module(id=name, depends_on=depends_on, **fields)(lambda context: {name: read(context)})


def run(*modules: Module, **context: Any) -> Mapping[str, Any]:
    """The final context of a successful run."""
    report = execute_operation(Operation("op", modules), context=context)
    assert report.success, report.errors
    return report.context


def error_of(*modules: Module, **context: Any) -> BaseException:
    """The first error of a failed run."""
    report = execute_operation(Operation("op", modules), context=context)
    assert not report.success
    return report.errors[0]


# Visibility -----------------------------------------------------------------------------------------------------------


def test_module_sees_the_initial_context() -> None:
    assert run(reader("seen", read=lambda context: context["root"]), root="/srv")["seen"] == "/srv"


def test_module_sees_what_its_ancestors_wrote_however_far() -> None:
    assert run(writer("a", {"k": 1}), writer("b", None, "a"), reader("c", "b", read=dict))["c"] == {"k": 1}


def test_module_sees_what_it_merely_runs_after() -> None:
    assert run(writer("a", {"k": 1}), reader("b", runs_after=["a"], read=dict))["b"] == {"k": 1}


def test_module_sees_every_earlier_phase() -> None:
    early = writer("a", {"k": 1}, phase=Phase.PREPARATION)
    assert run(early, reader("b", phase=Phase.FEATURES, read=dict))["b"] == {"k": 1}


def test_module_does_not_see_a_sibling_that_has_committed_before() -> None:
    """With one worker, a has long finished when b starts: order of time, not of the graph."""
    report = execute_operation(Operation("op", [writer("a", {"k": 1}), reader("b", read=dict)]), max_parallel_workers=1)
    assert report.context["b"] == {}


def test_module_does_not_see_its_descendants_or_itself() -> None:
    keys: list[list[str]] = []

    @module(id="a")
    def first(context: ModuleContext) -> Mapping[str, Any]:
        keys.append(list(context))
        return {"a": 1}

    run(first, writer("b", {"b": 1}, "a"))
    assert keys == [[]]


def test_later_write_hides_the_earlier_one_from_those_behind_it() -> None:
    seen = run(
        writer("a", {"k": 1}),
        reader("between", "a", read=lambda context: context["k"]),
        writer("b", {"k": 2}, "between"),
        reader("behind", "b", read=lambda context: context["k"]),
        k=0,
    )
    assert (seen["between"], seen["behind"], seen["k"]) == (1, 2, 2)


def test_missing_key_that_an_unordered_module_wrote_says_so() -> None:
    ledger = Ledger(graph_of(writer("a"), writer("b")), {})
    ledger.commit(0, {"k": 1})
    with pytest.raises(KeyError, match="'k' is written by 'a', which module 'b' does not depend on: add it to depends"):
        ledger.value("k", 1)


def test_missing_key_that_nobody_wrote_says_so() -> None:
    ledger = Ledger(graph_of(writer("a")), {})
    with pytest.raises(KeyError, match="neither the initial context nor an ancestor of module 'a' holds it"):
        ledger.value("k", 0)


def test_context_is_a_mapping_with_all_its_habits() -> None:
    def habits(context: ModuleContext) -> list[Any]:
        return [len(context), "x" in context, "y" in context, context.get("y", 7), sorted(context.items())]

    assert run(reader("a", read=habits), x=1)["a"] == [1, True, False, 7, [("x", 1)]]


def test_context_cannot_be_written() -> None:
    def assign(context: Any) -> None:
        context["k"] = 1

    assert isinstance(error_of(module(id="a")(assign)), TypeError)


def test_context_shows_its_content() -> None:
    assert run(reader("a", read=repr), x=1)["a"] == "ModuleContext({'x': 1})"


def test_callers_mapping_is_not_touched() -> None:
    given = {"k": 0}
    execute_operation(Operation("op", [writer("a", {"k": 1})]), context=given)
    assert given == {"k": 0}


def test_returned_mapping_is_copied_when_the_module_ends() -> None:
    kept: dict[str, Any] = {"k": 1}

    @module(id="a")
    def first(context: ModuleContext) -> Mapping[str, Any]:
        return kept

    def spoil(context: ModuleContext) -> int:
        kept["k"] = 2
        return int(context["k"])

    assert run(first, reader("b", "a", read=spoil))["b"] == 1


def test_failed_module_writes_nothing() -> None:
    def half(context: ModuleContext) -> Mapping[str, Any]:
        raise OSError

    report = execute_operation(Operation("op", [module(id="a", optional=True)(half), writer("b", {"k": 1})]))
    assert report.context == {"k": 1}


# Conflicts and merging ------------------------------------------------------------------------------------------------


def test_two_unordered_writers_conflict_and_the_error_names_both_and_the_fix() -> None:
    error = error_of(writer("a", {"k": 1}), writer("b", {"k": 2}))
    assert isinstance(error, ContextConflict)
    assert (error.key, set(error.modules)) == ("k", {"a", "b"})
    assert "merge={'k': operator.add}" in str(error)


def test_conflict_fails_even_an_optional_module() -> None:
    """Which of the two came first is chance; a program that depends on it is wrong, not unlucky."""
    report = execute_operation(
        Operation("op", [writer("a", {"k": 1}, optional=True), writer("b", {"k": 2}, optional=True)])
    )
    assert not report.success


def test_refused_commit_leaves_no_half_behind() -> None:
    ledger = Ledger(graph_of(writer("a"), writer("b")), {})
    ledger.commit(0, {"shared": 1})
    with pytest.raises(ContextConflict):
        ledger.commit(1, {"own": 2, "shared": 2})
    assert ledger.final() == {"shared": 1}


def test_reducers_merge_over_the_initial_value() -> None:
    merge = {"k": operator.add}
    assert run(writer("a", {"k": [1]}, merge=merge), writer("b", {"k": [2]}, merge=merge), k=[0])["k"] == [0, 1, 2]


def test_first_of_several_reduced_values_needs_no_initial_one() -> None:
    merge = {"k": operator.add}
    assert run(writer("a", {"k": [1]}, merge=merge), writer("b", {"k": [2]}, merge=merge))["k"] == [1, 2]


def test_plain_write_replaces_what_was_merged_before_it() -> None:
    merge = {"k": operator.add}
    last = writer("c", {"k": [9]}, "a", "b")
    assert run(writer("a", {"k": [1]}, merge=merge), writer("b", {"k": [2]}, merge=merge), last, k=[0])["k"] == [9]


def test_reducers_go_on_from_the_last_plain_write() -> None:
    merge = {"k": operator.add}
    assert run(writer("a", {"k": [1]}), writer("b", {"k": [2]}, "a", merge=merge), k=[0])["k"] == [1, 2]


def test_reader_between_reducers_sees_only_those_before_it() -> None:
    merge = {"k": operator.add}
    seen = run(
        writer("a", {"k": [1]}, merge=merge),
        writer("b", {"k": [2]}, merge=merge),
        reader("after_a", "a", read=lambda context: context["k"]),
        reader("after_both", "a", "b", read=lambda context: context["k"]),
    )
    assert (seen["after_a"], seen["after_both"]) == ([1], [1, 2])


def test_asking_whether_a_key_is_there_calls_no_reducer() -> None:
    """A reducer that raises ``KeyError`` would otherwise make a key look absent."""

    def broken(old: Any, new: Any) -> Any:
        raise KeyError("in the reducer")

    graph = graph_of(*(writer(name, merge={"k": broken}) for name in "ab"), writer("c", None, "a", "b"))
    ledger = Ledger(graph, {})
    ledger.commit(0, {"k": 1})
    ledger.commit(1, {"k": 2})
    assert ledger.holds("k", 2)


def test_reducer_that_raises_fails_the_operation_and_rolls_it_back() -> None:
    def broken(old: Any, new: Any) -> Any:
        raise ZeroDivisionError("in the reducer")

    undone: list[str] = []
    first = module(id="a", merge={"k": broken})(lambda _context: {"k": 1})
    first.rollback(lambda _context: undone.append("a"))
    report = execute_operation(Operation("op", [first, writer("b", {"k": 2}, merge={"k": broken})]))
    assert not report.success
    assert isinstance(report.errors[0], ZeroDivisionError)
    assert undone == ["a"]


# Whatever the timing --------------------------------------------------------------------------------------------------


def graph_of(*modules: Module) -> Graph:
    return compile_operation(Operation("op", modules)).graph


def completion_orders(graph: Graph) -> Iterator[list[int]]:
    """Every order in which the nodes can end when there are workers for all of them."""
    for order in permutations(range(len(graph))):
        place = {each: number for number, each in enumerate(order)}
        if all(place[before] < place[each] for each in order for before in graph.predecessors[each]):
            yield list(order)


def test_final_context_and_every_view_are_the_same_for_every_completion_order() -> None:
    merge = {"log": operator.add}
    graph = graph_of(
        writer("base", merge=merge),
        writer("left", None, "base", merge=merge),
        writer("middle", None, "base", merge=merge),
        writer("right", None, "base", merge=merge),
        writer("join", None, "left", "middle", "right", merge=merge),
        writer("aside", merge={"seen": operator.add}),
        writer("also", merge={"seen": operator.add}),
    )
    results = set()
    for order in completion_orders(graph):
        schedule, ledger = Schedule(graph), Ledger(graph, {"log": ("start",)})
        running: set[int] = set()
        views = []
        for each in order:
            running.update(iter(schedule.take, None))
            assert each in running
            views.append((each, ledger.value("log", each)))
            (key,) = graph.modules[each].merge
            ledger.commit(each, {key: (graph.ids[each],)})
            schedule.succeed(each)
        results.add((tuple(sorted(views)), tuple(sorted(ledger.final().items()))))
    assert len(results) == 1
    ((_views, final),) = results
    assert dict(final)["log"] == ("start", "base", "left", "middle", "right", "join")
    assert dict(final)["seen"] == ("aside", "also")


def test_conflict_is_found_in_every_completion_order() -> None:
    graph = graph_of(writer("a"), writer("b"), writer("c", None, "a"), writer("d", None, "b"))
    for order in completion_orders(graph):
        ledger = Ledger(graph, {})
        first, second = (each for each in order if graph.ids[each] in "cd")
        ledger.commit(first, {"k": 1})
        with pytest.raises(ContextConflict) as caught:
            ledger.commit(second, {"k": 2})
        assert caught.value.modules == (graph.ids[first], graph.ids[second])


def test_keys_come_in_an_order_that_timing_does_not_change() -> None:
    graph = graph_of(writer("a"), writer("b"), writer("c", None, "a", "b"))
    seen = set()
    for order in completion_orders(graph):
        ledger = Ledger(graph, {"z": 0})
        for each in order[:2]:
            ledger.commit(each, {graph.ids[each]: each})
        seen.add((tuple(ledger.known_keys()), tuple(ledger.final())))
    assert seen == {(("z", "a", "b"), ("z", "a", "b"))}
