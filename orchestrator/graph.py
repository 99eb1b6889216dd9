"""From an operation to an integer graph: what runs, in which order, and everything that is wrong with it.

Pure: no thread, no clock, no I/O.  Modules become *nodes*, integers in the order (phase, priority, declaration), so
that a node's number is also its rank among equals.  All passes are linear in modules and dependencies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from orchestrator.ancestry import Ancestry, Writers
from orchestrator.errors import CallError, PlanProblem, ProblemKind, conflict_message, suggestion

if TYPE_CHECKING:
    from orchestrator.module import Module
    from orchestrator.operation import Operation

OnCycle: TypeAlias = Literal["fail", "isolate", "sequential"]
Adjacency: TypeAlias = list[list[int]]

_COMPARISONS = 20_000
"""How many ids may be compared in search of similar ones, so that a thousand typing errors do not look like a hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """An acyclic graph of modules, ready to be scheduled.

    Attributes:
        modules: The module of each node.
        predecessors: Per node, the nodes that must end before it.
        successors: The same edges, forwards.
        hard_successors: Those successors that need this node to have *succeeded*.
        stage: Per node, the number of its phase among the phases present.
        stage_sizes: Nodes per stage.
        depth: Per node, the longest chain of predecessors inside its stage.
        order: All nodes by (stage, depth, number): a topological order.
        urgency: Nodes by longest remaining path inside their stage, longest first; ties by number.
        guarded: Nodes with a condition or a check.
        ancestry: Who comes before whom.
    """

    modules: tuple[Module, ...]
    predecessors: Adjacency
    successors: Adjacency
    hard_successors: Adjacency
    stage: list[int]
    stage_sizes: list[int]
    depth: list[int]
    order: list[int]
    urgency: list[int]
    guarded: frozenset[int]
    ancestry: Ancestry

    def __len__(self) -> int:
        return len(self.modules)

    @property
    def ids(self) -> list[str]:
        """Ids of the nodes."""
        return [module.id for module in self.modules]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """What became of an operation.

    Attributes:
        graph: What can run; without any node if there are problems.
        problems: Everything that is wrong.
        planned: Ids of all the modules the profile asks for, in the order of nodes.
        isolated: Ids of the planned modules that are in or behind a cycle and therefore not in *graph*.
        set_aside: The cycles that *isolated* comes from.
        dropped: Dependencies ``(module, dependency)`` that cannot be honoured because they close a cycle.
    """

    graph: Graph
    problems: tuple[PlanProblem, ...]
    planned: tuple[str, ...]
    isolated: tuple[str, ...] = ()
    set_aside: tuple[PlanProblem, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Draft:
    """Modules and resolved edges while they are looked over; edges still may form cycles."""

    modules: list[Module]
    hard: Adjacency
    soft: Adjacency

    def predecessors(self, node: int) -> list[int]:
        return self.hard[node] + self.soft[node]


def compile_operation(operation: Operation, profile: str = "standard", on_cycle: OnCycle = "fail") -> Compilation:
    """Compiles *operation* for *profile*; the result is kept with the operation.

    Raises:
        CallError: If the profile or *on_cycle* is unknown.
    """
    if on_cycle not in ("fail", "isolate", "sequential"):
        raise CallError(f"on_cycle={on_cycle!r} is unknown. Known values: fail, isolate, sequential.")
    key = (profile, on_cycle)
    if key not in operation._compiled:  # noqa: SLF001 - the operation only stores it for this function
        operation._compiled[key] = _compile(operation, profile, on_cycle)  # noqa: SLF001 - the same
    return operation._compiled[key]  # noqa: SLF001 - the same


def _compile(operation: Operation, profile: str, on_cycle: OnCycle) -> Compilation:
    problems: list[PlanProblem] = []
    modules = _selected(operation, profile, problems)
    modules.sort(key=lambda module: (module.phase, module.priority))  # stable: declaration breaks ties
    draft = _resolved(modules, {module.id for module in operation.modules}, problems)
    problems += _later_phases(draft)
    problems += _required_on_optional(draft)
    components = _cycles(draft)
    isolated: list[int] = []
    dropped: list[tuple[int, int]] = []
    if components and on_cycle == "sequential":
        dropped = _in_declaration_order(draft, components, operation)
    elif components:
        isolated = _behind(draft, components)
    cycles = tuple(_cycle_problem(draft, component) for component in components) if isolated else ()
    if on_cycle == "fail":
        problems += cycles
    planned = tuple(module.id for module in modules)
    graph = _graph(_without(draft, isolated))
    problems += _product_conflicts(graph)
    if problems:
        return Compilation(graph=_graph(_Draft([], [], [])), problems=tuple(problems), planned=planned)
    ids = [module.id for module in modules]
    return Compilation(
        graph=graph,
        problems=(),
        planned=planned,
        isolated=tuple(ids[node] for node in isolated),
        set_aside=cycles,
        dropped=tuple((ids[node], ids[dependency]) for node, dependency in dropped),
    )


def _selected(operation: Operation, profile: str, problems: list[PlanProblem]) -> list[Module]:
    """The modules of *profile* and what they depend on, in declaration order, each id once."""
    by_id: dict[str, Module] = {}
    for module in operation.modules:
        by_id.setdefault(module.id, module)
    if len(by_id) < len(operation.modules):
        counts = Counter(module.id for module in operation.modules)
        problems += [_duplicate(operation, name) for name, count in counts.items() if count > 1]
    wanted = operation.wanted(profile)
    if wanted is None:
        return list(by_id.values())
    problems += [_unknown_in_profile(profile, name, by_id) for name in wanted if name not in by_id]
    chosen: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in chosen and name in by_id:
            chosen.add(name)
            pending += by_id[name].depends_on
    return [module for name, module in by_id.items() if name in chosen]


def _unknown_in_profile(profile: str, name: str, known: Iterable[str]) -> PlanProblem:
    return PlanProblem(
        ProblemKind.UNKNOWN_MODULE,
        (name,),
        f"profile {profile!r} names an unknown module {name!r}{suggestion(name, known)}",
    )


def _duplicate(operation: Operation, name: str) -> PlanProblem:
    return PlanProblem(
        ProblemKind.DUPLICATE_ID,
        (name,),
        f"operation {operation.id!r} has more than one module {name!r}: give each its own id, e.g. module(id=...)",
    )


def _resolved(modules: list[Module], everywhere: set[str], problems: list[PlanProblem]) -> _Draft:
    """Turns ids into edges.  Order after a module that this profile leaves out is no constraint."""
    number = {module.id: node for node, module in enumerate(modules)}
    hard: Adjacency = []
    soft: Adjacency = []
    for module in modules:
        hard.append([number[name] for name in module.depends_on if name in number])
        needed = set(module.depends_on)
        soft.append([number[name] for name in module.runs_after if name in number and name not in needed])
        names = dict.fromkeys(module.depends_on + module.runs_after)
        for name in names:
            if name not in everywhere:
                affordable = len(problems) * len(everywhere) <= _COMPARISONS
                problems.append(_unknown_dependency(module.id, name, everywhere if affordable else ()))
    return _Draft(modules, hard, soft)


def _unknown_dependency(module_id: str, name: str, known: Iterable[str]) -> PlanProblem:
    return PlanProblem(
        ProblemKind.UNKNOWN_MODULE,
        (module_id, name),
        f"module {module_id!r} depends on an unknown module {name!r}{suggestion(name, known)}",
    )


def _later_phases(draft: _Draft) -> Iterable[PlanProblem]:
    """Dependencies that no order of phases can honour."""
    for node, module in enumerate(draft.modules):
        for dependency in map(draft.modules.__getitem__, draft.predecessors(node)):
            if dependency.phase > module.phase:
                yield PlanProblem(
                    ProblemKind.LATER_PHASE,
                    (module.id, dependency.id),
                    f"module {module.id!r} in phase {module.phase.name} depends on {dependency.id!r}, which runs only "
                    f"in the later phase {dependency.phase.name}: move one of them",
                )


def _required_on_optional(draft: _Draft) -> Iterable[PlanProblem]:
    """Hard dependencies that would quietly make an optional module a required one."""
    for node, module in enumerate(draft.modules):
        for dependency in map(draft.modules.__getitem__, draft.hard[node]):
            if dependency.optional and not module.optional:
                yield PlanProblem(
                    ProblemKind.OPTIONAL_DEPENDENCY,
                    (module.id, dependency.id),
                    f"required module {module.id!r} depends on optional {dependency.id!r}, which may fail: "
                    f"use runs_after=[{dependency.id!r}], or make {module.id!r} optional too, or make "
                    f"{dependency.id!r} required",
                )


# Cycles ---------------------------------------------------------------------------------------------------------------


def _cycles(draft: _Draft) -> list[list[int]]:
    """Every strongly connected component with a cycle in it, members in order; none for a sound graph."""
    leftover = _leftover(draft)
    return [sorted(component) for component in _components(draft, leftover) if _is_cyclic(draft, component)]


def _leftover(draft: _Draft) -> set[int]:
    """Nodes in or behind a cycle: those that Kahn's algorithm cannot remove."""
    predecessors = [draft.predecessors(node) for node in range(len(draft.modules))]
    missing = [len(each) for each in predecessors]
    successors = _reversed(predecessors)
    free = [node for node, count in enumerate(missing) if not count]
    for node in free:  # grows while it is walked
        for successor in successors[node]:
            missing[successor] -= 1
            if not missing[successor]:
                free.append(successor)
    return {node for node, count in enumerate(missing) if count}


def _is_cyclic(draft: _Draft, component: list[int]) -> bool:
    return len(component) > 1 or component[0] in draft.predecessors(component[0])


def _components(draft: _Draft, nodes: set[int]) -> list[list[int]]:
    """Strongly connected components of the subgraph on *nodes*.

    Source:
        Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2), 1972; made iterative, since
        a chain of 100,000 modules is deeper than Python's stack.
    """
    found: list[list[int]] = []
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []  # nodes whose component is not yet known
    place: dict[int, int] = {}  # where each of them stands in path
    for root in sorted(nodes):
        stack = [(root, iter(draft.predecessors(root)))] if root not in number else []
        while stack:
            node, neighbours = stack[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                place[node] = len(path)
                path.append(node)
            for neighbour in neighbours:
                if neighbour in place:
                    low[node] = min(low[node], number[neighbour])
                elif neighbour in nodes and neighbour not in number:
                    stack.append((neighbour, iter(draft.predecessors(neighbour))))
                    break
            else:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == number[node]:
                    found.append(path[place[node] :])
                    del path[place[node] :]
                    for member in found[-1]:
                        del place[member]
    return found


def _cycle_problem(draft: _Draft, component: list[int]) -> PlanProblem:
    """Names one shortest cycle of *component*."""
    path = [draft.modules[node].id for node in _shortest_cycle(draft, component)]
    arrows = " → ".join([*_abridged(path), path[0]])
    return PlanProblem(
        ProblemKind.CYCLE,
        tuple(path),
        f"modules wait for each other in a cycle: {arrows} (each depends on the next): "
        "remove one of these dependencies",
    )


def _abridged(path: list[str]) -> list[str]:
    """Leaves out the middle of a path that nobody would read to its end."""
    return path if len(path) <= 20 else [*path[:10], f"({len(path) - 15} more)", *path[-5:]]


def _shortest_cycle(draft: _Draft, component: list[int]) -> list[int]:
    """A shortest cycle through the first member, each node followed by one it depends on."""
    start, members = component[0], set(component)
    came_from: dict[int, int] = {}
    queue = [start]
    for node in queue:  # grows while it is walked: breadth first
        for dependency in draft.predecessors(node):
            if dependency == start:
                cycle = [node]
                while cycle[-1] != start:
                    cycle.append(came_from[cycle[-1]])
                return cycle[::-1]
            if dependency in members and dependency not in came_from:
                came_from[dependency] = node
                queue.append(dependency)
    raise AssertionError(f"no cycle through node {start} in {component}")  # pragma: no cover - a component has one


def _behind(draft: _Draft, components: list[list[int]]) -> list[int]:
    """The members of all cycles and everything that comes after one, in order."""
    successors = _reversed([draft.predecessors(node) for node in range(len(draft.modules))])
    reached = [node for component in components for node in component]
    seen = set(reached)
    for node in reached:  # grows while it is walked
        for successor in successors[node]:
            if successor not in seen:
                seen.add(successor)
                reached.append(successor)
    return sorted(seen)


def _in_declaration_order(draft: _Draft, components: list[list[int]], operation: Operation) -> list[tuple[int, int]]:
    """Makes each cycle a chain in declaration order; returns the edges ``(node, dependency)`` that had to go."""
    declared = {module.id: place for place, module in enumerate(operation.modules)}
    dropped = []
    for component in components:
        members = sorted(component, key=lambda node: declared[draft.modules[node].id])
        place = {node: rank for rank, node in enumerate(members)}
        for node in members:
            against = {d: None for d in draft.predecessors(node) if place.get(d, -1) >= place[node]}  # an ordered set
            dropped += [(node, dependency) for dependency in against]
            draft.hard[node] = [d for d in draft.hard[node] if d not in against]
            draft.soft[node] = [d for d in draft.soft[node] if d not in against]
        for before, after in pairwise(members):
            if before not in draft.predecessors(after):
                draft.soft[after].append(before)
    return dropped


def _without(draft: _Draft, nodes: Sequence[int]) -> _Draft:
    """The draft without *nodes*, which no other node may depend on."""
    if not nodes:
        return draft
    gone = set(nodes)
    kept = [node for node in range(len(draft.modules)) if node not in gone]
    number = {node: new for new, node in enumerate(kept)}
    return _Draft(
        [draft.modules[node] for node in kept],
        [[number[d] for d in draft.hard[node]] for node in kept],
        [[number[d] for d in draft.soft[node]] for node in kept],
    )


# The sound graph ------------------------------------------------------------------------------------------------------


def _graph(draft: _Draft) -> Graph:
    """Everything the schedule needs to know, computed once."""
    nodes = range(len(draft.modules))
    predecessors = [draft.predecessors(node) for node in nodes]
    successors = _reversed(predecessors)
    phases = sorted({module.phase for module in draft.modules})
    stage_of_phase = {phase: stage for stage, phase in enumerate(phases)}
    stage = [stage_of_phase[module.phase] for module in draft.modules]
    sizes = [0] * len(phases)
    for each in stage:
        sizes[each] += 1
    topological = _topological(predecessors, successors)
    depth = _chain_lengths(topological, predecessors, stage)
    remaining = _chain_lengths(reversed(topological), successors, stage)
    return Graph(
        modules=tuple(draft.modules),
        predecessors=predecessors,
        successors=successors,
        hard_successors=_reversed(draft.hard),
        stage=stage,
        stage_sizes=sizes,
        depth=depth,
        order=sorted(sorted(nodes, key=depth.__getitem__), key=stage.__getitem__),
        urgency=sorted(nodes, key=lambda node: -remaining[node]),
        guarded=frozenset(node for node in nodes if draft.modules[node].guarded),
        ancestry=Ancestry(predecessors, stage, depth),
    )


def _reversed(adjacency: Adjacency) -> Adjacency:
    """The same edges, pointing the other way, ends in ascending order."""
    turned: Adjacency = [[] for _ in adjacency]
    for node, others in enumerate(adjacency):
        for other in others:
            turned[other].append(node)
    return turned


def _topological(predecessors: Adjacency, successors: Adjacency) -> list[int]:
    """Some topological order (Kahn)."""
    missing = [len(each) for each in predecessors]
    order = [node for node, count in enumerate(missing) if not count]
    for node in order:  # grows while it is walked
        for successor in successors[node]:
            missing[successor] -= 1
            if not missing[successor]:
                order.append(successor)
    return order


def _chain_lengths(order: Iterable[int], before: Adjacency, stage: list[int]) -> list[int]:
    """Per node, how many nodes of its own stage the longest chain before it has."""
    length = [0] * len(stage)
    for node in order:
        for other in before[node]:
            if length[other] >= length[node] and stage[other] == stage[node]:
                length[node] = length[other] + 1
    return length


def _product_conflicts(graph: Graph) -> Iterable[PlanProblem]:
    """Per key, the first two unordered modules that promise it without reducers."""
    producers: defaultdict[str, list[int]] = defaultdict(list)
    for node in graph.order:
        for key in graph.modules[node].produces:
            producers[key].append(node)
    for key, nodes in producers.items():
        writers = Writers()
        for node in nodes:
            reduces = key in graph.modules[node].merge
            rival = writers.clash(node, graph.ancestry, reduces=reduces)
            if rival is not None:
                names = graph.modules[rival].id, graph.modules[node].id
                yield PlanProblem(ProblemKind.PRODUCT_CONFLICT, names, conflict_message(key, *names))
                break
            writers.add(node, reduces=reduces)
