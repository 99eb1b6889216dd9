"""Which tests measure; in an ordinary run they are skipped."""

from __future__ import annotations

import pytest

from pytest_cortex.plugin.stash import SETTINGS_KEY, SKIP_REASON


def is_bench(item: pytest.Item) -> bool:
    """True for the items that measure something."""
    return "cortex_bench" in getattr(item, "fixturenames", ()) or type(item).__name__ == "ScenarioItem"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips bench tests, unless they are to be measured."""
    if config.getoption("benchmark_only", default=False):
        from pytest_cortex.plugin.benchmark_only import keep  # noqa: PLC0415 - few runs need it

        keep(filter(is_bench, items))
    if not config.stash[SETTINGS_KEY]["bench"]:
        for item in filter(is_bench, items):
            item.add_marker(pytest.mark.skip(reason=SKIP_REASON))
