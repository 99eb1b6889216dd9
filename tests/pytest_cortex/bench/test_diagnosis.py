"""Why a speedup is no higher: of an operation from its runs, of programs from one further run that is watched."""

from collections.abc import Callable
from typing import Any

import pytest
from sick_programs import nap_under_lock, pooled

from orchestrator import Operation, module
from pytest_cortex.bench import diagnosis as diagnosis_module
from pytest_cortex.bench.diagnosis import Diagnosis, diagnosis_of_graph, diagnosis_of_programs
from pytest_cortex.bench.subject import Around, Subject, subject_of_graph
from pytest_cortex.explaining.causes import Facts
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.arms import Arms
from pytest_cortex.measuring.rounds import Budget, PairedRounds, Rounds
from pytest_cortex.record import Arm

Programs = Callable[..., dict[str, Callable[[], Any]]]

IDS = ("a", "b", "c", "d")


def operation_of_four() -> Subject:
    """Four independent modules on two workers."""
    operation = Operation("four", [module(id=name)(lambda context: None) for name in IDS])
    return subject_of_graph(
        operation,
        "four",
        workers=2,
        profile="standard",
        context={},
        around=Around(equal=lambda one, other: True, limit_s=60.0),
    )


def trace(workers: int, *, clean_up_s: float = 0.0) -> RunTrace:
    """A run of four modules of 1 s each that were shared out evenly."""
    modules = {
        name: ModuleTrace(started_s=float(place // workers), duration_s=1.0, worker=place % workers, cpu_s=0.0)
        for place, name in enumerate(IDS)
    }
    return RunTrace(workers=workers, seconds=4 / workers + clean_up_s, modules=modules)


def traced(subject: Subject, *, clean_up_s: float = 0.0) -> Subject:
    assert subject.runs is not None
    subject.runs.traces[Arm.SEQUENTIAL].append(trace(1))
    subject.runs.traces[Arm.PARALLEL].append(trace(2, clean_up_s=clean_up_s))
    return subject


# Operations -----------------------------------------------------------------------------------------------------------


def test_steps_lead_from_the_ideal_to_the_measured() -> None:
    """Nothing is lost where the work is shared out evenly and the workers never wait."""
    found = diagnosis_of_graph(traced(operation_of_four()))
    assert found is not None
    assert [(step.name, step.speedup) for step in found.steps] == [
        (name, 2.0) for name in ("graph", "balance", "contention", "overhead", "unexplained")
    ]
    assert found.causes == ()


def test_what_is_lost_has_a_step_and_a_cause() -> None:
    """After its last module, the parallel run went on for as long again."""
    found = diagnosis_of_graph(traced(operation_of_four(), clean_up_s=2.0))
    assert found is not None
    assert [(step.name, step.speedup) for step in found.steps if step.because] == [("overhead", 1.0)]
    assert [cause.partition(":")[0] for cause in found.causes] == ["clean-up"]


@pytest.mark.parametrize("seen", [(), (Arm.SEQUENTIAL,), (Arm.PARALLEL,)], ids=["none", "sequential", "parallel"])
def test_nothing_is_known_unless_both_arms_were_seen_from_inside(seen: tuple[Arm, ...]) -> None:
    """Modules that are too short are not watched."""
    subject = operation_of_four()
    assert subject.runs is not None
    for arm in seen:
        subject.runs.traces[arm].append(trace(1))
    assert diagnosis_of_graph(subject) is None


def test_nothing_is_seen_from_inside_where_there_is_no_graph() -> None:
    """Anybody's programs are opaque."""
    arms = Arms(programs={"sequential": int, "parallel": int}, equal=lambda one, other: True, time_limit_s=60.0)
    assert diagnosis_of_graph(Subject(name="it", arms=arms, workers=2)) is None


# Programs -------------------------------------------------------------------------------------------------------------


def measured(both: dict[str, Callable[[], Any]]) -> tuple[Subject, PairedRounds]:
    """Two programs with three rounds each."""
    arms = Arms(programs=both, equal=lambda one, other: True, time_limit_s=60.0)
    rounds = Rounds(arms, seed="1", budget=Budget(seconds=10.0, fewest=1, most=1))
    paired = PairedRounds(rounds)
    list(paired.stream())
    return Subject(name="it", arms=arms, workers=4), paired


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Facts]:
    """What is told to the one who finds causes."""
    facts: list[Facts] = []

    def find(known: Facts) -> tuple[str, ...]:
        facts.append(known)
        return ("a lock",)

    monkeypatch.setattr(diagnosis_module, "causes_of_program", find)
    monkeypatch.setattr(machine, "usable_cpus", lambda: 8.0)
    return facts


def test_causes_are_found_from_the_times_and_from_one_more_run_of_each(programs: Programs, told: list[Facts]) -> None:
    """The further run is watched and not timed: it counts for nothing else."""
    calls: list[str] = []
    subject, rounds = measured(programs(3.0, 2.0, cpu_share=0.5, calls=calls))
    calls.clear()
    assert diagnosis_of_programs(subject, rounds) == Diagnosis(causes=("a lock",))
    assert calls == ["sequential", "parallel"]
    assert len(rounds.records) == 3
    (facts,) = told
    assert (facts.workers, facts.usable_cpus, facts.speedup, facts.ceiling) == (4, 8.0, 1.5, None)
    assert (facts.sequential_s, facts.sequential_cpu_s, facts.parallel_s, facts.parallel_cpu_s) == (3.0, 1.5, 2.0, 1.0)
    assert facts.sequential is not None
    assert facts.parallel is not None


def test_ceiling_of_a_graph_is_told_too(programs: Programs, told: list[Facts]) -> None:
    """An operation whose modules are too short to be watched has one all the same."""
    _subject, rounds = measured(programs(3.0, 2.0))
    diagnosis_of_programs(operation_of_four(), rounds)
    assert told[0].ceiling == 2.0


def test_program_that_breaks_when_it_is_run_once_more_loses_its_explanation_only(programs: Programs) -> None:
    """The verdict has fallen, and an exception here would hide it."""
    both = programs(3.0, 2.0)
    runs_left = iter(range(3))

    def exhausted() -> None:
        if next(runs_left, None) is None:
            raise LookupError("no more data")
        both["parallel"]()

    subject, rounds = measured({**both, "parallel": exhausted})
    (cause,) = diagnosis_of_programs(subject, rounds).causes
    assert cause == "unknown: a further run, to look at its threads, ended with LookupError('no more data')"


@pytest.mark.slow
def test_program_has_steps_from_its_watched_run_to_the_speedup_of_its_rounds(programs: Programs) -> None:
    """The rounds are on the fake clock, the watched run is real: four threads that share a lock."""
    both = programs(3.0, 3.0)
    locked = pooled(nap_under_lock)

    def parallel() -> None:
        both["parallel"]()
        locked()

    subject, rounds = measured({**both, "parallel": parallel})
    steps = diagnosis_of_programs(subject, rounds).steps
    assert [step.name for step in steps] == ["graph", "balance", "contention", "overhead", "unexplained"]
    assert steps[-1].speedup == 1.0
    assert steps[1].speedup > 3
    assert steps[2].speedup < 2
    assert steps[2].because.startswith("a lock")
