"""``pytest-cortex``, the console command: what takes many test runs or none, and so cannot be an option of one.

Each subcommand is a Python module here with ``add_parser`` and ``run``.
"""

from pytest_cortex.command.console import main

__all__ = ["main"]
