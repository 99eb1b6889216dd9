"""Subjects: operations and scenarios on one worker and on many, programs sync and async."""

import asyncio
import operator
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Module, ModuleContext, Operation, OperationFailed, PlanError, module
from pytest_cortex.rounds import Pair, ResultsDiffer
from pytest_cortex.scenario import Scenario
from pytest_cortex.subject import Subject, subject_of_graph, subject_of_programs


def a_module(name: str, function: Callable[[ModuleContext], Any] = lambda context: None, **fields: Any) -> Module:
    return module(id=name, **fields)(function)


def chain() -> Operation:
    return Operation("chain", [a_module("a"), a_module("b", depends_on=["a"])])


def of_graph(graph: Operation | Scenario, **changes: Any) -> Subject:
    defaults: dict[str, Any] = {
        "workers": 4,
        "profile": "standard",
        "context": {},
        "equal": operator.eq,
        "limit_s": 60.0,
    }
    return subject_of_graph(graph, "label", **{**defaults, **changes})


def of_programs(sequential: Any, parallel: Any = int, workers: Any = 4) -> Subject:
    return subject_of_programs(sequential, parallel, "label", workers, operator.eq, 60.0)


# Graphs ---------------------------------------------------------------------------------------------------------------


def test_operation_runs_on_one_worker_and_on_those_allowed() -> None:
    pair = of_graph(chain(), workers=3).pair
    assert (pair.sequential().workers, pair.parallel().workers) == (1, 3)


def test_operation_runs_the_profile_on_the_context_given() -> None:
    def double(context: ModuleContext) -> dict[str, int]:
        return {"doubled": 2 * context["n"]}

    operation = Operation("any", [a_module("double", double), a_module("rest")], profiles={"short": ["double"]})
    subject = of_graph(operation, profile="short", context={"n": 21})
    report = subject.pair.parallel()
    assert (list(report.module_results), report.context["doubled"]) == (["double"], 42)
    assert subject.plan is not None
    assert len(subject.plan) == 1


def test_failing_operation_raises_what_went_wrong() -> None:
    def fail(context: ModuleContext) -> None:
        raise LookupError("no data")

    pair = of_graph(Operation("any", [a_module("fail", fail)])).pair
    with pytest.raises(OperationFailed) as caught:
        pair.parallel()
    assert isinstance(caught.value.exceptions[0], LookupError)


def test_broken_graph_is_refused_before_anything_runs() -> None:
    with pytest.raises(PlanError, match="unknown module 'nothing'"):
        of_graph(Operation("any", [a_module("a", depends_on=["nothing"])]))


@pytest.mark.parametrize("thing", [print, "environment_setup", 3, []])
def test_what_is_no_graph_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"measures an Operation or a scenario, not .*; programs go by keyword"):
        of_graph(thing)


def run_and_compare(pair: Pair) -> None:
    pair.check(pair.sequential(), pair.parallel())


def test_contexts_are_compared_and_shown() -> None:
    answers = iter([1, 2])
    pair = of_graph(Operation("any", [a_module("m", lambda context: {"n": next(answers)})])).pair
    with pytest.raises(ResultsDiffer, match=r"sequential: \{'n': 1\}, parallel: \{'n': 2\}"):
        run_and_compare(pair)


def test_contexts_are_compared_by_the_comparison_given() -> None:
    seen = []

    def equal(sequential: object, parallel: object) -> bool:
        seen.append((sequential, parallel))
        return True

    run_and_compare(of_graph(chain(), context={"n": 1}, equal=equal).pair)
    assert seen == [({"n": 1}, {"n": 1})]


def test_operation_has_the_ceiling_of_its_shape_for_certain() -> None:
    subject = of_graph(chain())
    assert subject.certain_ceiling is not None
    assert subject.certain_ceiling.speedup == 1.0


def test_operation_has_a_probable_ceiling_by_the_shortest_durations_of_sequential_runs() -> None:
    subject = of_graph(Operation("any", [a_module("a"), a_module("b")]))
    assert subject.durations == {}
    run_and_compare(subject.pair)
    first = dict(subject.durations)
    run_and_compare(subject.pair)
    assert set(first) == {"a", "b"}
    assert all(subject.durations[name] <= first[name] for name in first)
    assert subject.ceiling is not None
    assert subject.ceiling.speedup == pytest.approx(sum(subject.durations.values()) / max(subject.durations.values()))


def test_operation_that_has_not_run_yet_has_its_longest_chain_and_the_ceiling_of_its_shape() -> None:
    subject = of_graph(Operation("any", [a_module("x"), a_module("a"), a_module("b", depends_on=["a"])]))
    assert subject.critical_path == ("a", "b")
    assert subject.ceiling == subject.certain_ceiling


def scenario(**changes: Any) -> Scenario:
    defaults: dict[str, Any] = {
        "name": "two",
        "operation": Operation("two", [a_module("a"), a_module("b")]),
        "workers": 2,
        "durations": {"a": 3.0, "b": 1.0},
    }
    return Scenario(**{**defaults, **changes})


def test_scenario_has_the_ceiling_of_its_durations_for_certain_and_they_stay_what_they_are() -> None:
    subject = of_graph(scenario())
    run_and_compare(subject.pair)
    assert subject.durations == {"a": 3.0, "b": 1.0}
    assert subject.certain_ceiling == subject.ceiling
    assert subject.ceiling is not None
    assert subject.ceiling.speedup == pytest.approx(4 / 3)


@pytest.mark.parametrize(("given", "allowed"), [(None, 2), (5, 5)])
def test_scenario_brings_its_workers_unless_others_are_asked_for(given: int | None, allowed: int) -> None:
    subject = of_graph(scenario(), workers=given)
    assert subject.workers == subject.pair.parallel().workers == allowed


# Workers --------------------------------------------------------------------------------------------------------------


def test_operation_needs_workers() -> None:
    with pytest.raises(TypeError, match="cortex_bench needs workers=, the number of workers"):
        of_graph(chain(), workers=None)


def test_programs_need_workers() -> None:
    with pytest.raises(TypeError, match="cortex_bench needs workers=, the number of workers"):
        of_programs(int, workers=None)


@pytest.mark.parametrize("workers", [0, -1, 2.0, "4", True])
def test_workers_are_a_whole_number_from_1_up(workers: object) -> None:
    with pytest.raises(ValueError, match=f"workers must be a whole number from 1 up, not {workers!r}"):
        of_programs(int, workers=workers)


# Programs -------------------------------------------------------------------------------------------------------------


async def three() -> int:
    await asyncio.sleep(0)
    return 3


async def three_times(number: int) -> int:
    return 3 * number


class Later:
    """Something that can be awaited and is no coroutine."""

    def __await__(self) -> Any:
        return three().__await__()


@pytest.mark.parametrize(
    "program",
    [lambda: 3, three, lambda: three_times(1), Later],
    ids=["function", "coroutine function", "function that returns a coroutine", "function that returns an awaitable"],
)
def test_program_returns_its_result_whatever_its_kind(program: Callable[[], Any]) -> None:
    subject = of_programs(program, program)
    assert (subject.pair.sequential(), subject.pair.parallel()) == (3, 3)


def test_programs_have_no_graph_and_so_no_ceiling() -> None:
    subject = of_programs(int)
    assert (subject.plan, subject.ceiling, subject.certain_ceiling, subject.critical_path) == (None, None, None, ())


@pytest.mark.parametrize("program", [3, "run", three()], ids=["number", "text", "coroutine"])
def test_program_that_cannot_be_called_is_refused(program: object) -> None:
    with pytest.raises(TypeError, match=r"sequential= and parallel= must be functions without arguments, not "):
        of_programs(int, program)
    if asyncio.iscoroutine(program):
        program.close()


@pytest.mark.parametrize("program", [three, Later])
def test_coroutine_cannot_be_measured_inside_a_running_loop_and_the_error_says_so(
    program: Callable[[], Any],
) -> None:
    subject = of_programs(program)

    async def inside() -> None:
        subject.pair.sequential()

    # A coroutine that nobody awaits would warn, and a warning is an error in this test suite.
    with pytest.raises(RuntimeError, match=r"called inside a running event loop.*make the test a plain 'def'"):
        asyncio.run(inside())


def test_plain_function_can_be_measured_inside_a_running_loop() -> None:
    async def inside() -> object:
        return of_programs(lambda: 3).pair.sequential()

    assert asyncio.run(inside()) == 3


def test_error_of_a_coroutine_passes() -> None:
    async def fail() -> None:
        raise LookupError("no data")

    with pytest.raises(LookupError, match="no data"):
        of_programs(fail).pair.sequential()
