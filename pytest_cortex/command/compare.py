"""``pytest-cortex compare A B``: two runs side by side, and what they prove of each other."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_cortex.baselines.difference import (
    ALPHA,
    INTERVALS_ALPHA,
    Basis,
    Difference,
    Direction,
    Measured,
    difference,
)
from pytest_cortex.baselines.entry import Key
from pytest_cortex.command.output import PARSER_STYLE, show
from pytest_cortex.command.sides import NothingToCompare, Side, side
from pytest_cortex.reporting import write_atomically
from pytest_cortex.wording import cells, estimate, listed, printable

if TYPE_CHECKING:
    from pytest_cortex.command.console import Commands

OK, NOT_WRITTEN, WRONG_USAGE = 0, 1, 2

_CHARTS = (".svg", ".png")
_HEADINGS = ("measurement", "workers", "A", "B", "B / A", "B is")

_DESCRIPTION = """\
Shows two runs side by side: each speedup with its interval, B's over A's, and whether B is proven slower or faster.
"""

_EPILOG = f"""\
A and B are each a cortex.json or the folder it is in, a file of a history, a file of a baseline, or the name of a
baseline in .cortex/baselines of this folder:

  pytest-cortex compare old/cortex.json reports/cortex.json
  pytest-cortex compare main reports --chart difference.svg --json difference.json

Where both have their rounds, B is called slower if they prove its speedup to be below A's, and faster if above; each is
wrong at most once in {1 / ALPHA:g} comparisons, for independent rounds.  A history keeps no rounds, and fewer than a
dozen prove nothing: then it is whether the two intervals lie apart, which is wrong in {100 * INTERVALS_ALPHA:g} %
of comparisons at most.

What is compared are two processes.  A speedup moves from process to process and from day to day, also of an unchanged
program (pytest-cortex calibrate shows how far): so a difference is no proof that the program has changed, and this
command fails nothing.  pytest --cortex-compare does, after an allowance for that.

exit codes: 0 done, 1 a file could not be written, 2 wrong usage, or A or B is no run
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measurement that both runs have.

    Attributes:
        key: Which.
        label: The name on one line, with the test's id where two share it.
        first: In A.
        second: In B.
        difference: What they prove of each other.
    """

    key: Key
    label: str
    first: Measured
    second: Measured
    difference: Difference


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Adds the subcommand's own parser."""
    parser = commands.add_parser(
        "compare",
        help="see two runs side by side",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        **PARSER_STYLE,
    )
    parser.add_argument("first", metavar="A", help="the earlier run")
    parser.add_argument("second", metavar="B", help="the later run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file as well")
    parser.add_argument("--chart", type=_chart_file, metavar="FILE", help="draw them, as .svg or .png")
    parser.set_defaults(calls_pytest=False)
    return parser


def _chart_file(word: str) -> Path:
    path = Path(word)
    if path.suffix.lower() not in _CHARTS:
        raise argparse.ArgumentTypeError(f"{word!r} is no chart; a name ending in {' or '.join(_CHARTS)} is wanted")
    return path


def run(arguments: argparse.Namespace) -> int:
    """Compares; returns the exit code: 0 done, 1 a file could not be written, 2 there is nothing to compare."""
    try:
        first, second = side(arguments.first), side(arguments.second)
    except NothingToCompare as error:
        sys.stderr.write(f"pytest-cortex compare: {error}\n")
        return WRONG_USAGE
    lines = compared(first, second)
    text = "\n".join([*table(lines), "", *sentences(first, second, lines), ""])
    show(text)
    return _write_files(arguments, first, second, lines)


def _write_files(arguments: argparse.Namespace, first: Side, second: Side, lines: Sequence[Line]) -> int:
    try:
        if arguments.json is not None:
            write_atomically(arguments.json, f"{json.dumps(numbers(first, second, lines), indent=2)}\n".encode())
        if arguments.chart is not None:
            from pytest_cortex.reporting import comparison_chart  # noqa: PLC0415 - loads matplotlib

            rows = [_row(line) for line in lines]
            format_: Literal["svg", "png"] = "png" if arguments.chart.suffix.lower() == ".png" else "svg"
            subtitle = f"A: {first.name}, {first.created_at} · B: {second.name}, {second.created_at}"
            write_atomically(arguments.chart, comparison_chart.encode(rows, subtitle=subtitle, format_=format_))
    except Exception as error:  # noqa: BLE001 - a full disk, a missing font: the table has been shown by now
        sys.stderr.write(f"pytest-cortex compare: not written: {type(error).__name__}: {error}\n")
        return NOT_WRITTEN
    return OK


# What is shown --------------------------------------------------------------------------------------------------------


def compared(first: Side, second: Side) -> tuple[Line, ...]:
    """Returns what both runs measured, in the order of the second."""
    keys = [key for key in second.measured if key in first.measured]
    counts = Counter((key.name, key.workers) for key in keys)
    return tuple(
        Line(
            key=key,
            label=printable(key.name if counts[key.name, key.workers] == 1 else f"{key.name} · {key.test}"),
            first=first.measured[key],
            second=second.measured[key],
            difference=difference(first.measured[key], second.measured[key]),
        )
        for key in keys
    )


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Yields the table line by line; a star stands where only intervals were compared."""
    if not lines:
        yield "no measurement is in both"
        return
    grid = [_HEADINGS, *map(_cells, lines)]
    widths = [max(map(cells, column)) for column in zip(*grid, strict=True)]
    for first, *numbers_, last in grid:
        padded = [first + " " * (widths[0] - cells(first))]
        padded += [text.rjust(width) for text, width in zip(numbers_, widths[1:-1], strict=True)]
        yield "  ".join([*padded, last])


def _cells(line: Line) -> tuple[str, ...]:
    found = line.difference
    star = "*" if found.basis is Basis.INTERVALS else ""
    return (
        line.label,
        str(line.key.workers),
        estimate(line.first.speedup, line.first.low, line.first.high),
        estimate(line.second.speedup, line.second.low, line.second.high),
        estimate(found.ratio, found.low, found.high),
        f"{found.direction}{star}",
    )


def sentences(first: Side, second: Side, lines: Sequence[Line]) -> Iterator[str]:
    """Yields what the table leaves open, a sentence each."""
    yield from _about_machines(first, second)
    for name, one, other in (("A", first, second), ("B", second, first)):
        only = [printable(str(key)) for key in one.measured if key not in other.measured]
        if only:
            yield f"only in {name}: {listed(only)}"
        if one.against_itself:
            yield f"warning: in {name}, programs were measured against themselves: their speedups are 1 by design"
    bases = {line.difference.basis for line in lines}
    if Basis.ROUNDS in bases:
        yield (
            "Tested with the rounds of both: is the speedup of B below that of A, or above? Either answer is wrong at "
            f"most once in {1 / ALPHA:g} times, for independent rounds."
        )
    if Basis.INTERVALS in bases:
        yield (
            "* From the intervals alone, since the rounds are not there or too few: they lie apart by chance in at "
            f"most {100 * INTERVALS_ALPHA:g} % of cases."
        )
    if Basis.NOTHING in bases:
        yield "Where there are too few rounds, nothing was tested."
    if lines:
        yield (
            "This holds for these two processes: between processes and days, speedups of an unchanged program move as "
            "well. The interval of B / A covers with 90 % at least."
        )


def _about_machines(first: Side, second: Side) -> Iterator[str]:
    names = f"A on {first.machine_name}; B on {second.machine_name}"
    if first.machine is None or second.machine is None:
        yield f"warning: whether both were measured on one kind of machine is not known: {names}"
    elif first.machine != second.machine:
        yield f"warning: measured on different machines, so a difference may be theirs: {names}"


def numbers(first: Side, second: Side, lines: Sequence[Line]) -> dict[str, Any]:
    """Returns the comparison as JSON values."""
    return {
        "a": _side_numbers(first, second),
        "b": _side_numbers(second, first),
        "same_machine": None if None in (first.machine, second.machine) else first.machine == second.machine,
        "alpha": {Basis.ROUNDS.value: ALPHA, Basis.INTERVALS.value: INTERVALS_ALPHA},
        "measurements": [
            {
                **asdict(line.key),
                "a": _speedup_numbers(line.first),
                "b": _speedup_numbers(line.second),
                **asdict(line.difference),
            }
            for line in lines
        ],
    }


def _side_numbers(one: Side, other: Side) -> dict[str, Any]:
    return {
        "name": one.name,
        "created_at": one.created_at,
        "machine": one.machine,
        "machine_name": one.machine_name,
        "only_here": [asdict(key) for key in one.measured if key not in other.measured],
    }


def _speedup_numbers(measured: Measured) -> dict[str, float | None]:
    return {"speedup": measured.speedup, "low": measured.low, "high": measured.high}


def _row(line: Line) -> Any:
    from pytest_cortex.reporting import comparison_chart  # noqa: PLC0415 - loads matplotlib

    return comparison_chart.Row(
        label=line.label,
        workers=line.key.workers,
        first=(line.first.speedup, line.first.low, line.first.high),
        second=(line.second.speedup, line.second.low, line.second.high),
        verdict="" if line.difference.direction is Direction.UNPROVEN else line.difference.direction.value,
    )
