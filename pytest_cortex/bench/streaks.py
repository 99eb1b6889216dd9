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
        self._stored = {key: dict(value) for key, value in stored.items()}
        self.counts = dict(self._stored)

    def judged(self, key: str, verdict: Verdict, *, most: int) -> Verdict:
        """Counts *verdict*; returns FAIL in its place if it is INCONCLUSIVE in the *most*-th run in a row.

        A test that is run again within one run (a plugin's reruns) is counted once, by its last attempt.
        """
        undecided = verdict.outcome is Outcome.INCONCLUSIVE
        before = self._stored.get(key, {"streak": 0, "inconclusive": 0, "runs": 0})
        count = self.counts[key] = {
            "streak": before["streak"] + 1 if undecided else 0,
            "inconclusive": before["inconclusive"] + undecided,
            "runs": before["runs"] + 1,
        }
        if count["streak"] < most:
            return verdict
        return replace(
            verdict,
            outcome=Outcome.FAIL,
            reason=f"INCONCLUSIVE in {count['streak']} runs in a row (--cortex-max-inconclusive={most}), so the gate "
            f"guards nothing; this time: {verdict.reason}",
        )
