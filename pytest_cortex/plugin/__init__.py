"""The pytest plugin: hooks of a few lines each that call rooms which know nothing of pytest.

Nothing heavy is imported before a run really measures: an idle plugin costs its options and no more.  pytest finds the
hooks and fixtures by their names here.
"""

from pytest_cortex.plugin.collection import pytest_collection_modifyitems, pytest_make_collect_report
from pytest_cortex.plugin.ending import pytest_sessionfinish, pytest_terminal_summary
from pytest_cortex.plugin.fixtures import (
    cortex_bench,
    cortex_large,
    cortex_limited_workers,
    cortex_medium,
    cortex_scenario,
    cortex_small,
    pytest_generate_tests,
)
from pytest_cortex.plugin.header import pytest_report_collectionfinish, pytest_report_header
from pytest_cortex.plugin.marker import pytest_pycollect_makeitem
from pytest_cortex.plugin.options import pytest_addhooks, pytest_addoption, pytest_configure, pytest_sessionstart
from pytest_cortex.plugin.progress import pytest_collection_finish
from pytest_cortex.plugin.verdicts import pytest_report_teststatus, pytest_runtest_call, pytest_runtest_makereport

__all__ = [
    "cortex_bench",
    "cortex_large",
    "cortex_limited_workers",
    "cortex_medium",
    "cortex_scenario",
    "cortex_small",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_make_collect_report",
    "pytest_pycollect_makeitem",
    "pytest_report_collectionfinish",
    "pytest_report_header",
    "pytest_report_teststatus",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_terminal_summary",
]
