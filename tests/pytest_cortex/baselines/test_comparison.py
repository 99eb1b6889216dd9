"""What a run is compared with, found out before it measures, and what of it becomes a baseline."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_records import MEASURED, UNMEASURED, session, verdict

from pytest_cortex.baselines.comparison import Baselines, entry_of
from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.baselines.store import Baseline, NoBaseline
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord
from pytest_cortex.settings.settings import Settings, resolve
from pytest_cortex.settings.values import SettingError

ROUNDS = tuple(
    RoundRecord(sequential_s=seconds, parallel_s=0.5, first=Arm.SEQUENTIAL, warmup=warmup, spoilt=spoilt)
    for seconds, warmup, spoilt in [
        (9.0, True, None),
        (2.0, False, None),
        (7.0, False, "steal 9 %"),
        (2.5, False, None),
    ]
)
COMPLETE = replace(
    MEASURED,
    rounds=ROUNDS,
    horizon=3,
    modelled=(3.9, 3.8, 3.7, 3.6),
    critical_path=("a", "b"),
    durations={"a": 1.0, "b": 1.0},
    dependencies=(("b", "a"),),
    phases={"a": 0, "b": 0},
)


def settings(**command_line: str) -> Settings:
    return resolve({name: [word] for name, word in command_line.items()}, {}, seed=1)


def save(folder: Path, *measurements: MeasurementRecord, name: str = "main") -> list[str]:
    return Baselines.from_settings(settings(save=name), folder).save(session(*measurements))


def found(folder: Path, measurement: MeasurementRecord, name: str = "main") -> BaselineEntry | NoBaseline:
    comparison = Baselines.from_settings(settings(compare=name), folder).comparison
    assert comparison is not None
    return comparison.entry(measurement.test, measurement.name, measurement.workers)


# Entries --------------------------------------------------------------------------------------------------------------


def test_entry_holds_the_counted_rounds_and_no_others() -> None:
    """A warm-up or a spoilt round must not become the limit of later runs."""
    entry = entry_of(COMPLETE)
    assert entry is not None
    assert (entry.ratios, entry.horizon) == ((4.0, 5.0), 3)


def test_entry_holds_no_more_of_the_model_than_the_horizon() -> None:
    """Warm-ups are modelled as well, so that there are more of these than rounds that count."""
    entry = entry_of(COMPLETE)
    assert entry is not None
    assert entry.modelled_ratios == (3.9, 3.8, 3.7)


@pytest.mark.parametrize(
    "name",
    [
        "test",
        "name",
        "workers",
        "speedup",
        "speedup_low",
        "speedup_high",
        "sequential_s",
        "parallel_s",
        "ceiling",
        "critical_path",
        "durations",
        "dependencies",
        "phases",
    ],
)
def test_entry_takes_over_what_the_record_says(name: str) -> None:
    """Whatever a later run is held against, or explained by."""
    assert getattr(entry_of(COMPLETE), name) == getattr(COMPLETE, name)


@pytest.mark.parametrize("missing", ["speedup", "sequential_s", "parallel_s"])
def test_there_is_no_entry_of_what_was_not_measured(missing: str) -> None:
    """A baseline without a number is none."""
    changed: dict[str, Any] = {missing: None}
    assert entry_of(replace(COMPLETE, **changed)) is None


# What a run compares with ---------------------------------------------------------------------------------------------


def test_nothing_is_compared_nor_saved_unless_somebody_asks(tmp_path: Path) -> None:
    """An ordinary run leaves no file."""
    baselines = Baselines.from_settings(settings(), tmp_path)
    assert (baselines.comparison, baselines.saved_as) == (None, None)
    assert baselines.save(session(COMPLETE)) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_saved_is_found_by_a_later_run(tmp_path: Path) -> None:
    """Under its name, and as the latest."""
    save(tmp_path, COMPLETE)
    assert found(tmp_path, COMPLETE) == found(tmp_path, COMPLETE, "latest") == entry_of(COMPLETE)


def test_another_number_of_workers_is_another_measurement(tmp_path: Path) -> None:
    """A speedup on 8 workers says nothing about one on 4."""
    save(tmp_path, COMPLETE)
    assert isinstance(found(tmp_path, replace(COMPLETE, workers=8)), NoBaseline)


def test_baseline_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    """A new machine has none, and its first run is to say so rather than to stop."""
    assert isinstance(found(tmp_path, COMPLETE), NoBaseline)


def test_folder_of_baselines_is_found_from_the_projects_folder(tmp_path: Path) -> None:
    """So that it is the same from wherever pytest is started."""
    Baselines.from_settings(settings(save="main", baseline_dir="kept/here"), tmp_path).save(session(COMPLETE))
    assert [path.name for path in (tmp_path / "kept" / "here").glob("*/*")] == ["main.json"]


@pytest.mark.parametrize("name", ["main", "latest"])
def test_broken_file_is_refused_before_anything_is_measured(tmp_path: Path, name: str) -> None:
    """The message names the option, the file, and what to do."""
    save(tmp_path, COMPLETE)
    (path,) = tmp_path.rglob("main.json")
    path.write_text("{")
    with pytest.raises(SettingError) as caught:
        Baselines.from_settings(settings(compare=name), tmp_path)
    assert str(caught.value).startswith(f"--cortex-compare (command line): baseline file '{path}': it is no JSON")
    assert str(caught.value).endswith("restore it from version control, or delete it and save it again")


# What a run saves -----------------------------------------------------------------------------------------------------


def test_saving_says_where_and_how_many(tmp_path: Path) -> None:
    """People want to put the file under version control."""
    (line,) = save(tmp_path, COMPLETE, replace(COMPLETE, name="other"))
    (path,) = tmp_path.rglob("main.json")
    assert line == f"baseline 'main' saved: {path} (measurements: 2)"


@pytest.mark.parametrize(
    "unsound",
    [
        replace(COMPLETE, name="bad", verdicts=(verdict(Outcome.FAIL),)),
        replace(COMPLETE, name="bad", error="deadlock"),
        replace(UNMEASURED, name="bad"),
    ],
    ids=["failed", "stopped", "not measured"],
)
def test_what_failed_does_not_become_a_baseline(tmp_path: Path, unsound: MeasurementRecord) -> None:
    """Otherwise a regression, once saved, would be the measure of all later runs."""
    (line,) = save(tmp_path, COMPLETE, unsound)
    assert line.endswith("(measurements: 1; left out, because they failed or were not measured: 1)")
    assert isinstance(found(tmp_path, unsound), NoBaseline)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONCLUSIVE])
def test_what_did_not_fail_becomes_a_baseline(tmp_path: Path, outcome: Outcome) -> None:
    """The first run against a baseline that does not exist yet is inconclusive, and is the one to save."""
    save(tmp_path, replace(COMPLETE, verdicts=(verdict(outcome),)))
    assert found(tmp_path, COMPLETE) == entry_of(COMPLETE)


def test_nothing_is_saved_where_nothing_is_sound(tmp_path: Path) -> None:
    """And the former baseline stays."""
    save(tmp_path, COMPLETE)
    lines = save(tmp_path, replace(COMPLETE, error="deadlock"))
    assert lines == ["no baseline was saved: nothing was measured, or every measurement failed"]
    assert found(tmp_path, COMPLETE) == entry_of(COMPLETE)


def test_saving_brings_a_baseline_up_to_date_and_keeps_what_was_not_measured(tmp_path: Path) -> None:
    """A run of one test must not cost the baselines of all others."""
    save(tmp_path, COMPLETE, replace(COMPLETE, name="other"))
    save(tmp_path, replace(COMPLETE, speedup=3.0))
    opened = Baselines.from_settings(settings(), tmp_path).store.open("main")
    assert isinstance(opened, Baseline)
    assert sorted((key.name, entry.speedup) for key, entry in opened.entries.items()) == [
        ("other", 3.92),
        ("small", 3.0),
    ]


def test_file_that_cannot_be_written_is_said_and_stops_nothing(tmp_path: Path) -> None:
    """The run is over; its verdicts stand."""
    (tmp_path / ".cortex").write_text("in the way")
    (line,) = save(tmp_path, COMPLETE)
    assert "it cannot be written" in line
