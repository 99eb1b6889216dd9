"""Watching a run: what every thread and task did, and at which line.

A program under test ends only when the sampler has seen what the test is about, so nothing here depends on time.
"""

import asyncio
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from pytest_cortex.explaining import sampling
from pytest_cortex.explaining.sampling import CALLER, Doing, Line, Look, Samples, Seen, watch

PATIENCE_S = 20.0


class Eye:
    """Lets a program wait until the sampler has seen something."""

    def __init__(self) -> None:
        self.looks: list[sampling._RawLook] = []
        self.changed = threading.Condition()

    def until(self, seen: Callable[[list[tuple[int, Doing, Any]]], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: any(seen(look[1]) for look in self.looks[-1:]), PATIENCE_S)

    def until_a_worker(self, doing: Doing) -> None:
        self.until(lambda look: any(strand != CALLER and did is doing for strand, did, _ in look))


@pytest.fixture
def eye(monkeypatch: pytest.MonkeyPatch) -> Eye:
    eye = Eye()
    look_once = sampling._Sampler._look

    def look_and_tell(sampler: sampling._Sampler) -> None:
        look_once(sampler)
        with eye.changed:
            eye.looks.append(sampler._looks[-1])
            eye.changed.notify_all()

    monkeypatch.setattr(sampling._Sampler, "_look", look_and_tell)
    return eye


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def texts(samples: Samples, doing: Doing) -> set[str]:
    """The lines at which workers were seen doing this."""
    return {
        seen.line.text if seen.line else ""
        for look in samples.looks
        for seen in look.seen
        if seen.doing is doing and seen.strand != CALLER
    }


def contains(wanted: tuple[int, Doing, Any], look: list[tuple[int, Doing, Any]]) -> bool:
    return wanted in look


def shows(strand: int, look: list[tuple[int, Doing, Any]]) -> bool:
    return any(seen[0] == strand for seen in look)


# Threads --------------------------------------------------------------------------------------------------------------


def enter(lock: Any) -> None:
    with lock:
        pass


def acquire(lock: Any) -> None:
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("wait", [enter, acquire])
@pytest.mark.parametrize("kind", [threading.Lock, threading.RLock, threading.Semaphore, multiprocessing.Lock])
def test_thread_before_a_lock_is_locked_out(eye: Eye, wait: Callable[[Any], None], kind: Callable[[], Any]) -> None:
    """Locks and semaphores, entered or acquired, written in C or in Python, are told from work."""
    lock = kind()

    def program() -> None:
        lock.acquire()
        with beside(lambda: wait(lock)):
            eye.until_a_worker(Doing.LOCKED_OUT)
            lock.release()

    found = texts(watch(program), Doing.LOCKED_OUT)
    assert found == {"with lock:"} if wait is enter else found == {"lock.acquire()"}


def test_lock_inside_a_library_is_put_down_to_the_users_line(eye: Eye) -> None:
    handler = logging.Handler()

    def use() -> None:
        handler.acquire()
        handler.release()

    def program() -> None:
        handler.acquire()
        with beside(use):
            eye.until_a_worker(Doing.LOCKED_OUT)
            handler.release()

    assert texts(watch(program), Doing.LOCKED_OUT) == {"handler.acquire()"}


def test_thread_that_needs_a_result_waits(eye: Eye) -> None:
    """A future, an event, a queue: the line is the user's, not the library's."""
    future, event, queue = Future[int](), threading.Event(), Queue[int]()

    def work() -> None:
        future.result()
        event.wait()
        queue.get()

    gifts: list[Callable[[], object]] = [lambda: future.set_result(1), event.set, lambda: queue.put(1)]

    def program() -> None:
        with beside(work):
            for line, give in enumerate(gifts, start=work.__code__.co_firstlineno + 1):
                eye.until(partial(contains, (1, Doing.WAITS, (__file__, line))))
                give()

    assert texts(watch(program), Doing.WAITS) == {"future.result()", "event.wait()", "queue.get()"}


def test_thread_that_waits_for_the_world_outside_works(eye: Eye) -> None:
    """Sleeping and input are what parallel programs overlap, so they count as work."""

    def program() -> None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:

            def use() -> None:
                child.wait()

            with beside(use):
                eye.until_a_worker(Doing.WORKS)
                child.communicate(b"\n")

    assert texts(watch(program), Doing.WORKS) == {"child.wait()"}


def test_function_written_in_c_works(eye: Eye) -> None:
    """It has no frame of its own and no line, but a pool runs it."""
    read_end, write_end = os.pipe()

    def program() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(os.read, read_end, 1)
            eye.until_a_worker(Doing.WORKS)
            os.write(write_end, b".")

    assert texts(watch(program), Doing.WORKS) == {""}
    os.close(read_end)
    os.close(write_end)


def test_worker_without_a_task_is_idle(eye: Eye) -> None:
    def program() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()
            eye.until_a_worker(Doing.IDLE)

    assert texts(watch(program), Doing.IDLE) == {""}


def test_thread_that_starts_another_is_starting_it(eye: Eye) -> None:
    begin = threading.Event()

    class Slow(threading.Thread):
        def _bootstrap(self) -> None:
            begin.wait()
            super()._bootstrap()  # type: ignore[misc]  # the library's own, not in the stubs

    def start() -> None:
        helper = Slow(target=int)
        helper.start()

    def program() -> None:
        with beside(start):
            eye.until_a_worker(Doing.STARTS)
            begin.set()

    assert texts(watch(program), Doing.STARTS) == {"helper.start()"}


def test_threads_that_follow_each_other_are_told_apart(eye: Eye) -> None:
    """The system gives a number that has become free to the next thread."""
    go = threading.Event()

    def program() -> None:
        for strand in (1, 2, 3):
            go.clear()
            with beside(go.wait):
                eye.until(partial(shows, strand))
                go.set()

    assert {seen.strand for look in watch(program).looks for seen in look.seen} == {0, 1, 2, 3}


# Which threads --------------------------------------------------------------------------------------------------------


def spin(until: threading.Event) -> None:
    while not until.is_set():
        pass


def test_thread_that_was_busy_before_is_left_out(eye: Eye) -> None:
    over = threading.Event()
    with beside(lambda: spin(over)):
        samples = watch(lambda: eye.until(bool))
        over.set()
    assert {seen.strand for look in samples.looks for seen in look.seen} == {CALLER}


def test_thread_that_waited_before_counts_if_it_works(eye: Eye) -> None:
    """The pool is kept from run to run; a second one that is kept and not used is left out."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as unused:
        pool.submit(int).result()
        unused.submit(int).result()

        def program() -> None:
            done = pool.submit(spin, over)
            eye.until_a_worker(Doing.WORKS)
            over.set()
            done.result()

        samples = watch(program)
    assert len(samples.workers) == 1
    assert {seen.strand for look in samples.looks for seen in look.seen} == {CALLER, *samples.workers}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not say")
def test_child_process_is_counted_if_it_began_in_the_run(eye: Eye) -> None:
    """One that was there before and did nothing meanwhile is not."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as before:

        def program() -> None:
            with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
                eye.until(lambda _look: len(eye.looks[-1][2]) == 2)
                child.communicate(b"\n")

        samples = watch(program)
        before.communicate(b"\n")
    assert samples.children_started == 1


# Tasks ----------------------------------------------------------------------------------------------------------------


async def parked(eye: Eye, *wanted: Doing, release: Callable[[], object] = int) -> None:
    """Waits in a thread, so that the loop goes on, until the tasks besides this one are seen so."""

    def as_wanted(look: list[tuple[int, Doing, Any]]) -> bool:
        return set(wanted) <= {doing for strand, doing, _ in look if strand != CALLER}

    await asyncio.to_thread(eye.until, as_wanted)
    release()


def test_tasks_are_read_like_threads(eye: Eye) -> None:
    """Asleep is at work; before a lock is locked out; awaiting another task is waiting."""

    async def enter(lock: asyncio.Lock) -> None:
        async with lock:
            pass

    async def sleep() -> None:
        await asyncio.sleep(PATIENCE_S)

    async def follow(other: asyncio.Task[None]) -> None:
        await other

    async def main() -> None:
        lock = asyncio.Lock()
        await lock.acquire()
        asleep = asyncio.ensure_future(sleep())
        others = [asleep, asyncio.ensure_future(follow(asleep)), asyncio.ensure_future(enter(lock))]
        await parked(eye, Doing.WORKS, Doing.WAITS, Doing.LOCKED_OUT, release=asleep.cancel)
        lock.release()
        await asyncio.gather(*others, return_exceptions=True)

    samples = watch(lambda: asyncio.run(main()))
    assert "await asyncio.sleep(PATIENCE_S)" in texts(samples, Doing.WORKS)
    assert "await other" in texts(samples, Doing.WAITS)
    assert texts(samples, Doing.LOCKED_OUT) == {"async with lock:"}


def test_task_that_is_ready_queues_while_the_loop_is_held(eye: Eye) -> None:
    async def hold() -> None:
        eye.until(lambda look: any(doing is Doing.QUEUES for _, doing, _ in look))

    async def main() -> None:
        await asyncio.gather(hold(), asyncio.sleep(0))

    samples = watch(lambda: asyncio.run(main()))
    assert texts(samples, Doing.QUEUES)


def test_tasks_that_change_while_they_are_counted_are_missed_once(eye: Eye, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look then shows the thread alone, and the run goes on."""

    def changing(_loop: object) -> set[Any]:
        raise RuntimeError("Set changed size during iteration")

    async def main() -> None:
        with monkeypatch.context() as counted:
            counted.setattr(asyncio, "all_tasks", changing)
            await asyncio.to_thread(eye.until, lambda look: len(look) > 1)

    assert watch(lambda: asyncio.run(main())).looks


# The watching itself --------------------------------------------------------------------------------------------------


def test_whatever_is_raised_passes_and_the_sampler_has_ended() -> None:
    interval = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        watch(lambda: 1 / 0)
    assert "cortex-sampler" not in {thread.name for thread in threading.enumerate()}
    assert sys.getswitchinterval() == interval


def test_long_runs_are_looked_at_less_often(eye: Eye) -> None:
    """However long it takes, no more looks are kept than asked for, and they are from all of it."""
    samples = watch(lambda: eye.until(lambda _look: len(eye.looks) > 20), every_s=1e-4, most=4)
    assert 2 <= len(samples.looks) <= 4
    times = [look.at_s for look in samples.looks]
    assert times == sorted(times)


@pytest.mark.parametrize(("every_s", "most"), [(0.0, 500), (-1.0, 500), (float("nan"), 500), (0.001, 1)])
def test_pace_that_makes_no_sense_is_refused(every_s: float, most: int) -> None:
    with pytest.raises(ValueError, match=r"every_s=.* must be above 0 and most="):
        watch(int, every_s=every_s, most=most)


def test_system_without_proc_says_nothing(eye: Eye, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: str, _flags: int) -> int:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "open", nowhere)
    samples = watch(lambda: eye.until(bool))
    assert (samples.on_cpu_s, samples.children_started) == ({}, 0)
    assert samples.looks


def test_clocks_run_while_the_program_does(eye: Eye) -> None:
    samples = watch(lambda: eye.until(bool))
    assert samples.wall_s > samples.looks[0].at_s > 0
    assert samples.cpu_s > 0


# What is made of it ---------------------------------------------------------------------------------------------------


def test_workers_and_peak_are_those_at_work() -> None:
    looks = tuple(
        Look(at_s=at_s, seen=tuple(Seen(strand=strand, doing=doing) for strand, doing in seen))
        for at_s, seen in (
            (1.0, [(CALLER, Doing.WORKS), (1, Doing.WORKS), (2, Doing.IDLE)]),
            (2.0, [(CALLER, Doing.WAITS), (3, Doing.LOCKED_OUT)]),
        )
    )
    samples = Samples(looks=looks)
    assert (samples.workers, samples.peak) == (frozenset({1}), 2)
    assert Samples(looks=()).peak == 0


def test_line_says_where_it_is() -> None:
    assert str(Line(file="/home/me/project/work.py", number=3, text="go()")) == "project/work.py:3 `go()`"
    assert str(Line(file="work.py", number=3)) == "work.py:3"
