"""Operations that come with the package."""

from orchestrator.operation import Operation

BUILT_IN: tuple[Operation, ...] = ()
