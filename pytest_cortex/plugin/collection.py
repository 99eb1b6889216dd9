"""Which tests measure: they are skipped in an ordinary run, and left to the process that measures in the others."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_cortex.plugin.distribution import CONTROLLER, MeasuringController, is_worker
from pytest_cortex.plugin.stash import SESSION_KEY, SETTINGS_KEY, SKIP_REASON


def is_bench(item: pytest.Item) -> bool:
    """True for the items that measure something."""
    return "cortex_bench" in getattr(item, "fixturenames", ()) or type(item).__name__ == "ScenarioItem"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Appends the built-in scenarios to a whole run, for the case that it turns out to have no bench test."""
    report = yield
    config = collector.config
    whole_run = config.args_source is not pytest.Config.ArgsSource.ARGS
    if isinstance(collector, pytest.Session) and whole_run and report.passed and SESSION_KEY in config.stash:
        from pytest_cortex.plugin.default_items import DefaultScenarios  # noqa: PLC0415 - an idle run does not pay for it

        report.result.append(
            DefaultScenarios.from_parent(
                collector, name="cortex", nodeid="cortex", bench_session=config.stash[SESSION_KEY], is_bench=is_bench
            )
        )
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips bench tests in an ordinary run; in a measuring one leaves them to the process that measures."""
    bench = [item for item in items if is_bench(item)]
    if config.getoption("benchmark_only", default=False):
        from pytest_cortex.plugin.benchmark_only import keep  # noqa: PLC0415 - few runs need it

        keep(bench)
    if not config.stash[SETTINGS_KEY]["bench"]:
        for item in bench:
            item.add_marker(pytest.mark.skip(reason=SKIP_REASON))
    elif is_worker(config):
        items[:] = [item for item in items if not is_bench(item)]
    else:
        controller = config.pluginmanager.get_plugin(CONTROLLER)
        if isinstance(controller, MeasuringController):
            items[:] = bench
        config.stash[SESSION_KEY].expected.update(item.nodeid for item in bench)
