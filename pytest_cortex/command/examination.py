"""What the doctor finds out about a machine, a Python and a project; nothing here judges it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_cortex.command.look import PROGRAMS, Look, look
from pytest_cortex.command.project import added_options, coverage_core, measured_coverage, why_not_loaded
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.measuring.probes import Probes, probe

_ALSO_VERSIONS_OF = ("pytest-cov", "coverage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything found, as it is; shares are of 1, and what the system does not say is None.

    Attributes:
        system: Operating system and processor.
        cpus: CPUs of the machine.
        allowed_cpus: CPUs this process may run on.
        quota: CPUs that its control group may use on average; None without a limit.
        usable_cpus: The smaller of the two.
        load_average: Runnable processes over the last minute.
        stolen: Share of the CPU time since the start that the hypervisor took.
        pressure: Share of the last ten seconds in which something waited for a CPU.
        throttled: Share of its periods in which the control group had used up its quota.
        readable: What can be told of a round's disturbances here.
        python: Implementation and version.
        gil: True if only one thread at a time runs Python code.
        free_threaded: True if this Python was built so that it can run without the GIL.
        versions: Of the distributions that matter, those that are installed.
        tracer: What watches every line of this process.
        coverage_core: What coverage.py would watch with; None without it.
        coverage_origin: Where it says that every run measures coverage; None if it says so nowhere.
        not_loaded: What keeps pytest from loading the plugin.
        probes: Clock, sleeps and threads, measured.
        looks: What disturbs rounds right now; empty if nobody looked.
    """

    system: str
    cpus: int
    allowed_cpus: int
    quota: float | None
    usable_cpus: float
    load_average: float | None
    stolen: float | None
    pressure: float | None
    throttled: float | None
    readable: tuple[str, ...]
    python: str
    gil: bool
    free_threaded: bool
    versions: Mapping[str, str]
    tracer: str | None
    coverage_core: str | None
    coverage_origin: str | None
    not_loaded: str | None
    probes: Probes
    looks: tuple[Look, ...]


def examine(folder: Path, *, quick: bool) -> Examination:
    """Looks at everything, which takes a few seconds.

    Args:
        folder: The project's.
        quick: True to leave out what takes longest, the looks.
    """
    added = added_options(folder, os.environ)
    monitor = Monitor()
    return Examination(
        system=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        allowed_cpus=machine.allowed_cpus(),
        quota=machine.cgroup_quota(),
        usable_cpus=machine.usable_cpus(),
        load_average=machine.load_average(),
        stolen=machine.stolen_share(),
        pressure=machine.cpu_pressure(),
        throttled=machine.throttled_share(),
        readable=monitor.sources,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gil=machine.gil_enabled(),
        free_threaded=machine.free_threaded(),
        versions=machine.versions(_ALSO_VERSIONS_OF),
        tracer=machine.active_tracer(),
        coverage_core=coverage_core(os.environ),
        coverage_origin=measured_coverage(added),
        not_loaded=why_not_loaded(added, os.environ),
        probes=probe(),
        looks=() if quick else tuple(look(kind, program, monitor.watch) for kind, program in PROGRAMS.items()),
    )
