"""Tracing: the twin of an operation does what the original does, and knows what it took."""

import inspect
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Module, ModuleContext, Operation, OperationExecutionReport, Phase, execute_operation, module
from orchestrator.plan import plan
from pytest_cortex.graphs import tracing
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace
from pytest_cortex.graphs.tracing import Tracer, worth_tracing

kernel_counts = pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="needs Linux's schedstat")


def a_module(name: str, **fields: Any) -> Module:
    return module(id=name, **fields)(lambda context: None)


def twin(*modules: Module) -> Operation:
    return Tracer(Operation("any", modules)).operation


def traced(*modules: Module, workers: int = 1) -> RunTrace:
    tracer = Tracer(Operation("any", modules))
    return tracer.trace(execute_operation(tracer.operation, max_parallel_workers=workers), 1.0)


class Everything(Module):
    """Overrides whatever can be, and keeps what it has done on itself."""

    def __init__(self) -> None:
        super().__init__("everything", phase=Phase.FEATURES, priority=7, tags=["slow"])
        self.did: list[str] = []

    def run(self, context: ModuleContext) -> dict[str, int]:
        self.did.append("run")
        return {"doubled": 2 * context["n"]}

    def rollback(self, context: ModuleContext) -> None:
        self.did.append("rollback")

    def condition(self, context: ModuleContext) -> bool:
        self.did.append("condition")
        return True

    def check(self, context: ModuleContext) -> list[str]:
        self.did.append("check")
        return []


# The twin -------------------------------------------------------------------------------------------------------------


def test_twin_has_every_field_and_method_of_the_original_but_run() -> None:
    """Also those that Module gains one day: whatever a module answers, its twin answers the same."""
    original = a_module("a", runs_after=["b"], optional=True, produces=["key"], merge={"key": max})
    (other,) = twin(original).modules
    names = {name for name in dir(original) if not name.startswith("__")} - {"run"}
    assert {"id", "merge", "undo", "guarded", "phase"} <= names
    assert {name for name in names if getattr(other, name) != getattr(original, name)} == set()


def test_twin_has_the_class_and_the_text_of_the_original() -> None:
    original = Everything()
    (other,) = twin(original).modules
    assert isinstance(other, Everything)
    assert repr(other) == repr(original)


def test_operation_has_no_argument_that_the_twin_does_not_pass_on() -> None:
    """Whoever adds one to Operation has to add it to Tracer."""
    assert list(inspect.signature(Operation).parameters) == ["id", "modules", "profiles"]


def test_twin_keeps_id_and_profiles() -> None:
    tracer = Tracer(Operation("any", [a_module("a"), a_module("b")], profiles={"short": ["b"]}))
    report = execute_operation(tracer.operation, profile="short")
    assert (report.operation_id, list(report.module_results)) == ("any", ["b"])


def test_overridden_methods_are_called_on_the_original_itself() -> None:
    """What a subclass keeps on self in run, its rollback finds there."""
    original = Everything()

    @module(phase=Phase.FINALIZATION)
    def fail(context: ModuleContext) -> None:
        raise LookupError("no data")

    report = execute_operation(twin(original, fail), context={"n": 21})
    assert report.modules_failed == ("fail",)
    assert original.did == ["condition", "check", "run", "rollback"]


def test_module_sees_its_context_and_commits_to_it() -> None:
    assert execute_operation(twin(Everything()), context={"n": 21}).context["doubled"] == 42


def test_rollback_registered_after_tracing_counts() -> None:
    @module
    def fail(context: ModuleContext) -> None:
        raise LookupError("no data")

    undone: list[str] = []
    operation = twin(fail)
    fail.rollback(lambda context: undone.append("fail"))
    execute_operation(operation)
    assert undone == ["fail"]


def test_exception_comes_out_as_it_was_raised() -> None:
    error = LookupError("no data")

    @module
    def fail(context: ModuleContext) -> None:
        raise error

    assert execute_operation(twin(fail)).errors == (error,)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Small graphs with phases, conditions, failures and optional modules."""
    modules: list[Module] = []
    for number in range(draw(st.integers(1, 6))):
        before = [each.id for each in modules]
        fails = draw(st.booleans()) and draw(st.booleans())
        wanted = draw(st.booleans()) or draw(st.booleans())

        def run(context: ModuleContext, name: str = f"m{number}", fails: bool = fails) -> dict[str, int]:  # noqa: FBT001 - bound early, not passed
            if fails:
                raise LookupError(name)
            return {name: len(context)}

        modules.append(
            module(
                id=f"m{number}",
                priority=draw(st.integers(0, 3)),
                runs_after=draw(st.lists(st.sampled_from(before))) if before else [],
                optional=draw(st.booleans()),
                condition=lambda context, wanted=wanted: wanted,
            )(run)
        )
    return Operation("any", modules)


def outcome(report: OperationExecutionReport) -> tuple[Any, ...]:
    """All of a report but its times."""
    results = [(r.id, r.status, r.skip_reason, r.data, repr(r.error)) for r in report.module_results.values()]
    undone = [(name, result.status) for name, result in report.rollback_results.items()]
    return report.success, results, undone, dict(report.context), list(map(repr, report.errors))


@given(operations())
def test_twin_plans_and_ends_like_the_original(operation: Operation) -> None:
    other = Tracer(operation).operation
    plans = plan(operation), plan(other)
    assert plans[0].groups == plans[1].groups
    assert plans[0].dependencies == plans[1].dependencies
    reports = [execute_operation(each, max_parallel_workers=1) for each in (operation, other)]
    assert outcome(reports[0]) == outcome(reports[1])


# What it notes --------------------------------------------------------------------------------------------------------


def spin(cpu_s: float) -> None:
    """Works until the thread's own clock has gone that far."""
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass


def test_trace_tells_what_the_report_tells() -> None:
    tracer = Tracer(Operation("any", [a_module("a"), a_module("b")]))
    report = execute_operation(tracer.operation, max_parallel_workers=3)
    run = tracer.trace(report, 1.25)
    assert (run.workers, run.seconds, list(run.modules)) == (3, 1.25, ["a", "b"])
    for name, seen in run.modules.items():
        result = report.module_results[name]
        assert (seen.started_s, seen.duration_s, seen.worker) == (result.started_s, result.duration_s, result.worker)


def test_cpu_time_of_a_module_is_noted() -> None:
    @module
    def busy(context: ModuleContext) -> None:
        spin(0.002)

    run = traced(busy, a_module("idle"))
    assert (run.modules["busy"].cpu_s or 0) >= 0.002
    assert 0 <= (run.modules["idle"].cpu_s or 0) < 0.002


def test_module_that_raises_is_noted_as_well() -> None:
    @module(optional=True)
    def fail(context: ModuleContext) -> None:
        spin(0.002)
        raise LookupError("no data")

    assert (traced(fail).modules["fail"].cpu_s or 0) >= 0.002


def test_module_that_did_not_run_is_not_in_the_trace() -> None:
    run = traced(a_module("a"), a_module("unwanted", condition=lambda context: False))
    assert list(run.modules) == ["a"]


def test_notes_of_one_run_are_not_taken_for_those_of_another() -> None:
    """A module that was given up has not noted anything in this run, though it may have in an earlier one."""
    tracer = Tracer(Operation("any", [a_module("a")]))
    report = execute_operation(tracer.operation)
    assert tracer.trace(report, 1.0).modules["a"].cpu_s is not None
    again = tracer.trace(report, 1.0).modules["a"]
    assert (again.cpu_s, again.delay_s) == (None, None)


@kernel_counts
def test_every_thread_reads_its_own_counters() -> None:
    """Both modules wait for each other, so that each must have run on a thread of its own."""
    both = threading.Barrier(2, timeout=10)

    def meet(context: ModuleContext) -> None:
        both.wait()

    run = traced(module(id="a")(meet), module(id="b")(meet), workers=2)
    assert {seen.worker for seen in run.modules.values()} == {0, 1}
    assert all(seen.delay_s is not None and seen.delay_s >= 0 for seen in run.modules.values())


@kernel_counts
def test_no_file_stays_open_behind_a_thread() -> None:
    tracer = Tracer(Operation("any", [a_module("a")]))

    def run_elsewhere() -> None:
        thread = threading.Thread(target=tracer.operation.modules[0].run, args=({},))
        thread.start()
        thread.join()

    run_elsewhere()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        run_elsewhere()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_run_delay_is_unknown_where_there_is_no_schedstat(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tracing, "_SCHEDSTAT", str(tmp_path / "absent"))
    seen = traced(a_module("a")).modules["a"]
    assert seen.delay_s is None
    assert seen.cpu_s is not None


@pytest.mark.parametrize(("text", "delay_ns"), [("0 0 0\n", None), ("500 7 1\n", 7), ("500 0 3\n", 0)])
def test_schedstat_is_read_as_the_kernel_writes_it(text: str, delay_ns: int | None, tmp_path: Path) -> None:
    """A kernel that does not count shows zeros only; a thread that reads has had a turn for sure."""
    path = tmp_path / "schedstat"
    path.write_text(text)
    assert tracing._Schedstat(str(path)).delay_ns() == delay_ns


# Whether it is worth it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("durations_s", "worth"),
    [([0.001, 0.001], True), ([0.0001, 0.0019], True), ([0.0005, 0.0014], False), ([None, 0.001], True), ([], False)],
)
def test_tracing_is_worth_it_from_a_millisecond_on_average(durations_s: list[float | None], *, worth: bool) -> None:
    """Modules that did not run do not count."""
    report = execute_operation(Operation("any", [a_module(f"m{i}") for i in range(len(durations_s))]))
    results = zip(report.module_results.values(), durations_s, strict=True)
    made = {result.id: replace(result, duration_s=seconds) for result, seconds in results}
    assert worth_tracing(replace(report, module_results=made)) is worth


@pytest.mark.slow
def test_tracing_costs_less_than_two_percent_of_the_shortest_modules_worth_it() -> None:
    """The quickest of many batches, each short enough to fit between two interruptions: other programs only add."""
    (watched,) = twin(a_module("a")).modules

    def batch_s() -> float:
        start_s = time.perf_counter()
        for _ in range(100):
            watched.run({})  # type: ignore[arg-type]  # the module does not look at its context
        return time.perf_counter() - start_s

    assert min(batch_s() for _ in range(200)) / 100 < 0.02 * tracing.SHORTEST_MEAN_S


# Against the kernel ---------------------------------------------------------------------------------------------------


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keeps so many CPUs busy."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


@kernel_counts
@pytest.mark.slow
def test_run_delay_explains_what_wall_time_has_over_cpu_time_under_load() -> None:
    """A module that never blocks either runs or waits for a CPU; nothing else is left to explain its time."""

    @module
    def busy(context: ModuleContext) -> None:
        spin(0.02)

    def unexplained(seen: ModuleTrace) -> float:
        assert seen.cpu_s is not None
        assert seen.delay_s is not None
        return abs(seen.duration_s - seen.cpu_s - seen.delay_s) / seen.duration_s

    with busy_loops(2 * (os.cpu_count() or 1)):
        seen = [traced(busy).modules["busy"] for _ in range(30)]
    assert median((each.delay_s or 0) / each.duration_s for each in seen) > 0.2
    assert median(map(unexplained, seen)) < 0.1
