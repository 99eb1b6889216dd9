"""Measuring under pytest-xdist: the workers run the ordinary tests, the controller then measures alone.

A measurement beside other tests measures those as well, and grouping tests on one worker does not keep the other
workers quiet.  So every worker drops the bench tests from its collection.  When all workers are done and gone, the
controller collects, keeps the bench tests only, and runs them one at a time in its own process.  Reports, exit code
and options such as ``-x`` work as in a serial run, because to pytest it is one.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

CONTROLLER = "cortex-measuring-controller"
"""Name of the plugin that measures under pytest-xdist."""


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

    Its own collection meets again what the workers' collections met, errors and skipped files; they are told once.
    """

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._collecting = False
        self._lost_workers = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        """Notes that a worker has crashed."""
        self._lost_workers = self._lost_workers or bool(error)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes what could not be collected, by the workers or here."""
        if not report.passed:
            self._told[report.nodeid] = report.outcome

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Keeps what the workers have told from being told and counted again."""
        report = yield
        if self._collecting and report.nodeid in self._told:
            report.outcome = "passed"
            report.longrepr = None
        return report

    # The innermost of all wrappers, so that measuring is part of the loop to logging, and to the progress line.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measures when everything else has ended, unless that was cut short."""
        result = yield
        # Bench tests that pass would hide that no worker ever came to its first test.
        never_began = self._lost_workers and not session.testscollected
        if not (never_began or session.shouldfail or session.shouldstop):
            self._collect(session)
            self._measure(session)
        return result

    def _collect(self, session: pytest.Session) -> None:
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.line("")  # the workers' progress has ended in the middle of a line
            if session.config.get_verbosity() >= 0:
                terminal.write_line("cortex: the workers are done, the controller collects and measures bench tests")
        distributed = session.testscollected
        self._collecting = True
        session.perform_collect()
        session.testscollected = distributed + len(session.items)

    def _measure(self, session: pytest.Session) -> None:
        errors = list(self._told.values()).count("failed")
        if errors and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{errors} error{'s' if errors > 1 else ''} during collection")
        for item, nextitem in zip(session.items, [*session.items, None][1:], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
