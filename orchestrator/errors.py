"""Everything that goes wrong, in one tree.

::

    OrchestratorError
    ├── CallError           (ValueError)   the call is wrong: unknown profile or operation, workers < 1
    ├── PlanError           (ValueError)   the graph is wrong: every problem at once, in ``problems``
    ├── PlanProblem         (ValueError)   one of those problems
    ├── ContextConflict     (RuntimeError) two unordered modules wrote one key
    ├── ModuleExit          (RuntimeError) a module left with something that is no ``Exception``
    └── OperationCancelled  (RuntimeError) raised inside a module that asked whether to go on
    OperationFailed         (ExceptionGroup)    a report's errors, raised on request
    OperationInterrupted    (KeyboardInterrupt) Ctrl-C, after rolling back
    OperationTerminated     (SystemExit)        SIGTERM, after rolling back
    CycleWarning            (UserWarning)       a cycle was run although its order cannot be honoured
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.report import OperationExecutionReport


class OrchestratorError(Exception):
    """Base of the package's own errors."""


class CallError(OrchestratorError, ValueError):
    """The call itself is wrong; nothing ran."""


class ProblemKind(StrEnum):
    """What can be wrong with a graph."""

    CYCLE = "cycle"
    UNKNOWN_MODULE = "unknown_module"
    DUPLICATE_ID = "duplicate_id"
    LATER_PHASE = "later_phase"
    PRODUCT_CONFLICT = "product_conflict"
    OPTIONAL_DEPENDENCY = "optional_dependency"


class PlanProblem(OrchestratorError, ValueError):
    """One fault of a graph.

    Attributes:
        kind: What is wrong.
        modules: Ids of the modules concerned; for a cycle, in the order of its path.
        message: What is wrong and what to do, for people.
    """

    def __init__(self, kind: ProblemKind, modules: tuple[str, ...], message: str) -> None:
        super().__init__(kind, modules, message)
        self.kind = kind
        self.modules = modules
        self.message = message

    def __str__(self) -> str:
        return self.message


class PlanError(OrchestratorError, ValueError):
    """A graph that cannot be planned.

    Attributes:
        operation_id: Id of the operation.
        problems: Every fault found.
    """

    def __init__(self, operation_id: str, problems: tuple[PlanProblem, ...]) -> None:
        super().__init__(operation_id, problems)
        self.operation_id = operation_id
        self.problems = problems

    def __str__(self) -> str:
        listed = "\n".join(f"  - {problem.message}" for problem in self.problems)
        return f"operation {self.operation_id!r} cannot be planned:\n{listed}"


class ContextConflict(OrchestratorError, RuntimeError):
    """Two modules that the graph does not order wrote the same key.

    Attributes:
        key: The key.
        modules: Ids of the two modules; the second one's data was refused.
    """

    def __init__(self, key: object, modules: tuple[str, str]) -> None:
        super().__init__(key, modules)
        self.key = key
        self.modules = modules

    def __str__(self) -> str:
        return conflict_message(self.key, *self.modules)


def conflict_message(key: object, first: str, second: str) -> str:
    """Says that *first* and *second* both write *key*, and the one-line fix."""
    return (
        f"modules {first!r} and {second!r} both write {key!r} and nothing orders them, so which value wins would "
        f"be chance: order them (runs_after=[{first!r}] on {second!r}) or give both a reducer "
        f"(merge={{{key!r}: operator.add}})"
    )


class ModuleExit(OrchestratorError, RuntimeError):
    """Stands in an exception group for something like ``SystemExit``, which a group of errors cannot hold.

    Attributes:
        module_id: The module that left this way; the original is ``__cause__``.
        original: ``repr`` of what it raised.
    """

    def __init__(self, module_id: str, original: str) -> None:
        super().__init__(module_id, original)
        self.module_id = module_id
        self.original = original

    def __str__(self) -> str:
        return f"module {self.module_id!r} raised {self.original}"


class OperationCancelled(OrchestratorError, RuntimeError):
    """Raised by ``context.check_cancelled()`` and ``context.sleep()`` once the operation is being stopped."""


class OperationFailed(ExceptionGroup[Exception]):
    """Everything that went wrong in an operation, the original error first."""

    def derive(self, excs: Iterable[Exception], /) -> OperationFailed:  # type: ignore[override]  # typeshed wants the wider BaseException overload, which ExceptionGroup itself never uses
        """Keeps the type when a group is split by ``except*``."""
        return OperationFailed(self.message, list(excs))


class OperationInterrupted(KeyboardInterrupt):
    """Ctrl-C arrived; what was running has been stopped and what was done has been rolled back.

    Attributes:
        report: What ran and what was rolled back.  It holds the modules' functions, so a pickled copy of the error
            goes without it.
    """

    report: OperationExecutionReport

    def __init__(self, message: str, report: OperationExecutionReport | None = None) -> None:
        super().__init__(message)
        self.message = message
        if report is not None:
            self.report = report

    def __reduce__(self) -> tuple[type[OperationInterrupted], tuple[str]]:
        return type(self), (self.message,)

    def __str__(self) -> str:
        return self.message


class OperationTerminated(SystemExit):
    """SIGTERM arrived; as ``OperationInterrupted``, and the interpreter exits with status 143.

    Attributes:
        report: What ran and what was rolled back.  As in ``OperationInterrupted``, a pickled copy goes without it.
    """

    report: OperationExecutionReport

    def __init__(self, code: int, report: OperationExecutionReport | None = None) -> None:
        super().__init__(code)
        if report is not None:
            self.report = report

    def __reduce__(self) -> tuple[type[OperationTerminated], tuple[Any, ...]]:
        return type(self), self.args


class CycleWarning(UserWarning):
    """A cycle was run one module at a time, so some of its dependencies were not honoured."""


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence: ``"; did you mean 'x'?"`` if one of *known* is close to *wrong*, else ``"."``."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."
