"""Scenarios as tests of their own: in a folder that has no bench test, and those that the command line names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_cortex.bench.session import BenchSession
from pytest_cortex.measuring.rounds import steady_memory
from pytest_cortex.plugin.stash import BENCH_KEY


class ScenarioItem(pytest.Item):
    """Measures one scenario.

    Args:
        bench_session: The run.
    """

    def __init__(self, *, bench_session: BenchSession, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]  # pytest passes name and parent through from_parent
        self._bench_session = bench_session

    def runtest(self) -> None:
        """Measures; the scenario's gates decide."""
        bench = self._bench_session.open(self.nodeid, self.name, {}, skip=pytest.skip)
        self.stash[BENCH_KEY] = bench
        try:
            with steady_memory():
                bench(self._bench_session.scenario(self.name))
        finally:
            self._bench_session.close(bench)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says the test is."""
        return self.path, None, f"cortex scenario {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002 - pytest's signature
        """The message alone: the traceback would show this plugin's code and not the user's."""
        return str(excinfo.value)


class DefaultScenarios(pytest.Collector):
    """Comes last in the collection, and yields the scenarios if no bench test came before.

    Scenarios that the command line names are wanted anyway, unless a test takes them as ``cortex_scenario``.

    Args:
        bench_session: The run.
        is_bench: Says whether an item measures.
    """

    def __init__(
        self, *, bench_session: BenchSession, is_bench: Callable[[pytest.Item], bool], **arguments: object
    ) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]  # as above
        self._bench_session = bench_session
        self._is_bench = is_bench

    def collect(self) -> Iterator[pytest.Item]:
        """Yields one item per scenario."""
        if self._are_wanted():
            for name in self._bench_session.scenarios:
                yield ScenarioItem.from_parent(self, name=name, bench_session=self._bench_session)

    def _are_wanted(self) -> bool:
        bench = [item for item in self.session.items if self._is_bench(item)]
        named = self._bench_session.settings.origin("scenario") == "command line"
        taken = any("cortex_scenario" in getattr(item, "fixturenames", ()) for item in bench)
        return not bench or (named and not taken)
