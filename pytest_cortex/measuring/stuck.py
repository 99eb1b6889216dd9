"""Threads that a stopped arm has left stuck: whoever waits for their end is told that it will not come.

This is the program that leads here.  The arm can be stopped; but then the pool's own end waits for its threads::

    with ThreadPoolExecutor(4) as pool:
        cortex_bench(sequential=one_by_one, parallel=lambda: deadlock(pool), workers=4)

The same goes for a pool in a fixture, and for one of processes, whose end waits for the thread that minds them.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from weakref import WeakSet

from pytest_cortex.measuring.stacks import OUR_THREADS

# Threads that merely were there when an arm was stopped end in good time, or nobody waits for them.
PATIENCE_S = 10.0


class LeftStuck(RuntimeError):
    """The main thread waited for the end of a thread that a stopped arm has left stuck.

    Attributes:
        thread: The name of that thread.
    """

    def __init__(self, thread: str) -> None:
        super().__init__(thread)
        self.thread = thread

    def __str__(self) -> str:
        return (
            f"gave up waiting for the end of thread {self.thread!r}, which has been stuck since an arm was stopped for "
            "taking too long"
        )


def frame_of_main_thread() -> FrameType | None:
    """Returns the innermost frame of the main thread; None if it runs no Python code."""
    return sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - documented, and the only way to another thread


class StuckThreads:
    """The threads that were alive when an arm was stopped.

    Args:
        patience_s: How long the main thread may wait for one of them.
        main_frame: Tells what the main thread is doing.
    """

    def __init__(
        self, *, patience_s: float = PATIENCE_S, main_frame: Callable[[], FrameType | None] = frame_of_main_thread
    ) -> None:
        self._patience_s = patience_s
        self._main_frame = main_frame
        self._threads: WeakSet[threading.Thread] = WeakSet()
        self._waited_for: threading.Thread | None = None
        self._since_s = 0.0
        self._given_up: str | None = None
        self._listening = False

    def note(self) -> None:
        """An arm has been stopped.  Only the main thread may say so, since only that can listen to signals."""
        alive = {thread for thread in threading.enumerate() if not thread.name.startswith(OUR_THREADS)}
        self._threads.update(alive - {threading.main_thread()})
        if not self._listening:
            self._listen()
            self._listening = True

    def _listen(self) -> None:
        former = signal.getsignal(signal.SIGINT)

        def heard(number: int, frame: FrameType | None) -> None:
            thread, self._given_up = self._given_up, None
            if thread is not None:
                raise LeftStuck(thread)
            if callable(former):
                former(number, frame)
            elif former is signal.SIG_DFL:
                raise KeyboardInterrupt

        if former is not None:  # somebody's handler that is not written in Python could not be put back
            signal.signal(signal.SIGINT, heard)

    def is_waited_for_too_long(self) -> bool:
        """True once the main thread has waited for one and the same of them for too long; asked again and again."""
        waited_for = self._joined_by(self._main_frame())
        now_s = time.monotonic()
        if waited_for is None or waited_for is not self._waited_for:
            self._waited_for, self._since_s = waited_for, now_s
        if waited_for is None or now_s - self._since_s < self._patience_s:
            return False
        self._waited_for, self._given_up = None, waited_for.name
        return True

    def _joined_by(self, frame: FrameType | None) -> threading.Thread | None:
        while frame is not None:
            if frame.f_code is threading.Thread.join.__code__:
                thread = frame.f_locals.get("self")
                return thread if thread in self._threads else None
            frame = frame.f_back
        return None
