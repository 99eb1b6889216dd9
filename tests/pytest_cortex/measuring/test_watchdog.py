"""Time limits: whatever an arm is stuck in, the test run goes on and says what it was."""

import asyncio
import multiprocessing.util
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cortex.measuring import watchdog
from pytest_cortex.measuring.children import child_processes
from pytest_cortex.measuring.watchdog import ArmTimeout, time_limit

LONG_S = 3600.0
SHORT_S = 0.02


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes more often than in earnest, and leaves the end of this very process alone."""
    monkeypatch.setattr(watchdog, "_PUSH_EVERY_S", 0.05)
    monkeypatch.setattr(watchdog, "_guard_exit", lambda: None)


@pytest.fixture(autouse=True)
def no_watch_is_left() -> Iterator[None]:
    """A watch that is left behind would push into later tests."""
    yield
    for thread in threading.enumerate():
        if thread.name == "cortex-watchdog":
            thread.join(10)
            assert not thread.is_alive()


CAN_WAKE = hasattr(signal, "pthread_kill")

can_wake = pytest.mark.skipif(not CAN_WAKE, reason="on this system nothing wakes a thread that waits")


def wait_for_ever() -> None:
    """In one go where an interrupt ends that; elsewhere in steps, so that the thread comes to run Python code."""
    while not threading.Event().wait(None if CAN_WAKE else 0.01):
        pass


# In time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_s", [LONG_S, 1e300, float("inf")])
def test_body_that_ends_in_time_is_left_alone(limit_s: float) -> None:
    with time_limit(limit_s):
        done = True
    assert done


def test_error_of_the_body_passes() -> None:
    with pytest.raises(ZeroDivisionError), time_limit(LONG_S):
        _ = 1 / 0


def test_ctrl_c_is_not_mistaken_for_a_timeout() -> None:
    with pytest.raises(KeyboardInterrupt), time_limit(LONG_S):
        signal.raise_signal(signal.SIGINT)


def test_other_threads_have_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a watch was set on a thread that cannot be interrupted")

    monkeypatch.setattr(watchdog, "_Watch", refuse)

    def body() -> str:
        with time_limit(SHORT_S):
            return "done"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(body).result() == "done"


# Too late -------------------------------------------------------------------------------------------------------------


def stopped(body: Callable[[], object]) -> ArmTimeout:
    with pytest.raises(ArmTimeout) as caught, time_limit(SHORT_S):
        body()
    return caught.value


def test_stuck_body_is_stopped_and_shown() -> None:
    error = stopped(wait_for_ever)
    assert error.limit_s == SHORT_S
    assert "thread 'MainThread':" in error.stacks
    assert "in wait_for_ever" in error.stacks


def test_timeout_says_which_limit_it_was_and_does_not_show_the_interrupt() -> None:
    error = stopped(wait_for_ever)
    assert str(error).startswith("an arm was stopped after 0.02 s, the time limit (--cortex-time-limit or time_")
    assert error.__suppress_context__
    assert error.__cause__ is None


def swallow_the_interrupt() -> None:
    with suppress(KeyboardInterrupt):
        wait_for_ever()


def wait_again_and_again() -> None:
    for _ in range(3):
        swallow_the_interrupt()


def answer_with_another_error() -> None:
    try:
        wait_for_ever()
    except KeyboardInterrupt:
        raise RuntimeError("cleaned up") from None


@pytest.mark.parametrize("body", [swallow_the_interrupt, wait_again_and_again, answer_with_another_error])
def test_body_is_late_whatever_it_makes_of_the_interrupt(body: Callable[[], None]) -> None:
    assert "in wait_for_ever" in stopped(body).stacks


@can_wake
def test_pool_that_waits_for_deadlocked_threads_is_stopped() -> None:
    release = threading.Event()

    def deadlock() -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="deadlocked") as pool:
            pool.submit(release.wait).result()

    try:
        assert "thread 'deadlocked_0'" in stopped(deadlock).stacks
    finally:
        release.set()


def test_coroutine_that_waits_for_ever_is_stopped() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    stopped(lambda: asyncio.run(stuck()))


def test_coroutine_that_blocks_its_loop_is_stopped() -> None:
    async def blocking() -> None:
        wait_for_ever()

    assert "in wait_for_ever" in stopped(lambda: asyncio.run(blocking())).stacks


def test_where_no_thread_can_be_signalled_python_itself_interrupts_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: such an interrupt wakes nobody, but it reaches a body that runs Python code."""

    def poll() -> None:
        while True:
            time.sleep(0.001)

    monkeypatch.delattr(signal, "pthread_kill", raising=False)
    assert "in poll" in stopped(poll).stacks


async def wait_for_nothing() -> None:
    await asyncio.Event().wait()


def test_coroutine_that_waits_for_ever_is_shown_where_it_waits() -> None:
    """The stack of its thread ends in the event loop."""
    assert "in wait_for_nothing" in stopped(lambda: asyncio.run(wait_for_nothing())).stacks


@pytest.fixture
def child() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a process that waits for ever."""
    children: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        children.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        return children[-1]

    yield start
    for process in children:
        process.kill()
        process.communicate()


def test_processes_of_a_stuck_body_are_named_and_ended(child: Callable[[], subprocess.Popen[bytes]]) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def body() -> None:
        started.append(child())
        started[0].wait()

    error = stopped(body)
    assert "its child processes, which are ended now:\n  " in error.stacks
    assert f" (pid {started[0].pid}, " in error.stacks
    assert started[0].wait() < 0  # a signal


def test_processes_from_before_a_stuck_body_live_on(child: Callable[[], subprocess.Popen[bytes]]) -> None:
    before = child()
    error = stopped(wait_for_ever)
    assert "(pid " not in error.stacks
    assert before.poll() is None


def test_processes_that_are_to_be_spared_can_be_said(child: Callable[[], subprocess.Popen[bytes]]) -> None:
    """Those that were there before the first of several bodies, not before this one."""
    before = child()
    with pytest.raises(ArmTimeout), time_limit(SHORT_S, spared=child_processes() - {before.pid}):
        wait_for_ever()
    assert before.wait() < 0


@pytest.fixture
def elsewhere() -> Iterator[list[int]]:
    """Somebody else listens to interrupts, and does no more than that, as the event loop does that runs a test."""
    heard: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGINT, former)


def test_stuck_body_is_stopped_where_somebody_else_listens(elsewhere: list[int]) -> None:
    listener = signal.getsignal(signal.SIGINT)
    stopped(wait_for_ever)
    assert (elsewhere, signal.getsignal(signal.SIGINT)) == ([], listener)


def test_ctrl_c_is_passed_on_where_somebody_else_listens(elsewhere: list[int]) -> None:
    with time_limit(LONG_S):
        signal.raise_signal(signal.SIGINT)
    assert elsewhere == [signal.SIGINT]


def test_ctrl_c_interrupts_where_it_would_have_ended_the_process() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), time_limit(LONG_S):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


# Forks ----------------------------------------------------------------------------------------------------------------

FORK_WARNING = "This process (pid=1) is multi-threaded, use of fork() may lead to deadlocks in the child."


@pytest.mark.parametrize(("threads", "warned"), [(1, False), (2, True)])
def test_fork_is_warned_of_only_beside_threads_of_the_program(
    monkeypatch: pytest.MonkeyPatch, threads: int, *, warned: bool
) -> None:
    """Python 3.12 and later do; where our own watch is the only other thread there is nothing to be warned of."""
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with time_limit(LONG_S):
            warnings.warn(FORK_WARNING, DeprecationWarning, stacklevel=1)
    assert bool(caught) is warned


def test_other_warnings_are_as_ever() -> None:
    with pytest.warns(DeprecationWarning, match="old"), time_limit(LONG_S):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


@pytest.fixture
def ignored_interrupt() -> Iterator[None]:
    """What a process finds that a shell script started in the background."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("ignored_interrupt")
def test_stuck_body_is_stopped_where_interrupts_are_ignored() -> None:
    stopped(wait_for_ever)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("ignored_interrupt")
def test_ctrl_c_stays_ignored_where_interrupts_are_ignored() -> None:
    with time_limit(LONG_S):
        signal.raise_signal(signal.SIGINT)


def test_push_that_arrives_while_the_watch_ends_does_not_leave_it_running(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[threading.Event] = []
    set_event = threading.Event.set

    def interrupted_once(event: threading.Event) -> None:
        if threading.current_thread() is threading.main_thread() and not arrived:
            arrived.append(event)
            raise KeyboardInterrupt
        set_event(event)

    def body() -> None:
        swallow_the_interrupt()
        monkeypatch.setattr(threading.Event, "set", interrupted_once)

    stopped(body)
    assert arrived


def run_watch(watch: watchdog._Watch) -> None:
    watch.thread.start()
    watch.thread.join()


def test_body_that_ends_while_its_stacks_are_written_down_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pushes: list[None] = []
    watch = watchdog._Watch(0.0, lambda: pushes.append(None))

    def write_down() -> str:
        watch.end()
        return "stacks"

    monkeypatch.setattr(watchdog, "stacks_of_all_threads", write_down)
    run_watch(watch)
    assert (pushes, watch.stacks) == ([], None)


def test_watch_gives_up_when_no_push_has_helped(monkeypatch: pytest.MonkeyPatch) -> None:
    pushes: list[None] = []
    shown: list[str] = []
    monkeypatch.setattr(watchdog, "_PUSHES", 3)
    monkeypatch.setattr(watchdog, "_PUSH_EVERY_S", 0.0)
    monkeypatch.setattr(watchdog, "_give_up", shown.append)
    watch = watchdog._Watch(0.0, lambda: pushes.append(None))
    run_watch(watch)
    assert (len(pushes), shown) == (3, [watch.stacks])


def test_arm_timeout_survives_pickling() -> None:
    error = ArmTimeout(2.0, "thread 'MainThread':\n", "the parallel arm")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy).startswith("the parallel arm was stopped after 2 s")
    assert (type(copy), str(copy), vars(copy)) == (ArmTimeout, str(error), vars(error))


# The end of the process -----------------------------------------------------------------------------------------------


def run(script: str) -> subprocess.CompletedProcess[str]:
    preamble = """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from pytest_cortex.measuring import watchdog

        watchdog._PUSH_EVERY_S, watchdog._PUSHES, watchdog._EXIT_GRACE_S = 0.05, 3, 0.05

        def deadlock():
            pool = ThreadPoolExecutor(1)
            pool.submit(lambda: pool.submit(int).result()).result()

        def stopped(program):
            try:
                with watchdog.time_limit(0.1):
                    program()
            except watchdog.ArmTimeout as error:
                print(error.stacks)
    """
    code = textwrap.dedent(preamble) + textwrap.dedent(script)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,  # what is tested here is that it is not needed
        check=False,
        env=environment,
    )


@can_wake
def test_deadlocked_pool_does_not_keep_the_process_from_ending() -> None:
    ended = run("""
        stopped(deadlock)
        stopped(deadlock)
        watchdog.set_exit_status(3)
        print("the last words")
    """)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "in deadlock" in ended.stdout
    assert ended.stdout.endswith("the last words\n")


@can_wake
def test_functions_registered_for_the_exit_are_called_although_it_is_forced() -> None:
    ended = run("""
        import atexit

        atexit.register(print, "saved")
        stopped(deadlock)
    """)
    assert ended.stdout.endswith("saved\n")
    assert ended.returncode == 1


@can_wake
def test_process_ends_by_itself_when_nothing_is_stuck_any_more() -> None:
    ended = run("""
        stopped(threading.Event().wait)
        watchdog.set_exit_status(3)
    """)
    assert ended.returncode == 0


@can_wake
def test_run_is_aborted_when_nothing_can_move_the_main_thread() -> None:
    ended = run("""
        def deaf():
            while True:
                try:
                    threading.Event().wait()
                except KeyboardInterrupt:
                    pass

        stopped(deaf)
    """)
    assert ended.returncode == 70
    assert ended.stderr.startswith(
        "pytest-cortex: an arm cannot be stopped, so the run is aborted.\nthread 'MainThread'"
    )


@pytest.mark.parametrize(
    "wait",
    [threading._shutdown, multiprocessing.util._exit_function],  # type: ignore[attr-defined]  # there is no public sign of it
)
def test_interpreter_is_exiting_only_once_it_waits_for_all_threads_or_processes(wait: Any) -> None:
    shutdown: Any = SimpleNamespace(f_back=None, f_code=wait.__code__)
    joining: Any = SimpleNamespace(f_back=shutdown, f_code=os.getpid)
    assert watchdog._interpreter_is_exiting(joining)
    assert not watchdog._interpreter_is_exiting(sys._getframe())
    assert not watchdog._interpreter_is_exiting(None)


def test_interpreter_is_not_exiting_where_there_are_no_processes_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "multiprocessing.util")
    assert not watchdog._interpreter_is_exiting(sys._getframe())


@pytest.mark.parametrize(("imported", "ended"), [(True, [[7, 8]]), (False, [])])
def test_processes_that_the_exit_would_wait_for_are_ended(
    monkeypatch: pytest.MonkeyPatch, ended: list[list[int]], *, imported: bool
) -> None:
    """They may be deadlocked; one that has not been started has no id."""
    asked: list[object] = []
    children = [SimpleNamespace(pid=pid) for pid in (7, None, 8)]
    monkeypatch.setattr(watchdog, "end_processes", asked.append)
    monkeypatch.setattr(multiprocessing, "active_children", lambda: children)
    if not imported:
        monkeypatch.delitem(sys.modules, "multiprocessing")
    watchdog._end_processes_waited_for()
    assert asked == ended


def test_exit_status_is_the_one_set_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_exit_status", [])
    watchdog.set_exit_status(2)
    watchdog.set_exit_status(3)
    assert watchdog._exit_status == [3]


def test_exit_is_guarded_once_however_often_arms_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    started: list[object] = []
    monkeypatch.setattr(watchdog, "_exit_guards", [])
    monkeypatch.setattr(watchdog, "_force_exit", lambda: started.append(None))
    watchdog._guard_exit()
    watchdog._guard_exit()
    watchdog._exit_guards[0].join()
    assert len(started) == 1
