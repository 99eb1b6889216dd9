"""How far a measurement is, in words: for people who wait for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_cortex.wording import cells, plural, printable, ratio, shorten

if TYPE_CHECKING:
    from pytest_cortex.measuring.rounds import Progress

_LONGEST_NAME = 40  # columns


def status(name: str, progress: Progress, *, room: int) -> str:
    """Returns how it stands while it is measured, in as many words as there is room for; empty where there is none.

    Args:
        name: What is measured.
        progress: How far it is.
        room: Columns of the terminal.
    """
    label = shorten(printable(name), _LONGEST_NAME)
    return next((words for words in _from_long_to_short(label, progress) if cells(words) <= room), "")


def _from_long_to_short(label: str, progress: Progress) -> Iterator[str]:
    if not progress.horizon:
        yield f"{label}: warming up"
        yield "warming up"
        return
    place = f"round {progress.counted} of at most {progress.horizon}"
    known = ", ".join([place, *_disturbed(progress), *_speedup(progress)])
    yield f"{label}: {known}, {math.ceil(progress.left_s)} s left"
    yield f"{label}: {known}"
    yield known
    yield place
    yield f"{progress.counted}/{progress.horizon}"


def finished(name: str, progress: Progress) -> str:
    """Returns what a measurement took, once it is over."""
    took = f"{plural(progress.counted, 'round')} in {progress.spent_s:.1f} s"
    return f"{printable(name)}: {', '.join([took, *_disturbed(progress), *_speedup(progress)])}"


def _disturbed(progress: Progress) -> list[str]:
    return [f"{progress.spoilt} disturbed"] if progress.spoilt else []


def _speedup(progress: Progress) -> list[str]:
    return [] if progress.speedup is None else [f"speedup {ratio(progress.speedup)}"]
