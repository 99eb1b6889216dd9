"""From a gate's verdict to the one that is reported: what the rounds cannot know.

A sign test is right about the rounds it has seen.  Whether these rounds could show what the limit asks for, is a
question about the graph (its ceiling) and the machine (a tracer, too few CPUs); it is answered here.  Numbers and
facts come in, a verdict goes out: no clock, no test, no file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_cortex.judging.gate import Gate, Outcome, Verdict

_NEAR_CEILING = 0.9
SHARE_OF_CPUS = 0.75
"""A healthy CPU-bound program may stay this far below the number of CPUs: more threads than these get in their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most speedup that a graph allows.

    Attributes:
        speedup: Work / bound on the given workers, or an upper limit of it.
        because: What keeps it there, e.g. the critical path, for people.
    """

    speedup: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under which circumstances the rounds were made.

    Attributes:
        workers: P, the workers the parallel arm was allowed.
        usable_cpus: CPUs this process may use.
        cpu_bound: True if the sequential arm spends most of its time on the CPU; None if unknown.
        tracer: What watches every line of Python, None if nothing does.
        load_average: Runnable processes over the last minute, None if unknown.
        ceiling: What the graph allows, None where there is no graph.
        spoilt: What disturbed the rounds that therefore did not count, one entry per round.
    """

    workers: int
    usable_cpus: float
    cpu_bound: bool | None
    tracer: str | None
    load_average: float | None
    ceiling: Ceiling | None
    spoilt: tuple[str, ...] = ()


def verdict_without_rounds(gate: Gate, conditions: Conditions) -> Verdict | None:
    """Returns the verdict that no measurement could change; None if it takes rounds to tell."""
    ceiling = conditions.ceiling
    if ceiling is not None and gate.limit > ceiling.speedup * (1 + 1e-9):
        return verdict_of(
            Outcome.FAIL,
            f"the limit {gate.limit:.2f} is above {ceiling.speedup:.2f}, the most this graph allows on "
            f"{conditions.workers} workers: {ceiling.because}",
        )
    if conditions.tracer is not None:
        return verdict_of(
            Outcome.INCONCLUSIVE,
            f"a {conditions.tracer} is active and slows Python code many times over, so times say nothing about the "
            "program: run without it (with coverage: --no-cov, or COVERAGE_CORE=sysmon from Python 3.12 on)",
        )
    return None


def final_verdict(gate: Gate, verdict: Verdict, conditions: Conditions) -> Verdict:
    """Returns *verdict* with what the circumstances add to it or take from it."""
    if verdict.outcome is Outcome.FAIL and _starved(gate, conditions):
        verdict = replace(
            verdict,
            outcome=Outcome.INCONCLUSIVE,
            reason=f"{verdict.reason}; but the program is CPU-bound, and {conditions.usable_cpus:g} usable CPUs for "
            f"{conditions.workers} workers cannot be expected to show a speedup of {gate.limit:.2f}",
        )
    undecided = verdict.outcome is Outcome.INCONCLUSIVE
    further = [*_near_ceiling(gate, conditions.ceiling), *(_disturbances(conditions) if undecided else ())]
    return replace(verdict, reason="; ".join([verdict.reason, *further]))


def _near_ceiling(gate: Gate, ceiling: Ceiling | None) -> list[str]:
    if ceiling is None or gate.limit <= _NEAR_CEILING * ceiling.speedup:
        return []
    share = gate.limit / ceiling.speedup
    room = "which leaves little room for overhead and uneven shares"
    return [f"the limit is {share:.0%} of the graph's ceiling {ceiling.speedup:.2f}, {room}"]


def _disturbances(conditions: Conditions) -> list[str]:
    """What was seen of other programs, in words."""
    seen = []
    if conditions.spoilt:
        count = len(conditions.spoilt)
        rounds = "round was" if count == 1 else "rounds were"
        seen.append(f"{count} {rounds} disturbed from outside and did not count, e.g. {conditions.spoilt[0]}")
    if conditions.load_average is not None:
        seen.append(f"load average {conditions.load_average:.1f}")
    return seen


def _starved(gate: Gate, conditions: Conditions) -> bool:
    """True if even a healthy program could miss the limit here, for want of CPUs."""
    too_few = conditions.usable_cpus < conditions.workers
    return bool(conditions.cpu_bound) and too_few and gate.limit > SHARE_OF_CPUS * conditions.usable_cpus


def verdict_of(outcome: Outcome, reason: str) -> Verdict:
    """Returns a verdict that rests on no round."""
    return Verdict(outcome=outcome, rounds=0, speedup=None, speedup_low=None, speedup_high=None, reason=reason)
