"""One test run: its settings, its scenarios, and the measurements made so far.  Knows nothing of pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_cortex.baselines.comparison import Baselines
from pytest_cortex.bench.allowance import Allowance, Stopwatch
from pytest_cortex.bench.court import Court, Objection, nobody_objects, rules_of
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.history.keeping import History
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.measuring.rounds import Progress
from pytest_cortex.record import GateName, MeasurementRecord, ScalingRecord, SessionRecord
from pytest_cortex.scenarios.scenario import BUILT_IN_NAMES, Scenario, built_in
from pytest_cortex.scenarios.wfformat import WorkflowError, workflow_scenario
from pytest_cortex.settings.checks import selected_names
from pytest_cortex.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the last attempt of a test left.

    Attributes:
        measurements: In the order they were made.
        scalings: Those at several numbers of workers.
    """

    measurements: tuple[MeasurementRecord, ...]
    scalings: tuple[ScalingRecord, ...]


@dataclass(slots=True, kw_only=True)
class BenchSession:
    """The state of a run that measures.

    Attributes:
        settings: The options in force.
        scenarios: Those that ``cortex_scenario`` stands for, by name.
        report_dir: Where the reports go.
        command: The arguments pytest was called with.
        streaks: INCONCLUSIVE verdicts from run to run.
        baselines: What is compared with, and where it is saved.
        facts: What others know about the machine, by plugin.
        objection: Says why others object to a verdict.
        history: Where runs are kept; None if they are not.
        expected: Node ids of the bench tests that were selected.
        finished: Node ids of those that ran to their end.
        on_round: Is told after each round what is measured and how far it is, and None when no round is to come for
            now; None if nobody looks.
    """

    settings: Settings
    scenarios: Mapping[str, Scenario]
    report_dir: Path
    command: tuple[str, ...]
    streaks: Streaks
    baselines: Baselines
    facts: Mapping[str, Any] = field(default_factory=dict)
    objection: Objection = nobody_objects
    history: History | None = None
    expected: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    on_round: Callable[[str, Progress | None], None] | None = None
    _started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _environment: dict[str, Any] = field(default_factory=machine.facts)
    _monitor: Monitor = field(default_factory=Monitor)
    _stopwatch: Stopwatch = field(default_factory=Stopwatch)
    _open: list[tuple[str, CortexBench]] = field(default_factory=list)
    _attempts: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, Kept] = field(default_factory=dict)

    def scenario(self, name: str) -> Scenario:
        """Returns a selected or built-in scenario."""
        return find_scenario(name, self.settings, self.scenarios)

    def open(
        self,
        test: str,
        test_name: str,
        marker: Mapping[GateName, float],
        *,
        skip: Callable[[str], object] | None = None,
    ) -> CortexBench:
        """Makes the ``cortex_bench`` of one test.

        Args:
            test: The pytest node id.
            test_name: The test's name.
            marker: Keywords of its ``cortex`` marker.
            skip: Ends the test with a reason, where nothing could be measured in it.
        """
        bench = CortexBench(
            test_name=test_name,
            settings=self.settings,
            marker=marker,
            court=self._court(test),
            watch=self._monitor.watch,
            baselines=self.baselines.comparison,
            on_round=self.on_round,
            skip=skip,
        )
        self._stopwatch.__enter__()
        self._open.append((test, bench))
        return bench

    def _court(self, test: str) -> Court:
        allowance = Allowance(
            total_s=self.settings["total_budget"],
            bench=self._stopwatch,
            to_come=len((self.expected - self.finished) | {test}),
        )
        rules = rules_of(self.settings, len(self.expected))
        return Court(test=test, rules=rules, streaks=self.streaks, objection=self.objection, allowance=allowance)

    def close(self, bench: CortexBench) -> None:
        """Writes down what *bench* has measured; a test that is run again replaces its measurements."""
        for place, (test, each) in enumerate(self._open):
            if each is bench:
                del self._open[place]
                self._stopwatch.__exit__()
                self._keep(test, bench)
                return

    def _keep(self, test: str, bench: CortexBench) -> None:
        self._attempts[test] += 1
        self._kept.pop(test, None)  # so that the last attempt stands where it was made
        attempts = self._attempts[test]
        self._kept[test] = Kept(
            measurements=tuple(replace(result.record(), attempts=attempts) for result in bench.results),
            scalings=tuple(scaling.record(test) for scaling in bench.scalings),
        )

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The bench tests that were selected and did not run to their end."""
        return tuple(sorted(self.expected - self.finished))

    def record(self) -> SessionRecord:
        """The run as it is written down; also a run that was interrupted in the middle of a test."""
        for _test, bench in list(self._open):
            self.close(bench)
        return SessionRecord(
            created_at=self._started_at,
            command=self.command,
            seed=self.settings["seed"],
            complete=not self.unfinished,
            unfinished=self.unfinished,
            took_s=self._stopwatch.seconds,
            environment=self._environment | ({"plugins": self.facts} if self.facts else {}),
            settings=self.settings.records(),
            measurements=tuple(each for kept in self._kept.values() for each in kept.measurements),
            scalings=tuple(each for kept in self._kept.values() for each in kept.scalings),
        )


# Before the first test ------------------------------------------------------------------------------------------------


def find_scenario(name: str, settings: Settings, made: Mapping[str, Scenario]) -> Scenario:
    """Returns the scenario of a name, one of *made*, built in, or from a file that the settings name.

    Raises:
        SettingError: If a workflow file is not usable.
    """
    if name not in made and name in BUILT_IN_NAMES:
        return built_in(name, settings["module_duration"])
    return made.get(name) or load_scenarios(settings, made)[name]


def load_scenarios(settings: Settings, offered: Mapping[str, Scenario] | None = None) -> dict[str, Scenario]:
    """Makes the scenarios that ``cortex_scenario`` stands for.

    Args:
        settings: The options in force.
        offered: Those of other plugins, by name.

    Raises:
        SettingError: If a name is unknown or a workflow file is not usable.
    """
    offered = offered or {}
    known = (*BUILT_IN_NAMES, *offered)
    names = selected_names(settings, known)
    return {
        name: offered.get(each) or _load(name, each, settings)
        for name, each in zip(names, settings["scenario"] or known, strict=True)
    }


def _load(name: str, given: str, settings: Settings) -> Scenario:
    if given in BUILT_IN_NAMES:
        return built_in(name, settings["module_duration"])
    try:
        return workflow_scenario(Path(given), workers=settings["workers"], time_scale=settings["time_scale"])
    except WorkflowError as error:
        raise settings.error("scenario", str(error)) from error
