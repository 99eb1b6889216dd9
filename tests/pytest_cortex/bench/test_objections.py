"""Objections: PASS and FAIL may become INCONCLUSIVE, before anybody counts how often that was."""

from collections.abc import Callable
from typing import Any

import pytest

from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import BenchResult, GateFailed
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, VerdictRecord
from pytest_cortex.settings.settings import resolve

MakeBench = Callable[..., CortexBench]
Programs = Callable[..., dict[str, Callable[[], Any]]]


def measure(bench: CortexBench, both: dict[str, Callable[[], Any]]) -> BenchResult:
    return bench(sequential=both["sequential"], parallel=both["parallel"], workers=4)


@pytest.mark.parametrize(("parallel_s", "outcome"), [(0.01, "PASS"), (0.04, "FAIL")])
def test_objection_makes_a_verdict_inconclusive_with_both_reasons(
    make_bench: MakeBench, programs: Programs, parallel_s: float, outcome: str
) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})
    seen: list[tuple[MeasurementRecord, VerdictRecord]] = []

    def object_to(measured: Callable[[], MeasurementRecord], verdict: VerdictRecord) -> str:
        seen.append((measured(), verdict))
        return "the fan is broken"

    bench._court.objection = object_to
    (verdict,) = measure(bench, programs(0.04, parallel_s)).verdicts
    ((measurement, asked),) = seen
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason == f"the fan is broken; otherwise {outcome}: {asked.reason}"
    assert (asked.outcome, asked.asked, asked.rounds) == (outcome, "min_speedup=3", verdict.rounds)
    assert (measurement.test, measurement.verdicts) == ("test_it.py::test_it", ())
    assert measurement.speedup == pytest.approx(0.04 / parallel_s)


def test_verdict_that_nobody_objects_to_stands_and_nobody_makes_a_record_of_it(
    make_bench: MakeBench, programs: Programs
) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})
    asked: list[Outcome] = []
    bench._court.objection = lambda _measured, verdict: asked.append(verdict.outcome)
    with pytest.raises(GateFailed):
        measure(bench, programs(0.04, 0.04))
    assert asked == [Outcome.FAIL]


def test_objections_in_a_row_fail_the_gate_and_are_not_asked_for_that(
    make_bench: MakeBench, programs: Programs
) -> None:
    settings = resolve({"max_inconclusive": ["2"]}, {}, seed=1)
    asked: list[Outcome] = []

    def object_to(_measured: object, verdict: VerdictRecord) -> str:
        asked.append(verdict.outcome)
        return "no"

    def run(streaks: Streaks) -> None:
        bench = make_bench(settings=settings, marker={"min_speedup": 3.0}, streaks=streaks)
        bench._court.objection = object_to
        measure(bench, programs(0.04, 0.01))

    first = Streaks({})
    run(first)
    with pytest.raises(GateFailed, match=r"INCONCLUSIVE in 2 runs in a row .* this time: no; otherwise PASS"):
        run(Streaks(first.counts))
    assert asked == [Outcome.PASS, Outcome.PASS]


def test_error_in_an_objection_is_noted_and_gives_no_verdict(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})

    def object_to(_measured: object, _verdict: object) -> str:
        raise LookupError("no fan")

    bench._court.objection = object_to
    with pytest.raises(LookupError, match="no fan"):
        measure(bench, programs(0.04, 0.01))
    record = bench.results[0].record()
    assert (record.verdicts, record.error) == ((), "LookupError: no fan")
