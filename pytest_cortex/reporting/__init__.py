"""Turns a ``SessionRecord`` into files and lines; it reads records and never measures or judges.

Importing this package is cheap.  pandas and matplotlib are loaded by ``write``, when there is something to draw.
"""

from pytest_cortex.files import write_atomically
from pytest_cortex.reporting.document import schema
from pytest_cortex.reporting.terminal import Line, lines
from pytest_cortex.reporting.writing import Problem, Written, write

__all__ = ["Line", "Problem", "Written", "lines", "schema", "write", "write_atomically"]
