"""Verdicts in pytest's own reports: as a property of the test, and INCONCLUSIVE as a category of its own."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cortex.plugin.stash import BENCH_KEY, RUNNING_KEY, SESSION_KEY, SETTINGS_KEY, UNDECIDED_KEY

if TYPE_CHECKING:
    from pytest_cortex.bench.fixture import CortexBench


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Tells the test's own report from those of its subtests, which come while it runs."""
    item.stash[RUNNING_KEY] = True
    try:
        return (yield)
    except SystemExit as error:
        _end_if_terminated(error)
        raise
    finally:
        del item.stash[RUNNING_KEY]


def _end_if_terminated(error: SystemExit) -> None:
    """Ends the run if the orchestrator caught a SIGTERM: pytest would take its error for that of a test, and go on."""
    from orchestrator import OperationTerminated  # noqa: PLC0415 - an idle run does not pay for it

    if isinstance(error, OperationTerminated):
        pytest.exit("SIGTERM")


# The innermost of all wrappers, so that those of others see what becomes of the test: reporters, reruns, and the one
# that knows what was expected to fail.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the verdicts into the report: as a property, and INCONCLUSIVE as an outcome that is not "passed"."""
    session = item.config.stash.get(SESSION_KEY, None)
    if session is not None and call.when == "teardown":
        session.finished.add(item.nodeid)
    bench = item.stash.get(BENCH_KEY, None)
    if bench is None or call.when != "call" or RUNNING_KEY in item.stash:
        return (yield)
    others = [(name, value) for name, value in item.user_properties if name != "cortex"]  # no former attempt's
    item.user_properties[:] = [*others, ("cortex", _property(bench))]
    report = yield
    if report.passed or (report.skipped and bench.not_measured):
        _mark_undecided(item, report, bench)
        if report.failed:
            call.excinfo = _raised(str(report.longrepr))
    return report


def _raised(message: str) -> pytest.ExceptionInfo[BaseException]:
    """The failure as if the test had raised it: an expected failure, and a debugger, look for the exception."""
    try:
        pytest.fail(message, pytrace=False)
    except pytest.fail.Exception as failure:
        return pytest.ExceptionInfo.from_exception(failure)


def _property(bench: CortexBench) -> str:
    """One JSON string: other values do not survive the way between processes."""
    rows = [
        {
            "name": result.name,
            "workers": result.workers,
            "speedup": None if not result.rounds else round(result.speedup, 4),
            "efficiency": None if not result.rounds or result.against else round(result.efficiency, 4),
            "verdicts": [f"{v.asked}: {v.outcome}" for v in result.verdicts],
        }
        for result in bench.results
    ]
    return json.dumps(rows)


def _mark_undecided(item: pytest.Item, report: pytest.TestReport, bench: CortexBench) -> None:
    undecided = [f"{name}: {verdict.reason}" for name, verdict in bench.undecided]
    if bench.idle_gates:
        gates = ", ".join(bench.idle_gates)
        report.outcome = "failed"
        report.longrepr = f"the gate {gates} guards nothing: the test never called cortex_bench(…)"
    elif undecided:
        _mark_inconclusive(item, report, "; ".join(undecided))


def _mark_inconclusive(item: pytest.Item, report: pytest.TestReport, reason: str) -> None:
    mode = item.config.stash[SETTINGS_KEY]["inconclusive"]
    message = f"INCONCLUSIVE: {reason}"
    if mode == "fail":
        report.outcome = "failed"
        report.longrepr = f"{message} (and --cortex-inconclusive=fail)"
    else:
        path, line, _name = item.location
        report.outcome = "skipped"
        report.longrepr = (path, (line or 0) + 1, message)
        if mode == "warn":
            item.config.stash.setdefault(UNDECIDED_KEY, set()).add(item.nodeid)


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> tuple[str, str, Any] | None:
    """Gives INCONCLUSIVE a category of its own."""
    if report.when == "call" and report.nodeid in config.stash.get(UNDECIDED_KEY, ()):
        return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
    return None
