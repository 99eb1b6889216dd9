"""Options: registered for the command line and the ini file, read and checked before anything is collected."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_cortex.plugin.stash import CACHE_KEY, SESSION_KEY, SETTINGS_KEY
from pytest_cortex.settings.options import OPTIONS, Option
from pytest_cortex.settings.values import GATES, SettingError

if TYPE_CHECKING:
    from pytest_cortex.bench.session import BenchSession
    from pytest_cortex.settings.settings import Settings


_MARKER_HELP = (
    f"cortex({', '.join(f'{gate}=LIMIT' for gate in GATES)}): gates for everything the test measures with cortex_bench"
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


def pytest_configure(config: pytest.Config) -> None:
    """Reads and checks every option, before anything is collected."""
    config.addinivalue_line("markers", _MARKER_HELP)
    if not any(config.getoption(option.ini) or config.getini(option.ini) for option in OPTIONS):
        return  # as in most runs, which do not pay for more
    try:
        settings = settings_of(config)
        if settings["bench"]:
            _measure(config, settings)
    except SettingError as error:
        raise pytest.UsageError(f"pytest-cortex: {error}") from error


def settings_of(config: pytest.Config) -> Settings:
    """Returns every option, read and checked.

    Raises:
        SettingError: If a value makes no sense.
    """
    if SETTINGS_KEY not in config.stash:
        config.stash[SETTINGS_KEY] = _settings(config)
    return config.stash[SETTINGS_KEY]


def _measure(config: pytest.Config, settings: Settings) -> None:
    from pytest_cortex.plugin import measuring_run  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.plugin.distribution import is_worker  # noqa: PLC0415 - the same

    config.pluginmanager.register(measuring_run, "cortex-measuring-run")
    if not is_worker(config):
        config.stash[SESSION_KEY] = _bench_session(config, settings)


def _settings(config: pytest.Config) -> Settings:
    from pytest_cortex.settings.settings import resolve  # noqa: PLC0415 - an idle run does not pay for it

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
    from pytest_cortex.baselines.comparison import Baselines  # noqa: PLC0415 - an idle run does not pay for it
    from pytest_cortex.bench.session import BenchSession, check_horizon, load_scenarios  # noqa: PLC0415 - the same
    from pytest_cortex.bench.streaks import Streaks  # noqa: PLC0415 - the same

    check_horizon(settings)
    cache = getattr(config, "cache", None)
    return BenchSession(
        settings=settings,
        scenarios=load_scenarios(settings),
        report_dir=_report_dir(config, settings),
        command=tuple(map(str, config.invocation_params.args)),
        streaks=Streaks(cache.get(CACHE_KEY, {}) if cache is not None else {}),
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
