"""The register that finds operations by id."""

from __future__ import annotations

from orchestrator.errors import CallError, suggestion
from orchestrator.operation import Operation

_registered: dict[str, Operation] = {}


def register(operation: Operation) -> Operation:
    """Makes *operation* known by its id, and returns it.

    Raises:
        CallError: If another operation has that id.
    """
    if _known().setdefault(operation.id, operation) is not operation:
        raise CallError(f"another operation is registered as {operation.id!r}: choose another id")
    return operation


def find(operation: Operation | str) -> Operation:
    """Returns the operation itself, or the registered one of that id.

    Raises:
        CallError: If no operation of that id is registered.
    """
    if isinstance(operation, Operation):
        return operation
    known = _known()
    if operation not in known:
        raise CallError(
            f"no operation {operation!r} is registered{suggestion(str(operation), known)} "
            f"Known operations: {', '.join(sorted(known))}."
        )
    return known[operation]


def _known() -> dict[str, Operation]:
    """Returns the register; the first look adds the operations that come with the package."""
    from orchestrator.operations import BUILT_IN  # noqa: PLC0415 - paid by those who look, not by "import orchestrator"

    for operation in BUILT_IN:
        _registered.setdefault(operation.id, operation)
    return _registered
