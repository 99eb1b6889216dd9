"""Scenarios: named workloads with a known shape, a number of workers and sometimes a limit of their own.

The four built-in ones are independent sleeping modules.  They show the orchestrator's scheduling, not anybody's
program: a sleeping module takes no CPU, so what keeps them from the ideal speedup is overhead and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from orchestrator import Module, ModuleContext, Operation, module

DEFAULT_MIN_EFFICIENCY = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A workload that can be repeated.

    Attributes:
        name: How gates and reports call it.
        operation: What runs.
        workers: P for the parallel run.
        durations: Seconds each module takes by design; they give the ceiling without a clock.  Empty if nobody knows.
        min_efficiency: The gate it has unless the user sets one; None for no gate.
        note: A sentence about it for the report, empty if there is nothing to say.

    Raises:
        TypeError: If *operation* is none.
        ValueError: If there is no name, a number is out of range, or durations are not those of the modules.
    """

    name: str
    operation: Operation
    workers: int
    durations: Mapping[str, float] = field(default_factory=dict)
    min_efficiency: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a scenario needs a name: gates and reports call it by that")
        if not isinstance(self.operation, Operation):
            raise TypeError(f"scenario {self.name!r} needs an Operation, not {self.operation!r}")
        if type(self.workers) is not int or self.workers < 1:  # True is a number to Python
            raise ValueError(f"scenario {self.name!r} needs a whole number of workers from 1 up, not {self.workers!r}")
        if self.min_efficiency is not None and not 0 < self.min_efficiency <= 1:
            raise ValueError(
                f"min_efficiency of scenario {self.name!r} must be above 0 and at most 1 (0.85 is 85 %), not "
                f"{self.min_efficiency!r}"
            )
        self._check_durations()

    def _check_durations(self) -> None:
        """One module without a duration would make the ceiling wrong, which counts as certain."""
        if not self.durations:
            return
        ids = {each.id for each in self.operation.modules}
        for name in sorted(ids ^ self.durations.keys()):
            odd = "has no duration" if name in ids else "is none of its modules"
            raise ValueError(f"durations of scenario {self.name!r}: {name!r} {odd}; give all of them, or none")
        for name, duration_s in self.durations.items():
            if not 0 <= duration_s < math.inf:
                raise ValueError(f"durations of scenario {self.name!r}: {name!r} cannot take {duration_s!r} seconds")


# How many modules and how many workers each has.
_SHAPES = {"small": (4, 4), "medium": (8, 4), "large": (12, 4), "limited_workers": (8, 2)}

BUILT_IN_NAMES = tuple(_SHAPES)


def built_in(name: str, module_duration_s: float) -> Scenario:
    """Makes one of the four built-in scenarios.

    Args:
        name: One of ``BUILT_IN_NAMES``.
        module_duration_s: Seconds each module sleeps.
    """
    modules, workers = _SHAPES[name]
    durations = {f"{name}_{number}": module_duration_s for number in range(1, modules + 1)}
    return Scenario(
        name=name,
        operation=Operation(name, [sleeping_module(each, seconds) for each, seconds in durations.items()]),
        workers=workers,
        durations=durations,
        min_efficiency=DEFAULT_MIN_EFFICIENCY,
    )


def sleeping_module(name: str, seconds: float, depends_on: tuple[str, ...] = ()) -> Module:
    """Makes a module that waits *seconds* and does nothing else."""
    return module(id=name, depends_on=depends_on)(partial(_sleep, seconds=seconds))


def _sleep(context: ModuleContext, *, seconds: float) -> None:
    if seconds > 0:
        context.sleep(seconds)
