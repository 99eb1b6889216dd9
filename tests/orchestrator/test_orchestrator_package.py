"""What the package promises as a whole: its names, its imports and its errors."""

import inspect
import json
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest

import orchestrator
from orchestrator import (
    CallError,
    ContextConflict,
    CycleWarning,
    ModuleExit,
    OperationCancelled,
    OperationFailed,
    OperationInterrupted,
    OperationTerminated,
    OrchestratorError,
    PlanError,
    PlanProblem,
    ProblemKind,
    errors,
)

PROBLEM = PlanProblem(ProblemKind.CYCLE, ("a", "b"), "a and b wait for each other")

SAMPLES: list[BaseException] = [
    OrchestratorError("something"),
    CallError("no such profile"),
    PROBLEM,
    PlanError("op", (PROBLEM,)),
    ContextConflict("key", ("a", "b")),
    ModuleExit("a", "SystemExit(3)"),
    OperationCancelled("stopping"),
    OperationFailed("op failed", [OSError("first"), PROBLEM]),
    OperationInterrupted("op was interrupted"),
    OperationTerminated(143),
    CycleWarning("degraded"),
]


def public_errors() -> set[type[BaseException]]:
    exported = (getattr(orchestrator, name) for name in orchestrator.__all__)
    return {each for each in exported if inspect.isclass(each) and issubclass(each, BaseException)}


def pickled(error: BaseException) -> Any:
    """A copy of *error* that has been through ``pickle``."""
    return pickle.loads(pickle.dumps(error))


def test_public_names_are_sorted_and_exist() -> None:
    assert orchestrator.__all__ == sorted(orchestrator.__all__)
    assert all(hasattr(orchestrator, name) for name in orchestrator.__all__)


def test_public_names_are_complete() -> None:
    """Whatever the package imports at its top is meant for users."""
    visible = {name for name, value in vars(orchestrator).items() if not name.startswith("_")}
    rooms = {name for name in visible if inspect.ismodule(getattr(orchestrator, name)) and name != "module"}
    assert visible - rooms == set(orchestrator.__all__)


def test_every_public_name_is_documented() -> None:
    undocumented = [name for name in orchestrator.__all__ if not inspect.getdoc(getattr(orchestrator, name))]
    assert undocumented == []


def test_import_is_light() -> None:
    """The standard library is all it needs; the test runner and the chart makers stay out."""
    heavy = ["pytest", "_pytest", "numpy", "pandas", "matplotlib", "pytest_cortex", "psutil"]
    code = f"import json, sys, orchestrator; print(json.dumps([n for n in {heavy} if n in sys.modules]))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == []


def test_every_error_has_a_sample_here() -> None:
    assert {type(sample) for sample in SAMPLES} == public_errors()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_error_survives_pickling(sample: Any) -> None:
    """One that does not would kill a process pool and hide its cause."""
    copy = pickled(sample)
    assert type(copy) is type(sample)
    assert str(copy) == str(sample)
    assert {name: str(value) for name, value in vars(copy).items()} == {
        name: str(value) for name, value in vars(sample).items()
    }


def test_pickled_interruption_goes_without_its_report() -> None:
    """The report holds the modules' functions, which hardly ever can be pickled."""
    report = orchestrator.execute_operation(orchestrator.Operation("op", []))
    for sample in (OperationInterrupted("op was interrupted", report), OperationTerminated(143, report)):
        copy = pickled(sample)
        assert str(copy) == str(sample)
        assert not hasattr(copy, "report")


def test_termination_keeps_its_exit_status_when_pickled() -> None:
    assert pickled(OperationTerminated(143)).code == 143


@pytest.mark.parametrize("error", sorted(each.__name__ for each in public_errors()))
def test_error_is_in_the_drawn_tree(error: str) -> None:
    assert error in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (CallError, ValueError),
        (PlanError, ValueError),
        (PlanProblem, ValueError),
        (ContextConflict, RuntimeError),
        (ModuleExit, RuntimeError),
        (OperationCancelled, RuntimeError),
        (OperationFailed, ExceptionGroup),
        (OperationInterrupted, KeyboardInterrupt),
        (OperationTerminated, SystemExit),
        (CycleWarning, UserWarning),
    ],
)
def test_error_can_be_caught_as_the_builtin_one_would_expect(error: type, parent: type) -> None:
    assert issubclass(error, parent)
