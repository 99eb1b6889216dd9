"""Stacks: what every thread and every waiting task is doing, and at which line of the user's."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_cortex.measuring import stacks
from pytest_cortex.measuring.stacks import stacks_of_all_threads

# Threads --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting() -> Iterator[Callable[[str], None]]:
    """Starts named threads that wait until the test is over."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(name: str) -> None:
        started = threading.Event()

        def wait_for_the_end_of_the_test() -> None:
            started.set()
            over.wait()

        threads.append(threading.Thread(target=wait_for_the_end_of_the_test, name=name))
        threads[-1].start()
        started.wait()

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_stacks_name_every_thread_and_begin_with_its_own_code(waiting: Callable[[str], None]) -> None:
    waiting("downloader")
    _, _, stack = stacks_of_all_threads().partition("thread 'downloader':\n")
    assert "in wait_for_the_end_of_the_test" in stack.splitlines()[0]


def test_stacks_leave_out_the_threads_of_this_plugin(waiting: Callable[[str], None]) -> None:
    waiting("cortex-something")
    assert "cortex-something" not in stacks_of_all_threads()


def test_stacks_show_a_thread_that_has_only_library_code_on_it() -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="idle") as pool:
        pool.submit(int).result()
        _, _, stack = stacks_of_all_threads().partition("thread 'idle_0':\n")
    assert "in _worker" in stack


# Tasks ----------------------------------------------------------------------------------------------------------------


async def wait_for_nothing(event: asyncio.Event) -> None:
    await event.wait()


async def wait_in_a_helper(event: asyncio.Event) -> None:
    await wait_for_nothing(event)


def stacks_of_a_loop_at_rest() -> str:
    """Returns the stacks once the main thread waits in its loop for something to do."""
    for _ in range(10_000):
        seen = stacks_of_all_threads()
        if "in _run_once" in seen and "in select" in seen:
            return seen
        time.sleep(0.001)
    raise AssertionError(seen)


def seen_with(*programs: Callable[[asyncio.Event], Any]) -> str:
    """Returns the stacks seen from another thread, while a loop runs tasks that wait."""

    async def main() -> str:
        event = asyncio.Event()
        tasks = [asyncio.create_task(program(event), name=f"task-{n}") for n, program in enumerate(programs)]
        seen = await asyncio.to_thread(stacks_of_a_loop_at_rest)
        event.set()
        await asyncio.gather(*tasks)
        return seen

    return asyncio.run(main())


def seen_by_a_task_that_blocks_its_loop() -> str:
    async def look() -> str:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(stacks_of_all_threads).result()

    return asyncio.run(look())


def block_of(title: str, seen: str) -> list[str]:
    """The lines under *title*."""
    _, _, after = seen.partition(f"{title}:\n")
    return after.partition("\n\n")[0].splitlines()


def test_waiting_task_is_shown_with_the_lines_that_lead_to_where_it_waits() -> None:
    """The thread of the loop shows only that the loop waits for something to do."""
    lines = block_of("task 'task-0'", seen_with(wait_in_a_helper))
    assert [line.rpartition(" in ")[2] for line in lines if " in " in line] == [
        "wait_in_a_helper",
        "wait_for_nothing",
        "wait",
    ]
    assert "await wait_for_nothing(event)" in lines[1]


def test_tasks_that_wait_at_the_same_place_are_shown_once() -> None:
    """There may be thousands."""
    seen = seen_with(*[wait_for_nothing] * 3, wait_in_a_helper)
    assert "task 'task-0' and 2 more:" in seen
    assert "task 'task-3':" in seen
    assert seen.count("in wait_for_nothing") == 2


def test_no_more_places_are_shown_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "_MOST_GROUPS", 1)
    seen = seen_with(wait_for_nothing, wait_in_a_helper)
    assert "and tasks at 2 more places" in seen  # the one that asks for the stacks waits as well


def test_task_that_runs_is_shown_by_its_thread_alone() -> None:
    seen = seen_by_a_task_that_blocks_its_loop()
    assert "in look" in seen
    assert "task " not in seen


def test_task_that_was_never_awaited_on_anything_is_shown() -> None:
    """It has been made and has had no turn yet."""

    async def main() -> str:
        task = asyncio.create_task(wait_for_nothing(asyncio.Event()), name="new")
        seen = stacks_of_all_threads()
        task.cancel()
        return seen

    assert "in wait_for_nothing" in block_of("task 'new'", asyncio.run(main()))[0]


def test_tasks_of_loops_in_other_threads_are_shown() -> None:
    started, over = threading.Event(), threading.Event()

    async def elsewhere() -> None:
        asyncio.get_running_loop().call_soon(started.set)  # which it does once this waits
        await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()), name="other")
    thread.start()
    started.wait()
    try:
        seen = stacks_of_all_threads()
    finally:
        over.set()
        thread.join()
    assert "in elsewhere" in seen.partition("thread 'other'")[2]


def test_loop_is_found_by_its_runner_where_it_has_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "_FOREVER", "nothing")
    assert "task 'task-0':" in seen_with(wait_for_nothing)


def test_tasks_that_come_and_go_meanwhile_cost_no_thread_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted_in_vain(_loop: object) -> set[object]:
        raise RuntimeError("Set changed size during iteration")

    monkeypatch.setattr(asyncio, "all_tasks", counted_in_vain)

    assert "in look" in seen_by_a_task_that_blocks_its_loop()
