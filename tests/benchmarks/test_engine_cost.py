"""What the orchestrator costs per module, beside what a careful user writes with the standard library.

The peer stands in the place of the sequential arm, so the "speedup" here reads: how many times cheaper the
orchestrator is.  Both run 10,000 modules that do nothing, on four workers, in the same rounds; the operation exists
already, as it would in a second run.  An engine that ran everything in the calling thread would win this, so it is a
diagnostic, not a headline.
"""

from __future__ import annotations

import graphlib
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from orchestrator import Module, Operation, execute_operation, module

MODULES = 10_000
WORKERS = 4


def nothing(context: object) -> None:
    """Does what the benchmark's modules do."""


def predecessors(shape: str, node: int) -> list[int]:
    """The nodes directly before *node* in a graph of that shape."""
    layer, place = divmod(node, 4 if shape == "stencil" else 100)
    if shape == "chain":
        return [node - 1] if node else []
    if shape == "tree":
        return [(node - 1) // 2] if node else []
    if shape == "stencil" and layer:
        return [(layer - 1) * 4 + other for other in (place - 1, place, place + 1) if 0 <= other < 4]
    if shape == "layered" and layer:
        return sorted({(layer - 1) * 100 + (place * 7 + step * 13) % 100 for step in range(3)})
    return []


def floor(graph: dict[int, list[int]]) -> None:
    """``graphlib`` and a thread pool: what the orchestrator has to be worth."""
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    ended: SimpleQueue[int] = SimpleQueue()
    with ThreadPoolExecutor(WORKERS) as pool:
        while sorter.is_active():
            for node in sorter.get_ready():
                pool.submit(nothing, None).add_done_callback(lambda _future, node=node: ended.put(node))  # type: ignore[misc]  # the default argument binds the loop's node
            sorter.done(ended.get())


@pytest.mark.cortex(min_speedup=1.5)
@pytest.mark.parametrize("shape", ["independent", "chain", "stencil", "tree", "layered"])
def test_cost_per_module(shape: str, cortex_bench: Any) -> None:
    graph = {node: predecessors(shape, node) for node in range(MODULES)}
    modules: list[Module] = [
        module(id=str(node), depends_on=[str(before) for before in graph[node]])(nothing) for node in graph
    ]
    operation = Operation(shape, modules)
    execute_operation(operation)

    def orchestrator() -> None:
        execute_operation(operation, max_parallel_workers=WORKERS)

    cortex_bench(sequential=lambda: floor(graph), parallel=orchestrator, workers=WORKERS)
