"""Operations that lose speedup, each in its own way: what the chart of the missing speedup looks like.

No limits: they are meant to be slow.
"""

import threading
import time
from typing import Any

from orchestrator import Operation, module

MODULE_S = 0.02
WORKERS = 4


def wait(_context: object) -> None:
    time.sleep(MODULE_S)


def test_chain(cortex_bench: Any) -> None:
    """Every module waits for the one before it."""
    chain = [module(id=f"link_{number}", depends_on=[f"link_{number - 1}"] * (number > 0))(wait) for number in range(6)]
    cortex_bench(Operation("chain", chain), workers=WORKERS, name="chain")


def test_five_on_four_workers(cortex_bench: Any) -> None:
    """The fifth runs alone, and three workers have nothing to do."""
    five = [module(id=f"module_{number}")(wait) for number in range(5)]
    cortex_bench(Operation("five", five), workers=WORKERS, name="five on four workers")


def test_lock(cortex_bench: Any) -> None:
    """Nothing in the graph says that only one of them can get on at a time."""
    lock = threading.Lock()

    def wait_locked(_context: object) -> None:
        with lock:
            time.sleep(MODULE_S)

    locked = [module(id=f"module_{number}")(wait_locked) for number in range(6)]
    cortex_bench(Operation("locked", locked), workers=WORKERS, name="lock")


def test_serial_part(cortex_bench: Any) -> None:
    """One module in five has to come first, however many workers there are."""
    first = module(id="first")(wait)
    others = [module(id=f"module_{number}", depends_on=["first"])(wait) for number in range(4)]
    cortex_bench.scale(Operation("serial part", [first, *others]), workers=[1, 2, 4], name="serial part")
