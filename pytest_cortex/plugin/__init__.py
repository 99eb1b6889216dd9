"""The pytest plugin: hooks of a few lines each that call rooms which know nothing of pytest.

Nothing heavy is imported before a run really measures: an idle plugin costs its options and no more.  pytest finds the
hooks and fixtures by their names here; those of a run that measures are a plugin of their own, ``measuring_run``.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _as_they_are() -> Iterator[None]:
    """Imports modules as they are.

    pytest would rewrite the assertions of its plugins, and there are none here.  Where no bytecode may be written, as
    in many containers, it would compile everything anew in every run, and an idle plugin would cost five times as much.
    """
    finders = sys.meta_path[:]
    sys.meta_path[:] = [finder for finder in finders if type(finder).__module__ != "_pytest.assertion.rewrite"]
    try:
        yield
    finally:
        sys.meta_path[:] = finders


with _as_they_are():
    from pytest_cortex.plugin.collection import pytest_collection_modifyitems, pytest_make_collect_report
    from pytest_cortex.plugin.fixtures import (
        cortex_bench,
        cortex_large,
        cortex_limited_workers,
        cortex_medium,
        cortex_scenario,
        cortex_small,
        pytest_generate_tests,
    )
    from pytest_cortex.plugin.options import pytest_addoption, pytest_configure

__all__ = [
    "cortex_bench",
    "cortex_large",
    "cortex_limited_workers",
    "cortex_medium",
    "cortex_scenario",
    "cortex_small",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_make_collect_report",
]
