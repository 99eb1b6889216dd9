"""What one watched run adds up to: every look at it is put down to one thing, and stands for a stretch of its time."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from pytest_cortex.explaining.sampling import CALLER, Doing, Line, Look, Samples, Seen


class Held(Enum):
    """What a look at the parallel run is put down to."""

    TOGETHER = auto()
    LOCK = auto()
    LOOP = auto()
    STARTING = auto()
    TURNS = auto()
    ALONE = auto()
    CALLER = auto()
    NOBODY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The part of a run that one look stands for.

    Attributes:
        look: What was seen.
        held: What it is put down to.
        seconds: How long.
    """

    look: Look
    held: Held
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The looks at a parallel run, sorted by what they are put down to, and the seconds they stand for."""

    samples: Samples
    workers: frozenset[int]
    stretches: list[Stretch] = field(default_factory=list)
    looks: dict[Held, list[Look]] = field(default_factory=lambda: {held: [] for held in Held})
    seconds: dict[Held, float] = field(default_factory=lambda: dict.fromkeys(Held, 0.0))

    @classmethod
    def of(cls, samples: Samples) -> Story:
        """Returns the story of a run; there must have been a look at it."""
        story = cls(samples=samples, workers=samples.workers)
        begun = False
        for look, stands_for_s in zip(samples.looks, _stand_for_s(samples), strict=True):
            begun = begun or look.children > 0 or any(worked(look, worker) for worker in story.workers)
            held = _held_by(look, story.workers, begun=begun)
            story.stretches.append(Stretch(look=look, held=held, seconds=stands_for_s))
            story.looks[held].append(look)
            story.seconds[held] += stands_for_s
        return story

    def share(self, *held: Held) -> float:
        """Of the time of the run."""
        return sum(self.seconds[each] for each in held) / self.total_s

    @property
    def total_s(self) -> float:
        """Seconds that all looks stand for."""
        return sum(self.seconds.values())

    @property
    def children(self) -> int:
        """The most child processes there were at once."""
        return max(look.children for look in self.samples.looks)

    @property
    def pool(self) -> int:
        """How many strands took part in the work, the caller among them if it worked beside others."""
        return len(self.workers) + any(worked(look, CALLER) for look in self.looks[Held.TOGETHER])


def _stand_for_s(samples: Samples) -> list[float]:
    """Each look stands for the time halfway to its neighbours: a sampler that is kept waiting looks unevenly."""
    times = [look.at_s for look in samples.looks]
    middles = [0.0, *map(statistics.fmean, itertools.pairwise(times)), max(times[-1], samples.wall_s)]
    return [end - start for start, end in itertools.pairwise(middles)]


def _held_by(look: Look, workers: frozenset[int], *, begun: bool) -> Held:
    at_work = len(those(look, Doing.WORKS))
    for held, doing in ((Held.LOCK, Doing.LOCKED_OUT), (Held.LOOP, Doing.QUEUES)):
        if len(those(look, doing)) >= max(1, at_work):
            return held
    if at_work > 1:
        return Held.TOGETHER
    if not begun or those(look, Doing.STARTS):
        return Held.STARTING
    return Held.TOGETHER if look.children else _held_alone(look, workers)  # what children do cannot be seen


def _held_alone(look: Look, workers: frozenset[int]) -> Held:
    """Of a look in which one strand works at most."""
    if any(seen.strand in workers for seen in those(look, Doing.WAITS)):
        return Held.TURNS
    if not those(look, Doing.WORKS):
        return Held.NOBODY
    return Held.CALLER if worked(look, CALLER) else Held.ALONE


def those(look: Look, doing: Doing) -> list[Seen]:
    """Returns the strands that were seen *doing* this."""
    return [seen for seen in look.seen if seen.doing is doing]


def worked(look: Look, strand: int) -> bool:
    """True if *strand* was seen working."""
    return any(seen.strand == strand for seen in those(look, Doing.WORKS))


def most_seen(looks: Iterable[Look], *doing: Doing, strands: Container[int] | None = None) -> Line | None:
    """Where those *strands*, or any, were most often seen *doing* one of these."""
    seen = (seen for look in looks for seen in look.seen if seen.doing in doing)
    lines = Counter(each.line for each in seen if each.line and (strands is None or each.strand in strands))
    return max(lines, key=lambda line: lines[line], default=None)
