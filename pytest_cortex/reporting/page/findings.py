"""The verdicts, those first that somebody has to do something about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting.complaints import complaints_of, gate_text
from pytest_cortex.wording import estimate

if TYPE_CHECKING:
    from pytest_cortex.reporting.page.measured import Measured

# The order of the groups, and what each means; PASS and what had no gate come last.
MEANINGS = {
    "FAIL": "proven below the limit",
    "ERROR": "stopped early",
    "INCONCLUSIVE": "neither proven",
    "WARNING": "worth a look",
    "PASS": "proven not below the limit",
    "no gate": "measured, not judged",
}
_MOST_OPEN = 8  # as many good news do not push the rest off the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one gate said, or why there is no verdict.

    Attributes:
        anchor: Id of the measurement's details.
        label: Which measurement.
        gate: The gate, its limit and where that comes from; empty where none spoke.
        said: One sentence.
        causes: Why it is no faster, as far as the data show it; only of what did not pass.
    """

    anchor: str
    label: str
    gate: str
    said: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All findings of one kind.

    Attributes:
        verdict: FAIL, ERROR, INCONCLUSIVE, WARNING, PASS or ``no gate``.
        meaning: In a few words.
        findings: In the order they were measured.
        folded: True if the group is closed until somebody opens it.
    """

    verdict: str
    meaning: str
    findings: tuple[Finding, ...]
    folded: bool


def groups_of(all_of_them: Sequence[Measured]) -> tuple[Group, ...]:
    """Returns the findings in groups, the worst first; no empty ones."""
    by_verdict: dict[str, list[Finding]] = {verdict: [] for verdict in MEANINGS}
    for one in all_of_them:
        for verdict, finding in (*_complained(one), *_passed(one), *_not_judged(one)):
            by_verdict[verdict].append(finding)
    return tuple(_group(verdict, found) for verdict, found in by_verdict.items() if found)


def _group(verdict: str, found: Sequence[Finding]) -> Group:
    good = verdict in {"PASS", "no gate"}
    return Group(
        verdict=verdict,
        meaning=MEANINGS[verdict],
        findings=tuple(found),
        folded=good and len(found) > _MOST_OPEN,
    )


def _complained(one: Measured) -> Iterator[tuple[str, Finding]]:
    for complaint in complaints_of(one.label, one.record):
        yield (
            complaint.verdict,
            Finding(
                anchor=one.anchor,
                label=one.label,
                gate=complaint.gate,
                said=complaint.reason,
                causes=complaint.causes,
            ),
        )


def _passed(one: Measured) -> Iterator[tuple[str, Finding]]:
    for verdict in one.record.verdicts:
        if verdict.outcome is Outcome.PASS:
            found = Finding(anchor=one.anchor, label=one.label, gate=gate_text(verdict), said=verdict.reason)
            yield "PASS", found


def _not_judged(one: Measured) -> Iterator[tuple[str, Finding]]:
    if not one.record.verdicts and one.record.error is None:
        row = one.row
        said = f"speedup {estimate(row.speedup, row.low, row.high)}"
        yield "no gate", Finding(anchor=one.anchor, label=one.label, gate="", said=said)
