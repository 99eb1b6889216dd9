"""Between a run and its baselines: what it is compared with, and what it saves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_cortex.baselines.entry import BaselineEntry, Key
from pytest_cortex.baselines.store import BaselineError, BaselineStore, NoBaseline
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.measuring import machine
from pytest_cortex.record import MeasurementRecord, SessionRecord
from pytest_cortex.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The baseline that a run is compared with.

    Attributes:
        name: Its name.
        store: Where it is.
    """

    name: str
    store: BaselineStore

    def entry(self, test: str, name: str, workers: int) -> BaselineEntry | NoBaseline:
        """Returns what it holds of one measurement."""
        return self.store.find(self.name, Key(test=test, name=name, workers=workers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What a run compares with and what it saves.

    Attributes:
        store: Where baselines are.
        comparison: What is compared with; None if nothing is.
        saved_as: The name to save under; None if nothing is saved.
    """

    store: BaselineStore
    comparison: Comparison | None = None
    saved_as: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings, root: Path) -> Baselines:
        """Reads what there is to compare with.

        Args:
            settings: The options in force.
            root: The project's folder.

        Raises:
            SettingError: If a file is no baseline, or what would be saved is none.
        """
        if settings["save"] is not None and settings["against_itself"]:
            problem = (
                "programs measured against themselves have a speedup of 1, which is no baseline: give one of the two"
            )
            raise settings.error("save", problem)
        store = BaselineStore(root / settings["baseline_dir"], machine.facts())
        name = settings["compare"]
        if name is not None:
            try:
                store.open(name)
            except (BaselineError, ValueError) as error:
                raise settings.error("compare", str(error)) from error
        comparison = None if name is None else Comparison(name=name, store=store)
        return cls(store=store, comparison=comparison, saved_as=settings["save"])

    def save(self, session: SessionRecord) -> list[str]:
        """Saves what was measured, if that was asked for; returns lines for people on what came of it."""
        if self.saved_as is None:
            return []
        if not session.complete:  # part of it from this commit and part from an older one would be neither
            return ["no baseline was saved: the run ended early"]
        sound = [each for each in session.measurements if each.outcome is not Outcome.FAIL and each.error is None]
        entries = [entry for each in sound if (entry := entry_of(each)) is not None]
        if not entries:
            return ["no baseline was saved: nothing was measured, or every measurement failed"]
        try:
            path = self.store.save(self.saved_as, entries, created_at=session.created_at)
        except BaselineError as error:
            return [str(error)]
        left_out = len(session.measurements) - len(entries)
        but = f"; left out, because they failed or were not measured: {left_out}" if left_out else ""
        return [f"baseline {self.saved_as!r} saved: {path} (measurements: {len(entries)}{but})"]


def entry_of(measurement: MeasurementRecord) -> BaselineEntry | None:
    """Returns *measurement* as a baseline keeps it; None if nothing was measured."""
    if measurement.speedup is None or measurement.sequential_s is None or measurement.parallel_s is None:
        return None
    return BaselineEntry(
        test=measurement.test,
        name=measurement.name,
        workers=measurement.workers,
        horizon=measurement.horizon,
        ratios=tuple(each.sequential_s / each.parallel_s for each in measurement.rounds if each.counts),
        speedup=measurement.speedup,
        speedup_low=measurement.speedup_low,
        speedup_high=measurement.speedup_high,
        sequential_s=measurement.sequential_s,
        parallel_s=measurement.parallel_s,
        modelled_ratios=measurement.modelled[: measurement.horizon],
        ceiling=measurement.ceiling,
        critical_path=measurement.critical_path,
        durations=measurement.durations,
        dependencies=measurement.dependencies,
        phases=measurement.phases,
    )
