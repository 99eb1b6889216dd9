"""Ctrl-C and SIGTERM: stop, undo, then leave; and the handlers are the caller's own again.

Where the moment matters, a child process says over a pipe how far it has come, and is sent a real signal.  Where it
does not, a module raises the signal at its own process, which Python delivers at once.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator import (
    Module,
    ModuleContext,
    Operation,
    OperationCancelled,
    OperationFailed,
    OperationInterrupted,
    OperationTerminated,
    RollbackStatus,
    Status,
    execute_operation,
    module,
)
from orchestrator.runner import Runner

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send and no fork")

PATIENCE_S = 60.0
"""After this long a child is taken to hang; a passing test never waits that long."""

PRELUDE = f"""
import faulthandler, os, select, signal, sys, threading, time
from orchestrator import *
from orchestrator import runner
faulthandler.dump_traceback_later({PATIENCE_S}, exit=True)

def say(*words):
    print(*words, flush=True)

def node(name, *depends_on, run=lambda context: None, undo=lambda context: None):
    made = module(id=name, depends_on=depends_on)(run)
    @made.rollback
    def noted(context):
        say("undoing", name)
        undo(context)
    return made

def listen(context):
    say("ready")
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        pass  # a signal just before a call that blocks waits until that returns
    sys.stdin.readline()

def run(*modules, **options):
    try:
        report = execute_operation(Operation("op", modules), **options)
    except BaseException as error:
        say(type(error).__name__, error)
        raise
    say("success" if report.success else "failure")
"""


@contextmanager
def child(body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs *body* after the prelude."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + body],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def heard(process: subprocess.Popen[str], word: str) -> None:
    """Waits until the child has said *word*."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the child never said {word!r}")


def last_words(process: subprocess.Popen[str]) -> list[str]:
    """What the child said from here to its end."""
    output, _errors = process.communicate(timeout=PATIENCE_S)
    return output.splitlines()


def test_sigint_interrupts_the_caller_in_its_module_and_rolls_back() -> None:
    body = 'run(node("a"), node("b", "a", run=listen), node("c", "b"), max_parallel_workers=1)'
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        assert last_words(process) == [
            "undoing b",
            "undoing a",
            "OperationInterrupted operation 'op' was interrupted",
        ]
        assert process.returncode != 0


def test_sigint_reaches_a_caller_that_waits_for_a_helper() -> None:
    """Two modules meet; the one on the main thread ends, and the other speaks up once the main thread is parked."""
    body = """
meeting = threading.Barrier(2)
def both(context):
    meeting.wait()
    if threading.current_thread() is not threading.main_thread():
        while sys._current_frames()[threading.main_thread().ident].f_code is not runner.Runner._wait.__code__:
            pass
        say("ready")
        context.sleep(60)
run(node("a", run=both), node("b", run=both), node("c", "a", "b"), max_parallel_workers=2, grace_s=60)
"""
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        *undone, farewell = last_words(process)
        assert sorted(undone) == ["undoing a", "undoing b"]
        assert farewell == "OperationInterrupted operation 'op' was interrupted"


def test_sigterm_rolls_back_and_exits_with_a_status_of_its_own() -> None:
    with child('run(node("a"), node("b", "a", run=listen), max_parallel_workers=1)') as process:
        heard(process, "ready")
        process.send_signal(signal.SIGTERM)
        assert last_words(process) == ["undoing b", "undoing a", "OperationTerminated 143"]
        assert process.returncode == 143


@pytest.mark.parametrize("policy", ["continue", "stop"])
def test_signal_stops_the_operation_under_every_policy(policy: str) -> None:
    body = f'run(node("a", run=listen), node("b"), max_parallel_workers=1, on_failure="{policy}")'
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        said = last_words(process)
    undone, left = (["undoing a"], "") if policy == "continue" else ([], "; not rolled back: a")
    assert said == [*undone, f"OperationInterrupted operation 'op' was interrupted{left}"]


def test_first_signal_during_a_rollback_lets_it_end() -> None:
    """The rollback is due to a failure; Ctrl-C arrives while it runs, and is obeyed when all is undone."""
    body = """
def fail(context):
    raise OSError
run(node("a"), node("b", "a", run=fail, undo=listen), max_parallel_workers=1)
"""
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert last_words(process) == [
            "undoing a",
            "OperationInterrupted operation 'op' was interrupted",
        ]


def test_second_signal_stops_the_rollback_and_lists_what_is_left() -> None:
    body = """
run(node("a"), node("b", "a"), node("c", "b", undo=listen), node("d", "c", run=listen), max_parallel_workers=1)
"""
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        heard(process, "undoing d")
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        assert last_words(process) == [
            "OperationInterrupted operation 'op' was interrupted; not rolled back: a, b, c",
        ]


def test_stuck_helper_holds_up_neither_the_interrupt_nor_the_exit() -> None:
    body = """
runner.UNSAFE_AFTER_S = 0.0
meeting = threading.Barrier(2)
def both(context):
    meeting.wait()
    if threading.current_thread() is threading.main_thread():
        listen(context)
    else:
        threading.Event().wait()
run(node("a"), node("b", "a", run=both), node("c", "a", run=both), max_parallel_workers=2, grace_s=0.0)
"""
    with child(body) as process:
        heard(process, "ready")
        process.send_signal(signal.SIGINT)
        assert last_words(process) == [
            "undoing b",
            "OperationInterrupted operation 'op' was interrupted; not rolled back: a, c",
        ]


def test_process_that_a_module_forked_can_be_terminated_as_ever() -> None:
    """A child inherits the handlers; with them it would take SIGTERM for a wish to cancel the parent's operation."""
    body = """
def fork(context):
    out, into = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(into, b"!")
            time.sleep(60)
        finally:
            os._exit(7)
    os.read(out, 1)
    os.kill(pid, signal.SIGTERM)
    say("exit status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
run(node("a", run=fork), max_parallel_workers=1)
"""
    with child(body) as process:
        assert last_words(process) == [f"exit status {-signal.SIGTERM}", "success"]


# In this process ------------------------------------------------------------------------------------------------------


def nothing(context: ModuleContext) -> None: ...


def raising(number: signal.Signals) -> Any:
    return lambda _context: signal.raise_signal(number)


def node(name: str, *depends_on: str, function: Any = nothing, **fields: Any) -> Module:
    return module(id=name, depends_on=depends_on, **fields)(function)


def run(*modules: Module, **options: Any) -> Any:
    return execute_operation(Operation("op", modules), **{"max_parallel_workers": 1, **options})


@pytest.fixture(autouse=True)
def handlers_are_restored() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_interrupted_module_is_cancelled_and_nothing_follows_it() -> None:
    with pytest.raises(OperationInterrupted) as caught:
        run(node("a"), node("b", "a", function=raising(signal.SIGINT)), node("c", "b"), node("d"))
    results = caught.value.report.module_results
    assert {name: result.status for name, result in results.items()} == {
        "a": Status.SUCCEEDED,
        "b": Status.CANCELLED,
        "c": Status.SKIPPED,
        "d": Status.SKIPPED,
    }


def test_interruption_is_a_keyboard_interrupt_and_termination_a_system_exit() -> None:
    with pytest.raises(KeyboardInterrupt):
        run(node("a", function=raising(signal.SIGINT)))
    with pytest.raises(SystemExit) as caught:
        run(node("a", function=raising(signal.SIGTERM)))
    assert caught.value.code == 143


def test_termination_says_what_was_not_rolled_back() -> None:
    with pytest.raises(OperationTerminated) as caught:
        run(node("a", function=raising(signal.SIGTERM)), on_failure="stop")
    assert caught.value.__notes__ == ["operation 'op' was interrupted; not rolled back: a"]


def test_module_that_swallows_the_interrupt_does_not_swallow_it_for_the_operation() -> None:
    def swallow(context: ModuleContext) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(OperationInterrupted) as caught:
        run(node("a", function=swallow), node("b", "a"))
    report = caught.value.report
    assert (report.modules_succeeded, report.modules_skipped) == (("a",), ("b",))
    assert list(report.rollback_results) == ["a"]


def test_report_of_an_interrupted_operation_can_raise_even_if_no_module_failed() -> None:
    def swallow(context: ModuleContext) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(OperationInterrupted) as caught:
        run(node("a", function=swallow))
    with pytest.raises(OperationFailed) as failed:
        caught.value.report.raise_for_failure()
    assert isinstance(failed.value.exceptions[0], OperationCancelled)


def test_rollback_of_an_optional_module_is_not_cut_short_by_a_first_interrupt() -> None:
    undone: list[str] = []

    def fail(context: ModuleContext) -> None:
        raise OSError

    maybe = module(id="maybe", optional=True)(fail)

    @maybe.rollback
    def undo(context: ModuleContext) -> None:
        signal.raise_signal(signal.SIGINT)
        undone.append("maybe")

    with pytest.raises(OperationInterrupted) as caught:
        run(maybe, node("b", runs_after=["maybe"]))
    assert undone == ["maybe"]
    assert caught.value.report.rollback_results["maybe"].status is RollbackStatus.ROLLED_BACK
    assert caught.value.report.modules_skipped == ("b",)


def test_module_after_such_a_rollback_can_be_interrupted_again() -> None:
    """The shield round the rollback is gone when the next module runs."""

    def fail(context: ModuleContext) -> None:
        raise OSError

    ended: list[str] = []

    def interrupted(context: ModuleContext) -> None:
        signal.raise_signal(signal.SIGINT)
        ended.append("b")

    with pytest.raises(OperationInterrupted):
        run(node("maybe", function=fail, optional=True), node("b", runs_after=["maybe"], function=interrupted))
    assert ended == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_an_inner_operation_stops_the_outer_one_too(number: signal.Signals) -> None:
    def outer(context: ModuleContext) -> None:
        run(node("inner", function=raising(number)))

    expected: type[Any] = OperationTerminated if number == signal.SIGTERM else OperationInterrupted
    with pytest.raises(expected) as caught:
        run(node("outer", function=outer), node("next", "outer"))
    report = caught.value.report
    assert report.module_results["outer"].status is Status.CANCELLED
    assert report.modules_skipped == ("next",)


def test_ignored_signal_stays_ignored() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        seen: list[Any] = []
        report = run(
            node("a", function=raising(signal.SIGINT)),
            node("b", "a", function=lambda _context: seen.append(signal.getsignal(signal.SIGINT))),
        )
        assert report.success
        assert seen == [signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGINT, former)


def test_operation_outside_the_main_thread_leaves_the_handlers_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []
    look = node("a", function=lambda _context: seen.append(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=run, args=(look,))
    thread.start()
    thread.join(PATIENCE_S)
    assert seen == [before]


def test_other_peoples_handler_that_raises_leaves_no_thread_behind() -> None:
    """A time-out plugin may raise in the main thread at any moment, here while the caller waits for a helper."""

    class TimesUpError(Exception):
        pass

    def times_up(number: int, frame: Any) -> None:
        raise TimesUpError

    meeting = threading.Barrier(2)
    main = threading.main_thread().ident
    assert main is not None

    def both(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)
        if threading.current_thread() is not threading.main_thread():
            while sys._current_frames()[main].f_code is not Runner._wait.__code__:
                pass
            signal.pthread_kill(main, signal.SIGUSR1)
            context.sleep(PATIENCE_S)

    before = set(threading.enumerate())
    former = signal.signal(signal.SIGUSR1, times_up)
    try:
        with pytest.raises(TimesUpError):
            run(node("a", function=both), node("b", function=both), max_parallel_workers=2)
    finally:
        signal.signal(signal.SIGUSR1, former)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
