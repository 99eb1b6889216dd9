"""The script that measures the idle plugin's cost: the suite it runs, and what it says of its rounds."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def idle_cost(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, as a module."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("idle_cost")


def test_the_suite_has_as_many_tests_as_were_asked_for(
    idle_cost: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.runpytest_inprocess(idle_cost.write_suite(pytester.path / "suite", 50)).assert_outcomes(passed=50)


def test_the_report_has_a_ratio_by_either_clock_and_that_of_two_equal_runs(idle_cost: Any) -> None:
    spent = {
        "with": idle_cost.Spent(wall_s=1.02, cpu_s=0.505),
        "without": idle_cost.Spent(wall_s=1.0, cpu_s=0.5),
        "without again": idle_cost.Spent(wall_s=1.0, cpu_s=0.5),
    }
    assert idle_cost.report([spent] * 9) == [
        "9 rounds; one run without the plugin takes 1.000 s of wall time",
        "with / without, wall time: 1.0200 (1.0200 to 1.0200)",
        "with / without, cpu time: 1.0100 (1.0100 to 1.0100)",
        "without again / without, wall time: 1.0000 (1.0000 to 1.0000)",
        "without again / without, cpu time: 1.0000 (1.0000 to 1.0000)",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="os.wait4, which tells the CPU time, is not there")
def test_a_round_runs_every_arm(idle_cost: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In the environment that runs this test, since a fresh one takes a minute to install."""
    idle_cost.main(["--python", sys.executable, "--tests", "25", "--rounds", "1"])
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("1 rounds; one run without the plugin takes ")
    assert len(others) == 4
