"""The most speedup a graph allows, and the dependency that keeps it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from orchestrator import Phase, Plan
from orchestrator.plan import Timetable
from pytest_cortex.judging.conditions import Ceiling

_MOST_NAMED = 6

# The graph is walked once per dependency on the path; a chain of thousands would take minutes to say the obvious.
_MOST_STEPS = 1_000_000


def ceiling_by_shape(plan: Plan, workers: int) -> Ceiling:
    """The ceiling whatever the durations: no more than P modules at once, nor more than the graph is wide."""
    if plan.width < workers:
        because = f"no more than {plan.width} of its {len(plan)} modules can ever run at once{_chain(plan)}"
        return Ceiling(speedup=float(plan.width), because=because)
    return Ceiling(speedup=float(workers), because=f"{workers} workers")


def ceiling_by_durations(plan: Plan, durations: Mapping[str, float], workers: int) -> Ceiling:
    """The ceiling for given durations, work / bound; without any work, the number of workers.

    Args:
        plan: The graph.
        durations: Seconds per module id.
        workers: P.
    """
    work_s, bound_s = plan.work_s(durations), plan.bound_s(durations, workers)
    if not bound_s:
        return Ceiling(speedup=float(workers), because=f"{workers} workers")
    span_s = plan.span_s(durations)
    if span_s < bound_s:
        return Ceiling(speedup=work_s / bound_s, because=f"{workers} workers share {work_s:.3g} s of work")
    path = plan.critical_path(durations)
    because = f"its critical path takes {span_s:.3g} s of {work_s:.3g} s of work: {arrows(path)}"
    return Ceiling(speedup=work_s / span_s, because=f"{because}{costliest_dependency(plan, durations, path, workers)}")


def costliest_dependency(plan: Plan, durations: Mapping[str, float], path: tuple[str, ...], workers: int) -> str:
    """Says which dependency on the critical path would raise the ceiling most if it were gone; empty if none would."""
    dependencies = plan.dependencies
    edges = [(b, a) for a, b in pairwise(path) if a in dependencies[b]]
    if not edges or len(edges) * len(plan) > _MOST_STEPS:
        return ""
    work_s = plan.work_s(durations)
    span_without = {edge: _span_without(plan, durations, edge) for edge in edges}
    module, dependency = min(edges, key=span_without.__getitem__)
    raised = work_s / max(work_s / workers, span_without[module, dependency])
    if raised <= work_s / plan.span_s(durations) * (1 + 1e-9):
        return ""
    return f"; without the dependency of {module!r} on {dependency!r} it would allow {raised:.2f}"


def imbalance(durations: Mapping[str, float], timetable: Timetable, workers: int) -> str:
    """Says why workers idle in a schedule of some work: which module finishes last, and how much of the work it is."""
    last = max(timetable.slots, key=lambda name: timetable.slots[name].finished_s)
    work_s = sum(durations.get(name, 0.0) for name in timetable.slots)
    idle = 1 - work_s / (workers * timetable.makespan_s)
    return (
        f"unbalanced split: {last!r} finishes last and takes {percent(durations.get(last, 0.0) / work_s)} of the work, "
        f"so that {workers} workers have nothing to do {percent(idle)} of the time"
    )


def percent(fraction: float) -> str:
    """``62 %``."""
    return f"{100 * fraction:.0f} %"


def arrows(path: tuple[str, ...]) -> str:
    """``a → b → c``, the middle left out of a long path."""
    if len(path) > _MOST_NAMED:
        half = _MOST_NAMED // 2
        path = (*path[:half], f"… {len(path) - 2 * half} more …", *path[-half:])
    return " → ".join(path)


def _chain(plan: Plan) -> str:
    """Names the longest chain, counted in modules."""
    path = plan.critical_path(dict.fromkeys(plan.order, 1.0))
    return f", because of the dependencies {arrows(path)}" if len(path) > 1 else ""


def _span_without(plan: Plan, durations: Mapping[str, float], gone: tuple[str, str]) -> float:
    """The critical path in seconds if one dependency were gone: phases still come one after another."""
    phases = plan.phases
    finish_s: dict[str, float] = {}
    longest_s: defaultdict[Phase, float] = defaultdict(float)
    for name, dependencies in plan.dependencies.items():
        phase = phases[name]
        before = [finish_s[each] for each in dependencies if phases[each] is phase and (name, each) != gone]
        finish_s[name] = durations.get(name, 0.0) + max(before, default=0.0)
        longest_s[phase] = max(longest_s[phase], finish_s[name])
    return sum(longest_s.values())
