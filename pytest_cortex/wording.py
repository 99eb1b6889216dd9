"""Numbers and names as people read them, the same in the terminal, in messages, in the summary and in the charts."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ELLIPSIS = "…"
MISSING = "–"
MOST_NAMED = 3

PHASES = (
    "pre-validation",
    "preparation",
    "environment",
    "dependencies",
    "processing",
    "features",
    "validation",
    "finalization",
)
"""By their place, as records have it."""


def finite(value: float | None) -> float | None:
    """Returns *value*, or None where there is no number to show."""
    return value if value is not None and math.isfinite(value) else None


def ratio(value: float | None) -> str:
    """Returns a speedup or an efficiency with two decimals, fewer for large ones; a dash for None."""
    if value is None:
        return MISSING
    if abs(value) < 100:
        return f"{value:.2f}"
    return f"{value:.0f}" if abs(value) < 1e6 else f"{value:.3g}"


def seconds(value_s: float) -> str:
    """Returns a duration with milliseconds, or with three digits where it is shorter than a second."""
    return f"{value_s:.3f} s" if abs(value_s) >= 1 else f"{value_s:#.3g} s"


def interval(low: float | None, high: float | None) -> str:
    """Returns ``(low–high)``, with a question mark for an end that is not known; empty without both."""
    if low is None and high is None:
        return ""
    ends = ("?" if end is None else ratio(end) for end in (low, high))
    return f"({'–'.join(ends)})"


def estimate(value: float | None, low: float | None, high: float | None) -> str:
    """Returns a value and its interval."""
    return "not measured" if value is None else f"{ratio(value)} {interval(low, high)}".rstrip()


def plural(count: int, noun: str) -> str:
    """Returns *count* and *noun* in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(things: Sequence[str]) -> str:
    """Returns the first few of *things*, and how many more there are."""
    more = len(things) - MOST_NAMED
    return ", ".join(things[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def printable(text: str) -> str:
    r"""Returns *text* on one line: what cannot be printed becomes its Python escape, such as ``\n``.

    That covers line ends, control characters, lone surrogates, and the marks that reverse the direction of
    writing, with which a name could pose as another.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def cells(text: str) -> int:
    """Returns how many columns of a terminal *text* takes."""
    return sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, limit: float, measure: Callable[[str], float] = cells) -> str:
    """Returns *text*, its middle replaced by an ellipsis if it is longer than *limit*.

    The middle goes because both ends of a test id tell tests apart: the folder, and the parameters.

    Args:
        text: One line.
        limit: The most that *measure* may say of the result; at least one ellipsis is kept.
        measure: The width of a text: columns of a terminal, or inches on paper.
    """
    if measure(text) <= limit:
        return text
    kept = bisect_right(range(len(text)), limit, key=lambda count: measure(_without_middle(text, count)))
    return _without_middle(text, max(kept - 1, 0))


def _without_middle(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    return text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]
