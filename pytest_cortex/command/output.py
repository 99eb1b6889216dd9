"""What the subcommands print, and what their parsers have in common."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

PARSER_STYLE: Mapping[str, Any] = {
    "formatter_class": argparse.RawDescriptionHelpFormatter,  # paragraphs stay as they are written
    "allow_abbrev": False,
}
"""How every parser looks."""

COLOURS = {"green": 32, "yellow": 33, "red": 31, "bold": 1}


def show(text: str) -> None:
    """Writes *text* to the standard output, also where the terminal cannot show all of its characters.

    After a long time of measuring, a name that cannot be shown is no reason to show nothing.
    """
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(text: str) -> None:
    """Writes a line about how it goes on to the standard error, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def has_colours(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """True if *stream* is a terminal that shows colours, and nobody has asked for none."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def coloured(text: str, colour: str) -> str:
    """Returns *text* with the codes that make a terminal show it in *colour*, a key of ``COLOURS``."""
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def new_file(word: str) -> Path:
    """Reads the name of a file to write.

    Raises:
        argparse.ArgumentTypeError: If it is a folder, or in none that exists.
    """
    path = Path(word)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{word!r} cannot be written; a file in a folder that exists is wanted")
    return path
