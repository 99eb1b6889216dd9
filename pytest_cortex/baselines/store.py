"""Baselines in files: ``<fingerprint>/<name>.json``, made to be kept in version control."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_cortex.baselines.entry import BaselineEntry, Key, of_kind
from pytest_cortex.baselines.machines import describe, fingerprint, speed_facts
from pytest_cortex.files import write_atomically
from pytest_cortex.wording import listed

SCHEMA_VERSION = 1
LATEST = "latest"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# A file meant for version control should stay readable: of larger graphs only the numbers of the whole are kept.
_MOST_MODULES = 2_000


class BaselineError(ValueError):
    """A file that is no usable baseline, or cannot be written.

    Attributes:
        path: The file.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"baseline file '{self.path}': {self.problem}"


def baseline_name(word: str) -> str:
    """Returns *word* if it can be the name of a baseline.

    Raises:
        ValueError: If it cannot be a file's name everywhere, or stands for the latest baseline.
    """
    if not _NAME.fullmatch(word):
        raise ValueError(
            f"{word!r} is no name for a baseline; up to 100 letters, digits and - _ . are wanted, no . or - in front"
        )
    if word == LATEST:
        raise ValueError(f"{word!r} stands for the baseline saved last; give another name, e.g. 'main'")
    return word


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was saved under one name on one kind of machine.

    Attributes:
        name: The name, which is that of its file.
        created_at: ISO 8601, when it was last saved.
        machine: The :func:`speed_facts` of the machine.
        entries: By measurement.
    """

    name: str
    created_at: str
    machine: Mapping[str, Any]
    entries: Mapping[Key, BaselineEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBaseline:
    """There is nothing to compare with.

    Attributes:
        reason: What was looked for, what there is instead, and what to do.
    """

    reason: str


class BaselineStore:
    """The baselines of a project: ``<fingerprint>/<name>.json``, made to be kept in version control.

    Args:
        folder: Where they are; made when the first one is saved.
        facts: This machine, as ``machine.facts()`` tells it.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._folder = folder
        self._machine = speed_facts(facts)
        self._here = folder / fingerprint(self._machine)

    def save(self, name: str, entries: Iterable[BaselineEntry], *, created_at: str) -> Path:
        """Accepts *entries* as the baseline *name* of this machine; what they do not measure stays as it was.

        Args:
            name: See :func:`baseline_name`.
            entries: What was measured.
            created_at: ISO 8601, when.

        Returns:
            The file.

        Raises:
            ValueError: If *name* is no name, *created_at* no time, or a number not finite.
            BaselineError: If the file that is there is no baseline, or it cannot be written.
        """
        path = self._here / f"{baseline_name(name)}.json"
        _moment(created_at)
        kept = read_baseline(path).entries if path.exists() else {}
        entries_by_key = {**kept, **{entry.key: _without_large_graph(entry) for entry in entries}}
        document = {
            "schema": SCHEMA_VERSION,
            "created_at": created_at,
            "machine": self._machine,
            "measurements": [entries_by_key[key].to_json() for key in sorted(entries_by_key)],
        }
        _write(path, json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")
        return path

    def open(self, name: str) -> Baseline | NoBaseline:
        """Returns the baseline *name* of this machine, ``"latest"`` for the one saved last.

        Raises:
            ValueError: If *name* is no name.
            BaselineError: If the file is no baseline; for the latest, if any file of this machine is none.
        """
        paths = _files(self._here)
        if name == LATEST:
            saved = [read_baseline(path) for path in paths]
            newest = max(saved, key=lambda each: (_moment(each.created_at), each.name), default=None)
            return newest or self._nothing(name)
        path = self._here / f"{baseline_name(name)}.json"
        return read_baseline(path) if path in paths else self._nothing(name)

    def find(self, name: str, key: Key) -> BaselineEntry | NoBaseline:
        """Returns what the baseline *name* of this machine holds of one measurement; raises as :meth:`open` does."""
        baseline = self.open(name)
        if isinstance(baseline, NoBaseline):
            return baseline
        return baseline.entries.get(key) or self._not_in(baseline, key)

    def _nothing(self, name: str) -> NoBaseline:
        what, save = ("", "") if name == LATEST else (f" {name!r}", f"={name}")
        here = [repr(path.stem) for path in _files(self._here)]
        elsewhere = {_machine_of(path) for path in _files(self._folder / "*") if name in {LATEST, path.stem}}
        parts = [
            f"no baseline{what} was saved on a machine like this one ({describe(self._machine)})",
            *([f"there is {listed(here)}"] if here else []),
            *([f"there is one of {listed(sorted(elsewhere))}"] if elsewhere else []),
            f"save one with --cortex-save{save}",
        ]
        return NoBaseline(reason="; ".join(parts))

    def _not_in(self, baseline: Baseline, key: Key) -> NoBaseline:
        holders = [repr(path.stem) for path in _files(self._here) if key in _entries_if_readable(path)]
        also = f"; it is in {listed(holders)}" if holders else ""
        return NoBaseline(
            reason=f"baseline {baseline.name!r} does not hold {key}{also}; add it with --cortex-save={baseline.name}"
        )


def _files(folder: Path) -> list[Path]:
    """Returns the baselines in *folder*, whose last part may be a pattern, in the order of their names."""
    return sorted(folder.parent.glob(f"{folder.name}/*.json"))


def _without_large_graph(entry: BaselineEntry) -> BaselineEntry:
    if len(entry.durations) <= _MOST_MODULES:
        return entry
    return replace(entry, critical_path=(), durations={}, dependencies=(), phases={})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise BaselineError(path, f"it cannot be written ({error}); make its folder writable") from error


def read_baseline(path: Path) -> Baseline:
    """Returns the baseline in one file.

    Raises:
        BaselineError: If it is none.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BaselineError(path, f"it cannot be read ({error}); make it readable") from error
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is no JSON ({error})") from error
    try:
        return _parsed(path, of_kind(dict, document))
    except ValueError as error:
        raise _unusable(path, f"it is no baseline: {error}") from error
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise _unusable(path, f"it is no baseline ({error!r})") from error


def _unusable(path: Path, problem: str) -> BaselineError:
    return BaselineError(path, f"{problem}; restore it from version control, or delete it and save it again")


def _parsed(path: Path, document: dict[str, Any]) -> Baseline:
    version = document.get("schema")
    if version != SCHEMA_VERSION:
        raise ValueError(f"its schema is {version!r}, {SCHEMA_VERSION} is wanted")
    if fingerprint(document["machine"]) != path.parent.name:
        raise ValueError(f"it is of another machine than its folder says: {describe(document['machine'])}")
    _moment(document["created_at"])
    entries = [BaselineEntry.from_json(each) for each in document["measurements"]]
    return Baseline(
        name=path.stem,
        created_at=document["created_at"],
        machine=document["machine"],
        entries={entry.key: entry for entry in entries},
    )


def _entries_if_readable(path: Path) -> Mapping[Key, BaselineEntry]:
    with suppress(BaselineError):
        return read_baseline(path).entries
    return {}


def _machine_of(path: Path) -> str:
    """Returns the machine of a baseline for people; of a file that cannot be read, what its folder is called."""
    with suppress(BaselineError):
        return describe(read_baseline(path).machine)
    return path.parent.name
