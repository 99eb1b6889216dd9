"""Modules that write what the others found: one JSON file, all of it or nothing, and undone on rollback."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.context import ModuleContext
from orchestrator.module import Phase, module
from orchestrator.operations.project import root_of

SCHEMA_VERSION = 1
"""Raised whenever a field of the file changes its meaning."""

_FACTS = (
    "project_validation",
    "python_runtime",
    "machine_resources",
    "declared_dependencies",
    "installed_packages",
    "source_files",
    "test_layout",
    "version_control",
)


def _path(context: Mapping[str, Any]) -> Path:
    """Returns where the summary goes; a relative ``summary_path`` starts from the current directory."""
    default = root_of(context) / ".cortex" / "environment_setup.json"
    path = Path(context.get("summary_path", default))
    return path.parent.resolve() / path.name


def _target_problems(context: Mapping[str, Any]) -> list[str]:
    """What would keep the summary from being written; better known before the work than after it."""
    advice = "give the path of a file, e.g. context={'summary_path': 'environment_setup.json'}"
    given = context.get("summary_path", "")
    if not isinstance(given, str | os.PathLike):
        return [f"summary_path must be a path, not {given!r}: {advice}"]
    path = _path(context)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return [f"summary_path {str(path)!r} exists and is not a regular file: {advice}"]
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        return [f"summary_path {str(path)!r} lies below {str(folder)!r}, which is not a folder: {advice}"]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [f"summary_path {str(path)!r}: folder {str(folder)!r} may not be written to: {advice}"]
    return []


@module(
    phase=Phase.PREPARATION,
    depends_on=["project_validation"],
    check=_target_problems,
    produces=["summary_target"],
)
def summary_target(context: ModuleContext) -> dict[str, Any]:
    """Finds out whether the summary can be written, and remembers what is there now.

    A module of its own, so that undoing ``summary`` needs nothing that ``summary`` itself found out: it may
    have failed half-way.
    """
    path = _path(context)
    target = {
        "path": path,
        "former": path.read_bytes() if path.exists() else None,
        "missing_folders": tuple(parent for parent in path.parents if not parent.exists()),
    }
    return {"summary_target": target}


@module(
    phase=Phase.FINALIZATION,
    depends_on=["project_validation", "python_runtime", "summary_target"],
    runs_after=[name for name in _FACTS if name not in {"project_validation", "python_runtime"}],
    produces=["summary", "summary_path"],
)
def summary(context: ModuleContext) -> dict[str, Any]:
    """Collects what the others found, as far as they ran, and writes it as JSON."""
    import json  # noqa: PLC0415 - paid only by those who run the module

    facts = {name: context[name] for name in _FACTS if name in context}
    collected = {"operation": "environment_setup", "schema_version": SCHEMA_VERSION, **facts}
    path: Path = context["summary_target"]["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(collected, indent=2) + "\n").encode())
    return {"summary": collected, "summary_path": path}


@summary.rollback
def restore_former(context: ModuleContext) -> None:
    """Brings back the file that was there before, or removes the new one and the folders made for it."""
    target = context["summary_target"]
    path: Path = target["path"]
    if target["former"] is not None:
        write_atomically(path, target["former"])
        return
    path.unlink(missing_ok=True)
    for folder in target["missing_folders"]:  # the innermost first
        with suppress(OSError):  # never made, or somebody else has put something in it
            folder.rmdir()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes *content* beside *path* and moves it there: a reader finds the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
