"""Subjects: operations and scenarios on one worker and on many, programs sync and async."""

import asyncio
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Module, ModuleContext, Operation, OperationFailed, Phase, PlanError, module
from pytest_cortex.bench import subject as subject_module
from pytest_cortex.bench.subject import (
    Subject,
    against_itself,
    subject_of_graph,
    subject_of_programs,
    subjects_of_contenders,
    subjects_of_scaling,
)
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace
from pytest_cortex.measuring.rounds import Arms, ResultsDiffer
from pytest_cortex.scenarios.scenario import Scenario

GRAPH_DEFAULTS: Mapping[str, Any] = {"profile": "standard", "context": {}, "equal": operator.eq, "limit_s": 60.0}


def a_module(name: str, function: Callable[[ModuleContext], Any] = lambda context: None, **fields: Any) -> Module:
    return module(id=name, **fields)(function)


def chain() -> Operation:
    return Operation("chain", [a_module("a"), a_module("b", depends_on=["a"])])


def of_graph(graph: Operation | Scenario, workers: int | None = 4, **changes: Any) -> Subject:
    return subject_of_graph(graph, "label", workers=workers, **{**GRAPH_DEFAULTS, **changes})


def of_programs(sequential: Any, parallel: Any = int, workers: Any = 4) -> Subject:
    return subject_of_programs(sequential, parallel, "label", workers, operator.eq, 60.0)


def runs(arms: Arms) -> dict[str, Any]:
    """Runs every arm once."""
    return {name: program() for name, program in arms.programs.items()}


def run_and_compare(arms: Arms) -> None:
    arms.check(runs(arms))


# Graphs ---------------------------------------------------------------------------------------------------------------


def test_operation_runs_on_one_worker_and_on_those_allowed() -> None:
    subject = of_graph(chain(), workers=3)
    assert {name: report.workers for name, report in runs(subject.arms).items()} == {"sequential": 1, "parallel": 3}
    assert (subject.reference, subject.contender, subject.workers) == ("sequential", "parallel", 3)


def test_operation_runs_the_profile_on_the_context_given() -> None:
    def double(context: ModuleContext) -> dict[str, int]:
        return {"doubled": 2 * context["n"]}

    operation = Operation("any", [a_module("double", double), a_module("rest")], profiles={"short": ["double"]})
    subject = of_graph(operation, profile="short", context={"n": 21})
    report = subject.arms.programs["parallel"]()
    assert (list(report.module_results), report.context["doubled"]) == (["double"], 42)
    assert subject.plan is not None
    assert len(subject.plan) == 1


def test_failing_operation_raises_what_went_wrong() -> None:
    def fail(context: ModuleContext) -> None:
        raise LookupError("no data")

    arms = of_graph(Operation("any", [a_module("fail", fail)])).arms
    with pytest.raises(OperationFailed) as caught:
        arms.programs["parallel"]()
    assert isinstance(caught.value.exceptions[0], LookupError)


def test_broken_graph_is_refused_before_anything_runs() -> None:
    with pytest.raises(PlanError, match="unknown module 'nothing'"):
        of_graph(Operation("any", [a_module("a", depends_on=["nothing"])]))


@pytest.mark.parametrize("thing", [print, "environment_setup", 3, []])
def test_what_is_no_graph_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"measures an Operation or a scenario, not .*; programs go by keyword"):
        of_graph(thing)


def test_contexts_are_compared_and_shown() -> None:
    answers = iter([1, 2])
    arms = of_graph(Operation("any", [a_module("m", lambda context: {"n": next(answers)})])).arms
    with pytest.raises(ResultsDiffer, match=r"sequential: \{'n': 1\}, parallel: \{'n': 2\}"):
        run_and_compare(arms)


def test_contexts_are_compared_by_the_comparison_given() -> None:
    seen = []

    def equal(sequential: object, parallel: object) -> bool:
        seen.append((sequential, parallel))
        return True

    run_and_compare(of_graph(chain(), context={"n": 1}, equal=equal).arms)
    assert seen == [({"n": 1}, {"n": 1})]


def test_operation_has_the_ceiling_of_its_shape_for_certain() -> None:
    subject = of_graph(chain())
    assert subject.certain_ceiling is not None
    assert subject.certain_ceiling.speedup == 1.0


def test_operation_has_a_probable_ceiling_by_the_shortest_durations_of_sequential_runs() -> None:
    subject = of_graph(Operation("any", [a_module("a"), a_module("b")]))
    assert subject.durations == {}
    run_and_compare(subject.arms)
    first = dict(subject.durations)
    run_and_compare(subject.arms)
    assert set(first) == {"a", "b"}
    assert all(subject.durations[name] <= first[name] for name in first)
    assert subject.ceiling is not None
    assert subject.ceiling.speedup == pytest.approx(sum(subject.durations.values()) / max(subject.durations.values()))


def test_operation_that_has_not_run_yet_has_its_longest_chain_and_the_ceiling_of_its_shape() -> None:
    subject = of_graph(Operation("any", [a_module("x"), a_module("a"), a_module("b", depends_on=["a"])]))
    assert subject.critical_path == ("a", "b")
    assert subject.ceiling == subject.certain_ceiling


def test_runs_on_many_workers_tell_nothing_about_how_long_a_module_takes_alone() -> None:
    subject = of_graph(chain())
    assert subject.arms.compared(subject.arms.programs["parallel"]()) == {}
    assert subject.durations == {}


def test_operation_shows_its_dependencies_and_phases() -> None:
    early, late = a_module("a", phase=Phase.PREPARATION), a_module("b", phase=Phase.FEATURES, depends_on=["a"])
    subject = of_graph(Operation("any", [late, early]))
    assert subject.dependencies == (("b", "a"),)
    assert subject.phases == {"a": int(Phase.PREPARATION), "b": int(Phase.FEATURES)}
    assert {type(place) for place in subject.phases.values()} == {int}


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
    run_and_compare(subject.arms)
    assert subject.designed == subject.durations == {"a": 3.0, "b": 1.0}
    assert subject.certain_ceiling == subject.ceiling
    assert subject.ceiling is not None
    assert subject.ceiling.speedup == pytest.approx(4 / 3)


@pytest.mark.parametrize(("given", "allowed"), [(None, 2), (5, 5)])
def test_scenario_brings_its_workers_unless_others_are_asked_for(given: int | None, allowed: int) -> None:
    subject = of_graph(scenario(), workers=given)
    assert subject.workers == subject.arms.programs["parallel"]().workers == allowed


# Seen from inside -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["worth tracing", "too short"])
def worth(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Says in the place of a clock whether modules are long enough to be traced."""
    monkeypatch.setattr(subject_module, "worth_tracing", lambda _report: request.param)
    return bool(request.param)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_module, "worth_tracing", lambda _report: True)


def traces(subject: Subject) -> dict[str, list[RunTrace]]:
    assert subject.runs is not None
    return dict(subject.runs.traces)


def workers_seen(subject: Subject) -> dict[str, list[int]]:
    """Returns the number of workers of every run that was traced, by arm."""
    return {arm: [run.workers for run in taken] for arm, taken in traces(subject).items()}


def test_runs_are_traced_by_arm_if_modules_are_long_enough(*, worth: bool) -> None:
    subject = of_graph(chain(), workers=3)
    for _round in range(3):
        run_and_compare(subject.arms)
    assert workers_seen(subject) == ({"sequential": [1, 1], "parallel": [3, 3]} if worth else {})
    assert {tuple(run.modules) for taken in traces(subject).values() for run in taken} <= {("a", "b")}


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("first", ["sequential", "parallel"])
def test_first_round_is_untraced_for_every_arm(first: str) -> None:
    """It shows whether modules are long enough, to whichever arm is looked at first, and the other ran like it."""
    subject = of_graph(chain())
    order = sorted(subject.arms.programs, key=lambda arm: arm != first)
    arms = replace(subject.arms, programs={arm: subject.arms.programs[arm] for arm in order})
    run_and_compare(arms)
    assert traces(subject) == {}
    run_and_compare(arms)
    assert workers_seen(subject) == {"sequential": [1], "parallel": [4]}


@pytest.mark.usefixtures("traced")
def test_what_modules_take_is_noted_in_traced_runs() -> None:
    subject = of_graph(chain())
    run_and_compare(subject.arms)
    run_and_compare(subject.arms)
    noted = [each.cpu_s for taken in traces(subject).values() for run in taken for each in run.modules.values()]
    assert len(noted) == 4
    assert None not in noted


@pytest.mark.usefixtures("traced")
def test_both_arms_on_one_worker_are_traced_apart() -> None:
    """Each with what its own modules took: notes of one arm that the other overwrote would be missing."""
    subject = of_graph(chain(), workers=1)
    for _round in range(3):
        run_and_compare(subject.arms)
    assert workers_seen(subject) == {"sequential": [1, 1], "parallel": [1, 1]}
    assert all(
        each.cpu_s is not None for taken in traces(subject).values() for run in taken for each in run.modules.values()
    )


@pytest.mark.usefixtures("traced")
def test_run_is_told_by_its_own_report_in_whatever_order_reports_are_looked_at() -> None:
    subject = of_graph(chain(), workers=1)
    run_and_compare(subject.arms)
    reports = runs(subject.arms)
    for arm in ("parallel", "sequential"):
        subject.arms.compared(reports[arm])
    seconds = {arm: [run.seconds for run in taken] for arm, taken in traces(subject).items()}
    assert seconds == {arm: [report.total_duration_seconds] for arm, report in reports.items()}


@pytest.mark.usefixtures("traced")
def test_report_that_is_looked_at_again_is_no_second_run() -> None:
    subject = of_graph(chain())
    run_and_compare(subject.arms)
    report = subject.arms.programs["parallel"]()
    subject.arms.compared(report)
    subject.arms.compared(report)
    assert workers_seen(subject) == {"parallel": [4]}


@pytest.mark.usefixtures("traced")
def test_traced_operation_is_compared_by_what_it_leaves_in_the_context() -> None:
    seen: list[tuple[object, object]] = []

    def equal(sequential: object, parallel: object) -> bool:
        seen.append((sequential, parallel))
        return True

    double = a_module("double", lambda context: {"doubled": 2 * context["n"]})
    arms = of_graph(Operation("any", [double]), context={"n": 21}, equal=equal).arms
    run_and_compare(arms)
    run_and_compare(arms)
    assert seen == [({"n": 21, "doubled": 42},) * 2] * 2


def a_run(*durations_s: float, delay_s: float | None = 0.0) -> RunTrace:
    """Returns a run of two modules that only compute."""
    modules = {
        name: ModuleTrace(started_s=0.0, duration_s=seconds, worker=0, cpu_s=seconds, delay_s=delay_s)
        for name, seconds in zip("ab", durations_s, strict=True)
    }
    return RunTrace(workers=2, seconds=sum(durations_s), modules=modules)


def test_modelled_speedups_are_those_of_the_parallel_runs_that_are_known() -> None:
    subject = of_graph(Operation("any", [a_module("a"), a_module("b")]), workers=2)
    assert subject.modelled == ()
    assert subject.runs is not None
    subject.runs.traces["sequential"].append(a_run(1.0, 1.0))
    subject.runs.traces["parallel"] += [a_run(1.0, 1.0), a_run(1.0, 1.0, delay_s=None), a_run(3.0, 1.0)]
    assert subject.modelled == pytest.approx((2.0, 4 / 3))


def test_timeline_is_that_of_the_parallel_run_of_median_length_by_start() -> None:
    subject = of_graph(Operation("any", [a_module("a"), a_module("b")]), workers=2)
    assert not subject.timeline
    assert subject.runs is not None
    subject.runs.traces["sequential"].append(a_run(9.0, 9.0))
    subject.runs.traces["parallel"] += [a_run(1.0, 5.0), a_run(1.0, 2.0), a_run(1.0, 3.0)]
    assert [(span.module, span.worker, span.started_s, span.duration_s) for span in subject.timeline] == [
        ("a", 0, 0.0, 1.0),
        ("b", 0, 0.0, 3.0),
    ]


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
    assert runs(subject.arms) == {"sequential": 3, "parallel": 3}


def test_programs_have_no_graph_and_nothing_that_comes_of_one() -> None:
    subject = of_programs(int)
    assert (subject.plan, subject.runs, subject.ceiling, subject.certain_ceiling) == (None, None, None, None)
    assert (subject.critical_path, subject.dependencies, subject.modelled) == ((), (), ())
    assert (subject.designed, subject.durations, subject.phases) == ({}, {}, {})


@pytest.mark.parametrize("program", [3, "run", three()], ids=["number", "text", "coroutine"])
def test_program_that_cannot_be_called_is_refused(program: object) -> None:
    with pytest.raises(TypeError, match=r"measures functions that it can call, not "):
        of_programs(int, program)
    if asyncio.iscoroutine(program):
        program.close()


@pytest.mark.parametrize("program", [three, Later])
def test_coroutine_cannot_be_measured_inside_a_running_loop_and_the_error_says_so(
    program: Callable[[], Any],
) -> None:
    subject = of_programs(program)

    async def inside() -> None:
        subject.arms.programs["sequential"]()

    # A coroutine that nobody awaits would warn, and a warning is an error in this test suite.
    with pytest.raises(RuntimeError, match=r"called inside a running event loop.*make the test a plain 'def'"):
        asyncio.run(inside())


def test_plain_function_can_be_measured_inside_a_running_loop() -> None:
    async def inside() -> object:
        return of_programs(lambda: 3).arms.programs["sequential"]()

    assert asyncio.run(inside()) == 3


def test_error_of_a_coroutine_passes() -> None:
    async def fail() -> None:
        raise LookupError("no data")

    with pytest.raises(LookupError, match="no data"):
        of_programs(fail).arms.programs["sequential"]()


# Contenders -----------------------------------------------------------------------------------------------------------


def contenders(programs: Mapping[str, Any], baseline: str = "theirs") -> list[Subject]:
    return subjects_of_contenders(programs, baseline, "sort", equal=operator.eq, limit_s=60.0)


def test_every_contender_is_held_against_the_baseline() -> None:
    subjects = contenders({"ours": lambda: 3, "theirs": three, "old": Later})
    assert [each.name for each in subjects] == ["sort[ours]", "sort[old]"]
    assert [each.contender for each in subjects] == ["ours", "old"]
    assert {(each.reference, each.against, each.workers) for each in subjects} == {("theirs", "theirs", 1)}


def test_contenders_share_their_arms_and_the_baseline_comes_first() -> None:
    """What differs from the baseline is then the one that is blamed."""
    first, second = contenders({"ours": lambda: 3, "theirs": three, "old": Later})
    assert first.arms is second.arms
    assert list(first.arms.programs) == ["theirs", "ours", "old"]
    assert runs(first.arms) == {"theirs": 3, "ours": 3, "old": 3}


def test_contenders_have_no_graph() -> None:
    (subject,) = contenders({"ours": int, "theirs": int})
    assert (subject.plan, subject.ceiling, subject.modelled) == (None, None, ())


@pytest.mark.parametrize("programs", [{}, {"theirs": int}])
def test_comparison_takes_two(programs: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"compare needs at least two contenders, got \["):
        contenders(programs)


def test_baseline_is_one_of_the_contenders() -> None:
    with pytest.raises(ValueError, match="baseline='thiers' is none of the contenders 'ours', 'theirs'"):
        contenders({"ours": int, "theirs": int}, baseline="thiers")


def test_contender_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="measures functions that it can call, not 3"):
        contenders({"ours": 3, "theirs": int})


# Scaling --------------------------------------------------------------------------------------------------------------


def scaled(subject: Any, workers: Sequence[Any] = (4, 1, 2)) -> list[Subject]:
    return subjects_of_scaling(subject, "label", workers, **GRAPH_DEFAULTS)


def test_program_is_measured_at_each_number_of_workers_against_one() -> None:
    subjects = scaled(lambda workers: 10 * workers)
    assert [(each.name, each.workers, each.contender) for each in subjects] == [
        ("label[2]", 2, "2"),
        ("label[4]", 4, "4"),
    ]
    assert {each.reference for each in subjects} == {"1"}
    assert runs(subjects[0].arms) == {"1": 10, "2": 20, "4": 40}
    assert subjects[0].arms is subjects[1].arms


def test_coroutine_function_can_be_scaled() -> None:
    assert runs(scaled(three_times)[0].arms) == {"1": 3, "2": 6, "4": 12}


def test_operation_runs_on_each_number_of_workers() -> None:
    subjects = scaled(chain())
    assert {name: report.workers for name, report in runs(subjects[0].arms).items()} == {"1": 1, "2": 2, "4": 4}
    assert [each.workers for each in subjects] == [2, 4]


def test_scaled_operation_has_a_ceiling_for_each_number_of_workers() -> None:
    wide = Operation("wide", [a_module(name) for name in "abc"])
    ceilings = [each.certain_ceiling for each in scaled(wide)]
    assert [each.speedup for each in ceilings if each is not None] == [2.0, 3.0]


def test_scaled_scenario_keeps_its_durations_and_its_name_to_find_limits_by() -> None:
    for subject in scaled(scenario()):
        assert subject.scenario is not None
        assert (subject.scenario.name, subject.durations) == ("two", {"a": 3.0, "b": 1.0})


def test_scaled_operation_is_modelled_by_the_runs_on_its_own_number_of_workers() -> None:
    two, four = scaled(Operation("any", [a_module("a"), a_module("b")]))
    assert two.runs is not None
    two.runs.traces["2"].append(a_run(3.0, 1.0))
    two.runs.traces["4"].append(a_run(1.0, 1.0))
    assert two.modelled == pytest.approx((4 / 3,))
    assert four.modelled == pytest.approx((2.0,))


@pytest.mark.parametrize("workers", [[], [1], [2, 4], [1, 2, 2], [1, 1]])
def test_scaling_takes_one_worker_and_another_number_each_once(workers: list[int]) -> None:
    with pytest.raises(ValueError, match="workers must hold 1 and at least one more number, each once, got") as caught:
        scaled(int, workers)
    assert str(caught.value).endswith(repr(workers))


@pytest.mark.parametrize("count", [0, 2.0, True, "2"])
def test_scaling_takes_whole_numbers_of_workers(count: object) -> None:
    with pytest.raises(ValueError, match=f"workers must be a whole number from 1 up, not {count!r}"):
        scaled(int, [1, count])


@given(workers=st.sets(st.integers(1, 64)).map(lambda several: [1, *several - {1}]).filter(lambda all_: len(all_) > 1))
def test_scaling_goes_upwards_whatever_the_order_given(workers: list[int]) -> None:
    """By number, not by name: 10 comes after 9."""
    subjects = scaled(int, workers[::-1])
    assert [each.workers for each in subjects] == sorted(workers)[1:]
    assert list(subjects[0].arms.programs) == [str(count) for count in sorted(workers)]


def test_what_cannot_be_scaled_is_refused() -> None:
    with pytest.raises(TypeError, match=r"scale takes an operation, a scenario or a function of the number .*, not 3"):
        scaled(3)


# Against itself -------------------------------------------------------------------------------------------------------


def test_against_itself_every_arm_is_the_program_of_the_contender() -> None:
    alike = against_itself(of_programs(lambda: "slow", lambda: "fast"))
    assert runs(alike.arms) == {"sequential": "fast", "parallel": "fast"}


@pytest.mark.parametrize("graph", [chain(), scenario()], ids=["operation", "scenario"])
def test_against_itself_a_graph_tells_nothing(graph: Operation | Scenario) -> None:
    """Its ceiling is no longer that of the ratio, which is 1."""
    alike = against_itself(of_graph(graph, workers=3))
    assert {report.workers for report in runs(alike.arms).values()} == {3}
    assert (alike.plan, alike.scenario, alike.certain_ceiling, alike.modelled) == (None, None, None, ())


@pytest.mark.usefixtures("traced")
def test_against_itself_an_operation_keeps_its_name_and_its_comparison() -> None:
    """Also from the second round on, when it is traced."""
    answers = iter([1, 1, 1, 2])
    alike = against_itself(of_graph(Operation("any", [a_module("m", lambda context: {"n": next(answers)})])))
    run_and_compare(alike.arms)
    with pytest.raises(ResultsDiffer, match=r"sequential: \{'n': 1\}, parallel: \{'n': 2\}"):
        run_and_compare(alike.arms)
    assert (alike.name, alike.workers, alike.reference, alike.contender) == ("label", 4, "sequential", "parallel")


def test_against_itself_all_arms_are_the_one_contender_a_subject_is_about() -> None:
    ours, old = map(against_itself, contenders({"ours": lambda: "o", "theirs": lambda: "t", "old": lambda: "old"}))
    assert (set(runs(ours.arms).values()), set(runs(old.arms).values())) == ({"o"}, {"old"})
