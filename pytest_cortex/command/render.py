"""``pytest-cortex render FILE``: every report again from a ``cortex.json``, without measuring."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cortex.command.output import PARSER_STYLE
from pytest_cortex.reading import UnreadableRecord, load
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting import document, write

if TYPE_CHECKING:
    from pytest_cortex.command.console import Commands

OK, NOT_WRITTEN, WRONG_USAGE = 0, 1, 2

_RECORD = "cortex.json"

_DESCRIPTION = """\
Makes every report again from a cortex.json: charts, tables, summary.  Nothing is measured, and FILE stays as it is.

The same record gives the same files, byte for byte, with the same versions of pytest-cortex, matplotlib and pandas.
"""

_EPILOG = """\
  pytest-cortex render reports/cortex.json
  pytest-cortex render downloaded/cortex.json --into reports/pull-request

exit codes: 0 done, 1 a file could not be written, 2 wrong usage, or FILE is no cortex.json
"""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Adds the subcommand's own parser."""
    parser = commands.add_parser(
        "render",
        help="make every report again from a cortex.json",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        **PARSER_STYLE,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a cortex.json, or the folder it is in")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="DIR",
        help="where the reports go; made if it does not exist (default: beside FILE)",
    )
    parser.set_defaults(calls_pytest=False)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Renders; returns the exit code: 0 done, 1 a file could not be written, 2 FILE is no record."""
    given: Path = arguments.file
    file = given / _RECORD if given.is_dir() else given
    folder: Path = arguments.into or file.parent
    try:
        session = load(file)
    except (OSError, UnreadableRecord) as error:
        return _refuse(str(error))
    other = _other_record(session, file, folder)
    if other is not None:
        return _refuse(f"'{other}' is the record of another run, which would be lost: name another folder with --into")
    # What was read is never written: not even in part, and not in a newer layout.
    written = write(session, folder, but=(_RECORD,) if _same(folder / _RECORD, file) else ())
    for problem in written.problems:
        sys.stderr.write(f"pytest-cortex: {problem}\n")
    sys.stdout.write(f"reports: {folder} ({len(written.paths)} files)\n")
    return NOT_WRITTEN if written.problems else OK


def _other_record(session: SessionRecord, file: Path, folder: Path) -> Path | None:
    """Returns the record that is in *folder* and is another one; everything else there can be made again, that not."""
    there = folder / _RECORD
    try:
        is_other = there.exists() and not _same(there, file) and there.read_bytes() != document.encode(session)
    except OSError:  # writing will say what is wrong with it
        return None
    return there if is_other else None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _refuse(problem: str) -> int:
    sys.stderr.write(f"pytest-cortex render: {problem}\n")
    return WRONG_USAGE
