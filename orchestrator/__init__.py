"""Runs an operation, a graph of modules with phases and dependencies, as parallel as its graph allows.

::

    from orchestrator import Operation, execute_operation, module

    @module
    def fetch(context): ...

    @module(depends_on=["fetch"])
    def parse(context): ...

    report = execute_operation(Operation("example", [fetch, parse]), max_parallel_workers=4)
"""

from orchestrator.context import ModuleContext
from orchestrator.errors import (
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
)
from orchestrator.execute import execute_operation
from orchestrator.module import Module, Phase, module
from orchestrator.operation import Operation
from orchestrator.plan import Plan, plan
from orchestrator.registry import register
from orchestrator.report import (
    ModuleResult,
    OperationExecutionReport,
    RollbackResult,
    RollbackStatus,
    Status,
)
from orchestrator.schedule import SkipReason
from orchestrator.trace import trace_events

__all__ = [
    "CallError",
    "ContextConflict",
    "CycleWarning",
    "Module",
    "ModuleContext",
    "ModuleExit",
    "ModuleResult",
    "Operation",
    "OperationCancelled",
    "OperationExecutionReport",
    "OperationFailed",
    "OperationInterrupted",
    "OperationTerminated",
    "OrchestratorError",
    "Phase",
    "Plan",
    "PlanError",
    "PlanProblem",
    "ProblemKind",
    "RollbackResult",
    "RollbackStatus",
    "SkipReason",
    "Status",
    "execute_operation",
    "module",
    "plan",
    "register",
    "trace_events",
]
