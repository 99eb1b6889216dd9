"""The folder of a history: what is added stays, what is broken is skipped, and nothing of anybody else's is touched."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from any_records import any_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_cortex.history import folder as folder_module
from pytest_cortex.history import run as run_module
from pytest_cortex.history.folder import find, is_run, prune, save
from pytest_cortex.history.retention import Retention
from pytest_cortex.history.run import HistoryEntry, HistoryRun, decode, encode
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reading import UnreadableRecord

# The machine may be busy; how fast examples come is not what is tested.
patient = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ENTRY = HistoryEntry(
    test="test_it.py::test_it",
    name="test_it",
    workers=4,
    speedup=3.5,
    low=3.4,
    high=None,
    rounds=12,
    limit=3.0,
    outcome=Outcome.PASS,
)
RUN = HistoryRun(
    created_at="2026-01-31T12:00:00+00:00",
    machine="6a919e99aeed",
    machine_name="Fast 9000, 4 usable CPUs",
    commit="0123456789ab-dirty",
    measurements=(ENTRY, replace(ENTRY, name="test_it#2", limit=None, outcome=None)),
)


def at(day: int) -> HistoryRun:
    return replace(RUN, created_at=f"2026-01-{day:02}T12:00:00+00:00")


def days(saved: Any) -> list[int]:
    return [each.run.moment.day for each in saved]


# One file -------------------------------------------------------------------------------------------------------------


@patient
@given(st.lists(any_of(HistoryEntry), max_size=3).map(tuple), st.none() | st.text())
def test_run_comes_back_from_its_bytes(measurements: tuple[HistoryEntry, ...], commit: str | None) -> None:
    run = replace(RUN, measurements=measurements, commit=commit)
    assert decode(encode(run)) == run


def test_file_has_a_line_per_measurement() -> None:
    assert len(encode(RUN).splitlines()) == 2 + len(RUN.measurements)


def test_newer_layout_is_refused_with_what_to_do() -> None:
    newer = json.dumps({**json.loads(encode(RUN)), "schema": 2, "surprise": 1})
    with pytest.raises(UnreadableRecord, match="has layout 2, and only version 1 is known here; update pytest-cortex"):
        decode(newer.encode())


def test_older_layout_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no older one yet, so the present one is made the older."""
    data = encode(RUN)
    monkeypatch.setattr(run_module, "SCHEMA_VERSION", 2)
    assert decode(data) == replace(RUN, schema=2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"created_at": "yesterday"}, "Invalid isoformat string"),
        ({"created_at": "2026-01-31T12:00:00"}, "must name its time zone"),
        ({"machine": None}, r"\$\.machine: None stands where a text should"),
        ({"measurements": [{"test": "t"}]}, r"\$\.measurements\[0\]\.name: it is missing"),
        ({"schema": None}, "is no version"),
    ],
)
def test_file_that_holds_what_it_never_holds_is_refused(changed: dict[str, Any], message: str) -> None:
    document = json.dumps({**json.loads(encode(RUN)), **changed})
    with pytest.raises(UnreadableRecord, match=message):
        decode(document.encode())


def test_speedup_that_is_no_number_is_refused() -> None:
    document = json.loads(encode(RUN))
    document["measurements"][0]["speedup"] = None
    with pytest.raises(UnreadableRecord, match=r"measurements\[0\]: a speedup in a history must be finite, got nan"):
        decode(json.dumps(document).encode())


# The folder -----------------------------------------------------------------------------------------------------------


def test_saved_runs_are_found_again_oldest_first(tmp_path: Path) -> None:
    for day in (3, 1, 2):
        save(tmp_path / "new" / "history", at(day))
    found = find(tmp_path / "new" / "history")
    assert days(found.saved) == [1, 2, 3]
    assert found.problems == ()


def test_name_sorts_by_time_in_utc(tmp_path: Path) -> None:
    path = save(tmp_path, replace(RUN, created_at="2026-02-01T01:00:00+02:00"))
    assert path.name.startswith("20260131T230000Z-")
    assert is_run(path.name)


def test_runs_of_the_same_second_are_all_kept(tmp_path: Path) -> None:
    """As many at once as there are threads; each has a file of its own."""
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _number: save(tmp_path, RUN), range(40)))
    assert len(paths) == 40
    assert len(find(tmp_path).saved) == 40


def test_folder_that_is_not_there_is_an_empty_history(tmp_path: Path) -> None:
    assert find(tmp_path / "nothing") == folder_module.Found(saved=(), problems=())


def test_folder_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    found = find(tmp_path / "file")
    assert found.saved == ()
    assert found.problems[0].startswith(f"history: '{tmp_path / 'file'}' cannot be read: ")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\x00" * 10, b'{"schema": 99}', encode(at(2))])
def test_broken_file_is_skipped_by_name_and_costs_no_other(data: bytes, tmp_path: Path) -> None:
    """Cut short, overwritten, of a newer version, or under the name of another time."""
    good, broken = save(tmp_path, at(1)), save(tmp_path, at(3))
    broken.write_bytes(data)
    found = find(tmp_path)
    assert [each.path for each in found.saved] == [good]
    assert [problem.startswith(f"history: '{broken}' was skipped: ") for problem in found.problems] == [True]


def test_many_broken_files_are_not_as_many_messages(tmp_path: Path) -> None:
    for day in range(1, 9):
        save(tmp_path, at(day)).write_bytes(b"")
    problems = find(tmp_path).problems
    assert len(problems) == 4
    assert problems[-1] == "history: 5 more files skipped"


def test_file_that_goes_away_meanwhile_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run has just dropped it."""
    save(tmp_path, at(1))
    save(tmp_path, at(2))
    original = Path.read_bytes

    def vanishing(path: Path) -> bytes:
        if path.name.startswith("20260101"):
            path.unlink()
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", vanishing)
    found = find(tmp_path)
    assert (days(found.saved), found.problems) == ([2], ())


# Dropping -------------------------------------------------------------------------------------------------------------


def test_dropping_removes_files_down_to_the_cap_and_not_the_latest(tmp_path: Path) -> None:
    for day in range(1, 21):
        save(tmp_path, at(day))
    kept, problems = prune(find(tmp_path).saved, Retention(cap=6))
    assert problems == ()
    assert len(kept) == 6
    assert days(kept)[-3:] == [18, 19, 20]
    assert find(tmp_path).saved == kept
    assert prune(kept, Retention(cap=6)) == (kept, ())


def test_dropping_touches_nothing_else(tmp_path: Path) -> None:
    """Not what has another name, and not what has the name of a run and is none."""
    for day in (1, 2):
        save(tmp_path, at(day))
    newer = save(tmp_path, at(3))
    newer.write_bytes(b'{"schema": 99}')
    others = ["README.md", "20260101T120000Z-backup.json", ".gitkeep", "20260101T120000Z-0123456789abcdef.json.bak"]
    for name in others:
        (tmp_path / name).write_bytes(encode(at(1)))
    (tmp_path / "20260104T120000Z-0123456789abcdef.json").mkdir()
    prune(find(tmp_path).saved, Retention(cap=1))
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {*others, newer.name, "20260104T120000Z-0123456789abcdef.json"}
    assert days(find(tmp_path).saved) == [2]


def test_file_that_cannot_be_removed_is_a_problem_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, at(1))
    save(tmp_path, at(2))

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    kept, problems = prune(find(tmp_path).saved, Retention(cap=1))
    assert days(kept) == [2]
    assert problems == (
        f"history: '{path}' was to be dropped and could not be removed: [Errno {errno.EROFS}] Read-only file system",
    )
