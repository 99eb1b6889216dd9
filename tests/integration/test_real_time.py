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


def test_a_pool_that_somebody_locks_is_found_and_the_free_one_passes(
    pytester: pytest.Pytester, subprocess_run: Run, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")
    pytester.makepyfile(POOLS)
    result = subprocess_run("--cortex-bench")
    result.assert_outcomes(passed=1, failed=1)
    outcomes = {measurement["name"]: measurement["outcome"] for measurement in record()["measurements"]}
    assert outcomes == {"test_free": "PASS", "test_locked": "FAIL"}
