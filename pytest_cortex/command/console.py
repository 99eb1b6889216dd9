"""From the words on the command line to the subcommand that they call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from pytest_cortex.command import calibrate, compare, doctor, render
from pytest_cortex.command.output import PARSER_STYLE

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

# argparse itself ends with 2 after wrong usage.
OK = 0


class Subcommand(Protocol):
    """What the Python module of a subcommand has."""

    def add_parser(self, commands: Commands) -> argparse.ArgumentParser:
        """Adds its own parser to *commands*."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does what *arguments* say, ``for_pytest`` among them, and returns the exit code."""


SUBCOMMANDS: tuple[Subcommand, ...] = (calibrate, compare, doctor, render)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the console command.

    Args:
        argv: Its arguments; by default those of this process.

    Returns:
        The exit code: 0 done, 2 wrong usage, others as the subcommand's help says.
    """
    try:
        subcommand, arguments = _read(sys.argv[1:] if argv is None else argv)
    except SystemExit as ended:  # argparse has said why
        return OK if ended.code is None else int(ended.code)
    return subcommand.run(arguments)


def _read(argv: Sequence[str]) -> tuple[Subcommand, argparse.Namespace]:
    """Reads the arguments; raises ``SystemExit`` after a message if they make no sense."""
    # Split here, because Python versions differ in what becomes of the two dashes where there are subcommands.
    end = argv.index("--") if "--" in argv else len(argv)
    ours, for_pytest = argv[:end], tuple(argv[end + 1 :])
    parser = _parser()
    arguments, unknown = parser.parse_known_args(ours)
    words = " ".join(unknown or for_pytest)
    if arguments.calls_pytest:
        if unknown:
            name = arguments.command
            parser.error(f"no argument of this command: {words}; pytest's own come after --: {name} -- {words}")
    elif words:
        parser.error(f"no argument of this command: {words}")
    arguments.for_pytest = for_pytest
    return arguments.subcommand, arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-cortex",
        description="What takes many runs of pytest, or none.  Gates and reports are options of pytest itself: "
        "pytest --help",
        epilog="pytest-cortex calibrate --help tells more, and so for each command",
        **PARSER_STYLE,
    )
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    for subcommand in SUBCOMMANDS:
        subcommand.add_parser(commands).set_defaults(subcommand=subcommand)
    return parser
