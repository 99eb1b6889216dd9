"""Stopping what does not end: a time limit per arm, and an exit that a stuck thread or process cannot block.

An arm runs in the thread the test runs in, since much code is bound to that thread (database connections, event
loops, signal handlers).  So a second thread keeps the time; when it is up, it writes down what every thread is
doing and interrupts the main thread the way Ctrl-C would, again and again until the arm has let go: a pool's
``__exit__`` that waits for deadlocked threads needs a second push.  Its child processes are ended then, since a
deadlocked pool of processes would otherwise outlive the run.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pytest_cortex.measuring.children import child_processes, descriptions, end_processes
from pytest_cortex.measuring.stacks import OUR_THREADS, stacks_of_all_threads
from pytest_cortex.measuring.stuck import StuckThreads, frame_of_main_thread

_PUSH_EVERY_S = 1.0
_PUSHES = 10
_EXIT_GRACE_S = 2.0


class ArmTimeout(TimeoutError):
    """An arm did not end within its time limit.

    Attributes:
        limit_s: The limit in seconds.
        stacks: What every thread was doing when the time was up.
        what: Which arm.
    """

    def __init__(self, limit_s: float, stacks: str, what: str = "an arm") -> None:
        super().__init__(limit_s, stacks, what)
        self.what = what
        self.limit_s = limit_s
        self.stacks = stacks

    def __str__(self) -> str:
        return (
            f"{self.what} was stopped after {self.limit_s:g} s, the time limit (--cortex-time-limit or time_limit_s=)\n"
            f"its threads were here:\n{self.stacks}"
        )


class _Watch:
    """One stretch of watched time.

    Args:
        limit_s: Seconds after which the body is pushed.
        push: Pushes it.
        spared: Child processes that are not the body's, and stay.
    """

    def __init__(self, limit_s: float, push: Callable[[], None], spared: Collection[int] = frozenset()) -> None:
        self._limit_s = limit_s
        self._push = push
        self._spared = frozenset(spared)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.stacks: str | None = None
        self.thread = threading.Thread(target=self._keep_time, name=f"{OUR_THREADS}watchdog", daemon=True)

    def _keep_time(self) -> None:
        if self._over.wait(min(self._limit_s, threading.TIMEOUT_MAX)):
            return
        stacks = stacks_of_all_threads() + _text_of_children(self._children())
        for _ in range(_PUSHES):
            with self._lock:
                if self._over.is_set():
                    return
                self.stacks = stacks
                self._push()
            if self._over.wait(_PUSH_EVERY_S):
                return
        self.end_children()
        _give_up(stacks)

    def _children(self) -> frozenset[int]:
        return child_processes() - self._spared

    def end_children(self) -> None:
        """Ends the processes that the body has started."""
        if children := self._children():
            end_processes(children)

    def end(self) -> None:
        """The arm has ended; no push comes after this."""
        try:
            self._close()
        except BaseException:  # the last push arrived only here; left open, the watch would push into the next test
            self._close()
            raise

    def _close(self) -> None:
        with self._lock:
            self._over.set()


@contextmanager
def time_limit(limit_s: float, what: str = "an arm", *, spared: Collection[int] | None = None) -> Iterator[None]:
    """Interrupts the body, *what*, if it takes longer than *limit_s* seconds.

    Only the main thread can be interrupted; elsewhere there is no limit.

    Args:
        limit_s: Seconds.
        what: How the error calls the body.
        spared: Child processes that are not ended with the body; by default, all that there are before it.

    Raises:
        ArmTimeout: If the time was up.
    """
    __tracebackhide__ = True
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(limit_s, _interrupt_main_thread, child_processes() if spared is None else spared)
    with _open_ears(watch), _forks_unsuspected():
        watch.thread.start()
        try:
            try:
                yield
            finally:
                watch.end()
                # The last push may have been sent but not yet have arrived: it must arrive here and not in the test.
                if watch.stacks is not None:
                    time.sleep(0.05)
        except BaseException:
            if watch.stacks is None:
                raise
    if watch.stacks is not None:
        watch.end_children()
        _guard_exit()
        raise ArmTimeout(limit_s, watch.stacks, what) from None  # the interrupts themselves tell nothing


@contextmanager
def _open_ears(watch: _Watch) -> Iterator[None]:
    """Lets our push through where somebody else listens for SIGINT, or nobody.

    An event loop that runs the test answers with a mere request to its task; and the background jobs of a shell script
    ignore the signal.
    """
    former = signal.getsignal(signal.SIGINT)
    if former is None or former is signal.default_int_handler:
        yield
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if watch.stacks is not None or former is signal.SIG_DFL:
            raise KeyboardInterrupt
        if callable(former):
            former(number, frame)

    signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def _forks_unsuspected() -> Iterator[None]:
    """Keeps Python from warning of a fork in the body, where nothing but the watch is there to be warned of.

    The warning is of locks that other threads may hold for ever in the child; the watch holds none that anybody wants.
    """
    if threading.active_count() > 1:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"This process .* is multi-threaded, use of fork", DeprecationWarning)
        yield


def _text_of_children(pids: Collection[int]) -> str:
    children = descriptions(pids)
    return f"\nits child processes, which are ended now:\n  {', '.join(children.values())}\n" if children else ""


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None, "the main thread has been started"  # noqa: S101 - for the type checker
        signal.pthread_kill(ident, signal.SIGINT)  # a real signal: it wakes a thread that waits for a lock
    else:  # Windows: arrives as soon as the main thread runs Python code
        import _thread  # noqa: PLC0415 - only here

        _thread.interrupt_main()


def _give_up(stacks: str) -> None:  # pragma: no cover - ends the process
    """Nothing could move the main thread: better an aborted run than one that hangs."""
    sys.__stderr__.write(f"pytest-cortex: an arm cannot be stopped, so the run is aborted.\n{stacks}\n")  # type: ignore[union-attr]  # None only without a console, where nothing could be said anyway
    sys.__stderr__.flush()  # type: ignore[union-attr]  # the same
    os._exit(70)


# An exit that cannot be blocked ---------------------------------------------------------------------------------------

_exit_status: list[int] = []
_exit_guards: list[threading.Thread] = []
_stuck = StuckThreads()


def set_exit_status(status: int) -> None:
    """Remembers with which status the process should end, if its end has to be forced."""
    _exit_status[:] = [status]


def _guard_exit() -> None:
    """Makes sure that threads a stopped arm left behind can block neither the tests to come nor the end of the process.

    ``concurrent.futures`` waits for its workers when a pool ends and when the interpreter exits, deadlocked or not.
    """
    _stuck.note()
    if not _exit_guards:
        _exit_guards.append(threading.Thread(target=_force_exit, name=f"{OUR_THREADS}exit-guard", daemon=True))
        _exit_guards[0].start()


def _force_exit() -> None:  # pragma: no cover - ends the process
    while not _interpreter_is_exiting(frame_of_main_thread()):
        if _stuck.is_waited_for_too_long():
            _interrupt_main_thread()
        time.sleep(0.2)
    time.sleep(_EXIT_GRACE_S)
    _end_processes_waited_for()
    atexit._run_exitfuncs()  # noqa: SLF001 - others, such as coverage, save their data there, and nothing else calls them
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, nobody reads it, it is closed
            stream.flush()
    os._exit(_exit_status[0] if _exit_status else 1)


def _end_processes_waited_for() -> None:
    """Ends those of ``multiprocessing``, which waits for them at the exit, also for deadlocked ones."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        end_processes([each.pid for each in multiprocessing.active_children() if each.pid is not None])


def _interpreter_is_exiting(frame: FrameType | None) -> bool:
    """True if the main thread's outermost frame is one of those that wait at exit, for all threads or all processes."""
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    waits = [threading._shutdown]  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public sign of it
    if "multiprocessing.util" in sys.modules:
        waits.append(sys.modules["multiprocessing.util"]._exit_function)  # noqa: SLF001 - the same
    return frame is not None and any(frame.f_code is wait.__code__ for wait in waits)
