"""The folder of a history: one file per run, written whole, named by its time, and never written again.

Two runs that end at the same time write two files, so none is lost.  Only what is a run by its name *and* by what is in
it is ever removed; whatever else is in the folder is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from pytest_cortex.files import write_atomically
from pytest_cortex.history.retention import Retention
from pytest_cortex.history.run import HistoryRun, decode, encode
from pytest_cortex.reading import UnreadableRecord
from pytest_cortex.wording import MOST_NAMED, plural

_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{16}\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A run and its file."""

    path: Path
    run: HistoryRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a folder holds.

    Attributes:
        saved: The runs that could be read, oldest first.
        problems: A sentence for people on each of the first few files that could not.
    """

    saved: tuple[Saved, ...]
    problems: tuple[str, ...]


def is_run(name: str) -> bool:
    """True if a file of this name is one of a history."""
    return _NAME.fullmatch(name) is not None


def save(folder: Path, run: HistoryRun) -> Path:
    """Adds *run* to the folder, which is made if it does not exist; returns its file.

    Raises:
        OSError: If it cannot be written; nothing is left behind then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_stamp(run.moment)}-{token_hex(8)}.json"
    write_atomically(path, encode(run))
    return path


def find(folder: Path) -> Found:
    """Reads every run in *folder*; a file that cannot be read costs no other."""
    try:
        names = sorted(filter(is_run, (path.name for path in folder.iterdir())))
    except FileNotFoundError:  # nothing was saved yet
        return Found(saved=(), problems=())
    except OSError as error:
        return Found(saved=(), problems=(f"history: '{folder}' cannot be read: {error}",))
    saved, problems = list[Saved](), list[str]()
    for name in names:
        try:
            saved.append(Saved(path=folder / name, run=_read(folder / name)))
        except FileNotFoundError:  # another run has just dropped it
            continue
        except (OSError, UnreadableRecord) as error:
            problems.append(f"history: '{folder / name}' was skipped: {error}")
    return Found(saved=tuple(sorted(saved, key=_age)), problems=_first_of(problems))


def _first_of(problems: list[str]) -> tuple[str, ...]:
    """A folder full of files of a newer version is one message, not a hundred."""
    more = len(problems) - MOST_NAMED
    return (*problems[:MOST_NAMED], *([f"history: {plural(more, 'more file')} skipped"] if more > 0 else []))


def prune(saved: Iterable[Saved], retention: Retention) -> tuple[tuple[Saved, ...], tuple[str, ...]]:
    """Removes the files of the runs that are not kept.

    Args:
        saved: Runs as :func:`find` found them.
        retention: How many stay.

    Returns:
        The runs that are kept, and a sentence for people on each file that could not be removed.
    """
    runs = tuple(saved)
    names = retention.kept((each.path.name, each.run.moment) for each in runs)
    problems = []
    for each in runs:
        if each.path.name not in names:
            try:
                each.path.unlink(missing_ok=True)
            except OSError as error:
                problems.append(f"history: '{each.path}' was to be dropped and could not be removed: {error}")
    return tuple(each for each in runs if each.path.name in names), tuple(problems)


def _read(path: Path) -> HistoryRun:
    run = decode(path.read_bytes())
    if not path.name.startswith(f"{_stamp(run.moment)}-"):
        raise UnreadableRecord(f"it is of another time than its name says: {run.created_at}", "$.created_at")
    return run


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _age(saved: Saved) -> tuple[datetime, str]:
    return saved.run.moment, saved.path.name
