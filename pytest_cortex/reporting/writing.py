"""Writes the report folder: the record first, then everything that is made from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cortex.files import write_atomically
from pytest_cortex.reporting import benchmark_json, bigger_is_better, document, summary, trace
from pytest_cortex.reporting.charts.catalogue import SOURCE, TITLES, alternative

if TYPE_CHECKING:
    from pytest_cortex.record import SessionRecord
    from pytest_cortex.reporting.charts.encoding import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A file that could not be made.

    Attributes:
        path: The file, or the folder if that could not be made.
        error: The exception's type and message.
    """

    path: Path
    error: str

    def __str__(self) -> str:
        return f"{self.path} was not written: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a report.

    Attributes:
        paths: The files written, ``cortex.json`` first.
        problems: The files that could not be made; the caller warns of them.
    """

    paths: tuple[Path, ...]
    problems: tuple[Problem, ...]


def write(session: SessionRecord, directory: Path, *, but: Collection[str] = ()) -> Written:
    """Writes every file of the report into *directory*, replacing those of an earlier run and no others.

    A chart is written if the record has something to show in it; one of an earlier run that this record has nothing
    for is removed, known by a mark inside, so that no chart lies beside data it was not made from.  A file that fails
    does not keep the others from being written: no ``Exception`` leaves this function.

    Args:
        session: The record to show.
        directory: Made if it does not exist, with its parents.
        but: Names of files that are not to be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Written(paths=(), problems=(_problem(directory, error),))
    results = [_write(directory / name, partial(make, session)) for name, make in _MAKERS.items() if name not in but]
    done = {result.name for result in results if isinstance(result, Path)}
    charts = tuple(name for name in map("{}.svg".format, TITLES) if name in done)
    results.append(_write(directory / "summary.md", lambda: summary.encode(session, charts=charts)))
    return Written(
        paths=tuple(result for result in results if isinstance(result, Path)),
        problems=tuple(result for result in results if isinstance(result, Problem)),
    )


def _write(path: Path, make: Callable[[], bytes | None]) -> Path | Problem | None:
    """Writes what *make* returns; where that is None, nothing is written, and a chart of an earlier run goes."""
    try:
        # A deprecation inside pandas or matplotlib is not the user's to solve, and under ``-W error``
        # it would cost them the file.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = make()
        if data is None:
            _remove_stale(path)
            return None
        write_atomically(path, data)
    except Exception as error:  # noqa: BLE001 - whatever one file dies of, the others must be written
        return _problem(path, error)
    return path


def _remove_stale(path: Path) -> None:
    """Removes a chart of an earlier run; a file that only has its name is not ours, and stays."""
    try:
        if path.is_file() and any(mark in path.read_bytes() for mark in _MARKS):
            path.unlink()
    except OSError as error:
        raise OSError(
            f"this run has no data for it, and that of an earlier run could not be removed: {error}"
        ) from error


def _problem(path: Path, error: Exception) -> Problem:
    return Problem(path=path, error=f"{type(error).__name__}: {error}")


def _csv(session: SessionRecord) -> bytes:
    from pytest_cortex.reporting import table  # noqa: PLC0415 - loads pandas

    return table.csv(session)


def _chart(name: str, format_: Format, session: SessionRecord) -> bytes | None:
    if alternative(name, session) is None:
        return None
    from pytest_cortex.reporting.charts import encoding  # noqa: PLC0415 - loads matplotlib

    return encoding.encode(session, name, format_)


def _page(session: SessionRecord) -> bytes:
    from pytest_cortex.reporting.page import rendering  # noqa: PLC0415 - loads Jinja2

    return rendering.encode(session)


_FORMATS: tuple[Format, ...] = ("svg", "png")

_MARKS = (f"<dc:source>{SOURCE}</dc:source>".encode(), f"Source\0{SOURCE}".encode())

# In the order of writing: the data is safe before anything is drawn.  The summary comes last, because it
# shows those charts that exist.
_MAKERS: dict[str, Callable[[SessionRecord], bytes | None]] = {
    "cortex.json": document.encode,
    "cortex.csv": _csv,
    "benchmark.json": benchmark_json.encode,
    "bigger-is-better.json": bigger_is_better.encode,
    "trace.json": trace.encode,
    "index.html": _page,
    **{f"{name}.{format_}": partial(_chart, name, format_) for name in TITLES for format_ in _FORMATS},
}
