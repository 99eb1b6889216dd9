"""The console command: what it runs, what it says, and how it ends; nearly all processes are made up."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from pytest_cortex import command as console
from pytest_cortex.command import calibrate as command
from pytest_cortex.command.calibrate import ProcessFailed, Run, run_process
from pytest_cortex.command.calibration import calibrate
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SessionRecord, SettingRecord
from pytest_cortex.reporting import document


class Processes:
    """Stands in for the processes of pytest: each writes the record of equal rounds, or does what *instead* says.

    Attributes:
        commands: What was run.
    """

    def __init__(self, *, instead: dict[int, Callable[[Path], int]] | None = None, test: str = "t.py::test_a") -> None:
        self.commands: list[Sequence[str]] = []
        self._instead = instead or {}
        self._test = test

    def __call__(self, arguments: Sequence[str], output: Path) -> int:
        self.commands.append(arguments)
        (folder,) = (Path(a.removeprefix("--cortex-report-dir=")) for a in arguments if "report-dir" in a)
        return self._instead.get(len(self.commands), self._measure)(folder)

    def _measure(self, folder: Path) -> int:
        itself = "--cortex-against-itself" in self.commands[-1]
        (folder / "cortex.json").write_bytes(document.encode(self.record(itself=itself)))
        return 1 if itself else 0  # a gate that fails is no reason to stop

    def record(self, *, itself: bool = False, complete: bool = True, measured: bool = True) -> SessionRecord:
        one_round = RoundRecord(sequential_s=1.0 if itself else 4.0, parallel_s=1.0, first=Arm.PARALLEL, warmup=False)
        measurement = MeasurementRecord(
            test=self._test,
            name=self._test,
            scenario=None,
            workers=4,
            modules=None,
            rounds=(one_round,) * 16,
            speedup=None,
            speedup_low=None,
            speedup_high=None,
            sequential_s=None,
            parallel_s=None,
        )
        chosen = {"margin": 0.02, "alpha": 0.001, "against_itself": itself}
        return SessionRecord(
            created_at="2026-01-31T12:00:00Z",
            command=(),
            seed=1,
            complete=complete,
            environment={},
            settings={name: SettingRecord(value=value, origin="default") for name, value in chosen.items()},
            measurements=(measurement,) if measured else (),
        )


@pytest.fixture(autouse=True)
def few_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is calculated is tested elsewhere."""
    monkeypatch.setattr(command, "calibrate", partial(calibrate, variants=1))


def main(argv: Sequence[str] | None = None, *, run: Run = run_process) -> int:
    """Runs the console command, and *run* in the place of every process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "run_process", run)
        return console.main(argv)


def interrupt(_folder: Path) -> int:
    raise KeyboardInterrupt


def collect_nothing(folder: Path) -> int:
    (folder / "output.txt").write_text("\n".join([f"line {i}" for i in range(30)]))
    return 5


# What is run ----------------------------------------------------------------------------------------------------------


def test_every_second_process_measures_against_itself() -> None:
    processes = Processes()
    assert main(["calibrate", "--processes", "5"], run=processes) == 0
    assert ["--cortex-against-itself" in each for each in processes.commands] == [False, True, False, True, False]


def test_process_is_this_python_with_all_rounds_and_the_user_s_arguments_last() -> None:
    processes = Processes()
    main(["calibrate", "--processes=2", "--alpha=0.01", "--", "tests/bench", "-k", "x", "--", "y"], run=processes)
    first = processes.commands[0]
    assert first[:5] == [sys.executable, "-m", "pytest", "--cortex-bench", "--cortex-rounds-all"]
    assert first[-6:] == ["--cortex-alpha=0.01", "tests/bench", "-k", "x", "--", "y"]


def test_process_has_a_report_folder_and_a_cache_of_its_own_and_no_history() -> None:
    """Undecided verdicts are counted in pytest's cache from run to run: the project's must know nothing of these."""
    processes = Processes()
    main(["calibrate", "--processes=2"], run=processes)
    folders = [next(a for a in each if a.startswith("cache_dir=")) for each in processes.commands]
    assert len(set(folders)) == 2
    assert all("--cortex-history=off" in each for each in processes.commands)
    assert not any(Path(folder.removeprefix("cache_dir=")).parent.exists() for folder in folders)


# What it says ---------------------------------------------------------------------------------------------------------


def test_results_go_to_stdout_and_progress_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--processes", "4"], run=Processes()) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test          workers  speedup")
    assert "Recommended: min_speedup=4.08." in out  # 2 % are forgiven
    progress = [re.sub(r"\d+ s", "N s", line) for line in err.splitlines()]
    assert progress == [
        "process 1 of 4: N s, about N s to go",
        "process 2 of 4 (against itself): N s, about N s to go",
        "process 3 of 4: N s, about N s to go",
        "process 4 of 4 (against itself): N s, about N s to go",
        "judging the rounds again, under many limits",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200.0, "3 min 20 s")])
def test_duration_in_words(seconds: float, text: str) -> None:
    assert command._duration(seconds) == text


def test_numbers_go_to_a_file_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    main(["calibrate", "--processes", "4", "--json", str(file)], run=Processes())
    (test,) = json.loads(file.read_text())["tests"]
    assert (test["test"], test["recommended"], test["itself"]["runs"]) == ("t.py::test_a", 4.08, 2)


def test_results_when_the_terminal_cannot_show_a_name_are_shown_nevertheless(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))
    assert main(["calibrate", "--processes", "2"], run=Processes(test="t.py::test_größe")) == 0
    assert rb"t.py::test_gr\xf6\xdfe" in shown.getvalue()


# How it ends ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_shows_what_was_finished(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate"], run=Processes(instead={5: interrupt})) == 130
    out, err = capsys.readouterr()
    assert "rounds of 2 processes" in out
    assert "interrupted after 4 of 20 processes" in err


def test_ctrl_c_before_anything_was_finished_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate"], run=Processes(instead={1: interrupt})) == 130
    assert capsys.readouterr().out == ""


def test_process_that_fails_ends_it_with_its_last_output(capsys: pytest.CaptureFixture[str]) -> None:
    """What was finished before is shown as well."""
    assert main(["calibrate"], run=Processes(instead={2: collect_nothing})) == 1
    out, err = capsys.readouterr()
    assert out.startswith("test ")
    assert "a process measured nothing or not all, exit code 5: " in err
    assert "line 10\n" in err
    assert "line 9\n" not in err


@pytest.mark.parametrize("missing", [{"complete": False}, {"measured": False}])
def test_process_whose_record_is_not_whole_has_failed(missing: dict[str, bool]) -> None:
    processes = Processes()

    def write(folder: Path) -> int:
        (folder / "cortex.json").write_bytes(document.encode(processes.record(**missing)))
        return 0

    processes._instead[1] = write
    assert main(["calibrate"], run=processes) == 1


def test_process_without_a_record_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate"], run=Processes(instead={1: lambda _folder: 0})) == 1
    assert "make this run of pytest work by itself first" in capsys.readouterr().err


def test_error_survives_pickling() -> None:
    error = ProcessFailed(["python"], 3, "output")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# Usage ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["measure"], "invalid choice: 'measure'"),
        (["calibrate", "--processes", "1"], "'1' is out of range; a whole number from 2 up is wanted"),
        (["calibrate", "--processes", "many"], "'many' is out of range; a whole number"),
        (["calibrate", "--alpha", "1"], "'1' is out of range; a probability above 0 and below 0.5"),
        (["calibrate", "--alpha", "small"], "'small' is out of range; a probability"),
        (["calibrate", "--json", "no/such/folder.json"], "'no/such/folder.json' cannot be written"),
        (["calibrate", "--json", "."], "'.' cannot be written"),
        (["calibrate", "tests", "-k", "x"], "pytest's own come after --: calibrate -- tests -k x"),
    ],
)
def test_wrong_usage_runs_nothing(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    processes = Processes()
    assert main(arguments, run=processes) == 2
    assert message in capsys.readouterr().err
    assert processes.commands == []


@pytest.mark.parametrize("arguments", [["--help"], ["calibrate", "--help"]])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "calibrate" in capsys.readouterr().out


def test_arguments_are_those_of_the_process_by_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pytest-cortex", "calibrate", "--help"])
    assert main() == 0
    assert "exit codes: 0 done, 1 a process failed, 2 wrong usage, 130 Ctrl-C" in capsys.readouterr().out


# Real processes -------------------------------------------------------------------------------------------------------

posix = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent to one process alone here")

WAITING = "import threading; print('ready', flush=True); threading.Event().wait()"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITING}"


def test_run_process_returns_its_exit_code_and_keeps_its_output(tmp_path: Path) -> None:
    output = tmp_path / "output.txt"
    assert run_process([sys.executable, "-c", "print('hello'); raise SystemExit(3)"], output) == 3
    assert output.read_text() == "hello\n"


def test_where_ctrl_c_cannot_be_sent_to_one_process_it_is_terminated() -> None:
    """As on Windows."""
    assert command._polite_signal("posix") is signal.SIGINT
    assert command._polite_signal("nt") is signal.SIGTERM


def test_processes_do_not_report_to_ci_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty runs would otherwise leave twenty summaries on the page of one step."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("OF_THE_USER", "kept")
    output = tmp_path / "output.txt"
    names = "('GITHUB_ACTIONS', 'GITHUB_STEP_SUMMARY', 'OF_THE_USER')"
    run_process([sys.executable, "-c", f"import os; print([os.environ.get(name) for name in {names}])"], output)
    assert output.read_text().strip() == "[None, None, 'kept']"


def started(program: str) -> subprocess.Popen[bytes]:
    """Starts a Python that waits for ever, and returns once it does."""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


@posix
def test_process_is_ended_as_ctrl_c_would() -> None:
    process = started(WAITING)
    command._end(process)
    assert process.returncode == -signal.SIGINT


@posix
def test_process_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "GRACE_S", 0.01)
    process = started(STUBBORN)
    command._end(process)
    assert process.returncode == -signal.SIGKILL
    assert "did not end by itself and is killed" in capsys.readouterr().err


@posix
def test_ctrl_c_while_a_process_runs_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process itself interrupts this one, so that it surely runs; it would then wait for ever."""
    ended, end = list[subprocess.Popen[bytes]](), command._end

    def end_and_note(process: subprocess.Popen[bytes]) -> None:
        end(process)
        ended.append(process)

    monkeypatch.setattr(command, "_end", end_and_note)
    program = f"import os, signal; os.kill({os.getpid()}, signal.SIGINT); {WAITING}"
    with pytest.raises(KeyboardInterrupt):
        run_process([sys.executable, "-c", program], tmp_path / "output.txt")
    assert ended[0].returncode == -signal.SIGINT


BENCH = """
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def wait(_number):
    time.sleep(0.002)


def serial():
    for number in range(4):
        wait(number)


def pool():
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(wait, range(4)))


@pytest.mark.cortex(min_speedup=1.5)
def test_waiting(cortex_bench):
    cortex_bench(sequential=serial, parallel=pool, workers=4)
"""


@pytest.mark.slow
def test_calibrate_with_real_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pool of four sleepers: both kinds of runs, and no limit above the ideal; a busy machine may spoil them all."""
    (tmp_path / "test_bench.py").write_text(BENCH)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "calibration.json"
    own = ["calibrate", "--processes", "4", "--json", str(file)]
    assert main([*own, "--", "test_bench.py", "--cortex-rounds=20"]) == 0
    (test,) = json.loads(file.read_text())["tests"]
    assert test["test"] == "test_bench.py::test_waiting"
    judged = test["spread"]["processes"] if test["spread"] else 0
    assert judged <= 2
    assert test["itself"]["runs"] <= 2
    assert judged + test["itself"]["runs"] + test["too_short"] == 4
    assert (test["recommended"] or 1.0) < 4.2
    assert "test_bench.py::test_waiting" in capsys.readouterr().out
    assert not (tmp_path / "reports").exists()
    assert not (tmp_path / ".pytest_cache").exists()
