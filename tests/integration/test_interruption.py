"""Runs that end before their time, and reports that cannot be drawn: what was measured is kept, and never guessed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

# The arm itself sends the signal, so that it arrives in the middle of a round.
INTERRUPTED = """
import os
import signal

def interrupting():
    CLOCK.spend(2)
    interrupting.calls += 1
    if interrupting.calls == {calls}:
        {how}

interrupting.calls = 0

@pytest.mark.cortex(min_speedup=3)
def test_interrupted(cortex_bench):
    cortex_bench(sequential=serial, parallel=interrupting, workers=4)

def test_later(cortex_bench): raise SystemError
"""
CTRL_C = "signal.raise_signal(signal.SIGINT)"
SIXTH = INTERRUPTED.format(calls=6, how=CTRL_C)

UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""


# Ctrl-C ---------------------------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_measured(
    bench: Run, bench_file: BenchFile, record: Record, spread: tuple[str, ...]
) -> None:
    bench_file("healthy", extra=SIXTH)
    result = bench(*spread, no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    left_out = "test_bench.py::test_interrupted, test_bench.py::test_later"
    result.stdout.fnmatch_lines(
        [
            f"the run ended early: 2 bench tests did not run to the end: {left_out}",
            "reports: *",
            "*KeyboardInterrupt*",
        ]
    )
    assert record()["complete"] is False
    assert record()["unfinished"] == left_out.split(", ")
    done, begun = record()["measurements"]
    assert (done["name"], done["outcome"]) == ("test_healthy", "PASS")
    assert (begun["name"], begun["outcome"], len(begun["rounds"])) == ("test_interrupted", None, 5)
    assert (begun["error"], begun["verdicts"]) == ("interrupted", [])


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_ctrl_c_during_the_warm_ups_runs_nothing_again(
    bench: Run, bench_file: BenchFile, record: Record, calls: int
) -> None:
    """Before they are over there is no horizon, and whoever asks for it makes them."""
    counting = SIXTH.replace("interrupting.calls += 1", "interrupting.calls += 1; note('run')")
    bench_file(extra=counting.replace("== 6", f"== {calls}"))
    result = bench(no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len(Path("notes.txt").read_text(encoding="utf-8").splitlines()) == calls
    if calls > 1:
        (begun,) = record()["measurements"]
        assert (len(begun["rounds"]), begun["horizon"]) == (calls - 1, 60 if calls > 2 else 0)


def test_verdict_that_had_fallen_before_ctrl_c_stays(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """Speedups of 4 and 8 in turn pass the first gate at once, and leave the second undecided for long."""
    unsteady = INTERRUPTED.format(calls=20, how=CTRL_C).replace("spend(2)", "spend(1 + interrupting.calls % 2)")
    bench_file(extra=unsteady.replace("workers=4)", "workers=4).assert_speedup(5.5)"))
    bench(no_reraise_ctrlc=True)
    (begun,) = record()["measurements"]
    assert [(each["limit"], each["outcome"]) for each in begun["verdicts"]] == [(3.0, "PASS")]
    assert (begun["error"], len(begun["rounds"])) == ("interrupted", 19)


def test_interrupted_gate_is_no_inconclusive_one(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    """However often somebody stops it: two in a row would fail here, and an undecided one before does not count on."""
    bench_file("unsteady", extra=SIXTH)
    limit = "--cortex-max-inconclusive=3"
    for _ in range(2):
        assert bench(limit, "-k", "interrupted", no_reraise_ctrlc=True).ret == pytest.ExitCode.INTERRUPTED
    assert bench(limit, no_reraise_ctrlc=True).ret == pytest.ExitCode.INTERRUPTED
    counts = json.loads((pytester.path / ".pytest_cache/v/cortex/inconclusive").read_text(encoding="utf-8"))
    assert {key: value["streak"] for key, value in counts.items()} == {
        "test_bench.py::test_unsteady test_unsteady min_speedup": 1
    }


def test_run_that_ended_early_saves_no_baseline(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    """Half of it would be of this commit and half of an older one."""
    bench_file("healthy", extra=SIXTH)
    result = bench("--cortex-save=main", no_reraise_ctrlc=True)
    result.stdout.fnmatch_lines(["no baseline was saved: the run ended early", "reports: *"])
    assert not (pytester.path / ".cortex").exists()


def test_ctrl_c_leaves_all_reports_and_no_temporary_file(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    bench_file("healthy", extra=SIXTH)
    result = subprocess_run("--cortex-bench")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    written = [path.name for path in (pytester.path / "reports").iterdir()]
    assert {"cortex.json", "summary.md", "speedup.png"} <= set(written)
    assert hidden_files(pytester.path) == []
    summary = (pytester.path / "reports" / "summary.md").read_text(encoding="utf-8")
    assert "> **The run ended early: 2 bench tests did not run to the end.**" in summary
    assert "- test_bench.py::test_later" in summary


def hidden_files(folder: Path) -> list[str]:
    """What somebody who was interrupted while writing may have left."""
    found = [*folder.glob(".cortex-*"), *(folder / "reports").glob(".*")]
    return [path.name for path in found]


# Other early ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_tests_that_a_failure_kept_from_running_are_named(
    bench: Run, bench_file: BenchFile, record: Record, option: str
) -> None:
    bench_file("healthy", "locked", "unsteady")
    result = bench(option)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["the run ended early: 1 bench test did not run to the end: test_bench.py::test_unsteady"]
    )
    assert record()["unfinished"] == ["test_bench.py::test_unsteady"]


def test_run_whose_last_bench_test_failed_did_not_end_early(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file("healthy", "locked")
    result = bench("-x")
    result.stdout.no_fnmatch_line("*ended early*")
    assert (record()["complete"], record()["unfinished"]) == (True, [])


SIGTERM = "os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGTERM")
def test_sigterm_while_measuring_leaves_the_former_report_whole(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    """Python ends at once, and nothing of this run is written."""
    pytester.makeconftest(UNWATCHED)
    bench_file("healthy")
    assert subprocess_run("--cortex-bench").ret == pytest.ExitCode.OK
    former = {path.name: path.read_bytes() for path in (pytester.path / "reports").iterdir()}
    bench_file("healthy", extra=INTERRUPTED.format(calls=6, how=SIGTERM))
    assert subprocess_run("--cortex-bench").ret == -signal.SIGTERM
    assert {path.name: path.read_bytes() for path in (pytester.path / "reports").iterdir()} == former
    assert hidden_files(pytester.path) == []
    assert record()["complete"] is True


TERMINATED_WHILE_WRITING = """
import os
import signal
from pathlib import Path

replace = Path.replace

def replace_or_die(self, target):
    if Path(target).name == "cortex.csv":
        os.kill(os.getpid(), signal.SIGTERM)
    return replace(self, target)

Path.replace = replace_or_die
"""


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGTERM")
def test_sigterm_while_writing_leaves_files_that_are_whole(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    """The first file is new, the others are not there yet, and what was being written has another name."""
    pytester.makeconftest(TERMINATED_WHILE_WRITING)
    bench_file("healthy")
    assert subprocess_run("--cortex-bench").ret == -signal.SIGTERM
    assert record()["complete"] is True
    visible = [path.name for path in (pytester.path / "reports").iterdir() if not path.name.startswith(".")]
    assert visible == ["cortex.json"]


TERMINATED_OPERATION = """
from orchestrator import Operation, module

def work(context):
    CLOCK.spend(1)
    work.calls += 1
    if work.calls == 20:
        signal.raise_signal(signal.SIGTERM)

work.calls = 0

def test_terminated(cortex_bench):
    cortex_bench(Operation("it", [module(id="a")(work), module(id="b")(work)]), workers=2)

def test_later(cortex_bench): raise SystemError
"""


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has SIGTERM")
def test_sigterm_that_an_operation_caught_ends_the_run(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """It was rolled back then, and its error is not that of a test among others."""
    bench_file("healthy", extra="import signal\n" + TERMINATED_OPERATION)
    result = bench(no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["the run ended early: 2 bench tests did not run to the end: *", "*SIGTERM*"])
    assert [each["error"] for each in record()["measurements"]] == [None, "interrupted"]


def test_exit_that_a_test_asks_for_is_its_own_failure(bench: Run, bench_file: BenchFile) -> None:
    """As it is without this plugin."""
    bench_file(extra="def test_exit(cortex_bench): raise SystemExit(3)\ndef test_later(): pass\n")
    assert bench().parseoutcomes() == {"failed": 1, "passed": 1}


# Reports that cannot be written ---------------------------------------------------------------------------------------


def test_a_chart_that_cannot_be_drawn_is_a_note_and_no_failure(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(
        UNWATCHED
        + """
from pytest_cortex.reporting.charts import encoding

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
