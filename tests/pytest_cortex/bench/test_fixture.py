"""``cortex_bench``: as many rounds as the gates need, verdicts that stop the test, and a record of all of it."""

import asyncio
import math
import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestrator import Operation, OperationExecutionReport, execute_operation, module, plan
from pytest_cortex.bench import subject as subject_module
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import BenchResult, GateFailed
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.evidence import forgiving_horizon
from pytest_cortex.judging.gate import Gate, Outcome
from pytest_cortex.measuring import leftovers, machine, watchdog
from pytest_cortex.measuring.arms import ResultsDiffer
from pytest_cortex.measuring.leftovers import Leftovers
from pytest_cortex.measuring.watchdog import ArmTimeout
from pytest_cortex.record import RoundRecord, VerdictRecord
from pytest_cortex.scenarios.scenario import Scenario
from pytest_cortex.settings.settings import resolve

Programs = Callable[..., dict[str, Callable[[], Any]]]
MakeBench = Callable[..., CortexBench]
MakeScenario = Callable[..., Scenario]

MIN_HORIZON = forgiving_horizon(0.001)
NOISY = [4.0, 2.0]  # seconds of the sequential arm beside 1 s of the parallel one: no gate at 3 decides


def measure(bench: CortexBench, both: dict[str, Callable[[], Any]], **keywords: Any) -> BenchResult:
    return bench(sequential=both["sequential"], parallel=both["parallel"], workers=4, **keywords)


def outcomes(result: BenchResult) -> list[Outcome]:
    return [verdict.outcome for verdict in result.verdicts]


def rounds_needed(gate: Gate, speedup: float) -> int:
    return gate.decide(sequential_s=[speedup] * gate.horizon, parallel_s=[1.0] * gate.horizon).rounds


@pytest.fixture
def make_scenario(monkeypatch: pytest.MonkeyPatch, advance: Callable[..., None]) -> MakeScenario:
    """Makes scenarios that really run, while their modules take time on the fake clock only.

    The time is that of an ideal schedule, plus *overhead_s* if there is more than one worker.
    """

    def make(
        durations: Mapping[str, float],
        *,
        workers: int = 4,
        after: Mapping[str, list[str]] | None = None,
        overhead_s: float = 0.0,
        min_efficiency: float | None = None,
        calls: list[int] | None = None,
    ) -> Scenario:
        graph = [module(id=name, depends_on=(after or {}).get(name, []))(lambda context: None) for name in durations]

        def execute(operation: Operation, *, max_parallel_workers: int, **keywords: Any) -> OperationExecutionReport:
            report = execute_operation(operation, max_parallel_workers=max_parallel_workers, **keywords)
            advance(plan(operation).bound_s(durations, max_parallel_workers))
            advance(overhead_s if max_parallel_workers > 1 else 0.0)
            if calls is not None:
                calls.append(max_parallel_workers)
            return report

        monkeypatch.setattr(subject_module, "execute_operation", execute)
        return Scenario(
            name="replayed",
            operation=Operation("replayed", graph),
            workers=workers,
            durations=durations,
            min_efficiency=min_efficiency,
            note="a note",
        )

    return make


FOUR = dict.fromkeys("abcd", 1.0)

# Verdicts -------------------------------------------------------------------------------------------------------------


def test_gate_passes_when_the_speedup_is_there(make_bench: MakeBench, programs: Programs) -> None:
    result = measure(make_bench(marker={"min_speedup": 3.5}), programs(4.0, 1.0))
    assert outcomes(result) == [Outcome.PASS]
    assert (result.speedup, result.efficiency) == (4.0, 1.0)


def test_gate_fails_the_test_when_the_speedup_is_lost(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench(marker={"min_speedup": 3.5})
    with pytest.raises(GateFailed) as caught:
        measure(bench, programs(1.0, 1.0))
    assert str(caught.value).startswith("test_it: FAIL min_speedup=3.5 (marker): speedup 1.00 (1.00 to 1.00) is proven")
    assert bench.results[0].verdicts == [caught.value.verdict]


def test_gate_is_inconclusive_when_the_rounds_prove_nothing(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench(marker={"min_speedup": 3})
    result = measure(bench, programs(NOISY, 1.0))
    assert outcomes(result) == [Outcome.INCONCLUSIVE]
    assert bench.undecided == [("test_it", result.verdicts[0])]


def test_efficiency_is_gated_per_worker(make_bench: MakeBench, programs: Programs) -> None:
    result = measure(make_bench(marker={"min_efficiency": 0.7}), programs(3.0, 1.0))
    assert outcomes(result) == [Outcome.PASS]
    assert (result.verdicts[0].limit, result.efficiency) == (0.7, 0.75)
    assert result.verdicts[0].min_speedup == pytest.approx(2.8)


def test_verdict_is_the_one_the_gate_gives_for_the_recorded_rounds(make_bench: MakeBench, programs: Programs) -> None:
    result = measure(make_bench(marker={"min_speedup": 2.5}), programs([4.0, 4.0, 4.0, 2.0], 1.0))
    gate = Gate(min_speedup=2.5, horizon=MIN_HORIZON)
    expected = gate.decide(
        sequential_s=[each.sequential_s for each in result.rounds],
        parallel_s=[each.parallel_s for each in result.rounds],
    )
    assert (result.verdicts[0].outcome, result.verdicts[0].reason) == (expected.outcome, expected.reason)


def test_gate_failed_survives_pickling() -> None:
    verdict = VerdictRecord(
        gate="min_speedup", limit=3.5, min_speedup=3.5, origin="ini", outcome=Outcome.FAIL, rounds=12, reason="why"
    )
    copy = pickle.loads(pickle.dumps(GateFailed("it", verdict)))
    assert (str(copy), copy.name, copy.verdict) == ("it: FAIL min_speedup=3.5 (ini): why", "it", verdict)


# How many rounds ------------------------------------------------------------------------------------------------------


def test_measuring_ends_with_the_decision(make_bench: MakeBench, programs: Programs) -> None:
    calls: list[str] = []
    result = measure(make_bench(marker={"min_speedup": 3.5}), programs(0.04, 0.01, calls=calls))
    needed = rounds_needed(Gate(min_speedup=3.5), 4.0)
    assert result.verdicts[0].rounds == len(result.rounds) == needed < 60
    assert len(calls) == 2 * (2 + needed)


def test_measuring_ends_at_the_horizon_that_the_time_budget_allows(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench(marker={"min_speedup": 3}, settings=resolve({"time_budget": ["100"]}, {}, seed=1))
    result = measure(bench, programs(NOISY, 1.0))
    assert len(result.rounds) == result.verdicts[0].rounds == 25  # 100 s, and both warm-ups together took 4 + 1 + 2 + 1


def test_gates_share_the_rounds(make_bench: MakeBench, programs: Programs) -> None:
    calls: list[str] = []
    bench = make_bench(marker={"min_speedup": 3.5, "min_efficiency": 0.6})
    result = measure(bench, programs(0.04, 0.01, calls=calls))
    assert outcomes(result) == [Outcome.PASS, Outcome.PASS]
    assert len(calls) == 2 * (2 + rounds_needed(Gate(min_speedup=3.5), 4.0))


def test_rounds_without_a_gate_suffice_for_an_interval(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench()
    result = measure(bench, programs(0.04, 0.01))
    assert (result.verdicts, len(result.rounds)) == ([], 15)
    assert bench.results[0].record().speedup_low == 4.0


def test_rounds_without_a_gate_are_as_few_as_an_interval_takes_when_time_is_up(
    make_bench: MakeBench, programs: Programs
) -> None:
    bench = make_bench()
    result = measure(bench, programs(40.0, 10.0))
    assert len(result.rounds) == 7
    assert result.record().speedup_low == 4.0


def test_assertion_on_the_result_makes_no_more_rounds_when_there_are_enough(
    make_bench: MakeBench, programs: Programs
) -> None:
    result = measure(make_bench(marker={"min_speedup": 3.5}), programs(0.04, 0.01))
    before = result.rounds
    result.assert_speedup(3.0)
    result.assert_efficiency(0.5)
    assert result.rounds == before
    assert [verdict.origin for verdict in result.verdicts] == ["marker", "assert_speedup", "assert_efficiency"]


def test_assertion_on_the_result_makes_more_rounds_when_it_needs_them(
    make_bench: MakeBench, programs: Programs
) -> None:
    result = measure(make_bench(marker={"min_speedup": 1.5}), programs([0.04, 0.02], 0.01))
    before = result.rounds
    result.assert_speedup(3.0)
    assert outcomes(result) == [Outcome.PASS, Outcome.INCONCLUSIVE]
    assert result.rounds[: len(before)] == before
    assert len(result.rounds) == 60


def test_assertion_on_the_result_fails_the_test(make_bench: MakeBench, programs: Programs) -> None:
    result = measure(make_bench(), programs(4.0, 1.0))
    with pytest.raises(GateFailed, match=r"FAIL min_efficiency=1 \(assert_efficiency\)|FAIL min_speedup=5"):
        result.assert_speedup(5.0)
    assert outcomes(result) == [Outcome.FAIL]


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, math.inf])
def test_assertion_refuses_what_is_no_speedup(make_bench: MakeBench, programs: Programs, limit: float) -> None:
    result = measure(make_bench(), programs(4.0, 1.0))
    with pytest.raises(ValueError, match="min_speedup must be finite and above 0"):
        result.assert_speedup(limit)
    assert (result.verdicts, result.error) == ([], None)


def test_assertion_refuses_a_percentage(make_bench: MakeBench, programs: Programs) -> None:
    result = measure(make_bench(), programs(4.0, 1.0))
    with pytest.raises(ValueError, match=r"write 0\.85 for 85 %"):
        result.assert_efficiency(85)


# Set-up and tear-down -------------------------------------------------------------------------------------------------


def noted(events: list[object], advance: Callable[..., None]) -> dict[str, Any]:
    """Set-up and tear-down that note what they do, and take their time."""
    numbers = iter(range(1000))

    def set_up() -> dict[str, int]:
        advance(7.0)
        made = {"number": next(numbers)}
        events.append(made["number"])
        return made

    def tear_down(made: dict[str, int]) -> None:
        advance(7.0)
        events.append(-made["number"])

    return {"setup": set_up, "teardown": tear_down}


def test_programs_are_set_up_and_torn_down_around_every_run(
    make_bench: MakeBench, advance: Callable[..., None]
) -> None:
    events: list[object] = []
    arguments: list[object] = []

    def taking(seconds: float) -> Callable[[object], None]:
        def run(made: object) -> None:
            arguments.append(made)
            advance(seconds)

        return run

    bench = make_bench()
    result = bench(sequential=taking(4.0), parallel=taking(1.0), workers=4, **noted(events, advance))
    assert result.speedup == 4.0
    runs = 2 * (2 + len(result.rounds))
    assert events == [sign * number for number in range(runs) for sign in (1, -1)]
    assert arguments == [{"number": number} for number in range(runs)]


def test_contenders_are_set_up_and_torn_down(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    events: list[object] = []
    both = {"ours": lambda made: advance(1.0), "theirs": lambda made: advance(2.0)}
    found = make_bench().compare(both, baseline="theirs", **noted(events, advance))
    assert (found["ours"].speedup, len(events)) == (2.0, 4 * (2 + len(found["ours"].rounds)))


def test_scaled_programs_are_set_up_and_torn_down(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    events: list[object] = []
    scaling = make_bench().scale(lambda workers, made: advance(4.0 / workers), workers=[1, 2], **noted(events, advance))
    assert (scaling.results[2].speedup, len(events)) == (2.0, 4 * (2 + len(scaling.results[2].rounds)))


def test_operation_is_set_up_and_torn_down(
    make_bench: MakeBench, make_scenario: MakeScenario, advance: Callable[..., None]
) -> None:
    events: list[object] = []
    result = make_bench()(make_scenario(FOUR), **noted(events, advance))
    assert (result.speedup, len(events)) == (4.0, 4 * (2 + len(result.rounds)))


@pytest.mark.parametrize("step", ["setup", "teardown"])
def test_step_that_fails_is_an_error_that_names_it_and_no_verdict(make_bench: MakeBench, step: str) -> None:
    def fail(*_: object) -> None:
        raise LookupError("no data\nat all")

    bench = make_bench(marker={"min_speedup": 3.0})
    call: dict[str, Any] = {"sequential": lambda *_: None, "parallel": lambda *_: None, "workers": 4, step: fail}
    with pytest.raises(LookupError):
        bench(**call)
    assert bench.results[0].error in {
        f"LookupError: no data (in {step}= of the {arm} arm)" for arm in ("sequential", "parallel")
    }
    assert bench.results[0].verdicts == []


@pytest.mark.parametrize("step", ["setup", "teardown"])
def test_step_that_is_no_function_is_refused(make_bench: MakeBench, programs: Programs, step: str) -> None:
    with pytest.raises(TypeError, match=rf"{step}= takes a function, not \[1, 2\]"):
        measure(make_bench(), programs(4.0, 1.0), **{step: [1, 2]})


# Short programs and leftovers -----------------------------------------------------------------------------------------


def test_short_programs_are_timed_together_and_said_so(make_bench: MakeBench, programs: Programs) -> None:
    """The number is in the record; so is a note for people."""
    bench = make_bench(marker={"min_speedup": 3.0})
    result = measure(bench, programs(0.0004, 0.0001))
    record = result.record()
    assert outcomes(result) == [Outcome.PASS]
    assert record.batch == 13
    assert record.sequential_s == pytest.approx(0.0004)
    assert record.parallel_s == pytest.approx(0.0001)
    assert record.notes == (
        "each time is that of 13 runs in a row divided by their number: one alone is too short to time",
    )


def test_threads_that_an_arm_leaves_are_a_warning_and_no_verdict(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE_S", 0.0)
    over = threading.Event()
    both = programs(0.04, 0.01)

    def leaving() -> None:
        threading.Thread(target=over.wait, name="left").start()
        both["parallel"]()

    try:
        result = measure(make_bench(marker={"min_speedup": 3.0}), {**both, "parallel": leaving})
    finally:
        over.set()
    assert outcomes(result) == [Outcome.PASS]
    (warning,) = result.record().warnings
    runs = 2 + len(result.rounds)
    assert warning.startswith(f"the parallel arm leaves threads behind, {runs} after {runs} runs: left, left, left and")


def test_leftovers_are_looked_for_once_per_stretch_of_rounds(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for threads to go takes its time; a gate that needs no further rounds finds nothing new."""
    looks: list[object] = []

    def complain(_leftovers: Leftovers, arms: object) -> tuple[str, ...]:
        looks.append(arms)
        return ()

    monkeypatch.setattr(Leftovers, "complaints", complain)
    result = measure(make_bench(marker={"min_speedup": 1.5, "min_efficiency": 0.3}), programs([0.04, 0.02], 0.01))
    assert looks == [("sequential", "parallel")]
    result.assert_speedup(3.0)
    assert len(looks) == 2


# Which limits apply ---------------------------------------------------------------------------------------------------


def test_limit_on_the_command_line_replaces_that_of_the_marker(make_bench: MakeBench, programs: Programs) -> None:
    settings = resolve({"min_speedup": ["2"]}, {"min_speedup": ["9"]}, seed=1)
    result = measure(make_bench(marker={"min_speedup": 9.0}, settings=settings), programs(4.0, 1.0))
    assert [(verdict.limit, verdict.origin) for verdict in result.verdicts] == [(2.0, "command line")]


def test_scenario_is_judged_by_its_own_limit(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    result = make_bench()(make_scenario(FOUR, min_efficiency=0.85))
    assert [(each.gate, each.limit, each.origin) for each in result.verdicts] == [("min_efficiency", 0.85, "default")]
    assert outcomes(result) == [Outcome.PASS]


def test_scenarios_own_limit_gives_way_to_one_for_that_scenario(
    make_bench: MakeBench, make_scenario: MakeScenario
) -> None:
    settings = resolve({"min_speedup": ["replayed:2", "other:99"]}, {}, seed=1)
    result = make_bench(settings=settings)(make_scenario(FOUR, min_efficiency=0.85))
    assert [(each.gate, each.limit, each.origin) for each in result.verdicts] == [("min_speedup", 2.0, "command line")]


# Gates on structure ---------------------------------------------------------------------------------------------------

CHAIN = {"b": ["a"], "c": ["b"], "d": ["c"]}


def test_gate_on_structure_fails_before_anything_runs(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    """The graph tells, and no clock is asked."""
    calls: list[int] = []
    bench = make_bench(marker={"max_groups": 2})
    with pytest.raises(
        GateFailed, match=r"FAIL max_groups=2 \(marker\): number of groups 4 is above the limit 2: .*a → b"
    ):
        bench(make_scenario(FOUR, after=CHAIN, calls=calls))
    assert calls == []
    assert bench.results[0].verdicts[0].min_speedup is None


def test_gate_on_structure_that_passes_lets_the_measuring_begin(
    make_bench: MakeBench, make_scenario: MakeScenario
) -> None:
    """It says nothing about speed, and people want to see the numbers."""
    result = make_bench(marker={"min_parallelism": 4.0})(make_scenario(FOUR))
    assert [(each.gate, each.outcome, each.rounds) for each in result.verdicts] == [
        ("min_parallelism", Outcome.PASS, 0)
    ]
    assert result.speedup == 4.0


def test_scenario_keeps_its_own_limit_beside_a_gate_on_structure(
    make_bench: MakeBench, make_scenario: MakeScenario
) -> None:
    """Only another gate on speed replaces that."""
    settings = resolve({"min_peak_concurrency": ["4"]}, {}, seed=1)
    result = make_bench(settings=settings)(make_scenario(FOUR, min_efficiency=0.85))
    assert [(each.gate, each.origin) for each in result.verdicts] == [
        ("min_peak_concurrency", "command line"),
        ("min_efficiency", "default"),
    ]


@pytest.mark.parametrize("origin", ["command line", "ini"])
def test_gate_on_structure_for_the_whole_run_means_the_graphs_in_it(
    make_bench: MakeBench, programs: Programs, origin: str
) -> None:
    """Plain programs have none, and are no reason to give up the gate."""
    given = {"max_groups": ["1"]}
    settings = resolve(given, {}, seed=1) if origin == "command line" else resolve({}, given, seed=1)
    assert measure(make_bench(settings=settings), programs(0.04, 0.01)).verdicts == []


# Contenders -----------------------------------------------------------------------------------------------------------


def test_contenders_are_each_held_against_the_baseline(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    """In the same rounds, one run of each."""
    bench = make_bench(marker={"min_speedup": 1.5})
    calls: list[str] = []

    def taking(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            calls.append(name)
            advance(seconds)

        return run

    found = bench.compare(
        {"ours": taking("ours", 0.01), "theirs": taking("theirs", 0.04), "old": taking("old", 0.02)}, baseline="theirs"
    )
    assert {name: result.speedup for name, result in found.items()} == {"ours": 4.0, "old": 2.0}
    assert [(each.name, each.against, each.workers) for each in bench.results] == [
        ("test_it[ours]", "theirs", 1),
        ("test_it[old]", "theirs", 1),
    ]
    assert {name: outcomes(result) for name, result in found.items()} == {
        "ours": [Outcome.PASS],
        "old": [Outcome.PASS],
    }
    assert calls.count("ours") == calls.count("theirs") == calls.count("old") == len(found["ours"].record().rounds)


def test_contender_that_is_too_slow_fails_the_test(make_bench: MakeBench, programs: Programs) -> None:
    """The limit says how many times as fast as the baseline each has to be."""
    both = programs(0.04, 0.01)
    with pytest.raises(GateFailed, match=r"duel\[slow\]: FAIL min_speedup=1\.5 \(marker\): speedup 0\.25"):
        make_bench(marker={"min_speedup": 1.5}).compare(
            {"slow": both["sequential"], "fast": both["parallel"]}, baseline="fast", name="duel"
        )


def test_contenders_without_a_gate_are_measured(make_bench: MakeBench, programs: Programs) -> None:
    """A limit on the command line is on speedups over one worker, which this is not."""
    both = programs(0.04, 0.01)
    bench = make_bench(settings=resolve({"min_speedup": ["9"]}, {}, seed=1))
    found = bench.compare({"ours": both["parallel"], "theirs": both["sequential"]}, baseline="theirs")
    assert (found["ours"].verdicts, found["ours"].speedup, len(found["ours"].rounds)) == ([], 4.0, 15)


def test_contenders_that_disagree_are_an_error(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    """The fast one may be wrong."""

    def answer(value: int) -> Callable[[], int]:
        def run() -> int:
            advance(0.1)
            return value

        return run

    with pytest.raises(ResultsDiffer, match="theirs: 1, ours: 2"):
        make_bench().compare({"ours": answer(2), "theirs": answer(1)}, baseline="theirs")


@pytest.mark.parametrize(
    ("contenders", "message"),
    [({"a": int}, r"at least two contenders, got \['a'\]"), ({"a": int, "b": int}, "baseline='c' is none of the")],
)
def test_comparison_takes_two_and_one_of_them_as_the_baseline(
    make_bench: MakeBench, contenders: dict[str, Callable[[], Any]], message: str
) -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match=message):
        make_bench().compare(contenders, baseline="c")


# Against itself -------------------------------------------------------------------------------------------------------


def test_parallel_arm_against_itself_is_judged_at_the_truth(make_bench: MakeBench, programs: Programs) -> None:
    """A ratio of 1 is the value tested, so that FAIL would be a false alarm; no other gate applies."""
    calls: list[str] = []
    settings = resolve({"against_itself": ["1"]}, {}, seed=1)
    result = measure(make_bench(settings=settings, marker={"min_speedup": 9.0}), programs(0.04, 0.01, calls=calls))
    (said,) = result.verdicts
    assert (said.origin, said.outcome, result.speedup) == ("against itself", Outcome.PASS, 1.0)
    assert said.limit == pytest.approx(1 / 0.98)
    assert set(calls) == {"parallel"}


def test_scenario_against_itself_has_no_ceiling_to_be_above(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    """Also a graph that allows no speedup at all can be measured against itself."""
    settings = resolve({"against_itself": ["1"]}, {}, seed=1)
    result = make_bench(settings=settings)(make_scenario(FOUR, after=CHAIN))
    assert (outcomes(result), result.ceiling, result.speedup) == ([Outcome.PASS], None, 1.0)


# The graph's ceiling --------------------------------------------------------------------------------------------------


def test_limit_above_the_ceiling_fails_before_anything_runs(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    calls: list[int] = []
    scenario = make_scenario(FOUR, after={"d": ["c"]}, calls=calls)
    bench = make_bench(marker={"min_speedup": 3.0})
    with pytest.raises(
        GateFailed, match=r"the limit 3\.00 is above 2\.00, the most this graph allows on 4 workers: .*c → d"
    ):
        bench(scenario)
    assert calls == []
    assert (bench.results[0].rounds, bench.results[0].record().ceiling) == ((), 2.0)


def test_limit_above_the_shape_of_an_operation_fails_before_anything_runs(make_bench: MakeBench) -> None:
    calls: list[str] = []

    def note(context: object) -> None:
        calls.append("called")

    chain = Operation("chain", [module(id="a")(note), module(id="b", depends_on=["a"])(note)])
    with pytest.raises(GateFailed, match="no more than 1 of its 2 modules can ever run at once"):
        make_bench(marker={"min_speedup": 1.5})(chain, workers=4)
    assert calls == []


def test_speedup_is_not_a_number_before_anything_ran(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    bench = make_bench(marker={"min_speedup": 5.0})
    with pytest.raises(GateFailed):
        bench(make_scenario(FOUR))
    (result,) = bench.results
    assert math.isnan(result.speedup)
    assert repr(result) == "<BenchResult replayed: speedup nan on 4 workers>"
    assert (result.record().speedup, result.record().sequential_s) == (None, None)


def test_limit_near_the_ceiling_is_judged_and_said_so(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    with pytest.raises(GateFailed, match=r"proven below .*; the limit is 98% of the graph's ceiling 4\.00"):
        make_bench(marker={"min_speedup": 3.9})(make_scenario(FOUR, overhead_s=0.5))


def test_ceiling_is_known_for_graphs_only(
    make_bench: MakeBench, make_scenario: MakeScenario, programs: Programs
) -> None:
    assert make_bench()(make_scenario(FOUR, workers=3)).ceiling == 3.0
    assert measure(make_bench(), programs(4.0, 1.0)).ceiling is None


# The machine ----------------------------------------------------------------------------------------------------------


def test_tracer_makes_gates_inconclusive_and_the_numbers_are_measured_all_the_same(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "active_tracer", lambda: "tracer of coverage")
    result = measure(make_bench(marker={"min_speedup": 3.0, "min_efficiency": 0.5}), programs(0.04, 0.01))
    assert outcomes(result) == [Outcome.INCONCLUSIVE] * 2
    assert (len(result.rounds), result.speedup) == (15, 4.0)
    assert result.verdicts[0].reason.startswith("a tracer of coverage is active")


def test_cpu_bound_program_that_has_too_few_cpus_does_not_fail(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})
    monkeypatch.setattr(machine, "usable_cpus", lambda: 2.0)
    result = measure(bench, programs(2.0, 1.0, cpu_share=1.0))
    assert outcomes(result) == [Outcome.INCONCLUSIVE]
    assert "2 usable CPUs for 4 workers" in result.verdicts[0].reason


def test_cpu_bound_program_passes_although_it_has_too_few_cpus(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(marker={"min_speedup": 1.5})
    monkeypatch.setattr(machine, "usable_cpus", lambda: 2.0)
    assert outcomes(measure(bench, programs(2.0, 1.0, cpu_share=1.0))) == [Outcome.PASS]


def test_waiting_program_fails_although_there_are_fewer_cpus_than_workers(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})
    monkeypatch.setattr(machine, "usable_cpus", lambda: 2.0)
    with pytest.raises(GateFailed):
        measure(bench, programs(2.0, 1.0))


def test_load_is_told_when_nothing_could_be_decided(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(marker={"min_speedup": 3.0})
    monkeypatch.setattr(machine, "load_average", lambda: 7.5)
    assert measure(bench, programs(NOISY, 1.0)).verdicts[0].reason.endswith("; load average 7.5")


# Streaks --------------------------------------------------------------------------------------------------------------


def test_gate_fails_that_was_inconclusive_in_too_many_runs_in_a_row(make_bench: MakeBench, programs: Programs) -> None:
    streaks = Streaks({})
    settings = resolve({"max_inconclusive": ["2"]}, {}, seed=1)

    def run(streaks: Streaks) -> BenchResult:
        bench = make_bench(marker={"min_speedup": 3.0}, streaks=streaks, settings=settings)
        return measure(bench, programs(NOISY, 1.0))

    assert outcomes(run(streaks)) == [Outcome.INCONCLUSIVE]
    with pytest.raises(GateFailed, match="INCONCLUSIVE in 2 runs in a row"):
        run(Streaks(streaks.counts))


def test_two_gates_of_a_kind_are_two_gates_and_not_two_runs(make_bench: MakeBench, programs: Programs) -> None:
    settings = resolve({"max_inconclusive": ["2"]}, {}, seed=1)
    bench = make_bench(marker={"min_speedup": 3.0}, settings=settings)
    result = measure(bench, programs(NOISY, 1.0))
    result.assert_speedup(3.0)
    assert outcomes(result) == [Outcome.INCONCLUSIVE] * 2


def test_streaks_are_counted_per_test_and_measurement(make_bench: MakeBench, programs: Programs) -> None:
    streaks = Streaks({})
    for test in ("a.py::test_a", "b.py::test_b"):
        bench = make_bench(marker={"min_speedup": 3.0}, streaks=streaks, test=test)
        measure(bench, programs(NOISY, 1.0))
        measure(bench, programs(NOISY, 1.0))
    assert list(streaks.counts) == [
        "a.py::test_a test_a min_speedup",
        "a.py::test_a test_a#2 min_speedup",
        "b.py::test_b test_b min_speedup",
        "b.py::test_b test_b#2 min_speedup",
    ]


# Names and seeds ------------------------------------------------------------------------------------------------------


def test_programs_are_called_like_the_test_and_then_numbered(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench()
    for _ in range(3):
        measure(bench, programs(0.04, 0.01))
    assert [result.name for result in bench.results] == ["test_it", "test_it#2", "test_it#3"]


def test_operation_is_called_like_the_test(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    assert make_bench()(make_scenario(FOUR).operation, workers=2).name == "test_it"


def test_given_name_is_used_and_numbered_when_it_is_taken(make_bench: MakeBench, programs: Programs) -> None:
    bench = make_bench()
    for _ in range(2):
        measure(bench, programs(0.04, 0.01), name="pool")
    assert [result.name for result in bench.results] == ["pool", "pool#2"]


def orders(bench: CortexBench, both: dict[str, Any]) -> list[list[RoundRecord]]:
    for _ in range(2):
        measure(bench, both)
    return [list(result.rounds) for result in bench.results]


def test_order_of_the_rounds_depends_on_seed_test_and_call_and_on_nothing_else(
    make_bench: MakeBench, programs: Programs
) -> None:
    both = programs(0.04, 0.01)
    first, second = orders(make_bench(), both)
    assert orders(make_bench(), both) == [first, second]
    assert first != second
    assert orders(make_bench(settings=resolve({"seed": ["2"]}, {}, seed=1)), both)[0] != first
    assert orders(make_bench(test="other.py::test_it"), both)[0] != first


# Calls that make no sense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positional", "keywords"),
    [
        ((), {}),
        ((), {"sequential": int}),
        ((), {"parallel": int}),
        ((Operation("any", []),), {"sequential": int}),
        ((Operation("any", []),), {"sequential": int, "parallel": int}),
    ],
)
def test_call_takes_either_a_graph_or_two_programs(
    make_bench: MakeBench, positional: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    call: Callable[..., BenchResult] = make_bench()
    with pytest.raises(TypeError, match=r"takes either an operation or scenario, .* or two programs"):
        call(*positional, workers=4, **keywords)


def test_function_in_place_of_an_operation_is_refused_with_the_way_to_do_it(make_bench: MakeBench) -> None:
    call: Callable[..., BenchResult] = make_bench()
    with pytest.raises(TypeError, match=r"measures an Operation or a scenario, not .*; programs go by keyword"):
        call(print, workers=4)


@pytest.mark.parametrize("limit_s", [0, -1.0, math.nan])
def test_time_limit_is_a_time(make_bench: MakeBench, programs: Programs, limit_s: float) -> None:
    with pytest.raises(ValueError, match="time_limit_s must be a number of seconds above 0, not"):
        measure(make_bench(), programs(4.0, 1.0), time_limit_s=limit_s)


def test_marker_of_a_test_that_measures_nothing_guards_nothing(make_bench: MakeBench, programs: Programs) -> None:
    idle, busy = make_bench(marker={"min_speedup": 3.0}), make_bench(marker={"min_speedup": 3.0})
    measure(busy, programs(4.0, 1.0))
    assert (idle.idle_gates, busy.idle_gates) == (("min_speedup",), ())


# Errors ---------------------------------------------------------------------------------------------------------------


def test_error_of_an_arm_is_noted_with_its_first_line(make_bench: MakeBench, programs: Programs) -> None:
    def fail() -> None:
        raise LookupError("no data\nat all")

    bench = make_bench(marker={"min_speedup": 3.0})
    with pytest.raises(LookupError):
        bench(sequential=fail, parallel=fail, workers=4)
    assert bench.results[0].error == "LookupError: no data"
    assert bench.results[0].verdicts == []


def test_error_without_a_gate_is_noted_too(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    answers = iter(range(100))

    def answer() -> int:
        advance(0.1)
        return next(answers)

    bench = make_bench()
    with pytest.raises(ResultsDiffer):
        bench(sequential=answer, parallel=answer, workers=4)
    assert bench.results[0].error is not None
    assert bench.results[0].error.startswith("ResultsDiffer: the arms returned different results")


def test_failing_operation_is_noted_with_its_first_error(make_bench: MakeBench) -> None:
    def fail(context: object) -> None:
        raise LookupError("no data")

    bench = make_bench()
    with pytest.raises(ExceptionGroup):
        bench(Operation("any", [module(id="fail")(fail)]), workers=2)
    assert bench.results[0].error is not None
    assert bench.results[0].error.startswith("OperationFailed: ")
    assert bench.results[0].error.endswith(": LookupError: no data")


def test_error_in_a_warm_up_is_recorded_without_running_anything_again(
    make_bench: MakeBench, programs: Programs
) -> None:
    """The first warm-up has been made, and how many rounds there would have been is not known."""
    calls: list[str] = []
    both = programs(0.04, 0.01, calls=calls)
    runs_left = iter(range(1))

    def tiring() -> None:
        if next(runs_left, None) is None:
            raise LookupError("exhausted")
        both["parallel"]()

    bench = make_bench()
    with pytest.raises(LookupError):
        bench(sequential=both["sequential"], parallel=tiring, workers=4)
    before = len(calls)
    record = bench.results[0].record()
    assert (record.error, record.horizon, len(record.rounds)) == ("LookupError: exhausted", 0, 1)
    assert len(calls) == before


def test_error_in_a_later_round_is_noted_too(make_bench: MakeBench, programs: Programs) -> None:
    both = programs([0.04, 0.02], 0.01)
    runs_left = iter(range(20))

    def tiring() -> None:
        if next(runs_left, None) is None:
            raise LookupError("exhausted")
        both["parallel"]()

    result = make_bench(marker={"min_speedup": 1.0})(sequential=both["sequential"], parallel=tiring, workers=4)
    with pytest.raises(LookupError):
        result.assert_speedup(3.0)
    assert result.error == "LookupError: exhausted"


def test_interrupted_measurement_keeps_its_rounds(make_bench: MakeBench, programs: Programs) -> None:
    both = programs(0.04, 0.01)
    runs_left = iter(range(5))

    def interrupted() -> None:
        if next(runs_left, None) is None:
            raise KeyboardInterrupt
        both["parallel"]()

    bench = make_bench()
    with pytest.raises(KeyboardInterrupt):
        bench(sequential=both["sequential"], parallel=interrupted, workers=4)
    assert (bench.results[0].error, len(bench.results[0].rounds)) == ("interrupted", 3)


# Deadlocks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_PUSH_EVERY_S", 0.05)
    monkeypatch.setattr(watchdog, "_guard_exit", lambda: None)


def wait_for_ever(context: object = None) -> None:
    threading.Event().wait()


async def wait_for_ever_in_a_loop() -> None:
    await asyncio.Event().wait()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("stuck", [wait_for_ever, wait_for_ever_in_a_loop])
def test_stuck_program_is_stopped_and_noted(make_bench: MakeBench, stuck: Callable[[], Any]) -> None:
    bench = make_bench()
    with pytest.raises(ArmTimeout):
        bench(sequential=stuck, parallel=stuck, workers=4, time_limit_s=0.02)
    assert bench.results[0].error is not None
    assert bench.results[0].error.startswith(("ArmTimeout: the sequential arm was", "ArmTimeout: the parallel arm was"))


@pytest.mark.usefixtures("impatient")
def test_time_limit_is_the_one_of_the_settings_when_the_call_gives_none(make_bench: MakeBench) -> None:
    bench = make_bench(settings=resolve({"time_limit": ["0.02"]}, {}, seed=1))
    with pytest.raises(ArmTimeout, match=r"stopped after 0\.02 s"):
        bench(sequential=wait_for_ever, parallel=wait_for_ever, workers=4)


@pytest.mark.usefixtures("impatient")
def test_stuck_operation_is_stopped_and_shown(make_bench: MakeBench) -> None:
    operation = Operation("any", [module(id="stuck")(wait_for_ever)])
    with pytest.raises(ArmTimeout, match="in wait_for_ever"):
        make_bench()(operation, workers=2, time_limit_s=0.05)


@pytest.mark.usefixtures("impatient")
def test_pool_whose_tasks_wait_for_each_other_is_stopped(make_bench: MakeBench, advance: Callable[..., None]) -> None:
    meeting = threading.Barrier(3)

    def parallel() -> None:
        with ThreadPoolExecutor(2) as pool:  # so that only two of three can come
            for task in [pool.submit(meeting.wait) for _ in range(3)]:
                task.result()

    try:
        with pytest.raises(ArmTimeout, match="in parallel"):
            make_bench()(sequential=lambda: advance(1.0), parallel=parallel, workers=2, time_limit_s=0.1)
    finally:
        meeting.abort()


# The record -----------------------------------------------------------------------------------------------------------


def test_record_of_a_scenario_tells_all_of_it(make_bench: MakeBench, make_scenario: MakeScenario) -> None:
    scenario = make_scenario({"a": 2.0, "b": 1.0, "c": 1.0}, after={"b": ["a"]}, workers=2)
    result = make_bench(marker={"min_speedup": 1.2})(scenario)
    record = result.record()
    assert (record.test, record.name, record.scenario) == ("test_it.py::test_it", "replayed", "replayed")
    assert (record.workers, record.modules, record.critical_path) == (2, 3, ("a", "b"))
    assert record.speedup == record.ceiling == pytest.approx(4 / 3)
    assert (record.sequential_s, record.parallel_s) == (4.0, 3.0)
    assert (record.cpu_bound, record.notes) == (False, ("a note",))
    assert (record.verdicts, record.error, record.attempts) == (tuple(result.verdicts), None, 1)
    assert [each.warmup for each in record.rounds] == [True, True] + [False] * len(result.rounds)


def test_record_of_programs_has_no_graph(make_bench: MakeBench, programs: Programs) -> None:
    record = measure(make_bench(), programs(4.0, 1.0, cpu_share=1.0)).record()
    assert (record.scenario, record.modules, record.ceiling, record.critical_path) == (None, None, None, ())
    assert (record.cpu_bound, record.notes) == (True, ())
