"""Gates on the shape of a graph: the same answer on every machine, since no clock is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator import Plan
from orchestrator.plan import Timetable
from pytest_cortex.graphs.ceiling import arrows, ceiling_by_shape, costliest_dependency, imbalance, percent
from pytest_cortex.judging.conditions import verdict_of
from pytest_cortex.judging.gate import Outcome, Verdict

_TOLERANCE = 1e-9  # a limit that equals the value passes, also where one of them was calculated another way


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What can be said of a graph without running it.

    Attributes:
        plan: The graph.
        durations: Seconds per module id as known by design, or 1 for each.
        workers: P.
        timetable: The schedule that the runner would follow.
    """

    plan: Plan
    durations: Mapping[str, float]
    workers: int
    timetable: Timetable

    @property
    def parallelism(self) -> float:
        """Work / span; 0 for no modules."""
        return self.plan.parallelism(self.durations)

    @property
    def groups(self) -> int:
        """How many groups there are: as many as the longest chain has modules, summed over the phases."""
        return len(self.plan.groups)

    @property
    def quality(self) -> float:
        """Bound / makespan of the schedule, at most 1; 1 for no modules."""
        bound_s, makespan_s = self.plan.bound_s(self.durations, self.workers), self.timetable.makespan_s
        return min(1.0, bound_s / makespan_s) if makespan_s else 1.0

    @property
    def peak_concurrency(self) -> int:
        """The most modules that run at once in the schedule."""
        return self.timetable.peak_concurrency


def structure_of(plan: Plan, durations: Mapping[str, float], workers: int) -> Structure:
    """Plays the schedule of *plan* on *workers* workers.

    Args:
        plan: The graph.
        durations: Seconds per module id, known by design and not measured; if they say nothing, each module counts 1.
        workers: P.

    Raises:
        CallError: If *workers* < 1.
    """
    counted = durations if plan.work_s(durations) else dict.fromkeys(plan.order, 1.0)
    timetable = plan.simulate(counted, workers)
    return Structure(plan=plan, durations=counted, workers=workers, timetable=timetable)


def judge_structure(gate: str, limit: float, facts: Structure) -> Verdict:
    """Returns PASS or FAIL, with what keeps the value where it is.

    Args:
        gate: "min_parallelism", "max_groups", "min_quality" or "min_peak_concurrency".
        limit: What the value must reach, or must not exceed.
        facts: Made by :func:`structure_of`.

    Raises:
        ValueError: If there is no such gate.
    """
    if gate not in _GATES:
        raise ValueError(f"no gate on structure is called {gate!r}; write one of {', '.join(_GATES)}")
    name, because = _GATES[gate]
    value: float = getattr(facts, gate.partition("_")[2])
    excess = value - limit if gate.startswith("min_") else limit - value
    passes = excess >= -_TOLERANCE * abs(limit)
    relation = "within" if passes else "above" if gate.startswith("max_") else "below"
    why = because(facts) if len(facts.plan) else "it has no modules"
    outcome = Outcome.PASS if passes else Outcome.FAIL
    return verdict_of(outcome, f"{name} {_number(value)} is {relation} the limit {_number(limit)}: {why}")


def _why_parallelism(facts: Structure) -> str:
    path = facts.plan.critical_path(facts.durations)
    share = facts.plan.span_s(facts.durations) / facts.plan.work_s(facts.durations)
    # As many workers as modules: this gate asks what the graph allows, whoever runs it.
    dependency = costliest_dependency(facts.plan, facts.durations, path, len(facts.plan))
    return f"its critical path takes {percent(share)} of the work: {arrows(path)}{dependency}"


def _why_groups(facts: Structure) -> str:
    """Names the longest chain counted in modules, which has exactly one in each group."""
    path = facts.plan.critical_path(dict.fromkeys(facts.plan.order, 1.0))
    phases = len(set(facts.plan.phases.values()))
    after_each_other = f", {phases} phases one after another" if phases > 1 else ""
    return f"one module per group along {arrows(path)}{after_each_other}"


def _why_quality(facts: Structure) -> str:
    if facts.quality >= 1 - _TOLERANCE:
        return f"no schedule on {facts.workers} workers is shorter"
    return imbalance(facts.durations, facts.timetable, facts.workers)


def _why_peak(facts: Structure) -> str:
    if facts.peak_concurrency in (facts.workers, facts.plan.width):
        return ceiling_by_shape(facts.plan, facts.workers).because
    return f"its dependencies never make more of its {len(facts.plan)} modules ready while others run"


def _number(value: float) -> str:
    """Counts as they are, fractions with two digits."""
    return f"{value:g}" if float(value).is_integer() else f"{value:.2f}"


_GATES: Mapping[str, tuple[str, Callable[[Structure], str]]] = {
    "min_parallelism": ("parallelism", _why_parallelism),
    "max_groups": ("number of groups", _why_groups),
    "min_quality": ("schedule quality", _why_quality),
    "min_peak_concurrency": ("peak concurrency", _why_peak),
}
