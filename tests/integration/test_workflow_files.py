"""Recorded workflows in WfFormat as scenarios; real ones where ``CORTEX_WFFORMAT_DIR`` says where they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
Record: TypeAlias = Callable[[], dict[str, Any]]

NOT_THERE = pytest.mark.skip(reason="CORTEX_WFFORMAT_DIR does not name a folder of WfFormat files")
REAL_FILES = sorted(Path(os.environ.get("CORTEX_WFFORMAT_DIR") or "nowhere").glob("*.json"))


def workflow(parents: dict[str, list[str]]) -> str:
    """A workflow whose tasks take one second each."""
    specified = [{"id": name, "name": name, "parents": before} for name, before in parents.items()]
    executed = [{"id": name, "runtimeInSeconds": 1.0} for name in parents]
    return json.dumps({"workflow": {"specification": {"tasks": specified}, "execution": {"tasks": executed}}})


@pytest.fixture
def diamond(pytester: pytest.Pytester) -> Path:
    """One task, four beside each other, one: work 6, span 3."""
    middle = {name: ["first"] for name in ("a", "b", "c", "d")}
    path = pytester.path / "diamond.json"
    path.write_text(workflow({"first": [], **middle, "last": list(middle)}), encoding="utf-8")
    return path


def test_a_workflow_is_replayed_as_a_scenario(bench: Run, diamond: Path, record: Record) -> None:
    result = bench(f"--cortex-scenario={diamond.name}", "--cortex-time-scale=0.003", "--cortex-workers=4")
    result.assert_outcomes(passed=1)
    (measurement,) = record()["measurements"]
    assert (measurement["name"], measurement["workers"], measurement["modules"]) == ("diamond", 4, 6)
    assert measurement["ceiling"] == pytest.approx(2)
    assert len(measurement["critical_path"]) == 3


def test_a_limit_above_the_workflows_ceiling_fails_and_says_why(bench: Run, diamond: Path) -> None:
    result = bench(f"--cortex-scenario={diamond.name}", "--cortex-min-speedup=diamond:2.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["diamond: FAIL * above 2.00, the most this graph allows on 4 workers: *"])


def test_a_broken_workflow_is_a_usage_error(bench: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "loop.json").write_text(workflow({"a": ["b"], "b": ["a"]}), encoding="utf-8")
    result = bench("--cortex-scenario=loop.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pytest-cortex: *loop.json*in a cycle: a → b → a*"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", REAL_FILES or [pytest.param(None, marks=NOT_THERE)], ids=lambda file: file and file.stem
)
def test_no_real_workflow_beats_its_ceiling(bench: Run, record: Record, file: Path) -> None:
    executed = json.loads(file.read_text(encoding="utf-8"))["workflow"]["execution"]["tasks"]
    scale = 0.3 / sum(task["runtimeInSeconds"] for task in executed)  # all tasks together take 0.3 s
    bench(f"--cortex-scenario={file}", f"--cortex-time-scale={scale}", "--cortex-min-speedup=0.5").assert_outcomes(
        passed=1
    )
    (measurement,) = record()["measurements"]
    assert measurement["speedup"] <= measurement["ceiling"] * 1.02
