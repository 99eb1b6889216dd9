"""Who comes before whom: the one question that decides what a module sees and whether two writers clash.

Keeping every module's set of ancestors would cost quadratic memory.  Instead each question is answered on its own,
cheapest test first, and nothing is computed before somebody asks.
"""

from __future__ import annotations

from functools import cached_property

_FEW = 16
"""A longer list of predecessors is left to the search, whose effort is counted."""


class Ancestry:
    """Answers whether one node of an acyclic graph comes before another.

    Args:
        predecessors: Per node, the nodes directly before it.
        stage: Per node, its stage; everything in an earlier stage comes before.
        depth: Per node, the length of the longest chain before it inside its stage.
    """

    def __init__(self, predecessors: list[list[int]], stage: list[int], depth: list[int]) -> None:
        self._predecessors = predecessors
        self._stage = stage
        self._depth = depth
        self._known: dict[int, dict[int, bool]] = {}

    def is_before(self, ancestor: int, node: int) -> bool:
        """True if *ancestor* must have ended before *node* starts."""
        return ancestor in self.past(node)

    def past(self, node: int) -> Past:
        """Returns what comes before *node*, for many questions about it."""
        return Past(self, node)

    def obvious(self, ancestor: int, node: int) -> bool | None:
        """Answers what can be told without searching, None for the rest."""
        if self._stage[ancestor] != self._stage[node]:
            return self._stage[ancestor] < self._stage[node]
        if self._depth[ancestor] >= self._depth[node]:
            return False
        direct = self._predecessors[node]
        if len(direct) <= _FEW and ancestor in direct:
            return True
        return True if self._in_subtree(ancestor, node) else None

    def _in_subtree(self, ancestor: int, node: int) -> bool:
        first, last = self._intervals
        return first[ancestor] <= first[node] <= last[ancestor]

    @cached_property
    def _intervals(self) -> tuple[list[int], list[int]]:
        """First and last visit number of each node's subtree, in a forest of one deepest predecessor per node.

        Where the numbers nest, the node is certainly a descendant; a chain or a tree never needs more than this.

        Source:
            Agrawal, Borgida & Jagadish, "Efficient management of transitive relationships", SIGMOD 1989.
        """
        children: list[list[int]] = [[] for _ in self._depth]
        roots: list[int] = []
        for node, depth in enumerate(self._depth):
            parent = self._deepest_predecessor(node) if depth else None
            (roots if parent is None else children[parent]).append(node)
        first = [0] * len(children)
        last = [0] * len(children)
        visits = 0
        stack = [(root, False) for root in roots]
        while stack:
            node, done = stack.pop()
            if done:
                last[node] = visits
            else:
                visits += 1
                first[node] = visits
                stack.append((node, True))
                stack += [(child, False) for child in children[node]]
        return first, last

    def _deepest_predecessor(self, node: int) -> int:
        """The predecessor in the same stage that the node's depth comes from."""
        return next(
            other
            for other in self._predecessors[node]
            if self._depth[other] == self._depth[node] - 1 and self._stage[other] == self._stage[node]
        )

    def search(self, ancestor: int, node: int) -> tuple[bool, int]:
        """Searches backwards from *node*; answers on the way are kept, so no node is searched twice per ancestor.

        Returns:
            Whether *ancestor* was met, and the effort: how many predecessors were looked at.
        """
        known = self._known.setdefault(ancestor, {})
        effort = 1
        stack = [node]
        while stack:
            current = stack[-1]
            if current in known:
                stack.pop()
                continue
            effort += len(self._predecessors[current])
            nearer = [p for p in self._predecessors[current] if self._may_follow(ancestor, p)]
            if ancestor in self._predecessors[current] or any(
                known.get(p) or self._in_subtree(ancestor, p) for p in nearer
            ):
                known[current] = True
            elif unknown := [p for p in nearer if p not in known]:
                stack += unknown
            else:
                known[current] = False
        return known[node], effort

    def walk(self, node: int) -> set[int]:
        """Everything before *node* in its own stage."""
        reached = [node]
        seen: set[int] = set()
        for each in reached:  # grows while it is walked
            for other in self._predecessors[each]:
                if other not in seen and self._stage[other] == self._stage[node]:
                    seen.add(other)
                    reached.append(other)
        return seen

    def __len__(self) -> int:
        return len(self._depth)

    def _may_follow(self, ancestor: int, node: int) -> bool:
        return self._stage[node] == self._stage[ancestor] and self._depth[node] > self._depth[ancestor]


class Past:
    """What comes before one node; ``other in past`` asks.

    A search on behalf of each of 10,000 others could walk the same past 10,000 times.  So once the searches together
    have cost as much as there are nodes, the past is walked once and kept.

    Args:
        ancestry: The graph's.
        node: Whose past it is.
    """

    __slots__ = ("_ancestry", "_node", "_patience", "_walked")

    def __init__(self, ancestry: Ancestry, node: int) -> None:
        self._ancestry = ancestry
        self._node = node
        self._patience = len(ancestry)
        self._walked: set[int] | None = None

    def __contains__(self, other: int) -> bool:
        obvious = self._ancestry.obvious(other, self._node)
        if obvious is not None:
            return obvious
        if self._patience > 0:
            found, effort = self._ancestry.search(other, self._node)
            self._patience -= effort
            return found
        if self._walked is None:
            self._walked = self._ancestry.walk(self._node)
        return other in self._walked


class Writers:
    """The modules that write one key, in an order that the graph allows.

    A *plain* write replaces the value, so it must be ordered with every other writer.  Writes with a reducer may
    come in any order among themselves.
    """

    __slots__ = ("_has_plain", "_recent")

    def __init__(self) -> None:
        self._recent: list[int] = []  # the latest plain writer, if any, and the reducing ones after it
        self._has_plain = False

    def clash(self, node: int, ancestry: Ancestry, *, reduces: bool) -> int | None:
        """Returns an earlier writer that the graph does not order with *node*, None if all is well.

        Whatever precedes the latest plain writer is ordered with it, and so with all that comes after it.
        """
        rivals = self._recent
        if reduces:
            rivals = rivals[:1] if self._has_plain else []
        past = ancestry.past(node)
        return next((rival for rival in rivals if rival not in past), None)

    def add(self, node: int, *, reduces: bool) -> None:
        """Notes that *node* has written."""
        if not reduces:
            self._recent = []
            self._has_plain = True
        self._recent.append(node)
