"""The end of a run: the reports are written, and the terminal shows the table."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest

from pytest_cortex.plugin.stash import CACHE_KEY, PROBLEMS_KEY, RECORD_KEY, SESSION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_cortex.bench.session import BenchSession
    from pytest_cortex.record import MeasurementRecord, SessionRecord

_LOG_WIDTH = 120  # columns for names where there is no terminal
_WITHOUT_CALLS = ("collectonly", "setuponly", "setupplan")


@contextmanager
def _noted(what: str, notes: list[str]) -> Iterator[None]:
    """Turns an error into a line for people: what goes wrong in reporting changes no verdict and no exit code."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a full disk, somebody's broken font: the tests have spoken by now
        notes.append(f"{what}: {type(error).__name__}: {error}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the reports; what goes wrong there is said, and changes no verdict."""
    bench_session = session.config.stash.get(SESSION_KEY, None)
    if bench_session is None or any(session.config.getoption(name, default=False) for name in _WITHOUT_CALLS):
        return
    from pytest_cortex.measuring.watchdog import set_exit_status  # noqa: PLC0415 - an idle run does not pay for it

    set_exit_status(int(exitstatus))
    notes = session.config.stash[PROBLEMS_KEY] = []
    cache = getattr(session.config, "cache", None)
    if cache is not None:
        with _noted("how often gates were INCONCLUSIVE was not kept", notes):
            cache.set(CACHE_KEY, bench_session.streaks.counts)
    with _noted("there are no reports", notes):
        record = bench_session.record()
        if record.measurements:  # a run in which nothing came to be measured leaves the former report alone
            record = _completed(record, session, notes)
            session.config.stash[RECORD_KEY] = _written(record, bench_session, notes)


def _written(record: SessionRecord, bench_session: BenchSession, notes: list[str]) -> SessionRecord:
    """Writes everything; returns the record with its history, and adds to *notes* what people should know of it."""
    from pytest_cortex.reporting import append_step_summary, write  # noqa: PLC0415 - an idle run does not pay for it

    about_history: list[str] = []
    if bench_session.history is not None:
        with _noted("there is no history", notes):
            record, about_history = bench_session.history.keep(record)
    with _noted("the reports were not written", notes):
        notes += map(str, write(record, bench_session.report_dir).problems)
    with _noted("no baseline was saved", notes):
        notes += bench_session.baselines.save(record)
    notes += about_history
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        notes += filter(None, [append_step_summary(record, Path(step_summary))])
    return record


# What only pytest and the project's folder can tell ------------------------------------------------------------------


def _completed(record: SessionRecord, session: pytest.Session, notes: list[str]) -> SessionRecord:
    """Adds where each test is, which commit was measured, and what other plugins have to say."""
    from pytest_cortex.measuring.commit import commit  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.hooks import with_sections  # noqa: PLC0415 - the same

    items = {item.nodeid: item for item in session.items}
    placed = replace(
        record,
        environment={**record.environment, "commit": commit(session.config.rootpath)},
        measurements=tuple(_placed(each, items.get(each.test)) for each in record.measurements),
    )
    completed, problems = with_sections(session.config, placed)
    notes += problems
    return completed


def _placed(measurement: MeasurementRecord, item: pytest.Item | None) -> MeasurementRecord:
    """A scenario without a test file has no line, and then the file is no more than the folder it stands in."""
    path, line, _name = (None, None, None) if item is None else item.location
    if path is None or line is None:
        return measurement
    return replace(measurement, file=PurePath(path).as_posix(), line=line + 1)


# The terminal ---------------------------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the table; its last line is the path of the reports."""
    record, notes = config.stash.get(RECORD_KEY, None), config.stash.get(PROBLEMS_KEY, [])
    if record is None and not notes:
        return
    terminalreporter.write_sep("=", "cortex")  # section() would leave the progress line open
    if record is not None:
        with _noted("the table cannot be shown", notes):
            _show(record, terminalreporter)
    for note in notes:
        terminalreporter.write_line(note, yellow=True)
    if record is not None:
        _annotate(record, terminalreporter, config)
        terminalreporter.write_line(f"reports: {config.stash[SESSION_KEY].report_dir}")


def _show(record: SessionRecord, terminalreporter: pytest.TerminalReporter) -> None:
    from pytest_cortex.reporting import lines  # noqa: PLC0415 - an idle run does not pay for it

    colours: dict[str | None, dict[str, bool]] = {
        "PASS": {"green": True},
        "FAIL": {"red": True},
        "INCONCLUSIVE": {"yellow": True},
    }
    width = shutil.get_terminal_size((_LOG_WIDTH, 0)).columns
    for line in lines(record, width=width):
        terminalreporter.write_line(line.text, **colours.get(line.outcome, {}))


def _annotate(record: SessionRecord, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """On GitHub, what did not pass is shown on the line of its test."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from pytest_cortex.reporting import workflow_commands  # noqa: PLC0415 - an idle run does not pay for it

    for command in workflow_commands(record, folder=_folder_in_repository(config.rootpath)):
        terminalreporter.write_line(command)


def _folder_in_repository(folder: Path) -> str:
    """Annotations name files as seen from the repository's root, which pytest's need not be."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    with suppress(ValueError):  # on another drive
        if workspace:
            return PurePath(os.path.relpath(folder, workspace)).as_posix()
    return ""
