"""Coroutines as programs, and tests that are coroutines themselves, under pytest-asyncio and under anyio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is in the extra dev")
pytest.importorskip("anyio", reason="anyio is in the extra dev")

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

PLUGINS = {
    "asyncio": ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    "anyio": ("-p", "anyio.pytest_plugin"),
}
MARKS = {"asyncio": "pytest.mark.asyncio", "anyio": "pytest.mark.anyio"}

COROUTINES = """
import asyncio


async def slow():
    await asyncio.sleep(0)
    serial()


async def fast():
    await asyncio.sleep(0)
    healthy()


"""

PLAIN_TEST = """
@pytest.mark.cortex(min_speedup=3)
def test_it(cortex_bench):
    cortex_bench(sequential=slow, parallel=fast, workers=4)
"""

ASYNC_TEST = """
@pytest.fixture
def anyio_backend():
    return "asyncio"


@{mark}
@pytest.mark.cortex(min_speedup=3)
async def test_it(cortex_bench):
    await asyncio.sleep(0)
    cortex_bench(sequential={sequential}, parallel={parallel}, workers=4)
    await asyncio.sleep(0)
    note("end")
"""


@pytest.fixture(params=list(PLUGINS))
def plugin(request: pytest.FixtureRequest) -> str:
    """The plugin that runs coroutine tests."""
    name: str = request.param
    return name


def async_test(plugin: str, sequential: str, parallel: str) -> str:
    return COROUTINES + ASYNC_TEST.format(mark=MARKS[plugin], sequential=sequential, parallel=parallel)


@pytest.mark.parametrize("mode", [(), (*PLUGINS["asyncio"], "-o", "asyncio_mode=auto"), PLUGINS["anyio"]], ids=len)
def test_coroutine_functions_are_measured_by_a_plain_test(
    bench: Run, bench_file: BenchFile, record: Record, mode: tuple[str, ...]
) -> None:
    """With no plugin at all, and beside each that takes coroutine tests for its own."""
    bench_file(extra=COROUTINES + PLAIN_TEST)
    bench(*mode).assert_outcomes(passed=1)
    (measurement,) = record()["measurements"]
    assert (measurement["speedup"], measurement["outcome"]) == (4.0, "PASS")


def test_plain_functions_are_measured_by_a_coroutine_test(
    bench: Run, bench_file: BenchFile, record: Record, notes: Callable[[], list[tuple[str, str]]], plugin: str
) -> None:
    """They block the loop, as they would anywhere in that test, and the loop goes on after."""
    bench_file(extra=async_test(plugin, "serial", "healthy"))
    bench(*PLUGINS[plugin]).assert_outcomes(passed=1)
    (measurement,) = record()["measurements"]
    assert (measurement["speedup"], measurement["outcome"]) == (4.0, "PASS")
    assert [word for word, _process in notes()] == ["end"]


def test_gate_of_a_coroutine_test_fails_it(bench: Run, bench_file: BenchFile, plugin: str) -> None:
    bench_file(extra=async_test(plugin, "serial", "locked"))
    result = bench(*PLUGINS[plugin])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAIL test_it (min_speedup=3 from marker): *"])


def test_coroutines_in_a_coroutine_test_are_refused_with_what_to_write_instead(
    bench: Run, bench_file: BenchFile, plugin: str
) -> None:
    """And nothing is left un-awaited, which would warn."""
    bench_file(extra=async_test(plugin, "slow", "fast"))
    result = bench(*PLUGINS[plugin], "-W", "error")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        ["E * RuntimeError: cortex_bench was called inside a running event loop, * as a plain 'def test_*"]
    )
    result.stdout.fnmatch_lines(["ERROR test_it: RuntimeError: cortex_bench was called inside a running event loop*"])


STUCK = """
import asyncio
import threading

from pytest_cortex.measuring import watchdog

watchdog._PUSH_EVERY_S = 0.05
watchdog._guard_exit = lambda: None


async def wait_for_nobody():
    await asyncio.Event().wait()


async def stuck():
    await asyncio.gather(wait_for_nobody(), wait_for_nobody())


def blocked():
    threading.Event().wait()


"""


@pytest.fixture
def own_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes back after the test what the file above changes."""
    from pytest_cortex.measuring import watchdog  # noqa: PLC0415 - only here

    monkeypatch.setattr(watchdog, "_PUSH_EVERY_S", watchdog._PUSH_EVERY_S)
    monkeypatch.setattr(watchdog, "_guard_exit", watchdog._guard_exit)


@pytest.mark.usefixtures("own_watchdog")
def test_coroutine_that_hangs_is_stopped_and_shown_where_it_waits(bench: Run, bench_file: BenchFile) -> None:
    """The stack of the thread shows the loop only."""
    call = "def test_it(cortex_bench): cortex_bench(sequential=stuck, parallel=stuck, workers=2, time_limit_s=0.2)"
    bench_file(extra=STUCK + call)
    result = bench()
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            "E *ArmTimeout: the * arm was stopped after 0.2 s, *",
            "E *task 'Task-*' and 1 more:",
            "E *in wait_for_nobody",
            "E *await asyncio.Event().wait()",
        ]
    )


@pytest.mark.usefixtures("own_watchdog")
def test_function_that_hangs_in_a_coroutine_test_is_stopped_and_the_next_test_runs(
    bench: Run, bench_file: BenchFile, plugin: str
) -> None:
    """The loop answers an interrupt with a request to the test, which cannot hear it."""
    call = "cortex_bench(sequential=blocked, parallel=blocked, workers=2, time_limit_s=0.2)"
    backend = 'import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n\n'
    stuck = f"@{MARKS[plugin]}\nasync def test_it(cortex_bench):\n    {call}\n"
    bench_file("healthy", extra=STUCK + backend + stuck)
    result = bench(*PLUGINS[plugin])
    assert result.parseoutcomes() == {"failed": 1, "passed": 1}
    result.stdout.fnmatch_lines(["E *ArmTimeout: the * arm was stopped after 0.2 s, *", "E *in blocked"])
