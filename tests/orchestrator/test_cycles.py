"""Cycles: each is found and drawn, and each policy keeps its word."""

import warnings
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import (
    CycleWarning,
    Module,
    ModuleContext,
    Operation,
    PlanError,
    PlanProblem,
    ProblemKind,
    SkipReason,
    execute_operation,
    module,
    plan,
)


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


def cycles_of(*modules: Module) -> list[tuple[str, ...]]:
    """The cycles that planning finds; none for a sound graph."""
    try:
        plan(Operation("op", modules))
    except PlanError as error:
        return [problem.modules for problem in error.problems if problem.kind is ProblemKind.CYCLE]
    return []


def test_self_dependency_is_a_cycle_of_one() -> None:
    assert cycles_of(node("a", "a")) == [("a",)]


def test_path_names_each_module_before_the_one_it_depends_on() -> None:
    assert cycles_of(node("a", "b"), node("b", "c"), node("c", "a")) == [("a", "b", "c")]


def test_order_only_edges_make_cycles_too() -> None:
    assert cycles_of(node("a", "b"), node("b", runs_after=["a"])) == [("a", "b")]


def test_modules_before_and_behind_a_cycle_are_not_in_its_path() -> None:
    assert cycles_of(node("before"), node("a", "before", "b"), node("b", "a"), node("behind", "b")) == [("a", "b")]


def test_every_separate_cycle_is_reported_once() -> None:
    found = cycles_of(node("a", "b"), node("b", "a"), node("link", "b"), node("x", "link", "y"), node("y", "x"))
    assert sorted(found) == [("a", "b"), ("x", "y")]


def test_tangle_of_cycles_is_reported_by_one_shortest_path_through_its_first_member() -> None:
    tangle = [node("a", "b", "d"), node("b", "c"), node("c", "a"), node("d", "a")]
    assert cycles_of(*tangle) == [("a", "d")]


def test_long_path_is_abridged_in_the_message_and_whole_in_the_problem() -> None:
    ring = [node(f"m{number}", f"m{(number + 1) % 1000}") for number in range(1000)]
    with pytest.raises(PlanError) as caught:
        plan(Operation("ring", ring))
    (problem,) = caught.value.problems
    assert len(problem.modules) == 1000
    assert "m0 → m1 → " in str(problem)
    assert "(985 more)" in str(problem)
    assert len(str(problem)) < 500


edges = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14)


@given(edges)
def test_every_reported_cycle_is_one(drawn: set[tuple[int, int]]) -> None:
    """Each module of a path depends on the next and the last on the first; a sound graph reports none."""
    graph = {number: {f"m{b}" for a, b in drawn if a == number} for number in range(7)}
    found = cycles_of(*(node(f"m{number}", *sorted(before)) for number, before in graph.items()))
    for path in found:
        assert all(after in graph[int(before[1:])] for before, after in pairwise([*path, path[0]]))
    assert bool(found) == _has_cycle(drawn)


def _has_cycle(drawn: set[tuple[int, int]]) -> bool:
    """By brute force: the transitive closure holds a loop."""
    closure = set(drawn)
    while grown := {(a, d) for a, b in closure for c, d in closure if b == c} - closure:
        closure |= grown
    return any(a == b for a, b in closure)


# isolate --------------------------------------------------------------------------------------------------------------


def test_isolate_runs_what_no_cycle_touches() -> None:
    modules = [node("a", "b"), node("b", "a"), node("behind", "a"), node("after", runs_after=["b"]), node("free")]
    report = execute_operation(Operation("op", [*modules, node("next", "free")]), on_cycle="isolate")
    assert report.modules_succeeded == ("free", "next")
    assert report.modules_skipped == ("a", "b", "behind", "after")
    assert {report.module_results[name].skip_reason for name in report.modules_skipped} == {SkipReason.CYCLE}


def test_isolate_is_no_success_and_names_the_cycle() -> None:
    report = execute_operation(Operation("op", [node("a", "a"), node("free")]), on_cycle="isolate")
    assert (report.success, report.degraded) == (False, False)
    (problem,) = report.errors
    assert isinstance(problem, PlanProblem)
    assert problem.modules == ("a",)


def test_isolate_rolls_nothing_back_since_nothing_failed() -> None:
    report = execute_operation(Operation("op", [node("a", "a"), node("free")]), on_cycle="isolate")
    assert report.rollback_results == {}


def test_isolate_of_a_sound_graph_is_a_success() -> None:
    assert execute_operation(Operation("op", [node("a")]), on_cycle="isolate").success


# sequential -----------------------------------------------------------------------------------------------------------


def recording(diary: list[str], name: str, *depends_on: str, **fields: Any) -> Module:
    def note(context: ModuleContext) -> None:
        diary.append(name)

    return module(id=name, depends_on=depends_on, **fields)(note)


def test_sequential_runs_members_in_declaration_order() -> None:
    diary: list[str] = []
    ring = [recording(diary, name, before) for name, before in (("c", "b"), ("a", "c"), ("b", "a"))]
    with pytest.warns(CycleWarning):
        execute_operation(Operation("op", ring), on_cycle="sequential")
    assert diary == ["c", "a", "b"]


def test_sequential_is_a_degraded_success() -> None:
    with pytest.warns(CycleWarning):
        report = execute_operation(Operation("op", [node("a", "b"), node("b", "a")]), on_cycle="sequential")
    assert (report.success, report.degraded) == (True, True)


def test_sequential_warns_of_exactly_the_dependencies_not_honoured() -> None:
    ring = [node("a", "c"), node("b", "a"), node("c", "b"), node("self", "self")]
    with pytest.warns(CycleWarning) as caught:
        execute_operation(Operation("op", ring), on_cycle="sequential")
    (warning,) = caught
    assert str(warning.message) == (
        "operation 'op' has cycles and runs degraded; dependencies that are not honoured: 'a' on 'c', 'self' on 'self'"
    )
    assert warning.filename == __file__


def test_sequential_of_a_sound_graph_neither_warns_nor_degrades() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = execute_operation(Operation("op", [node("a"), node("b", "a")]), on_cycle="sequential")
    assert (report.success, report.degraded) == (True, False)


def test_sequential_lets_members_fail_those_that_still_depend_on_them() -> None:
    def fail(context: ModuleContext) -> None:
        raise OSError

    ring = [module(id="a", depends_on=["c"])(fail), node("b", "a"), node("c", "b")]
    with pytest.warns(CycleWarning):
        report = execute_operation(Operation("op", ring), on_cycle="sequential", on_failure="continue")
    assert report.modules_failed == ("a",)
    assert report.modules_skipped == ("b", "c")


@given(edges)
def test_sequential_honours_every_other_dependency_and_overlaps_no_members(drawn: set[tuple[int, int]]) -> None:
    diary: list[str] = []

    def visit(name: str) -> Module:
        def note(context: ModuleContext) -> None:
            diary.append(f"+{name}")
            diary.append(f"-{name}")

        before = [f"m{b}" for a, b in sorted(drawn) if f"m{a}" == name]
        return module(id=name, depends_on=before)(note)

    operation = Operation("op", [visit(f"m{number}") for number in range(7)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = execute_operation(operation, on_cycle="sequential", max_parallel_workers=3)
    broken = {edge for edge in drawn if f"'m{edge[0]}' on 'm{edge[1]}'" in "".join(str(w.message) for w in caught)}
    assert report.success
    assert bool(broken) == report.degraded == _has_cycle(drawn)
    for after, before in drawn - broken:
        assert diary.index(f"-m{before}") < diary.index(f"+m{after}")
    for first, second in broken:
        assert first <= second, "only dependencies against the declaration order are given up"
