"""Measuring under pytest-xdist: the workers run the ordinary tests, the controller then measures alone.

A measurement beside other tests measures those as well, and grouping tests on one worker does not keep the other
workers quiet.  So every worker drops the bench tests from its collection, and the controller keeps nothing else in its
own.  When all workers are done, and their processes are gone, it runs the bench tests one at a time.  Reports, exit
code and options such as ``-x`` work as in a serial run, because to pytest it is one.
"""

from __future__ import annotations

import copy
from collections.abc import Generator
from typing import Any

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
    """Collects beside the workers, and runs the bench tests after them; registered in the controller only.

    It collects before the first test has run: later, ``--lf`` would know another last failure than the workers did.
    It meets the errors and skipped files that they meet; these are told once, by the first worker that does, and in
    the end by the controller what no worker told.
    """

    def __init__(self) -> None:
        self._untold: dict[str, pytest.CollectReport] = {}
        self._misuse: pytest.UsageError | None = None
        self._errors = 0
        self._collecting = False
        self._lost_workers = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Collects the way pytest does, from which pytest-xdist keeps its controller."""
        plugins = session.config.pluginmanager
        collect = plugins.subset_hook_caller("pytest_collection", [self, _workers(session)])
        self._collecting = True
        try:
            collect(session=session)
        except pytest.UsageError as error:  # a file that does not exist
            self._misuse = error  # raised here, it would meet workers that start, and to end those takes five seconds
        self._collecting = False
        session.testscollected = 0  # as pytest-xdist expects it: its workers have not told yet what they run

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Keeps from being told here, and counted twice, what the workers will tell."""
        report = yield
        if self._collecting and not report.passed:
            self._untold[report.nodeid] = copy.copy(report)
            report.outcome, report.longrepr = "passed", None
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes what has been told of the collection."""
        if not self._collecting:
            self._untold.pop(report.nodeid, None)
            self._errors += report.failed

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        """Notes that a worker has crashed."""
        self._lost_workers = self._lost_workers or bool(error)

    # The innermost of all wrappers, so that measuring is part of the loop to logging, and to the progress line.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measures when everything else has ended, unless that was cut short."""
        try:
            result = yield
        except KeyboardInterrupt as interrupt:
            # pytest-xdist obeys -x and --maxfail with a kind of Ctrl-C, which has an exit code of its own.
            if session.shouldfail and type(interrupt) is not KeyboardInterrupt:
                raise session.Failed(session.shouldfail) from None
            raise
        if self._misuse is not None:
            raise self._misuse
        # Bench tests that pass would hide that no worker ever came to its first test.
        never_began = self._lost_workers and not session.testscollected
        if not (never_began or session.shouldfail or session.shouldstop):
            self._tell_the_rest(session)
            self._measure(session)
        return result

    def _tell_the_rest(self, session: pytest.Session) -> None:
        for report in list(self._untold.values()):
            session.config.hook.pytest_collectreport(report=report)
        if self._errors and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{self._errors} error{'s' if self._errors > 1 else ''} during collection")

    def _measure(self, session: pytest.Session) -> None:
        session.testscollected += len(session.items)
        if session.items:
            _end_workers(session)
            _announce(session)
        for item, nextitem in zip(session.items, [*session.items, None][1:], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)


def _workers(session: pytest.Session) -> Any:
    """The plugin of pytest-xdist that has the workers."""
    return session.config.pluginmanager.get_plugin("dsession")


def _end_workers(session: pytest.Session) -> None:
    """Waits for the workers' processes, which may still tidy up, or have threads that a test left running."""
    _workers(session).nodemanager.teardown_nodes()


def _announce(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.line("")  # the workers' progress has ended in the middle of a line
        if session.config.get_verbosity() >= 0:
            count = len(session.items)
            tests = "bench test" if count == 1 else "bench tests"
            terminal.write_line(f"cortex: the workers are gone, the controller measures {count} {tests}")
