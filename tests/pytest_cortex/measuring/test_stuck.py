"""Stuck threads: whoever waits for one that a stopped arm has left is let go, and nobody else is."""

import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cortex.measuring import stuck as stuck_module
from pytest_cortex.measuring.stuck import LeftStuck, StuckThreads, frame_of_main_thread


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that tells how long somebody has waited."""
    now_s = [0.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now_s[0]

    def move(seconds: float) -> None:
        now_s[0] += seconds

    monkeypatch.setattr(stuck_module, "time", Clock)
    return move


@pytest.fixture(autouse=True)
def former_handler() -> Iterator[None]:
    """Puts back who listens to Ctrl-C."""
    former = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, former)


def joining(thread: threading.Thread | None) -> Any:
    """The frames of somebody who waits for the end of *thread*, as a pool does when it ends."""
    pool: Any = SimpleNamespace(f_code=ThreadPoolExecutor.shutdown.__code__, f_locals={"self": None}, f_back=None)
    join: Any = SimpleNamespace(f_code=threading.Thread.join.__code__, f_locals={"self": thread}, f_back=pool)
    return pool if thread is None else SimpleNamespace(f_code=wait_for.__code__, f_locals={}, f_back=join)


def wait_for() -> None:
    """Stands for what ``join`` calls."""


class Main:
    """The main thread: what it waits for can be set."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None

    def frame(self) -> Any:
        return joining(self.thread)


@pytest.fixture
def main() -> Main:
    return Main()


@pytest.fixture
def deadlocked() -> Iterator[threading.Thread]:
    """A thread that ends with the test."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="deadlocked")
    thread.start()
    yield thread
    over.set()
    thread.join()


def patience_with(threads: StuckThreads, clock: Callable[[float], None]) -> list[bool]:
    """What is said at once, after nine seconds and after ten."""
    said = []
    for seconds in (0.0, 9.0, 1.0):
        clock(seconds)
        said.append(threads.is_waited_for_too_long())
    return said


def test_thread_that_was_there_when_an_arm_was_stopped_is_not_waited_for_for_ever(
    main: Main, deadlocked: threading.Thread, clock: Callable[[float], None]
) -> None:
    threads = StuckThreads(main_frame=main.frame)
    threads.note()
    main.thread = deadlocked
    assert patience_with(threads, clock) == [False, False, True]


def test_thread_that_came_later_may_take_its_time(main: Main, clock: Callable[[float], None]) -> None:
    threads = StuckThreads(main_frame=main.frame)
    threads.note()
    main.thread = threading.Thread()
    assert patience_with(threads, clock) == [False, False, False]


@pytest.mark.usefixtures("deadlocked")
def test_whoever_waits_for_something_else_may_take_its_time(main: Main, clock: Callable[[float], None]) -> None:
    threads = StuckThreads(main_frame=main.frame)
    threads.note()
    assert patience_with(threads, clock) == [False, False, False]


def test_time_begins_anew_with_every_wait(
    main: Main, deadlocked: threading.Thread, clock: Callable[[float], None]
) -> None:
    """Whoever looks in now and then, with a timeout, is not stuck."""
    threads = StuckThreads(main_frame=main.frame)
    threads.note()
    for waited_for in (deadlocked, None, deadlocked):
        main.thread = waited_for
        assert not threads.is_waited_for_too_long()
        clock(9.0)


def test_interrupt_says_which_thread_was_given_up(
    main: Main, deadlocked: threading.Thread, clock: Callable[[float], None]
) -> None:
    """It is an error of whoever waited, a test or a fixture, and does not end the run as Ctrl-C would."""
    threads = StuckThreads(main_frame=main.frame)
    threads.note()
    main.thread = deadlocked
    assert patience_with(threads, clock)[-1]
    with pytest.raises(LeftStuck, match="gave up waiting for the end of thread 'deadlocked', which has been stuck"):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):  # the next one is the user's
        signal.raise_signal(signal.SIGINT)


def test_main_thread_is_looked_at_from_another() -> None:
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(frame_of_main_thread).result()
    assert frame is not None
    assert frame.f_code is not frame_of_main_thread.__code__


@pytest.mark.parametrize(
    ("former", "heard"), [(signal.SIG_IGN, False), (signal.SIG_DFL, True), (signal.default_int_handler, True)]
)
def test_ctrl_c_is_passed_on_to_whoever_listened_before(former: Any, *, heard: bool) -> None:
    signal.signal(signal.SIGINT, former)
    StuckThreads().note()
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        assert heard
    else:
        assert not heard


def test_handler_that_could_not_be_put_back_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(signal, "getsignal", lambda _number: None)
    StuckThreads().note()
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is before


def test_it_is_listened_once_however_often_arms_are_stopped() -> None:
    threads = StuckThreads()
    threads.note()
    listener = signal.getsignal(signal.SIGINT)
    threads.note()
    assert signal.getsignal(signal.SIGINT) is listener


def test_error_survives_pickling() -> None:
    error = LeftStuck("deadlocked")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (LeftStuck, str(error), vars(error))


@pytest.mark.parametrize("kind", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_pool_that_is_kept_around_a_deadlocked_arm_ends_and_so_does_the_process(kind: str) -> None:
    """Its end waits for its threads; that of the process for its threads and processes."""
    script = """
        import multiprocessing, threading
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        from pytest_cortex.measuring import watchdog
        from pytest_cortex.measuring.stuck import LeftStuck, StuckThreads

        watchdog._PUSH_EVERY_S, watchdog._EXIT_GRACE_S = 0.05, 0.05
        watchdog._stuck = StuckThreads(patience_s=0.1)
        locks = {ThreadPoolExecutor: threading.Lock(), ProcessPoolExecutor: multiprocessing.Lock()}

        def take(kind):
            locks[kind].acquire()

        def main(kind):
            with kind(1) as pool:
                pool.submit(int).result()
                with watchdog.time_limit(0.3):
                    list(pool.map(take, [kind] * 2))

        if __name__ == "__main__":
            watchdog.set_exit_status(3)
            try:
                main(KIND)
            except LeftStuck as error:
                print(f"{error} after {type(error.__context__).__name__}")
    """
    code = textwrap.dedent(script).replace("KIND", kind)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "gave up waiting for the end of thread" in ended.stdout
    assert ended.stdout.endswith("after ArmTimeout\n")
    assert ended.stderr == ""
