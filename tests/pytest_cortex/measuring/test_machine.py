"""What the machine and the interpreter say of themselves."""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from pytest_cortex.measuring import machine
from pytest_cortex.measuring.machine import active_tracer, cpu_clock_step_s, facts, load_average, usable_cpus


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
    monkeypatch.setattr(machine, "_cgroup_quota", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 2, 5}, raising=False)
    assert usable_cpus() == 3.0


def test_usable_cpus_are_all_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_cgroup_quota", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cpus() == 6.0


@pytest.mark.parametrize(("quota", "usable"), [(0.5, 0.5), (3.0, 3.0), (8.0, 4.0)])
def test_usable_cpus_are_no_more_than_the_containers_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float, usable: float
) -> None:
    monkeypatch.setattr(machine, "_cgroup_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    assert usable_cpus() == usable


@pytest.mark.parametrize(
    ("content", "quota"),
    [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), ("max", None), ("1 2 3", None), ("a b", None)],
)
def test_quota_is_read_from_the_control_group(tmp_path: Path, content: str, quota: float | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(content, encoding="ascii")
    assert machine._cgroup_quota(path) == quota


def test_quota_is_none_where_there_is_no_control_group(tmp_path: Path) -> None:
    assert machine._cgroup_quota(tmp_path / "cpu.max") is None


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
