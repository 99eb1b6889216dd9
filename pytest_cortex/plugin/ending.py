"""The end of a run: the reports are written, and the terminal shows the table."""

from __future__ import annotations

import shutil

import pytest

from pytest_cortex.plugin.stash import CACHE_KEY, PROBLEMS_KEY, RECORD_KEY, SESSION_KEY

_LOG_WIDTH = 120  # columns for names where there is no terminal
_WITHOUT_CALLS = ("collectonly", "setuponly", "setupplan")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the reports; what goes wrong there is said, and changes no verdict."""
    bench_session = session.config.stash.get(SESSION_KEY, None)
    if bench_session is None or any(session.config.getoption(name, default=False) for name in _WITHOUT_CALLS):
        return
    from pytest_cortex.measuring.watchdog import set_exit_status  # noqa: PLC0415 - the same
    from pytest_cortex.plugin.hooks import with_sections  # noqa: PLC0415 - the same
    from pytest_cortex.reporting import write  # noqa: PLC0415 - an idle run does not pay for it

    set_exit_status(int(exitstatus))
    cache = getattr(session.config, "cache", None)
    if cache is not None:
        cache.set(CACHE_KEY, bench_session.streaks.counts)
    record = bench_session.record()
    if record.measurements:  # a run in which nothing came to be measured leaves the former report alone
        record, problems = with_sections(session.config, record)
        session.config.stash[RECORD_KEY] = record
        problems += map(str, write(record, bench_session.report_dir).problems)
        session.config.stash[PROBLEMS_KEY] = [*problems, *bench_session.baselines.save(record)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the table; its last line is the path of the reports."""
    record = config.stash.get(RECORD_KEY, None)
    if record is None:
        return
    from pytest_cortex.reporting import lines  # noqa: PLC0415 - an idle run does not pay for it

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
    terminalreporter.write_line(f"reports: {config.stash[SESSION_KEY].report_dir}")
