"""Looks at a parallel run made by hand, as letters."""

from dataclasses import replace
from typing import Any

from pytest_cortex.explaining.causes import Facts
from pytest_cortex.explaining.sampling import Doing, Line, Look, Samples, Seen

WORK = Line(file="work.py", number=1, text="compute(item)")
GATE = Line(file="work.py", number=2, text="with lock:")
NEED = Line(file="work.py", number=3, text="previous.result()")
SETUP = Line(file="work.py", number=4, text="connect()")
MAIN = Line(file="work.py", number=5, text="list(pool.map(f, items))")

MEANING = {
    "w": (Doing.WORKS, WORK),
    "s": (Doing.WORKS, SETUP),
    "l": (Doing.LOCKED_OUT, GATE),
    "n": (Doing.WAITS, NEED),
    "m": (Doing.WAITS, MAIN),
    "b": (Doing.STARTS, MAIN),
    "q": (Doing.QUEUES, NEED),
    "c": (Doing.WORKS, None),
    "-": (Doing.IDLE, None),
}


def samples(*stretches: tuple[int, str], children: int = 0, **others: Any) -> Samples:
    """Looks as letters, one per strand, the caller first: ``(3, "mw-")`` is three looks; a space is nobody."""
    rows = [letters for count, letters in stretches for _ in range(count)]
    looks = tuple(look(number + 0.5, row, children) for number, row in enumerate(rows))
    return Samples(looks=looks, wall_s=float(len(rows)), **others)


def look(at_s: float, letters: str, children: int = 0) -> Look:
    seen = (
        Seen(strand=strand, doing=MEANING[letter][0], line=MEANING[letter][1])
        for strand, letter in enumerate(letters)
        if letter != " "
    )
    return Look(at_s=at_s, seen=tuple(seen), children=children)


FREE = Facts(
    workers=4,
    usable_cpus=4,
    speedup=1.0,
    sequential_s=1.0,
    parallel_s=1.0,
    sequential_cpu_s=0.01,
    parallel_cpu_s=0.01,
)
COMPUTING = replace(FREE, sequential_cpu_s=1.0, parallel_cpu_s=1.0)
SEQUENTIAL = samples((20, "w"))
HEALTHY = samples((1, "m"), (96, "mwwww"), (3, "mw---"))
