"""Where the missing speedup of anybody's program went, as far as its times and one watched run show.

All that is missing is time of workers: P of them for as long as the parallel run takes, less what the sequential one
needs.  Each look at the watched run says how many worked and what kept the others, and so which part of the missing
time it stands for.  What no look accounts for is unexplained: a share of it is put down to a step only where a cause
that stands out says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_cortex.explaining.causes import Cause, Facts, Kind, named_causes, story_of
from pytest_cortex.explaining.sampling import Doing
from pytest_cortex.explaining.story import Held, Story, Stretch, those
from pytest_cortex.record import StepRecord

GRAPH, BALANCE, CONTENTION, OVERHEAD, UNEXPLAINED = "graph", "balance", "contention", "overhead", "unexplained"

NO_GRAPH = "no graph: what of this program must come one after another is not known"
NOT_SEEN = "the watched run does not show it"

# The share of a speedup below which a loss is not worth a sentence, as for operations.
_MATTERS = 0.05

_STEP_OF_LOOK = {
    Held.TOGETHER: BALANCE,
    Held.LOCK: CONTENTION,
    Held.LOOP: CONTENTION,
    Held.STARTING: OVERHEAD,
    Held.TURNS: CONTENTION,
    Held.ALONE: BALANCE,
    Held.CALLER: BALANCE,
    Held.NOBODY: UNEXPLAINED,  # or those at work cannot be seen
}

_STEP_OF_CAUSE = {
    Kind.CEILING: GRAPH,
    Kind.REFERENCE: UNEXPLAINED,
    Kind.CPUS: CONTENTION,
    Kind.GROWTH: UNEXPLAINED,
    Kind.NOTHING: BALANCE,
    Kind.LOCK: CONTENTION,
    Kind.LOOP: CONTENTION,
    Kind.TURNS: CONTENTION,
    Kind.GIL: CONTENTION,
    Kind.POOL: OVERHEAD,
    Kind.PROCESSES: OVERHEAD,
    Kind.UNBALANCED: BALANCE,
    Kind.STARTING: OVERHEAD,
    Kind.EXTRA: OVERHEAD,
    Kind.CALLER: BALANCE,
}

# Causes behind which workers queue: who is left over at the end was only the last of them.
_QUEUES = {Kind.LOCK, Kind.LOOP, Kind.TURNS, Kind.GIL}


def steps_of_program(facts: Facts) -> tuple[StepRecord, ...]:
    """Returns the steps from the ideal speedup down to the measured one, the last one's being *facts.speedup*.

    Empty where there is no watched run, or too short a one to say anything.
    """
    story = story_of(facts)
    if story is None:
        return ()
    causes = {cause.kind: cause for cause in named_causes(facts, story)}
    lost = _lost(facts, story, causes)
    steps: list[StepRecord] = []
    before, lost_so_far = float(facts.workers), 0.0
    for name in (GRAPH, BALANCE, CONTENTION, OVERHEAD, UNEXPLAINED):
        lost_so_far += lost.get(name, 0.0)
        left = facts.speedup if name == UNEXPLAINED else _left(facts, lost_so_far)
        because = _because(name, before, left, facts, causes)
        steps.append(StepRecord(name=name, speedup=left, because=because))
        before = left
    return tuple(steps)


def _left(facts: Facts, lost: float) -> float:
    """The speedup if no more than that share of the workers' time were lost: useful time stays the same."""
    return facts.speedup / (facts.speedup / facts.workers + lost)


def _because(name: str, before: float, left: float, facts: Facts, causes: Mapping[Kind, Cause]) -> str:
    if name == GRAPH and facts.ceiling is None:
        return NO_GRAPH
    if before - left < _MATTERS * before:
        return f"{left - before:.2f} gained, not lost" if left - before >= _MATTERS * before else ""
    sentences = [cause.sentence for cause in causes.values() if _STEP_OF_CAUSE[cause.kind] == name]
    return "; ".join(sentences) or (NOT_SEEN if name == UNEXPLAINED else "")


# Shares of the workers' time, which is that of the parallel run times P ----------------------------------------------


def _lost(facts: Facts, story: Story, causes: Mapping[Kind, Cause]) -> dict[str, float]:
    """What each step lost; together all that is missing, or nothing if more than one per worker was measured."""
    missing = max(0.0, 1 - facts.speedup / facts.workers)
    by_graph = 0.0 if facts.ceiling is None else facts.speedup / facts.ceiling - facts.speedup / facts.workers
    lost = {GRAPH: min(max(0.0, by_graph), missing)}
    lost |= _fitted(_seen(facts, story, causes), missing - lost[GRAPH])
    longer = missing - sum(lost.values())
    for name, share in _worked_longer(facts, story, causes):
        taken = max(0.0, min(longer, share))
        lost[name] += taken
        longer -= taken
    return lost


def _seen(facts: Facts, story: Story, causes: Mapping[Kind, Cause]) -> dict[str, float]:
    """What workers that did not work lost, by step."""
    lost = dict.fromkeys((BALANCE, CONTENTION, OVERHEAD, UNEXPLAINED), 0.0)
    for stretch in story.stretches:
        for name, idle in _idle(stretch, facts, story, causes):
            lost[name] += stretch.seconds / story.total_s * idle / facts.workers
    del lost[UNEXPLAINED]  # that is what is left in the end
    return lost


def _fitted(lost: Mapping[str, float], missing: float) -> dict[str, float]:
    """Shrinks what the looks show to what is missing: they are of another run, and a graph explains some of it."""
    seen = sum(lost.values())
    shrunk = min(1.0, missing / seen) if seen else 1.0
    return {name: share * shrunk for name, share in lost.items()}


def _idle(stretch: Stretch, facts: Facts, story: Story, causes: Mapping[Kind, Cause]) -> Iterator[tuple[str, float]]:
    """How many workers did not work, by the step that this is put down to."""
    at_work = _at_work(stretch, facts)
    absent = facts.workers * causes[Kind.POOL].share if Kind.POOL in causes else 0.0
    if at_work is None:
        yield OVERHEAD, absent
        if Kind.CPUS in causes:  # so many of them cannot have got on, whatever they did
            yield CONTENTION, max(0.0, facts.workers - absent - facts.usable_cpus)
        return
    idle = float(facts.workers - at_work)
    if stretch.held is not Held.STARTING:
        absent = min(idle, absent)
        yield OVERHEAD, absent
        idle -= absent
    if stretch.held is Held.TOGETHER:
        waiting = min(idle, len(those(stretch.look, Doing.LOCKED_OUT)) + len(those(stretch.look, Doing.QUEUES)))
        yield CONTENTION, waiting
        idle -= waiting
    yield _step_of(stretch.held, story, causes), idle


def _at_work(stretch: Stretch, facts: Facts) -> int | None:
    """How many workers worked, P at the most; None if that was child processes, which cannot be seen."""
    seen = len(those(stretch.look, Doing.WORKS))
    return None if stretch.look.children and seen < 2 else min(seen, facts.workers)


def _step_of(held: Held, story: Story, causes: Mapping[Kind, Cause]) -> str:
    if held is Held.STARTING and not (story.workers or story.children):
        return BALANCE if Kind.NOTHING in causes else UNEXPLAINED  # if it is not certain, workers may be out of sight
    if held is Held.ALONE and Kind.UNBALANCED not in causes and causes.keys() & _QUEUES:
        return CONTENTION  # the end of a queue is no fault of the split
    if held is Held.TOGETHER and Kind.GIL in causes:
        return CONTENTION  # more of them would have got on no faster
    return _STEP_OF_LOOK[held]


def _worked_longer(facts: Facts, story: Story, causes: Mapping[Kind, Cause]) -> Iterator[tuple[str, float]]:
    """What those at work did besides the work that the sequential program does, as far as a cause stands out."""
    seen = [(stretch.seconds / story.total_s, _at_work(stretch, facts) or 0) for stretch in story.stretches]
    at_work = sum(share * count for share, count in seen) / facts.workers
    if Kind.EXTRA in causes:
        yield OVERHEAD, causes[Kind.EXTRA].share * at_work
    if Kind.PROCESSES in causes:
        yield OVERHEAD, causes[Kind.PROCESSES].share * story.samples.children_started / facts.workers
    if causes.keys() & {Kind.GIL, Kind.CPUS}:
        # Whoever seems to compute has the CPU or waits for it; the rest of the work is waiting in either program.
        waits_anyway = max(0.0, 1 - facts.sequential_cpus) * facts.speedup
        yield CONTENTION, max(0.0, at_work - (facts.parallel_cpus + waits_anyway) / facts.workers)
