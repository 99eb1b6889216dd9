"""The end of a run: the reports are written, and the terminal shows the table."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
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


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the reports; what goes wrong there is said, and changes no verdict."""
    bench_session = session.config.stash.get(SESSION_KEY, None)
    if bench_session is None or any(session.config.getoption(name, default=False) for name in _WITHOUT_CALLS):
        return
    from pytest_cortex.measuring.watchdog import set_exit_status  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.hooks import with_sections  # noqa: PLC0415 - the same

    set_exit_status(int(exitstatus))
    cache = getattr(session.config, "cache", None)
    if cache is not None:
        cache.set(CACHE_KEY, bench_session.streaks.counts)
    record = bench_session.record()
    if record.measurements:  # a run in which nothing came to be measured leaves the former report alone
        record, problems = with_sections(session.config, _completed(record, session))
        session.config.stash[RECORD_KEY] = record
        session.config.stash[PROBLEMS_KEY] = [*problems, *_written(record, bench_session)]


def _written(record: SessionRecord, bench_session: BenchSession) -> Iterator[str]:
    """Writes everything; yields what people should know of it."""
    from pytest_cortex.reporting import append_step_summary, write  # noqa: PLC0415 - an idle run does not pay for it

    yield from map(str, write(record, bench_session.report_dir).problems)
    yield from bench_session.baselines.save(record)
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        yield from filter(None, [append_step_summary(record, Path(step_summary))])


# What only pytest and the project's folder can tell ------------------------------------------------------------------


def _completed(record: SessionRecord, session: pytest.Session) -> SessionRecord:
    """Adds where each test is, and which commit was measured."""
    from pytest_cortex.measuring.commit import commit  # noqa: PLC0415 - an idle run does not pay for it

    items = {item.nodeid: item for item in session.items}
    return replace(
        record,
        environment={**record.environment, "commit": commit(session.config.rootpath)},
        measurements=tuple(_placed(each, items.get(each.test)) for each in record.measurements),
    )


def _placed(measurement: MeasurementRecord, item: pytest.Item | None) -> MeasurementRecord:
    """A scenario without a test file has no line, and then the file is no more than the folder it stands in."""
    path, line, _name = (None, None, None) if item is None else item.location
    if path is None or line is None:
        return measurement
    return replace(measurement, file=PurePath(path).as_posix(), line=line + 1)


# The terminal ---------------------------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the table; its last line is the path of the reports."""
    record = config.stash.get(RECORD_KEY, None)
    if record is None:
        return
    from pytest_cortex.reporting import lines, workflow_commands  # noqa: PLC0415 - an idle run does not pay for it

    colours: dict[str | None, dict[str, bool]] = {
        "PASS": {"green": True},
        "FAIL": {"red": True},
        "INCONCLUSIVE": {"yellow": True},
    }
    terminalreporter.write_sep("=", "cortex")  # section() would leave the progress line open
    width = shutil.get_terminal_size((_LOG_WIDTH, 0)).columns
    for line in lines(record, width=width):
        terminalreporter.write_line(line.text, **colours.get(line.outcome, {}))
    for note in config.stash[PROBLEMS_KEY]:
        terminalreporter.write_line(note, yellow=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for command in workflow_commands(record, folder=_folder_in_repository(config.rootpath)):
            terminalreporter.write_line(command)
    terminalreporter.write_line(f"reports: {config.stash[SESSION_KEY].report_dir}")


def _folder_in_repository(folder: Path) -> str:
    """Annotations name files as seen from the repository's root, which pytest's need not be."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    with suppress(ValueError):  # on another drive
        if workspace:
            return PurePath(os.path.relpath(folder, workspace)).as_posix()
    return ""
