"""Which tests measure; in an ordinary run they are skipped.  And a wrong marker is an error of the collection."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_cortex.plugin.stash import SETTINGS_KEY, SKIP_REASON


def is_bench(item: pytest.Item) -> bool:
    """True for the items that measure something."""
    return "cortex_bench" in getattr(item, "fixturenames", ()) or type(item).__name__ == "ScenarioItem"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips bench tests, unless they are to be measured."""
    if SETTINGS_KEY not in config.stash or not config.stash[SETTINGS_KEY]["bench"]:
        for item in filter(is_bench, items):
            item.add_marker(pytest.mark.skip(reason=SKIP_REASON))


# Called once for a file or class.  pytest has a hook for each name in one, but every pytest run pays for all of these.
@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Checks markers where they are collected, so that a wrong one is an error before anything runs."""
    report = yield
    marked = [node for node in (collector, *report.result) if any(mark.name == "cortex" for mark in node.own_markers)]
    if marked and report.passed:
        from pytest_cortex.plugin.marker import marker_problem  # noqa: PLC0415 - an idle run does not pay for it

        problem = next(filter(None, map(marker_problem, marked)), None)
        if problem:
            report.outcome, report.longrepr, report.result = "failed", problem, []
    return report
