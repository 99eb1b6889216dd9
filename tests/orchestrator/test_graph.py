"""What is wrong with a graph: every kind of fault, and all of them at once."""

import operator
from typing import Any

import pytest

from orchestrator import (
    Module,
    Operation,
    Phase,
    PlanError,
    PlanProblem,
    ProblemKind,
    SkipReason,
    Status,
    execute_operation,
    module,
    plan,
)


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


def problems_of(*modules: Module, profile: str = "standard", **profiles: list[str]) -> tuple[PlanProblem, ...]:
    """The faults that planning finds; none for a sound graph."""
    try:
        plan(Operation("op", modules, profiles=profiles), profile)
    except PlanError as error:
        return error.problems
    return ()


def only_problem_of(*modules: Module) -> PlanProblem:
    (problem,) = problems_of(*modules)
    return problem


def test_sound_graph_has_no_problem() -> None:
    assert problems_of(node("a"), node("b", "a"), node("c", "a", "b")) == ()


def test_unknown_dependency_comes_with_a_suggestion() -> None:
    problem = only_problem_of(node("fetch"), node("parse", "fetsh"))
    assert problem.kind is ProblemKind.UNKNOWN_MODULE
    assert problem.modules == ("parse", "fetsh")
    assert str(problem) == "module 'parse' depends on an unknown module 'fetsh'; did you mean 'fetch'?"


def test_unknown_module_in_runs_after_is_a_problem_too() -> None:
    assert only_problem_of(node("parse", runs_after=["nowhere"])).modules == ("parse", "nowhere")


def test_name_in_both_lists_is_reported_once() -> None:
    assert only_problem_of(node("parse", "nowhere", runs_after=["nowhere"])).modules == ("parse", "nowhere")


def test_unknown_module_in_a_profile_comes_with_a_suggestion() -> None:
    (problem,) = problems_of(node("fetch"), profile="quick", quick=["fetsh"])
    assert str(problem) == "profile 'quick' names an unknown module 'fetsh'; did you mean 'fetch'?"


def test_order_after_a_module_that_the_profile_leaves_out_is_no_problem() -> None:
    assert problems_of(node("a"), node("b", runs_after=["a"]), profile="quick", quick=["b"]) == ()


def test_fault_outside_the_profile_is_no_problem() -> None:
    assert problems_of(node("good"), node("bad", "nowhere"), profile="quick", quick=["good"]) == ()


def test_duplicate_id_is_a_problem() -> None:
    problem = only_problem_of(node("a"), node("a"))
    assert (problem.kind, problem.modules) == (ProblemKind.DUPLICATE_ID, ("a",))


@pytest.mark.parametrize("edge", ["depends_on", "runs_after"])
def test_dependency_on_a_later_phase_is_a_problem(edge: str) -> None:
    early: Module = module(id="early", phase=Phase.PREPARATION, **{edge: ["late"]})(lambda _context: None)
    problem = only_problem_of(early, node("late", phase=Phase.VALIDATION))
    assert (problem.kind, problem.modules) == (ProblemKind.LATER_PHASE, ("early", "late"))
    assert "PREPARATION" in str(problem)
    assert "VALIDATION" in str(problem)


def test_required_module_that_depends_on_an_optional_one_is_a_problem() -> None:
    problem = only_problem_of(node("maybe", optional=True), node("must", "maybe"))
    assert (problem.kind, problem.modules) == (ProblemKind.OPTIONAL_DEPENDENCY, ("must", "maybe"))
    assert "runs_after=['maybe']" in str(problem)


def test_optional_module_may_depend_on_an_optional_one() -> None:
    assert problems_of(node("maybe", optional=True), node("also", "maybe", optional=True)) == ()


def test_required_module_may_run_after_an_optional_one() -> None:
    assert problems_of(node("maybe", optional=True), node("must", runs_after=["maybe"])) == ()


# Products -------------------------------------------------------------------------------------------------------------


def test_unordered_producers_of_one_key_are_a_problem_with_its_fix() -> None:
    problem = only_problem_of(node("a", produces=["key"]), node("b", produces=["key"]))
    assert (problem.kind, problem.modules) == (ProblemKind.PRODUCT_CONFLICT, ("a", "b"))
    assert "runs_after=['a'] on 'b'" in str(problem)
    assert "merge={'key': operator.add}" in str(problem)


def test_fix_in_the_message_is_a_fix() -> None:
    assert problems_of(node("a", produces=["key"]), node("b", produces=["key"], runs_after=["a"])) == ()
    merge = {"key": operator.add}
    assert problems_of(node("a", produces=["key"], merge=merge), node("b", produces=["key"], merge=merge)) == ()


def test_reducer_on_one_side_only_is_still_a_problem() -> None:
    merge = {"key": operator.add}
    assert only_problem_of(node("a", produces=["key"]), node("b", produces=["key"], merge=merge)).modules == ("a", "b")


def test_producers_in_different_phases_are_ordered() -> None:
    early = node("a", produces=["key"], phase=Phase.PREPARATION)
    assert problems_of(early, node("b", produces=["key"], phase=Phase.FEATURES)) == ()


def test_producers_ordered_through_others_are_ordered() -> None:
    assert problems_of(node("a", produces=["key"]), node("m", "a"), node("b", "m", produces=["key"])) == ()


def test_one_problem_per_key_however_many_producers() -> None:
    """The first pair tells the story; a hundred producers would make 4,950 pairs."""
    assert len(problems_of(*(node(f"p{number}", produces=["key"]) for number in range(100)))) == 1


def test_conflict_is_found_beside_a_cycle() -> None:
    found = problems_of(node("a", "b"), node("b", "a"), node("x", produces=["key"]), node("y", produces=["key"]))
    assert [problem.kind for problem in found] == [ProblemKind.CYCLE, ProblemKind.PRODUCT_CONFLICT]


# All at once ----------------------------------------------------------------------------------------------------------


def every_fault() -> Operation:
    return Operation(
        "everything",
        [
            node("twin"),
            node("twin"),
            node("lost", "nowhere"),
            node("early", "late", phase=Phase.PREPARATION),
            node("late", phase=Phase.VALIDATION),
            node("maybe", optional=True),
            node("must", "maybe"),
            node("hen", "egg"),
            node("egg", "hen"),
            node("self", "self"),
            node("p", produces=["key"]),
            node("q", produces=["key"]),
        ],
    )


def test_plan_error_lists_every_problem() -> None:
    with pytest.raises(PlanError) as caught:
        plan(every_fault())
    assert {problem.kind for problem in caught.value.problems} == set(ProblemKind)
    assert len(caught.value.problems) == len(ProblemKind) + 1  # there are two cycles
    assert all(problem.message in str(caught.value) for problem in caught.value.problems)


def test_report_of_a_broken_plan_lists_every_problem_and_skips_every_module() -> None:
    report = execute_operation(every_fault())
    assert not report.success
    assert {error.kind for error in report.errors if isinstance(error, PlanProblem)} == set(ProblemKind)
    assert len(report.module_results) == 11  # twin counts once
    assert {result.status for result in report.module_results.values()} == {Status.SKIPPED}
    assert {result.skip_reason for result in report.module_results.values()} == {SkipReason.PLAN}


@pytest.mark.parametrize("on_cycle", ["isolate", "sequential"])
def test_other_problems_fail_the_plan_whatever_is_done_with_cycles(on_cycle: Any) -> None:
    report = execute_operation(Operation("op", [node("a", "a"), node("b", "nowhere")]), on_cycle=on_cycle)
    assert not report.success
    assert report.modules_skipped == ("a", "b")


def test_a_thousand_typing_errors_are_found_without_comparing_all_with_all() -> None:
    """Similar ids are looked for as long as that is quick; every problem is reported all the same."""
    modules = [node(f"module_{number}", f"modul_{number}") for number in range(1000)]
    found = problems_of(*modules)
    assert len(found) == 1000
    assert "did you mean" in str(found[0])
    assert "did you mean" not in str(found[-1])
