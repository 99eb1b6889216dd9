"""A curve over numbers of workers, from rounds in which every number ran once, and gates on it."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Operation, OperationExecutionReport, execute_operation, module
from pytest_cortex.bench import subject as subject_module
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import GateFailed
from pytest_cortex.bench.scaling_result import ScalingResult
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.measuring.arms import ResultsDiffer
from pytest_cortex.settings.settings import resolve

MakeBench = Callable[..., CortexBench]
Advance = Callable[..., None]

SERIAL_FRACTION = 0.2


@pytest.fixture
def amdahl(advance: Advance) -> Callable[[int], None]:
    """A program of which a fifth stays serial: 1 s on one worker."""

    def run(workers: int) -> None:
        advance(SERIAL_FRACTION + (1 - SERIAL_FRACTION) / workers)

    return run


def outcomes(scaling: ScalingResult) -> dict[int, list[tuple[str, Outcome]]]:
    return {
        workers: [(each.gate, each.outcome) for each in result.verdicts] for workers, result in scaling.results.items()
    }


# The curve ------------------------------------------------------------------------------------------------------------


def test_curve_holds_every_number_of_workers(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """One worker comes first and is its own measure, whatever the order they were given in."""
    scaling = make_bench().scale(amdahl, workers=[4, 1, 2])
    assert [(point.workers, point.speedup.speedup) for point in scaling.points] == [
        (1, 1.0),
        (2, pytest.approx(1 / 0.6)),
        (4, pytest.approx(2.5)),
    ]
    assert scaling.serial_fraction == pytest.approx(SERIAL_FRACTION)
    assert repr(scaling) == "<ScalingResult test_it: speedup 1.67 on 2, 2.50 on 4 workers>"


def test_each_number_of_workers_is_a_measurement_of_its_own(
    make_bench: MakeBench, amdahl: Callable[[int], None]
) -> None:
    """So that each has its row in every report."""
    bench = make_bench()
    scaling = bench.scale(amdahl, workers=[1, 2, 4], name="curve")
    assert [(result.name, result.workers) for result in bench.results] == [("curve[2]", 2), ("curve[4]", 4)]
    assert list(scaling.results.values()) == bench.results
    assert [result.efficiency for result in bench.results] == pytest.approx([1 / 1.2, 0.625])


def test_numbers_of_workers_share_their_rounds(make_bench: MakeBench, advance: Advance) -> None:
    """One run per number in each round, so that no part of the curve was made under another load."""
    calls: list[int] = []

    def run(workers: int) -> None:
        calls.append(workers)
        advance(0.1 / workers)

    scaling = make_bench().scale(run, workers=[1, 2, 4])
    made = len(scaling.results[4].record().rounds)
    assert {workers: calls.count(workers) for workers in (1, 2, 4)} == dict.fromkeys((1, 2, 4), made)


def test_second_curve_of_a_test_has_a_name_of_its_own(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """Names tell measurements apart, from run to run as well."""
    bench = make_bench()
    for _ in range(2):
        bench.scale(amdahl, workers=[1, 2])
    assert [scaling.name for scaling in bench.scalings] == ["test_it", "test_it#2"]
    assert [result.name for result in bench.results] == ["test_it[2]", "test_it#2[2]"]


def test_record_holds_the_curve(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """With the interval of every point, and Karp and Flatt's fraction from two workers up."""
    record = make_bench().scale(amdahl, workers=[1, 2, 4]).record("test_it.py::test_it")
    assert (record.test, record.name) == ("test_it.py::test_it", "test_it")
    one, two, four = record.points
    assert (one.workers, one.speedup, one.ceiling, one.karp_flatt) == (1, 1.0, 1.0, None)
    assert (two.workers, two.ceiling) == (2, None)
    assert four.karp_flatt == pytest.approx(SERIAL_FRACTION)
    assert [four.low, four.high] == pytest.approx([2.5, 2.5])
    assert record.serial_fraction == pytest.approx(SERIAL_FRACTION)
    assert record.serial_low == record.serial_high == pytest.approx(SERIAL_FRACTION)
    assert record.summary.startswith("the serial fraction is 20.0 % (20.0 % to 20.0 %)")


def test_record_without_rounds_says_that_nothing_is_known(make_bench: MakeBench) -> None:
    """An error in the first round leaves a curve with no numbers, and the report must still come out."""

    def fail(_workers: int) -> None:
        raise LookupError

    bench = make_bench()
    with pytest.raises(LookupError):
        bench.scale(fail, workers=[1, 2])
    record = bench.scalings[0].record("test_it.py::test_it")
    assert record.summary == "no round counted, so the serial fraction is unknown"
    assert [point.speedup for point in record.points] == [None, None]
    assert bench.scalings[0].serial_fraction is None


def test_operation_has_a_ceiling_at_every_point(
    make_bench: MakeBench, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three modules keep no more than three workers busy."""

    def execute(operation: Operation, *, max_parallel_workers: int, **keywords: Any) -> OperationExecutionReport:
        advance(0.1)
        return execute_operation(operation, max_parallel_workers=max_parallel_workers, **keywords)

    monkeypatch.setattr(subject_module, "execute_operation", execute)
    operation = Operation("three", [module(id=name)(lambda context: None) for name in "abc"])
    record = make_bench().scale(operation, workers=[1, 2, 4]).record("test_it.py::test_it")
    ceilings = [point.ceiling for point in record.points]
    assert ceilings[0] == 1.0
    assert all(ceiling is not None and ceiling <= 3 for ceiling in ceilings)


# Gates ----------------------------------------------------------------------------------------------------------------


def test_gates_of_the_test_are_judged_at_the_most_workers(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """A limit on the whole curve would mean another thing at each point."""
    scaling = make_bench(marker={"min_speedup": 2.0}).scale(amdahl, workers=[1, 2, 4])
    assert outcomes(scaling) == {2: [], 4: [("min_speedup", Outcome.PASS)]}


def test_failed_gate_leaves_the_curve_in_the_record(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """It is what explains the failure best."""
    bench = make_bench(marker={"min_speedup": 3.5})
    with pytest.raises(GateFailed, match=r"test_it\[4\]: FAIL min_speedup=3\.5 \(marker\)"):
        bench.scale(amdahl, workers=[1, 2, 4])
    assert bench.scalings[0].serial_fraction == pytest.approx(SERIAL_FRACTION)


def test_assertions_are_about_the_most_workers_unless_others_are_named(
    make_bench: MakeBench, amdahl: Callable[[int], None]
) -> None:
    """2.5 on 4 workers and 1.67 on 2."""
    scaling = make_bench().scale(amdahl, workers=[1, 2, 4])
    scaling.assert_speedup(2.4)
    scaling.assert_efficiency(0.8, workers=2)
    with pytest.raises(GateFailed, match=r"test_it\[4\]: FAIL min_efficiency=0\.8 \(assert_efficiency\)"):
        scaling.assert_efficiency(0.8)
    with pytest.raises(GateFailed, match=r"test_it\[2\]: FAIL min_speedup=2\.4 \(assert_speedup\)"):
        scaling.assert_speedup(2.4, workers=2)
    assert outcomes(scaling) == {
        2: [("min_efficiency", Outcome.PASS), ("min_speedup", Outcome.FAIL)],
        4: [("min_speedup", Outcome.PASS), ("min_efficiency", Outcome.FAIL)],
    }


def test_serial_fraction_is_gated_by_the_speedup_that_goes_with_it(
    make_bench: MakeBench, amdahl: Callable[[int], None]
) -> None:
    """A fifth passes a limit of a quarter, and fails one of a tenth."""
    scaling = make_bench().scale(amdahl, workers=[1, 2, 4])
    scaling.assert_serial_fraction(0.25)
    assert scaling.results[4].verdicts[0].min_speedup == pytest.approx(1 / (0.25 + 0.75 / 4))
    with pytest.raises(GateFailed, match=r"FAIL max_serial_fraction=0\.1 \(assert_serial_fraction\)"):
        scaling.assert_serial_fraction(0.1, workers=2)


@pytest.mark.parametrize("limit", [-0.1, 1.1])
def test_serial_fraction_is_a_fraction(make_bench: MakeBench, amdahl: Callable[[int], None], limit: float) -> None:
    """Percent would be taken for nonsense rather than for something else."""
    with pytest.raises(ValueError, match="serial_fraction must be from 0 to 1"):
        make_bench().scale(amdahl, workers=[1, 2]).assert_serial_fraction(limit)


@pytest.mark.parametrize("workers", [1, 3])
def test_assertion_on_what_was_not_measured_is_refused(
    make_bench: MakeBench, amdahl: Callable[[int], None], workers: int
) -> None:
    """One worker is what the others are measured against."""
    scaling = make_bench().scale(amdahl, workers=[1, 2, 4])
    with pytest.raises(ValueError, match=f"workers={workers} was not measured; measured were 2, 4, each against 1"):
        scaling.assert_speedup(1.0, workers=workers)


# Calls that make no sense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [[], [1], [2, 4], [1, 2, 2]])
def test_workers_hold_one_and_another_number(
    make_bench: MakeBench, amdahl: Callable[[int], None], workers: list[int]
) -> None:
    """A speedup is over one worker, and a curve has two points or more."""
    with pytest.raises(ValueError, match="workers must hold 1 and at least one more number, each once"):
        make_bench().scale(amdahl, workers=workers)


def test_what_cannot_be_run_is_refused(make_bench: MakeBench) -> None:
    """With what can be."""
    scale: Callable[..., ScalingResult] = make_bench().scale
    with pytest.raises(TypeError, match="takes an operation, a scenario or a function of the number of workers, not 3"):
        scale(3, workers=[1, 2])


def test_result_that_depends_on_the_workers_is_an_error(make_bench: MakeBench, advance: Advance) -> None:
    """A fast wrong answer is no speedup."""

    def run(workers: int) -> int:
        advance(0.1)
        return workers

    with pytest.raises(ResultsDiffer, match="1: 1, 2: 2"):
        make_bench().scale(run, workers=[1, 2])


def test_curve_against_itself_is_flat(make_bench: MakeBench, amdahl: Callable[[int], None]) -> None:
    """Every arm is the same program then, so the true ratio is 1."""
    settings = resolve({"against_itself": ["1"]}, {}, seed=1)
    scaling = make_bench(settings=settings, marker={"min_speedup": 3.5}).scale(amdahl, workers=[1, 2, 4])
    assert [point.speedup.speedup for point in scaling.points] == [1.0, 1.0, 1.0]
    assert [each.origin for each in scaling.results[4].verdicts] == ["against itself"]
