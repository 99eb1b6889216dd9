"""Scenarios made to measure: graphs of a known form, drawn from a seed.

The same arguments give the same graph and the same durations, on every machine and in every version of Python.  Modules
that wait have durations by design, so that the ceiling is known without a clock; modules that compute have none: how
long they take is up to the machine.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from functools import partial

from orchestrator import Module, ModuleContext, Operation, module
from pytest_cortex.scenarios.scenario import Scenario, sleeping_module

Graph = Mapping[str, tuple[str, ...]]
"""What each module waits for, by id."""

_BLOCK = bytes(1024 * 1024)


def chain(
    name: str,
    *,
    modules: int = 8,
    workers: int = 4,
    module_duration_s: float = 0.03,
    spread: float = 0.0,
    seed: int = 0,
    min_efficiency: float | None = None,
) -> Scenario:
    """Returns modules of which each waits for the one before: nothing in it is parallel, and a gate must say so.

    Args:
        name: How gates and reports call it.
        modules: How many, from 1 up.
        workers: P for the parallel run.
        module_duration_s: Mean seconds that a module waits.
        spread: Durations are drawn from the mean less to plus this fraction, 0 <= spread < 1.
        seed: What the drawing starts from.
        min_efficiency: The gate it has unless the user sets one; None for no gate.

    Raises:
        ValueError: If a number is out of range.
    """
    ids = _ids(name, _count("modules", modules))
    graph = {each: ids[place - 1 : place] if place else () for place, each in enumerate(ids)}
    durations = _durations(ids, module_duration_s, spread, random.Random(seed))  # noqa: S311 - it keeps no secret
    return _waiting(name, graph, durations, workers, min_efficiency, f"chain of {modules} modules, seed {seed}")


def fork_join(
    name: str,
    *,
    width: int = 4,
    stages: int = 2,
    workers: int = 4,
    module_duration_s: float = 0.03,
    spread: float = 0.0,
    seed: int = 0,
    min_efficiency: float | None = None,
) -> Scenario:
    """Returns a graph that spreads out and comes together again, stage after stage.

    Each stage has *width* modules beside each other and one that waits for all of them; before the first stage there is
    one as well.

    Args:
        name: How gates and reports call it.
        width: Modules beside each other, from 1 up.
        stages: How often, from 1 up.
        workers: P for the parallel run.
        module_duration_s: Mean seconds that a module waits.
        spread: Durations are drawn from the mean less to plus this fraction, 0 <= spread < 1.
        seed: What the drawing starts from.
        min_efficiency: The gate it has unless the user sets one; None for no gate.

    Raises:
        ValueError: If a number is out of range.
    """
    joint = f"{name}_0"
    graph: dict[str, tuple[str, ...]] = {joint: ()}
    for stage in range(1, _count("stages", stages) + 1):
        beside = tuple(f"{name}_{stage}_{place}" for place in range(1, _count("width", width) + 1))
        graph |= dict.fromkeys(beside, (joint,))
        joint = f"{name}_{stage}"
        graph[joint] = beside
    durations = _durations(tuple(graph), module_duration_s, spread, random.Random(seed))  # noqa: S311 - no secret
    note = f"{stages} times {width} modules between one and one, seed {seed}"
    return _waiting(name, graph, durations, workers, min_efficiency, note)


def layered(
    name: str,
    *,
    layers: int = 4,
    width: int = 4,
    density: float = 0.5,
    workers: int = 4,
    module_duration_s: float = 0.03,
    spread: float = 0.5,
    seed: int = 0,
    min_efficiency: float | None = None,
) -> Scenario:
    """Returns a random graph in layers: each module waits for some of the layer before, and for one at least.

    Args:
        name: How gates and reports call it.
        layers: How many, from 1 up.
        width: Modules per layer, from 1 up.
        density: How likely a module waits for any one of the layer before, from 0 to 1.
        workers: P for the parallel run.
        module_duration_s: Mean seconds that a module waits.
        spread: Durations are drawn from the mean less to plus this fraction, 0 <= spread < 1.
        seed: What the drawing starts from.
        min_efficiency: The gate it has unless the user sets one; None for no gate.

    Raises:
        ValueError: If a number is out of range.
    """
    draw = random.Random(seed)  # noqa: S311 - it keeps no secret
    graph = _in_layers(name, layers, width, density, draw)
    durations = _durations(tuple(graph), module_duration_s, spread, draw)
    note = f"{layers} layers of {width} modules, density {density:g}, seed {seed}"
    return _waiting(name, graph, durations, workers, min_efficiency, note)


def cpu_bound(
    name: str,
    *,
    modules: int = 8,
    workers: int = 4,
    mebibytes: int = 8,
    spread: float = 0.0,
    seed: int = 0,
    min_efficiency: float | None = None,
) -> Scenario:
    """Returns independent modules that compute: they digest so much data, outside the GIL.

    Args:
        name: How gates and reports call it.
        modules: How many, from 1 up.
        workers: P for the parallel run.
        mebibytes: How much a module digests on average, from 1 up; a few milliseconds each.
        spread: Amounts are drawn from the mean less to plus this fraction, 0 <= spread < 1.
        seed: What the drawing starts from.
        min_efficiency: The gate it has unless the user sets one; None for no gate.

    Raises:
        ValueError: If a number is out of range.
    """
    draw = random.Random(seed)  # noqa: S311 - it keeps no secret
    amounts = _amounts(_ids(name, _count("modules", modules)), mebibytes, spread, draw)
    made = [digesting_module(each, amount) for each, amount in amounts.items()]
    note = f"{modules} modules digest {sum(amounts.values())} MiB, seed {seed}"
    return Scenario(
        name=name, operation=Operation(name, made), workers=workers, min_efficiency=min_efficiency, note=note
    )


def mixed(
    name: str,
    *,
    layers: int = 3,
    width: int = 4,
    density: float = 0.5,
    cpu_share: float = 0.5,
    workers: int = 4,
    module_duration_s: float = 0.03,
    mebibytes: int = 8,
    spread: float = 0.5,
    seed: int = 0,
    min_efficiency: float | None = None,
) -> Scenario:
    """Returns a random graph in layers of which some modules compute and the others wait.

    Args:
        name: How gates and reports call it.
        layers: How many, from 1 up.
        width: Modules per layer, from 1 up.
        density: How likely a module waits for any one of the layer before, from 0 to 1.
        cpu_share: How likely a module computes, from 0 to 1.
        workers: P for the parallel run.
        module_duration_s: Mean seconds that a waiting module waits.
        mebibytes: How much a computing module digests on average, from 1 up.
        spread: Both are drawn from the mean less to plus this fraction, 0 <= spread < 1.
        seed: What the drawing starts from.
        min_efficiency: The gate it has unless the user sets one; None for no gate.

    Raises:
        ValueError: If a number is out of range.
    """
    draw = random.Random(seed)  # noqa: S311 - it keeps no secret
    graph = _in_layers(name, layers, width, density, draw)
    computing = [each for each in graph if draw.random() < _fraction("cpu_share", cpu_share)]
    durations = _durations(tuple(graph), module_duration_s, spread, draw)
    amounts = _amounts(tuple(computing), mebibytes, spread, draw)
    made = [
        digesting_module(each, amounts[each], before)
        if each in amounts
        else sleeping_module(each, durations[each], before)
        for each, before in graph.items()
    ]
    note = f"{len(amounts)} of {len(graph)} modules compute, the others wait, seed {seed}"
    return Scenario(
        name=name, operation=Operation(name, made), workers=workers, min_efficiency=min_efficiency, note=note
    )


def digesting_module(name: str, mebibytes: int, depends_on: tuple[str, ...] = ()) -> Module:
    """Makes a module that computes a digest of so much data, for which it needs a CPU and no GIL."""
    return module(id=name, depends_on=depends_on)(partial(_digest, mebibytes=mebibytes))


def _digest(context: ModuleContext, *, mebibytes: int) -> None:
    digest = hashlib.sha256()
    for _ in range(mebibytes):
        context.check_cancelled()
        digest.update(_BLOCK)


def _waiting(
    name: str, graph: Graph, durations: Mapping[str, float], workers: int, min_efficiency: float | None, note: str
) -> Scenario:
    made = [sleeping_module(each, durations[each], before) for each, before in graph.items()]
    return Scenario(
        name=name,
        operation=Operation(name, made),
        workers=workers,
        durations=durations,
        min_efficiency=min_efficiency,
        note=note,
    )


# What is drawn, with ``random()`` alone: no version of Python has changed its results ---------------------------------


def _in_layers(name: str, layers: int, width: int, density: float, draw: random.Random) -> Graph:
    _fraction("density", density)
    before: tuple[str, ...] = ()
    graph: dict[str, tuple[str, ...]] = {}
    for layer in range(1, _count("layers", layers) + 1):
        here = tuple(f"{name}_{layer}_{place}" for place in range(1, _count("width", width) + 1))
        for each in here:
            drawn = tuple(other for other in before if draw.random() < density)
            surely = int(draw.random() * width)
            graph[each] = drawn or before[surely : surely + 1]
        before = here
    return graph


def _durations(ids: tuple[str, ...], mean_s: float, spread: float, draw: random.Random) -> dict[str, float]:
    if not 0 < mean_s < float("inf"):
        raise ValueError(f"module_duration_s must be a number of seconds above 0, not {mean_s!r}")
    return {each: mean_s * _factor(spread, draw) for each in ids}


def _amounts(ids: tuple[str, ...], mean: int, spread: float, draw: random.Random) -> dict[str, int]:
    _count("mebibytes", mean)
    return {each: max(1, round(mean * _factor(spread, draw))) for each in ids}


def _factor(spread: float, draw: random.Random) -> float:
    if not 0 <= spread < 1:
        raise ValueError(f"spread must be a fraction from 0 up to below 1, not {spread!r}")
    return 1 + spread * (2 * draw.random() - 1)


def _ids(name: str, modules: int) -> tuple[str, ...]:
    return tuple(f"{name}_{place}" for place in range(1, modules + 1))


def _count(what: str, number: int) -> int:
    if type(number) is not int or number < 1:  # True is a number to Python
        raise ValueError(f"{what} must be a whole number from 1 up, not {number!r}")
    return number


def _fraction(what: str, number: float) -> float:
    if not 0 <= number <= 1:
        raise ValueError(f"{what} must be a fraction from 0 to 1, not {number!r}")
    return number
