"""The programs that are compared, and what goes on around each of their runs: set-up, event loop, tear-down.

Coroutines of one run, those of set-up and tear-down included, share an event loop, so that what was opened in it can be
used and closed in it.  The loop itself is not what anybody wants to measure: it is there before the clock starts, and
closed after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from pytest_cortex.measuring.children import child_processes
from pytest_cortex.measuring.watchdog import time_limit

IN_A_LOOP = (
    "cortex_bench was called inside a running event loop, where a coroutine cannot be run to its end: write the test "
    "as a plain 'def test_…(cortex_bench)' and pass the coroutine function as it is, it then gets a loop of its own; "
    "what has to live in that loop, such as a session, is opened by setup= and closed by teardown=, which may be "
    "coroutine functions as well"
)


class ResultsDiffer(AssertionError):
    """Two arms returned different results: a fast wrong answer is no speedup.

    Attributes:
        results: ``repr`` of what each of the two returned, shortened, by arm.
    """

    def __init__(self, results: Mapping[str, str]) -> None:
        super().__init__(results)
        self.results = results

    def __str__(self) -> str:
        shown = ", ".join(f"{arm}: {result}" for arm, result in self.results.items())
        return (
            f"the arms returned different results, {shown}; a fast wrong answer is no speedup (equal= takes your own "
            "comparison)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The programs that are compared.

    Attributes:
        programs: By name; each does the same work and returns its result, or something to await that does.  The first
            is what the others are held against.
        equal: Says whether two results are the same.
        time_limit_s: Seconds after which a run of any is stopped; so are its set-up and its tear-down.
        compared: Makes what is compared, and shown if it differs, of what a program returned; outside the clock.
        setup: Called before every run, outside the clock; what it returns is the argument of the program.  Without it,
            programs take none.
        teardown: Called after every run, outside the clock, with what *setup* returned; without that, with nothing.
        taken: Makes the program's argument of what *setup* returned.
        spared: Child processes from before: not to be ended with a run that is stopped.
    """

    programs: Mapping[str, Callable[..., Any]]
    equal: Callable[[Any, Any], object]
    time_limit_s: float
    compared: Callable[[Any], object] = lambda result: result
    setup: Callable[[], Any] | None = None
    teardown: Callable[..., Any] | None = None
    taken: Callable[[Any], Any] = lambda made: made
    spared: frozenset[int] = field(default_factory=child_processes)
    _awaited: set[str] = field(default_factory=set)

    @contextmanager
    def ready(self, arm: str) -> Iterator[Callable[[], Any]]:
        """Sets up for a run of *arm*, which the body makes; whatever comes of it, tears down.

        Yields:
            The program, to be called without arguments, which returns its result.
        """
        __tracebackhide__ = True
        what = f"the {arm} arm"
        with _EventLoop(lambda: self._step(f"the end of the event loop of {what}")) as loop:
            made = self._set_up(loop, what)
            with _afterwards(lambda: self._tear_down(loop, what, made)):
                yield self._program(arm, loop, [self.taken(each) for each in made])

    def _set_up(self, loop: _EventLoop, what: str) -> list[Any]:
        """Returns what the program and the tear-down are called with: one thing or nothing."""
        __tracebackhide__ = True
        if self.setup is None:
            return []
        with self._step(f"setup= of {what}"):
            return [loop.finished(self.setup())]

    def _tear_down(self, loop: _EventLoop, what: str, made: list[Any]) -> None:
        __tracebackhide__ = True
        if self.teardown is not None:
            with self._step(f"teardown= of {what}"):
                loop.finished(self.teardown(*made))

    def _program(self, arm: str, loop: _EventLoop, arguments: list[Any]) -> Callable[[], Any]:
        program = self.programs[arm]
        if arm in self._awaited:
            loop.open()  # an arm that has returned a coroutine once will do so again

        def run() -> Any:
            __tracebackhide__ = True
            result = program(*arguments)
            if not hasattr(type(result), "__await__"):  # inspect.isawaitable takes several times as long
                return result
            self._awaited.add(arm)
            return loop.finished(result)

        return run

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Limits the time of the body, and says of every error what raised it."""
        __tracebackhide__ = True
        try:
            with time_limit(self.time_limit_s, what, spared=self.spared):
                yield
        except Exception as error:
            error.add_note(f"in {what}")
            raise

    def check(self, results: Mapping[str, object]) -> None:
        """Compares what the runs of one round returned, each with the first.

        Raises:
            ResultsDiffer: If they are not the same.
            TypeError: If they cannot be compared with ``==``.
        """
        __tracebackhide__ = True
        made = {arm: self.compared(results[arm]) for arm in self.programs}
        first, *others = made
        for other in others:
            if not self._same(made[first], made[other]):
                raise ResultsDiffer({arm: _shortened(made[arm]) for arm in (first, other)})

    def _same(self, one: object, other: object) -> bool:
        try:
            return bool(self.equal(one, other))
        except ValueError as error:  # numpy and pandas refuse to call a whole array true or false
            raise TypeError(
                f"the arms returned results of type {type(one).__name__}, whose comparison is not yes or no "
                f"({error}): pass your own, e.g. equal=numpy.array_equal"
            ) from error


def _shortened(value: object, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


class _EventLoop:
    """The event loop of one run, which there is only if something needs it.

    Args:
        closing: What closing it has to happen in.
    """

    def __init__(self, closing: Callable[[], AbstractContextManager[None]]) -> None:
        self._closing = closing
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        __tracebackhide__ = True
        if self._runner is not None:
            with _second_to(error):
                self._close(self._runner)

    def _close(self, runner: asyncio.Runner) -> None:
        """Ends what is still running in it, its helper threads included, for which it may wait long."""
        __tracebackhide__ = True
        with self._closing():
            runner.close()

    def open(self) -> asyncio.Runner:
        """Makes the loop, unless it is there."""
        if self._runner is None:
            self._runner = asyncio.Runner()
            self._runner.get_loop()
        return self._runner

    def finished(self, result: Any) -> Any:
        """Returns *result*; if it can be awaited, what comes of that.

        Raises:
            RuntimeError: If a loop is running, in which no other can be run.
        """
        __tracebackhide__ = True
        if not hasattr(type(result), "__await__"):
            return result
        if _is_in_a_loop():
            if asyncio.iscoroutine(result):
                result.close()  # otherwise it would warn that nobody awaited it
            raise RuntimeError(IN_A_LOOP)
        return self.open().run(_coroutine(result))


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _coroutine(awaitable: Awaitable[Any]) -> Any:
    """Makes of anything that can be awaited what a loop can run."""
    __tracebackhide__ = True
    return await awaitable


@contextmanager
def _afterwards(clean_up: Callable[[], None]) -> Iterator[None]:
    """Calls *clean_up* after the body, whatever happened in it."""
    __tracebackhide__ = True
    try:
        yield
    except BaseException as error:
        with _second_to(error):
            clean_up()
        raise
    clean_up()


@contextmanager
def _second_to(first: BaseException | None) -> Iterator[None]:
    """Where something has gone wrong already, an error of the body is a note on that."""
    __tracebackhide__ = True
    try:
        yield
    except Exception as error:
        if first is None:
            raise
        where = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
        first.add_note(f"and then {type(error).__name__}{where}: {str(error).partition(chr(10))[0]}")
