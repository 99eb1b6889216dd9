"""Rolling back: who, in which order, and that nothing gets in its way."""

import contextvars
import operator
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator import (
    Module,
    ModuleContext,
    Operation,
    OperationExecutionReport,
    Phase,
    RollbackStatus,
    execute_operation,
    module,
)

PATIENCE_S = 60.0
"""How long a barrier is waited for before a test fails; a passing test never waits that long."""


language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default="none")


def fail(context: ModuleContext) -> None:
    raise OSError("the original")


class Diary:
    """Modules that write down when they are undone."""

    def __init__(self) -> None:
        self.undone: list[str] = []

    def node(self, name: str, *depends_on: str, function: Any = None, undo: Any = None, **fields: Any) -> Module:
        made = module(id=name, depends_on=depends_on, **fields)(function or (lambda _context: None))

        def note(context: ModuleContext) -> None:
            self.undone.append(name)
            if undo is not None:
                undo(context)

        made.rollback(note)
        return made


@pytest.fixture
def diary() -> Diary:
    return Diary()


def run(*modules: Module, **options: Any) -> OperationExecutionReport:
    return execute_operation(Operation("op", modules), **options)


def test_chain_is_undone_backwards_from_the_module_that_failed(diary: Diary) -> None:
    node = diary.node
    run(node("a"), node("b", "a"), node("c", "b", function=fail), node("d", "c"))
    assert diary.undone == ["c", "b", "a"]


def test_dependents_are_undone_before_what_they_depend_on(diary: Diary) -> None:
    node = diary.node
    run(node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c"), node("e", "d", function=fail))
    assert diary.undone[:2] == ["e", "d"]
    assert sorted(diary.undone[2:4]) == ["b", "c"]
    assert diary.undone[4:] == ["a"]


def test_later_phases_are_undone_first(diary: Diary) -> None:
    run(
        diary.node("early", phase=Phase.PREPARATION),
        diary.node("late", phase=Phase.FEATURES),
        diary.node("last", phase=Phase.VALIDATION, function=fail),
    )
    assert diary.undone == ["last", "late", "early"]


def test_module_that_was_never_entered_is_not_undone(diary: Diary) -> None:
    node = diary.node
    run(
        node("skipped", condition=lambda _context: False),
        node("refused", check=lambda _context: ["no"], optional=True),
        node("failed", function=fail, priority=99),
        node("behind", "failed"),
        max_parallel_workers=1,
    )
    assert diary.undone == ["failed"]


def test_nothing_is_undone_after_a_success(diary: Diary) -> None:
    report = run(diary.node("a"))
    assert (report.success, diary.undone, report.rollback_results) == (True, [], {})


def test_module_without_a_rollback_is_listed_as_such(diary: Diary) -> None:
    bare = module(id="bare")(lambda _context: None)
    report = run(bare, diary.node("a", "bare", function=fail))
    assert report.rollback_results["bare"].status is RollbackStatus.NOT_DEFINED


def test_report_lists_rollbacks_in_the_order_done(diary: Diary) -> None:
    node = diary.node
    report = run(node("a"), node("b", "a"), node("c", "b", function=fail))
    assert list(report.rollback_results) == ["c", "b", "a"]


def test_failing_rollback_stops_no_other(diary: Diary) -> None:
    node = diary.node
    report = run(node("a"), node("b", "a", undo=fail), node("c", "b", function=fail))
    assert diary.undone == ["c", "b", "a"]
    assert report.rollback_results["b"].status is RollbackStatus.FAILED
    assert isinstance(report.rollback_results["b"].error, OSError)


def test_failing_rollback_never_replaces_the_original_error(diary: Diary) -> None:
    def other(context: ModuleContext) -> None:
        raise ZeroDivisionError

    report = run(diary.node("a", function=fail, undo=other))
    assert [str(error) for error in report.errors] == ["the original"]
    assert isinstance(report.rollback_results["a"].error, ZeroDivisionError)


@pytest.mark.parametrize("leave", [lambda _context: sys.exit(3), lambda _context: [].pop()])
def test_rollback_may_even_try_to_exit(diary: Diary, leave: Any) -> None:
    report = run(diary.node("a"), diary.node("b", "a", function=fail, undo=leave))
    assert diary.undone == ["b", "a"]
    assert report.rollback_results["b"].status is RollbackStatus.FAILED


def test_rollback_is_shielded_from_the_cancel_that_caused_it(diary: Diary) -> None:
    seen: list[bool] = []

    def undo(context: ModuleContext) -> None:
        context.check_cancelled()
        context.sleep(0)
        seen.append(context.cancelled)

    run(diary.node("a", function=fail, undo=undo))
    assert seen == [False]


def test_rollback_sees_what_its_module_saw_and_what_it_wrote(diary: Diary) -> None:
    seen: list[dict[str, Any]] = []
    first = diary.node("a", function=lambda _context: {"a": 1}, undo=lambda context: seen.append(dict(context)))
    run(first, diary.node("b", "a", function=fail, undo=lambda context: seen.append(dict(context))), context={"x": 0})
    assert seen == [{"x": 0, "a": 1}, {"x": 0, "a": 1}]


def test_rollback_sees_its_own_share_of_a_merged_key(diary: Diary) -> None:
    seen: dict[str, Any] = {}
    modules = [
        diary.node(
            name,
            function=lambda _context, name=name: {"log": [name]},
            undo=lambda context, name=name: seen.update({name: context["log"]}),
            merge={"log": operator.add},
        )
        for name in "ab"
    ]
    run(*modules, diary.node("c", "a", "b", function=fail))
    assert seen == {"a": ["a"], "b": ["b"]}


def test_rollback_runs_in_the_calling_thread(diary: Diary) -> None:
    """So the main thread can be interrupted in it, and thread-bound things are undone in one place."""
    threads: list[threading.Thread] = []
    both = threading.Barrier(2)

    def meet(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)

    def note(context: ModuleContext) -> None:
        threads.append(threading.current_thread())

    modules = [diary.node(name, function=meet, undo=note) for name in "ab"]
    run(*modules, diary.node("c", "a", "b", function=fail), max_parallel_workers=2)
    assert threads == [threading.current_thread()] * 2


def test_rollback_happens_again_when_the_same_operation_fails_again(diary: Diary) -> None:
    operation = Operation("op", [diary.node("a"), diary.node("b", "a", function=fail)])
    execute_operation(operation)
    execute_operation(operation)
    assert diary.undone == ["b", "a", "b", "a"]


def test_subclass_rolls_back_through_its_method() -> None:
    class Account(Module):
        balance = 0

        def run(self, context: ModuleContext) -> Mapping[str, Any] | None:
            self.balance += 10
            raise OSError

        def rollback(self, context: ModuleContext) -> None:
            self.balance -= 10

    account = Account()
    run(account)
    assert account.balance == 0


def test_context_variables_reach_a_rollback(diary: Diary) -> None:
    seen: list[str] = []
    token = language.set("fr")
    try:
        run(diary.node("a", function=fail, undo=lambda _context: seen.append(language.get())))
    finally:
        language.reset(token)
    assert seen == ["fr"]
