"""Which tests a measuring run has: scenarios where there is no bench test, and under pytest-xdist who runs which."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_cortex.plugin.collection import is_bench
from pytest_cortex.plugin.distribution import CONTROLLER, MeasuringController, is_controller, is_worker
from pytest_cortex.plugin.stash import SESSION_KEY


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only now is it certain that there are workers, and that all plugins that select are there."""
    plugins = session.config.pluginmanager
    plugins.register(Selection(), "cortex-selection")
    if is_controller(session.config):
        plugins.register(MeasuringController(), CONTROLLER)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Appends the built-in scenarios to a whole run, for the case that it turns out to have no bench test."""
    report = yield
    config = collector.config
    whole_run = config.args_source is not pytest.Config.ArgsSource.ARGS
    if isinstance(collector, pytest.Session) and whole_run and report.passed and SESSION_KEY in config.stash:
        from pytest_cortex.plugin.default_items import DefaultScenarios  # noqa: PLC0415 - no worker pays for it

        report.result.append(
            DefaultScenarios.from_parent(
                collector, name="cortex", nodeid="cortex", bench_session=config.stash[SESSION_KEY], is_bench=is_bench
            )
        )
    return report


class Selection:
    """Leaves bench tests to the process that measures, and others to the others.

    It comes after all else that selects: ``--lf`` would otherwise look for its failures among what is left, find none
    where they are with the others, and run everything.
    """

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Leaves what this process runs."""
        result = yield
        bench = [item for item in items if is_bench(item)]
        if is_worker(config):
            items[:] = [item for item in items if not is_bench(item)]
        else:
            config.stash[SESSION_KEY].expected.update(item.nodeid for item in bench)
            if is_controller(config):
                items[:] = bench
        return result
