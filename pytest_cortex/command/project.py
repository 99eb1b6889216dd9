"""What a project asks of every run of pytest, and what coverage.py would do to it."""

from __future__ import annotations

import configparser
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

_ADDOPTS = "PYTEST_ADDOPTS"
_NO_PLUGINS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedOptions:
    """Options that nobody has to write on the command line.

    Attributes:
        origin: The file they stand in, or the environment variable.
        words: The options.
    """

    origin: str
    words: tuple[str, ...]


def added_options(folder: Path, environ: Mapping[str, str]) -> tuple[AddedOptions, ...]:
    """Returns the options that every run of pytest gets in *folder*: from the ini file, and from the environment.

    Args:
        folder: Where pytest would be started.
        environ: The environment.
    """
    found = next(_written_in((folder, *folder.parents)), None)
    given = environ.get(_ADDOPTS)
    return (
        *([] if found is None else [found]),
        *([] if given is None else [AddedOptions(origin=_ADDOPTS, words=_split(given))]),
    )


def _written_in(folders: Sequence[Path]) -> Iterator[AddedOptions]:
    """The ``addopts`` of each file that pytest would take, in its order; it takes the first."""
    for folder in folders:
        for name, read in _READERS.items():
            section = _section(folder / name, read)
            if section is not None:
                yield AddedOptions(origin=name, words=_split(section.get("addopts") or ()))


def _section(path: Path, read: Callable[[str], Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    # A broken file is pytest's to complain about.
    with suppress(OSError, ValueError, configparser.Error, AttributeError):
        return read(path.read_text(encoding="utf-8"))
    return None


def _split(words: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(shlex.split(words)) if isinstance(words, str) else tuple(map(str, words))


def _pytest_toml(text: str) -> Mapping[str, Any] | None:
    return dict(tomllib.loads(text).get("pytest", {}))  # such a file counts also if it is empty


def _pyproject(text: str) -> Mapping[str, Any] | None:
    pytest: Mapping[str, Any] | None = tomllib.loads(text).get("tool", {}).get("pytest")
    return None if pytest is None else pytest.get("ini_options", pytest)


def _ini(section: str, *, counts_if_empty: bool = False) -> Callable[[str], Mapping[str, Any] | None]:
    def read(text: str) -> Mapping[str, Any] | None:
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        parser.read_string(text)
        if parser.has_section(section):
            return dict(parser.items(section))
        return {} if counts_if_empty else None

    return read


_READERS: Mapping[str, Callable[[str], Mapping[str, Any] | None]] = {
    "pytest.toml": _pytest_toml,
    ".pytest.toml": _pytest_toml,
    "pytest.ini": _ini("pytest", counts_if_empty=True),
    ".pytest.ini": _ini("pytest", counts_if_empty=True),
    "pyproject.toml": _pyproject,
    "tox.ini": _ini("pytest"),
    "setup.cfg": _ini("tool:pytest"),
}


# What stands in the way -----------------------------------------------------------------------------------------------


def why_not_loaded(added: Sequence[AddedOptions], environ: Mapping[str, str]) -> str | None:
    """Returns what keeps pytest from loading this plugin, and what to do; None if nothing does."""
    wanted = {word for each in added for word in _values_of("-p", each.words)}
    for each in added:
        if "no:cortex" in _values_of("-p", each.words):
            return f"{each.origin} has -p no:cortex, which keeps this plugin out: take it away"
    if environ.get(_NO_PLUGINS) and not wanted & {"cortex", "pytest_cortex.plugin"}:
        return f"{_NO_PLUGINS} is set, which keeps this plugin out: unset it, or add -p cortex"
    return None


def measured_coverage(added: Sequence[AddedOptions]) -> str | None:
    """Returns where it says that every run measures coverage; None if no run does without being told to."""
    for each in reversed(added):  # the later one wins
        switches = [word for word in each.words if word.partition("=")[0] in {"--cov", "--no-cov"}]
        if switches:
            return None if switches[-1] == "--no-cov" else each.origin
    return None


def _values_of(option: str, words: Sequence[str]) -> list[str]:
    """Values of a short option, be they words of their own or not."""
    apart = [value for word, value in pairwise(words) if word == option]
    return apart + [word.removeprefix(option) for word in words if word.startswith(option) and word != option]


def coverage_core(environ: Mapping[str, str], python: tuple[int, ...] = sys.version_info[:2]) -> str | None:
    """Returns what coverage.py would watch programs with: ``ctrace``, ``pytrace`` or ``sysmon``; None without it.

    Args:
        environ: The environment.
        python: The version of the interpreter.
    """
    try:
        import coverage  # noqa: PLC0415 - it need not be there
    except ImportError:
        return None
    asked = environ.get("COVERAGE_CORE") or coverage.Coverage().get_option("run:core")
    if asked in {"ctrace", "pytrace"} or python < (3, 12):
        return "pytrace" if asked == "pytrace" else "ctrace"
    if asked == "sysmon":
        return "sysmon"
    # It is the default from Python 3.14 on, since coverage.py 7.9.1.
    return "sysmon" if python >= (3, 14) and coverage.version_info[:3] >= (7, 9, 1) else "ctrace"
