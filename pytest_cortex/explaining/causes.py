"""Why a parallel program fell short of its speedup, as far as its times and one watched run show.

Every look at the parallel run is put down to one thing: strands worked together, or they were held up by a lock, by
each other, by starting up, by one that was left over, by the calling thread.  A cause is named with the share of the
run it took, and the greatest comes first.  What the data do not show is not said.
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto

from pytest_cortex.explaining.sampling import CALLER, Doing, Line, Samples
from pytest_cortex.explaining.story import Held, Story, most_seen, those, worked

# A share of the run below this is left to chance and to the edges of healthy programs.
_WORTH_NAMING = 0.15
_FEWEST_LOOKS = 8
# Strands that work at the same time in fewer looks than this were caught handing over.
_HANDING_OVER = 0.05
# A pool is busy if its workers were at work in this share of the looks.
_BUSY = 0.5
# One strand of those that worked alone stands out if it had this much of the time.
_STANDS_OUT = 0.75
_CPU_BOUND_SHARE = 0.5
# CPU seconds per wall second that a single running thread cannot reach, and CPU seconds that grew beyond noise.
_MORE_THAN_ONE_CPU = 1.3
_CPU_GREW = 1.3
_NEARLY_ALL = 0.8
_AT_THE_CEILING = 0.9
# A thread takes part in computing if it had this share of the CPU time of all.
_COMPUTES = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about two programs of which one should have been faster.

    Attributes:
        workers: P, how many were asked for.
        usable_cpus: CPUs this process may use.
        speedup: As estimated.
        sequential_s: Median wall seconds of the sequential arm, above 0 …
        parallel_s: … and of the parallel one.
        sequential_cpu_s: Median CPU seconds of this process during the sequential arm …
        parallel_cpu_s: … and during the parallel one; those of child processes are not in it.
        ceiling: The most speedup that the graph of the work allows; None if no graph is known.
        sequential: A watched run of the sequential arm, None if there was none …
        parallel: … and one of the parallel arm.
    """

    workers: int
    usable_cpus: float
    speedup: float
    sequential_s: float
    parallel_s: float
    sequential_cpu_s: float
    parallel_cpu_s: float
    ceiling: float | None = None
    sequential: Samples | None = None
    parallel: Samples | None = None

    @property
    def sequential_cpus(self) -> float:
        """CPUs that the sequential arm kept busy on average."""
        return self.sequential_cpu_s / self.sequential_s

    @property
    def parallel_cpus(self) -> float:
        """CPUs that the parallel arm kept busy on average, its child processes not counted."""
        return self.parallel_cpu_s / self.parallel_s

    @property
    def cpu_bound(self) -> bool:
        """True if the work is computing rather than waiting for the world outside."""
        return self.sequential_cpus > _CPU_BOUND_SHARE


class Kind(Enum):
    """What a cause is about."""

    CEILING = auto()
    REFERENCE = auto()
    CPUS = auto()
    GROWTH = auto()
    NOTHING = auto()
    LOCK = auto()
    LOOP = auto()
    TURNS = auto()
    GIL = auto()
    POOL = auto()
    PROCESSES = auto()
    UNBALANCED = auto()
    STARTING = auto()
    EXTRA = auto()
    CALLER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a program is no faster.

    Attributes:
        kind: What it is about.
        share: Of the run, what it accounts for.
        sentence: For people.
    """

    kind: Kind
    share: float
    sentence: str


def causes_of_program(facts: Facts) -> tuple[str, ...]:
    """Says why the speedup fell short, one sentence per cause, the one that cost most first.

    Empty if nothing stands out; of a program that has no parallel run to look at, only its times speak.
    """
    return tuple(cause.sentence for cause in named_causes(facts, story_of(facts)))


def story_of(facts: Facts) -> Story | None:
    """Returns what the watched parallel run adds up to; None if there was none, or too short a one."""
    if facts.parallel is None or len(facts.parallel.looks) < _FEWEST_LOOKS:
        return None
    return Story.of(facts.parallel)


def named_causes(facts: Facts, story: Story | None) -> list[Cause]:
    """Returns the causes that stand out, the one that cost most first."""
    causes = [cause for find in _FROM_TIMES if (cause := find(facts))]
    if story is not None:
        causes += [cause for tell in _FROM_LOOKS if (cause := tell(facts, story))]
    return sorted((cause for cause in causes if cause.share >= _WORTH_NAMING), key=lambda cause: -cause.share)


def _at(line: Line | None, before: str = " at ") -> str:
    return f"{before}{line}" if line else ""


def _n(count: float, one: str) -> str:
    return f"{count:g} {one}" if count == 1 else f"{count:g} {one}s"


# Causes that the times show -------------------------------------------------------------------------------------------


def _at_the_ceiling(facts: Facts) -> Cause | None:
    if facts.ceiling is None or facts.speedup < _AT_THE_CEILING * facts.ceiling:
        return None
    sentence = f"the graph itself allows no more than {facts.ceiling:.2f}×, and {facts.speedup:.2f}× was reached"
    return Cause(kind=Kind.CEILING, share=1.0, sentence=sentence)


def _reference_is_parallel(facts: Facts) -> Cause | None:
    if facts.sequential_cpus < _MORE_THAN_ONE_CPU:
        return None
    return Cause(
        kind=Kind.REFERENCE,
        share=1 - 1 / facts.sequential_cpus,
        sentence=f"the sequential program already used {facts.sequential_cpus:.1f} CPUs on average, so there was less "
        "to gain",
    )


def _too_few_cpus(facts: Facts) -> Cause | None:
    used_all = facts.parallel_cpus >= _NEARLY_ALL * facts.usable_cpus or _has_children(facts.parallel)
    if not (facts.cpu_bound and facts.usable_cpus < facts.workers and used_all):
        return None
    return Cause(
        kind=Kind.CPUS,
        share=1 - facts.usable_cpus / facts.workers,
        sentence=f"too few CPUs: the work is CPU-bound, {_n(facts.workers, 'worker')} were asked for, and this process "
        f"may use {_n(facts.usable_cpus, 'CPU')}",
    )


def _has_children(samples: Samples | None) -> bool:
    return samples is not None and any(look.children for look in samples.looks)


def _cpu_grew(facts: Facts) -> Cause | None:
    if not facts.cpu_bound or facts.parallel_cpu_s < _CPU_GREW * facts.sequential_cpu_s:
        return None
    grown = facts.parallel_cpu_s / facts.sequential_cpu_s
    return Cause(
        kind=Kind.GROWTH,
        share=1 - 1 / grown,
        sentence=f"the same work cost {grown:.1f} times the CPU time in parallel ({facts.parallel_cpu_s:.3g} s instead "
        f"of {facts.sequential_cpu_s:.3g} s): looks like contention for memory, caches or the interpreter, or work "
        "that only the parallel program does",
    )


_FROM_TIMES = (_at_the_ceiling, _reference_is_parallel, _too_few_cpus, _cpu_grew)


# Causes that the looks show -------------------------------------------------------------------------------------------


def _nothing_beside(facts: Facts, story: Story) -> Cause | None:
    """Threads that only a C library knows cannot be seen, but the CPU time betrays them."""
    caller = sum(worked(look, CALLER) for look in story.samples.looks) / len(story.samples.looks)
    if story.workers or story.children or facts.parallel_cpus >= _MORE_THAN_ONE_CPU or caller < _NEARLY_ALL:
        return None
    line = most_seen(story.samples.looks, Doing.WORKS)
    return Cause(
        kind=Kind.NOTHING,
        share=1.0,
        sentence=f"nothing ran in parallel: in {_n(len(story.samples.looks), 'look')} at the parallel program no other "
        f"thread, task or process was at work beside the calling thread{_at(line, ', which was mostly at ')}",
    )


def _lock(_facts: Facts, story: Story) -> Cause:
    looks, share = story.looks[Held.LOCK], story.share(Held.LOCK)
    waiting = statistics.fmean([len(those(look, Doing.LOCKED_OUT)) for look in looks] or [0])
    return Cause(
        kind=Kind.LOCK,
        share=share,
        sentence=f"a lock: for {share:.0%} of the run {waiting:.1f} threads or tasks on average waited"
        f"{_at(most_seen(looks, Doing.LOCKED_OUT))}{_at(most_seen(looks, Doing.WORKS), ', while work went on at ')}",
    )


def _loop(_facts: Facts, story: Story) -> Cause:
    looks, share = story.looks[Held.LOOP], story.share(Held.LOOP)
    return Cause(
        kind=Kind.LOOP,
        share=share,
        sentence=f"a blocked event loop: for {share:.0%} of the run tasks were ready, but the loop was held"
        f"{_at(most_seen(looks, Doing.WORKS))}; only what is awaited lets the others run",
    )


def _turns(_facts: Facts, story: Story) -> Cause | None:
    """Several workers, never two at once: each waits for another, or the caller waits before it asks for the next."""
    share = story.share(Held.TURNS)
    if len(story.workers) > 1 and not _overlapped(story) and not _one_stands_out(story):
        share += story.share(Held.ALONE)
    if share <= story.share(Held.LOCK, Held.LOOP):
        return None
    looks = story.looks[Held.TURNS] or story.looks[Held.ALONE]
    waits = most_seen(looks, Doing.WAITS, strands=story.workers) or most_seen(looks, Doing.WAITS)
    return Cause(
        kind=Kind.TURNS,
        share=share,
        sentence=f"a hidden dependency, by the look of it: {_n(len(story.workers), 'worker')} took turns, and for "
        f"{share:.0%} of the run at most one of them worked{_at(most_seen(looks, Doing.WORKS))}"
        f"{_at(waits, ', while others waited at ')}",
    )


def _overlapped(story: Story) -> bool:
    return story.share(Held.TOGETHER) >= _HANDING_OVER


def _one_stands_out(story: Story) -> bool:
    """True if it was mostly the same worker that worked alone."""
    alone = Counter(seen.strand for look in story.looks[Held.ALONE] for seen in those(look, Doing.WORKS))
    return max(alone.values(), default=0) >= _STANDS_OUT * max(1, alone.total())


def _unbalanced(facts: Facts, story: Story) -> Cause | None:
    """The end of a queue before a lock, or of a chain, is no fault of the split."""
    if _gil(facts, story):
        return None  # alone or together is then the same
    share = story.share(Held.ALONE)
    taking_turns = len(story.workers) < 2 or not (_overlapped(story) or _one_stands_out(story))
    if taking_turns or share <= story.share(Held.LOCK, Held.LOOP, Held.TURNS):
        return None
    return Cause(
        kind=Kind.UNBALANCED,
        share=share,
        sentence=f"an unbalanced split: for {share:.0%} of the run only one of {len(story.workers)} workers still "
        f"worked{_at(most_seen(story.looks[Held.ALONE], Doing.WORKS))}; the others had nothing to do",
    )


def _small_pool(facts: Facts, story: Story) -> Cause | None:
    """Fewer workers than asked for count only if they were busy: short tasks need no more."""
    busy = story.share(Held.ALONE, Held.TOGETHER) >= _BUSY
    if not busy or (story.workers and story.children):
        return None
    pool, what = (story.children, "child processes") if story.children else (story.pool, "threads or tasks")
    waits = most_seen(story.samples.looks, Doing.WAITS, strands={CALLER})
    return Cause(
        kind=Kind.POOL,
        share=1 - pool / facts.workers,
        sentence=f"too few workers at work: no more than {_n(pool, 'worker')} ({what}) took part, {facts.workers} were "
        f"asked for; the pool was smaller, there were fewer tasks, or they were handed over one at a time"
        f"{_at(waits, '; the calling thread waited at ')}",
    )


def _processes(facts: Facts, story: Story) -> Cause | None:
    """Child processes that began and ended in the run, and computed more than there was to compute."""
    extra_s = story.samples.children_cpu_s - facts.sequential_cpu_s
    if not story.samples.children_started:
        return None
    return Cause(
        kind=Kind.PROCESSES,
        share=min(1.0, extra_s / story.samples.children_started / facts.parallel_s),
        sentence=f"looks like the start-up of processes: the run started {story.samples.children_started} of its own, "
        f"which used {story.samples.children_cpu_s:.2g} s of CPU time, the whole sequential program "
        f"{facts.sequential_cpu_s:.2g} s; a pool that is kept starts once",
    )


def _start_up(_facts: Facts, story: Story) -> Cause | None:
    if not story.workers and not story.children:
        return None
    looks, share = story.looks[Held.STARTING], story.share(Held.STARTING)
    caller = most_seen(looks, Doing.STARTS, Doing.WORKS, Doing.WAITS, strands={CALLER})
    return Cause(
        kind=Kind.STARTING,
        share=share,
        sentence=f"start-up: {share:.0%} of the run passed before the first worker worked, or in starting further ones"
        f"{_at(caller, '; the calling thread was mostly at ')}",
    )


def _caller_alone(_facts: Facts, story: Story) -> Cause | None:
    share = story.share(Held.CALLER)
    if not story.workers:
        return None
    return Cause(
        kind=Kind.CALLER,
        share=share,
        sentence=f"a sequential part: for {share:.0%} of the run only the calling thread worked"
        f"{_at(most_seen(story.looks[Held.CALLER], Doing.WORKS))}",
    )


def _only_in_parallel(facts: Facts, story: Story) -> Cause | None:
    """A line that workers were often at and the sequential arm never: it is not the work.

    Only where the two share the rest of their lines; otherwise they are simply written differently.
    """
    if facts.sequential is None or len(facts.sequential.looks) < _FEWEST_LOOKS:
        return None
    known = {seen.line for look in facts.sequential.looks for seen in those(look, Doing.WORKS)}
    lines = Counter(
        seen.line for look in story.samples.looks for seen in those(look, Doing.WORKS) if seen.strand in story.workers
    )
    extra = max((line for line in lines if line and line not in known), key=lambda line: lines[line], default=None)
    if extra is None or not any(line in known for line in lines if line):
        return None
    return Cause(
        kind=Kind.EXTRA,
        share=lines[extra] / lines.total(),
        sentence=f"work that only the parallel program does, such as start-up: {lines[extra] / lines.total():.0%} of "
        f"the workers' time was spent at {extra}, where the sequential program was never seen",
    )


def _gil(facts: Facts, story: Story) -> Cause | None:
    one_cpu = _CPU_BOUND_SHARE < facts.parallel_cpus < _MORE_THAN_ONE_CPU <= facts.usable_cpus
    if not (story.samples.gil and facts.cpu_bound and one_cpu and not story.children and _several_compute(story)):
        return None
    share = story.share(Held.TOGETHER)
    line = most_seen(story.looks[Held.TOGETHER], Doing.WORKS, strands=story.workers)
    return Cause(
        kind=Kind.GIL,
        share=share,
        sentence=f"looks like the GIL: up to {story.samples.peak} threads computed side by side for {share:.0%} of "
        f"the run{_at(line, ', mostly at ')}, but the process used only {facts.parallel_cpus:.1f} of "
        f"{_n(facts.usable_cpus, 'CPU')}; processes, or code that releases it, would not wait for each other",
    )


def _several_compute(story: Story) -> bool:
    """True if more than one thread had a fair share of the CPU; unknown counts as true."""
    on_cpu_s = story.samples.on_cpu_s.values()
    return not on_cpu_s or sum(each >= _COMPUTES * sum(on_cpu_s) for each in on_cpu_s) > 1


_FROM_LOOKS = (
    _nothing_beside, _lock, _loop, _turns, _gil, _small_pool, _processes, _unbalanced, _start_up, _only_in_parallel,
    _caller_alone,
)  # fmt: skip
