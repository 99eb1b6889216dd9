"""Real threads that really sleep, with every plugin that is installed; margins so wide that noise decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
Record: TypeAlias = Callable[[], dict[str, Any]]

POOLS = """
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

LOCK = threading.Lock()


def fetch(_number):
    time.sleep(0.005)


def fetch_alone(number):
    with LOCK:
        fetch(number)


def serial():
    for number in range(8):
        fetch(number)


def pool_of(function):
    def run():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(function, range(8)))

    return run


@pytest.mark.cortex(min_speedup=1.3)
def test_free(cortex_bench):
    cortex_bench(sequential=serial, parallel=pool_of(fetch), workers=8)


@pytest.mark.cortex(min_speedup=3)
def test_locked(cortex_bench):
    cortex_bench(sequential=serial, parallel=pool_of(fetch_alone), workers=8)
"""


UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""


def outcomes(record: Record) -> dict[str, str]:
    return {measurement["name"]: measurement["outcome"] for measurement in record()["measurements"]}


def test_a_pool_that_somebody_locks_is_found_and_the_free_one_passes(
    pytester: pytest.Pytester, subprocess_run: Run, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    """Every round counts here, so that a busy machine does not leave both undecided; see the next test."""
    monkeypatch.delenv("PYTEST_ADDOPTS")
    pytester.makeconftest(UNWATCHED)
    pytester.makepyfile(POOLS)
    result = subprocess_run("--cortex-bench")
    result.assert_outcomes(passed=1, failed=1)
    assert outcomes(record) == {"test_free": "PASS", "test_locked": "FAIL"}
    (locked,) = (each for each in record()["measurements"] if each["name"] == "test_locked")
    assert any("lock" in cause for cause in locked["causes"])


@pytest.mark.slow
def test_whatever_else_the_machine_does_no_verdict_is_wrong(
    pytester: pytest.Pytester, subprocess_run: Run, record: Record
) -> None:
    """With disturbed rounds left out, a busy machine may leave a gate undecided; it turns none into its opposite."""
    pytester.makepyfile(POOLS)
    subprocess_run("--cortex-bench")
    found = outcomes(record)
    assert found["test_free"] in {"PASS", "INCONCLUSIVE"}
    assert found["test_locked"] in {"FAIL", "INCONCLUSIVE"}
