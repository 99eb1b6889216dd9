"""A run and its history: what is added, what the record learns, and that nothing wrong with the folder is an error."""

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_records import MEASURED, UNMEASURED, session, verdict

from pytest_cortex.history import folder as folder_module
from pytest_cortex.history import keeping
from pytest_cortex.history.folder import find
from pytest_cortex.history.keeping import History
from pytest_cortex.history.retention import Retention
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, SessionRecord
from pytest_cortex.settings.settings import resolve
from pytest_cortex.settings.values import SettingError

FACTS = {
    "cpu_model": "Fast 9000",
    "usable_cpus": 4.0,
    "system": "Linux",
    "machine": "x86_64",
    "implementation": "CPython",
    "python": "3.11.9",
    "gil": True,
    "commit": {"id": "0123456789abcdef", "dirty": False},
}
PASSED = replace(MEASURED, verdicts=(verdict(Outcome.PASS, 3.4),))


def run_at(day: int, *measurements: MeasurementRecord, **environment: Any) -> SessionRecord:
    record = session(*(measurements or (PASSED,)))
    return replace(record, created_at=f"2026-01-{day:02}T12:00:00+00:00", environment={**FACTS, **environment})


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(folder=tmp_path / "history", retention=Retention())


# What is added --------------------------------------------------------------------------------------------------------


def test_run_adds_one_file_and_says_so(history: History) -> None:
    history.keep(run_at(1))
    _record, notes = history.keep(run_at(2))
    assert notes == [f"history: this run was saved, 2 runs in '{history.folder}'"]
    (first, second) = find(history.folder).saved
    assert (first.run.created_at, second.run.created_at) == ("2026-01-01T12:00:00+00:00", "2026-01-02T12:00:00+00:00")
    assert first.run.commit == "0123456789ab"
    assert first.run.machine_name == "Fast 9000, 4 usable CPUs, Linux x86_64, CPython 3.11"


def test_what_is_kept_of_a_measurement(history: History) -> None:
    history.keep(run_at(1))
    (entry,) = find(history.folder).saved[0].run.measurements
    assert (entry.test, entry.name, entry.workers) == (PASSED.test, PASSED.name, PASSED.workers)
    assert (entry.speedup, entry.low, entry.high, entry.rounds) == (3.92, 3.9, 3.95, 1)
    assert (entry.limit, entry.outcome) == (3.4, Outcome.PASS)


def test_failed_measurement_is_kept_and_one_that_was_stopped_is_not(history: History) -> None:
    failed = replace(MEASURED, name="failed", verdicts=(verdict(Outcome.FAIL, 5.0),))
    stopped = replace(MEASURED, name="stopped", error="interrupted")
    history.keep(run_at(1, failed, stopped, UNMEASURED))
    assert [each.name for each in find(history.folder).saved[0].run.measurements] == ["failed"]


@pytest.mark.parametrize(
    ("changed", "record", "note"),
    [
        ({"against_itself": True}, run_at(1), "since programs were measured against themselves"),
        ({}, run_at(1, UNMEASURED), "since no measurement has a speedup"),
    ],
)
def test_nothing_is_saved_of_what_says_nothing(
    history: History, changed: dict[str, Any], record: SessionRecord, note: str
) -> None:
    kept, notes = replace(history, **changed).keep(record)
    assert kept == record
    assert notes == [f"history: nothing was saved, {note}"]
    assert not history.folder.exists()


def test_history_never_grows_beyond_its_cap(history: History) -> None:
    small = replace(history, retention=Retention(cap=3))
    for day in range(1, 9):
        record, _notes = small.keep(run_at(day))
    assert len(find(history.folder).saved) == 3
    assert len(record.history[0].points) == 3
    assert record.history[0].points[-1].created_at == "2026-01-08T12:00:00+00:00"


def test_runs_that_end_at_once_are_all_kept_and_drop_no_more_than_one_would(history: History) -> None:
    """Each saves, reads and drops while the others do; whoever finds a file gone goes on."""
    small = replace(history, retention=Retention(cap=5))
    with ThreadPoolExecutor(8) as pool:
        every_note = [
            note for _record, notes in pool.map(small.keep, [run_at(day) for day in range(1, 25)]) for note in notes
        ]
    assert all(note.startswith("history: this run was saved, ") for note in every_note)
    _record, _notes = small.keep(run_at(25))
    left = [each.run.moment.day for each in find(history.folder).saved]
    assert len(left) == 5
    assert left[-3:] == [23, 24, 25]


# What the record learns -----------------------------------------------------------------------------------------------


def test_record_holds_the_saved_runs_of_what_it_measured_itself_among_them(history: History) -> None:
    other = replace(PASSED, name="other")
    history.keep(run_at(1, replace(PASSED, speedup=3.5), other))
    record, _notes = history.keep(run_at(2))
    (series,) = record.history
    assert (series.test, series.name, series.workers) == (PASSED.test, "small", 4)
    assert [(point.created_at[:10], point.speedup) for point in series.points] == [
        ("2026-01-01", 3.5),
        ("2026-01-02", 3.92),
    ]
    last = series.points[-1]
    assert (last.low, last.high, last.limit, last.outcome) == (3.9, 3.95, 3.4, Outcome.PASS)
    assert last.commit == "0123456789ab"


def test_every_kind_of_machine_is_a_series_of_its_own(history: History) -> None:
    history.keep(run_at(1, cpu_model="Slow 80"))
    history.keep(run_at(2))
    record, _notes = history.keep(run_at(3, cpu_model="Slow 80"))
    assert [(each.machine_name[:8], len(each.points)) for each in record.history] == [("Slow 80,", 2), ("Fast 900", 1)]
    assert record.history[0].machine != record.history[1].machine


def test_series_come_in_the_order_of_the_measurements(history: History) -> None:
    wide = replace(PASSED, workers=8)
    history.keep(run_at(1, wide, PASSED))
    record, _notes = history.keep(run_at(2, PASSED, wide))
    assert [each.workers for each in record.history] == [4, 8]


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_full_disk_is_a_note_and_the_trend_is_there_nevertheless(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.keep(run_at(1))

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_module, "write_atomically", full)
    record, notes = history.keep(run_at(2))
    assert notes == [
        f"history: this run was not saved in '{history.folder}': [Errno {errno.ENOSPC}] No space left on device"
    ]
    assert [point.created_at[:10] for point in record.history[0].points] == ["2026-01-01", "2026-01-02"]
    assert len(find(history.folder).saved) == 1


def test_broken_file_is_named_and_stays(history: History) -> None:
    history.keep(run_at(1))
    (path,) = history.folder.iterdir()
    path.write_bytes(b"half of i")
    record, notes = history.keep(run_at(2))
    assert notes[0].startswith(f"history: '{path}' was skipped: this is no JSON (")
    assert len(record.history[0].points) == 1
    assert path.read_bytes() == b"half of i"


def test_folder_that_has_become_a_file_is_a_note(history: History) -> None:
    history.folder.write_text("in the way")
    record, notes = history.keep(run_at(1))
    assert notes[0].startswith(f"history: this run was not saved in '{history.folder}': ")
    assert len(record.history[0].points) == 1


# What is asked for ----------------------------------------------------------------------------------------------------


def asked(root: Path, **words: str) -> History | None:
    return History.from_settings(resolve({name: [word] for name, word in words.items()}, {}, seed=1), root)


def test_there_is_none_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert asked(tmp_path) is None
    assert asked(tmp_path, history="off") is None


def test_options_are_taken(tmp_path: Path) -> None:
    found = asked(tmp_path, history="runs", history_cap="7", history_half_life="2.5", against_itself="true")
    assert found == History(
        folder=tmp_path / "runs",
        retention=Retention(cap=7, half_life_days=2.5),
        against_itself=True,
    )


def test_defaults_are_those_that_are_documented(tmp_path: Path) -> None:
    found = asked(tmp_path, history="runs")
    assert found is not None
    assert found.retention == Retention(cap=100, half_life_days=30.0)


def fill(*names: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        folder.mkdir()
        for name in names:
            (folder / name).touch()

    return make


@pytest.mark.parametrize(
    "make",
    [fill(), fill(".gitkeep"), fill("20260101T120000Z-0123456789abcdef.json", "README.md")],
    ids=["empty", "hidden files", "a history"],
)
def test_folder_of_a_history_may_be_there(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "runs")
    assert asked(tmp_path, history="runs") is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            fill("test_it.py"),
            "holds other things and no history: name a folder of its own \\(if it was meant for pytest",
        ),
        (Path.touch, "is a file: name a folder"),
    ],
    ids=["other things", "a file"],
)
def test_folder_of_something_else_is_refused_before_anything_runs(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    """``--cortex-history tests`` would otherwise fill the tests with runs, and then run all tests there are."""
    make(tmp_path / "runs")
    with pytest.raises(SettingError, match=message):
        asked(tmp_path, history="runs")


def test_folder_that_cannot_be_read_costs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be mended by the time the run ends, and else it is a note."""

    def refuse(_path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert asked(tmp_path, history="runs") is not None


# What is checked out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "commit"),
    [
        ({"id": "0123456789abcdef", "dirty": True}, "0123456789ab-dirty"),
        ({"id": "0123456789abcdef"}, "0123456789ab"),
        (None, None),
        ("main", None),
    ],
)
def test_commit_is_the_one_that_the_record_names(known: object, commit: str | None) -> None:
    assert keeping._commit(run_at(1, commit=known)) == commit
