"""Stopping what does not end: a time limit per arm, and an exit that a stuck thread cannot block.

An arm runs in the thread the test runs in, since much code is bound to that thread (database connections, event
loops, signal handlers).  So a second thread keeps the time; when it is up, it writes down what every thread is
doing and interrupts the main thread the way Ctrl-C would, again and again until the arm has let go: a pool's
``__exit__`` that waits for deadlocked threads needs a second push.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread
import itertools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_PUSH_EVERY_S = 1.0
_PUSHES = 10
_EXIT_GRACE_S = 2.0
_OUR_THREADS = "cortex-"
_OUR_FILES = str(Path(__file__).parents[1])
_STARTERS = (threading.__file__, concurrent.futures.thread.__file__)


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


def stacks_of_all_threads() -> str:
    """Says for every thread but this plugin's own what it is doing, without the frames that merely led there."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented, and the only way to other threads
        name = names.get(ident, str(ident))
        if not name.startswith(_OUR_THREADS):
            stack = "".join(traceback.format_list(_telling(traceback.extract_stack(frame))))
            parts.append(f"thread {name!r}:\n{stack}")
    return "\n".join(parts)


def _telling(stack: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Drops the test runner's frames above the arm, and the library's frames that start a thread."""
    ours = [place for place, frame in enumerate(stack) if frame.filename.startswith(_OUR_FILES)]
    told = stack[ours[-1] + 1 :] if ours else stack
    return list(itertools.dropwhile(lambda frame: frame.filename in _STARTERS, told)) or told


class _Watch:
    """One stretch of watched time."""

    def __init__(self, limit_s: float, push: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._push = push
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.stacks: str | None = None
        self.thread = threading.Thread(target=self._keep_time, name="cortex-watchdog", daemon=True)

    def _keep_time(self) -> None:
        if self._over.wait(min(self._limit_s, threading.TIMEOUT_MAX)):
            return
        stacks = stacks_of_all_threads()
        for _ in range(_PUSHES):
            with self._lock:
                if self._over.is_set():
                    return
                self.stacks = stacks
                self._push()
            if self._over.wait(_PUSH_EVERY_S):
                return
        _give_up(stacks)

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

    def heard(self, _number: int, _frame: FrameType | None) -> None:
        """A signal handler for which only our own push is an interrupt."""
        if self.stacks is not None:
            raise KeyboardInterrupt


@contextmanager
def time_limit(limit_s: float, what: str = "an arm") -> Iterator[None]:
    """Interrupts the body, *what*, if it takes longer than *limit_s* seconds.

    Only the main thread can be interrupted; elsewhere there is no limit.

    Raises:
        ArmTimeout: If the time was up.
    """
    __tracebackhide__ = True
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(limit_s, _interrupt_main_thread)
    with _open_ears(watch):
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
        _guard_exit()
        raise ArmTimeout(limit_s, watch.stacks, what) from None  # the interrupts themselves tell nothing


@contextmanager
def _open_ears(watch: _Watch) -> Iterator[None]:
    """Lets our push through where SIGINT is ignored, as it is in the background jobs of a shell script."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, watch.heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


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


def set_exit_status(status: int) -> None:
    """Remembers with which status the process should end, if its end has to be forced."""
    _exit_status[:] = [status]


def _guard_exit() -> None:
    """Makes sure that threads a stopped arm left behind cannot block the end of the process.

    ``concurrent.futures`` waits for its workers when the interpreter exits, also for deadlocked ones.
    """
    if not _exit_guards:
        _exit_guards.append(threading.Thread(target=_force_exit, name="cortex-exit-guard", daemon=True))
        _exit_guards[0].start()


def _force_exit() -> None:  # pragma: no cover - ends the process
    while not _interpreter_is_exiting(sys._current_frames().get(threading.main_thread().ident or 0)):  # noqa: SLF001 - as above
        time.sleep(0.2)
    time.sleep(_EXIT_GRACE_S)
    atexit._run_exitfuncs()  # noqa: SLF001 - others, such as coverage, save their data there, and nothing else calls them
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, nobody reads it, it is closed
            stream.flush()
    os._exit(_exit_status[0] if _exit_status else 1)


def _interpreter_is_exiting(frame: FrameType | None) -> bool:
    """True if the main thread's outermost frame is the one in which ``threading`` waits for all threads at exit."""
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame is not None and frame.f_code is threading._shutdown.__code__  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public sign of it
