"""Leftovers: what most runs of an arm leave behind is complained of, and a pool that is kept is not."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_cortex.measuring import leftovers as leftovers_module
from pytest_cortex.measuring.leftovers import Leftovers

ARMS = ("sequential", "parallel")


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set at the end of the test, when no thread of it may go on."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def start(over: threading.Event) -> Iterator[Callable[..., None]]:
    """Starts a thread that ends with the test, or with *until*."""
    threads: list[threading.Thread] = []

    def start_one(name: str, until: threading.Event = over) -> None:
        threads.append(threading.Thread(target=until.wait, name=name))
        threads[-1].start()

    yield start_one
    over.set()
    for thread in threads:
        thread.join()


def left_by(runs: Callable[[int], object], *, rounds: int = 8, grace_s: float = 0.0) -> tuple[str, ...]:
    """Returns what is complained of after so many rounds, of which ``runs(n)`` is the parallel arm."""
    found = Leftovers(children=frozenset, grace_s=grace_s)
    for number in range(rounds):
        found.look("sequential")
        runs(number)
        found.look("parallel")
    return found.complaints(ARMS)


def test_thread_that_every_run_leaves_is_complained_of(start: Callable[..., None]) -> None:
    (complaint,) = left_by(lambda number: start(f"worker-{number}"), rounds=5)
    assert complaint == (
        "the parallel arm leaves threads behind, 5 after 5 runs: worker-0, worker-1, worker-2 and 2 more; shut down "
        "what a run starts, or start it once and keep it"
    )


def test_arm_that_leaves_nothing_is_not_complained_of() -> None:
    def clean(_number: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            pool.submit(int).result()

    assert left_by(clean) == ()


def test_pool_that_is_made_once_and_kept_is_not_complained_of() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert left_by(lambda _number: pool.submit(int).result()) == ()


@pytest.mark.parametrize(("growing", "complained"), [(3, False), (4, True)])
def test_pool_that_grows_to_its_size_is_told_from_a_leak(
    start: Callable[..., None], growing: int, *, complained: bool
) -> None:
    """It starts its threads as they are needed, in the first few runs; here there are eight."""
    found = left_by(lambda number: start(f"pool-{number}") if number < growing else None, rounds=8)
    assert bool(found) is complained


def test_two_runs_prove_nothing(start: Callable[..., None]) -> None:
    assert left_by(lambda number: start(f"worker-{number}"), rounds=2) == ()


def test_threads_from_before_the_measurement_are_nobodys(start: Callable[..., None]) -> None:
    for number in range(8):
        start(f"before-{number}")
    assert left_by(lambda _number: None) == ()


def test_threads_of_this_plugin_are_nobodys(start: Callable[..., None]) -> None:
    assert left_by(lambda number: start(f"cortex-{number}")) == ()


def test_threads_that_are_about_to_end_are_waited_for(
    start: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that nobody holds ends its threads by itself, a moment later."""
    moment = threading.Event()
    monkeypatch.setattr(time, "sleep", lambda _seconds: moment.set())
    assert left_by(lambda number: start(f"late-{number}", moment), grace_s=60.0) == ()


def test_arms_that_were_not_asked_for_are_left_out(start: Callable[..., None]) -> None:
    """Where several contenders share their rounds, each is complained of in its own measurement."""
    found = Leftovers(children=frozenset, grace_s=0.0)
    for number in range(4):
        start(f"worker-{number}")
        found.look("theirs")
    assert found.complaints(["ours"]) == ()
    assert len(found.complaints(["ours", "theirs"])) == 1


# Processes ------------------------------------------------------------------------------------------------------------


def processes_left_by(
    monkeypatch: pytest.MonkeyPatch, looks: list[set[int]], alive: Callable[[int], bool] = lambda _pid: True
) -> tuple[str, ...]:
    """What is complained of if there are these child processes before the first run, after it, and so on."""
    monkeypatch.setattr(
        leftovers_module, "descriptions", lambda pids: {pid: f"python (pid {pid})" for pid in pids if alive(pid)}
    )
    given = iter([*looks, looks[-1]])
    found = Leftovers(children=lambda: next(given), grace_s=0.0)
    for _ in looks[1:]:
        found.look("parallel")
    return found.complaints(["parallel"])


def test_process_that_every_run_leaves_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    (complaint,) = processes_left_by(monkeypatch, [{1}, {1, 2}, {1, 2, 3}, {1, 2, 3, 4}])
    assert complaint.startswith(
        "the parallel arm leaves child processes behind, 3 after 3 runs: python (pid 2), python (pid 3), "
        "python (pid 4); "
    )


@pytest.mark.parametrize(
    "looks",
    [
        [{1}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}],  # a pool that is kept
        [set(), {1}, {2}, {3}, {4}],  # each is gone before the next comes
        [{1, 2, 3}, {1, 2}, {1}, set(), set()],  # they were there before, and end
    ],
)
def test_processes_that_do_not_grow_in_number_are_not_complained_of(
    monkeypatch: pytest.MonkeyPatch, looks: list[set[int]]
) -> None:
    assert processes_left_by(monkeypatch, looks) == ()


def test_processes_that_have_ended_and_nobody_waited_for_are_not_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take no memory and no time."""
    looks = [set(), {1}, {1, 2}, {1, 2, 3}]
    assert processes_left_by(monkeypatch, looks, alive=lambda pid: pid == 1) == ()
