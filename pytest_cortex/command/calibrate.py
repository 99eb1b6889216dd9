"""``pytest-cortex calibrate``: what this machine's own noise does to the verdicts of bench tests.

``pytest-cortex calibrate -- tests/bench`` runs pytest in fresh processes, one after the other, and shows what their
records say about the verdicts on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_cortex.command.calibration import Calibration, calibrate, sentences, table
from pytest_cortex.command.output import PARSER_STYLE, new_file, say, show
from pytest_cortex.files import write_atomically

if TYPE_CHECKING:
    from pytest_cortex.command.console import Commands

OK, CHILD_FAILED, INTERRUPTED = 0, 1, 130

# pytest's own exit codes: all passed, and some failed, which a gate may.
_MEASURED = (0, 1)
GRACE_S = 30.0
_SHOWN_OUTPUT_LINES = 20
_OF_A_CI_STEP = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY")
# The same records give the same recommendation.
_SEED = 0

Run: TypeAlias = Callable[[Sequence[str], Path], int]
Document: TypeAlias = Mapping[str, Any]

_DESCRIPTION = """\
Shows what this machine's own noise does to the verdicts of your bench tests, and which limits they can keep.

It runs them in fresh processes, one after the other, because the speedup of a program moves from process to process.
In every second process each parallel arm is measured against itself: its true speedup is 1, so a gate that says
otherwise raises a false alarm, and the rate of these is shown with its bound.  From the other processes comes a limit
for each test: the highest that would have failed at most 0.1 % of runs here and passed at least 75 %, so that it does
not stay INCONCLUSIVE until it guards nothing.
"""

_EPILOG = """\
What comes after -- goes to pytest, e.g. which tests to run:

  pytest-cortex calibrate -- tests/bench
  pytest-cortex calibrate --processes 120 --json calibration.json -- tests/bench -k pipeline

The more processes, the more is known: from 10 of a kind without a failure follows that at most 26 % of processes fail,
from 60 at most 5 %.  Every process takes the time budget of every test (--cortex-time-budget, 10 s by default); once
the first is done, you are told how long the others will take.  After Ctrl-C, those that are done are shown.

exit codes: 0 done, 1 a process failed, 2 wrong usage, 130 Ctrl-C
"""


class ProcessFailed(RuntimeError):
    """A process ended without a complete record.

    Attributes:
        command: What was run.
        exit_code: How it ended.
        output: The end of what it printed.
    """

    def __init__(self, command: Sequence[str], exit_code: int, output: str) -> None:
        super().__init__(command, exit_code, output)
        self.command = command
        self.exit_code = exit_code
        self.output = output

    def __str__(self) -> str:
        return (
            f"a process measured nothing or not all, exit code {self.exit_code}: {' '.join(self.command)}\n"
            f"{self.output}\nmake this run of pytest work by itself first; then calibrate again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What ``calibrate`` was asked for.

    Attributes:
        processes: How many to run.
        alpha: As ``--cortex-alpha``; None leaves it to the project.
        json: Where the numbers go as well; None for nowhere.
        pytest_arguments: For every run of pytest.
    """

    processes: int
    alpha: float | None
    json: Path | None
    pytest_arguments: tuple[str, ...]

    def command(self, index: int, folder: Path) -> list[str]:
        """Returns the command of one process, which leaves everything in *folder*."""
        return [
            *(sys.executable, "-m", "pytest", "--cortex-bench", "--cortex-rounds-all"),
            f"--cortex-report-dir={folder}",
            # A cache of its own: how often a gate stays undecided here is nothing the project's next run should know.
            *("-o", f"cache_dir={folder / 'cache'}", "--cortex-history=off"),
            *(["--cortex-against-itself"] if against_itself(index) else []),
            *([] if self.alpha is None else [f"--cortex-alpha={self.alpha}"]),
            *self.pytest_arguments,
        ]


def against_itself(index: int) -> bool:
    """True for every second process, so that both kinds see the machine at all times."""
    return index % 2 == 1


def run(arguments: argparse.Namespace) -> int:
    """Runs the processes and shows what they say.

    Returns:
        The exit code: 0 done, 1 a process failed, 130 Ctrl-C.
    """
    plan = Plan(
        processes=arguments.processes,
        alpha=arguments.alpha,
        json=arguments.json,
        pytest_arguments=arguments.for_pytest,
    )
    documents: list[Document] = []
    exit_code = _collect(plan, run_process, documents)
    if documents:
        say("judging the rounds again, under many limits")
        source = random.Random(_SEED)  # noqa: S311 - resampling, not a secret
        _show(calibrate(documents, source=source), plan.json)
    return exit_code


def _show(calibration: Calibration, file: Path | None) -> None:
    if file is not None:
        tests = [asdict(test) | {"recommended": test.recommended} for test in calibration.tests]
        document = {"tests": tests, "itself": asdict(calibration.itself)}
        write_atomically(file, f"{json.dumps(document, indent=2)}\n".encode())
    show("\n".join([*table(calibration), "", *sentences(calibration), ""]))


# Arguments ------------------------------------------------------------------------------------------------------------


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Adds the subcommand's own parser."""
    parser = commands.add_parser(
        "calibrate",
        usage="pytest-cortex calibrate [--processes N] [--alpha P] [--json FILE] [-- pytest's arguments]",
        help="see how often gates would be wrong on this machine, and which limits your tests can keep",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        **PARSER_STYLE,
    )
    parser.set_defaults(calls_pytest=True)
    parser.add_argument(
        "--processes",
        type=_processes,
        default=20,
        metavar="N",
        help="how many processes, every second of them against itself (default: 20)",
    )
    parser.add_argument(
        "--alpha",
        type=_alpha,
        metavar="P",
        help="how often PASS and FAIL may each be wrong, per gate (default: what the project has set)",
    )
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write the numbers to this file as well")
    return parser


def _processes(word: str) -> int:
    if not (word.isascii() and word.isdecimal()) or int(word) < 2:
        raise argparse.ArgumentTypeError(f"{word!r} is out of range; a whole number from 2 up is wanted, e.g. 20")
    return int(word)


def _alpha(word: str) -> float:
    problem = f"{word!r} is out of range; a probability above 0 and below 0.5 is wanted, e.g. 0.001"
    try:
        value = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(problem) from None
    if not 0 < value < 0.5:
        raise argparse.ArgumentTypeError(problem)
    return value


# Processes ------------------------------------------------------------------------------------------------------------


def _collect(plan: Plan, run: Run, documents: list[Document]) -> int:
    """Adds what each process measured to *documents*, where it stays whatever comes; returns the exit code."""
    try:
        for document in _measured(plan, run):
            documents.append(document)  # noqa: PERF402 - extend does not promise to keep them if a process fails
    except ProcessFailed as failed:
        say(f"pytest-cortex: {failed}")
        return CHILD_FAILED
    except KeyboardInterrupt:
        say(f"interrupted after {len(documents)} of {plan.processes} processes")
        return INTERRUPTED
    return OK


def _measured(plan: Plan, run: Run) -> Iterator[Document]:
    """Yields the record of one process after the other, and says how it goes on."""
    spent_s: list[float] = []
    for index in range(plan.processes):
        started_s = time.perf_counter()
        with TemporaryDirectory(prefix="pytest-cortex-") as folder:
            yield _document(plan.command(index, Path(folder)), run, Path(folder))
        spent_s.append(time.perf_counter() - started_s)
        left_s = statistics.fmean(spent_s) * (plan.processes - len(spent_s))
        kind = " (against itself)" if against_itself(index) else ""
        say(f"process {index + 1} of {plan.processes}{kind}: {_duration(spent_s[-1])}, about {_duration(left_s)} to go")


def _document(command: Sequence[str], run: Run, folder: Path) -> Document:
    """Runs one process and returns its record.

    Raises:
        ProcessFailed: If there is none, or not a whole one.
    """
    output, written = folder / "output.txt", folder / "cortex.json"
    exit_code = run(command, output)
    if exit_code in _MEASURED and written.exists():
        document: Document = json.loads(written.read_text("utf-8"))
        if document["complete"] and document["measurements"]:
            return document
    lines = output.read_text("utf-8", "replace").splitlines() if output.exists() else []
    raise ProcessFailed(command, exit_code, "\n".join(lines[-_SHOWN_OUTPUT_LINES:]))


def run_process(command: Sequence[str], output: Path) -> int:
    """Runs *command* in a process of its own and returns its exit code.

    Args:
        command: The program and its arguments.
        output: Where everything that it prints goes.
    """
    with output.open("wb") as file:
        # In a session of its own, so that Ctrl-C comes to it from here, once, and not also from the terminal: a
        # second one would cut short how pytest ends its fixtures.
        process = subprocess.Popen(  # noqa: S603 - this Python, with the arguments of whoever called
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
        try:
            return process.wait()
        finally:
            _end(process)


def _environment() -> dict[str, str]:
    """Without what would make twenty runs write twenty summaries into one step of CI."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_CI_STEP}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends *process* if it still runs: first as Ctrl-C does, then without asking."""
    if process.poll() is not None:
        return
    process.send_signal(_polite_signal())
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        say("the process did not end by itself and is killed")
    finally:
        process.kill()
        process.wait()


def _polite_signal(system: str = os.name) -> signal.Signals:
    """What asks a process to end; where Ctrl-C cannot be sent to one process alone, it is ended without asking."""
    return signal.SIGINT if system == "posix" else signal.SIGTERM


def _duration(seconds_s: float) -> str:
    minutes, rest = divmod(round(seconds_s), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
