"""The pytest plugin: hooks of a few lines each that call rooms which know nothing of pytest.

Nothing heavy is imported before a run really measures: an idle plugin costs its options and no more.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_cortex.distribution import MeasuringController, is_controller, is_worker
from pytest_cortex.settings import GATES, OPTIONS, Option, SettingError, Settings, read_marker, resolve
from pytest_cortex.stash import (
    BENCH_KEY,
    PROBLEMS_KEY,
    RECORD_KEY,
    RUNNING_KEY,
    SESSION_KEY,
    SETTINGS_KEY,
    UNDECIDED_KEY,
)

if TYPE_CHECKING:
    from pytest_cortex.bench import CortexBench
    from pytest_cortex.record import GateName
    from pytest_cortex.scenario import Scenario
    from pytest_cortex.session import BenchSession

_LOG_WIDTH = 120  # columns for names where there is no terminal
_CACHE_KEY = "cortex/inconclusive"
_CONTROLLER = "cortex-measuring-controller"
_SKIP_REASON = "bench test: run pytest --cortex-bench to measure it"
_UNFORESEEN = (
    "cortex_bench was asked for while the test ran, so that the controller, which alone measures under pytest-xdist, "
    "could not know of it: take it as an argument of the test or of one of its fixtures"
)
_ORIGINS = ("command line", "ini", "strict", "random", "default")
_WITHOUT_CALLS = ("collectonly", "setuponly", "setupplan")
_MARKER_HELP = (
    f"cortex({', '.join(f'{gate}=LIMIT' for gate in GATES)}): gates for everything the test measures with cortex_bench"
)
_GROUP_HELP = (
    "Two functions and a limit: a bench test calls the fixture cortex_bench with a sequential and a parallel program, "
    "and a gate says PASS, FAIL or INCONCLUSIVE, with at most one false alarm in a thousand. Every option can also "
    "stand in the ini file, as cortex_... ; the command line wins over markers, markers over the ini file."
)


# Options --------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Registers every option twice: for the command line and for the ini file."""
    group = parser.getgroup("cortex", "keeping parallel code parallel (pytest-cortex)")
    for option in OPTIONS:
        _add_to_command_line(group, option)
        kind: Literal["args", "string"] = "args" if option.many else "string"
        parser.addini(option.ini, option.help, type=kind, default=None)


def _add_to_command_line(group: pytest.OptionGroup, option: Option) -> None:
    # argparse would read a percent sign in a help text as a format
    text = f"{option.help} [ini: {option.ini}]".replace("%", "%%")
    if option.name == "bench":
        text = f"{text}. {_GROUP_HELP}"
    if option.alone is not None:
        kind = {"nargs": "?", "const": option.alone}
        group.addoption(option.flag, action="append", metavar=option.metavar, dest=option.ini, help=text, **kind)
    elif option.metavar:
        group.addoption(option.flag, action="append", metavar=option.metavar, dest=option.ini, help=text)
    else:
        group.addoption(option.flag, action="append_const", const="true", dest=option.ini, help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Reads and checks every option, before anything is collected."""
    config.addinivalue_line("markers", _MARKER_HELP)
    try:
        settings = config.stash[SETTINGS_KEY] = _settings(config)
        if settings["bench"] and not is_worker(config):
            config.stash[SESSION_KEY] = _bench_session(config, settings)
    except SettingError as error:
        raise pytest.UsageError(f"pytest-cortex: {error}") from error


def pytest_sessionstart(session: pytest.Session) -> None:
    """Under pytest-xdist, makes the controller measure; only now is it certain that there are workers."""
    if SESSION_KEY in session.config.stash and is_controller(session.config):
        session.config.pluginmanager.register(MeasuringController(), _CONTROLLER)


def _settings(config: pytest.Config) -> Settings:
    command_line: dict[str, Sequence[str]] = {}
    ini: dict[str, Sequence[str]] = {}
    for option in OPTIONS:
        given = config.getoption(option.ini)
        if given:
            command_line[option.name] = given if option.many else given[-1:]
        written = config.getini(option.ini)
        if written:
            ini[option.name] = [str(word) for word in (written if option.many else [written])]
    if "scenario" in ini:
        ini["scenario"] = [_from_root(config, word) for word in ini["scenario"]]
    return resolve(command_line, ini, seed=random.SystemRandom().getrandbits(32))


def _from_root(config: pytest.Config, word: str) -> str:
    """A file named in the ini file is found from wherever pytest is started."""
    file = config.rootpath / word
    return str(file) if file.suffix and file.is_file() else word


def _bench_session(config: pytest.Config, settings: Settings) -> BenchSession:
    from pytest_cortex.comparison import Baselines  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.session import BenchSession, check_horizon, load_scenarios  # noqa: PLC0415 - the same
    from pytest_cortex.streaks import Streaks  # noqa: PLC0415 - the same

    check_horizon(settings)
    cache = getattr(config, "cache", None)
    return BenchSession(
        settings=settings,
        scenarios=load_scenarios(settings),
        report_dir=_report_dir(config, settings),
        command=tuple(map(str, config.invocation_params.args)),
        streaks=Streaks(cache.get(_CACHE_KEY, {}) if cache is not None else {}),
        baselines=Baselines.from_settings(settings, _root(config)),
    )


def _root(config: pytest.Config) -> Path:
    """Without an ini file, the root is only pytest's guess, and may be that of a workflow file in the options."""
    return config.rootpath if config.inipath is not None else config.invocation_params.dir


def _report_dir(config: pytest.Config, settings: Settings) -> Path:
    """Where reports go; finds out now rather than after the measuring that nothing can be written there."""
    origin = settings.origin("report_dir")
    base = config.invocation_params.dir if origin == "command line" else _root(config)
    folder: Path = base / settings["report_dir"]
    try:
        problem = _why_not_writable(folder)
    except OSError as error:  # a name too long
        problem = f"'{folder}' cannot be used: {error.strerror}; name another folder"
    if problem:
        raise SettingError("--cortex-report-dir", origin, problem)
    return folder


def _why_not_writable(folder: Path) -> str | None:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not existing.is_dir():
        return f"'{existing}' is a file: name a folder"
    if not _writable(existing):
        return f"nothing can be written in '{existing}': name another folder"
    return None


def _writable(folder: Path) -> bool:
    """Tries it: permission bits say little about a read-only file system, and nothing to root."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".cortex-", dir=folder)
    except OSError:
        return False
    os.close(descriptor)
    Path(name).unlink()
    return True


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Says what is measured, under which settings, and what a verdict claims."""
    session = config.stash.get(SESSION_KEY, None)
    if session is None:
        return None
    how = "by the controller, after the workers" if is_controller(config) else "one at a time"
    return [
        f"cortex: measuring bench tests {how}",
        _claim(session.settings),
        *_settings_by_origin(session.settings),
        f"cortex: reports in {session.report_dir}",
    ]


def _claim(settings: Settings) -> str:
    """What a verdict says, how often it may be wrong, and of what it speaks."""
    once_in = f"{1 / settings['alpha']:,.0f}".replace(",", " ")
    of_what = "runs, whatever the number of gates" if settings["family_wise"] else "verdicts"
    return (
        f"cortex: PASS and FAIL are each wrong at most once in {once_in} {of_what} (limit less "
        f"{100 * settings['margin']:g} %, up to {settings['rounds']} independent rounds; here and now)"
    )


def _settings_by_origin(settings: Settings) -> list[str]:
    """One line per origin: what the user set stands apart from what is default."""
    shown: dict[str, list[str]] = {}
    for name in settings.by_name:
        for origin, value in _in_force(name, settings).items():
            shown.setdefault(origin, []).append(f"{name}={_shown(value)}")
    return [f"cortex: {origin}: {', '.join(shown[origin])}" for origin in sorted(shown, key=_ORIGINS.index)]


def _in_force(name: str, settings: Settings) -> dict[str, Any]:
    """Value by origin; a limit on the command line leaves those of the ini file for other scenarios in force."""
    if name == "bench":
        return {}  # whoever reads this, knows
    limits = {origin: limit for (gate, origin), limit in settings.limits.items() if gate == name}
    return limits or {settings.origin(name): settings[name]}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        value = " ".join(f"{scenario}:{limit:g}" if scenario else f"{limit:g}" for scenario, limit in value.items())
    elif isinstance(value, tuple):
        value = " ".join(value)
    return "none" if value in (None, "") else str(value)


# Fixtures -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cortex_bench(request: pytest.FixtureRequest) -> Iterator[CortexBench]:
    """Measures a sequential program against its parallel twin, and gates the speedup.

    cortex_bench(sequential=f, parallel=g, workers=4), or cortex_bench(operation, workers=4), or
    cortex_bench(scenario); the result has .speedup, .efficiency, .assert_speedup(limit), .assert_efficiency(limit).
    """
    from pytest_cortex.rounds import steady_memory  # noqa: PLC0415 - an idle run does not pay for it

    session = request.config.stash.get(SESSION_KEY, None)
    if session is None:  # somebody asked for it by name, which no collection could see
        if request.config.stash[SETTINGS_KEY]["bench"]:
            pytest.fail(_UNFORESEEN, pytrace=False)
        pytest.skip(_SKIP_REASON)
    bench = request.node.stash[BENCH_KEY] = session.open(request.node.nodeid, request.node.name, _marker(request.node))
    with steady_memory():
        yield bench
    session.close(bench)


def _marker(item: pytest.Item) -> dict[GateName, float]:
    """Keywords of all ``cortex`` markers of a test, the closest one winning."""
    merged: dict[GateName, float] = {}
    for mark in item.iter_markers("cortex"):
        merged = {**read_marker(mark.args, mark.kwargs), **merged}
    return merged


def _scenario(config: pytest.Config, name: str) -> Scenario:
    from pytest_cortex.scenario import built_in  # noqa: PLC0415 - an idle run does not pay for it

    session = config.stash.get(SESSION_KEY, None)
    if session is None:
        duration_s: float = config.stash[SETTINGS_KEY]["module_duration"]
        return built_in(name, duration_s)
    scenario: Scenario = session.scenario(name)
    return scenario


@pytest.fixture
def cortex_small(pytestconfig: pytest.Config) -> Scenario:
    """The scenario small: 4 independent modules on 4 workers."""
    return _scenario(pytestconfig, "small")


@pytest.fixture
def cortex_medium(pytestconfig: pytest.Config) -> Scenario:
    """The scenario medium: 8 independent modules on 4 workers."""
    return _scenario(pytestconfig, "medium")


@pytest.fixture
def cortex_large(pytestconfig: pytest.Config) -> Scenario:
    """The scenario large: 12 independent modules on 4 workers."""
    return _scenario(pytestconfig, "large")


@pytest.fixture
def cortex_limited_workers(pytestconfig: pytest.Config) -> Scenario:
    """The scenario limited_workers: 8 independent modules on 2 workers."""
    return _scenario(pytestconfig, "limited_workers")


@pytest.fixture
def cortex_scenario(request: pytest.FixtureRequest) -> Scenario:
    """Every scenario in turn: the four built-in ones, or those that --cortex-scenario names."""
    name: str = request.param
    return _scenario(request.config, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test per scenario of those that ask for ``cortex_scenario``."""
    if "cortex_scenario" in metafunc.fixturenames:
        from pytest_cortex.session import selected_names  # noqa: PLC0415 - an idle run does not pay for it

        names = selected_names(metafunc.config.stash[SETTINGS_KEY])
        metafunc.parametrize("cortex_scenario", names, indirect=True)


# Collection -----------------------------------------------------------------------------------------------------------


def is_bench(item: pytest.Item) -> bool:
    """True for the items that measure something."""
    return "cortex_bench" in getattr(item, "fixturenames", ()) or type(item).__name__ == "ScenarioItem"


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Checks markers while the test is collected, so that a wrong one is an error before anything runs."""
    made = yield
    for item in made if isinstance(made, list) else [made]:
        problem = _marker_problem(item) if isinstance(item, pytest.Item) else None
        if problem:
            raise pytest.Collector.CollectError(f"{item.nodeid}: {problem}")
    return made


def _marker_problem(item: pytest.Item) -> str | None:
    """A marker of a class or a file may cover tests that measure nothing; a test's own marker means that test."""
    try:
        gates = _marker(item)
    except SettingError as error:
        return str(error)
    own = any(mark.name == "cortex" for mark in item.own_markers)
    if gates and own and not {"cortex_bench", "request"} & set(getattr(item, "fixturenames", ())):
        return f"its gate {', '.join(gates)} guards nothing: the test does not take the fixture cortex_bench"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Appends the built-in scenarios to a whole run, for the case that it turns out to have no bench test."""
    report = yield
    config = collector.config
    whole_run = config.args_source is not pytest.Config.ArgsSource.ARGS
    if isinstance(collector, pytest.Session) and whole_run and report.passed and SESSION_KEY in config.stash:
        from pytest_cortex.default_items import DefaultScenarios  # noqa: PLC0415 - an idle run does not pay for it

        report.result.append(
            DefaultScenarios.from_parent(
                collector, name="cortex", nodeid="cortex", bench_session=config.stash[SESSION_KEY], is_bench=is_bench
            )
        )
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips bench tests in an ordinary run; in a measuring one leaves them to the process that measures."""
    bench = [item for item in items if is_bench(item)]
    if not config.stash[SETTINGS_KEY]["bench"]:
        for item in bench:
            item.add_marker(pytest.mark.skip(reason=_SKIP_REASON))
    elif is_worker(config):
        items[:] = [item for item in items if not is_bench(item)]
    else:
        controller = config.pluginmanager.get_plugin(_CONTROLLER)
        if isinstance(controller, MeasuringController):
            items[:] = bench
        config.stash[SESSION_KEY].expected.update(item.nodeid for item in bench)


# Verdicts -------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Tells the test's own report from those of its subtests, which come while it runs."""
    item.stash[RUNNING_KEY] = True
    try:
        return (yield)
    finally:
        del item.stash[RUNNING_KEY]


@pytest.hookimpl(wrapper=True)
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
    if report.passed:
        _mark_undecided(item, report, bench)
    return report


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


# The end --------------------------------------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes the reports; what goes wrong there is said, and changes no verdict."""
    bench_session = session.config.stash.get(SESSION_KEY, None)
    if bench_session is None or any(session.config.getoption(name, default=False) for name in _WITHOUT_CALLS):
        return
    from pytest_cortex.reporting import write  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.watchdog import set_exit_status  # noqa: PLC0415 - the same

    set_exit_status(int(exitstatus))
    cache = getattr(session.config, "cache", None)
    if cache is not None:
        cache.set(_CACHE_KEY, bench_session.streaks.counts)
    record = bench_session.record()
    if record.measurements:  # a run in which nothing came to be measured leaves the former report alone
        session.config.stash[RECORD_KEY] = record
        written = write(record, bench_session.report_dir)
        session.config.stash[PROBLEMS_KEY] = [*map(str, written.problems), *bench_session.baselines.save(record)]


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
