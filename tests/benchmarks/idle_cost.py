"""Measures what the plugin costs a run that does not use it: a suite with it and with ``-p no:cortex``, in turn.

    python tests/benchmarks/idle_cost.py                          # 500 tests, 60 rounds, in a fresh environment
    python tests/benchmarks/idle_cost.py --tests 50 --rounds 200
    python tests/benchmarks/idle_cost.py --python .venv/bin/python

A round is three runs of a whole process in random order: with the plugin, without it, and without it again, so that the
third shows what the machine alone makes of two equal runs.  What is printed is the median of the rounds' ratios with
its interval, for wall seconds and for CPU seconds; the latter move less where other programs run.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_cortex.judging.estimate import estimate_speedup

ROOT = Path(__file__).parents[2]
TESTS_PER_FILE = 25
WITHOUT = ("-p", "no:cortex")
ARMS: dict[str, Sequence[str]] = {"with": (), "without": WITHOUT, "without again": WITHOUT}

FILE = """
import pytest


@pytest.fixture
def number():
    return 1


def test_fixture(number):
    assert number == 1


class TestClass:
    def test_method(self):
        assert "a" in "abc"


@pytest.mark.parametrize("value", range({parameters}))
def test_parameter(value):
    assert value >= 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took: seconds by the clock, and of the CPU, user and system."""

    wall_s: float
    cpu_s: float


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=500, help="tests in the suite (default: 500)")
    parser.add_argument("--rounds", type=int, default=60, help="rounds (default: 60)")
    parser.add_argument("--python", help="the interpreter of an environment that has the plugin (default: a fresh one)")
    parser.add_argument("--alone", action="store_true", help="with no other plugin beside it (-p no:xdist …)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        python = chosen.python and os.path.abspath(chosen.python)  # noqa: PTH100 - a link must stay one: it is the venv
        python = python or fresh_environment(Path(folder) / "venv")
        suite = write_suite(Path(folder) / "suite", chosen.tests)
        options = ("-p", "no:xdist", "-p", "no:xdist.looponfail", "-p", "no:benchmark") if chosen.alone else ()
        for line in report(rounds(python, suite, options, chosen.rounds)):
            sys.stdout.write(f"{line}\n")


def fresh_environment(folder: Path) -> str:
    """Installs the plugin as a user would, and returns the interpreter that has it."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    return python


def write_suite(folder: Path, tests: int) -> Path:
    """Writes *tests* trivial tests, a few of each kind per file."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for number in range(max(1, tests // TESTS_PER_FILE)):
        (folder / f"test_{number}.py").write_text(FILE.format(parameters=TESTS_PER_FILE - 2), encoding="utf-8")
    return folder


def rounds(python: str, suite: Path, options: Sequence[str], count: int) -> list[dict[str, Spent]]:
    """Makes *count* rounds, after one that compiles everything."""
    draw = random.Random(2026)  # noqa: S311 - an order, not a secret
    made = []
    for _ in range(count + 1):
        order = list(ARMS)
        draw.shuffle(order)
        made.append({arm: spent([python, "-m", "pytest", "-q", *options, *ARMS[arm]], suite) for arm in order})
    return made[1:]


def spent(command: Sequence[str], folder: Path) -> Spent:
    """Runs *command*, which must succeed."""
    started_ns = time.perf_counter_ns()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = (time.perf_counter_ns() - started_ns) / 1e9
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Spent(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime)


def report(made: Sequence[dict[str, Spent]]) -> list[str]:
    """Lines for people."""
    lines = [f"{len(made)} rounds; one run without the plugin takes {_median_s(made, 'without'):.3f} s of wall time"]
    for arm in ("with", "without again"):
        for what in ("wall", "cpu"):
            ratios = [getattr(each[arm], f"{what}_s") / getattr(each["without"], f"{what}_s") for each in made]
            estimate = estimate_speedup(ratios)
            assert estimate.speedup is not None
            interval = f" ({estimate.low:.4f} to {estimate.high:.4f})" if estimate.low and estimate.high else ""
            lines.append(f"{arm} / without, {what} time: {estimate.speedup:.4f}{interval}")
    return lines


def _median_s(made: Sequence[dict[str, Spent]], arm: str) -> float:
    return statistics.median(each[arm].wall_s for each in made)


if __name__ == "__main__":
    main()
