"""What ``cortex_bench.scale`` returns: a curve to look at, and gates on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from pytest_cortex.bench.result import BenchResult
from pytest_cortex.judging.scaling import Scaling, ScalingPoint, scaling, speedup_for
from pytest_cortex.measuring.rounds import Rounds
from pytest_cortex.record import ScalingPointRecord, ScalingRecord
from pytest_cortex.settings.settings import Limit


class ScalingResult:
    """One program at several numbers of workers.

    Args:
        name: How reports call it.
        results: One per number of workers above one, ascending.
        rounds: The rounds that they share; each of their arms is named after its number of workers.

    Attributes:
        name: How reports call it.
        results: By number of workers, what was measured against one worker.
    """

    def __init__(self, name: str, results: Sequence[BenchResult], rounds: Rounds) -> None:
        self.name = name
        self.results: Mapping[int, BenchResult] = {result.workers: result for result in results}
        self._rounds = rounds

    def __repr__(self) -> str:
        points = ", ".join(f"{each.speedup:.2f} on {workers}" for workers, each in self.results.items())
        return f"<ScalingResult {self.name}: speedup {points} workers>"

    @property
    def curve(self) -> Scaling:
        """Speedup and serial fraction per number of workers with their intervals, and Amdahl's fit."""
        counts = (1, *self.results)
        rounds = [made.runs for made in self._rounds.counted]
        return scaling({count: [runs[str(count)].seconds for runs in rounds] for count in counts})

    @property
    def points(self) -> tuple[ScalingPoint, ...]:
        """One per number of workers, one worker first."""
        return self.curve.points

    @property
    def serial_fraction(self) -> float | None:
        """Amdahl's: the share of the work that more workers do not speed up; None without rounds."""
        return self.curve.amdahl.fraction

    @cached_property
    def _most(self) -> int:
        return max(self.results)

    def assert_speedup(self, limit: float, *, workers: int | None = None) -> None:
        """Gates the speedup on so many *workers*, by default the most that were measured.

        Raises:
            GateFailed: If the true speedup is proven below *limit* less the margin.
            ValueError: If *limit* is no speedup, or *workers* was not measured.
        """
        __tracebackhide__ = True
        self._on(workers).assert_speedup(limit)

    def assert_efficiency(self, limit: float, *, workers: int | None = None) -> None:
        """Gates the efficiency, speedup / workers; as ``assert_speedup``."""
        __tracebackhide__ = True
        self._on(workers).assert_efficiency(limit)

    def assert_serial_fraction(self, limit: float, *, workers: int | None = None) -> None:
        """Gates the serial fraction by Karp and Flatt: on *workers* it must be *limit* at most.

        The fraction falls as the speedup rises, so this is a gate on the speedup that goes with it.

        Raises:
            GateFailed: If the true speedup is proven below the one that *limit* allows, less the margin.
            ValueError: If *limit* is not between 0 and 1, or *workers* was not measured.
        """
        __tracebackhide__ = True
        result = self._on(workers)
        result.judge_as_speedup(
            Limit(gate="max_serial_fraction", value=limit, origin="assert_serial_fraction"),
            speedup_for(limit, result.workers),
        )

    def _on(self, workers: int | None) -> BenchResult:
        wanted = self._most if workers is None else workers
        if wanted not in self.results:
            measured = ", ".join(map(str, self.results))
            raise ValueError(f"workers={wanted!r} was not measured; measured were {measured}, each against 1")
        return self.results[wanted]

    def record(self, test: str) -> ScalingRecord:
        """The curve as it is written down.

        Args:
            test: The pytest node id.
        """
        curve = self.curve
        return ScalingRecord(
            test=test,
            name=self.name,
            points=tuple(self._point(point) for point in curve.points),
            serial_fraction=curve.amdahl.fraction,
            serial_low=curve.amdahl.low,
            serial_high=curve.amdahl.high,
            summary=curve.summary,
        )

    def _point(self, point: ScalingPoint) -> ScalingPointRecord:
        result = self.results.get(point.workers)
        return ScalingPointRecord(
            workers=point.workers,
            speedup=point.speedup.speedup,
            low=point.speedup.low,
            high=point.speedup.high,
            ceiling=1.0 if result is None else result.ceiling,
            karp_flatt=None if point.karp_flatt is None else point.karp_flatt.fraction,
        )
