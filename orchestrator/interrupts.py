"""Ctrl-C and SIGTERM while an operation runs.

Python raises ``KeyboardInterrupt`` between any two byte codes of the main thread, also in the middle of changing the
schedule.  So for the length of a run our own handler only *notes* the signal, wakes the calling thread, and raises
only while that thread is inside a user's code, where an exception is expected anyway.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Counts the signals that arrive; a context manager that puts the former handlers back.

    Outside the main thread Python delivers no signals, and this does nothing.  An operation inside a module of
    another takes over for its own length, and on leaving tells the outer one what it saw.

    Args:
        wake: Called from the handler, so it must neither block nor take a lock.

    Attributes:
        count: Signals seen so far.
        last: The latest of them.
        patience: How many signals user code is shielded from: 0 while modules run, 1 during rollback.
        in_user_code: Set by the calling thread round the stretches in which a signal may raise.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.count = 0
        self.last: int | None = None
        self.patience = 0
        self._wake = wake
        self.in_user_code = False
        self._former: dict[signal.Signals, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for each in _SIGNALS:
                former = signal.getsignal(each)
                # An ignored signal stays ignored, and a handler that is not Python's could not be put back.
                if former is not signal.SIG_IGN and former is not None:
                    self._former[each] = former
                    signal.signal(each, self._handle)
        return self

    def __exit__(self, *_exc: object) -> None:
        # SIGINT comes back last: its usual handler may raise at once, and must not keep SIGTERM from coming back.
        for each, former in reversed(self._former.items()):
            signal.signal(each, former)
        if self.count:
            for outer in {outer for former in self._former.values() if (outer := _owner(former))}:
                outer.count += self.count
                outer.last = self.last

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a child that a module forked, e.g. one of a process pool
            signal.signal(number, self._former[signal.Signals(number)])
            signal.raise_signal(number)
            return
        self.count += 1
        self.last = number
        if self.in_user_code and self.count > self.patience:
            self.in_user_code = False  # one signal raises at most once, however late the code below notices
            raise KeyboardInterrupt
        self._wake()

    @property
    def terminated(self) -> bool:
        """True if the latest signal was SIGTERM."""
        return self.last == signal.SIGTERM


def _owner(handler: object) -> Interrupts | None:
    """The object whose handler this is, if it is one of ours."""
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, Interrupts) else None
