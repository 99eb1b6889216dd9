"""Programs whose verdict is known beforehand, and one look at each of them through ``cortex_bench`` itself."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator import Operation, module
from pytest_cortex.bench.court import Court, rules_of
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import BenchResult, GateFailed
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.measuring.rounds import steady_memory
from pytest_cortex.record import GateName, VerdictRecord
from pytest_cortex.settings.settings import resolve

TASKS = 8
WORKERS = 4
WAIT_S = 0.003
LONGER_WAIT_S = 0.006
"""For programs that are healthy: what the system itself adds, tenths of a millisecond, must not matter."""

BUSY_LOOP_S = 900
"""No busy loop outlives this, whatever becomes of the process that started it."""

_LOCK = threading.Lock()
_DATA = b"x" * 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A program with a limit.

    Attributes:
        name: What it is.
        sequential: One thing after the other; for an operation, the operation.
        parallel: The same, allegedly in parallel; None for an operation.
        limit: The limit of the gate.
        workers: P.
    """

    name: str
    sequential: Any
    parallel: Callable[[], Any] | None
    limit: float
    workers: int = WORKERS


def wait(number: int) -> int:
    """Waits, as for a disk or a network."""
    time.sleep(WAIT_S)
    return number


def wait_longer(number: int) -> int:
    """Waits long enough for a limit close to the speedup."""
    time.sleep(LONGER_WAIT_S)
    return number


def wait_locked(number: int) -> int:
    """Waits inside a lock that all share."""
    with _LOCK:
        return wait(number)


def count(number: int) -> int:
    """Computes in Python, so that it holds the GIL."""
    total = 0
    for step in range(40_000):
        total += step
    return number


def digest(number: int) -> int:
    """Computes outside the GIL."""
    hashlib.sha256(_DATA).digest()
    return number


def in_turn(task: Callable[[int], int]) -> Callable[[], list[int]]:
    """One task after the other."""
    return lambda: [task(number) for number in range(TASKS)]


def in_pool(task: Callable[[int], int], workers: int = WORKERS) -> Callable[[], list[int]]:
    """All tasks in a pool of threads."""

    def run() -> list[int]:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(task, range(TASKS)))

    return run


def in_secret_order() -> list[int]:
    """A pool in which every task waits for the one before it, which no graph shows."""

    def after(before: Future[int] | None, number: int) -> int:
        if before is not None:
            before.result()
        return wait(number)

    with ThreadPoolExecutor(TASKS) as pool:
        last: Future[int] | None = None
        futures = [last := pool.submit(after, last, number) for number in range(TASKS)]
        return [future.result() for future in futures]


def step(_context: object) -> None:
    """A module that waits."""
    wait(0)


def operation(name: str, graph: dict[str, list[str]]) -> Operation:
    """An operation of waiting modules, with what each depends on."""
    return Operation(name, [module(id=each, depends_on=before)(step) for each, before in graph.items()])


def chain() -> Operation:
    """Every module depends on the one before it."""
    return operation("chain", {f"link_{n}": [f"link_{n - 1}"] if n else [] for n in range(TASKS)})


def fork() -> Operation:
    """Two branches of modules: no more than two ever run at once."""
    return operation("fork", {f"{side}_{n}": [f"{side}_{n - 1}"] if n else [] for side in "ab" for n in range(4)})


HEALTHY = Control(name="healthy pool", sequential=in_turn(wait_longer), parallel=in_pool(wait_longer), limit=3.0)
HEALTHY_CPU = Control(
    name="healthy CPU-bound pool", sequential=in_turn(digest), parallel=in_pool(digest, 2), limit=1.2, workers=2
)
CONTROLS = (
    Control(name="chain", sequential=chain(), parallel=None, limit=1.5),
    Control(name="GIL-bound threads", sequential=in_turn(count), parallel=in_pool(count), limit=1.4),
    Control(name="hidden lock", sequential=in_turn(wait), parallel=in_pool(wait_locked), limit=2.0),
    Control(name="hidden dependency", sequential=in_turn(wait), parallel=in_secret_order, limit=2.0),
    Control(name="pool of one worker", sequential=in_turn(wait), parallel=in_pool(wait, 1), limit=2.0),
    Control(name="identical programs", sequential=in_turn(wait), parallel=in_turn(wait), limit=1.5),
    Control(name="limit above the ceiling", sequential=fork(), parallel=None, limit=2.5),
)


def judged(control: Control, *, seed: int, limit: float | None = None) -> VerdictRecord:
    """Measures *control* as a test would, with the rules that are default, and returns the verdict."""
    settings = resolve({}, {}, seed=seed)
    marker: dict[GateName, float] = {"min_speedup": control.limit if limit is None else limit}
    court = Court(test=f"control::{control.name}", rules=rules_of(settings, 1), streaks=Streaks({}))
    bench = CortexBench(test_name=control.name, settings=settings, marker=marker, court=court, watch=Monitor().watch)
    try:
        with steady_memory():
            return run_by(bench, control).verdicts[0]
    except GateFailed as failed:
        return failed.verdict


def run_by(bench: CortexBench, control: Control) -> BenchResult:
    """Measures *control* with *bench*."""
    if control.parallel is None:
        return bench(control.sequential, workers=control.workers)
    return bench(sequential=control.sequential, parallel=control.parallel, workers=control.workers)


def speedup_of(control: Control) -> float:
    """The speedup of *control* here and now, from as many rounds as a gate has at most."""
    settings = resolve({"rounds_all": ["true"]}, {}, seed=1)
    court = Court(test="control::speedup", rules=rules_of(settings, 1), streaks=Streaks({}))
    bench = CortexBench(test_name=control.name, settings=settings, marker={}, court=court, watch=Monitor().watch)
    with steady_memory():
        return run_by(bench, control).speedup


@contextmanager
def busy_loops(count_of_them: int) -> Iterator[None]:
    """Keeps CPUs busy with so many other processes, which end by themselves after a while in any case.

    They are nobody's children: what a program's own children do is its own doing, and spoils no round.
    """
    pids = [_orphaned_loop() for _ in range(count_of_them)]
    try:
        time.sleep(0.3)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def _orphaned_loop() -> int:
    """Starts a busy loop through a process that ends at once, and returns its process id."""
    loop = f"import time\nend = time.monotonic() + {BUSY_LOOP_S}\nwhile time.monotonic() < end:\n    sum(range(10_000))"
    quietly = "stdin=-3, stdout=-3, stderr=-3"  # DEVNULL: whoever holds a pipe keeps its reader waiting
    start = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {loop!r}], {quietly}).pid)"
    return int(subprocess.run([sys.executable, "-c", start], capture_output=True, check=True, text=True).stdout)


@contextmanager
def one_cpu() -> Iterator[None]:
    """Leaves this process a single CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def traced() -> Iterator[None]:
    """Has every line watched, as coverage does in its slower mode."""

    def tracer(*_arguments: object) -> Any:
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def tally(control: Control, runs: int, *, limit: float | None = None) -> dict[Outcome, int]:
    """Counts the outcomes of so many measurements."""
    outcomes = [judged(control, seed=seed, limit=limit).outcome for seed in range(runs)]
    return {outcome: outcomes.count(outcome) for outcome in Outcome}
