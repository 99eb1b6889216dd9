"""The numbers and the words of a report, checked against reports made by hand."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import (
    Module,
    ModuleContext,
    ModuleExit,
    ModuleResult,
    Operation,
    OperationExecutionReport,
    OperationFailed,
    Phase,
    RollbackResult,
    RollbackStatus,
    SkipReason,
    Status,
    execute_operation,
    module,
    plan,
)


def node(name: str, *depends_on: str, **fields: Any) -> Module:
    """A module that does nothing."""
    return module(id=name, depends_on=depends_on, **fields)(lambda _context: None)


def ran(name: str, start_s: float, end_s: float, **fields: Any) -> ModuleResult:
    """A module that ran from *start_s* to *end_s*."""
    values = {"status": Status.SUCCEEDED, "started_s": start_s, "duration_s": end_s - start_s, "worker": 0, **fields}
    return ModuleResult(id=name, **values)


def report_of(modules: list[Module], results: list[ModuleResult], **fields: Any) -> OperationExecutionReport:
    """A report as if *results* had been measured on two workers."""
    values: dict[str, Any] = {
        "operation_id": "op",
        "success": True,
        "degraded": False,
        "workers": 2,
        "context": {},
        "errors": (),
        "rollback_results": {},
        "started_at": datetime(2024, 5, 1, tzinfo=UTC),
        "total_duration_seconds": 20.0,
        **fields,
    }
    return OperationExecutionReport(
        module_results=MappingProxyType({result.id: result for result in results}),
        plan=plan(Operation("op", modules)),
        **values,
    )


@pytest.fixture
def diamond() -> OperationExecutionReport:
    """One second of a, then b (4 s) beside c (2 s), a gap of one second, and d (1 s): makespan 7 s."""
    return report_of(
        [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")],
        [ran("a", 0, 1), ran("b", 1, 5), ran("c", 1, 3), ran("d", 6, 7)],
    )


def test_work_is_the_sum_of_durations(diamond: OperationExecutionReport) -> None:
    assert diamond.work_s == 8


def test_report_reads_as_one_line(diamond: OperationExecutionReport) -> None:
    assert str(diamond) == "op succeeded in 20 s; modules: 4 succeeded, 0 failed, 0 skipped"


def test_report_names_what_failed_in_its_line() -> None:
    report = report_of([node("a")], [ran("a", 0, 1, status=Status.FAILED)], success=False)
    assert str(report) == "op failed in 20 s; modules: 0 succeeded, 1 failed, 0 skipped; failed: a"


def test_makespan_is_first_start_to_last_finish(diamond: OperationExecutionReport) -> None:
    assert diamond.makespan_s == 7


def test_span_and_critical_path_are_those_of_the_plan(diamond: OperationExecutionReport) -> None:
    assert (diamond.span_s, diamond.critical_path) == (6, ("a", "b", "d"))


def test_bound_is_the_larger_of_work_per_worker_and_span(diamond: OperationExecutionReport) -> None:
    assert diamond.bound_s == 6


def test_quality_is_bound_over_makespan(diamond: OperationExecutionReport) -> None:
    assert diamond.quality == pytest.approx(6 / 7)


def test_time_saved_is_work_minus_makespan(diamond: OperationExecutionReport) -> None:
    assert diamond.time_saved_seconds == 1


def test_time_saved_is_never_negative() -> None:
    slow = report_of([node("a"), node("b", "a")], [ran("a", 0, 1), ran("b", 9, 10)])
    assert slow.time_saved_seconds == 0


def test_average_concurrency_is_work_over_makespan(diamond: OperationExecutionReport) -> None:
    assert diamond.average_concurrency == pytest.approx(8 / 7)


def test_peak_concurrency_counts_overlaps(diamond: OperationExecutionReport) -> None:
    assert diamond.peak_concurrency == 2


def test_modules_that_merely_touch_do_not_overlap() -> None:
    touching = report_of([node("a"), node("b", "a")], [ran("a", 0, 1), ran("b", 1, 2)])
    assert touching.peak_concurrency == 1


def test_groups_and_modules_in_parallel_groups_are_counted(diamond: OperationExecutionReport) -> None:
    assert (diamond.parallel_groups_count, diamond.parallel_execution_count) == (3, 2)


def test_finish_is_start_plus_duration(diamond: OperationExecutionReport) -> None:
    assert diamond.module_results["d"].finished_s == 7
    assert ModuleResult(id="x", status=Status.SKIPPED).finished_s is None


def test_modules_that_never_ran_count_nowhere_but_among_the_skipped() -> None:
    skipped = ModuleResult(id="b", status=Status.SKIPPED, skip_reason=SkipReason.CONDITION)
    report = report_of([node("a"), node("b")], [ran("a", 0, 1), skipped])
    assert (report.modules_succeeded, report.modules_failed, report.modules_skipped) == (("a",), (), ("b",))
    assert report.durations == {"a": 1}


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.ABANDONED])
def test_whatever_was_tried_in_vain_counts_as_failed(status: Status) -> None:
    assert report_of([node("a")], [ran("a", 0, 1, status=status)]).modules_failed == ("a",)


def test_numbers_of_an_empty_report() -> None:
    empty = report_of([], [])
    assert (empty.work_s, empty.makespan_s, empty.span_s, empty.bound_s) == (0, 0, 0, 0)
    assert (empty.quality, empty.average_concurrency, empty.peak_concurrency) == (1, 0, 0)


def test_phases_are_in_the_bound() -> None:
    """Two phases of one second each cannot take less than two, however many workers."""
    report = report_of([node("a", phase=Phase.PREPARATION), node("b")], [ran("a", 0, 1), ran("b", 1, 2)], workers=9)
    assert report.bound_s == 2


spans = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8)


@given(spans, st.integers(1, 4))
def test_numbers_keep_their_laws(drawn: list[tuple[int, int]], workers: int) -> None:
    modules = [node(f"m{number}") for number in range(len(drawn))]
    results = [ran(f"m{n}", start, start + length) for n, (start, length) in enumerate(drawn)]
    report = report_of(modules, results, workers=workers)
    assert 0 <= report.quality <= 1
    assert report.span_s <= report.bound_s <= report.work_s
    assert 0 <= report.time_saved_seconds <= report.work_s
    assert report.average_concurrency <= report.peak_concurrency or report.makespan_s == 0


# to_dict --------------------------------------------------------------------------------------------------------------


def everything() -> OperationExecutionReport:
    """A real report in which much went wrong."""

    def fail(context: ModuleContext) -> None:
        raise OSError("broken")

    def leave(context: ModuleContext) -> None:
        raise SystemExit(3)

    def write(context: ModuleContext) -> Mapping[str, Any]:
        return {"object": object(), "set": {1}}

    modules = [
        module(id="writes")(write),
        module(id="unwanted", condition=lambda _context: False)(fail),
        module(id="optional", optional=True)(fail),
        module(id="refused", optional=True, check=lambda _context: ["no"])(fail),
        module(id="leaves")(leave),
        module(id="behind", depends_on=["leaves"])(fail),
    ]
    return execute_operation(Operation("all", modules), on_failure="continue", context={"given": bytes(3)})


def test_dict_of_a_report_is_json() -> None:
    written = json.loads(json.dumps(everything().to_dict(), allow_nan=False))
    assert written["operation_id"] == "all"
    assert [each["id"] for each in written["module_results"]] == [
        "writes",
        "unwanted",
        "optional",
        "refused",
        "leaves",
        "behind",
    ]
    assert written["module_results"][1]["skip_reason"] == "condition"
    assert written["module_results"][4]["error"] == "SystemExit: 3"
    assert written["context_keys"] == ["given", "object", "set"]
    assert datetime.fromisoformat(written["started_at"]).tzinfo is not None


def test_dict_holds_every_number_of_the_report(diamond: OperationExecutionReport) -> None:
    written = diamond.to_dict()
    numbers = [name for name, value in vars(OperationExecutionReport).items() if hasattr(value, "func")]
    derived = set(numbers) - {"modules_succeeded", "modules_failed", "modules_skipped", "durations", "_spans"}
    assert derived <= set(written)


def test_error_that_cannot_be_shown_does_not_lose_the_report() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fail(context: ModuleContext) -> None:
        raise SilentError

    written = execute_operation(Operation("op", [module(id="a")(fail)])).to_dict()
    assert written["errors"] == ["SilentError: (its text could not be made)"]


# raise_for_failure ----------------------------------------------------------------------------------------------------


def test_success_raises_nothing(diamond: OperationExecutionReport) -> None:
    diamond.raise_for_failure()


def test_failure_raises_all_errors_the_original_first() -> None:
    errors = (OSError("first"), KeyError("second"))
    failed = report_of([node("a")], [ran("a", 0, 1, status=Status.FAILED)], success=False, errors=errors)
    with pytest.raises(OperationFailed, match="operation 'op' failed: a") as caught:
        failed.raise_for_failure()
    assert caught.value.exceptions == errors


def test_system_exit_is_wrapped_with_its_module_and_cause() -> None:
    left = SystemExit(3)
    failed = report_of([node("a")], [ran("a", 0, 1, status=Status.FAILED, error=left)], success=False, errors=(left,))
    with pytest.raises(OperationFailed) as caught:
        failed.raise_for_failure()
    (wrapped,) = caught.value.exceptions
    assert isinstance(wrapped, ModuleExit)
    assert str(wrapped) == "module 'a' raised SystemExit(3)"
    assert wrapped.__cause__ is left


def test_broken_plan_raises_its_problems() -> None:
    report = execute_operation(Operation("op", [node("a", "nowhere")]))
    with pytest.raises(OperationFailed, match="nothing ran") as caught:
        report.raise_for_failure()
    assert caught.value.exceptions == report.errors


def test_group_keeps_its_type_when_it_is_split() -> None:
    failed = OperationFailed("both", [OSError(), KeyError()])
    matched, rest = failed.split(OSError)
    assert type(matched) is type(rest) is OperationFailed


def test_mapping_of_results_reads_like_a_dict() -> None:
    results = execute_operation(Operation("op", [node("a"), node("b")])).module_results
    assert (list(results), len(results), "a" in results, results.get("c")) == (["a", "b"], 2, True, None)
    assert repr(results).startswith("{'a': ModuleResult(id='a'")


def test_report_says_when_it_started_and_how_long_it_took() -> None:
    before = datetime.now(UTC)
    report = execute_operation(Operation("op", [node("a")]))
    assert before <= report.started_at <= datetime.now(UTC)
    assert report.total_duration_seconds >= report.makespan_s


def test_rollback_results_are_in_the_dict() -> None:
    stuck = RollbackResult(
        status=RollbackStatus.FAILED, error=OSError("stuck"), started_s=1.5, duration_s=0.25, worker=0
    )
    report = report_of([node("a")], [ran("a", 0, 1)], rollback_results={"a": stuck})
    assert report.to_dict()["rollback_results"] == [
        {
            "id": "a",
            "status": "failed",
            "error": "OSError: stuck",
            "started_s": 1.5,
            "duration_s": 0.25,
            "worker": 0,
        }
    ]
