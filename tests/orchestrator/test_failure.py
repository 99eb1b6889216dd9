"""When modules fail: what still runs, what does not, and what is given up."""

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from orchestrator import (
    Module,
    ModuleContext,
    Operation,
    OperationCancelled,
    OperationExecutionReport,
    Phase,
    RollbackStatus,
    SkipReason,
    Status,
    execute_operation,
    module,
    runner,
)

PATIENCE_S = 60.0
"""How long a barrier or an event is waited for before a test fails; a passing test never waits that long."""


def nothing(context: ModuleContext) -> None: ...


def fail(context: ModuleContext) -> None:
    raise OSError("broken")


def noting(diary: list[str], line: str) -> Callable[[ModuleContext], None]:
    """A function for a module or a rollback that writes one line."""
    return lambda _context: diary.append(line)


def node(name: str, *depends_on: str, function: Any = nothing, **fields: Any) -> Module:
    return module(id=name, depends_on=depends_on, **fields)(function)


def run(*modules: Module, **options: Any) -> OperationExecutionReport:
    return execute_operation(Operation("op", modules), **options)


def reasons(report: OperationExecutionReport) -> dict[str, str | None]:
    return {name: result.skip_reason for name, result in report.module_results.items()}


# Policies -------------------------------------------------------------------------------------------------------------


def test_failure_of_a_required_module_fails_the_operation() -> None:
    report = run(node("a", function=fail))
    assert not report.success
    assert report.modules_failed == ("a",)
    assert isinstance(report.module_results["a"].error, OSError)


def test_nothing_starts_after_the_decision() -> None:
    """Four of fifty are inside when one fails; the others leave only once they are told, and nobody follows them."""
    inside = threading.Barrier(4)
    started: list[str] = []

    def first_fails(context: ModuleContext, name: str) -> None:
        started.append(name)
        inside.wait(PATIENCE_S)
        if name == "m0":
            raise OSError
        context.sleep(PATIENCE_S)

    modules = [node(f"m{n}", function=lambda context, name=f"m{n}": first_fails(context, name)) for n in range(50)]
    report = run(*modules, max_parallel_workers=4, grace_s=PATIENCE_S)
    assert len(started) == 4
    assert len(report.modules_skipped) == 46


def test_guard_that_was_being_asked_at_the_decision_lets_nothing_in() -> None:
    """A condition takes its time, and says yes after another module has failed: too late to enter."""
    asked = threading.Event()
    entered: list[str] = []

    def slow_yes(context: ModuleContext) -> bool:
        asked.set()
        while not context.cancelled:
            pass
        return True

    def fail_when_asked(context: ModuleContext) -> None:
        assert asked.wait(PATIENCE_S)
        raise OSError

    modules = [
        node("a", function=fail_when_asked),
        node("b", function=noting(entered, "b"), condition=slow_yes),
    ]
    report = run(*modules, max_parallel_workers=2, grace_s=PATIENCE_S)
    assert entered == []
    assert report.module_results["b"].status is Status.CANCELLED
    assert list(report.rollback_results) == ["a"]


def test_by_default_what_had_not_started_is_cancelled() -> None:
    report = run(node("a", function=fail), node("b", "a"), node("c"), max_parallel_workers=1)
    assert reasons(report) == {"a": None, "b": SkipReason.UPSTREAM_FAILED, "c": SkipReason.CANCELLED}


def test_continue_runs_everything_that_does_not_depend_on_the_failure_and_then_rolls_back() -> None:
    diary: list[str] = []
    independent = module(id="c")(noting(diary, "c"))
    independent.rollback(noting(diary, "undo c"))
    report = run(
        node("a", function=fail),
        node("b", "a"),
        independent,
        node("d", runs_after=["a"], function=noting(diary, "d")),
        node("e", phase=Phase.FINALIZATION, function=noting(diary, "e")),
        on_failure="continue",
        max_parallel_workers=1,
    )
    assert not report.success
    assert diary == ["c", "d", "e", "undo c"]
    assert reasons(report)["b"] is SkipReason.UPSTREAM_FAILED


def test_continue_collects_every_error_in_order() -> None:
    modules = [node("a", function=fail), node("b", function=lambda context: context["absent"]), node("c")]
    report = run(*modules, on_failure="continue", max_parallel_workers=1)
    assert [type(error) for error in report.errors] == [OSError, KeyError]


def test_stop_starts_nothing_more_and_undoes_nothing() -> None:
    undone: list[str] = []
    first = module(id="a")(nothing)
    first.rollback(noting(undone, "a"))
    report = run(first, node("b", "a", function=fail), node("c", "b"), on_failure="stop")
    assert (report.success, undone, report.rollback_results) == (False, [], {})
    assert report.modules_skipped == ("c",)


def test_running_module_that_finishes_after_the_failure_has_succeeded() -> None:
    both = threading.Barrier(2)

    def finish(context: ModuleContext) -> Mapping[str, Any]:
        both.wait(PATIENCE_S)
        while not context.cancelled:
            pass
        return {"late": True}

    def fail_beside(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)
        raise OSError

    report = run(
        node("a", function=fail_beside),
        node("b", function=finish),
        max_parallel_workers=2,
        grace_s=PATIENCE_S,
    )
    assert report.modules_succeeded == ("b",)
    assert report.context["late"] is True
    assert set(report.rollback_results) == {"a", "b"}


@pytest.mark.parametrize("notice", ["sleep", "check_cancelled"])
def test_module_that_notices_the_cancel_is_cancelled(notice: str) -> None:
    both = threading.Barrier(2)

    def go_on(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)
        while True:
            context.sleep(PATIENCE_S) if notice == "sleep" else context.check_cancelled()

    def fail_beside(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)
        raise OSError("the original")

    report = run(node("a", function=fail_beside), node("b", function=go_on), max_parallel_workers=2, grace_s=PATIENCE_S)
    assert report.module_results["b"].status is Status.CANCELLED
    assert report.modules_failed == ("a", "b")
    assert [type(error) for error in report.errors] == [OSError, OperationCancelled]
    assert set(report.rollback_results) == {"a", "b"}


def test_cancel_error_that_nobody_asked_for_is_a_failure() -> None:
    def give_up(context: ModuleContext) -> None:
        raise OperationCancelled("on my own account")

    assert run(node("a", function=give_up)).module_results["a"].status is Status.FAILED


# Optional modules -----------------------------------------------------------------------------------------------------


def test_optional_failure_skips_hard_dependents_and_lets_the_rest_run() -> None:
    report = run(
        node("a", function=fail, optional=True),
        node("b", "a", optional=True),
        node("c", runs_after=["a"]),
        node("d", runs_after=["b"]),
    )
    assert report.success
    assert report.modules_failed == ("a",)
    assert reasons(report) == {"a": None, "b": SkipReason.UPSTREAM_FAILED, "c": None, "d": None}


def test_optional_failure_is_among_the_errors_of_a_success() -> None:
    report = run(node("a", function=fail, optional=True))
    assert report.success
    assert [str(error) for error in report.errors] == ["broken"]
    report.raise_for_failure()


def test_optional_failure_is_rolled_back_alone_and_at_once() -> None:
    diary: list[str] = []
    first, maybe = module(id="first")(nothing), module(id="maybe", depends_on=["first"], optional=True)(fail)
    first.rollback(noting(diary, "undo first"))
    maybe.rollback(noting(diary, "undo maybe"))
    last = node("last", runs_after=["maybe"], function=noting(diary, "last"))
    report = run(first, maybe, last, max_parallel_workers=1)
    assert diary == ["undo maybe", "last"]
    assert {name: each.status for name, each in report.rollback_results.items()} == {"maybe": "rolled_back"}


def test_optional_module_undone_on_its_own_is_not_undone_again_when_the_operation_fails() -> None:
    undone: list[str] = []
    maybe = module(id="maybe", optional=True)(fail)
    maybe.rollback(noting(undone, "maybe"))
    report = run(maybe, node("must", runs_after=["maybe"], function=fail))
    assert undone == ["maybe"]
    assert list(report.rollback_results) == ["maybe", "must"]


def test_optional_module_whose_rollback_fails_is_still_optional() -> None:
    maybe = module(id="maybe", optional=True)(fail)
    maybe.rollback(fail)
    report = run(maybe, node("b"))
    assert report.success
    assert report.rollback_results["maybe"].status is RollbackStatus.FAILED


# What modules may raise -----------------------------------------------------------------------------------------------


def leave(context: ModuleContext) -> None:
    sys.exit("enough")


def interrupt(context: ModuleContext) -> None:
    raise KeyboardInterrupt("not a signal")


class Strange(BaseException):
    """Neither an ``Exception`` nor known to anybody."""


def be_strange(context: ModuleContext) -> None:
    raise Strange


@pytest.mark.parametrize("function", [leave, interrupt, be_strange])
@pytest.mark.parametrize("where", ["caller", "helper"])
def test_module_may_raise_anything_and_only_fails(function: Any, where: str) -> None:
    """Also ``sys.exit`` and what looks like Ctrl-C but is no signal; on the calling thread and on another."""
    both = threading.Barrier(2)

    def meet_and(context: ModuleContext, then: Any) -> None:
        both.wait(PATIENCE_S)
        then(context)

    first, second = (function, nothing) if where == "caller" else (nothing, function)
    report = run(
        node("a", function=lambda context: meet_and(context, first)),
        node("b", function=lambda context: meet_and(context, second)),
        max_parallel_workers=2,
        grace_s=PATIENCE_S,
    )
    failed = "a" if where == "caller" else "b"
    assert report.modules_failed == (failed,)
    assert report.module_results[failed].status is Status.FAILED
    assert set(report.rollback_results) == {"a", "b"}


def test_error_is_noted_with_its_module() -> None:
    (error,) = run(node("a", function=fail)).errors
    assert error.__notes__ == ["in module 'a'"]


# Giving up ------------------------------------------------------------------------------------------------------------


class Stuck:
    """A module that ignores every cancel until the test lets it go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self.thread = threading.current_thread()

    def run(self, context: ModuleContext) -> Mapping[str, Any]:
        self.thread = threading.current_thread()
        self.entered.set()
        assert self.released.wait(PATIENCE_S)
        return {"late": "result"}

    def fail_beside(self, context: ModuleContext) -> None:
        assert self.entered.wait(PATIENCE_S)
        raise OSError


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.released.set()
    made.thread.join(PATIENCE_S)
    assert not made.thread.is_alive()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does not wait for modules that were given up."""
    monkeypatch.setattr(runner, "UNSAFE_AFTER_S", 0.0)


@pytest.mark.usefixtures("impatient")
def test_module_that_outstays_its_grace_is_abandoned(stuck: Stuck) -> None:
    report = run(
        node("a", function=stuck.fail_beside), node("b", function=stuck.run), max_parallel_workers=2, grace_s=0.0
    )
    result = report.module_results["b"]
    assert result.status is Status.ABANDONED
    assert result.duration_s is not None
    assert result.error is None
    assert report.modules_failed == ("a", "b")


@pytest.mark.usefixtures("impatient")
def test_late_result_of_an_abandoned_module_is_dropped(stuck: Stuck) -> None:
    report = run(
        node("a", function=stuck.fail_beside), node("b", function=stuck.run), max_parallel_workers=2, grace_s=0.0
    )
    stuck.released.set()
    stuck.thread.join(PATIENCE_S)
    assert "late" not in report.context
    assert report.module_results["b"].status is Status.ABANDONED
    assert report.module_results["b"].data is None


@pytest.mark.usefixtures("impatient")
def test_rollback_of_an_abandoned_module_and_its_ancestors_is_unsafe(stuck: Stuck) -> None:
    """What the stuck module builds on must not be pulled away under it; what it does not know is undone."""
    undone: list[str] = []
    early, grandparent, parent, stranger = (
        module(id="early", phase=Phase.PREPARATION)(nothing),
        module(id="grandparent")(nothing),
        module(id="parent", depends_on=["grandparent"])(nothing),
        module(id="stranger", depends_on=["parent"])(nothing),
    )
    for each in (early, grandparent, parent, stranger):
        each.rollback(noting(undone, each.id))
    # The caller goes on with the stranger and then with a, so it is the helper that gets stuck.
    a, b = node("a", "stranger", function=stuck.fail_beside), node("stuck", "parent", function=stuck.run)
    report = run(early, grandparent, parent, stranger, a, b, max_parallel_workers=2, grace_s=0.0)
    assert undone == ["stranger"]
    statuses = {name: each.status for name, each in report.rollback_results.items()}
    assert statuses == {
        "stuck": RollbackStatus.UNSAFE,
        "a": RollbackStatus.NOT_DEFINED,
        "stranger": RollbackStatus.ROLLED_BACK,
        "parent": RollbackStatus.UNSAFE,
        "grandparent": RollbackStatus.UNSAFE,
        "early": RollbackStatus.UNSAFE,
    }


def test_abandoned_module_that_ends_soon_after_is_rolled_back(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is let go only when the run waits for those it has given up."""
    undone: list[str] = []
    outlast = runner.Runner._outlast_abandoned

    def let_go(self: runner.Runner) -> set[int]:
        stuck.released.set()
        return outlast(self)

    monkeypatch.setattr(runner.Runner, "_outlast_abandoned", let_go)
    monkeypatch.setattr(runner, "UNSAFE_AFTER_S", PATIENCE_S)
    late = module(id="late")(stuck.run)
    late.rollback(noting(undone, "late"))
    report = run(node("a", function=stuck.fail_beside), late, max_parallel_workers=2, grace_s=0.0)
    assert undone == ["late"]
    assert report.module_results["late"].status is Status.ABANDONED
    assert report.rollback_results["late"].status is RollbackStatus.ROLLED_BACK


def test_abandoned_optional_module_that_undid_itself_is_not_undone_again(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed on its own, and was still rolling back when the operation failed and gave it up."""
    undone: list[str] = []
    outlast = runner.Runner._outlast_abandoned

    def let_go(self: runner.Runner) -> set[int]:
        stuck.released.set()
        return outlast(self)

    monkeypatch.setattr(runner.Runner, "_outlast_abandoned", let_go)
    monkeypatch.setattr(runner, "UNSAFE_AFTER_S", PATIENCE_S)
    maybe = module(id="maybe", optional=True)(fail)

    @maybe.rollback
    def slow_undo(context: ModuleContext) -> None:
        stuck.run(context)
        undone.append("maybe")

    report = run(node("a", function=stuck.fail_beside), maybe, max_parallel_workers=2, grace_s=0.0)
    assert undone == ["maybe"]
    assert report.rollback_results["maybe"].status is RollbackStatus.ROLLED_BACK


@pytest.mark.usefixtures("impatient")
def test_module_abandoned_while_its_check_was_asked_was_never_entered(stuck: Stuck) -> None:
    entered: list[str] = []

    def slow_check(context: ModuleContext) -> list[str]:
        stuck.run(context)
        return []

    guarded = node("b", "before", function=noting(entered, "b"), check=slow_check)
    report = run(
        node("before"), node("a", "before", function=stuck.fail_beside), guarded, max_parallel_workers=2, grace_s=0.0
    )
    stuck.released.set()
    stuck.thread.join(PATIENCE_S)
    assert entered == []
    assert report.module_results["b"].status is Status.ABANDONED
    assert report.module_results["b"].started_s is None
    # It is not undone, never having been entered; but its check may be looking at what came before.
    assert "b" not in report.rollback_results
    assert report.rollback_results["before"].status is RollbackStatus.UNSAFE


@pytest.mark.usefixtures("impatient")
def test_abandoned_thread_is_a_daemon_so_that_the_interpreter_can_exit(stuck: Stuck) -> None:
    run(node("a", function=stuck.fail_beside), node("b", function=stuck.run), max_parallel_workers=2, grace_s=0.0)
    assert stuck.thread.daemon


@pytest.mark.parametrize("grace_s", [math.inf, 1e300, threading.TIMEOUT_MAX])
def test_grace_may_be_as_long_as_one_likes(grace_s: float) -> None:
    both = threading.Barrier(2)

    def finish(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)
        while not context.cancelled:
            pass

    def fail_beside(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)
        raise OSError

    report = run(node("a", function=fail_beside), node("b", function=finish), max_parallel_workers=2, grace_s=grace_s)
    assert report.modules_succeeded == ("b",)


def test_signal_handlers_are_the_same_after_a_failure() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(node("a", function=fail))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
