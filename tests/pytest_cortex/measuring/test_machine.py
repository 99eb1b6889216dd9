"""What the machine and the interpreter say of themselves."""

import json
import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from pytest_cortex.measuring import machine
from pytest_cortex.measuring.machine import (
    active_tracer,
    allowed_cpus,
    cgroup_quota,
    cpu_clock_step_s,
    cpu_pressure,
    facts,
    free_threaded,
    load_average,
    stolen_share,
    throttled_share,
    usable_cpus,
    versions,
)


class Debugger:
    """Traces the way ``pdb`` does: with a bound method."""

    def trace(self, _frame: FrameType, _event: str, _argument: object) -> None:
        return None


class CallableTracer:
    def __call__(self, _frame: FrameType, _event: str, _argument: object) -> None:
        return None


def trace(_frame: FrameType, _event: str, _argument: object) -> None:
    return None


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No tracer and no profiler, also where this test itself runs under one."""
    for owner, name in [
        (sys, "gettrace"),
        (threading, "gettrace"),
        (sys, "getprofile"),
        (threading, "getprofile"),
    ]:
        monkeypatch.setattr(owner, name, lambda: None)
    return monkeypatch


def test_tracer_is_none_when_nothing_watches(unwatched: pytest.MonkeyPatch) -> None:
    assert active_tracer() is None


@pytest.mark.parametrize("tracer", [trace, Debugger().trace, CallableTracer()], ids=["function", "method", "object"])
def test_tracer_is_named_by_the_package_it_comes_from(unwatched: pytest.MonkeyPatch, tracer: object) -> None:
    unwatched.setattr(sys, "gettrace", lambda: tracer)
    assert active_tracer() == f"tracer of {__name__.partition('.')[0]}"


def test_tracer_written_in_c_is_named_by_its_type(unwatched: pytest.MonkeyPatch) -> None:
    tracer = pytest.importorskip("coverage.tracer").CTracer()
    unwatched.setattr(sys, "gettrace", lambda: tracer)
    assert active_tracer() == "tracer of coverage"


@pytest.mark.parametrize(
    ("owner", "name", "kind"),
    [(threading, "gettrace", "tracer"), (sys, "getprofile", "profiler"), (threading, "getprofile", "profiler")],
    ids=["threads' tracer", "profiler", "threads' profiler"],
)
def test_whatever_watches_the_program_counts(
    unwatched: pytest.MonkeyPatch, owner: object, name: str, kind: str
) -> None:
    unwatched.setattr(owner, name, lambda: json.dumps)
    assert active_tracer() == f"{kind} of json"


def test_usable_cpus_are_those_this_process_may_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cgroup_quota", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 2, 5}, raising=False)
    assert usable_cpus() == 3.0


def test_usable_cpus_are_all_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cgroup_quota", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cpus() == 6.0


@pytest.mark.parametrize(("quota", "usable"), [(0.5, 0.5), (3.0, 3.0), (8.0, 4.0)])
def test_usable_cpus_are_no_more_than_the_containers_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float, usable: float
) -> None:
    monkeypatch.setattr(machine, "cgroup_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    assert usable_cpus() == usable


# Control groups -------------------------------------------------------------------------------------------------------


@pytest.fixture
def system(tmp_path: Path) -> Callable[[dict[str, str]], tuple[Path, Path]]:
    """Writes files of ``/proc`` and ``/sys/fs/cgroup``, and returns these two folders."""

    def write(files: dict[str, str]) -> tuple[Path, Path]:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="ascii")
        return tmp_path / "proc", tmp_path / "cgroup"

    return write


System = Callable[[dict[str, str]], tuple[Path, Path]]


@pytest.mark.parametrize(
    ("content", "quota"),
    [
        ("150000 100000\n", 1.5),
        ("max 100000\n", None),
        ("", None),
        ("max", None),
        ("1 2 3", None),
        ("a b", None),
        ("1 0", None),
    ],
)
def test_quota_is_read_from_the_control_group(system: System, content: str, quota: float | None) -> None:
    """Inside a container, that is the one at the top."""
    assert cgroup_quota(*system({"cgroup/cpu.max": content})) == quota


def test_quota_is_the_tightest_of_all_groups_above(system: System) -> None:
    """As systemd sets them up for services; the file of a neighbour does not count."""
    files = {
        "proc/self/cgroup": "0::/system.slice/ci.service\n",
        "cgroup/system.slice/cpu.max": "200000 100000",
        "cgroup/system.slice/ci.service/cpu.max": "max 100000",
        "cgroup/user.slice/cpu.max": "50000 100000",
    }
    assert cgroup_quota(*system(files)) == 2.0
    assert cgroup_quota(*system({"cgroup/system.slice/ci.service/cpu.max": "75000 50000"})) == 1.5


@pytest.mark.parametrize("tree", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("group", ["", "/docker/abc"])
def test_quota_is_read_from_the_first_version_of_control_groups_too(system: System, tree: str, group: str) -> None:
    """Its top may be the process's own, or have the path that the process is told."""
    files = {
        "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n",
        f"cgroup/{tree}{group}/cpu.cfs_quota_us": "250000\n",
        f"cgroup/{tree}{group}/cpu.cfs_period_us": "100000\n",
        "cgroup/memory/docker/abc/cpu.max": "1 100000",
    }
    assert cgroup_quota(*system(files)) == 2.5
    assert cgroup_quota(*system({f"cgroup/{tree}{group}/cpu.cfs_quota_us": "-1\n"})) is None


def test_group_above_what_the_process_can_see_is_left_out(system: System) -> None:
    files = {"proc/self/cgroup": "0::/../..\nno colons here\n", "cgroup/cpu.max": "100000 100000", "cpu.max": "1 1000"}
    assert cgroup_quota(*system(files)) == 1.0


def test_quota_is_none_where_there_is_no_control_group(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path / "proc", tmp_path / "cgroup") is None


def test_quota_of_this_machine_can_be_asked_for() -> None:
    assert (cgroup_quota() or 1.0) > 0
    assert allowed_cpus() >= usable_cpus() > 0


def test_throttling_is_the_share_of_periods(system: System) -> None:
    """The group that was throttled most often is the one that hurts."""
    files = {
        "proc/self/cgroup": "0::/a\n",
        "cgroup/a/cpu.stat": "usage_usec 5\nnr_periods 200\nnr_throttled 50\nthrottled_usec 9\n",
        "cgroup/cpu.stat": "usage_usec 5\nnr_periods 400\nnr_throttled 40\n",
    }
    assert throttled_share(*system(files)) == 0.25


@pytest.mark.parametrize("content", ["usage_usec 5\n", "nr_periods 0\nnr_throttled 0\n", "nr_periods\n", ""])
def test_throttling_is_none_without_a_quota(system: System, content: str) -> None:
    assert throttled_share(*system({"cgroup/cpu.stat": content})) is None


# Load -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "pressure"),
    [("some avg10=12.50 avg60=3.00 avg300=1.00 total=1\nfull avg10=0.00\n", 0.125), ("", None), ("some x=1", None)],
)
def test_pressure_is_that_of_the_last_ten_seconds(system: System, content: str, pressure: float | None) -> None:
    proc, _cgroups = system({"proc/pressure/cpu": content})
    assert cpu_pressure(proc) == pressure


def test_stolen_time_is_a_share_of_all_time(system: System) -> None:
    """Time of guests is part of that of users, and counted there."""
    proc, _cgroups = system({"proc/stat": "cpu  40 10 20 100 20 5 5 50 30 3\ncpu0 1 1 1 1 1 1 1 1 1 1\n"})
    assert stolen_share(proc) == 0.2


@pytest.mark.parametrize("content", ["", "cpu 1 2 3", "cpu 0 0 0 0 0 0 0 0"])
def test_stolen_time_is_none_where_the_system_does_not_say(system: System, content: str) -> None:
    proc, _cgroups = system({"proc/stat": content})
    assert stolen_share(proc) is None


def test_load_of_a_system_without_such_files_is_unknown(tmp_path: Path) -> None:
    assert (cpu_pressure(tmp_path), stolen_share(tmp_path), throttled_share(tmp_path, tmp_path)) == (None, None, None)


def test_load_average_is_the_one_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 2.5, 3.5), raising=False)
    assert load_average() == 1.5


def raise_os_error() -> tuple[float, float, float]:
    raise OSError("unobtainable")


def test_load_average_is_none_where_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", raise_os_error, raising=False)
    assert load_average() is None
    monkeypatch.delattr(os, "getloadavg")
    assert load_average() is None


# How fine the clocks are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_second", "tick_ns"), [(100, 10**7), (250, 4 * 10**6), (1000, 10**6)])
def test_a_tick_is_as_long_as_the_system_says(monkeypatch: pytest.MonkeyPatch, per_second: int, tick_ns: int) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_CLK_TCK": per_second}.__getitem__, raising=False)
    assert machine.tick_ns() == tick_ns


def test_a_tick_is_ten_milliseconds_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert machine.tick_ns() == 10**7


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_cpu_time_is_as_fine_as_its_clock_says_except_on_windows(system: str) -> None:
    """There it says 100 ns and means 1/64 s."""
    assert 0 < cpu_clock_step_s(system) < 0.001
    assert cpu_clock_step_s("win32") == 1 / 64


def test_facts_are_json_and_tell_what_bears_on_a_verdict() -> None:
    found = json.loads(json.dumps(facts()))
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["memory_bytes"] > 0
    assert {"gil", "cpus", "usable_cpus", "load_average", "tracer", "machine", "system", "release"} <= set(found)
    assert {"processor", "python_compiler", "python_build"} <= set(found)


def test_facts_hold_the_versions_of_what_is_installed_and_leave_out_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_VERSIONS_OF", ("pytest", "no-such-distribution-anywhere"))
    assert facts()["versions"] == {"pytest": pytest.__version__}


def test_facts_say_that_the_gil_is_off_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    off: Callable[[], bool] = lambda: False  # noqa: E731 - typed, for the attribute older Pythons do not have
    monkeypatch.setattr(sys, "_is_gil_enabled", off, raising=False)
    assert facts()["gil"] is False


def test_versions_may_be_asked_for_of_further_distributions() -> None:
    assert versions(["coverage", "no-such-distribution-anywhere"]).keys() - versions() <= {"coverage"}
    assert versions()["pytest"] == pytest.__version__


@pytest.mark.parametrize(("built", "free"), [(1, True), (0, False), (None, False)])
def test_free_threaded_is_how_this_python_was_built(
    monkeypatch: pytest.MonkeyPatch, built: int | None, *, free: bool
) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", {"Py_GIL_DISABLED": built}.get)
    assert free_threaded() is free
