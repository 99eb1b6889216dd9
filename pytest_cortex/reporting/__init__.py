"""Turns a ``SessionRecord`` into files and lines; it reads records and never measures or judges.

Importing this package is cheap.  pandas and matplotlib are loaded by ``write``, when there is something to draw.
"""

from pytest_cortex.files import write_atomically
from pytest_cortex.reporting.document import schema
from pytest_cortex.reporting.github_annotations import workflow_commands
from pytest_cortex.reporting.step_summary import append_step_summary
from pytest_cortex.reporting.terminal import Line, lines
from pytest_cortex.reporting.writing import Problem, Written, write

__all__ = [
    "Line",
    "Problem",
    "Written",
    "append_step_summary",
    "lines",
    "schema",
    "workflow_commands",
    "write",
    "write_atomically",
]
