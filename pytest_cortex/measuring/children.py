"""Child processes: which there are, what they are called, and how they are ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_PROC = Path("/proc")
_PATIENCE_S = 1.0
_LOOK_EVERY_S = 0.02

# What multiprocessing and joblib keep for the whole life of the process, and would miss.
_HELPERS = ("resource_tracker import main", "forkserver import main")


def child_processes(proc: Path = _PROC) -> frozenset[int]:
    """Returns the ids of all living descendants of this process.

    Linux tells the children of a process without a look at all others; elsewhere this takes some milliseconds.
    """
    try:
        return frozenset(_descendants(proc, "self"))
    except OSError:
        return _descendants_anywhere()


def _descendants(proc: Path, process: str) -> Iterable[int]:
    """Raises OSError where children are hidden; a process that has just ended has none."""
    if process == "self":
        (proc / "thread-self/children").stat()
    for child in _children(proc / process / "task"):
        yield int(child)
        yield from _descendants(proc, child)


def _children(tasks: Path) -> list[str]:
    """All threads of a process have children of their own."""
    found: list[str] = []
    with suppress(OSError):
        for task in os.listdir(tasks):  # noqa: PTH208 - twice as fast as iterdir
            with suppress(OSError):
                found += (tasks / task / "children").read_text(encoding="ascii").split()
    return found


def _descendants_anywhere() -> frozenset[int]:
    import psutil  # noqa: PLC0415 - paid only where it is needed

    with suppress(psutil.Error):
        return frozenset(child.pid for child in psutil.Process().children(recursive=True))
    return frozenset()


def descriptions(pids: Collection[int]) -> dict[int, str]:
    """Returns name and state of each of the processes *pids* that is alive, by id; helpers of the library left out."""
    import psutil  # noqa: PLC0415 - as above

    names = _names_given()
    found = {}
    for each in _alive(pids):
        with suppress(psutil.Error):  # it may just have ended
            found[each.pid] = f"{names.get(each.pid) or each.name()} (pid {each.pid}, {each.status()})"
    return found


def _names_given() -> dict[int | None, str]:
    """What the program itself calls its processes."""
    multiprocessing = sys.modules.get("multiprocessing")
    return {} if multiprocessing is None else {each.pid: each.name for each in multiprocessing.active_children()}


def end_processes(pids: Collection[int], *, patience_s: float = _PATIENCE_S) -> None:
    """Asks the processes *pids* to end, and kills those that do not; helpers of the library live on.

    They stay to be waited for by whoever started them: were they gone, ``multiprocessing`` would believe them alive.
    """
    _signal(pids, lambda process: process.terminate())
    deadline_s = time.monotonic() + patience_s
    while _alive(pids) and time.monotonic() < deadline_s:
        time.sleep(_LOOK_EVERY_S)
    _signal(pids, lambda process: process.kill())


def _signal(pids: Collection[int], send: Callable[[psutil.Process], None]) -> None:
    import psutil  # noqa: PLC0415 - as above

    for process in _alive(pids):
        with suppress(psutil.Error):
            send(process)


def _alive(pids: Collection[int]) -> list[psutil.Process]:
    """Those of *pids* that have not ended, though nobody may have waited for them yet, and are no helpers."""
    import psutil  # noqa: PLC0415 - as above

    found = []
    for pid in sorted(pids):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and not _is_helper(process):
                found.append(process)
    return found


def _is_helper(process: psutil.Process) -> bool:
    return any(sign in word for sign in _HELPERS for word in process.cmdline())
