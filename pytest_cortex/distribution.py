"""Measuring under pytest-xdist: the workers run the ordinary tests, the controller then measures alone.

A measurement beside other tests measures those as well, and grouping tests on one worker does not keep the other
workers quiet.  So every worker drops the bench tests from its collection.  When all workers are done and gone, the
controller collects, keeps the bench tests only, and runs them one at a time in its own process.  Reports, exit code
and options such as ``-x`` work as in a serial run, because to pytest it is one.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def is_worker(config: pytest.Config) -> bool:
    """True in the processes that pytest-xdist starts.

    The environment is no sign of that: it leaks into whatever a worker starts.
    """
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """True in the process that hands tests out to workers."""
    return config.pluginmanager.hasplugin("dsession") and not is_worker(config)


class MeasuringController:
    """Runs the bench tests after the workers' loop; registered in the controller only.

    Attributes:
        collecting: True while the controller collects for itself.
    """

    def __init__(self) -> None:
        self.collecting = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measures when everything else has ended, unless that was cut short."""
        result = yield
        if not (session.shouldfail or session.shouldstop):
            self._measure(session)
        return result

    def _measure(self, session: pytest.Session) -> None:
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()  # the workers' progress may have ended in the middle of a line
        distributed = session.testscollected
        self.collecting = True
        try:
            session.perform_collect()
        finally:
            self.collecting = False
        session.testscollected = distributed + len(session.items)
        for item, nextitem in zip(session.items, [*session.items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
