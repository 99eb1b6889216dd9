"""Ctrl-C and SIGTERM while an operation runs.

Python raises ``KeyboardInterrupt`` between any two byte codes of the main thread, also in the middle of changing the
schedule.  So for the length of a run our own handler only *notes* the signal, wakes the calling thread, and raises
only while that thread is inside a user's code, where an exception is expected anyway.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Counts the signals that arrive; a context manager that puts the former handlers back.

    Outside the main thread Python delivers no signals, and this does nothing.

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
        for each, former in self._former.items():
            signal.signal(each, former)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
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
