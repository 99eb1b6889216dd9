"""Where the missing speedup went: from the ideal P down to the measured S in five steps, and what caused each loss.

Each step lets one more fact in: the graph, the schedule, what modules do to each other, the time between modules, and
at last the measured ratio.  What a step loses is shared out among the causes that the runs show.

Source:
    The efficiency hierarchy of the POP project (Performance Optimisation and Productivity, "POP standard metrics for
    parallel performance analysis").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, median
from typing import TypeAlias

from orchestrator import Plan
from orchestrator.plan import Timetable
from pytest_cortex.graphs.ceiling import arrows, costliest_dependency, imbalance, percent
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace

_MATTERS = 0.05  # the share of a speedup below which a loss is not worth a sentence
_ABOUT = 0.1  # how far, as a share of a module's own time, one end may be from the moment it explains
_MOST_NAMED = 3

Weighted: TypeAlias = list[tuple[float, str]]  # causes of one step: how much each weighs against the others, and what


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What cost speedup.

    Attributes:
        lost: How much, in units of speedup.
        because: One sentence for people.
    """

    lost: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step from the ideal speedup down to the measured one.

    Attributes:
        name: What is let in: "graph", "balance", "contention", "overhead" or "unexplained".
        speedup: What is left after it.
        lost: What the step before had left, less *speedup*; negative where something was gained.
        because: What the runs show of it, for people; empty if little was lost or gained.
        causes: The same, one by one, each at least 5 % of the speedup it was lost from, the largest first.
    """

    name: str
    speedup: float
    lost: float
    because: str
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """The way from the ideal speedup down to the measured one: *workers* less all that was lost.

    Attributes:
        workers: P, the ideal speedup.
        steps: Graph, balance, contention, overhead, unexplained; the last one's speedup is the measured one.
    """

    workers: int
    steps: tuple[Step, ...]


def decompose(
    plan: Plan, sequential: Sequence[RunTrace], parallel: Sequence[RunTrace], workers: int, usable_cpus: float
) -> Decomposition:
    """Says step by step where the speedup went, from medians over the runs.

    A module that was never seen in one of the arms counts there as in the other.

    Args:
        plan: The graph that was run.
        sequential: Runs with one worker, at least one.
        parallel: Runs with *workers* workers, at least one.
        workers: P.
        usable_cpus: CPUs this process may use.

    Raises:
        ValueError: If there is no run of one of the arms.
        CallError: If *workers* < 1.
    """
    if not sequential or not parallel:
        seen = f"{len(sequential)} sequential and {len(parallel)} parallel"
        raise ValueError(f"a decomposition needs a run of either arm, got {seen} ones; trace both")
    facts = _facts(plan, sequential, parallel, workers, usable_cpus)
    steps: list[Step] = []
    before = float(workers)
    for name, numerator_s, seconds, explain in (
        ("graph", facts.work_s, plan.bound_s(facts.alone_s, workers), _of_graph),
        ("balance", facts.work_s, facts.alone.makespan_s, _of_balance),
        ("contention", facts.work_s, _beside_s(facts), _of_contention),
        ("overhead", facts.work_s, facts.parallel_s, _of_overhead),
        ("unexplained", facts.sequential_s, facts.parallel_s, _of_the_rest),
    ):
        # Without any time there is no ratio, and nothing is known to be lost.
        speedup = numerator_s / seconds if numerator_s and seconds else before
        steps.append(_step(name, before, speedup, explain(facts)))
        before = speedup
    return Decomposition(workers=workers, steps=tuple(steps))


def causes_of(decomposition: Decomposition) -> tuple[str, ...]:
    """Returns what cost at least 5 % of the speedup it was lost from, the largest loss first."""
    causes = [cause for step in decomposition.steps for cause in step.causes]
    return tuple(cause.because for cause in sorted(causes, key=lambda cause: -cause.lost))


def _step(name: str, before: float, speedup: float, weighted: Weighted) -> Step:
    """Shares out what is lost from *before* to *speedup* in proportion to the weights."""
    lost, total = before - speedup, sum(weight for weight, _ in weighted)
    shares = [Cause(lost=lost * weight / total, because=because) for weight, because in weighted if total > 0]
    causes = sorted((each for each in shares if each.lost >= _MATTERS * before), key=lambda cause: -cause.lost)
    because = "; ".join(each.because for each in causes)
    if lost <= -_MATTERS * before:
        because = f"{-lost:.2f} gained, not lost"
    return Step(name=name, speedup=speedup, lost=lost, because=because, causes=tuple(causes))


# What the runs show ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One module's medians in one arm; what the system does not say is None."""

    duration_s: float
    cpu_s: float | None
    delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Growth:
    """How much longer one module took beside the others, and what it did meanwhile.

    Attributes:
        name: Its id.
        times: Seconds beside the others / seconds alone; 1 for a module that takes none alone.
        computing_s: More seconds on the CPU.
        queueing_s: More seconds ready to run, with no CPU free.
        waiting_s: More seconds of neither: it was not ready to run.
    """

    name: str
    times: float
    computing_s: float
    queueing_s: float
    waiting_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What all causes are read from; seconds are medians over runs."""

    plan: Plan
    workers: int
    usable_cpus: float
    runs: Sequence[tuple[RunTrace, Timetable]]  # parallel ones with any module, and each one's schedule without gaps
    seen_alone: Mapping[str, _Seen]
    growths: Sequence[_Growth]
    alone_s: Mapping[str, float]
    alone: Timetable
    sequential_s: float
    parallel_s: float

    @property
    def work_s(self) -> float:
        return self.plan.work_s(self.alone_s)


def _facts(
    plan: Plan, sequential: Sequence[RunTrace], parallel: Sequence[RunTrace], workers: int, usable_cpus: float
) -> _Facts:
    in_one, in_many = _seen(plan, sequential), _seen(plan, parallel)
    seen_alone, seen_beside = {**in_many, **in_one}, {**in_one, **in_many}
    alone_s = {name: seen.duration_s for name, seen in seen_alone.items()}
    return _Facts(
        plan=plan,
        workers=workers,
        usable_cpus=usable_cpus,
        runs=[(run, _without_gaps(plan, alone_s, run, workers)) for run in parallel if alone_s.keys() & run.modules],
        seen_alone=seen_alone,
        growths=[_growth(name, seen, seen_beside[name]) for name, seen in seen_alone.items()],
        alone_s=alone_s,
        alone=plan.simulate(alone_s, workers),
        sequential_s=median(run.seconds for run in sequential),
        parallel_s=median(run.seconds for run in parallel),
    )


def _without_gaps(plan: Plan, alone_s: Mapping[str, float], run: RunTrace, workers: int) -> Timetable:
    """The schedule of one run's own durations.

    Not of medians over runs: behind a lock somebody is last in every run, but hardly anybody in most of them.
    """
    ran_s = {name: trace.duration_s for name, trace in run.modules.items()}
    return plan.simulate({**alone_s, **ran_s}, workers)


def _beside_s(facts: _Facts) -> float:
    """The makespan without gaps of modules as long as they are beside each other."""
    return median(timetable.makespan_s for _, timetable in facts.runs) if facts.runs else facts.alone.makespan_s


def _seen(plan: Plan, runs: Sequence[RunTrace]) -> dict[str, _Seen]:
    """The medians of every module of *plan* that ran at least once."""
    traces = {name: [run.modules[name] for run in runs if name in run.modules] for name in plan.order}
    return {
        name: _Seen(
            duration_s=median(trace.duration_s for trace in seen),
            cpu_s=_known_median(trace.cpu_s for trace in seen),
            delay_s=_known_median(trace.delay_s for trace in seen),
        )
        for name, seen in traces.items()
        if seen
    }


def _known_median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _growth(name: str, alone: _Seen, beside: _Seen) -> _Growth:
    grown_s = max(0.0, beside.duration_s - alone.duration_s)
    computing_s = min(grown_s, _more(alone.cpu_s, beside.cpu_s))
    queueing_s = min(grown_s - computing_s, _more(alone.delay_s, beside.delay_s))
    return _Growth(
        name=name,
        times=beside.duration_s / alone.duration_s if alone.duration_s else 1.0,
        computing_s=computing_s,
        queueing_s=queueing_s,
        waiting_s=grown_s - computing_s - queueing_s,
    )


def _more(before_s: float | None, after_s: float | None) -> float:
    """How many seconds were added; 0 if unknown."""
    return 0.0 if before_s is None or after_s is None else max(0.0, after_s - before_s)


def _finished_s(trace: ModuleTrace) -> float:
    return trace.started_s + trace.duration_s


def _first_s(run: RunTrace) -> float:
    return min(trace.started_s for trace in run.modules.values())


def _last_s(run: RunTrace) -> float:
    return max(map(_finished_s, run.modules.values()))


# The graph and the schedule -------------------------------------------------------------------------------------------


def _of_graph(facts: _Facts) -> Weighted:
    """Three ceilings, each lower than the one before: so many modules, one of them so long, in such chains."""
    longest = max(facts.alone_s, key=facts.alone_s.__getitem__, default=None)
    if longest is None or not facts.work_s:
        return []
    busy = sum(1 for seconds in facts.alone_s.values() if seconds)
    share = facts.alone_s[longest] / facts.work_s
    by_count = min(facts.workers, busy)
    by_longest = min(by_count, 1 / share)
    by_graph = facts.work_s / facts.plan.bound_s(facts.alone_s, facts.workers)
    return [
        (facts.workers - by_count, f"too few modules: {facts.workers} workers share {busy} that take time"),
        (by_count - by_longest, f"unbalanced split: {longest!r} alone takes {percent(share)} of the work"),
        (by_longest - by_graph, _critical_path(facts)),
    ]


def _critical_path(facts: _Facts) -> str:
    path, span_s = facts.plan.critical_path(facts.alone_s), facts.plan.span_s(facts.alone_s)
    phases = len({facts.plan.phases[name] for name in path})
    in_turn = f", through {phases} phases that come one after another" if phases > 1 else ""
    gain = costliest_dependency(facts.plan, facts.alone_s, path, facts.workers)
    return (
        f"dependencies: the critical path takes {span_s:.3g} s of {facts.work_s:.3g} s of work: "
        f"{arrows(path)}{in_turn}{gain}"
    )


def _of_balance(facts: _Facts) -> Weighted:
    return [(1.0, imbalance(facts.alone_s, facts.alone, facts.workers))] if facts.work_s else []


# Modules beside each other --------------------------------------------------------------------------------------------


def _of_contention(facts: _Facts) -> Weighted:
    """One cause per thing that modules did in the time they took longer."""
    kinds = (
        ({each.name: each.computing_s for each in facts.growths}, _computing),
        ({each.name: each.queueing_s for each in facts.growths}, _queueing),
        ({each.name: each.waiting_s for each in facts.growths}, _waiting),
    )
    return [
        (total_s, f"{_slower(facts, grown_s)}: {explain(facts, total_s)}")
        for grown_s, explain in kinds
        if (total_s := sum(grown_s.values()))
    ]


def _slower(facts: _Facts, grown_s: Mapping[str, float]) -> str:
    """Names the modules that lost most, and how many times longer they took."""
    least_s = _MATTERS * sum(grown_s.values())
    worst = [each for each in facts.growths if grown_s[each.name] >= least_s]
    worst.sort(key=lambda each: -grown_s[each.name])
    named = ", ".join(f"{each.name!r} {each.times:.1f} times" for each in worst[:_MOST_NAMED])
    others = f" and {len(worst) - _MOST_NAMED} more" if len(worst) > _MOST_NAMED else ""
    return f"modules take longer beside each other ({named}{others})"


def _computing(_facts: _Facts, total_s: float) -> str:
    return f"their CPU time itself grows by {total_s:.3g} s, so they share memory, caches or cores"


def _queueing(facts: _Facts, total_s: float) -> str:
    waited = f"they are ready to run for {total_s:.3g} s and have no CPU"
    if facts.usable_cpus < facts.alone.peak_concurrency:
        return f"{waited}, {_too_few_cpus(facts)}"
    return f"{waited}, since other programs keep the machine busy"


def _too_few_cpus(facts: _Facts) -> str:
    return f"since {facts.alone.peak_concurrency} run at once on {facts.usable_cpus:g} usable CPUs"


def _waiting(facts: _Facts, total_s: float) -> str:
    """What a thread waits for does not show in its own numbers, but in how those of all threads fit together."""
    queue = _queue(facts)
    if queue:
        return queue
    if any(seen.cpu_s is None for seen in facts.seen_alone.values()):
        return f"for {total_s:.3g} s more, and whether they compute or wait is not known here"
    cpus = median(_cpus_wanted(run) for run, _ in facts.runs)
    if _cpu_bound(facts):
        delay_unknown = any(seen.delay_s is None for seen in facts.seen_alone.values())
        if delay_unknown and facts.usable_cpus < facts.alone.peak_concurrency and cpus > 0.85 * facts.usable_cpus:
            return f"together they use {cpus:.1f} CPUs, {_too_few_cpus(facts)}"
        if 0.7 < cpus < 1.5:  # nearer to one CPU than to two; on a loaded machine up to 1.5 was seen
            return (
                f"they only compute and yet together want no more than {cpus:.1f} CPUs, so they hold Python's GIL, "
                "or a lock while they compute"
            )
    return f"they wait for {total_s:.3g} s, for a lock or something else that they share"


def _cpu_bound(facts: _Facts) -> bool:
    return sum(seen.cpu_s or 0.0 for seen in facts.seen_alone.values()) > 0.5 * facts.work_s


def _cpus_wanted(run: RunTrace) -> float:
    """CPUs that its modules use or queue for, on average from the first start to the last finish.

    What they queue for counts, since whoever holds the GIL holds it also while another program has the CPU.
    """
    makespan_s = _last_s(run) - _first_s(run)
    wanted_s = sum((trace.cpu_s or 0.0) + (trace.delay_s or 0.0) for trace in run.modules.values())
    return wanted_s / makespan_s if makespan_s else 0.0


def _queue(facts: _Facts) -> str:
    """Says who got on only after whom; empty if that does not explain most of the waiting in most of the runs."""
    queues = [queue for run, _ in facts.runs if (queue := _queue_in(run, facts.alone_s))]
    if 2 * len(queues) <= len(facts.runs):
        return ""
    seen = Counter(pair for queue in queues for pair in queue)
    steady = [pair for pair, times in seen.items() if 2 * times > len(facts.runs)]
    if steady:
        return f"{_named(steady)}, so there is a hidden dependency, or a lock they share"
    return (
        f"they get on one after another, in changing order (once {_named(queues[0])}), so they share a lock or a pool"
    )


def _named(pairs: Sequence[tuple[str, str]]) -> str:
    """``'b' got on only after 'a' ended``; where several ended at that moment, the runs do not show which it was."""
    before: dict[str, list[str]] = {}
    for one, other in pairs:
        before.setdefault(other, []).append(repr(one))
    named = [f"{name!r} got on only after {_one_of(others)} ended" for name, others in before.items()]
    return ", ".join(named[:_MOST_NAMED])


def _one_of(names: Sequence[str]) -> str:
    return " or ".join(names[:_MOST_NAMED]) + (" or another" if len(names) > _MOST_NAMED else "")


def _queue_in(run: RunTrace, alone_s: Mapping[str, float]) -> list[tuple[str, str]]:
    """Pairs (before, after): *after* ended its own time, as it takes alone, after *before* had ended.

    It had started sooner than that, so it waited inside.  A coincidence is not taken for a queue: the pairs must
    explain half of all the waiting in this run.
    """
    ends = sorted((_finished_s(trace), name) for name, trace in run.modules.items())
    all_s, explained_s = 0.0, 0.0
    pairs = []
    for end_s, name in ends:
        own_s = alone_s.get(name, 0.0)
        waited_s = run.modules[name].duration_s - own_s
        all_s += max(0.0, waited_s)
        before = _ended_about(ends, end_s - own_s, _ABOUT * own_s) if waited_s > _ABOUT * own_s else []
        pairs += [(other, name) for other in before if other != name]
        explained_s += waited_s if before else 0.0
    return pairs if 2 * explained_s > all_s else []


def _ended_about(ends: Sequence[tuple[float, str]], moment_s: float, about_s: float) -> list[str]:
    """Who ended so near to a moment."""
    first = bisect_left(ends, moment_s - about_s, key=_moment)
    return [name for _, name in ends[first : bisect_right(ends, moment_s + about_s, key=_moment)]]


def _moment(end: tuple[float, str]) -> float:
    return end[0]


# Time around and between modules --------------------------------------------------------------------------------------


def _of_overhead(facts: _Facts) -> Weighted:
    """Seconds before, between and after the modules; those between are split into late workers and the rest."""
    if not facts.runs:
        return []
    start_s = median(_first_s(run) for run, _ in facts.runs)
    makespan_s = median(_last_s(run) - _first_s(run) for run, _ in facts.runs)
    end_s = facts.parallel_s - start_s - makespan_s
    return [
        (start_s, f"start-up: {start_s:.3g} s go by before the first module starts"),
        *_between(facts, makespan_s),
        (end_s, f"clean-up: {end_s:.3g} s go by after the last module has ended"),
    ]


def _between(facts: _Facts, makespan_s: float) -> Weighted:
    between_s = makespan_s - _beside_s(facts)
    pool = _smaller_pool(facts)
    if pool:
        return [(between_s, pool)]
    late_s = max(0.0, min(between_s, median(_late_s(run, timetable) for run, timetable in facts.runs)))
    late = f"start-up: workers get their first module {late_s:.3g} s later than they could, on average"
    gaps = f"gaps between modules: all of them take {makespan_s:.3g} s, without gaps {_beside_s(facts):.3g} s"
    return [(late_s, late), (between_s - late_s, gaps)]


def _smaller_pool(facts: _Facts) -> str:
    """Says if no run had as many workers, or as many modules at once, as the schedule would have; else empty."""
    wanted = facts.alone.peak_concurrency
    used = max(len({trace.worker for trace in run.modules.values()}) for run, _ in facts.runs)
    if used < wanted:
        return f"the pool is smaller than asked: modules ran on {used} of {facts.workers} workers"
    at_once = max(_peak(run) for run, _ in facts.runs)
    if at_once < wanted:
        return (
            f"the pool is smaller than asked, or hands out modules late: "
            f"never more than {at_once} ran at once, where {wanted} could"
        )
    return ""


def _peak(run: RunTrace) -> int:
    """The most modules that ran at once."""
    changes = [(trace.started_s, 1) for trace in run.modules.values()]
    changes += [(_finished_s(trace), -1) for trace in run.modules.values()]
    return max(accumulate(change for _, change in sorted(changes)))


def _late_s(run: RunTrace, timetable: Timetable) -> float:
    """How much later than in *timetable* the workers get their first module, on average, from the first start on."""
    started = _first_starts((trace.worker, trace.started_s - _first_s(run)) for trace in run.modules.values())
    could = _first_starts((slot.worker, slot.started_s) for slot in timetable.slots.values())
    return fmean(max(0.0, one - other) for one, other in zip(started, could, strict=False))


def _first_starts(starts: Iterable[tuple[int, float]]) -> list[float]:
    """Each worker's first start in seconds, soonest first."""
    first: dict[int, float] = {}
    for worker, started_s in starts:
        first[worker] = min(started_s, first.get(worker, started_s))
    return sorted(first.values())


# The rest -------------------------------------------------------------------------------------------------------------


def _of_the_rest(facts: _Facts) -> Weighted:
    """What the sequential run takes besides its modules: more than nothing counts as speedup, less as a loss."""
    besides_s = facts.sequential_s - facts.work_s
    return [(1.0, f"unexplained: the sequential run differs by {besides_s:+.3g} s from its modules on their own")]
