"""Between a run and its history: the run adds a file, old ones are thinned out, and the record learns the trend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_cortex.history.folder import find, is_run, prune, save
from pytest_cortex.history.retention import Retention
from pytest_cortex.history.run import HistoryRun, run_of
from pytest_cortex.history.trend import series
from pytest_cortex.record import SessionRecord
from pytest_cortex.settings.settings import Settings
from pytest_cortex.settings.values import SettingError
from pytest_cortex.wording import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Where the runs of a project are kept, and how many.

    Attributes:
        folder: One file per run; made when the first is saved.
        retention: How many stay.
        against_itself: True if this run measures programs against themselves, which says nothing about them.
    """

    folder: Path
    retention: Retention
    against_itself: bool = False

    @classmethod
    def from_settings(cls, settings: Settings, root: Path) -> History | None:
        """Returns the history that is asked for; None if none is.

        Args:
            settings: The options in force.
            root: The project's folder.

        Raises:
            SettingError: If the folder is a file, or belongs to something else.
        """
        if settings["history"] is None:
            return None
        folder = root / settings["history"]
        problem = _why_not(folder)
        if problem:
            raise SettingError("--cortex-history", settings.origin("history"), problem)
        retention = Retention(cap=settings["history_cap"], half_life_days=settings["history_half_life"])
        return cls(folder=folder, retention=retention, against_itself=settings["against_itself"])

    def keep(self, session: SessionRecord) -> tuple[SessionRecord, list[str]]:
        """Saves *session*; returns it with the trend of what it measured, and lines for people.

        Whatever is wrong with the folder is in the lines, and changes nothing else.
        """
        if self.against_itself:
            return session, ["history: nothing was saved, since programs were measured against themselves"]
        run = run_of(session, commit=_commit(session))
        if run is None:
            return session, ["history: nothing was saved, since no measurement has a speedup"]
        unsaved, notes = self._save(run)
        found = find(self.folder)
        kept, problems = prune(found.saved, self.retention)
        runs = sorted([*unsaved, *(each.run for each in kept)], key=lambda each: each.moment)
        measured = ((each.test, each.name, each.workers) for each in run.measurements)
        notes = [*notes, *found.problems, *problems]
        if not unsaved:
            notes.append(f"history: this run was saved, {plural(len(kept), 'run')} in '{self.folder}'")
        return replace(session, history=series(runs, measured=measured)), notes

    def _save(self, run: HistoryRun) -> tuple[list[HistoryRun], list[str]]:
        """Returns *run* if it could not be saved, and why."""
        try:
            save(self.folder, run)
        except OSError as error:
            return [run], [f"history: this run was not saved in '{self.folder}': {error}"]
        return [], []


def _why_not(folder: Path) -> str | None:
    """Says why *folder* is no place for a history: it would be confused with what is there."""
    try:
        names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return f"'{folder}' is a file: name a folder"
    except OSError:  # found again at the end, where it costs no verdict
        return None
    if names and not any(map(is_run, names)):
        return (
            f"'{folder}' holds other things and no history: name a folder of its own (if it was meant for pytest, put "
            "it first)"
        )
    return None


def _commit(session: SessionRecord) -> str | None:
    known = session.environment.get("commit")
    if isinstance(known, Mapping) and isinstance(known.get("id"), str):
        return f"{known['id'][:12]}{'-dirty' if known.get('dirty') else ''}"
    return None
