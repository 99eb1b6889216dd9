"""Programs that behave badly: nothing here may hang a run, lose a module or leave a thread behind."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator import Module, ModuleContext, Operation, OperationExecutionReport, Status, execute_operation, module

PATIENCE_S = 60.0
"""After this long a run is taken to hang; a passing test never waits that long."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def nothing(context: ModuleContext) -> None: ...


def in_time(*modules: Module, **options: Any) -> OperationExecutionReport:
    """Runs in a thread of its own, so that a run that hangs fails its test instead of hanging it."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(execute_operation, Operation("op", modules), **options).result(PATIENCE_S)
    finally:
        pool.shutdown(wait=False)
        for thread in pool._threads:
            thread.join(1)


def on_caller_and_helper(function: Callable[[ModuleContext], Any], **fields: Any) -> OperationExecutionReport:
    """Runs *function* once on the calling thread and once on another, at the same time."""
    both = threading.Barrier(2)

    def meet(context: ModuleContext) -> Any:
        both.wait(PATIENCE_S)
        return function(context)

    modules = [module(id=name, **fields)(meet) for name in ("caller", "helper")]
    return in_time(*modules, max_parallel_workers=2, grace_s=PATIENCE_S)


# Exceptions that resist -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FrozenError(Exception):
    """Refuses every attribute, also the notes that Python itself would add."""

    code: int = 1


class SlottedError(Exception):
    __slots__ = ("code",)


class NotelessError(Exception):
    def add_note(self, note: str) -> None:
        raise RuntimeError("no notes on me")


class ScribbledError(Exception):
    __notes__ = "not a list"  # type: ignore[assignment]  # wrong on purpose


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize("error", [FrozenError, SlottedError, NotelessError, ScribbledError, SilentError])
def test_exception_that_takes_no_note_fails_its_module_like_any_other(error: type[Exception]) -> None:
    def fail(context: ModuleContext) -> None:
        raise error

    report = on_caller_and_helper(fail)
    assert {result.status for result in report.module_results.values()} == {Status.FAILED}
    assert all(type(each) is error for each in report.errors)
    json_like = report.to_dict()
    assert len(json_like["errors"]) == 2


def test_shared_exception_instance_collects_no_note_twice() -> None:
    shared = OSError("always the same instance")

    def fail(context: ModuleContext) -> None:
        raise shared

    operation = Operation("op", [module(id=name, optional=True)(fail) for name in "ab"])
    for _ in range(5):
        execute_operation(operation)
    assert sorted(shared.__notes__) == ["in module 'a'", "in module 'b'"]


def test_exception_that_refers_to_itself_does_no_harm() -> None:
    def fail(context: ModuleContext) -> None:
        error = OSError()
        error.__cause__ = error
        raise error

    assert on_caller_and_helper(fail).modules_failed == ("caller", "helper")


# Mappings that resist -------------------------------------------------------------------------------------------------


class Brittle(Mapping[str, Any]):
    """A mapping that breaks where it is told to."""

    def __init__(self, breaks: str) -> None:
        self.breaks = breaks

    def __getitem__(self, key: str) -> Any:
        if self.breaks == "getitem":
            raise OSError("getitem")
        return 1

    def __iter__(self) -> Iterator[str]:
        if self.breaks == "iter":
            raise OSError("iter")
        return iter(["key"])

    def __len__(self) -> int:
        if self.breaks == "len":
            raise OSError("len")
        return 1

    def keys(self) -> Any:
        if self.breaks == "keys":
            raise OSError("keys")
        return super().keys()

    def __repr__(self) -> str:
        raise OSError("repr")


@pytest.mark.parametrize("breaks", ["getitem", "iter", "keys"])
def test_mapping_that_breaks_fails_its_module(breaks: str) -> None:
    report = on_caller_and_helper(lambda _context: Brittle(breaks))
    assert report.modules_failed == ("caller", "helper")
    assert {str(error) for error in report.errors} == {breaks}


class NoMapping:
    def __repr__(self) -> str:
        raise OSError("repr")


def test_wrong_return_value_that_cannot_even_be_shown_fails_its_module() -> None:
    assert on_caller_and_helper(lambda _context: NoMapping()).modules_failed == ("caller", "helper")


class Quarrelsome:
    """A key that hashes like all of its kind and raises when it is compared with one of them."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("compared")


@pytest.mark.parametrize("optional", [False, True])
def test_key_that_raises_at_the_commit_fails_its_module(optional: bool) -> None:  # noqa: FBT001 - a test's parameter
    """The commit happens with the lock held, in whatever thread: an error there must not kill the worker.

    Its module has been entered and its data refused, so even an optional one fails the operation and is undone.
    """
    report = on_caller_and_helper(lambda _context: {Quarrelsome(): 1}, optional=optional)
    assert not report.success
    assert len(report.modules_failed) == 1
    assert isinstance(report.errors[0], ZeroDivisionError)
    assert len(report.rollback_results) == 2


@pytest.mark.parametrize("key", [1, None, (1, 2), b"bytes", float("nan")])
def test_key_that_is_no_string_does_no_harm(key: Any) -> None:
    report = in_time(module(id="a")(lambda _context: {key: 1}), module(id="b", depends_on=["a"])(nothing))
    assert report.success
    assert report.context[key] == 1
    report.to_dict()


def test_reducer_that_raises_while_a_module_reads_fails_that_module() -> None:
    def broken(old: Any, new: Any) -> Any:
        raise ZeroDivisionError

    writers = [module(id=name, merge={"k": broken})(lambda _context: {"k": 1}) for name in "ab"]
    report = in_time(*writers, module(id="c", depends_on=["a", "b"])(lambda context: {"read": context["k"]}))
    assert report.modules_failed == ("c",)


# Guards, rollbacks and threads ----------------------------------------------------------------------------------------


class Undecided:
    def __bool__(self) -> bool:
        raise OSError("neither true nor false")


def test_condition_that_is_neither_true_nor_false_fails_its_module() -> None:
    assert on_caller_and_helper(nothing, condition=lambda _context: Undecided()).modules_failed == ("caller", "helper")


@pytest.mark.parametrize("found", [True, 3, object(), Undecided(), [Undecided(), NoMapping()]])
def test_check_that_returns_nonsense_fails_its_module(found: Any) -> None:
    report = in_time(module(id="a", check=lambda _context: found)(nothing), module(id="b")(nothing))
    assert report.modules_failed == ("a",)
    assert report.module_results["a"].started_s is None


def test_rollback_property_that_raises_stops_no_other_rollback() -> None:
    class Trap(Module):
        def run(self, context: ModuleContext) -> None: ...

        @property
        def undo(self) -> Any:
            raise OSError("trap")

    def fail(context: ModuleContext) -> None:
        raise OSError

    undone: list[str] = []
    first = module(id="first")(nothing)
    first.rollback(lambda _context: undone.append("first"))
    report = in_time(first, Trap(depends_on=["first"]), module(id="last", depends_on=["Trap"])(fail))
    assert undone == ["first"]
    assert str(report.rollback_results["Trap"].error) == "trap"


def test_system_that_gives_no_more_threads_only_makes_it_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second thread cannot be started: the calling thread and the first do all the work."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("orchestrator-") and thread.name != "orchestrator-1":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    both = threading.Barrier(2)

    def meet(context: ModuleContext) -> None:
        both.wait(PATIENCE_S)

    modules = [module(id=f"m{number}")(meet) for number in range(10)]
    assert in_time(*modules, max_parallel_workers=5).success


def test_system_that_gives_no_thread_at_all_makes_it_sequential(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("orchestrator-"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    modules = [module(id=f"m{number}")(nothing) for number in range(10)]
    modules += [module(id=f"n{number}", depends_on=["m0"])(nothing) for number in range(10)]
    assert len(in_time(*modules).modules_succeeded) == 20


def test_context_that_outlives_its_run_can_still_be_read() -> None:
    kept: list[ModuleContext] = []
    in_time(module(id="a")(lambda _context: {"k": 1}), module(id="b", depends_on=["a"])(kept.append))
    (context,) = kept
    assert dict(context) == {"k": 1}
    assert not context.cancelled


def test_thread_that_a_module_leaves_running_does_not_hold_up_the_operation() -> None:
    release = threading.Event()
    left = threading.Thread(target=release.wait, args=(PATIENCE_S,))

    def leave_running(context: ModuleContext) -> None:
        left.start()

    assert in_time(module(id="a")(leave_running)).success
    assert left.is_alive()
    release.set()
    left.join(PATIENCE_S)


def test_operations_nested_ten_deep_end() -> None:
    def nest(depth: int) -> Operation:
        def go_deeper(context: ModuleContext) -> None:
            if depth:
                execute_operation(nest(depth - 1), max_parallel_workers=2).raise_for_failure()

        return Operation(f"depth {depth}", [module(id=name)(go_deeper) for name in ("a", "b")])

    assert in_time(module(id="top")(lambda _context: execute_operation(nest(4)).raise_for_failure())).success


def test_stack_overflow_in_a_module_is_its_own_failure() -> None:
    def overflow(context: ModuleContext) -> None:
        overflow(context)

    report = on_caller_and_helper(overflow)
    assert {type(error) for error in report.errors} == {RecursionError}


@pytest.mark.parametrize("round_number", range(20))
def test_failure_races_with_success_and_nothing_is_lost(round_number: int) -> None:
    """All workers end their modules at the same moment, and one of them fails."""
    moment = threading.Barrier(4)

    def race(context: ModuleContext, fails: bool) -> None:  # noqa: FBT001 - bound by keyword below
        moment.wait(PATIENCE_S)
        if fails:
            raise OSError

    modules = [
        module(id=f"m{n}")(lambda context, fails=n == round_number % 4: race(context, fails))  # type: ignore[misc]  # bound in the loop on purpose
        for n in range(4)
    ]
    behind = [module(id=f"n{n}", depends_on=[f"m{n % 4}"])(nothing) for n in range(40)]
    report = in_time(*modules, *behind, max_parallel_workers=4, grace_s=PATIENCE_S)
    assert len(report.module_results) == 44
    assert report.modules_failed == (f"m{round_number % 4}",)
    assert set(report.rollback_results) == {*report.modules_succeeded, *report.modules_failed}


def test_hundred_runs_leave_no_thread_and_no_waiter_behind() -> None:
    before = threading.active_count()
    operation = Operation("op", [module(id=f"m{n}")(nothing) for n in range(8)])
    for _ in range(100):
        assert execute_operation(operation, max_parallel_workers=8).success
        assert threading.active_count() == before
