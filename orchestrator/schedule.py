"""Which module goes next: a state machine, and nothing else.

Pure: it runs nothing, reads no clock and knows no thread.  Whoever drives it calls ``take`` for the next node and
then exactly one of ``succeed``, ``skip``, ``fail`` and ``abandon`` for it.  One driver at a time: the runner holds a
lock round every call, a test calls it by hand and so can play every interleaving.

The state is four things: the nodes that are ready (a heap), the ends each other node still waits for, the stage that
is open, and whether the operation has been closed.  Because a node leaves the heap only through ``take``, nothing can
start after ``close``.
"""

from __future__ import annotations

from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.graph import Graph


class SkipReason(StrEnum):
    """Why a module did not run."""

    CONDITION = "condition"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_SKIPPED = "upstream_skipped"
    CYCLE = "cycle"
    CANCELLED = "cancelled"
    PLAN = "plan"


class Schedule:
    """Hands out the nodes of *graph*, the longest remaining path first.

    Attributes:
        closed: True once nothing new may start.
        running: Nodes taken and not yet ended.
        skipped: Reason per node that will not run.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._successors = graph.successors
        self._stage_of = graph.stage
        self._missing = [len(each) for each in graph.predecessors]
        self._left = list(graph.stage_sizes)  # nodes per stage that have not ended
        self._stage = 0
        self._parked: list[list[int]] = [[] for _ in graph.stage_sizes]  # ready, but their stage is not open yet
        self._node_at = graph.urgency
        self._place = [0] * len(graph)
        for place, node in enumerate(graph.urgency):
            self._place[node] = place
        self._ready: list[int] = []  # places in graph.urgency
        self.closed = False
        self.running = 0
        self.skipped: dict[int, SkipReason] = {}
        for node, count in enumerate(self._missing):
            if not count:
                self._parked[graph.stage[node]].append(node)
        self._open_stage()

    @property
    def ready(self) -> int:
        """How many nodes ``take`` could hand out at once."""
        return 0 if self.closed else len(self._ready)

    @property
    def exhausted(self) -> bool:
        """True once ``take`` will never hand out a node again."""
        return self.closed or self._stage == len(self._left)

    def take(self) -> int | None:
        """Returns the most urgent ready node, None if there is none at the moment."""
        if self.closed or not self._ready:
            return None
        self.running += 1
        return self._node_at[heappop(self._ready)]

    def succeed(self, node: int) -> None:
        """*node* has done its work."""
        self.running -= 1
        self._end(node)

    def skip(self, node: int) -> None:
        """The condition of *node* was false: what needs it is skipped as well."""
        self.running -= 1
        self.skipped[node] = SkipReason.CONDITION
        self._skip_dependents(node, SkipReason.UPSTREAM_SKIPPED)
        self._end(node)

    def fail(self, node: int) -> None:
        """*node* has failed: what needs it is skipped.  Whether all must stop is for the caller to say."""
        self.running -= 1
        self._skip_dependents(node, SkipReason.UPSTREAM_FAILED)
        self._end(node)

    def abandon(self) -> None:
        """One running node will never be heard of again, as far as this schedule is concerned."""
        self.running -= 1

    def close(self) -> None:
        """From here on nothing starts."""
        self.closed = True

    def _end(self, node: int) -> None:
        """Releases what waited for *node*.

        A skipped node ends here too, once all before it have ended and not sooner: what comes after it may rely on
        that.
        """
        missing = self._missing
        ended = [node]
        for each in ended:  # grows while it is walked
            for successor in self._successors[each]:
                missing[successor] -= 1
                if missing[successor]:
                    continue
                if successor in self.skipped:
                    ended.append(successor)
                elif self._stage_of[successor] == self._stage:
                    heappush(self._ready, self._place[successor])
                else:
                    self._parked[self._stage_of[successor]].append(successor)
            self._left[self._stage_of[each]] -= 1
        if not self._left[self._stage]:
            self._open_stage()

    def _open_stage(self) -> None:
        """Opens the first stage that still has something to do."""
        while self._stage < len(self._left) and not self._left[self._stage]:
            self._stage += 1
        if self._stage < len(self._left):
            self._ready = [self._place[node] for node in self._parked[self._stage]]
            heapify(self._ready)

    def _skip_dependents(self, node: int, reason: SkipReason) -> None:
        """Marks everything that needs *node*, directly or not."""
        behind = [node]
        for each in behind:  # grows while it is walked
            for dependent in self._graph.hard_successors[each]:
                if dependent not in self.skipped:
                    self.skipped[dependent] = reason
                    behind.append(dependent)
