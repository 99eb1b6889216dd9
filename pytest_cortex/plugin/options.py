"""Options: registered for the command line and the ini file, read and checked before anything is collected."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_cortex.plugin import hookspecs
from pytest_cortex.plugin.stash import CACHE_KEY, SESSION_KEY, SETTINGS_KEY
from pytest_cortex.settings.options import OPTIONS, Option
from pytest_cortex.settings.values import GATES, SettingError

if TYPE_CHECKING:
    from pytest_cortex.bench.session import BenchSession
    from pytest_cortex.settings.settings import Settings


_MARKER_HELP = (
    f"cortex({', '.join(f'{gate}=LIMIT' for gate in GATES)}): "
    "gates for everything the test measures with cortex_bench; of several markers the nearest counts, and a limit on "
    "the command line before any of them (see pytest --help)"
)
_GROUP_HELP = (
    "Two functions and a limit: a bench test calls the fixture cortex_bench with a sequential and a parallel program, "
    "and a gate says PASS, FAIL or INCONCLUSIVE, with at most one false alarm in a thousand. Every option can also "
    "stand in the ini file, as cortex_... ; the command line wins over markers, markers over the ini file."
)


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


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Announces the hooks through which others take part."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Reads and checks every option, before anything is collected."""
    config.addinivalue_line("markers", _MARKER_HELP)
    if config.getoption("help"):
        return  # whoever looks for what would be right, may be in the middle of something wrong
    try:
        if _is_addressed(config):
            _obey(config, settings_of(config))
    except SettingError as error:
        raise pytest.UsageError(f"pytest-cortex: {error}") from error


def _is_addressed(config: pytest.Config) -> bool:
    """False in most runs, which say nothing to this plugin, and do not pay for more."""
    return _is_mentioned(config) or any(config.getoption(option.ini) for option in OPTIONS)


def _is_mentioned(config: pytest.Config) -> bool:
    file = config.inipath
    return bool(config.getoption("override_ini")) or (file is not None and b"cortex" in file.read_bytes().lower())


def settings_of(config: pytest.Config) -> Settings:
    """Returns every option, read and checked.

    Raises:
        SettingError: If a value makes no sense.
    """
    if SETTINGS_KEY not in config.stash:
        config.stash[SETTINGS_KEY] = _settings(config)
    return config.stash[SETTINGS_KEY]


def _obey(config: pytest.Config, settings: Settings) -> None:
    from pytest_cortex.plugin.distribution import is_worker  # noqa: PLC0415 - an idle run does not pay for it

    if settings["bench"]:
        from pytest_cortex.plugin import measuring_run  # noqa: PLC0415 - the same

        config.pluginmanager.register(measuring_run, "cortex-measuring-run")
    if is_worker(config):
        return  # the controller has checked, and a worker may be where a file is not
    if settings["bench"]:
        config.stash[SESSION_KEY] = _bench_session(config, settings)
    elif settings.given:
        _check(config, settings)


def _check(config: pytest.Config, settings: Settings) -> None:
    """Checks where nothing is measured; which scenarios other plugins offer is not asked for that."""
    from pytest_cortex.settings.checks import check_horizon, selected_names  # noqa: PLC0415 - only if there is a need
    from pytest_cortex.settings.values import BUILT_IN_SCENARIOS  # noqa: PLC0415 - the same

    check_horizon(settings)
    if not config.hook.pytest_cortex_scenarios.get_hookimpls():
        selected_names(settings, BUILT_IN_SCENARIOS)


def _settings(config: pytest.Config) -> Settings:
    from pytest_cortex.settings.settings import resolve  # noqa: PLC0415 - an idle run does not pay for it

    command_line: dict[str, Sequence[str]] = {}
    ini: dict[str, Sequence[str]] = {}
    places: dict[tuple[str, str], str] = {}
    written = _written(config)
    for option in OPTIONS:
        given = config.getoption(option.ini)
        if given:
            command_line[option.name] = given if option.many else given[-1:]
            places[option.name, "command line"] = _where_given(config, option)
        if option.name in written:
            ini[option.name], places[option.name, "ini"] = written[option.name]
    if "scenario" in ini:
        ini["scenario"] = [_from_root(config, word) for word in ini["scenario"]]
    return resolve(command_line, ini, seed=random.SystemRandom().getrandbits(32), places=places)


def _where_given(config: pytest.Config, option: Option) -> str:
    """What pytest puts before the command line, from the ini file or the environment, is named as such."""
    typed = (str(each).partition("=")[0] for each in config.invocation_params.args)
    return "command line" if option.flag in typed else "addopts"


def _written(config: pytest.Config) -> dict[str, tuple[list[str], str]]:
    """Returns the words of what is written down, and where that is; most ini files do not mention this plugin."""
    if not _is_mentioned(config):
        return {}
    from pytest_cortex.plugin.ini_values import written  # noqa: PLC0415 - an idle run does not pay for it

    return written(config)


def _from_root(config: pytest.Config, word: str) -> str:
    """A file named in the ini file is found from wherever pytest is started."""
    file = config.rootpath / word
    return str(file) if file.suffix and file.is_file() else word


def _bench_session(config: pytest.Config, settings: Settings) -> BenchSession:
    from pytest_cortex.baselines.comparison import Baselines  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.bench.session import BenchSession, load_scenarios  # noqa: PLC0415 - the same
    from pytest_cortex.bench.streaks import Streaks  # noqa: PLC0415 - the same
    from pytest_cortex.history.keeping import History  # noqa: PLC0415 - the same
    from pytest_cortex.plugin.hooks import HookError, machine_facts, objection, offered_scenarios  # noqa: PLC0415 - the same
    from pytest_cortex.settings.checks import check_horizon  # noqa: PLC0415 - the same

    check_horizon(settings)
    try:
        offered, facts = offered_scenarios(config), machine_facts(config)
    except HookError as error:
        raise pytest.UsageError(f"pytest-cortex: {error}") from error
    cache = getattr(config, "cache", None)
    return BenchSession(
        settings=settings,
        scenarios=load_scenarios(settings, offered),
        report_dir=_report_dir(config, settings),
        command=tuple(map(str, config.invocation_params.args)),
        streaks=Streaks(cache.get(CACHE_KEY, {}) if cache is not None else {}),
        baselines=Baselines.from_settings(settings, _root(config)),
        facts=facts,
        objection=partial(objection, config),
        history=History.from_settings(settings, _root(config)),
    )


def _root(config: pytest.Config) -> Path:
    """Without an ini file, the root is only pytest's guess, and may be that of a workflow file in the options."""
    return config.rootpath if config.inipath is not None else config.invocation_params.dir


def _report_dir(config: pytest.Config, settings: Settings) -> Path:
    """Where reports go; finds out now rather than after the measuring that nothing can be written there."""
    typed = settings.origin("report_dir") == "command line"
    base = config.invocation_params.dir if typed else _root(config)
    folder: Path = base / settings["report_dir"]
    try:
        problem = _why_not_writable(folder)
    except OSError as error:  # a name too long
        problem = f"'{folder}' cannot be used: {error.strerror}; name another folder"
    if problem:
        raise settings.error("report_dir", problem)
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
