"""What counts as a disturbance from outside, and how it is read."""

import itertools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.measuring import interference as room
from pytest_cortex.measuring.interference import Monitor, Snapshot, interference, lost_share

MS = 1_000_000
TICK_MS = 10

START = Snapshot(
    at_ns=0,
    allowed_ns=0,
    own_ns=0,
    thread_ns=0,
    waited_ns=0,
    room_ns=0,
    idle_ns=0,
    stolen_ns=0,
    throttled_ns=0,
    pressure_ns=0,
)


def after(wall_ms: float, *, cpus: float = 2, cores: int = 2, **spent_ms: float) -> Snapshot:
    """A snapshot so long after ``START``; what is not said did not happen, and the rest of the time was idle."""
    times = {"own": 0.0, "thread": 0.0, "waited": 0.0, "stolen": 0.0, "throttled": 0.0, "pressure": wall_ms, **spent_ms}
    idle_ms = spent_ms.get("idle", max(0.0, cores * wall_ms - times["own"] - times["stolen"]))
    times |= {"idle": idle_ms, "at": wall_ms, "allowed": cpus * wall_ms, "room": cores * wall_ms}
    return Snapshot(**{f"{name}_ns": round(value * MS) for name, value in times.items()})


def spoilt(snapshot: Snapshot, *, lost: float | None = None) -> str | None:
    return interference(START, snapshot, lost=lost).spoilt


@pytest.fixture(autouse=True)
def a_system_of_hundred_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux on every usual machine; set here, so that the numbers below hold where the tests run on another system."""
    monkeypatch.setattr(room, "_TICK_NS", TICK_MS * MS)
    monkeypatch.setattr(room, "_LEAST_COUNTED_NS", 2 * TICK_MS * MS)


# Judging --------------------------------------------------------------------------------------------------------------


def test_quiet_arm_is_clean() -> None:
    """Nothing waited, nothing was stolen: every share is 0."""
    seen = interference(START, after(100, own=98, thread=98))
    assert (seen.run_delay, seen.steal, seen.throttled, seen.others, seen.spoilt) == (0, 0, 0, 0, None)


def test_sleeper_that_waits_for_a_cpu_is_spoilt_with_its_share() -> None:
    """A program that uses no CPU cannot have made itself wait."""
    seen = interference(START, after(100, own=2, thread=2, waited=7))
    assert seen.run_delay == pytest.approx(0.07)
    assert seen.spoilt == "run delay 7 %"


def test_only_what_grew_since_the_first_snapshot_counts() -> None:
    """The counters themselves have been running since the machine started."""
    before = after(10_000, own=1, thread=1, waited=5_000)
    assert interference(before, after(10_100, own=2, thread=2, waited=5_007)).run_delay == pytest.approx(0.07)


@pytest.mark.parametrize(("waited_ms", "clean"), [(0.4, True), (0.6, False)])
def test_short_wait_spoils_a_short_arm_only_above_the_floor(waited_ms: float, *, clean: bool) -> None:
    """Both are far above 3 % of 5 ms; half a millisecond is what chance may do."""
    assert (spoilt(after(5, own=4, thread=4, waited=waited_ms)) is None) is clean


@pytest.mark.parametrize("threads", [3, 4, 8, 64])
def test_more_threads_than_cpus_spoil_nothing(threads: int) -> None:
    """Each of them runs a share of the time and waits the rest, but only for its siblings."""
    thread_ms = 100 * 2 / threads
    assert spoilt(after(100, own=200, thread=thread_ms, waited=100 - thread_ms)) is None


def test_wait_beyond_what_siblings_can_explain_is_for_others() -> None:
    """Two threads, two CPUs, a stranger on each: 50 ms each, so the sibling explains 25 of the 50 ms waited."""
    seen = interference(START, after(100, own=100, thread=50, waited=50))
    assert seen.run_delay == pytest.approx(0.25)


def test_single_cpu_shared_with_a_stranger_is_spoilt_and_shared_with_a_sibling_is_not() -> None:
    shared = after(100, cpus=1, cores=1, own=50, thread=50, waited=50)
    assert spoilt(shared) == "run delay 50 %"
    assert spoilt(replace(shared, own_ns=100 * MS)) is None


def test_stolen_time_is_a_share_of_the_time_the_cpus_had_work() -> None:
    """One of four CPUs had work: a quarter of what it wanted was taken, not a sixteenth."""
    seen = interference(START, after(100, cores=4, own=75, thread=75, stolen=25, idle=300))
    assert seen.steal == pytest.approx(0.25)
    assert seen.spoilt == "steal 25 %"


def test_stolen_time_is_shared_by_all_cpus_that_had_work() -> None:
    """Two were busy all the time: what was taken delayed the program by about half of it, and is no other program's."""
    seen = interference(START, after(100, own=170, thread=85, stolen=30))
    assert seen.steal == pytest.approx(0.15)
    assert seen.others == 0


def test_single_tick_of_steal_spoils_nothing() -> None:
    """One more tick counted may be next to nothing more stolen."""
    assert spoilt(after(100, own=90, thread=90, stolen=TICK_MS)) is None


def test_throttled_by_others_in_the_group_is_spoilt() -> None:
    """The program used half its quota, and yet the group was stopped for a third of the time."""
    assert spoilt(after(100, cpus=1, own=50, thread=50, throttled=33)) == "throttled 33 %"


def test_program_that_used_up_its_quota_has_throttled_itself() -> None:
    assert spoilt(after(100, cpus=1, own=100, thread=25, waited=50, throttled=50)) is None


def test_others_spoil_a_pool_that_the_calling_thread_only_waits_for() -> None:
    """The pool's workers got 40 % of two CPUs that were never idle, and the calling thread saw nothing of it."""
    seen = interference(START, after(100, own=80, thread=1, idle=0))
    assert seen.others == pytest.approx(0.6)
    assert seen.spoilt == "other programs on the CPUs 60 %"


def test_others_spoil_nothing_while_there_is_room() -> None:
    """One busy loop on two CPUs leaves one to a program that sleeps, and waits a little for that itself."""
    assert spoilt(after(100, own=2, thread=2, idle=98, pressure=4)) is None


def test_others_spoil_a_pool_whose_workers_wait_for_them_though_there_is_room() -> None:
    """Workers that wake up on the CPU of a busy loop; the calling thread sees nothing of it."""
    assert spoilt(after(100, own=2, thread=2, idle=98, pressure=10)) == "other programs on the CPUs 50 %"


@pytest.mark.parametrize(
    ("own_ms", "pressure_ms", "clean"), [(10, 8, True), (10, 9, False), (40, 13, True), (40, 14, False)]
)
def test_what_others_waited_for_the_program_is_forgiven(own_ms: float, pressure_ms: float, *, clean: bool) -> None:
    """Half of what it computed, up to a tenth of the run."""
    assert (spoilt(after(100, own=own_ms, thread=own_ms, idle=90, pressure=pressure_ms)) is None) is clean


def test_others_spoil_nothing_where_pressure_is_unknown_and_there_is_room() -> None:
    assert spoilt(replace(after(100, own=2, thread=2, idle=98), pressure_ns=None)) is None


def test_others_spoil_nothing_when_nobody_waited() -> None:
    """One stranger and one single-threaded program on two CPUs: both always had theirs."""
    assert spoilt(after(100, own=100, thread=100, idle=0, pressure=2)) is None


def test_others_spoil_when_pressure_is_unknown() -> None:
    assert spoilt(replace(after(100, own=80, thread=1, idle=0), pressure_ns=None)) is not None


def test_others_within_what_ticks_can_tell_spoil_nothing() -> None:
    """In 30 ms, the 15 ms that seem to be missing are rounding."""
    assert spoilt(after(30, own=45, thread=1, idle=0)) is None


def test_more_own_time_than_room_is_no_negative_share() -> None:
    """The CPU time of children comes in ticks, and may be a tick ahead."""
    assert interference(START, after(30, own=70, thread=1)).others == 0


@pytest.mark.parametrize(("lost", "reason"), [(0.02, None), (0.2, "lost 20 %")])
def test_probe_speaks_where_nothing_can_be_read(lost: float, reason: str | None) -> None:
    unread = replace(after(100), waited_ns=None, room_ns=None, idle_ns=None, stolen_ns=None, throttled_ns=None)
    seen = interference(START, replace(unread, pressure_ns=None), lost=lost)
    assert (seen.run_delay, seen.steal, seen.throttled, seen.others) == (None, None, None, None)
    assert (seen.lost, seen.spoilt) == (lost, reason)


@given(
    wall_ms=st.integers(1, 10_000),
    cpus=st.integers(1, 64),
    used=st.floats(0, 1),
    thread=st.floats(0, 1),
    waited=st.floats(0, 1),
)
def test_program_that_keeps_all_its_cpus_busy_is_never_spoilt(
    wall_ms: int, cpus: int, used: float, thread: float, waited: float
) -> None:
    """Whatever its calling thread did, and at whatever time: it can only have waited for its own siblings.

    While the thread waits, all CPUs run siblings; while it runs or sleeps, any number of them may.
    """
    on_ms = thread * wall_ms
    waited_ms = waited * (wall_ms - on_ms)
    siblings_ms = cpus * waited_ms + used * (cpus - 1) * (wall_ms - waited_ms)
    quiet = after(
        wall_ms, cpus=cpus, cores=cpus, own=min(cpus * wall_ms, on_ms + siblings_ms), thread=on_ms, waited=waited_ms
    )
    assert interference(START, quiet).run_delay == pytest.approx(0, abs=1e-6)
    assert interference(START, quiet).spoilt is None


# Reading --------------------------------------------------------------------------------------------------------------


class FakeSystem:
    """A process file system and a control group in a folder."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.cgroup = folder / "cgroup"
        self.clock_ns = 1_000 * MS

    def write(self, path: str, text: str) -> None:
        file = self.proc.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def stat(self, *cpus: tuple[int, int, int]) -> None:
        """Idle, waiting for disks, and stolen, in ticks, of each CPU."""
        rows = [f"cpu{n} 5 5 5 {idle} {disks} 5 5 {stolen} 0 0" for n, (idle, disks, stolen) in enumerate(cpus)]
        self.write("proc/stat", "\n".join(["cpu  9 9 9 9 9 9 9 9 9 9", *rows, "intr 1 2 3", "ctxt 4"]))

    def thread(self, schedstat: str = "900 700 3", children: str = "") -> None:
        self.write("proc/thread-self/schedstat", f"{schedstat}\n")
        self.write("proc/thread-self/children", children)
        self.write("proc/self/task/7/children", children)

    def child(self, process: int, ticks: tuple[int, int, int, int], children: str = "") -> None:
        user, system, children_user, children_system = ticks
        before = "S 7 " + "0 " * 9
        after = f"{user} {system} {children_user} {children_system} 20 0 1"
        self.write(f"proc/{process}/stat", f"{process} (a (b) c) {before}{after}")
        self.write(f"proc/{process}/task/{process}/children", children)

    def monitor(self) -> Monitor:
        return Monitor(
            proc=self.proc,
            cgroup=self.cgroup,
            cpus=1.5,
            clock_ns=lambda: self.clock_ns,
            thread_ns=lambda: 11 * MS,
            process_ns=lambda: 50 * MS,
        )


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 2}, raising=False)
    return FakeSystem(tmp_path)


def test_monitor_without_sources_reads_clocks_only(system: FakeSystem) -> None:
    """Another system than Linux, or a container that hides everything."""
    monitor = system.monitor()
    assert monitor.sources == ()
    assert monitor.snapshot() == Snapshot(
        at_ns=1_000 * MS,
        allowed_ns=1_500 * MS,
        own_ns=50 * MS,
        thread_ns=11 * MS,
        waited_ns=None,
        room_ns=None,
        idle_ns=None,
        stolen_ns=None,
        throttled_ns=None,
        pressure_ns=None,
    )


def test_run_delay_is_read_from_the_calling_thread(system: FakeSystem) -> None:
    system.thread(schedstat="900 700 3")
    assert system.monitor().snapshot().waited_ns == 700
    assert system.monitor().sources == ("run delay",)


def test_kernel_that_does_not_count_run_delay_says_nothing(system: FakeSystem) -> None:
    """It writes zeros, also for how often the thread, which is running, has run."""
    system.thread(schedstat="0 0 0")
    assert system.monitor().sources == ()


def test_machine_is_read_as_far_as_this_process_may_run_on_it(system: FakeSystem) -> None:
    """CPU 1 is not ours: its idle time helps nobody here."""
    system.thread()
    system.stat((10, 1, 2), (5000, 0, 0), (20, 3, 4))
    snapshot = system.monitor().snapshot()
    assert (snapshot.room_ns, snapshot.idle_ns, snapshot.stolen_ns) == (2_000 * MS, 340 * MS, 60 * MS)
    assert system.monitor().sources == ("run delay", "steal", "other programs")


def test_machine_is_unknown_where_its_cpus_have_other_numbers(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {40})
    system.thread()
    system.stat((10, 1, 2))
    assert system.monitor().snapshot().room_ns is None


def test_all_cpus_are_ours_where_there_is_no_affinity(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    system.thread()
    system.stat((10, 0, 0), (20, 0, 0), (5000, 0, 0))
    assert system.monitor().snapshot().idle_ns == 300 * MS


def test_other_programs_are_unknown_where_children_are_hidden(system: FakeSystem) -> None:
    """The program's own process pool would pass for other programs."""
    system.stat((10, 1, 2))
    assert system.monitor().sources == ()


def test_own_time_includes_living_descendants(system: FakeSystem) -> None:
    """A pool's process, what it waited for, and its own child; one that has just ended is no harm."""
    system.thread(children="21 22")
    system.child(21, (1, 2, 3, 4), children="23")
    system.child(23, (10, 0, 0, 0))
    assert system.monitor().snapshot().own_ns == (50 + 20 * TICK_MS) * MS


@pytest.mark.parametrize("folder", ["cgroup/user/session", "cgroup"])
def test_throttling_is_read_from_the_own_group_or_else_the_root(system: FakeSystem, folder: str) -> None:
    """In a container the path may be the one outside, and the root its own group."""
    system.write("proc/self/cgroup", "3:cpu:/old\n0::/user/session\n")
    system.write(f"{folder}/cpu.stat", "usage_usec 1\nnr_throttled 2\nthrottled_usec 31\nburst_usec 0\n")
    assert system.monitor().snapshot().throttled_ns == 31_000
    assert system.monitor().sources == ("throttling",)


def test_group_without_a_quota_says_nothing_of_throttling(system: FakeSystem) -> None:
    system.write("cgroup/cpu.stat", "usage_usec 1\nuser_usec 1\n")
    assert system.monitor().snapshot().throttled_ns is None


def test_pressure_is_what_anybody_waited(system: FakeSystem) -> None:
    system.write(
        "proc/pressure/cpu", "some avg10=0.01 avg60=0.01 avg300=0.09 total=1958\nfull avg10=0.00 avg60=0.00 total=0\n"
    )
    assert system.monitor().snapshot().pressure_ns == 1_958_000
    assert system.monitor().sources == ("pressure",)


@pytest.mark.parametrize("path", ["proc/thread-self/schedstat", "proc/stat", "proc/pressure/cpu", "cgroup/cpu.stat"])
@pytest.mark.parametrize("text", ["", "cpu0\n", "cpu0 a b c d e f g h\n", "throttled_usec"])
def test_file_of_another_shape_is_no_source(system: FakeSystem, path: str, text: str) -> None:
    system.write("proc/thread-self/children", "")
    system.write(path, text)
    assert system.monitor().sources == ()


def test_monitor_reads_this_machine_without_harm() -> None:
    """Whatever this machine offers, counters never run backwards."""
    monitor = Monitor()
    before, later = monitor.snapshot(), monitor.snapshot()
    assert later.at_ns > before.at_ns
    assert later.own_ns >= before.own_ns
    assert interference(before, later).lost is None


# Probing --------------------------------------------------------------------------------------------------------------


def clock_of(*steps_s: float) -> Callable[[], float]:
    """A clock that moves by these steps from reading to reading, and by 1/1024 of a millisecond ever after."""
    moves = itertools.chain([0.0], steps_s, itertools.repeat(2**-20))
    return itertools.accumulate(moves).__next__


def test_clock_without_gaps_has_lost_nothing() -> None:
    assert lost_share(0.01, clock_s=clock_of()) == 0


def test_gaps_of_the_clock_are_lost() -> None:
    """Two gaps, of 4 and 3 ms, in 20 ms; one of 0.3 ms is too short to tell."""
    assert lost_share(0.02, clock_s=clock_of(0.004, 0.0003, 0.003)) == pytest.approx(0.007 / 0.02, rel=1e-3)


def test_gap_across_the_end_counts_whole() -> None:
    assert lost_share(0.01, clock_s=clock_of(0.03)) == 1


@given(st.lists(st.floats(1e-7, 0.01), max_size=50))
def test_lost_share_is_a_share(steps_s: list[float]) -> None:
    assert 0 <= lost_share(0.005, clock_s=clock_of(*steps_s)) <= 1


# Real time ------------------------------------------------------------------------------------------------------------


def _spin(seconds: float) -> None:
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


def _crowd(threads: int) -> None:
    helpers = [threading.Thread(target=_spin, args=(0.02,)) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    _spin(0.02)
    for helper in helpers:
        helper.join()


@pytest.mark.slow
def test_probe_and_run_delay_tell_the_same_story() -> None:
    """Both look at the same thread at the same time, whatever disturbs it: median difference of 20 under 5 points."""
    monitor = Monitor()
    if "run delay" not in monitor.sources:
        pytest.skip("this system does not tell run delay")
    differences = []
    for _ in range(20):
        before = monitor.snapshot()
        lost = lost_share(0.05)
        run_delay = interference(before, monitor.snapshot()).run_delay
        assert run_delay is not None
        differences.append(abs(lost - run_delay))
    assert sorted(differences)[10] < 0.05


@pytest.mark.slow
def test_threads_that_queue_for_the_gil_are_not_taken_for_others() -> None:
    """Undisturbed rounds have no run delay from outside, however many threads there are.

    Rounds in which other programs took part are none of this test's business, and left out.
    """
    monitor = Monitor()
    seen = []
    for _ in range(40):
        before = monitor.snapshot()
        _crowd(8)
        seen.append(interference(before, monitor.snapshot()))
    quiet = [each for each in seen if each.others is not None and each.others < 0.05 and not each.steal]
    if len(quiet) < 10:
        pytest.skip("this machine is too busy, or tells too little")
    assert sum(each.run_delay is not None and each.run_delay > 0.03 for each in quiet) <= 0.2 * len(quiet)


@pytest.mark.parametrize(("idle_ms", "clean"), [(40, False), (60, True)])
def test_others_are_harmless_only_where_a_quarter_of_the_cpus_was_idle(idle_ms: float, *, clean: bool) -> None:
    """Of 200 ms of two CPUs; somebody did wait, and idle time may be booked late."""
    seen = spoilt(after(100, own=40, thread=40, idle=idle_ms, pressure=12))
    assert (seen is None) is clean


def test_a_short_run_is_judged_with_the_runs_before_it(tmp_path: Path) -> None:
    """Of 15 ms nobody can tell in ticks of 10 ms who had the CPUs; of a dozen such runs one can."""
    grown = after(15, own=14, thread=14, idle=0, pressure=10)
    monitor = Monitor(proc=tmp_path, cgroup=tmp_path, cpus=2)
    windows = [monitor._with_recent(grown) for _ in range(20)]
    assert (spoilt(windows[0]), spoilt(windows[-1])) == (None, "other programs on the CPUs 53 %")
    assert windows[-1].at_ns == 14 * 15 * MS


# Watching a run -------------------------------------------------------------------------------------------------------


def test_watch_says_what_happened_between_its_two_calls(tmp_path: Path) -> None:
    """The counters are read before the run and after it; a wait of 40 of 100 ms spoils it."""
    times_ms = iter([0, 1000, 1100])
    schedstat = tmp_path / "thread-self" / "schedstat"
    schedstat.parent.mkdir()
    schedstat.write_text("5 0 1")
    monitor = Monitor(
        proc=tmp_path,
        cgroup=tmp_path,
        cpus=2,
        clock_ns=lambda: next(times_ms) * MS,
        thread_ns=lambda: 0,
        process_ns=lambda: 0,
    )
    spoilt_by = monitor.watch()
    schedstat.write_text(f"5 {40 * MS} 2")
    assert spoilt_by(0.1) == "run delay 40 %"


@pytest.mark.parametrize(("seconds", "probed_s"), [(0.02, 0.02), (10.0, 0.05)])
def test_watch_probes_the_machine_where_nothing_can_be_asked(
    seconds: float, probed_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as the run took, up to a limit."""
    probes: list[float] = []

    def probe(duration_s: float) -> float:
        probes.append(duration_s)
        return 0.2

    monkeypatch.setattr(room, "lost_share", probe)
    times_ms = itertools.count(0, 100)
    monitor = Monitor(proc=tmp_path, cgroup=tmp_path, cpus=2, clock_ns=lambda: next(times_ms) * MS)
    assert (monitor.watch()(seconds), probes) == ("lost 20 %", [probed_s])
