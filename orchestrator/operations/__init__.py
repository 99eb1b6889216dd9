"""Operations that come with the package."""

from orchestrator.operation import Operation
from orchestrator.operations.environment_setup import ENVIRONMENT_SETUP

BUILT_IN: tuple[Operation, ...] = (ENVIRONMENT_SETUP,)
"""What ``execute_operation`` finds by id without a ``register``."""
