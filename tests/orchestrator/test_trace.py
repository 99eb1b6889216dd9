"""A report as Chrome trace events: what ran, what waited, what was rolled back."""

import threading
from typing import Any

import pytest
import trace_rules

from orchestrator import (
    Module,
    ModuleContext,
    Operation,
    OperationExecutionReport,
    Phase,
    RollbackStatus,
    execute_operation,
    module,
    trace_events,
)


def node(name: str, *depends_on: str, run: Any = None, undo: Any = None, **fields: Any) -> Module:
    made = module(id=name, depends_on=depends_on, **fields)(run or (lambda _context: None))
    if undo is not None:
        made.rollback(undo)
    return made


def run(*modules: Module, **options: Any) -> OperationExecutionReport:
    return execute_operation(Operation("op", modules), **options)


def fail(context: ModuleContext) -> None:
    raise OSError("the original")


def test_every_module_that_ran_is_a_bar_with_its_own_times() -> None:
    report = run(node("a"), node("b", "a"), node("c", "a"))
    events = trace_events(report)
    trace_rules.check(events)
    shown = {bar["name"]: bar for bar in trace_rules.bars(events, cat="module")}
    assert set(shown) == {"a", "b", "c"}
    for name, result in report.module_results.items():
        assert result.started_s is not None
        assert result.duration_s is not None
        assert shown[name]["ts"] == pytest.approx(1e6 * result.started_s, abs=1e-3)
        assert shown[name]["dur"] == pytest.approx(1e6 * result.duration_s, abs=2e-3)
        assert "args" not in shown[name]


def test_modules_that_ran_beside_each_other_are_on_tracks_of_their_own() -> None:
    together = threading.Barrier(2)
    events = trace_events(run(*(node(name, run=lambda _context: together.wait(60) and None) for name in "ab")))
    trace_rules.check(events)
    names = trace_rules.threads(events)
    tracks = {names[bar["pid"], bar["tid"]] for bar in trace_rules.bars(events, cat="module")}
    assert tracks == {"worker 0 (calling thread)", "worker 1"}


def test_arrows_lead_along_dependencies() -> None:
    events = trace_events(run(node("a"), node("b", "a"), node("c", "a", "b"), max_parallel_workers=1))
    bars = trace_rules.bars(events, cat="module")

    def at(end: dict[str, Any]) -> str:
        (name,) = [bar["name"] for bar in bars if bar["ts"] <= end["ts"] < bar["ts"] + max(bar["dur"], 1e-3)]
        return str(name)

    assert {(at(begin), at(end)) for begin, end in trace_rules.arrows(events)} == {("a", "b"), ("a", "c"), ("b", "c")}


def test_phases_are_a_track_of_their_own() -> None:
    first, second = node("first", phase=Phase.PREPARATION), node("second", phase=Phase.FEATURES)
    events = trace_events(run(second, first))
    phases = trace_rules.bars(events, cat="phase")
    assert {trace_rules.threads(events)[bar["pid"], bar["tid"]] for bar in phases} == {"phases"}
    assert {bar["name"]: bar["args"] for bar in phases} == {"PREPARATION": {"modules": 1}, "FEATURES": {"modules": 1}}


def test_rollback_stands_after_what_it_undoes_on_the_track_of_who_did_it() -> None:
    report = run(node("a", undo=lambda _context: None), node("b", "a", undo=fail), node("c", "b", run=fail))
    events = trace_events(report)
    trace_rules.check(events)
    undone = trace_rules.bars(events, cat="rollback")
    assert [(bar["name"], bar.get("args")) for bar in undone] == [
        ("roll back b", {"status": "failed", "error": "OSError: the original"}),
        ("roll back a", None),
    ]
    args = {bar["name"]: bar.get("args") for bar in trace_rules.bars(events, cat="module")}
    assert args["a"] == {"rollback": "rolled_back"}
    ends = [bar["ts"] + bar["dur"] for bar in trace_rules.bars(events, cat="module")]
    assert undone[0]["ts"] >= max(ends)
    names = trace_rules.threads(events)
    assert {names[bar["pid"], bar["tid"]] for bar in undone} == {"worker 0 (calling thread)"}


def test_failed_module_says_why_and_that_it_had_no_rollback() -> None:
    (bar,) = trace_rules.bars(trace_events(run(node("a", run=fail))), cat="module")
    assert bar["args"] == {"status": "failed", "error": "OSError: the original", "rollback": "not_defined"}


def test_optional_module_is_undone_by_the_worker_that_ran_it() -> None:
    """Between its own bar and the next one of that worker, so nothing overlaps."""
    modules = [node(f"m{number}", run=fail, undo=lambda _context: None, optional=True) for number in range(6)]
    events = trace_events(run(*modules, max_parallel_workers=3))
    trace_rules.check(events)
    tracks = {bar["name"]: bar["tid"] for bar in trace_rules.bars(events)}
    assert all(tracks[f"m{number}"] == tracks[f"roll back m{number}"] for number in range(6))


def test_module_that_never_ran_is_left_out() -> None:
    events = trace_events(run(node("a", run=fail), node("b", "a"), node("c", condition=lambda _context: False)))
    trace_rules.check(events)
    assert [bar["name"] for bar in trace_rules.bars(events, cat="module")] == ["a"]
    assert trace_rules.arrows(events) == []


@pytest.mark.parametrize("modules", [(), (node("a", "nothing"),)], ids=["none", "broken"])
def test_operation_that_ran_nothing_has_no_bar(modules: tuple[Module, ...]) -> None:
    events = trace_events(run(*modules))
    trace_rules.check(events)
    assert [event["name"] for event in events] == ["process_name"]


def test_rollback_knows_its_times() -> None:
    report = run(node("a", undo=lambda _context: None), node("b", "a", run=fail))
    undone, nothing = report.rollback_results["a"], report.rollback_results["b"]
    failed = report.module_results["b"].finished_s
    assert undone.status is RollbackStatus.ROLLED_BACK
    assert undone.started_s is not None
    assert undone.duration_s is not None
    assert failed is not None
    assert failed <= undone.started_s
    assert undone.started_s + undone.duration_s <= report.total_duration_seconds
    assert undone.worker == 0
    assert (nothing.started_s, nothing.duration_s, nothing.worker) == (None, None, None)
