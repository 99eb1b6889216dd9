"""The fixtures that bench tests take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_cortex.plugin.options import settings_of
from pytest_cortex.plugin.stash import BENCH_KEY, SESSION_KEY, SKIP_REASON

if TYPE_CHECKING:
    from pytest_cortex.bench.fixture import CortexBench
    from pytest_cortex.scenarios.scenario import Scenario


_UNFORESEEN = (
    "cortex_bench was asked for while the test ran, so that the controller, which alone measures under pytest-xdist, "
    "could not know of it: take it as an argument of the test or of one of its fixtures"
)


@pytest.fixture
def cortex_bench(request: pytest.FixtureRequest) -> Iterator[CortexBench]:
    """Gates a speedup: cortex_bench(sequential=f, parallel=g, workers=4), or (operation, workers=4), or (scenario).

    The result has .speedup, .efficiency, .assert_speedup(limit) and .assert_efficiency(limit).  cortex_bench.compare
    holds several programs against one of them, cortex_bench.scale one program against itself with fewer workers.
    """  # noqa: D402 - pytest --fixtures shows the first line alone, so that it has to teach how to call it
    from pytest_cortex.measuring.rounds import steady_memory  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.marker import gates_of  # noqa: PLC0415 - the same

    session = request.config.stash.get(SESSION_KEY, None)
    if session is None:  # somebody asked for it by name, which no collection could see
        if settings_of(request.config)["bench"]:
            pytest.fail(_UNFORESEEN, pytrace=False)
        pytest.skip(SKIP_REASON)
    node = request.node
    bench = node.stash[BENCH_KEY] = session.open(node.nodeid, node.name, gates_of(node), skip=pytest.skip)
    with steady_memory():
        yield bench
    session.close(bench)


def _scenario(config: pytest.Config, name: str) -> Scenario:
    from pytest_cortex.bench.session import find_scenario  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.hooks import offered_scenarios  # noqa: PLC0415 - the same

    session = config.stash.get(SESSION_KEY, None)
    if session is None:
        return find_scenario(name, settings_of(config), offered_scenarios(config))
    scenario: Scenario = session.scenario(name)
    return scenario


@pytest.fixture
def cortex_small(pytestconfig: pytest.Config) -> Scenario:
    """The scenario small: 4 independent modules on 4 workers."""
    return _scenario(pytestconfig, "small")


@pytest.fixture
def cortex_medium(pytestconfig: pytest.Config) -> Scenario:
    """The scenario medium: 8 independent modules on 4 workers."""
    return _scenario(pytestconfig, "medium")


@pytest.fixture
def cortex_large(pytestconfig: pytest.Config) -> Scenario:
    """The scenario large: 12 independent modules on 4 workers."""
    return _scenario(pytestconfig, "large")


@pytest.fixture
def cortex_limited_workers(pytestconfig: pytest.Config) -> Scenario:
    """The scenario limited_workers: 8 independent modules on 2 workers."""
    return _scenario(pytestconfig, "limited_workers")


@pytest.fixture
def cortex_scenario(request: pytest.FixtureRequest) -> Scenario:
    """Every scenario in turn: the four built-in ones and those of plugins, or those that --cortex-scenario names."""
    name: str = request.param
    return _scenario(request.config, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test per scenario of those that ask for ``cortex_scenario``."""
    if "cortex_scenario" in metafunc.fixturenames:
        from pytest_cortex.plugin.hooks import HookError, offered_scenarios  # noqa: PLC0415 - not for an idle run
        from pytest_cortex.settings.checks import selected_names  # noqa: PLC0415 - the same
        from pytest_cortex.settings.values import BUILT_IN_SCENARIOS, SettingError  # noqa: PLC0415 - the same

        try:
            known = (*BUILT_IN_SCENARIOS, *offered_scenarios(metafunc.config))
            names = selected_names(settings_of(metafunc.config), known)
        except (HookError, SettingError) as error:
            raise pytest.Collector.CollectError(f"pytest-cortex: {error}") from error
        metafunc.parametrize("cortex_scenario", names, indirect=True)
