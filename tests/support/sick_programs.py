"""Programs into which one cause of a lost speedup was put."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

ITEMS = range(8)
ONLY_ONE = threading.Lock()


def nap(seconds: float = 0.01) -> None:
    time.sleep(seconds)


def nap_for(_item: int) -> None:
    nap()


def nap_under_lock(_item: int) -> None:
    with ONLY_ONE:
        nap()


def compute(_item: int) -> int:
    return sum(each * each for each in range(400_000))


def nap_unevenly(item: int) -> None:
    nap(0.1 if item == 0 else 0.005)


def nap_after(previous: Future[None] | None) -> None:
    if previous is not None:
        previous.result()
    nap()


def pooled(work: Callable[[int], object], workers: int = 4) -> Callable[[], object]:
    def program() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, ITEMS))

    return program


def chained() -> None:
    previous: Future[None] | None = None
    with ThreadPoolExecutor(4) as pool:
        for _ in ITEMS:
            previous = pool.submit(nap_after, previous)


def slow_to_start() -> None:
    nap(0.06)
    pooled(nap_for)()


def sequential_nap() -> None:
    for item in ITEMS:
        nap_for(item)
