"""Whether other programs, or the machine, disturbed one run of one arm.

Only what comes from outside counts.  A program with more threads than CPUs, or one that queues for a lock or the GIL,
waits as well, but for itself, and that is part of what is measured.  No single number of the system tells the two
apart; set against the CPU time that the program itself used, they do.
"""

from __future__ import annotations

import operator
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any

from pytest_cortex.measuring.machine import known, tick_ns, usable_cpus

# What is lost to others above this share of an arm spoils it.
_MOST = 0.03

# … unless it is too little to be told from chance.  A lone interrupt or kernel thread in an arm of 5 ms is no
# disturbance; and what the system counts in ticks may be off by one at either end.
_LEAST_WAIT_NS = 500_000
_TICK_NS = tick_ns()
_LEAST_COUNTED_NS = 2 * _TICK_NS

# Ticks say nothing about a run of 15 ms.  Below this, the runs before it are looked at as well: whoever kept the CPUs
# busy then is still there.
_LONG_ENOUGH_NS = 200_000_000

# With so much of the CPUs idle, there was room for whoever wanted one.  It is far more than _MOST, because the system
# books idle time late: what was idle before a short run may show within it.
_ROOM_LEFT = 0.25

# Room is not enough: a thread that wakes up on a CPU of somebody else's waits there for its turn, 2 to 3 ms, though
# another CPU is idle.  Pressure counts that, but also how long the others waited for the program, which is at most as
# long as it computed.  Half of that is forgiven, and no more than a tenth of the run.  Seen with a pool of 4 threads
# that wait 6 ms each, beside one busy loop on two CPUs: a speedup of 3.24 instead of 3.80 over all rounds, 3.67 over
# the 27 % that are clean by this rule.
_FORGIVEN_OWN = 0.5
_FORGIVEN_RUN = 0.1

# A probe takes as long as the run before it, but no longer than this, in seconds.
_LONGEST_PROBE_S = 0.05

# A clock that is read without pause and yet jumps this far was taken away from its reader.
_HICCUP_S = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters of this moment, in nanoseconds; only their growth means anything.  None where they cannot be read.

    Attributes:
        at_ns: The clock.
        allowed_ns: CPU time that this process could have used: the clock times its CPUs, or its quota if smaller.
        own_ns: CPU time that this process and its children did use.
        thread_ns: CPU time of the calling thread.
        waited_ns: How long the calling thread was ready to run and had no CPU (run delay).
        room_ns: The clock times the CPUs this process may run on, whatever its quota.
        idle_ns: How long those CPUs were idle, summed.
        stolen_ns: How long the hypervisor took them away while there was work, summed.
        throttled_ns: How long the control group was stopped for having used up its quota, summed over CPUs.
        pressure_ns: How long anything on this machine, this process included, waited for a CPU.
    """

    at_ns: int
    allowed_ns: int
    own_ns: int
    thread_ns: int
    waited_ns: int | None
    room_ns: int | None
    idle_ns: int | None
    stolen_ns: int | None
    throttled_ns: int | None
    pressure_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interference:
    """What disturbed one run of one arm from outside; each a share, None where unknown.

    Attributes:
        run_delay: Of the wall time: the calling thread waited for a CPU that the program did not itself keep busy.
        steal: Of the time the CPUs had work: the hypervisor took them away.
        throttled: Of the wall time: the control group was stopped, though the program left some of its quota to others.
        others: Of the CPUs this process may run on: used by other programs.  Harmless while some of them were idle.
        lost: Of a probe right after the arm: the clock jumped.
        spoilt: The reason not to count the round, for people; None if there is none.
    """

    run_delay: float | None
    steal: float | None
    throttled: float | None
    others: float | None
    lost: float | None
    spoilt: str | None


# Reading --------------------------------------------------------------------------------------------------------------


def _cpu_of_process_ns() -> int:
    """CPU time of this process, and of those children that have ended and were waited for."""
    times = os.times()
    return time.process_time_ns() + round((times.children_user + times.children_system) * 1e9)


class Monitor:
    """Reads what the system tells about the CPUs; open one per measurement.

    Args:
        proc: The process file system; it need not exist.
        cgroup: The control group file system, version 2; it need not exist.
        cpus: How many CPUs this process may use, quota included; None to find out.
        clock_ns: The clock.
        thread_ns: CPU time of the calling thread.
        process_ns: CPU time of this process and its ended children.

    Attributes:
        sources: What can be read here: of "run delay", "steal", "throttling", "other programs" and "pressure".
    """

    def __init__(
        self,
        *,
        proc: Path = Path("/proc"),
        cgroup: Path = Path("/sys/fs/cgroup"),
        cpus: float | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        thread_ns: Callable[[], int] = time.thread_time_ns,
        process_ns: Callable[[], int] = _cpu_of_process_ns,
    ) -> None:
        self._proc = proc
        self._cgroup = _own_cgroup(proc, cgroup)
        self._cpus = usable_cpus() if cpus is None else cpus
        self._rows = _rows_of_usable_cpus()
        self._clock_ns = clock_ns
        self._thread_ns = thread_ns
        self._process_ns = process_ns
        self._recent: deque[Snapshot] = deque()
        self.sources = _readable(self.snapshot())

    def watch(self) -> Callable[[float], str | None]:
        """Called before a run; what it returns is called after it, and says what spoilt it.

        Where the system does not tell the run delay, the machine is probed instead, for as long as the run took.
        """
        before = self.snapshot()

        def spoilt(seconds: float) -> str | None:
            grown = _growth(before, self.snapshot())
            lost = None if "run delay" in self.sources else lost_share(min(seconds, _LONGEST_PROBE_S))
            return _interference(grown, self._with_recent(grown), lost).spoilt

        return spoilt

    def _with_recent(self, grown: Snapshot) -> Snapshot:
        """Returns *grown* and what grew in the runs before it, as many as it takes for ticks to mean something."""
        self._recent.append(grown)
        while sum(each.at_ns for each in self._recent) - self._recent[0].at_ns >= _LONG_ENOUGH_NS:
            self._recent.popleft()
        return reduce(_sum, self._recent)

    def snapshot(self) -> Snapshot:
        """Reads all counters, in the thread that runs the arm: just before and just after it, outside the clock."""
        cores, idle_ns, stolen_ns = known(self._machine) or (None, None, None)
        own_ns = self._process_ns() + _TICK_NS * self._ticks_of_children("self")
        throttled_ns, pressure_ns = known(self._throttled_ns), known(self._pressure_ns)
        waited_ns, thread_ns, now_ns = known(self._waited_ns), self._thread_ns(), self._clock_ns()
        return Snapshot(
            at_ns=now_ns,
            allowed_ns=round(now_ns * self._cpus),
            own_ns=own_ns,
            thread_ns=thread_ns,
            waited_ns=waited_ns,
            room_ns=None if cores is None else now_ns * cores,
            idle_ns=idle_ns,
            stolen_ns=stolen_ns,
            throttled_ns=throttled_ns,
            pressure_ns=pressure_ns,
        )

    def _waited_ns(self) -> int | None:
        _on_cpu, waited, slices = map(int, (self._proc / "thread-self/schedstat").read_bytes().split())
        return waited if slices else None  # this thread runs: a kernel that says "never" does not count

    def _machine(self) -> tuple[int, int, int]:
        """Number, idle time and stolen time of the CPUs this process may run on."""
        (self._proc / "thread-self/children").stat()  # where children are hidden, a process pool would pass for others
        rows = [line.split() for line in (self._proc / "stat").read_bytes().splitlines()]
        times = [list(map(int, row[1:9])) for row in rows if row[0] in self._rows]
        idle, stolen = sum(each[3] + each[4] for each in times), sum(each[7] for each in times)
        if not times:
            raise LookupError(self._rows)  # a container may number its CPUs otherwise
        return len(times), _TICK_NS * idle, _TICK_NS * stolen

    def _throttled_ns(self) -> int:
        words = (self._cgroup / "cpu.stat").read_bytes().split()
        return 1000 * int(words[words.index(b"throttled_usec") + 1])

    def _pressure_ns(self) -> int:
        """The microseconds of ``some avg10=0.00 avg60=0.00 avg300=0.00 total=1958595640``."""
        return 1000 * int((self._proc / "pressure/cpu").read_bytes().split()[4].removeprefix(b"total="))

    def _ticks_of_children(self, process: str) -> int:
        """CPU time of all living descendants of *process*, and of those that these have waited for, in ticks."""
        tasks = known(lambda: list((self._proc / process / "task").iterdir())) or []
        lists = [known((task / "children").read_bytes) or b"" for task in tasks]
        return sum(self._ticks_of(child.decode()) for children in lists for child in children.split())

    def _ticks_of(self, process: str) -> int:
        stat = known((self._proc / process / "stat").read_bytes) or b""  # it may just have ended
        after_name = stat.rpartition(b")")[2].split()  # a name may hold spaces and brackets
        return sum(map(int, after_name[11:15])) + self._ticks_of_children(process)


def _rows_of_usable_cpus() -> frozenset[bytes]:
    """How ``/proc/stat`` calls the CPUs this process may run on."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return frozenset(b"cpu%d" % number for number in usable)


def _own_cgroup(proc: Path, cgroup: Path) -> Path:
    """The folder of this process's control group; inside a container, that may be the root."""
    rows = (known((proc / "self/cgroup").read_bytes) or b"").splitlines()
    own = next((os.fsdecode(row.removeprefix(b"0::/")) for row in rows if row.startswith(b"0::/")), "")
    return cgroup / own if (cgroup / own / "cpu.stat").exists() else cgroup


def _readable(snapshot: Snapshot) -> tuple[str, ...]:
    counters = {
        "run delay": snapshot.waited_ns,
        "steal": snapshot.stolen_ns,
        "throttling": snapshot.throttled_ns,
        "other programs": snapshot.idle_ns,
        "pressure": snapshot.pressure_ns,
    }
    return tuple(name for name, counter in counters.items() if counter is not None)


# Judging --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loss:
    """Time that went to others.

    Attributes:
        part_ns: How much …
        of_ns: … of what.
        least_ns: Less than this may be chance.
        harmless: True if it took nothing from the program.
    """

    part_ns: int
    of_ns: int
    least_ns: int
    harmless: bool = False

    @property
    def share(self) -> float:
        return self.part_ns / self.of_ns

    @property
    def spoils(self) -> bool:
        return not self.harmless and self.part_ns >= self.least_ns and self.share > _MOST


def interference(before: Snapshot, after: Snapshot, *, lost: float | None = None) -> Interference:
    """Says what came between two snapshots from outside.

    Args:
        before: Taken just before the arm …
        after: … and just after it, in the same thread and by the same monitor; the clock must have moved.
        lost: What :func:`lost_share` saw right after the arm, where run delay cannot be read.
    """
    grown = _growth(before, after)
    return _interference(grown, grown, lost)


def _interference(grown: Snapshot, counted: Snapshot, lost: float | None) -> Interference:
    """Judges exact counters by what *grown* says of the run; those in ticks by *counted*, with the runs before it."""
    losses = {
        "run delay": _run_delay(grown),
        "steal": _steal(counted),
        "throttled": _throttled(grown),
        "other programs on the CPUs": _others(grown, counted),
    }
    shares = [None if loss is None else loss.share for loss in losses.values()]
    spoilt = {name: loss.share for name, loss in losses.items() if loss is not None and loss.spoils}
    if lost is not None and lost > _MOST:
        spoilt["lost"] = lost
    return Interference(
        run_delay=shares[0],
        steal=shares[1],
        throttled=shares[2],
        others=shares[3],
        lost=lost,
        spoilt=next((f"{name} {share * 100:.0f} %" for name, share in spoilt.items()), None),
    )


def _growth(before: Snapshot, after: Snapshot) -> Snapshot:
    return _by_counter(operator.sub, after, before)


def _sum(one: Snapshot, other: Snapshot) -> Snapshot:
    return _by_counter(operator.add, one, other)


def _by_counter(combine: Callable[[Any, Any], Any], one: Snapshot, other: Snapshot) -> Snapshot:
    """Combines two snapshots counter by counter; what one of them does not know stays unknown."""

    def combined(name: str) -> Any:
        first, second = getattr(one, name), getattr(other, name)
        return None if first is None or second is None else combine(first, second)

    return Snapshot(**{field.name: combined(field.name) for field in fields(Snapshot)})


def _run_delay(grown: Snapshot) -> _Loss | None:
    """How long at least the calling thread waited for others.

    While it waits, all CPUs are busy.  The program's other threads and processes can have kept them busy for no
    longer than their CPU time lasts; what it waited beyond that, it waited for somebody else.
    """
    if grown.waited_ns is None:
        return None
    own_elsewhere_ns = max(0, grown.own_ns - grown.thread_ns)
    own_fault_ns = own_elsewhere_ns * grown.at_ns // grown.allowed_ns
    return _Loss(part_ns=max(0, grown.waited_ns - own_fault_ns), of_ns=grown.at_ns, least_ns=_LEAST_WAIT_NS)


def _steal(grown: Snapshot) -> _Loss | None:
    """Stolen time falls on CPUs that have work, of which there is at least one: the program's."""
    if grown.stolen_ns is None or grown.idle_ns is None or grown.room_ns is None:
        return None
    wanted_ns = max(grown.at_ns, grown.room_ns - grown.idle_ns)
    return _Loss(part_ns=grown.stolen_ns, of_ns=wanted_ns, least_ns=_LEAST_COUNTED_NS)


def _throttled(grown: Snapshot) -> _Loss | None:
    """A program that used up the whole quota has stopped itself: others cannot have cost it more than they used."""
    if grown.throttled_ns is None:
        return None
    left_ns = max(0, grown.allowed_ns - grown.own_ns) * grown.at_ns // grown.allowed_ns
    return _Loss(part_ns=min(grown.throttled_ns, left_ns), of_ns=grown.at_ns, least_ns=_LEAST_WAIT_NS)


def _others(grown: Snapshot, counted: Snapshot) -> _Loss | None:
    """What was neither idle, nor stolen, nor the program's own; it hurts only where somebody waited for it."""
    if counted.stolen_ns is None or counted.idle_ns is None or counted.room_ns is None:
        return None
    used_ns = max(0, counted.room_ns - counted.idle_ns - counted.stolen_ns - counted.own_ns)
    room_left = counted.idle_ns > _ROOM_LEFT * counted.room_ns
    harmless = _nobody_waited(grown, room_left=room_left)
    return _Loss(part_ns=used_ns, of_ns=counted.room_ns, least_ns=_LEAST_COUNTED_NS, harmless=harmless)


def _nobody_waited(grown: Snapshot, *, room_left: bool) -> bool:
    """True if the program lost nothing to the others in this run.

    The run delay of the calling thread is silent about the other workers.  Pressure is not, but it does not say who
    waited.  Without room, all of it may have been the program; with room, what the program did to others is taken off.
    Where pressure is not read, room has to do.
    """
    if grown.pressure_ns is None:
        return room_left
    enough_ns = max(_MOST * grown.at_ns, _LEAST_WAIT_NS)
    forgiven_ns = min(_FORGIVEN_OWN * grown.own_ns, _FORGIVEN_RUN * grown.at_ns) if room_left else 0.0
    return grown.pressure_ns - forgiven_ns <= enough_ns


# Probing --------------------------------------------------------------------------------------------------------------


def lost_share(duration_s: float, *, clock_s: Callable[[], float] = time.perf_counter) -> float:
    """Spins in the calling thread, and returns the share of the time in which the clock jumped: somebody else ran.

    For where the system tells neither run delay nor steal.  It sees what is there after the arm, not during it.

    Args:
        duration_s: How many seconds to spin, above 0.
        clock_s: The clock.
    """
    started_s = before_s = clock_s()
    lost_s = 0.0
    while before_s - started_s < duration_s:
        now_s = clock_s()
        if now_s - before_s > _HICCUP_S:
            lost_s += now_s - before_s
        before_s = now_s
    return lost_s / (before_s - started_s)
