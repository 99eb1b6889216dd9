"""What a program's speedup was from run to run, on one kind of machine; nothing here reads files or draws.

Whoever keeps the runs makes one series per program and machine; the chart of the history shows each as a panel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_cortex.judging.gate import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One run of one program.

    Attributes:
        created_at: When the run was, ISO 8601, UTC.
        speedup: Median speedup over the rounds that counted.
        low: Lower end of its interval; None where the rounds were too few for one.
        high: Upper end of its interval; None as *low*.
        limit: The limit that decided, as a speedup; None without such a gate.
        outcome: The measurement's outcome; None without a gate.
    """

    created_at: str
    speedup: float
    low: float | None
    high: float | None
    limit: float | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySeries:
    """All runs of one program on one kind of machine: only these can be compared.

    Attributes:
        test: The pytest node id.
        name: The scenario's name, or the test's.
        workers: P.
        machine: Fingerprint of the kind of machine, on one line.
        points: By time, oldest first.
    """

    test: str
    name: str
    workers: int
    machine: str
    points: tuple[HistoryPoint, ...]
