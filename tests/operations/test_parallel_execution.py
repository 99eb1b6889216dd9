"""Running an operation in parallel, in eleven examples that can be read from top to bottom.

Order is proved by barriers and events, never by the clock.  A ``threading.Barrier(3)`` opens only when three threads
stand before it; so if it opens, three modules were running at the same moment.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestrator import (
    CycleWarning,
    Module,
    ModuleContext,
    Operation,
    ProblemKind,
    RollbackStatus,
    SkipReason,
    execute_operation,
    module,
)

PATIENCE_S = 60.0
"""How long a barrier waits before a broken scheduler is called broken; a passing test never waits that long."""


def test_independent_modules_run_in_parallel() -> None:
    """Four modules that do not know of each other meet at a barrier that only four can open."""
    meeting = threading.Barrier(4)

    def meet(context: ModuleContext) -> None:
        meeting.wait(PATIENCE_S)

    operation = Operation("meeting", [module(id=name)(meet) for name in ("north", "east", "south", "west")])

    report = execute_operation(operation, max_parallel_workers=4)

    assert report.success
    assert report.modules_succeeded == ("north", "east", "south", "west")
    assert report.peak_concurrency == 4


def test_dependent_modules_run_sequentially() -> None:
    """A chain runs link by link, however many workers stand by."""
    diary: list[str] = []

    @module
    def dig(context: ModuleContext) -> None:
        diary.append("dig")

    @module(depends_on=["dig"])
    def plant(context: ModuleContext) -> None:
        diary.append("plant")

    @module(depends_on=["plant"])
    def water(context: ModuleContext) -> None:
        diary.append("water")

    report = execute_operation(Operation("garden", [water, plant, dig]), max_parallel_workers=4)

    assert report.success
    assert diary == ["dig", "plant", "water"]
    assert report.peak_concurrency == 1


def test_mixed_parallel_and_sequential() -> None:
    """In a diamond the two sides run at once, after its top and before its bottom."""
    diary: list[str] = []
    sides = threading.Barrier(2)

    @module
    def top(context: ModuleContext) -> None:
        diary.append("top")

    @module(depends_on=["top"])
    def left(context: ModuleContext) -> None:
        sides.wait(PATIENCE_S)
        diary.append("side")

    @module(depends_on=["top"])
    def right(context: ModuleContext) -> None:
        sides.wait(PATIENCE_S)
        diary.append("side")

    @module(depends_on=["left", "right"])
    def bottom(context: ModuleContext) -> None:
        diary.append("bottom")

    report = execute_operation(Operation("diamond", [top, left, right, bottom]), max_parallel_workers=2)

    assert report.success
    assert diary == ["top", "side", "side", "bottom"]
    assert (report.parallel_groups_count, report.parallel_execution_count) == (3, 2)


def test_parallel_group_failure_handling() -> None:
    """One of three fails beside the others: nothing new starts, those running may finish, and all three are undone."""
    all_inside = threading.Barrier(3)
    undone: list[str] = []

    @module
    def fragile(context: ModuleContext) -> None:
        all_inside.wait(PATIENCE_S)
        raise ConnectionError("no route to host")

    @module
    def sturdy(context: ModuleContext) -> None:
        all_inside.wait(PATIENCE_S)

    @module
    def solid(context: ModuleContext) -> None:
        all_inside.wait(PATIENCE_S)

    @module(depends_on=["fragile"])
    def never(context: ModuleContext) -> None:
        raise AssertionError("the failure was decided before this could start")

    def undo(name: str) -> Callable[[ModuleContext], None]:
        return lambda _context: undone.append(name)

    for each in (fragile, sturdy, solid, never):
        each.rollback(undo(each.id))

    report = execute_operation(
        Operation("group", [fragile, sturdy, solid, never]), max_parallel_workers=3, grace_s=PATIENCE_S
    )

    assert not report.success
    assert [str(error) for error in report.errors] == ["no route to host"]
    assert report.modules_failed == ("fragile",)
    assert report.modules_succeeded == ("sturdy", "solid")
    assert report.module_results["never"].skip_reason is SkipReason.UPSTREAM_FAILED
    assert sorted(undone) == ["fragile", "solid", "sturdy"]
    assert {each.status for each in report.rollback_results.values()} == {RollbackStatus.ROLLED_BACK}


def test_optional_module_failure_continues() -> None:
    """An optional module may fail: it alone is undone, and what merely runs after it still runs."""

    @module(optional=True)
    def spell_check(context: ModuleContext) -> None:
        raise LookupError("no dictionary")

    @module
    def typeset(context: ModuleContext) -> Mapping[str, Any]:
        return {"pages": 12}

    @module(runs_after=["spell_check"], depends_on=["typeset"])
    def print_book(context: ModuleContext) -> Mapping[str, Any]:
        return {"printed": context["pages"]}

    report = execute_operation(Operation("book", [spell_check, typeset, print_book]))

    assert report.success
    assert report.modules_failed == ("spell_check",)
    assert report.modules_succeeded == ("typeset", "print_book")
    assert report.context["printed"] == 12
    assert list(report.rollback_results) == ["spell_check"]


def test_context_sharing_in_parallel() -> None:
    """A module sees what came before it and never its sibling's work, so timing cannot change a result."""
    siblings = threading.Barrier(2)
    seen_by: dict[str, dict[str, Any]] = {}

    def sibling(name: str) -> Module:
        @module(id=name, depends_on=["parent"], merge={"family": lambda old, new: old + new})
        def child(context: ModuleContext) -> Mapping[str, Any]:
            siblings.wait(PATIENCE_S)  # the other one is running right now ...
            seen_by[name] = dict(context)  # ... and still invisible
            return {name: "child", "family": [name]}

        return child

    @module
    def parent(context: ModuleContext) -> Mapping[str, Any]:
        return {"parent": context["town"] + "er", "family": ["parent"]}

    @module(depends_on=["anna", "bert"])
    def portrait(context: ModuleContext) -> None:
        seen_by["portrait"] = dict(context)

    operation = Operation("family", [parent, sibling("anna"), sibling("bert"), portrait])
    report = execute_operation(operation, max_parallel_workers=2, context={"town": "Berlin"})

    assert report.success
    before = {"town": "Berlin", "parent": "Berliner", "family": ["parent"]}
    after = {**before, "anna": "child", "bert": "child", "family": ["parent", "anna", "bert"]}
    assert seen_by == {"anna": before, "bert": before, "portrait": after}
    assert report.context == after


def test_max_workers_limit() -> None:
    """With three workers three modules run at once, and never a fourth."""
    trio = threading.Barrier(3)
    counting = threading.Lock()
    inside: list[int] = [0]
    most: list[int] = [0]

    def crowd(context: ModuleContext) -> None:
        with counting:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        trio.wait(PATIENCE_S)
        with counting:
            inside[0] -= 1

    operation = Operation("crowd", [module(id=f"guest_{number}")(crowd) for number in range(9)])

    report = execute_operation(operation, max_parallel_workers=3)

    assert report.success
    assert most == [3]


def test_performance_metrics_tracking() -> None:
    """The numbers of a report follow from its own module results."""
    together = threading.Barrier(2)

    @module
    def load(context: ModuleContext) -> None: ...

    @module(depends_on=["load"])
    def audio(context: ModuleContext) -> None:
        together.wait(PATIENCE_S)

    @module(depends_on=["load"])
    def video(context: ModuleContext) -> None:
        together.wait(PATIENCE_S)

    @module(depends_on=["audio", "video"])
    def mux(context: ModuleContext) -> None: ...

    report = execute_operation(Operation("film", [load, audio, video, mux]), max_parallel_workers=2)

    took_s = {name: result.duration_s or 0.0 for name, result in report.module_results.items()}
    assert report.parallel_groups_count == 3
    assert report.parallel_execution_count == 2
    assert report.peak_concurrency == 2
    assert report.work_s == pytest.approx(sum(took_s.values()))
    assert report.span_s == pytest.approx(took_s["load"] + max(took_s["audio"], took_s["video"]) + took_s["mux"])
    assert report.bound_s == pytest.approx(max(report.work_s / 2, report.span_s))
    assert report.bound_s <= report.makespan_s <= report.total_duration_seconds
    assert report.time_saved_seconds == pytest.approx(max(0.0, report.work_s - report.makespan_s))
    assert report.critical_path in {("load", "audio", "mux"), ("load", "video", "mux")}


def test_single_module_no_parallel() -> None:
    """One module needs no second thread: it runs in the one that called."""
    ran_in: list[threading.Thread] = []

    @module
    def hermit(context: ModuleContext) -> None:
        ran_in.append(threading.current_thread())

    report = execute_operation(Operation("hut", [hermit]), max_parallel_workers=4)

    assert report.success
    assert ran_in == [threading.current_thread()]
    assert (report.parallel_groups_count, report.parallel_execution_count) == (1, 0)
    assert report.time_saved_seconds == pytest.approx(0.0, abs=1e-9)


def test_empty_module_list() -> None:
    """Nothing to do is done at once, and well."""
    report = execute_operation(Operation("nothing", []), context={"given": "kept"})

    assert report.success
    assert report.module_results == {}
    assert report.context == {"given": "kept"}
    assert (report.parallel_groups_count, report.parallel_execution_count) == (0, 0)
    assert report.time_saved_seconds == 0.0


def test_circular_dependency_handling() -> None:
    """A cycle never hangs and is never hidden; what becomes of it is the caller's choice."""
    ran: list[str] = []

    def record(name: str, *depends_on: str) -> Module:
        return module(id=name, depends_on=depends_on)(lambda _context: ran.append(name))

    operation = Operation(
        "round",
        [record("hen", "egg"), record("egg", "hen"), record("omelette", "egg"), record("salad")],
    )

    # By default nothing runs, and the report draws the cycle.
    refused = execute_operation(operation)
    assert not refused.success
    assert ran == []
    (problem,) = refused.errors
    assert "hen → egg → hen" in str(problem)
    assert problem.kind is ProblemKind.CYCLE  # type: ignore[attr-defined]  # an error of a report may be any exception
    assert {each.skip_reason for each in refused.module_results.values()} == {SkipReason.PLAN}

    # "isolate" runs what is neither in the cycle nor behind it, and is still no success.
    isolated = execute_operation(operation, on_cycle="isolate")
    assert not isolated.success
    assert ran == ["salad"]
    assert isolated.module_results["omelette"].skip_reason is SkipReason.CYCLE

    # "sequential" runs the members in declaration order, and says loudly which dependency that breaks.
    ran.clear()
    with pytest.warns(CycleWarning, match="not honoured: 'hen' on 'egg'"):
        degraded = execute_operation(operation, on_cycle="sequential")
    assert degraded.success
    assert degraded.degraded
    assert ran.index("hen") < ran.index("egg") < ran.index("omelette")
