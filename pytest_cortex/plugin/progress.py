"""Long work shows itself: a status in the terminal while a test measures, and under ``-v`` a line when it has.

The status stands behind what pytest has written of the test so far, and is taken back with backspaces alone, so that
pytest goes on as if nothing had been there.  That needs to know where the cursor is: where anything but pytest may
write meanwhile, there is no status.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

import pytest

from pytest_cortex.plugin.stash import SESSION_KEY

if TYPE_CHECKING:
    from pytest_cortex.measuring.rounds import Progress

NAME = "cortex-progress"
"""Name of the plugin that shows it."""

_EVERY_S = 0.2
_BACK = "\b"
_CAPTURED = ("fd", "sys")  # otherwise what the arms print goes to the terminal
_IN_A_LOG = ("CI", "BUILD_NUMBER")  # some of these services have terminals, and nobody before them


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before the first test of a run that measures: finds out what may be shown, and shows it from then on."""
    config = session.config
    bench_session = config.stash.get(SESSION_KEY, None)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if bench_session is None or reporter is None or config.pluginmanager.hasplugin(NAME):
        return
    live, lines = _may_rewrite(config, reporter), bool(reporter.showlongtestinfo)
    if live or lines:
        display = ProgressDisplay(config, reporter, live=live, lines=lines)
        bench_session.on_round = display.on_round
        config.pluginmanager.register(display, NAME)


def _may_rewrite(config: pytest.Config, reporter: pytest.TerminalReporter) -> bool:
    """True where somebody looks at a terminal that pytest's own reporter has to itself."""
    return (
        bool(reporter.isatty)
        and _is_pytests_own(reporter)
        and reporter.verbosity >= 0
        and config.getoption("capture", default="no") in _CAPTURED
        and not _logs_live(config)
        and os.environ.get("TERM") != "dumb"
        and not any(map(os.environ.get, _IN_A_LOG))
    )


def _is_pytests_own(reporter: object) -> bool:
    """False for a plugin's, which may write wherever it likes."""
    return type(reporter) is pytest.TerminalReporter


def _logs_live(config: pytest.Config) -> bool:
    """True if log records go to the terminal while a test runs."""
    with suppress(ValueError):  # nobody registered it: -p no:logging
        return config.getoption("log_cli_level", default=None) is not None or bool(config.getini("log_cli"))
    return False


def _showable(name: str) -> str:
    """Returns *name* such that the terminal can show it: what it cannot is escaped."""
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    return name.encode(encoding, "backslashreplace").decode(encoding)


class ProgressDisplay:
    """Shows how measuring goes on.

    Args:
        config: pytest's.
        reporter: What writes to the terminal.
        live: True to show a status while a test measures.
        lines: True to write a line for each measurement that is over.
        clock_s: Says how long the status has been there.
    """

    def __init__(
        self,
        config: pytest.Config,
        reporter: pytest.TerminalReporter,
        *,
        live: bool,
        lines: bool,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._reporter = reporter
        self._live = live
        self._lines = lines
        self._clock_s = clock_s
        self._drawn_s = -_EVERY_S
        self._columns = 0  # that the status takes at the moment
        self._over: tuple[str, Progress] | None = None  # what there is to write a line about

    def on_round(self, name: str, progress: Progress | None) -> None:
        """Called between two rounds; costs no more than a look at the clock, but for five times in a second.

        Args:
            name: What is measured.
            progress: How far it is; None if no round is to come for now.
        """
        try:
            self._see(name, progress)
        except Exception:  # noqa: BLE001 - a terminal that went away is no reason to lose a verdict
            self._live = self._lines = False
            self._columns = 0

    def _see(self, name: str, progress: Progress | None) -> None:
        if progress is None:
            self._wipe()
            return
        if progress.made == 1:
            self._tell()
        self._over = name, progress
        if self._live and self._clock_s() - self._drawn_s >= _EVERY_S:
            self._draw(name, progress)
            self._drawn_s = self._clock_s()

    # Hooks ------------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        """Makes room for the test's letter or word."""
        self._wipe()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Makes room for what pytest says then."""
        self._wipe()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Says what the test's last measurement took, below the test's own line."""
        self._tell()

    # Writing ----------------------------------------------------------------------------------------------------------

    def _draw(self, name: str, progress: Progress) -> None:
        from pytest_cortex.measuring.progress import status  # noqa: PLC0415 - an idle run does not pay for it
        from pytest_cortex.wording import cells  # noqa: PLC0415 - the same

        writer = self._config.get_terminal_writer()
        # One column is left free, since a cursor behind the last one is nowhere certain, and one is the gap.
        room = writer.fullwidth - writer.width_of_current_line % writer.fullwidth - 2
        words = status(_showable(name), progress, room=room)
        text = f" {words}" if words else ""
        self._replace(text, cells(text))

    def _wipe(self) -> None:
        if self._columns:
            self._replace("", 0)

    def _replace(self, text: str, columns: int) -> None:
        rest = max(0, self._columns - columns)
        back, self._columns = _BACK * self._columns, columns
        with self._terminal():
            # Not by the reporter, which would take backspaces for part of its own line.
            sys.stdout.write(f"{back}{text}{' ' * rest}{_BACK * rest}")
            sys.stdout.flush()

    def _tell(self) -> None:
        over, self._over = self._over, None
        if over is None or not self._lines:
            return
        from pytest_cortex.measuring.progress import finished  # noqa: PLC0415 - an idle run does not pay for it

        self._wipe()
        with self._terminal():
            # It begins a line and leaves it open, which is how pytest's own lines are.
            self._reporter.write_ensure_prefix(f"  {finished(*over)}")
            self._reporter.flush()

    def _terminal(self) -> AbstractContextManager[object]:
        """Lets through what is written, though a test runs and its output is caught."""
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        return nullcontext() if capture is None else capture.global_and_fixture_disabled()
