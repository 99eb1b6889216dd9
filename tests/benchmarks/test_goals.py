"""The published error rates: the page says what the counts say, and a smaller run does not contradict them."""

import copy
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_cortex.testing import rate_at_least, rate_at_most

GOALS = Path(__file__).with_name("goals.py")
REPORTS = Path(__file__).parents[2] / "reports"
RECORDINGS = sorted((Path(__file__).parents[1] / "recorded").glob("*.json"))
COUNTS = REPORTS / "error-rates.json"
PAGE = REPORTS / "error-rates.md"
LIVE = {"goal": "a hidden lock fails", "target": "≥ 99 %", "reached": "300 of 300", "met": "yes"}


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, as a module."""
    monkeypatch.syspath_prepend(GOALS.parent)
    return importlib.import_module("goals")


@pytest.fixture
def counts() -> Any:
    """What was published."""
    return json.loads(COUNTS.read_text(encoding="utf-8"))


def computed_by_script(*arguments: str, into: Path) -> Any:
    subprocess.run([sys.executable, str(GOALS), "--into", str(into), *arguments], check=True)
    return json.loads((into / COUNTS.name).read_text(encoding="utf-8"))


def outcomes(row: dict[str, Any], rule: str, counted: str) -> int:
    said: dict[str, int] = row["rules"][rule]
    return sum(said.values()) if counted == "decided" else said[counted]


def test_the_published_page_is_what_its_counts_render_to(goals: Any, tmp_path: Path) -> None:
    """Written again from the same files, not a character differs."""
    for source in REPORTS.glob("*-rates.json"):
        shutil.copy(source, tmp_path)
    goals.write(tmp_path)
    assert (tmp_path / PAGE.name).read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_the_published_counts_are_of_the_goals_and_the_gate_as_they_are(goals: Any, counts: Any) -> None:
    """A goal that is added, or a default that is changed, needs the counts again."""
    published = [(row["goal"], row["noise"], row["truth"], row["target"]) for row in counts["goals"]]
    named = [(goal.name, goal.cell.what, goals.TRUTHS[goal.cell.truth], goal.target) for goal in goals.GOALS]
    gate = goals.GATE
    assert published == named
    assert counts["gate"] == {"margin": gate.margin, "alpha": gate.alpha, "horizon": gate.horizon}


def test_rare_errors_were_looked_for_in_100_000_decisions(goals: Any, counts: Any) -> None:
    rare = [row for row, goal in zip(counts["goals"], goals.GOALS, strict=True) if goal.cell.rare]
    assert rare
    assert all(row["decisions"] >= 100_000 for row in rare)


def test_goals_measured_live_are_listed_after_the_others(goals: Any, counts: Any, tmp_path: Path) -> None:
    (tmp_path / COUNTS.name).write_text(json.dumps(counts), encoding="utf-8")
    (tmp_path / "live-rates.json").write_text(json.dumps([LIVE]), encoding="utf-8")
    goals.write(tmp_path)
    page = (tmp_path / PAGE.name).read_text(encoding="utf-8")
    assert "| a hidden lock fails | live |  | ≥ 99 % | 300 of 300 |  |  |  | yes |\n\n" in page


def test_clean_rounds_alone_answer_the_goals_of_real_noise(goals: Any, counts: Any) -> None:
    """Replays may miss a goal; without a clean round, or with a few hundred, they never show that it is met."""
    replays = [row for row in counts["replays"] if row["healthy"]]
    none_clean = {"share": 0.0, "decisions": 0, "failed": 0, "passed": 0, "rounds": 0}
    half_decided = {"share": 1.0, "decisions": 4, "failed": 0, "passed": 2, "rounds": 60}
    met = {
        clean["decisions"]: {cells[-1] for cells in goals._replayed_goals([{**row, "clean": clean} for row in replays])}
        for clean in (none_clean, half_decided)
    }
    assert met == {0: {"not shown"}, 4: {"not shown", "**no**"}}


def test_a_goal_missed_on_recorded_rounds_is_said_beside_the_simulated_ones(goals: Any, counts: Any) -> None:
    """Here a program beside busy loops fails unchanged, and then the same program does not."""
    clean = {"share": 1.0, "decisions": 60, "failed": 60, "passed": 0, "rounds": 12}
    row = {**counts["replays"][0], "program": "hashing", "busy_loops": 2, "healthy": True, "noise": "hashing"}
    failing, passing = ([{**row, "clean": {**clean, "failed": failed}}] for failed in (60, 0))
    missed = "Missed on recorded rounds: false FAIL, 5 % headroom, hashing, clean rounds."
    assert goals._missed_in_replay(failing) == missed
    assert goals._missed_in_replay(passing) == "No recording misses its goal."


@pytest.mark.parametrize(("clean", "said"), [(0.95, "No recording"), (0.6, "waiting (40 % of the rounds)")])
def test_a_reference_that_was_not_quiet_is_named(goals: Any, clean: float, said: str) -> None:
    row = {"program": "waiting", "busy_loops": 0, "healthy": True, "clean": {"share": clean}}
    assert said in goals._references([row])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_has_as_many_of_everything_and_names_no_machine(path: Path) -> None:
    recording = json.loads(path.read_text(encoding="utf-8"))
    rounds = len(recording["sequential_s"])
    assert rounds >= 200
    assert len(recording["parallel_s"]) == len(recording["disturbed"]) == rounds
    assert not {"node", "host", "hostname"} & set(recording["machine"])


def test_recordings_are_small_and_there_is_one_per_program_and_load() -> None:
    assert len(RECORDINGS) == 9
    assert sum(path.stat().st_size for path in RECORDINGS) < 300_000


@pytest.mark.parametrize(("failed", "met"), [(0, "yes"), (95, "not shown"), (101, "**no**")])
def test_a_goal_is_met_by_its_bound_not_by_the_rate(goals: Any, counts: Any, failed: int, met: str) -> None:
    """Of 100,000 at most 0.1 % may fail: 95 are fewer, but cannot show it."""
    row = copy.deepcopy(counts["goals"][0])
    row.update(target=0.001, at_most=True, counted="failed", decisions=100_000)
    row["rules"]["gate"] = {"failed": failed, "passed": 0}
    assert goals._met(row) == met
    assert (met == "yes") == ("Every simulated goal is met." in goals._unmet([row]))


def test_bounds_are_rounded_away_from_the_rate(goals: Any) -> None:
    row = {"rules": {"gate": {"failed": 1, "passed": 0}}, "decisions": 100_000}
    assert rate_at_most(1, runs=100_000) == pytest.approx(9.2336e-5, rel=1e-3)
    assert goals._bounded(row, "gate", "failed", at_most=True) == "0.001 (≤ 0.01)"
    assert goals._bounded(row, "gate", "failed", at_most=False) == "0.001 (≥ 0)"


@pytest.mark.slow
def test_no_goal_is_contradicted_by_a_smaller_run(tmp_path: Path) -> None:
    """The rates that these decisions leave possible, but once in 1000, include the target; and the page is written."""
    counts = computed_by_script("--runs", "3000", into=tmp_path)
    assert (tmp_path / PAGE.name).exists()
    for row in counts["goals"]:
        seen, runs = outcomes(row, "gate", row["counted"]), row["decisions"]
        if row["at_most"]:
            assert rate_at_least(seen, runs=runs) <= row["target"], row["noise"]
        else:
            assert rate_at_most(seen, runs=runs) >= row["target"], row["noise"]
        if row["healthy"]:
            assert outcomes(row, "gate", "failed") <= outcomes(row, "one round", "failed"), row["noise"]
        assert all(outcomes(row, rule, "decided") <= runs for rule in row["rules"])


@pytest.mark.slow
def test_the_published_replays_are_of_the_recordings_as_they_are(counts: Any, tmp_path: Path) -> None:
    shutil.copy(COUNTS, tmp_path)
    assert computed_by_script("--replay", into=tmp_path) == counts
