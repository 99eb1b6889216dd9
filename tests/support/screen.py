"""What a terminal shows after everything that was written to it."""

from __future__ import annotations

import re

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def screen(written: str) -> list[str]:
    """Returns the lines of a terminal that is wide enough; colours and the like are left out.

    It knows what moves the cursor here: line feed, carriage return and backspace, which erase nothing.
    """
    rows: list[list[str]] = [[]]
    row = column = 0
    for char in _CODES.sub("", written):
        if char == "\n":
            row, column = row + 1, 0
            rows += [[]] * (row == len(rows))
        elif char == "\r":
            column = 0
        elif char == "\b":
            column = max(0, column - 1)
        else:
            rows[row] += " " * (column + 1 - len(rows[row]))
            rows[row][column] = char
            column += 1
    return ["".join(line).rstrip() for line in rows]
