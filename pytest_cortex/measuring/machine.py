"""Facts about the machine and the interpreter, as far as they bear on a verdict."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

_VERSIONS_OF = ("pytest-cortex", "pytest", "pytest-xdist", "pytest-benchmark", "pandas", "matplotlib")
_PROC = Path("/proc")
_CPU_INFO = _PROC / "cpuinfo"
_CGROUPS = Path("/sys/fs/cgroup")

# Version 1 of the control groups has a tree of its own for the CPU, under either of these names.
_CPU_TREES = ("cpu", "cpu,cpuacct")

_T = TypeVar("_T")


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


# CPUs -----------------------------------------------------------------------------------------------------------------


def allowed_cpus() -> int:
    """How many CPUs this process may run on (its affinity)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cpus() -> float:
    """How many CPUs this process may use: affinity, and the quota of its container."""
    quota = cgroup_quota()
    return float(allowed_cpus()) if quota is None else min(float(allowed_cpus()), quota)


def cgroup_quota(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> float | None:
    """CPUs that the control group may use on average, by the tightest limit above it; None without a limit.

    Args:
        proc: The process file system; it need not exist.
        cgroups: The control group file system, of either version; it need not exist.
    """
    read = (known(partial(_quota_in, folder)) for folder in _own_cgroups(proc, cgroups))
    return min((quota for quota in read if quota is not None), default=None)


def _quota_in(folder: Path) -> float | None:
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
    else:
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
    return None if quota in {"max", "-1"} else int(quota) / int(period)


def _own_cgroups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """The folders of this process's control groups, each after those above it; inside a container only the top is."""
    text = known(lambda: (proc / "self/cgroup").read_text(encoding="utf-8", errors="replace")) or "0::/"
    for _number, controllers, path in (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2):
        if controllers and "cpu" not in controllers.split(","):
            continue
        # ".." is above what this process can see.
        parts = [part for part in path.split("/") if part not in {"", ".."}]
        for tree in _CPU_TREES if controllers else ("",):
            yield from (cgroups.joinpath(tree, *parts[:depth]) for depth in range(len(parts) + 1))


def known(read: Callable[[], _T]) -> _T | None:
    """What *read* returns; None where this system does not have it, or writes it in another way."""
    with suppress(OSError, ValueError, LookupError, ZeroDivisionError):
        return read()
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


# Load -----------------------------------------------------------------------------------------------------------------


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


def cpu_pressure(proc: Path = _PROC) -> float | None:
    """Share of the last ten seconds in which something waited for a CPU; None where the system does not say.

    Args:
        proc: The process file system; it need not exist.
    """

    def read() -> float:  # some avg10=0.00 avg60=0.00 avg300=0.00 total=1958595640
        words = (proc / "pressure/cpu").read_text(encoding="ascii").split()
        return float(words[1].removeprefix("avg10=")) / 100

    return known(read)


def stolen_share(proc: Path = _PROC) -> float | None:
    """Share of all CPU time since the start that the hypervisor took away; None where the system does not say.

    Args:
        proc: The process file system; it need not exist.
    """

    def read() -> float:
        times = list(map(int, (proc / "stat").read_text(encoding="ascii").split()[1:9]))
        return times[7] / sum(times)

    return known(read)


def throttled_share(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> float | None:
    """Share of its periods in which the control group had used up its quota; None without a quota.

    Args:
        proc: The process file system; it need not exist.
        cgroups: The control group file system; it need not exist.
    """
    shares = (known(partial(_throttled_in, folder)) for folder in _own_cgroups(proc, cgroups))
    return max((share for share in shares if share is not None), default=None)


def _throttled_in(folder: Path) -> float:
    words = (folder / "cpu.stat").read_text(encoding="ascii").split()
    count = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return count["nr_throttled"] / count["nr_periods"]


# The interpreter ------------------------------------------------------------------------------------------------------


def gil_enabled() -> bool:
    """True if only one thread at a time runs Python code."""
    enabled: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    return enabled


def free_threaded() -> bool:
    """True if this Python was built so that it can run without the GIL."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def facts() -> dict[str, Any]:
    """Everything worth keeping beside a measurement, as JSON values."""
    import psutil  # noqa: PLC0415 - paid only by a run that measures

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": gil_enabled(),
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
        "versions": versions(),
    }


def versions(also: Sequence[str] = ()) -> dict[str, str]:
    """Versions of those distributions that bear on a measurement and are installed.

    Args:
        also: Further ones to look for.
    """
    return {name: version for name in (*_VERSIONS_OF, *also) if (version := _version(name))}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
