"""Modules that look at the project: its folder, what it declares, its source files and its tests."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from orchestrator.context import ModuleContext
from orchestrator.module import Phase, module

MAX_ENTRIES = 20_000
"""How many files and folders ``source_files`` looks at before it stops, so that it ends even in ``/``."""

_CHUNK_BYTES = 1 << 20


def root_of(context: Mapping[str, Any]) -> Path:
    """Returns the project's folder, as ``project_validation`` found it."""
    return Path(context["project_validation"]["root"])


# The folder -------------------------------------------------------------------------------------------------


def _folder_problems(context: Mapping[str, Any]) -> list[str]:
    """What keeps ``project_root`` from being a project's folder."""
    given = context.get("project_root", ".")
    advice = "give an existing folder, e.g. context={'project_root': '.'}"
    if not isinstance(given, str | os.PathLike):
        return [f"project_root must be a path, not {given!r}: {advice}"]
    try:
        mode = Path(given).stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a null character within the path
        return [f"project_root {str(given)!r} cannot be found ({error}): {advice}"]
    if not stat.S_ISDIR(mode):
        return [f"project_root {str(given)!r} is not a folder: {advice}"]
    if not os.access(given, os.R_OK | os.X_OK):
        return [f"project_root {str(given)!r} may not be read: change its permissions, or {advice}"]
    return []


@module(phase=Phase.PRE_VALIDATION, check=_folder_problems, produces=["project_validation"])
def project_validation(context: ModuleContext) -> dict[str, Any]:
    """Makes sure that there is a project folder, and tells what kind of project it holds."""
    root = Path(context.get("project_root", ".")).resolve()
    return {"project_validation": {"root": str(root), "name": root.name, "kind": _kind(root)}}


def _kind(root: Path) -> str:
    """Returns the file that defines the project, or ``"plain"`` for a folder without one."""
    return next((name for name in ("pyproject.toml", "setup.py") if (root / name).is_file()), "plain")


# What it declares -------------------------------------------------------------------------------------------


@module(
    phase=Phase.PREPARATION,
    depends_on=["project_validation"],
    produces=["declared_dependencies", "pyproject"],
)
def declared_dependencies(context: ModuleContext) -> dict[str, Any]:
    """Reads pyproject.toml, and lists what the project requires, always and per extra.

    The parsed file is committed too, as ``pyproject``, so that it is read and judged in one place.
    """
    path = root_of(context) / "pyproject.toml"
    pyproject = parse_toml(path) if path.is_file() else {}
    project = _table(path, "project", pyproject.get("project", {}))
    extras = _table(path, "project.optional-dependencies", project.get("optional-dependencies", {}))
    declared = {
        "required": _requirements(path, "project.dependencies", project.get("dependencies", [])),
        "optional": {
            extra: _requirements(path, f"project.optional-dependencies.{extra}", listed)
            for extra, listed in extras.items()
        },
        # The build backend works these out; they cannot be known by reading.
        "dynamic": not {"dependencies", "optional-dependencies"}.isdisjoint(
            _list(path, "project.dynamic", project.get("dynamic", []))
        ),
    }
    return {"declared_dependencies": declared, "pyproject": pyproject}


def parse_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        ValueError: If it is no TOML; names the file and the line.
    """
    import tomllib  # noqa: PLC0415 - paid only by those who run the module

    raw = path.read_bytes()
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: not UTF-8, as TOML must be: save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}:{_line(error, raw)}: not valid TOML: {error}: mend that line") from error


def _line(error: Exception, raw: bytes) -> int:
    """Returns the line that a TOML error names; "at end of document" means the last one."""
    named = re.search(r"at line (\d+)", str(error))
    return int(named[1]) if named else max(1, len(raw.splitlines()))


def _list(path: Path, name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{path}: {name} must be a list, not {value!r}")
    return value


def _table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{path}: [{name}] must be a table, not {value!r}")
    return value


def _requirements(path: Path, name: str, value: object) -> list[str]:
    """Returns *value* if it is what the standard wants: a list of strings that begin with a name."""
    listed = _list(path, name, value)
    for each in listed:
        if not isinstance(each, str) or requirement_name(each) is None:
            raise ValueError(f"{path}: {name} holds {each!r}: a requirement must begin with a package's name")
    return listed


def requirement_name(requirement: str) -> str | None:
    """Returns the normalised name of the package that is required, None if the text begins with no name."""
    found = re.match(r"\s*([A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?)", requirement, re.IGNORECASE)
    return normalised(found[1]) if found else None


def normalised(name: str) -> str:
    """Returns the one spelling that all spellings of a package's name share.

    Source:
        PEP 503, "Simple Repository API", section "Normalized Names".
    """
    return re.sub(r"[-_.]+", "-", name).lower()


# Its files --------------------------------------------------------------------------------------------------


@module(
    phase=Phase.PROCESSING,
    depends_on=["project_validation"],
    produces=["source_files", "python_paths"],
)
def source_files(context: ModuleContext) -> dict[str, Any]:
    """Counts the Python files of the project and their lines, in at most ``MAX_ENTRIES`` files and folders.

    Their paths are committed too, as ``python_paths``.
    """
    root = root_of(context)
    found = find_python_files(root, MAX_ENTRIES, context.check_cancelled)
    counts = {
        "files": len(found.paths),
        "lines": sum(count_lines(root / path, context.check_cancelled) for path in found.paths),
        "complete": found.complete,
        "limit": MAX_ENTRIES,
    }
    return {"source_files": counts, "python_paths": found.paths}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Python files below a folder.

    Attributes:
        paths: Relative to the folder, with ``/`` between the parts, sorted.
        complete: False if the walk stopped at its limit, so that there may be more.
    """

    paths: tuple[str, ...]
    complete: bool


def find_python_files(root: Path, limit: int, check_cancelled: Callable[[], None]) -> Found:
    """Walks *root* breadth first.

    Passes by hidden folders, virtual environments, node_modules, caches and symbolic links.

    Args:
        root: Where to start.
        limit: How many files and folders to look at before stopping.
        check_cancelled: Called once per folder; may raise.
    """
    paths: list[str] = []
    folders = [root]
    left = limit
    complete = True
    for folder in folders:  # grows while it is walked
        check_cancelled()
        entries = _entries(folder, left + 1)
        complete = len(entries) <= left
        for entry in entries[:left]:
            if _is_python_file(entry):
                paths.append(Path(entry.path).relative_to(root).as_posix())
            elif _is_worth_entering(entry):
                folders.append(Path(entry.path))
        if not complete:
            break
        left -= len(entries)
    return Found(paths=tuple(sorted(paths)), complete=complete)


def _entries(folder: Path, at_most: int) -> list[os.DirEntry[str]]:
    """Returns what is in *folder*, sorted by name; nothing if it may not be read or has just gone."""
    try:
        with os.scandir(folder) as entries:
            return sorted(islice(entries, at_most), key=lambda entry: entry.name)
    except OSError:
        return []


def _is_worth_entering(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in {"node_modules", "__pycache__"}:
        return False
    return entry.is_dir(follow_symlinks=False) and not _is_virtual_environment(entry)


def _is_virtual_environment(entry: os.DirEntry[str]) -> bool:
    try:
        return Path(entry.path, "pyvenv.cfg").is_file()
    except OSError:  # a folder that may not be entered
        return False


def _is_python_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") and entry.is_file(follow_symlinks=False)


def count_lines(path: Path, check_cancelled: Callable[[], None]) -> int:
    """Returns how many lines a file has; 0 if it may not be read.

    Args:
        path: The file.
        check_cancelled: Called once per chunk read; may raise.
    """
    try:
        return sum(_line_ends(path, check_cancelled))
    except OSError:
        return 0


def _line_ends(path: Path, check_cancelled: Callable[[], None]) -> Iterator[int]:
    """Yields line ends per chunk, so that a huge file neither fills the memory nor outlasts a cancel."""
    last = b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            check_cancelled()
            yield chunk.count(b"\n")
            last = chunk[-1:]
    yield last != b"\n"  # a last line without an end is a line as well


# Its tests --------------------------------------------------------------------------------------------------

_CONFIGURATIONS = {
    "pytest.toml": "",
    ".pytest.toml": "",
    "pytest.ini": "",
    ".pytest.ini": "",
    "pyproject.toml": "tool.pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
"""Files that may configure pytest, in its order, each with the section that does; ``""`` needs none."""


@module(
    phase=Phase.PROCESSING,
    depends_on=["declared_dependencies", "source_files"],
    produces=["test_layout"],
)
def test_layout(context: ModuleContext) -> dict[str, Any]:
    """Tells whether there are tests, by the names pytest looks for, and where pytest is configured."""
    tests = [path for path in context["python_paths"] if is_test_file(path)]
    layout = {
        "test_files": len(tests),
        "folders": sorted({path.rpartition("/")[0] or "." for path in tests}),
        "pytest_configured_in": _pytest_configuration(root_of(context), context["pyproject"]),
    }
    return {"test_layout": layout}


def is_test_file(path: str) -> bool:
    """True for what pytest collects unless told otherwise: ``test_*.py`` and ``*_test.py``."""
    name = path.rpartition("/")[2]
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def _pytest_configuration(root: Path, pyproject: Mapping[str, Any]) -> str | None:
    """Returns the file that pytest takes its configuration from."""
    tools = _table(root / "pyproject.toml", "tool", pyproject.get("tool", {}))
    for name, section in _CONFIGURATIONS.items():
        configures = "pytest" in tools if name == "pyproject.toml" else _has_section(root / name, section)
        if configures:
            return name
    return None


def _has_section(path: Path, section: str) -> bool:
    """True if *path* is a file and has *section*; every file has the section ``""``."""
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8", errors="replace") if section else ""
    return not section or f"[{section}]" in map(str.strip, text.splitlines())
