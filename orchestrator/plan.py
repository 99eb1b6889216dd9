"""What an operation would do, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from orchestrator.errors import CallError, PlanError
from orchestrator.graph import Compilation, compile_operation
from orchestrator.operation import Operation
from orchestrator.registry import find
from orchestrator.schedule import Schedule

if TYPE_CHECKING:
    from orchestrator.graph import Graph
    from orchestrator.module import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """When and where one module runs.

    Attributes:
        started_s: Seconds from the start of the operation.
        finished_s: The same, for its end.
        worker: Number of the worker, from 0.
    """

    started_s: float
    finished_s: float
    worker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """A schedule as it would be if nothing but the modules took time.

    Attributes:
        slots: By id, in order of start.
        makespan_s: From the start to the last finish; 0 for no modules.
        peak_concurrency: The most modules that run at once.
    """

    slots: Mapping[str, Slot]
    makespan_s: float
    peak_concurrency: int


class Plan:
    """A checked graph of modules.  Durations are in seconds per module id; an id that is missing counts 0.

    Args:
        operation_id: Id of the operation planned.
        compilation: Its compiled graph.
    """

    def __init__(self, operation_id: str, compilation: Compilation) -> None:
        self.operation_id = operation_id
        self._graph: Graph = compilation.graph
        self._ids = compilation.graph.ids

    @property
    def order(self) -> tuple[str, ...]:
        """Ids in an order that honours phases and dependencies."""
        return tuple(self._ids[node] for node in self._graph.order)

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Modules of equal depth within a phase: nothing in a group waits for anything else in it."""
        groups: dict[tuple[int, int], list[str]] = {}
        for node in self._graph.order:
            groups.setdefault((self._graph.stage[node], self._graph.depth[node]), []).append(self._ids[node])
        return tuple(map(tuple, groups.values()))

    @property
    def dependencies(self) -> Mapping[str, tuple[str, ...]]:
        """Per id, the ids of the modules directly before it, hard or not."""
        ids, graph = self._ids, self._graph
        return {ids[node]: tuple(ids[p] for p in graph.predecessors[node]) for node in graph.order}

    @property
    def phases(self) -> Mapping[str, Phase]:
        """The phase of each module, by id."""
        return {module.id: module.phase for module in self._graph.modules}

    @property
    def width(self) -> int:
        """How many modules can ever run at once, at most.

        Modules are strung into chains, each continued by the first successor that no other chain has taken; modules
        of one chain exclude each other, so no more run together than there are chains.  Upper bound, linear time.
        """
        graph = self._graph
        widths = [0] * len(graph.stage_sizes)
        taken: set[int] = set()
        for node in graph.order:
            if node not in taken:
                widths[graph.stage[node]] += 1
            heir = next(
                (s for s in graph.successors[node] if s not in taken and graph.stage[s] == graph.stage[node]),
                None,
            )
            if heir is not None:
                taken.add(heir)
        return max(widths, default=0)

    def work_s(self, durations: Mapping[str, float]) -> float:
        """Sum of all durations, T1."""
        return sum((durations.get(name, 0.0) for name in self._ids), 0.0)

    def span_s(self, durations: Mapping[str, float]) -> float:
        """Length of the critical path, T∞: phases one after another, in each the longest chain."""
        return sum((durations.get(name, 0.0) for name in self.critical_path(durations)), 0.0)

    def critical_path(self, durations: Mapping[str, float]) -> tuple[str, ...]:
        """Ids along the longest chain in time; ties go to the module that comes first."""
        graph = self._graph
        length = [durations.get(name, 0.0) for name in self._ids]
        finish = [0.0] * len(length)
        before: list[int | None] = [None] * len(length)
        ends: dict[int, int] = {}  # per stage, the node that finishes last
        for node in graph.order:
            inside = [p for p in graph.predecessors[node] if graph.stage[p] == graph.stage[node]]
            latest = max(inside, key=lambda p: (finish[p], -p), default=None)
            before[node] = latest
            finish[node] = length[node] + (0.0 if latest is None else finish[latest])
            last = ends.setdefault(graph.stage[node], node)
            if finish[node] > finish[last]:
                ends[graph.stage[node]] = node
        path: list[str] = []
        for stage in sorted(ends, reverse=True):
            node_on_path: int | None = ends[stage]
            while node_on_path is not None:
                path.append(self._ids[node_on_path])
                node_on_path = before[node_on_path]
        return tuple(reversed(path))

    def parallelism(self, durations: Mapping[str, float]) -> float:
        """T1 / T∞, the ceiling of any speedup; 0 if there is no work."""
        span_s = self.span_s(durations)
        return self.work_s(durations) / span_s if span_s else 0.0

    def bound_s(self, durations: Mapping[str, float], workers: int) -> float:
        """max(T1 / P, T∞): no schedule on *workers* workers can be shorter.

        Raises:
            CallError: If *workers* < 1.

        Source:
            Graham, "Bounds for certain multiprocessing anomalies", Bell System Technical Journal 45, 1966.
        """
        _check_workers(workers)
        return max(self.work_s(durations) / workers, self.span_s(durations))

    def simulate(self, durations: Mapping[str, float], workers: int) -> Timetable:
        """Plays the schedule that the runner follows, for modules that take *durations* and overhead that takes none.

        What ends at the same instant ends before anything starts, so the answer does not depend on who is told first.

        Raises:
            CallError: If *workers* < 1.
        """
        _check_workers(workers)
        schedule = Schedule(self._graph)
        free = list(range(min(workers, len(self))))  # heaps, both of them
        running: list[tuple[float, int, int]] = []  # (finish, worker, node)
        slots: dict[str, Slot] = {}
        now_s, peak = 0.0, 0
        while not schedule.exhausted:
            while free and (node := schedule.take()) is not None:
                worker, name = heappop(free), self._ids[node]
                slot = slots[name] = Slot(started_s=now_s, finished_s=now_s + durations.get(name, 0.0), worker=worker)
                heappush(running, (slot.finished_s, worker, node))
            peak = max(peak, len(running))
            now_s = running[0][0]
            while running and running[0][0] == now_s:
                _, worker, node = heappop(running)
                heappush(free, worker)
                schedule.succeed(node)
        return Timetable(slots=slots, makespan_s=now_s, peak_concurrency=peak)

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"<Plan of {self.operation_id}: {len(self._ids)} modules>"


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise CallError(f"workers must be at least 1, not {workers!r}")


def plan(operation: Operation | str, profile: str = "standard") -> Plan:
    """Plans an operation; runs nothing.

    Raises:
        PlanError: If the graph has faults; ``problems`` lists all of them.
        CallError: If the operation or the profile is unknown.
    """
    found = find(operation)
    compilation = compile_operation(found, profile)
    if compilation.problems:
        raise PlanError(found.id, compilation.problems)
    return Plan(found.id, compilation)
