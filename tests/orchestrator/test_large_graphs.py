"""A hundred thousand modules: it finishes, loses nothing, and its cost grows in step with the graph.

Growth is judged by counting the calls that are made, not by the clock.
"""

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from orchestrator import Module, ModuleContext, Operation, SkipReason, execute_operation, module, plan


class Nothing(Module):
    """Cheaper to make than a wrapped function, whose signature is looked at."""

    def run(self, context: ModuleContext) -> None: ...


def chain(size: int) -> list[Module]:
    return [Nothing(f"m{n}", depends_on=[f"m{n - 1}"] if n else []) for n in range(size)]


def fan(size: int) -> list[Module]:
    return [Nothing(f"m{n}") for n in range(size)]


def layered(size: int, width: int = 100) -> list[Module]:
    """Layers of 100; each module depends on three of the layer before."""

    def before(n: int) -> list[str]:
        start = (n // width - 1) * width
        return [f"m{start + (n * 7 + k * 13) % width}" for k in range(3)] if n >= width else []

    return [Nothing(f"m{n}", depends_on=before(n)) for n in range(size)]


def tree(size: int) -> list[Module]:
    return [Nothing(f"m{n}", depends_on=[f"m{(n - 1) // 2}"] if n else []) for n in range(size)]


SHAPES: list[Callable[[int], list[Module]]] = [chain, fan, layered, tree]


def runs(make: Callable[[int], list[Module]], size: int) -> None:
    report = execute_operation(Operation("large", make(size)))
    assert report.success
    assert len(report.modules_succeeded) == size


@pytest.mark.parametrize("make", SHAPES)
def test_twenty_thousand_modules_run(make: Callable[[int], list[Module]]) -> None:
    runs(make, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("make", SHAPES)
def test_a_hundred_thousand_modules_run(make: Callable[[int], list[Module]]) -> None:
    runs(make, 100_000)


# Growth ---------------------------------------------------------------------------------------------------------------


def calls_made(action: Callable[[], object]) -> int:
    """How many functions are called during *action*, in Python or in C."""
    calls = [0]

    def count(_frame: Any, event: str, _argument: Any) -> None:
        if event in {"call", "c_call"}:
            calls[0] += 1

    former = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(former)
    return calls[0]


@pytest.mark.parametrize("make", SHAPES)
def test_planning_and_running_cost_grows_in_step_with_the_graph(make: Callable[[int], list[Module]]) -> None:
    def cost(size: int) -> int:
        operation = Operation("growing", make(size))
        return calls_made(lambda: execute_operation(operation, max_parallel_workers=1))

    assert cost(4000) / cost(2000) < 2.2


@pytest.mark.parametrize("make", SHAPES)
def test_reading_a_report_grows_in_step_with_the_graph(make: Callable[[int], list[Module]]) -> None:
    def cost(size: int) -> int:
        report = execute_operation(Operation("growing", make(size)), max_parallel_workers=1)
        return calls_made(report.to_dict)

    assert cost(2000) / cost(1000) < 2.3  # sorting is a little more than in step


@pytest.mark.parametrize("make", SHAPES)
def test_a_second_run_does_not_plan_again(make: Callable[[int], list[Module]]) -> None:
    operation = Operation("twice", make(2000))
    first = calls_made(lambda: execute_operation(operation, max_parallel_workers=1))
    second = calls_made(lambda: execute_operation(operation, max_parallel_workers=1))
    assert second < first


def reading_parents(make: Callable[[int], list[Module]], size: int) -> list[Module]:
    """The same graph, but each module reads what its first dependency wrote and writes a key of its own."""

    def reading(each: Module) -> Module:
        def work(context: ModuleContext) -> Mapping[str, Any]:
            parent = each.depends_on[0] if each.depends_on else None
            return {each.id: context[parent] + 1 if parent else 0}

        return module(id=each.id, depends_on=each.depends_on)(work)

    return [reading(each) for each in make(size)]


@pytest.mark.parametrize("make", SHAPES)
def test_reading_ones_parents_grows_in_step_with_the_graph(make: Callable[[int], list[Module]]) -> None:
    def cost(size: int) -> int:
        operation = Operation("growing", reading_parents(make, size))
        return calls_made(lambda: execute_operation(operation, max_parallel_workers=1).raise_for_failure())

    assert cost(2000) / cost(1000) < 2.2


def merging(width: int, *, between: bool) -> list[Module]:
    """Many modules add to one key, and a last one reads it; *between* puts a module behind each writer."""
    modules: list[Module] = [
        module(id=f"w{n}", merge={"log": operator.add})(lambda _context: {"log": 1}) for n in range(width)
    ]
    ends = [f"w{n}" for n in range(width)]
    if between:
        modules += [Nothing(f"p{n}", depends_on=[f"w{n}"]) for n in range(width)]
        ends = [f"p{n}" for n in range(width)]
    modules.append(module(id="sum", depends_on=ends)(lambda context: {"sum": context["log"]}))
    return modules


@pytest.mark.parametrize("between", [False, True])
def test_merging_one_key_from_ten_thousand_modules(between: bool) -> None:  # noqa: FBT001 - a test's parameter
    report = execute_operation(Operation("merge", merging(10_000, between=between)))
    assert report.context["sum"] == report.context["log"] == 10_000


@pytest.mark.parametrize("between", [False, True])
def test_merging_grows_in_step_with_the_writers(between: bool) -> None:  # noqa: FBT001 - a test's parameter
    def cost(width: int) -> int:
        operation = Operation("merge", merging(width, between=between))
        return calls_made(lambda: execute_operation(operation, max_parallel_workers=1))

    assert cost(1000) / cost(500) < 2.2


# Depth ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shallow_stack() -> Iterator[None]:
    """Little room to recurse, so that recursion along a path would be noticed on a small graph too."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(500)
    yield
    sys.setrecursionlimit(before)


def failing_chain(size: int) -> list[Module]:
    def fail(context: ModuleContext) -> None:
        raise OSError

    return [module(id="m0")(fail), *chain(size)[1:]]


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize("on_failure", ["rollback", "continue"])
def test_failure_at_the_top_of_a_deep_chain_skips_all_below(on_failure: Any) -> None:
    report = execute_operation(Operation("deep", failing_chain(10_000)), on_failure=on_failure)
    assert len(report.modules_skipped) == 9_999
    assert report.module_results["m9999"].skip_reason is SkipReason.UPSTREAM_FAILED


@pytest.mark.usefixtures("shallow_stack")
def test_failure_at_the_bottom_of_a_deep_chain_undoes_all_above() -> None:
    undone: list[str] = []

    class Undoable(Nothing):
        def rollback(self, context: ModuleContext) -> None:
            undone.append(self.id)

    links: list[Module] = [Undoable(f"m{n}", depends_on=[f"m{n - 1}"] if n else []) for n in range(5000)]
    last = module(id="last", depends_on=["m4999"], check=lambda _context: ["no"])(lambda _context: None)
    execute_operation(Operation("deep", [*links, last]))
    assert undone == [f"m{n}" for n in reversed(range(5000))]


def ring(size: int) -> list[Module]:
    return [Nothing(f"m{n}", depends_on=[f"m{(n + 1) % size}"]) for n in range(size)]


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.filterwarnings("ignore::orchestrator.CycleWarning")
@pytest.mark.parametrize("on_cycle", ["fail", "isolate", "sequential"])
def test_cycle_of_ten_thousand_modules_is_dealt_with(on_cycle: Any) -> None:
    report = execute_operation(Operation("ring", ring(10_000)), on_cycle=on_cycle)
    assert len(report.modules_succeeded) == (10_000 if on_cycle == "sequential" else 0)


@pytest.mark.filterwarnings("ignore::orchestrator.CycleWarning")
@pytest.mark.parametrize("on_cycle", ["fail", "isolate", "sequential"])
def test_finding_cycles_grows_in_step_with_the_graph(on_cycle: Any) -> None:
    """A hub that depends on every module and they on it: one tangle with as many cycles as modules."""

    def cost(size: int) -> int:
        names = [f"m{n}" for n in range(size)]
        hub = [Nothing("hub", depends_on=names), *(Nothing(name, depends_on=["hub"]) for name in names)]
        operation = Operation("hub", hub)
        return calls_made(lambda: execute_operation(operation, on_cycle=on_cycle, max_parallel_workers=1))

    assert cost(2000) / cost(1000) < 2.2


@pytest.mark.slow
def test_failure_at_the_top_of_a_hundred_thousand_and_a_cycle_of_fifty_thousand() -> None:
    assert len(execute_operation(Operation("deep", failing_chain(100_000))).modules_skipped) == 99_999
    assert len(execute_operation(Operation("ring", ring(50_000))).errors) == 1


def test_plan_of_a_large_graph_answers_its_questions() -> None:
    made = plan(Operation("large", layered(10_000)))
    assert len(made.groups) == 100
    assert made.span_s(dict.fromkeys(made.order, 1.0)) == 100
    assert made.width >= 100
