"""Rolling back: every module that was entered, in reverse order of completion, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from orchestrator.context import Ledger, ModuleContext
from orchestrator.report import RollbackResult, RollbackStatus

if TYPE_CHECKING:
    from orchestrator.graph import Graph
    from orchestrator.module import Rollback


def roll_back(
    graph: Graph, ledger: Ledger, node: int, call: Callable[[Rollback, ModuleContext], object]
) -> RollbackResult:
    """Undoes one module through *call*.

    The context also holds what the module wrote itself, and is shielded from any cancel.
    """
    shielded = threading.Event()  # never set
    try:
        undo = graph.modules[node].undo
        if undo is None:
            return RollbackResult(status=RollbackStatus.NOT_DEFINED)
        call(undo, ModuleContext(ledger, node, shielded, own=True))
    except BaseException as error:  # noqa: BLE001 - whatever a rollback raises, the others still have to be done
        return RollbackResult(status=RollbackStatus.FAILED, error=error)
    return RollbackResult(status=RollbackStatus.ROLLED_BACK)


def roll_back_all(
    graph: Graph,
    entered: Sequence[int],
    still_running: AbstractSet[int],
    undo: Callable[[int], RollbackResult],
    stopped: Callable[[], bool],
) -> Iterator[tuple[int, RollbackResult]]:
    """Undoes modules one at a time; a failing rollback stops none of the others.

    Args:
        graph: The graph that ran.
        entered: The modules to undo, in the order in which they ended: dependencies come first.
        still_running: Modules in abandoned threads.  Undoing them, or what they build on, would race with them.
        undo: Undoes one module.
        stopped: Asked before each: true once the user insists on leaving.

    Yields:
        The node and how undoing it went.
    """
    unsafe = _with_ancestors(graph, still_running)
    for node in reversed(entered):
        if stopped():
            return
        yield node, RollbackResult(status=RollbackStatus.UNSAFE) if node in unsafe else undo(node)


def _with_ancestors(graph: Graph, nodes: AbstractSet[int]) -> set[int]:
    """*nodes* and all that comes before them, earlier stages included."""
    reached = list(nodes)
    seen = set(nodes)
    for node in reached:  # grows while it is walked
        for predecessor in graph.predecessors[node]:
            if predecessor not in seen:
                seen.add(predecessor)
                reached.append(predecessor)
    latest = max((graph.stage[node] for node in nodes), default=0)
    return seen | {node for node, stage in enumerate(graph.stage) if stage < latest}
