"""The pytest plugin: hooks of a few lines each that call rooms which know nothing of pytest.

Nothing heavy is imported before a run really measures: an idle plugin costs its options and no more.  pytest finds the
hooks and fixtures by their names here; those of a run that measures are a plugin of their own, ``measuring_run``.
"""

from pytest_cortex.plugin.collection import pytest_collection_modifyitems
from pytest_cortex.plugin.fixtures import (
    cortex_bench,
    cortex_large,
    cortex_limited_workers,
    cortex_medium,
    cortex_scenario,
    cortex_small,
    pytest_generate_tests,
)
from pytest_cortex.plugin.marker import pytest_pycollect_makeitem
from pytest_cortex.plugin.options import pytest_addhooks, pytest_addoption, pytest_configure

__all__ = [
    "cortex_bench",
    "cortex_large",
    "cortex_limited_workers",
    "cortex_medium",
    "cortex_scenario",
    "cortex_small",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_pycollect_makeitem",
]
