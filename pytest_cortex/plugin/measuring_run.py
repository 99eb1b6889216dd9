"""The hooks of a run that measures, a plugin of its own: an idle run neither imports nor calls any of them."""

from pytest_cortex.plugin.ending import pytest_sessionfinish, pytest_terminal_summary
from pytest_cortex.plugin.header import pytest_report_collectionfinish, pytest_report_header
from pytest_cortex.plugin.progress import pytest_collection_finish
from pytest_cortex.plugin.selection import pytest_make_collect_report, pytest_sessionstart
from pytest_cortex.plugin.verdicts import pytest_report_teststatus, pytest_runtest_call, pytest_runtest_makereport

__all__ = [
    "pytest_collection_finish",
    "pytest_make_collect_report",
    "pytest_report_collectionfinish",
    "pytest_report_header",
    "pytest_report_teststatus",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_terminal_summary",
]
