"""Facts about the machine and the interpreter, as far as they bear on a verdict."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

_VERSIONS_OF = ("pytest-cortex", "pytest", "pytest-xdist", "pytest-benchmark", "pandas", "matplotlib")
_CPU_INFO = Path("/proc/cpuinfo")
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def active_tracer() -> str | None:
    """Names what watches every line or call of this thread, None if nothing does.

    Such a tracer slows Python code many times over, and threads differently from the main thread, so that times
    under it say nothing about the program.  ``sys.monitoring`` tools are not meant: they stay out of the way.
    """
    hooks = (
        ("tracer", sys.gettrace()),
        ("tracer", threading.gettrace()),
        ("profiler", sys.getprofile()),
        ("profiler", threading.getprofile()),
    )
    return next((f"{kind} of {_owner(hook)}" for kind, hook in hooks if hook is not None), None)


def _owner(hook: object) -> str:
    """The package that *hook* comes from: a function or method knows its own, of another object the type does."""
    module: str = getattr(hook, "__module__", None) or type(hook).__module__
    return module.partition(".")[0]


def usable_cpus() -> float:
    """How many CPUs this process may use: affinity, and the quota of its container."""
    cpus = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota = _cgroup_quota()
    return cpus if quota is None else min(cpus, quota)


def _cgroup_quota(path: Path = _CGROUP_QUOTA) -> float | None:
    """CPUs that the control group may use on average, None without a limit."""
    with suppress(OSError, ValueError):
        quota, period = path.read_text(encoding="ascii").split()
        if quota != "max":
            return int(quota) / int(period)
    return None


def tick_ns() -> int:
    """Nanoseconds of a tick, in which the system counts CPU time in its files; the usual 10 ms if it does not say."""
    sysconf = getattr(os, "sysconf", None)
    return 10**7 if sysconf is None else 10**9 // sysconf("SC_CLK_TCK")


def cpu_clock_step_s(system: str = sys.platform) -> float:
    """By how many seconds the CPU time of this process may be off.

    Windows counts it in ticks of 1/64 s and says of its clock that it is far finer.

    Args:
        system: As ``sys.platform``.
    """
    return 1 / 64 if system == "win32" else time.get_clock_info("process_time").resolution


def load_average() -> float | None:
    """Runnable processes over the last minute, None where the system does not say."""
    with suppress(OSError, AttributeError):
        return os.getloadavg()[0]
    return None


def cpu_model(info: Path = _CPU_INFO) -> str:
    """Returns the processor's name as the system tells it.

    Args:
        info: Where Linux describes its processors.
    """
    with suppress(OSError):
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            label, _colon, name = line.partition(":")
            if label.strip() == "model name":
                return name.strip()
    return platform.processor() or "unknown CPU"


def facts() -> dict[str, Any]:
    """Everything worth keeping beside a measurement, as JSON values."""
    import psutil  # noqa: PLC0415 - paid only by a run that measures

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processor": platform.processor(),
        "python_compiler": platform.python_compiler(),
        "python_build": platform.python_build(),
        "cpu_model": cpu_model(),
        "cpus": os.cpu_count(),
        "usable_cpus": usable_cpus(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": load_average(),
        "tracer": active_tracer(),
        "versions": {name: version for name in _VERSIONS_OF if (version := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
