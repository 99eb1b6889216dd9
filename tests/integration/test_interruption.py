"""Ctrl-C in the middle of a measurement, and reports that cannot be drawn: what was measured is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

# The arm itself sends the signal, so that it arrives in the middle of a round.
INTERRUPTED = """
import signal

def interrupting():
    CLOCK.spend(2)
    interrupting.calls += 1
    if interrupting.calls == 6:
        signal.raise_signal(signal.SIGINT)

interrupting.calls = 0

@pytest.mark.cortex(min_speedup=3)
def test_interrupted(cortex_bench):
    cortex_bench(sequential=serial, parallel=interrupting, workers=4)

def test_later(cortex_bench): raise SystemError
"""


def test_ctrl_c_keeps_what_was_measured(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file("healthy", extra=INTERRUPTED)
    result = bench(*spread, no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*the run ended early*", "reports: *", "*KeyboardInterrupt*"])
    assert record()["complete"] is False
    done, begun = record()["measurements"]
    assert (done["name"], done["outcome"]) == ("test_healthy", "PASS")
    assert (begun["name"], begun["outcome"], len(begun["rounds"])) == ("test_interrupted", None, 5)
    assert begun["error"] == "interrupted"


def test_ctrl_c_leaves_all_reports_and_no_temporary_file(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    bench_file("healthy", extra=INTERRUPTED)
    result = subprocess_run("--cortex-bench")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    written = [path.name for path in (pytester.path / "reports").iterdir()]
    assert {"cortex.json", "summary.md", "speedup.png"} <= set(written)
    assert [name for name in written if name.startswith(".")] == []
    assert list(pytester.path.glob(".cortex-*")) == []


def test_a_chart_that_cannot_be_drawn_is_a_note_and_no_failure(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(
        """
        from pytest_cortex.measuring import rounds
        from pytest_cortex.measuring.interference import Monitor
        from pytest_cortex.reporting.charts import encoding

        Monitor.watch = lambda _monitor: rounds.undisturbed()  # the clock of these arms stands still meanwhile

        def encode(*arguments):
            raise RuntimeError("no ink")

        encoding.encode = encode
        """
    )
    bench_file("healthy")
    result = subprocess_run("--cortex-bench")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*speedup.png was not written: RuntimeError: no ink", "reports: *"])
    assert record()["measurements"][0]["outcome"] == "PASS"


def test_a_report_folder_that_vanishes_is_a_note_and_no_failure(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    bench_file("healthy", extra="def test_vandal(): __import__('pathlib').Path('reports').write_text('mine')")
    result = subprocess_run("--cortex-bench")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*reports was not written: *", "reports: *"])
    assert (pytester.path / "reports").read_text(encoding="utf-8") == "mine"
