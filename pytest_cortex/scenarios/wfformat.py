"""Real workflows as scenarios: files in WfFormat, the format of the WfCommons project.

Source:
    WfFormat 1.5, https://github.com/wfcommons/WfFormat
"""

from __future__ import annotations

import json
import math
import reprlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator import Operation, PlanError, plan
from pytest_cortex.scenarios.scenario import Scenario, sleeping_module

AUTO_WORK_S = 1.0
"""Seconds that all tasks together take when the user gives no time scale."""

_LONGEST_RUNTIME_S = 1e9


class WorkflowError(ValueError):
    """A file that is no usable workflow.

    Attributes:
        path: The file.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"workflow file '{self.path}': {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a recorded workflow.

    Attributes:
        id: Unique in the workflow.
        parents: Ids of the tasks it waited for.
        runtime_s: Seconds it took; 0 where nothing was recorded.
    """

    id: str
    parents: tuple[str, ...]
    runtime_s: float


def read_tasks(path: Path) -> tuple[Task, ...]:
    """Reads graph and runtimes of a recorded workflow.

    Raises:
        WorkflowError: If the file cannot be read, is no WfFormat 1.5, or has no tasks.
    """
    document = _parsed(path)
    workflow = document.get("workflow") if isinstance(document, dict) else None
    if not isinstance(workflow, dict):
        raise WorkflowError(path, "it has no 'workflow': a WfFormat 1.5 file is wanted")
    specified = _tasks(path, workflow, "specification")
    if not specified:
        raise WorkflowError(path, "workflow.specification.tasks is empty: there is nothing to run")
    executed = _tasks(path, workflow, "execution")
    runtimes = {name: each.get("runtimeInSeconds") for each in executed if isinstance(name := each.get("id"), str)}
    return tuple(_task(path, each, runtimes) for each in specified)


def workflow_scenario(path: Path, *, workers: int, time_scale: float | None) -> Scenario:
    """Makes a scenario that replays a workflow with sleeping modules.

    Args:
        path: A WfFormat file.
        workers: P for the parallel run.
        time_scale: Factor from recorded to replayed seconds; None: all tasks together take ``AUTO_WORK_S``.

    Raises:
        WorkflowError: If the file is not usable or its tasks wait for each other in a cycle.
    """
    tasks = read_tasks(path)
    recorded_s = math.fsum(task.runtime_s for task in tasks)
    if not recorded_s:
        raise WorkflowError(path, "no task has a runtimeInSeconds above 0: there is nothing to replay")
    scale = AUTO_WORK_S / recorded_s if time_scale is None else time_scale
    durations = {task.id: task.runtime_s * scale for task in tasks}
    if not sum(durations.values()) < threading.TIMEOUT_MAX:
        raise WorkflowError(
            path,
            f"its {recorded_s:.3g} s of tasks cannot be replayed with time scale {scale:.3g}: "
            "choose another --cortex-time-scale",
        )
    name = path.stem
    operation = Operation(name, [sleeping_module(task.id, durations[task.id], task.parents) for task in tasks])
    try:
        plan(operation)
    except PlanError as error:
        raise WorkflowError(path, "; ".join(problem.message for problem in error.problems)) from error
    note = f"replayed from {path.name}: {len(tasks)} tasks, {recorded_s:.0f} s recorded, time scale {scale:.3g}"
    return Scenario(name=name, operation=operation, workers=workers, durations=durations, note=note)


def _parsed(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorkflowError(path, f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, or a number of 5,000 digits
        raise WorkflowError(path, f"it is not JSON: {error}") from error


def _tasks(path: Path, workflow: dict[str, Any], section: str) -> list[dict[str, Any]]:
    part = workflow.get(section)
    tasks = part.get("tasks") if isinstance(part, dict) else None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise WorkflowError(path, f"workflow.{section}.tasks is not a list of tasks: a WfFormat 1.5 file is wanted")
    return tasks


def _task(path: Path, specified: dict[str, Any], runtimes: dict[str, Any]) -> Task:
    name, parents = specified.get("id"), specified.get("parents", [])
    if not isinstance(name, str) or not name:
        raise WorkflowError(path, f"a task has the id {name!r}: a name is wanted")
    if not isinstance(parents, list) or not all(isinstance(parent, str) and parent for parent in parents):
        raise WorkflowError(path, f"task {name!r} has the parents {parents!r}: a list of task ids is wanted")
    return Task(id=name, parents=tuple(parents), runtime_s=_runtime_s(path, name, runtimes.get(name)))


def _runtime_s(path: Path, name: str, recorded: Any) -> float:
    if recorded is None:
        return 0.0
    is_number = isinstance(recorded, int | float) and not isinstance(recorded, bool)
    if not is_number or not 0 <= recorded <= _LONGEST_RUNTIME_S:
        wanted = f"seconds from 0 to {_LONGEST_RUNTIME_S:g} are wanted"
        raise WorkflowError(path, f"task {name!r} has runtimeInSeconds {reprlib.repr(recorded)}: {wanted}")
    return float(recorded)
