"""Gates that never decide guard nothing: how often each was INCONCLUSIVE in a row, from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_cortex.judging.gate import Outcome, Verdict


class Streaks:
    """How often each gate was INCONCLUSIVE in a row, from run to run.

    Args:
        stored: What an earlier run left: ``{key: {"streak": n, "inconclusive": n, "runs": n}}``.

    Attributes:
        counts: The same, brought up to date.
    """

    def __init__(self, stored: Mapping[str, Mapping[str, int]]) -> None:
        self.counts = {key: dict(value) for key, value in stored.items()}

    def judged(self, key: str, verdict: Verdict, *, most: int) -> Verdict:
        """Counts *verdict*; returns FAIL in its place if it is INCONCLUSIVE for the *most*-th time in a row."""
        undecided = verdict.outcome is Outcome.INCONCLUSIVE
        count = self.counts.setdefault(key, {"streak": 0, "inconclusive": 0, "runs": 0})
        count["runs"] += 1
        count["inconclusive"] += undecided
        count["streak"] = count["streak"] + 1 if undecided else 0
        if count["streak"] < most:
            return verdict
        return replace(
            verdict,
            outcome=Outcome.FAIL,
            reason=f"INCONCLUSIVE in {count['streak']} runs in a row (--cortex-max-inconclusive={most}), so the gate "
            f"guards nothing; this time: {verdict.reason}",
        )
