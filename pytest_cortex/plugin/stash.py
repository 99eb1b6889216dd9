"""Where the plugin keeps its state on pytest's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_cortex.bench.fixture import CortexBench
    from pytest_cortex.bench.session import BenchSession
    from pytest_cortex.record import SessionRecord
    from pytest_cortex.settings.settings import Settings

SETTINGS_KEY: pytest.StashKey[Settings] = pytest.StashKey()
"""On the config, if one is set or somebody wants to know one: every option, read and checked."""

SESSION_KEY: pytest.StashKey[BenchSession] = pytest.StashKey()
"""On the config: the run's state, in the one process that measures."""

BENCH_KEY: pytest.StashKey[CortexBench] = pytest.StashKey()
"""On an item: what it measured."""

RUNNING_KEY: pytest.StashKey[bool] = pytest.StashKey()
"""On an item, while its test function runs: what is reported meanwhile are its subtests."""

UNDECIDED_KEY: pytest.StashKey[set[str]] = pytest.StashKey()
"""On the config: node ids of the tests that are shown as INCONCLUSIVE."""

RECORD_KEY: pytest.StashKey[SessionRecord] = pytest.StashKey()
"""On the config, from the end of the session: what was measured."""

PROBLEMS_KEY: pytest.StashKey[list[str]] = pytest.StashKey()
"""On the config, from the end of the session: reports that could not be written."""

CACHE_KEY = "cortex/inconclusive"
"""In pytest's cache: how often each gate was INCONCLUSIVE in a row."""

SKIP_REASON = "bench test: run pytest --cortex-bench to measure it"
"""Why a bench test does not run without the option."""
