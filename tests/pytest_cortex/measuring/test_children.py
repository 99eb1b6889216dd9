"""Child processes: found however deep, called by the names their program gave them, and ended if need be."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_cortex.measuring.children import child_processes, descriptions, end_processes

WAITING = "import sys; print(end='ready', flush=True); sys.stdin.read()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WAITING!r}])"


@pytest.fixture
def started() -> Iterator[Callable[..., int]]:
    """Starts a Python program, waits until it or its child says that it is ready, and returns its process id."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> int:
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
        return process.pid

    yield start
    for process in processes:
        process.communicate()  # closes its input, at which it ends
        process.wait()


@pytest.fixture
def tracker() -> Iterator[Any]:
    """The helper process that multiprocessing starts under spawn; later tests count children, and must not find it."""
    tracker: Any = resource_tracker._resource_tracker
    yield tracker
    tracker._stop()


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


# Which there are ------------------------------------------------------------------------------------------------------


def test_children_of_children_are_found(started: Callable[..., int]) -> None:
    before = child_processes()
    child = started(WITH_A_CHILD)
    found = child_processes() - before
    assert child in found
    assert found - {child} == {each.pid for each in psutil.Process(child).children()}
    assert len(found) == 2


def test_children_are_found_where_the_system_does_not_list_them(started: Callable[..., int], tmp_path: Path) -> None:
    """On macOS and Windows every process is asked for its parent."""
    child = started(WITH_A_CHILD)
    assert child in child_processes(tmp_path)
    assert child_processes(tmp_path) == child_processes()


def test_children_that_cannot_be_asked_for_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> psutil.Process:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "Process", refuse)
    assert child_processes(tmp_path) == frozenset()


def test_process_that_ends_while_it_is_looked_at_has_no_children(tmp_path: Path) -> None:
    (tmp_path / "thread-self").mkdir()
    (tmp_path / "thread-self" / "children").touch()
    tasks = tmp_path / "self" / "task"
    (tasks / "1").mkdir(parents=True)
    (tasks / "1" / "children").write_text("7 8 ", encoding="ascii")
    (tasks / "2").mkdir()  # a thread that has ended
    assert child_processes(tmp_path) == {7, 8}


# What they are called -------------------------------------------------------------------------------------------------


def test_process_is_described_by_name_id_and_state(started: Callable[..., int]) -> None:
    pid = started(WAITING)
    (text,) = descriptions([pid]).values()
    name, _, state = text.partition(f" (pid {pid}, ")
    assert name == psutil.Process(pid).name()
    assert state in {"running)", "sleeping)"}


@pytest.mark.usefixtures("tracker")
def test_process_of_multiprocessing_is_called_as_the_program_calls_it() -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=print, name="resizer", kwargs={"end": ""})
    process.start()
    assert process.pid is not None
    try:
        assert next(iter(descriptions([process.pid]).values())).startswith(f"resizer (pid {process.pid}, ")
    finally:
        process.join()
    assert descriptions([process.pid]) == {}


def test_process_that_has_ended_and_was_not_waited_for_is_not_described() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.read()  # it closes its output when it ends
        end_processes([process.pid], patience_s=60.0)  # waits for it, and does not take it away
        assert descriptions([process.pid]) == {}
    finally:
        process.communicate()
    assert process.returncode is not None


def test_process_that_ends_while_it_is_described_is_left_out(
    started: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = started(WAITING)

    def gone(_process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil.Process, "name", gone)
    assert descriptions([pid]) == {}


def test_helper_that_multiprocessing_keeps_is_neither_described_nor_ended(tracker: Any) -> None:
    resource_tracker.ensure_running()
    helper = tracker._pid
    while not any("resource_tracker" in word for word in psutil.Process(helper).cmdline()):
        time.sleep(0.001)  # until it is no longer a mere copy of this process
    assert helper in child_processes()
    assert descriptions([helper]) == {}
    end_processes([helper], patience_s=0.0)
    assert is_running(helper)


# Their end ------------------------------------------------------------------------------------------------------------


def test_processes_are_ended_and_left_to_be_waited_for(started: Callable[..., int]) -> None:
    """By whoever started them: the status that tells how they ended is kept for that."""
    first, second = started(WAITING), started(WAITING)
    end_processes([first, second], patience_s=60.0)
    assert not is_running(first)
    assert not is_running(second)
    assert psutil.Process(first).status() == psutil.STATUS_ZOMBIE


def test_process_that_does_not_listen_is_killed(started: Callable[..., int]) -> None:
    pid = started(DEAF)
    end_processes([pid], patience_s=0.05)
    psutil.wait_procs([psutil.Process(pid)], timeout=60)
    assert not is_running(pid)


def test_process_that_is_gone_already_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    end_processes([process.pid])
    assert descriptions([process.pid]) == {}
