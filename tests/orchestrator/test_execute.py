"""Running operations: who runs what where, and that one run knows nothing of another."""

import contextvars
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestrator import ModuleContext, Operation, Phase, Status, execute_operation, module

PATIENCE_S = 60.0
"""How long a barrier waits before a test fails; a passing test never waits that long."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def nothing(context: ModuleContext) -> None: ...


def fan(size: int, function: Any = nothing) -> Operation:
    return Operation("fan", [module(id=f"m{number}")(function) for number in range(size)])


def test_calling_thread_works_too() -> None:
    """Two modules meet, so two threads run them; one of the two is the caller's."""
    meeting = threading.Barrier(2)
    threads: set[threading.Thread] = set()

    def meet(context: ModuleContext) -> None:
        threads.add(threading.current_thread())
        meeting.wait(PATIENCE_S)

    report = execute_operation(fan(2, meet), max_parallel_workers=2)
    assert threading.current_thread() in threads
    assert {result.worker for result in report.module_results.values()} == {0, 1}


def test_one_worker_starts_no_thread() -> None:
    threads: set[threading.Thread] = set()
    execute_operation(fan(20, lambda _context: threads.add(threading.current_thread())), max_parallel_workers=1)
    assert threads == {threading.current_thread()}


def test_more_workers_than_modules_are_not_started() -> None:
    threads: set[int] = set()
    execute_operation(fan(2, lambda _context: threads.add(threading.active_count())), max_parallel_workers=1000)
    assert max(threads) <= threading.active_count() + 1


def test_worker_that_ends_a_module_wakes_as_many_as_have_become_ready() -> None:
    """One module opens the way for four that meet: with a wake-up short, they would wait for ever."""
    meeting = threading.Barrier(4)

    def meet(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)

    behind = [module(id=f"m{number}", depends_on=["first"])(meet) for number in range(4)]
    assert execute_operation(Operation("op", [module(id="first")(nothing), *behind]), max_parallel_workers=4).success


def test_module_starts_as_soon_as_its_own_dependencies_are_done() -> None:
    """No barrier between groups: the second link of the quick chain runs while the slow first one still does."""
    quick_done = threading.Event()

    def wait_for_the_quick(context: ModuleContext) -> None:
        assert quick_done.wait(PATIENCE_S)

    slow = module(id="slow")(wait_for_the_quick)
    quick = module(id="quick")(nothing)
    next_quick = module(id="next_quick", depends_on=["quick"])(lambda _context: quick_done.set())
    assert execute_operation(Operation("op", [slow, quick, next_quick]), max_parallel_workers=2).success


def test_phases_do_not_overlap() -> None:
    """Three modules of the first phase hold each other up at a barrier; none of the second may slip in meanwhile."""
    diary: list[str] = []
    meeting = threading.Barrier(3)

    def early(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)
        diary.append("early")

    modules = [module(id=f"l{n}", phase=Phase.FEATURES)(lambda _context: diary.append("late")) for n in range(3)]
    modules += [module(id=f"e{n}", phase=Phase.PREPARATION)(early) for n in range(3)]
    execute_operation(Operation("op", modules), max_parallel_workers=4)
    assert diary == ["early"] * 3 + ["late"] * 3


def test_results_come_in_the_order_of_the_plan() -> None:
    report = execute_operation(fan(20), max_parallel_workers=4)
    assert list(report.module_results) == [f"m{number}" for number in range(20)]


def test_returned_data_is_in_the_result_and_read_only() -> None:
    report = execute_operation(Operation("op", [module(id="a")(lambda _context: {"k": 1})]))
    data = report.module_results["a"].data
    assert data == {"k": 1}
    with pytest.raises(TypeError):
        data["k"] = 2  # type: ignore[index]  # wrong on purpose


@pytest.mark.parametrize("returned", [42, "text", ["k"], {("k", 1)}, True, object()])
def test_returning_anything_but_a_mapping_fails_the_module(returned: object) -> None:
    report = execute_operation(Operation("op", [module(id="a")(lambda _context: returned)]))  # type: ignore[arg-type, return-value]  # wrong on purpose
    assert report.modules_failed == ("a",)
    assert "module 'a' returned" in str(report.errors[0])
    assert "return a mapping of names to values, or None" in str(report.errors[0])


def test_huge_wrong_return_value_makes_a_short_message() -> None:
    report = execute_operation(Operation("op", [module(id="a")(lambda _context: "x" * 10**7)]))  # type: ignore[arg-type, return-value]  # wrong on purpose
    assert len(str(report.errors[0])) < 300


# Conditions and checks ------------------------------------------------------------------------------------------------


def test_false_condition_skips_the_module_and_what_needs_it() -> None:
    modules = [
        module(id="a", condition=lambda context: context["wanted"])(nothing),
        module(id="b", depends_on=["a"])(nothing),
        module(id="c", runs_after=["a"])(nothing),
    ]
    report = execute_operation(Operation("op", modules), context={"wanted": False})
    assert report.success
    assert {name: each.skip_reason for name, each in report.module_results.items()} == {
        "a": "condition",
        "b": "upstream_skipped",
        "c": None,
    }


def test_true_condition_lets_the_module_run() -> None:
    wanted = module(id="a", condition=lambda _context: "anything true")(nothing)
    assert execute_operation(Operation("op", [wanted])).modules_succeeded == ("a",)


def test_failing_check_fails_the_module_before_it_is_entered() -> None:
    entered: list[str] = []
    undone: list[str] = []
    guarded = module(id="a", check=lambda _context: ["no disk", "no network"])(lambda _context: entered.append("a"))
    guarded.rollback(lambda _context: undone.append("a"))
    report = execute_operation(Operation("op", [guarded]))
    assert not report.success
    assert str(report.errors[0]) == "check of module 'a' found: no disk; no network"
    assert (entered, undone, report.rollback_results) == ([], [], {})
    assert report.module_results["a"].started_s is None


def test_check_that_returns_one_string_has_found_one_problem() -> None:
    report = execute_operation(Operation("op", [module(id="a", check=lambda _context: "no disk")(nothing)]))
    assert str(report.errors[0]) == "check of module 'a' found: no disk"


@pytest.mark.parametrize("fine", [None, (), [], "", iter(())])
def test_check_that_finds_nothing_lets_the_module_run(fine: Any) -> None:
    assert execute_operation(Operation("op", [module(id="a", check=lambda _context: fine)(nothing)])).success


def test_condition_is_asked_before_the_check() -> None:
    unwanted = module(id="a", condition=lambda _context: False, check=lambda _context: ["broken"])(nothing)
    report = execute_operation(Operation("op", [unwanted]))
    assert report.success
    assert report.module_results["a"].status is Status.SKIPPED


@pytest.mark.parametrize("field", ["condition", "check"])
def test_condition_or_check_that_raises_fails_the_module_unentered(field: str) -> None:
    def broken(context: ModuleContext) -> Any:
        raise OSError("cannot tell")

    report = execute_operation(Operation("op", [module(id="a", **{field: broken})(nothing)]))
    assert [str(error) for error in report.errors] == ["cannot tell"]
    assert report.module_results["a"].status is Status.FAILED
    assert report.rollback_results == {}


def test_optional_module_with_a_failing_check_stops_nobody() -> None:
    modules = [module(id="a", optional=True, check=lambda _context: ["no"])(nothing), module(id="b")(nothing)]
    report = execute_operation(Operation("op", modules))
    assert (report.success, report.modules_failed, report.rollback_results) == (True, ("a",), {})


def test_guards_see_the_same_context_as_the_module() -> None:
    seen: list[dict[str, Any]] = []

    def look(context: ModuleContext) -> bool:
        seen.append(dict(context))
        return True

    def look_again(context: ModuleContext) -> list[str]:
        seen.append(dict(context))
        return []

    modules = [
        module(id="a")(lambda _context: {"k": 1}),
        module(id="b", depends_on=["a"], condition=look, check=look_again)(nothing),
    ]
    execute_operation(Operation("op", modules))
    assert seen == [{"k": 1}, {"k": 1}]


# Context variables ----------------------------------------------------------------------------------------------------

language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default="none")


def test_module_sees_the_callers_context_variables_on_every_worker() -> None:
    meeting = threading.Barrier(2)
    seen: list[str] = []

    def look(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)
        seen.append(language.get())

    token = language.set("fr")
    try:
        execute_operation(fan(2, look), max_parallel_workers=2)
    finally:
        language.reset(token)
    assert seen == ["fr", "fr"]


def test_module_cannot_change_context_variables_of_others() -> None:
    def speak(context: ModuleContext) -> Mapping[str, Any]:
        before = language.get()
        language.set("la")
        return {"heard": before}

    operation = Operation("op", [module(id=name, merge={"heard": _join})(speak) for name in "abc"])
    report = execute_operation(operation, max_parallel_workers=1)
    assert report.context["heard"] == "none,none,none"
    assert language.get() == "none"


def _join(old: str, new: str) -> str:
    return f"{old},{new}"


# Several runs ---------------------------------------------------------------------------------------------------------


def two_steps() -> Operation:
    one = module(id="one")(lambda _context: {"a": 1})
    other = module(id="other", depends_on=["one"])(lambda context: {"s": context["a"]})
    return Operation("op", [one, other])


def test_same_operation_can_be_run_again() -> None:
    operation = two_steps()
    first, second = execute_operation(operation), execute_operation(operation)
    assert first.context == second.context == {"a": 1, "s": 1}


def test_same_operation_can_be_run_again_after_it_failed() -> None:
    broken = [True]

    def sometimes(context: ModuleContext) -> None:
        if broken[0]:
            raise OSError

    operation = fan(3, sometimes)
    assert not execute_operation(operation).success
    broken[0] = False
    assert execute_operation(operation).success


def test_same_operation_can_run_in_several_threads_at_once() -> None:
    """All eight runs are inside the operation at the same moment."""
    everyone = threading.Barrier(8)

    def meet(context: ModuleContext) -> Mapping[str, Any]:
        everyone.wait(PATIENCE_S)
        return {"mine": context["number"]}

    operation = Operation("op", [module(id="meet")(meet), module(id="end", depends_on=["meet"])(nothing)])
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(execute_operation, operation, context={"number": number}) for number in range(8)]
        reports = [run.result(PATIENCE_S) for run in runs]
    assert [report.context["mine"] for report in reports] == list(range(8))


def test_operation_can_run_outside_the_main_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(execute_operation, fan(20)).result(PATIENCE_S).success


@pytest.mark.parametrize("workers", [1, 4])
def test_module_may_run_an_operation_of_its_own(workers: int) -> None:
    def nested(context: ModuleContext) -> Mapping[str, Any]:
        inner = execute_operation(two_steps(), max_parallel_workers=workers)
        return {f"inner_{context['depth']}": dict(inner.context)}

    report = execute_operation(
        Operation("outer", [module(id="nested")(nested)]), max_parallel_workers=workers, context={"depth": 1}
    )
    assert report.context["inner_1"] == {"a": 1, "s": 1}


def test_every_worker_may_run_an_operation_of_its_own_at_once() -> None:
    meeting = threading.Barrier(3)

    def nested(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)
        execute_operation(fan(10), max_parallel_workers=3).raise_for_failure()

    assert execute_operation(fan(3, nested), max_parallel_workers=3).success


# Cancellation as a module sees it -------------------------------------------------------------------------------------


def test_nothing_is_cancelled_while_all_is_well() -> None:
    def ask(context: ModuleContext) -> Mapping[str, Any]:
        context.check_cancelled()
        context.sleep(0)
        return {"cancelled": context.cancelled}

    assert execute_operation(Operation("op", [module(id="a")(ask)])).context["cancelled"] is False
