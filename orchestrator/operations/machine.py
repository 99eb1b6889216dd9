"""Modules that look at what is around the project: interpreter, machine, packages, version control."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.context import ModuleContext
from orchestrator.module import Phase, module
from orchestrator.operations.project import normalised, requirement_name, root_of

GIT_TIMEOUT_S = 5.0
"""How long git may take, in seconds, before its module is given up."""

# The interpreter --------------------------------------------------------------------------------------------


@module(phase=Phase.PRE_VALIDATION, produces=["python_runtime"])
def python_runtime(context: ModuleContext) -> dict[str, Any]:  # noqa: ARG001 - every module takes the context
    """Tells which Python runs this, whether in a virtual environment, and whether it has a GIL."""
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)  # new in 3.13; before, there always was one
    runtime = {
        "version": sys.version.split()[0],
        "implementation": sys.implementation.name,
        "executable": sys.executable,
        "virtual_environment": sys.prefix if sys.prefix != sys.base_prefix else None,
        "gil": gil_enabled(),
    }
    return {"python_runtime": runtime}


# The machine ------------------------------------------------------------------------------------------------


@module(
    phase=Phase.PREPARATION,
    depends_on=["project_validation"],
    produces=["machine_resources", "free_disk_bytes"],
)
def machine_resources(context: ModuleContext) -> dict[str, Any]:
    """Tells how many CPUs there are and how many may be used, how much memory, and how much disk is free.

    What cannot be found out on this system is None.  The free disk changes from moment to moment, so it has a
    key of its own and stays out of the summary, which is the same as long as nothing has changed.
    """
    import shutil  # noqa: PLC0415 - paid only by those who run the module

    resources = {
        "cpus": os.cpu_count(),
        "usable_cpus": _usable_cpus(),
        "cgroup_cpus": cgroup_cpus(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")),
        "memory_bytes": _memory_bytes(),
    }
    return {"machine_resources": resources, "free_disk_bytes": shutil.disk_usage(root_of(context)).free}


def _usable_cpus() -> int | None:
    """Returns how many CPUs this process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return None


def _memory_bytes() -> int | None:
    """Returns the physical memory of the machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no sysconf, a name it does not know, no answer
        return None


def cgroup_cpus(membership: Path, mount: Path) -> float | None:
    """Returns how many CPUs the cgroups (v2) of this process grant it; None without a quota.

    A quota holds for all below it, so the smallest one on the way up counts.

    Args:
        membership: The file that tells which cgroup the process is in.
        mount: Where the cgroups are mounted.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    inside = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if inside is None or ".." in inside:  # version 1 only; or a cgroup out of sight, above the mount
        return None
    cgroup = mount / inside
    levels = [cgroup, *cgroup.parents][: len(cgroup.parts) - len(mount.parts) + 1]
    return min((quota for level in levels if (quota := _quota(level / "cpu.max")) is not None), default=None)


def _quota(path: Path) -> float | None:
    """Returns quota / period of a ``cpu.max`` file (both in microseconds), None if the quota is ``max``."""
    try:
        quota, period = path.read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None


# The packages -----------------------------------------------------------------------------------------------


@module(phase=Phase.PROCESSING, depends_on=["declared_dependencies"], produces=["installed_packages"])
def installed_packages(context: ModuleContext) -> dict[str, Any]:
    """Counts the packages of this environment, and names the declared ones that it lacks.

    Compares names, not versions.  A requirement with a marker such as ``; python_version < "3.12"`` may not
    be meant for this environment: if it is not installed, it is listed as ``missing_conditional``.
    """
    installed = _installed_names()
    declared = context["declared_dependencies"]
    missing = {
        "missing": _lacking(declared["required"], installed, conditional=False),
        "missing_conditional": _lacking(declared["required"], installed, conditional=True),
        "missing_optional": {
            extra: _lacking(requirements, installed, conditional=False)
            for extra, requirements in declared["optional"].items()
        },
    }
    return {"installed_packages": {"count": len(installed), **missing}}


def _installed_names() -> set[str]:
    """Returns the normalised names of all packages on ``sys.path``."""
    import importlib.metadata  # noqa: PLC0415 - slow to import; paid only by those who run the module

    everything = [each.metadata for each in importlib.metadata.distributions()]
    # Half a removed package may be left without its metadata, and so without a name.
    return {normalised(metadata["Name"]) for metadata in everything if metadata and "Name" in metadata}


def _lacking(requirements: Iterable[str], installed: set[str], *, conditional: bool) -> list[str]:
    """Returns the names that are not installed, of the requirements with a marker or of those without."""
    names = {requirement_name(each) for each in requirements if (";" in each) is conditional}
    return sorted(name for name in names if name is not None and name not in installed)


# Version control --------------------------------------------------------------------------------------------


def _has_git(context: Mapping[str, Any]) -> bool:
    """True if there are both a repository round the project and a git program to ask."""
    import shutil  # noqa: PLC0415 - paid only by those who run the module

    if shutil.which("git") is None:
        return False
    root = root_of(context)
    return any((folder / ".git").exists() for folder in (root, *root.parents))


@module(
    phase=Phase.PROCESSING,
    depends_on=["project_validation"],
    condition=_has_git,
    optional=True,
    produces=["version_control"],
)
def version_control(context: ModuleContext) -> dict[str, Any]:
    """Asks git for branch and commit, and whether anything below the project's folder is not committed."""
    lines = _git_status(root_of(context)).splitlines()
    headers = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# branch."))
    state = {
        "branch": _unless(headers.get("branch.head"), "(detached)"),
        "commit": _unless(headers.get("branch.oid"), "(initial)"),
        "dirty": any(not line.startswith("#") for line in lines),
    }
    return {"version_control": state}


def _unless(value: str | None, placeholder: str) -> str | None:
    return None if value == placeholder else value


def _git_status(root: Path) -> str:
    """Returns ``git status`` in its stable form; our own folder is left out, or looking would make it dirty.

    Raises:
        RuntimeError: If git refuses, with its reason.
        subprocess.TimeoutExpired: If it takes longer than ``GIT_TIMEOUT_S``.
    """
    import subprocess  # noqa: PLC0415 - paid only by those who run the module

    # A file system monitor is a program of the repository's choice, and may stay behind as a daemon.
    command = [
        "git",
        "-c",
        "core.fsmonitor=false",
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=normal",
    ]
    done = subprocess.run(  # noqa: S603 - a fixed command, no shell
        [*command, "--", ".", ":(exclude).cortex"],
        cwd=root,
        env=git_environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GIT_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise RuntimeError(f"git status failed in {str(root)!r}: {reason}")
    return done.stdout.decode(errors="replace")


def git_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Returns *given* such that git asks nothing, writes nothing, and finds the repository by its folder.

    In a git hook the environment names a repository, which need not be the project's.
    """
    redirections = {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
    }
    kept = {name: value for name, value in given.items() if name not in redirections}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
