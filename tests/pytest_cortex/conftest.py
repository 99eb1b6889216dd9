"""A clock that the measured programs move themselves, so that gates decide at once and exactly."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest

from pytest_cortex.baselines.comparison import Comparison
from pytest_cortex.bench.court import Court, rules_of
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.measuring import machine, rounds
from pytest_cortex.measuring.rounds import Watch, undisturbed
from pytest_cortex.record import GateName
from pytest_cortex.settings.settings import Settings, resolve


@pytest.fixture(autouse=True, scope="module")
def untraced() -> Iterator[None]:
    """Hides the tracer of a coverage run, under which no gate would decide; tests about tracers set their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "active_tracer", lambda: None)
        yield


class FakeTime:
    """Stands in for the ``time`` module where rounds are timed."""

    def __init__(self) -> None:
        self._wall_ns = 1_000_000_000
        self._cpu_ns = 0

    def perf_counter_ns(self) -> int:
        return self._wall_ns

    def process_time_ns(self) -> int:
        return self._cpu_ns

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float, *, cpu_s: float = 0.0) -> None:
        self._wall_ns += round(seconds * 1e9)
        self._cpu_ns += round(cpu_s * 1e9)


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Moves the fake clock: ``advance(seconds, cpu_s=0)``."""
    clock = FakeTime()
    monkeypatch.setattr(rounds, "time", clock)
    with rounds.steady_memory():  # as in earnest: otherwise every run would pay for walking over all of pytest
        yield clock.advance


@pytest.fixture
def programs(advance: Callable[..., None]) -> Callable[..., dict[str, Callable[[], Any]]]:
    """Makes two programs: ``programs(sequential_s, parallel_s)``; several times are taken in turn, again and again.

    ``cpu_share`` of each run's time is spent on the CPU, ``returns`` is its result, and ``calls`` notes who ran.
    """

    def make(
        sequential_s: float | Iterable[float],
        parallel_s: float | Iterable[float],
        *,
        cpu_share: float = 0.0,
        returns: object = None,
        calls: list[str] | None = None,
    ) -> dict[str, Callable[[], Any]]:
        def program(name: str, given: float | Iterable[float]) -> Callable[[], Any]:
            times = cycle(given if isinstance(given, Iterable) else [given])

            def run() -> object:
                seconds = next(times)
                advance(seconds, cpu_s=seconds * cpu_share)
                if calls is not None:
                    calls.append(name)
                return returns

            return run

        return {"sequential": program("sequential", sequential_s), "parallel": program("parallel", parallel_s)}

    return make


@pytest.fixture
def make_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CortexBench]:
    """Makes a ``cortex_bench`` on a quiet machine with CPUs to spare."""
    monkeypatch.setattr(machine, "usable_cpus", lambda: 64.0)
    monkeypatch.setattr(machine, "load_average", lambda: None)

    def make(
        *,
        settings: Settings | None = None,
        marker: Mapping[GateName, float] | None = None,
        watch: Watch = undisturbed,
        baselines: Comparison | None = None,
        streaks: Streaks | None = None,
        test: str = "test_it.py::test_it",
    ) -> CortexBench:
        chosen = settings or resolve({}, {}, seed=1)
        return CortexBench(
            test_name=test.rpartition("::")[2],
            settings=chosen,
            marker=marker or {},
            court=Court(test=test, rules=rules_of(chosen, tests=1), streaks=streaks or Streaks({})),
            watch=watch,
            baselines=baselines,
        )

    return make
