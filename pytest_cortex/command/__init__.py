"""``pytest-cortex``, the console command: what takes many test runs, and so cannot be an option of one."""

from pytest_cortex.command.calibrate import main

__all__ = ["main"]
