"""One result: gates of every kind on the same rounds, what they are compared with, and why they fell short."""

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sample_records import verdict

from pytest_cortex.baselines.comparison import Comparison, entry_of
from pytest_cortex.baselines.store import BaselineStore
from pytest_cortex.bench import fixture as bench_module
from pytest_cortex.bench import result as result_module
from pytest_cortex.bench.diagnosis import Diagnosis
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import BenchResult, GateFailed
from pytest_cortex.bench.subject import Subject
from pytest_cortex.judging.conditions import Ceiling
from pytest_cortex.judging.evidence import forgiving_horizon
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.measuring.rounds import Rounds
from pytest_cortex.record import MeasurementRecord, StepRecord, VerdictRecord
from pytest_cortex.settings.settings import Limit, resolve

Programs = Callable[..., dict[str, Callable[[], Any]]]
MakeBench = Callable[..., CortexBench]

NOISY = [0.04, 0.02]  # seconds of the sequential arm beside 0.01 s of the parallel one: no gate at 3 decides
HORIZON = 60
FACTS = {
    "cpu_model": "Fast 9000",
    "usable_cpus": 4.0,
    "system": "Linux",
    "machine": "x86_64",
    "implementation": "CPython",
    "python": "3.11.9",
    "gil": True,
}


def measure(bench: CortexBench, both: dict[str, Callable[[], Any]], **keywords: Any) -> BenchResult:
    return bench(sequential=both["sequential"], parallel=both["parallel"], workers=4, **keywords)


def only(result: BenchResult) -> VerdictRecord:
    (said,) = result.verdicts
    return said


@pytest.fixture(autouse=True)
def explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Explains every shortfall by the same lock, and notes whose; looking at threads is tested elsewhere."""
    asked: list[str] = []

    def diagnose(subject: Subject, _rounds: object) -> Diagnosis:
        asked.append(subject.name)
        steps = tuple(StepRecord(name=name, speedup=1.01, because="") for name in ("contention", "unexplained"))
        return Diagnosis(steps=steps, causes=("a lock at pool.py:7",))

    monkeypatch.setattr(result_module, "diagnosis_of_programs", diagnose)
    return asked


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes every subject one whose modules' own times allow this speedup, in a hundred runs."""

    def set_to(speedup: float) -> None:
        monkeypatch.setattr(Subject, "modelled", property(lambda _self: (speedup,) * 100))

    return set_to


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baselines", FACTS)


@pytest.fixture
def saved(make_bench: MakeBench, programs: Programs, store: BaselineStore) -> Callable[..., Comparison]:
    """Saves a baseline in which the parallel program took *parallel_s* and the sequential one 0.04 s."""

    def save(parallel_s: float = 0.01, **changed: Any) -> Comparison:
        record = measure(make_bench(settings=resolve({"save": ["main"]}, {}, seed=1)), programs(0.04, parallel_s))
        entry = entry_of(record.record())
        assert entry is not None
        store.save("main", [replace(entry, **changed)], created_at="2026-01-01T00:00:00+00:00")
        return Comparison(name="main", store=store)

    return save


# What a failed gate says ----------------------------------------------------------------------------------------------


def test_failed_gate_says_why_below() -> None:
    """The verdict first, on one line, then a line per cause."""
    error = GateFailed("it", verdict(Outcome.FAIL), ("a lock", "start-up"))
    assert str(error) == "it: FAIL min_speedup=3.4 (marker): because\n  why: a lock\n  why: start-up"


def test_failed_gate_keeps_its_causes_when_it_is_pickled() -> None:
    """It crosses processes under pytest-xdist."""
    copy = pickle.loads(pickle.dumps(GateFailed("it", verdict(Outcome.FAIL), ("a lock",))))
    assert (copy.name, copy.verdict, copy.causes) == ("it", verdict(Outcome.FAIL), ("a lock",))


# Which rounds count ---------------------------------------------------------------------------------------------------


def alternating(*said: str | None) -> Callable[[], Callable[[float], str | None]]:
    """A watch that says this of the runs in turn, again and again."""
    made: list[None] = []

    def watch() -> Callable[[float], str | None]:
        made.append(None)
        return lambda _seconds: said[(len(made) - 1) % len(said)]

    return watch


def test_spoilt_rounds_are_kept_and_do_not_count(make_bench: MakeBench, programs: Programs) -> None:
    """Two runs make a round, so that of four runs one disturbed spoils every second round."""
    watch = alternating(None, None, None, "steal 9 %")
    result = measure(make_bench(marker={"min_speedup": 3.0}, watch=watch), programs(0.04, 0.01))
    record = result.record()
    assert [each.spoilt for each in record.rounds[:4]] == [None, "steal 9 %"] * 2
    assert len(result.rounds) == only(result).rounds == sum(each.counts for each in record.rounds)
    assert only(result).outcome is Outcome.PASS


def test_gate_is_inconclusive_where_every_round_was_spoilt(make_bench: MakeBench, programs: Programs) -> None:
    """Nothing is known then, and what disturbed the rounds is said."""
    bench = make_bench(marker={"min_speedup": 3.0}, watch=alternating("steal 9 %"))
    result = measure(bench, programs(0.01, 0.01))
    assert only(result).outcome is Outcome.INCONCLUSIVE
    assert "rounds were disturbed from outside and did not count, e.g. steal 9 %" in only(result).reason
    assert (result.rounds, result.record().speedup, result.causes) == ((), None, ())


@pytest.mark.parametrize(("drift", "spaced"), [(0.2, True), (0.0, False)])
def test_rounds_are_set_apart_once_they_drift_towards_the_limit(
    make_bench: MakeBench, programs: Programs, monkeypatch: pytest.MonkeyPatch, drift: float, *, spaced: bool
) -> None:
    """Signs alone would have decided by then, but rounds that drift are not independent."""
    slept: list[float] = []
    monkeypatch.setattr(bench_module, "Rounds", partial(Rounds, sleep=slept.append))
    times = [0.03 * math.exp(drift * (1 - number / 20)) for number in range(62)]
    measure(make_bench(marker={"min_speedup": 3.0}), programs(times, 0.01))
    assert bool(slept) is spaced


def test_all_rounds_are_made_on_demand_and_the_verdict_stays(make_bench: MakeBench, programs: Programs) -> None:
    """The verdict is that of the round at which the decision fell."""
    both = programs(0.04, 0.01)
    early = measure(make_bench(marker={"min_speedup": 3.0}), both)
    late = measure(make_bench(marker={"min_speedup": 3.0}, settings=resolve({"rounds_all": ["1"]}, {}, seed=1)), both)
    assert len(early.rounds) < len(late.rounds) == HORIZON
    assert only(early).outcome is only(late).outcome is Outcome.PASS


def test_all_rounds_are_made_without_a_gate_too(make_bench: MakeBench, programs: Programs) -> None:
    """What is saved as a baseline has as many rounds as there are to have."""
    result = measure(make_bench(settings=resolve({"save": ["main"]}, {}, seed=1)), programs(0.04, 0.01))
    assert (len(result.rounds), result.record().horizon) == (HORIZON, HORIZON)


def test_record_without_rounds_has_no_horizon(make_bench: MakeBench, programs: Programs) -> None:
    """It is fixed by what the warm-ups took, and a program that breaks in the first has none."""

    def fail() -> None:
        raise LookupError

    bench = make_bench()
    with pytest.raises(LookupError):
        bench(sequential=fail, parallel=fail, workers=4)
    assert bench.results[0].record().horizon == 0


# Gates of other kinds -------------------------------------------------------------------------------------------------


def test_gate_on_structure_is_refused_for_programs(make_bench: MakeBench, programs: Programs) -> None:
    """They have no graph that it could be asked of."""
    with pytest.raises(TypeError, match=r"max_groups \(marker\) is a gate on a graph of modules, and 'test_it' has"):
        measure(make_bench(marker={"max_groups": 2}), programs(0.04, 0.01))


def test_gate_of_another_kind_is_judged_by_its_speedup_and_shown_as_itself(
    make_bench: MakeBench, programs: Programs
) -> None:
    """A serial fraction of 0.2 on 4 workers is a speedup of 2.5."""
    result = measure(make_bench(), programs(0.04, 0.01))
    result.judge_as_speedup(Limit(gate="max_serial_fraction", value=0.2, origin="somebody"), 2.5)
    assert (only(result).gate, only(result).limit, only(result).min_speedup) == ("max_serial_fraction", 0.2, 2.5)
    assert only(result).outcome is Outcome.PASS
    with pytest.raises(GateFailed, match=r"FAIL max_serial_fraction=0 \(somebody\): .* 4\.90 \(5\.00 less 2 %\)"):
        result.judge_as_speedup(Limit(gate="max_serial_fraction", value=0.0, origin="somebody"), 5.0)


# The model ------------------------------------------------------------------------------------------------------------


def test_model_fails_what_the_rounds_leave_open(
    make_bench: MakeBench, programs: Programs, modelled: Callable[[float], None]
) -> None:
    """Where even the modules' own times do not allow the limit, noise is no excuse."""
    modelled(2.0)
    with pytest.raises(GateFailed, match="even the model, which knows no locks and no overhead, falls short"):
        measure(make_bench(marker={"min_speedup": 3.0}), programs(NOISY, 0.01))


def test_model_never_passes_anything(
    make_bench: MakeBench, programs: Programs, modelled: Callable[[float], None]
) -> None:
    """It is blind to locks, so that a high value proves nothing."""
    modelled(4.0)
    result = measure(make_bench(marker={"min_speedup": 3.0}), programs(NOISY, 0.01))
    assert only(result).outcome is Outcome.INCONCLUSIVE


def test_model_does_not_overrule_the_rounds(
    make_bench: MakeBench, programs: Programs, modelled: Callable[[float], None]
) -> None:
    """What was measured was measured."""
    modelled(2.0)
    assert only(measure(make_bench(marker={"min_speedup": 3.0}), programs(0.04, 0.01))).outcome is Outcome.PASS


# Against a baseline ---------------------------------------------------------------------------------------------------


def test_same_speed_as_in_the_baseline_passes(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """The limit is the speedup that the baseline proves; with steady times, its median."""
    result = measure(make_bench(baselines=saved()), programs(0.04, 0.01))
    assert (only(result).gate, only(result).origin, only(result).outcome) == ("baseline", "baseline main", Outcome.PASS)
    assert only(result).limit == only(result).min_speedup == 4.0
    assert result.record().warnings == ()


def test_slower_than_the_baseline_fails_and_names_it(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """No limit was written anywhere: the baseline is the limit."""
    with pytest.raises(
        GateFailed, match=r"FAIL baseline=4 \(baseline main\): speedup 2\.00 .* is proven below"
    ) as caught:
        measure(make_bench(baselines=saved()), programs(0.04, 0.02))
    assert caught.value.causes == ("a lock at pool.py:7",)


def test_what_has_changed_since_the_baseline_comes_first_among_the_causes(
    make_bench: MakeBench,
    programs: Programs,
    saved: Callable[..., Comparison],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lower ceiling explains more than whatever the threads were seen at."""
    baseline = saved(ceiling=4.0)
    monkeypatch.setattr(Subject, "ceiling", property(lambda _self: Ceiling(speedup=2.0, because="a chain")))
    with pytest.raises(GateFailed) as caught:
        measure(make_bench(baselines=baseline), programs(0.04, 0.02))
    assert caught.value.causes == (
        "the most speedup that the graph allows went down from 4.00 to 2.00",
        "a lock at pool.py:7",
    )


def test_much_faster_than_the_baseline_passes_with_a_warning(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """A limit that is far below what the program does now guards little."""
    record = measure(make_bench(baselines=saved(0.02)), programs(0.04, 0.01)).record()
    assert record.outcome is Outcome.PASS
    (warning,) = record.warnings
    assert warning.startswith("speedup 4.00 is proven more than 10 % above the 2.00 of baseline 'main'")


def test_gate_is_inconclusive_without_a_baseline_and_the_numbers_are_measured_all_the_same(
    make_bench: MakeBench, programs: Programs, store: BaselineStore
) -> None:
    """The very run that saves the first baseline has none."""
    result = measure(make_bench(baselines=Comparison(name="main", store=store)), programs(0.04, 0.01))
    assert (only(result).outcome, only(result).limit, only(result).min_speedup) == (Outcome.INCONCLUSIVE, None, None)
    assert only(result).reason.startswith("no baseline 'main' was saved on a machine like this one")
    assert (result.speedup, len(result.rounds)) == (4.0, 15)


def test_gate_is_inconclusive_where_the_baseline_has_too_few_rounds(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """An interrupted run may have saved them; they prove nothing."""
    result = measure(make_bench(baselines=saved(ratios=(4.0, 4.0))), programs(0.04, 0.01))
    assert (only(result).outcome, only(result).limit) == (Outcome.INCONCLUSIVE, None)
    assert only(result).reason.startswith("the baseline was saved from only 2 rounds")
    assert result.speedup == 4.0


def test_nothing_is_said_to_have_changed_where_every_round_was_spoilt(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """Without a number of now, there is nothing to hold against the one of then."""
    bench = make_bench(baselines=saved(0.02), watch=alternating("steal 9 %"))
    result = measure(bench, programs(0.04, 0.01))
    assert only(result).outcome is Outcome.INCONCLUSIVE
    assert (result.causes, result.record().warnings) == ((), ())


def test_baseline_is_judged_beside_the_gates_of_the_test(
    make_bench: MakeBench, programs: Programs, saved: Callable[..., Comparison]
) -> None:
    """A limit that is met is no licence to become slower."""
    bench = make_bench(marker={"min_speedup": 1.5}, baselines=saved())
    with pytest.raises(GateFailed, match="baseline main"):
        measure(bench, programs(0.04, 0.02))
    assert [(each.gate, each.outcome) for each in bench.results[0].verdicts] == [
        ("min_speedup", Outcome.PASS),
        ("baseline", Outcome.FAIL),
    ]


def test_model_is_held_against_the_baselines_model(
    make_bench: MakeBench,
    programs: Programs,
    saved: Callable[..., Comparison],
    modelled: Callable[[float], None],
) -> None:
    """Measured rounds leave it open, and so does the model against their limit; against its own, it has fallen."""
    baseline = saved(0.04 / 3, modelled_ratios=(4.0,) * HORIZON)
    modelled(3.5)
    with pytest.raises(GateFailed, match=r"even the model, .* below 3\.92 \(4\.00 less 2 %\)"):
        measure(make_bench(baselines=baseline), programs(NOISY, 0.01))


@pytest.mark.parametrize("ratios", [(), (3.5,) * HORIZON], ids=["unknown", "the same"])
def test_model_says_nothing_where_the_baseline_has_none_or_the_same(
    make_bench: MakeBench,
    programs: Programs,
    saved: Callable[..., Comparison],
    modelled: Callable[[float], None],
    ratios: tuple[float, ...],
) -> None:
    """Baselines of plain programs have no model."""
    baseline = saved(0.04 / 3, modelled_ratios=ratios)
    modelled(3.5)
    assert only(measure(make_bench(baselines=baseline), programs(NOISY, 0.01))).outcome is Outcome.INCONCLUSIVE


# Why it is no faster --------------------------------------------------------------------------------------------------


def recorded(bench: CortexBench) -> MeasurementRecord:
    (result,) = bench.results
    return result.record()


def test_program_that_falls_short_is_looked_at_once(
    make_bench: MakeBench, programs: Programs, explained: list[str]
) -> None:
    """Every look is another run of both arms."""
    bench = make_bench()
    result = measure(bench, programs(0.01, 0.01))
    for limit in (3.0, 2.0):
        with pytest.raises(GateFailed, match="\n  why: a lock at"):
            result.assert_speedup(limit)
    assert explained == ["test_it"]
    assert recorded(bench).causes == ("a lock at pool.py:7",)


def test_steps_end_at_the_speedup_that_is_reported(make_bench: MakeBench, programs: Programs) -> None:
    """The explanation is of medians of times, and may be older than the last rounds."""
    bench = make_bench()
    result = measure(bench, programs(0.01, 0.01))
    with pytest.raises(GateFailed):
        result.assert_speedup(3.0)
    record = recorded(bench)
    assert [step.speedup for step in record.steps] == [1.01, record.speedup]
    assert record.speedup == 1.0


def test_program_that_passes_is_not_looked_at(make_bench: MakeBench, programs: Programs, explained: list[str]) -> None:
    """Nobody pays for an explanation that nobody asked for."""
    result = measure(make_bench(marker={"min_speedup": 3.0}), programs(0.04, 0.01))
    assert (explained, result.causes) == ([], ())


@pytest.mark.parametrize(("limit", "looks"), [(3.2, ["test_it"]), (2.5, [])])
def test_undecided_program_is_looked_at_only_if_its_speedup_is_below_the_limit(
    make_bench: MakeBench, programs: Programs, explained: list[str], limit: float, looks: list[str]
) -> None:
    """What is fast enough by its median misses nothing that could be explained."""
    result = measure(make_bench(marker={"min_speedup": limit}), programs(NOISY, 0.01))
    assert only(result).outcome is Outcome.INCONCLUSIVE
    assert explained == looks


def test_contender_is_not_looked_at(make_bench: MakeBench, programs: Programs, explained: list[str]) -> None:
    """There is no sequential twin that the causes are made for."""
    both = programs(0.01, 0.02)
    bench = make_bench(marker={"min_speedup": 3.0})
    with pytest.raises(GateFailed):
        bench.compare({"ours": both["parallel"], "theirs": both["sequential"]}, baseline="theirs")
    assert explained == []


# The budget ----------------------------------------------------------------------------------------------------------


def test_fewest_rounds_that_a_verdict_needs_are_made_however_slow_the_program(
    make_bench: MakeBench, programs: Programs
) -> None:
    """The time budget gives way, since a gate that cannot decide guards nothing."""
    result = measure(make_bench(marker={"min_speedup": 3.0}), programs(40.0, 10.0))
    assert only(result).outcome is Outcome.PASS
    assert len(result.rounds) <= forgiving_horizon(0.001) == result.record().horizon
