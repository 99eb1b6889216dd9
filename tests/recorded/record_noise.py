"""Records rounds of real programs, quiet and beside busy loops, for the gate to be tried on.

    python tests/recorded/record_noise.py

writes one JSON file per program and load next to this script, which takes some minutes.  The numbers describe the
machine they were taken on; a recording from another machine is a new file, not a better one.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.measuring.machine import facts, usable_cpus

Mapper: TypeAlias = Callable[..., Iterator[object]]

WORKERS = 4
WARM_UPS = 5
SEED = 20

_KEPT_FACTS = ("python", "implementation", "gil", "system", "machine", "usable_cpus", "load_average")

# A recording that dies must not leave the machine busy for good.
_BUSY_AT_MOST_S = 300
_BUSY_LOOP = f"import time; end = time.monotonic() + {_BUSY_AT_MOST_S}\nwhile time.monotonic() < end: pass"

_BLOCK = bytes(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Some equal tasks, done one after the other or by a pool of threads.

    Attributes:
        name: Part of the file name.
        what: For people.
        task: Does one of them.
        tasks: How many there are.
    """

    name: str
    what: str
    task: Callable[[int], object]
    tasks: int

    def run(self, mapper: Mapper) -> float:
        """Returns the seconds that all tasks take with *mapper*: ``map`` itself or that of a pool."""
        begun = time.perf_counter_ns()
        list(mapper(self.task, range(self.tasks)))
        return (time.perf_counter_ns() - begun) / 1e9


def wait(_task: int) -> None:
    """Waits, as for a server."""
    time.sleep(0.003)


def digest(_task: int) -> bytes:
    """Computes with the GIL released."""
    return hashlib.sha256(_BLOCK).digest()


def count(_task: int) -> int:
    """Computes with the GIL held."""
    return sum(number * number for number in range(25_000))


PROGRAMS = (
    Program(name="waiting", what="I/O-bound: 8 waits of 3 ms in a pool of 4 threads", task=wait, tasks=8),
    Program(name="hashing", what="CPU-bound: 30 SHA-256 of 1 MB in a pool of 4 threads", task=digest, tasks=30),
    Program(
        name="counting",
        what="CPU-bound in pure Python: 8 sums of 25,000 squares in a pool of 4 threads",
        task=count,
        tasks=8,
    ),
)


@contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """Keeps *number* processes busy for as long as it is entered."""
    loops = [subprocess.Popen([sys.executable, "-c", _BUSY_LOOP]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one arm.

    Attributes:
        seconds: How long it took.
        disturbed: True if other programs, or the machine, got in its way.
    """

    seconds: float
    disturbed: bool


def watched_run(program: Program, mapper: Mapper, monitor: Monitor) -> Run:
    """Runs one arm, watched as ``cortex_bench`` watches it."""
    gc.collect()
    disturbed = monitor.watch()
    seconds = program.run(mapper)
    return Run(seconds=seconds, disturbed=disturbed(seconds) is not None)


def record_rounds(number: int, rounds: int) -> dict[str, list[Any]]:
    """Returns rounds of the program of that number, the two arms in random order within each round."""
    gc.disable()
    program, monitor, order = PROGRAMS[number], Monitor(), random.Random(SEED)  # noqa: S311 - fair coins, no secrets
    with ThreadPoolExecutor(WORKERS) as pool:
        mappers: dict[str, Mapper] = {"sequential": map, "parallel": pool.map}

        def one_round() -> dict[str, Run]:
            arms = order.sample(sorted(mappers), k=2)
            return {arm: watched_run(program, mappers[arm], monitor) for arm in arms}

        recorded = [one_round() for _ in range(WARM_UPS + rounds)][WARM_UPS:]
    return {
        "sequential_s": [round(runs["sequential"].seconds, 7) for runs in recorded],
        "parallel_s": [round(runs["parallel"].seconds, 7) for runs in recorded],
        "disturbed": [int(any(run.disturbed for run in runs.values())) for runs in recorded],
    }


def record(number: int, *, loops: int, rounds: int) -> dict[str, Any]:
    """Returns the recording of a program beside *loops* busy loops."""
    program, known = PROGRAMS[number], facts()
    # In a process of its own: to that the busy loops are strangers, whereas of one's children one knows what they use.
    with busy_loops(loops), ProcessPoolExecutor(1) as other:
        recorded = other.submit(record_rounds, number, rounds).result()
    return {
        "program": program.name,
        "what": program.what,
        "workers": WORKERS,
        "busy_loops": loops,
        "seed": SEED,
        "machine": {name: known[name] for name in _KEPT_FACTS},
        **recorded,
    }


def written(recording: dict[str, Any]) -> str:
    """Returns the recording as JSON, one line per entry."""
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in recording.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Records every program under every load."""
    arguments = argparse.ArgumentParser(description="Record rounds of real programs, quiet and beside busy loops.")
    arguments.add_argument("--rounds", type=int, default=400, help="rounds per recording")
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder to write to")
    given = arguments.parse_args()
    for loops, number in product((0, 1, int(usable_cpus())), range(len(PROGRAMS))):
        recording = record(number, loops=loops, rounds=given.rounds)
        path = given.into / f"{recording['program']}-{loops}-busy.json"
        path.write_text(written(recording), encoding="utf-8")


if __name__ == "__main__":
    main()
