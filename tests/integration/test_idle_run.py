"""Without ``--cortex-bench`` the plugin costs nothing and does nothing but skip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]

REASON = "bench test: run pytest --cortex-bench to measure it"


def test_bench_tests_are_skipped_with_a_reason_that_says_how_to_run_them(
    run: Run, bench_file: BenchFile, spread: tuple[str, ...]
) -> None:
    bench_file("locked", extra="def test_ordinary(): pass")
    result = run("-rs", *spread)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*{REASON}"])


def test_a_fixture_that_takes_cortex_bench_makes_its_tests_bench_tests(run: Run, bench_file: BenchFile) -> None:
    bench_file(extra="@pytest.fixture\ndef mine(cortex_bench): pass\ndef test_it(mine): raise SystemError")
    run().assert_outcomes(skipped=1)


def test_a_test_that_asks_for_cortex_bench_while_it_runs_is_skipped_too(run: Run, bench_file: BenchFile) -> None:
    bench_file(extra="def test_it(request): request.getfixturevalue('cortex_bench')")
    result = run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*{REASON}"])


NEEDED = [
    "pytest_cortex",
    "pytest_cortex.plugin",
    "pytest_cortex.plugin.collection",
    "pytest_cortex.plugin.fixtures",
    "pytest_cortex.plugin.options",
    "pytest_cortex.plugin.stash",
    "pytest_cortex.settings",
    "pytest_cortex.settings.options",
    "pytest_cortex.settings.values",
]
"""What announces options and fixtures; every pytest run pays for it, whether it has heard of us or not."""

IMPORTS = """
import sys

def test_bench(cortex_bench):
    raise SystemError

def test_imports():
    assert not {{"pandas", "matplotlib", "numpy", "psutil", "orchestrator"}} & set(sys.modules)
    ours = {{name: module for name, module in sys.modules.items() if name.partition(".")[0] == "pytest_cortex"}}
    assert sorted(ours) == {needed}
    rewritten = [name for name, module in ours.items() if type(module.__loader__).__name__ != "SourceFileLoader"]
    assert set(rewritten) <= {{"pytest_cortex", "pytest_cortex.plugin"}}

def test_rewriting():
    one = 1
    assert one == 2
"""


def test_nothing_heavy_is_imported_and_no_file_is_written(subprocess_run: Run, pytester: pytest.Pytester) -> None:
    """And pytest compiles nothing of ours anew to rewrite its assertions, as it does with what is its business."""
    pytester.makepyfile(IMPORTS.format(needed=NEEDED))
    others = ("-p", "no:cacheprovider", "-p", "no:benchmark")  # plugins that write files of their own
    result = subprocess_run(*others)
    result.assert_outcomes(passed=1, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["E * assert 1 == 2"])
    by_pytester = {"stdout", "stderr", "__pycache__", "runpytest-0", "runpytest-current"}
    written = {path.name for path in pytester.path.iterdir()} - by_pytester
    assert written == {"test_nothing_heavy_is_imported_and_no_file_is_written.py"}


def test_the_header_says_nothing(run: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    run().stdout.no_fnmatch_line("cortex:*")
