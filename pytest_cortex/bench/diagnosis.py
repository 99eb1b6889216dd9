"""Where the missing speedup went: what is known of a measurement, put together for people.

An operation is seen from inside while it is measured.  Anybody's programs are not: when one falls short, each runs
once more, untimed, and its threads are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_cortex.bench.subject import Subject
from pytest_cortex.explaining.causes import Facts, causes_of_program
from pytest_cortex.explaining.decomposition import causes_of, decompose
from pytest_cortex.explaining.program_steps import steps_of_program
from pytest_cortex.explaining.sampling import Samples, watch
from pytest_cortex.judging.estimate import estimate_speedup
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.rounds import PairedRounds
from pytest_cortex.measuring.watchdog import time_limit
from pytest_cortex.record import StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a speedup is no higher.

    Attributes:
        steps: From the ideal speedup down to the measured one; empty where nothing was seen that would show them.
        causes: Sentences for people, the weightiest first, as far as the data show it.
    """

    steps: tuple[StepRecord, ...] = ()
    causes: tuple[str, ...] = field(default=())


def diagnosis_of_graph(subject: Subject) -> Diagnosis | None:
    """Returns what the runs of an operation show; None where modules were not seen from inside."""
    if subject.plan is None or subject.runs is None:
        return None
    sequential, parallel = subject.runs.traces[subject.reference], subject.runs.traces[subject.contender]
    if not sequential or not parallel:
        return None
    found = decompose(subject.plan, sequential, parallel, subject.workers, machine.usable_cpus())
    steps = tuple(StepRecord(name=step.name, speedup=step.speedup, because=step.because) for step in found.steps)
    return Diagnosis(steps=steps, causes=causes_of(found))


def diagnosis_of_programs(subject: Subject, rounds: PairedRounds) -> Diagnosis:
    """Runs both programs once more and looks at their threads; there must have been rounds before.

    Whatever goes wrong here is no fault of the program's: the verdict has fallen, and only its explanation is lost.
    """
    medians = rounds.medians
    ceiling = subject.ceiling
    try:
        samples = {arm: _watched(subject, arm) for arm in (subject.reference, subject.contender)}
    except Exception as error:  # noqa: BLE001 - as the docstring says
        return Diagnosis(causes=(f"unknown: a further run, to look at its threads, ended with {error!r}",))
    facts = Facts(
        workers=subject.workers,
        usable_cpus=machine.usable_cpus(),
        speedup=estimate_speedup(rounds.ratios).speedup or medians.sequential_s / medians.parallel_s,
        sequential_s=medians.sequential_s,
        parallel_s=medians.parallel_s,
        sequential_cpu_s=medians.sequential_cpu_s,
        parallel_cpu_s=medians.parallel_cpu_s,
        ceiling=None if ceiling is None else ceiling.speedup,
        sequential=samples[subject.reference],
        parallel=samples[subject.contender],
    )
    return Diagnosis(steps=steps_of_program(facts), causes=causes_of_program(facts))


def _watched(subject: Subject, arm: str) -> Samples:
    arms = subject.arms
    limit = time_limit(arms.time_limit_s, f"the {arm} arm, looked at once more", spared=arms.spared)
    with arms.ready(arm) as program, limit:
        return watch(program)
