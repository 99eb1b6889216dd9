"""Which measurements a chart shows where there are too many for one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_cortex.reporting.rows import Row

_URGENCY = ("FAIL", "ERROR", "INCONCLUSIVE")


def most_telling(shown: Sequence[Row], most: int, weight: Callable[[int], float] = lambda _index: 0.0) -> list[int]:
    """Returns the indices of *most* rows in their order: what did not pass before the rest, then the weightiest.

    Args:
        shown: All rows.
        most: How many there is room for.
        weight: By index; of equal ones the earlier row stays.
    """
    ranked = sorted(range(len(shown)), key=lambda index: (_urgency(shown[index]), -weight(index)))
    return sorted(ranked[:most])


def _urgency(row: Row) -> int:
    return _URGENCY.index(row.verdict) if row.verdict in _URGENCY else len(_URGENCY)


def left_out(shown: int, total: int, *, order: str = "") -> str:
    """Returns a line that says how many measurements a chart leaves out; empty if none.

    Args:
        shown: How many it shows.
        total: How many there are to show.
        order: What goes first after those that did not pass.
    """
    if shown == total:
        return ""
    return f"{total - shown} of {total} measurements are not shown: first come those that did not pass{order}."
