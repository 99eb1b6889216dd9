"""Watching one untimed run from beside it: which threads and tasks worked, which waited, and at which line.

A measurement says that a program is slow, not why.  After the verdict one more run can be afforded, in which a second
thread looks at the stacks of all others about every millisecond.  From a stack it can be read whether its owner works,
waits for a lock, waits for somebody's result, starts a helper or has nothing to do.  Sleeping and input count as work:
whoever waits for the world outside is not in anybody's way.
"""

from __future__ import annotations

import dis
import itertools
import linecache
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from pytest_cortex.measuring.stacks import OUR_THREADS, suspended_frames

if TYPE_CHECKING:
    import asyncio

CALLER = 0
"""The strand of the thread that called the program."""

# With the usual 5 ms the sampler would get few looks at threads that never let go of the interpreter by themselves.
_SWITCH_S = 0.0001
# Each question to the system lets the others run on, so it is put at every so many looks only.
_LOOKS_PER_QUESTION = 4
_LONGEST_STOP_S = 1.0
_OUR_FILES = str(Path(__file__).parents[1]) + os.sep
_LIBRARY = str(Path(threading.__file__).parent) + os.sep
_INSTALLED = ("site-packages", "dist-packages")

# Who is in one of these files waits for somebody else in the program; in any other, for the world outside.
_WAITING_ROOMS = (
    "threading.py",
    "queue.py",
    "concurrent/futures/",
    "multiprocessing/",
    "asyncio/locks.py",
    "asyncio/queues.py",
    "asyncio/runners.py",
    "asyncio/taskgroups.py",
    "asyncio/tasks.py",
    "asyncio/threads.py",
)
_LOCKING = frozenset({"acquire", "__enter__", "__aenter__"})

_Owner = TypeVar("_Owner")
_Place: TypeAlias = tuple[str, int] | None
_RawLook: TypeAlias = "tuple[float, list[tuple[int, Doing, _Place]], frozenset[bytes]]"


class Doing(Enum):
    """What a thread or task was doing when it was looked at."""

    WORKS = auto()
    LOCKED_OUT = auto()
    """It waited for a lock or semaphore."""
    WAITS = auto()
    """It waited for another part of the program: a result, an event, a queue, the end of a thread."""
    QUEUES = auto()
    """A task that could go on, if only the event loop were free."""
    STARTS = auto()
    """It was starting a thread or process."""
    IDLE = auto()
    """It was in the pool's own loop, with nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the user's code.

    Attributes:
        file: Path of the file, as the interpreter knows it.
        number: From 1.
        text: The line itself without indentation; empty if it cannot be read.
    """

    file: str
    number: int
    text: str = ""

    def __str__(self) -> str:
        place = f"{'/'.join(Path(self.file).parts[-2:])}:{self.number}"
        return f"{place} `{self.text}`" if self.text else place


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One strand, that is a thread or an asyncio task, at one moment.

    Attributes:
        strand: Its number; ``CALLER`` is the calling thread, or the first task of the loop that runs in it.
        doing: What it did.
        line: The innermost line of the user's code that led there; None where only a library's code ran.
    """

    strand: int
    doing: Doing
    line: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The whole program at one moment.

    Attributes:
        at_s: Seconds from the start of the run.
        seen: Every strand that was there.
        children: Child processes that were there; of those from before the run only the ones that computed in it.
    """

    at_s: float
    seen: tuple[Seen, ...]
    children: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What one run looked like.

    Attributes:
        looks: In order of time, about evenly spaced.
        on_cpu_s: By strand, CPU seconds of its thread; empty where the system does not say.
        wall_s: Seconds the run took while it was watched.
        cpu_s: CPU seconds of this process meanwhile, the watching included.
        children_started: How many child processes appeared during the run.
        children_cpu_s: CPU seconds of child processes that ended in the run.
        gil: True if the interpreter lets only one thread run Python code at a time.
    """

    looks: tuple[Look, ...]
    on_cpu_s: Mapping[int, float] = field(default_factory=dict)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    children_started: int = 0
    children_cpu_s: float = 0.0
    gil: bool = True

    @property
    def workers(self) -> frozenset[int]:
        """The strands besides the caller's that were seen working."""
        return frozenset(seen.strand for look in self.looks for seen in look.seen if _is_worker_at_work(seen))

    @property
    def peak(self) -> int:
        """The most strands that were seen working at once."""
        return max((sum(seen.doing is Doing.WORKS for seen in look.seen) for look in self.looks), default=0)


def _is_worker_at_work(seen: Seen) -> bool:
    return seen.strand != CALLER and seen.doing is Doing.WORKS


def watch(program: Callable[[], object], *, every_s: float = 0.001, most: int = 500) -> Samples:
    """Runs *program* in the calling thread, and looks at all of its threads and asyncio tasks meanwhile.

    What it returns is dropped; what it raises passes unchanged.  Threads that were there before belong to it only if
    they were waiting before and worked during the run, as those of a pool that is kept do.

    Args:
        program: What to run.
        every_s: Seconds between two looks at first.
        most: Looks to keep, at least 2; if there would be more, every second one is forgotten and the pace halved.

    Raises:
        ValueError: If *every_s* is not above 0 or *most* is below 2.
    """
    if not every_s > 0 or most < 2:
        raise ValueError(f"every_s={every_s!r} must be above 0 and most={most!r} at least 2")
    sampler = _Sampler(every_s, most)
    before = _clocks()
    with _brisk_switching(), sampler.running():
        program()
    wall_s, cpu_s, children_cpu_s = (now - then for now, then in zip(_clocks(), before, strict=True))
    return replace(sampler.samples(), wall_s=wall_s, cpu_s=cpu_s, children_cpu_s=children_cpu_s)


def _clocks() -> tuple[float, float, float]:
    times = os.times()
    return time.perf_counter(), time.process_time(), times.children_user + times.children_system


@contextmanager
def _brisk_switching() -> Iterator[None]:
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(min(usual_s, _SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


class _Sampler:
    """Looks until it is told to stop, and keeps what it saw."""

    def __init__(self, every_s: float, most: int) -> None:
        self._every_s = every_s
        self._most = most
        self._strands = _Strands()
        self._before = _doing_of_threads()
        self._system = _System()
        self._looks: list[_RawLook] = []
        self._count = itertools.count()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name=f"{OUR_THREADS}sampler", daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Looks as long as the body runs."""
        self._ask()
        self._started_s = time.perf_counter()
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join(_LONGEST_STOP_S)
            self._system.close()

    def _look_on(self) -> None:
        while not self._over.wait(self._every_s):
            self._look()
            if len(self._looks) >= self._most:
                self._looks = self._looks[1::2]
                self._every_s *= 2

    def _look(self) -> None:
        threads = self._threads()
        at_s = time.perf_counter() - self._started_s
        seen = _seen(threads, self._strands)  # before anything that lets the others run on
        if next(self._count) % _LOOKS_PER_QUESTION == 0:
            self._ask()
        self._looks.append((at_s, seen, self._system.children))

    def _ask(self) -> None:
        self._system.look([(self._strands.number(thread), thread) for thread in self._threads()])

    def _threads(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if self._may_belong(thread)]

    def _may_belong(self, thread: threading.Thread) -> bool:
        """False for our own threads, and for those that were busy with something else before the run."""
        return not thread.name.startswith(OUR_THREADS) and self._before.get(thread) is not Doing.WORKS

    def samples(self) -> Samples:
        """Everything seen but the clocks.  The texts of the lines are read only now, as that takes time."""
        bystanders = self._bystanders()
        return Samples(
            looks=tuple(self._finished(look, bystanders) for look in self._looks),
            on_cpu_s={strand: spent_s for strand, spent_s in self._system.on_cpu_s.items() if strand not in bystanders},
            children_started=len(self._system.children_started),
            gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        )

    def _bystanders(self) -> frozenset[int]:
        """Strands from before the run that did no work in it."""
        old = {self._strands.number(thread) for thread in self._before} - {CALLER}
        worked = {strand for _, seen, _ in self._looks for strand, doing, _ in seen if doing is Doing.WORKS}
        return frozenset(old - worked)

    def _finished(self, look: _RawLook, bystanders: Collection[int]) -> Look:
        at_s, seen, children = look
        strands = [
            Seen(strand=strand, doing=doing, line=_line(place))
            for strand, doing, place in seen
            if strand not in bystanders
        ]
        return Look(at_s=at_s, seen=tuple(strands), children=len(children & self._system.children_at_work))


@lru_cache(maxsize=4096)
def _line(place: _Place) -> Line | None:
    if place is None:
        return None
    line = Line(file=place[0], number=place[1])
    return replace(line, text=linecache.getline(line.file, line.number).strip())


class _Strands:
    """Numbers for threads and tasks, in order of appearance; numbers of the system's own are used again."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._next = itertools.count(CALLER)
        self.number(threading.current_thread())

    def number(self, owner: object) -> int:
        if owner not in self._numbers:
            self._numbers[owner] = next(self._next)
        return self._numbers[owner]


# What the system says -------------------------------------------------------------------------------------------------


class _System:
    """CPU times of threads and the child processes, where there is a ``/proc`` to read them from."""

    def __init__(self) -> None:
        self._files: dict[str, int | None] = {}
        self._threads = _CpuTimes[int]()
        self._processes = _CpuTimes[bytes]()
        self._before: frozenset[bytes] | None = None
        self.children: frozenset[bytes] = frozenset()

    @property
    def on_cpu_s(self) -> dict[int, float]:
        """By strand, CPU seconds of its thread since the start of the run."""
        return self._threads.on_cpu_s

    @property
    def children_started(self) -> frozenset[bytes]:
        """Child processes that the first look did not see."""
        return frozenset(self._processes.on_cpu_s) - (self._before or frozenset())

    @property
    def children_at_work(self) -> frozenset[bytes]:
        """Child processes of the run, as far as is known: not the helpers of an earlier one that have stayed."""
        return self.children_started | {child for child, spent_s in self._processes.on_cpu_s.items() if spent_s}

    def look(self, threads: Iterable[tuple[int, threading.Thread]]) -> None:
        """Reads everything anew."""
        tasks = {strand: f"self/task/{thread.native_id}" for strand, thread in threads}
        self.children = frozenset(child for task in tasks.values() for child in self._read(f"{task}/children").split())
        self._threads.note({strand: self._read(f"{task}/schedstat") for strand, task in tasks.items()})
        self._processes.note({child: self._read(f"{child.decode()}/schedstat") for child in self.children})
        if self._before is None:
            self._before = self.children

    def _read(self, name: str) -> bytes:
        """Reads a file that stays open: each call into the system may cost a wait for the interpreter."""
        with suppress(OSError):  # no such system, or the thread has ended
            if name not in self._files:
                self._files[name] = None
                self._files[name] = os.open(f"/proc/{name}", os.O_RDONLY)
            file = self._files[name]
            return b"" if file is None else os.pread(file, 4096, 0)
        return b""

    def close(self) -> None:
        """Closes the files; what was read stays."""
        while self._files:
            _, file = self._files.popitem()
            if file is not None:
                os.close(file)


class _CpuTimes(Generic[_Owner]):
    """By owner, CPU seconds, without those from before the run."""

    def __init__(self) -> None:
        self._before_s: dict[_Owner, float] | None = None
        self.on_cpu_s: dict[_Owner, float] = {}

    def note(self, schedstats: Mapping[_Owner, bytes]) -> None:
        """Notes what the system's scheduler says; the first of its numbers is nanoseconds on a CPU."""
        total_s = {owner: int(stat.split()[0]) / 1e9 for owner, stat in schedstats.items() if stat}
        if self._before_s is None:
            self._before_s = total_s
        for owner, seconds in total_s.items():
            self.on_cpu_s[owner] = seconds - self._before_s.get(owner, 0.0)


# What the stacks say --------------------------------------------------------------------------------------------------


def _doing_of_threads() -> WeakKeyDictionary[threading.Thread, Doing]:
    """What every thread does now; the calling one waits, as it is about to work."""
    current = threading.current_thread()
    frames = _frames_now()
    doing: WeakKeyDictionary[threading.Thread, Doing] = WeakKeyDictionary()
    for thread in threading.enumerate():
        if thread.ident in frames:
            doing[thread] = Doing.WAITS if thread is current else _read(_stack(frames[thread.ident]))[0]
    return doing


def _frames_now() -> dict[int, FrameType]:
    return sys._current_frames()  # noqa: SLF001 - documented, and the only way to other threads


def _seen(threads: Iterable[threading.Thread], strands: _Strands) -> list[tuple[int, Doing, _Place]]:
    """Every strand of *threads* now, as number, doing and place.  No frame outlives this call."""
    frames = _frames_now()
    seen = []
    for thread in threads:
        if thread.ident in frames:
            stack = _stack(frames[thread.ident])
            for owner, (doing, place) in (_tasks(stack, thread) or {thread: _read(stack)}).items():
                seen.append((strands.number(owner), doing, place))
    return seen


def _stack(frame: FrameType | None) -> list[FrameType]:
    """Frames from the innermost one out, up to where the program was called from."""
    stack = []
    while frame is not None and frame.f_code is not watch.__code__:
        stack.append(frame)
        frame = frame.f_back
    return stack


def _read(stack: list[FrameType]) -> tuple[Doing, _Place]:
    library = list(itertools.takewhile(lambda frame: not _is_users(frame.f_code.co_filename), stack))
    if len(library) == len(stack):
        return _doing_without_user(library), None
    users = stack[len(library)]
    return _doing_for_user([*library, users]), (users.f_code.co_filename, users.f_lineno)


def _doing_without_user(library: list[FrameType]) -> Doing:
    """A function written in C has no frame: it is at work right below a pool's or a thread's ``run``."""
    return Doing.WORKS if not library or library[0].f_code.co_name == "run" else Doing.IDLE


def _doing_for_user(stack: list[FrameType]) -> Doing:
    """What it means that the user's code, last in *stack*, has called the rest of it."""
    waiting = [frame.f_code.co_name for frame in stack if _is_waiting_room(frame.f_code.co_filename)]
    if "start" in waiting:
        return Doing.STARTS
    if waiting and waiting[-1] in _LOCKING:
        return Doing.LOCKED_OUT
    if waiting:
        return Doing.WORKS if _passes_through(stack[0]) else Doing.WAITS
    return Doing.LOCKED_OUT if stack[0].f_lasti in _lock_offsets(stack[0].f_code) else Doing.WORKS


def _passes_through(frame: FrameType) -> bool:
    """True in a waiting room of those who do not wait there: ``asyncio.sleep``, or ``Event.is_set`` in a loop."""
    code = frame.f_code
    if code.co_filename == threading.__file__:
        return code.co_name != "join" and frame.f_lasti not in _lock_offsets(code)
    return code.co_name == "sleep"


@lru_cache(maxsize=4096)
def _is_users(file: str) -> bool:
    if file.startswith((_OUR_FILES, "<frozen")):
        return False
    return not file.startswith(_LIBRARY) or any(part in _INSTALLED for part in Path(file).parts)


@lru_cache(maxsize=4096)
def _is_waiting_room(file: str) -> bool:
    return file.startswith(_LIBRARY) and file.removeprefix(_LIBRARY).replace(os.sep, "/").startswith(_WAITING_ROOMS)


@lru_cache(maxsize=4096)
def _lock_offsets(code: CodeType) -> frozenset[int]:
    """Where *code* may wait for a lock, which is written in C and has no frame: ``with lock:`` and ``.acquire()``."""
    instructions = list(dis.get_instructions(code))
    acquire = {_start(each) for each in instructions if each.argval == "acquire"}
    return frozenset(
        each.offset
        for each in instructions
        if each.opname == "BEFORE_WITH" or (each.opname.startswith("CALL") and _start(each) in acquire)
    )


def _start(instruction: dis.Instruction) -> tuple[int | None, int | None]:
    """Where its expression begins: a call begins where the name of what it calls does."""
    where = instruction.positions
    return (where.lineno, where.col_offset) if where else (None, None)


# Tasks ----------------------------------------------------------------------------------------------------------------


def _tasks(stack: list[FrameType], thread: threading.Thread) -> dict[object, tuple[Doing, _Place]]:
    """The tasks of the event loop that runs in *stack*, by task; the first one stands for the thread itself."""
    loop = next((frame.f_locals["self"] for frame in stack if _runs_loop(frame)), None)
    if loop is None:
        return {}
    import asyncio  # noqa: PLC0415 - there is a loop, so it is imported already; elsewhere it would cost its import

    with suppress(RuntimeError):  # tasks came and went while they were counted
        current = asyncio.current_task(loop)
        tasks = sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))
        return {
            task if place else thread: _read(stack) if task is current else _read_suspended(task)
            for place, task in enumerate(tasks)
        }
    return {}


def _runs_loop(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name == "run_forever" and code.co_filename == f"{_LIBRARY}asyncio{os.sep}base_events.py"


def _read_suspended(task: asyncio.Task[Any]) -> tuple[Doing, _Place]:
    doing, place = _read(suspended_frames(task.get_coro())[::-1])
    awaited = getattr(task, "_fut_waiter", None)  # there is no public way to ask a task what it waits for
    if awaited is None:
        return Doing.QUEUES, place
    for_task = hasattr(awaited, "get_coro") or hasattr(awaited, "_children")  # a task, or several gathered
    return (Doing.WAITS if doing is Doing.WORKS and for_task else doing), place
