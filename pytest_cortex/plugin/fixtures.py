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
    """Measures a sequential program against its parallel twin, and gates the speedup.

    cortex_bench(sequential=f, parallel=g, workers=4), or cortex_bench(operation, workers=4), or
    cortex_bench(scenario); the result has .speedup, .efficiency, .assert_speedup(limit), .assert_efficiency(limit).
    """
    from pytest_cortex.measuring.rounds import steady_memory  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.marker import gates_of  # noqa: PLC0415 - the same

    session = request.config.stash.get(SESSION_KEY, None)
    if session is None:  # somebody asked for it by name, which no collection could see
        if settings_of(request.config)["bench"]:
            pytest.fail(_UNFORESEEN, pytrace=False)
        pytest.skip(SKIP_REASON)
    bench = request.node.stash[BENCH_KEY] = session.open(request.node.nodeid, request.node.name, gates_of(request.node))
    with steady_memory():
        yield bench
    session.close(bench)


def _scenario(config: pytest.Config, name: str) -> Scenario:
    from pytest_cortex.scenarios.scenario import built_in  # noqa: PLC0415 - an idle run does not pay for it

    session = config.stash.get(SESSION_KEY, None)
    if session is None:
        duration_s: float = settings_of(config)["module_duration"]
        return built_in(name, duration_s)
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
    """Every scenario in turn: the four built-in ones, or those that --cortex-scenario names."""
    name: str = request.param
    return _scenario(request.config, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test per scenario of those that ask for ``cortex_scenario``."""
    if "cortex_scenario" in metafunc.fixturenames:
        from pytest_cortex.bench.session import selected_names  # noqa: PLC0415 - an idle run does not pay for it

        names = selected_names(settings_of(metafunc.config))
        metafunc.parametrize("cortex_scenario", names, indirect=True)
