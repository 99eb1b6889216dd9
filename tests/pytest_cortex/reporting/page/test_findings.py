"""What somebody has to do something about comes first, with its reason and its causes."""

from dataclasses import replace

import pytest
from sample_records import EXPLAINED, MEASURED, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord
from pytest_cortex.reporting.complaints import complaints
from pytest_cortex.reporting.page.findings import MEANINGS, Group, groups_of
from pytest_cortex.reporting.page.measured import all_measured
from pytest_cortex.reporting.rows import rows


def groups(*records: MeasurementRecord) -> tuple[Group, ...]:
    return groups_of(all_measured(session(*records)))


def judged(outcome: Outcome, base: MeasurementRecord = MEASURED) -> MeasurementRecord:
    return replace(base, verdicts=(verdict(outcome),))


def test_worst_comes_first() -> None:
    stopped = replace(UNMEASURED, error="deadlock")
    stale = replace(judged(Outcome.PASS), warnings=("raise the limit",))
    shown = groups(MEASURED, stale, judged(Outcome.INCONCLUSIVE), stopped, judged(Outcome.FAIL))
    assert [group.verdict for group in shown] == ["FAIL", "ERROR", "INCONCLUSIVE", "WARNING", "PASS", "no gate"]


def test_failure_names_gate_reason_and_causes() -> None:
    (group,) = groups(judged(Outcome.FAIL, EXPLAINED))
    (finding,) = group.findings
    assert (finding.gate, finding.said) == ("min_speedup=3.4 from marker", "because")
    assert finding.causes == EXPLAINED.causes


def test_success_names_gate_and_reason_but_no_cause() -> None:
    """Nobody asked why it is no faster."""
    (group,) = groups(judged(Outcome.PASS, EXPLAINED))
    (finding,) = group.findings
    assert (finding.gate, finding.said, finding.causes) == ("min_speedup=3.4 from marker", "because", ())


def test_page_complains_of_what_terminal_and_summary_complain_of() -> None:
    record = session(judged(Outcome.FAIL), replace(judged(Outcome.PASS), warnings=("old",)), UNMEASURED)
    shown = {
        (group.verdict, finding.label, finding.said)
        for group in groups_of(all_measured(record))
        if group.verdict not in {"PASS", "no gate"}
        for finding in group.findings
    }
    assert shown == {(each.verdict, each.label, each.reason) for each in complaints(record)}


def test_measurement_with_two_verdicts_is_in_both_groups() -> None:
    both = replace(MEASURED, verdicts=(verdict(Outcome.PASS), verdict(Outcome.FAIL)))
    assert [(group.verdict, group.findings[0].anchor) for group in groups(both)] == [("FAIL", "m1"), ("PASS", "m1")]


def test_measurement_without_a_gate_shows_its_speedup() -> None:
    (group,) = groups(MEASURED)
    assert group.findings[0].said == "speedup 3.92 (3.90–3.95)"


@pytest.mark.parametrize(("outcome", "folded"), [(Outcome.PASS, True), (Outcome.FAIL, False)])
def test_many_good_news_are_folded_and_bad_ones_never(outcome: Outcome, folded: bool) -> None:  # noqa: FBT001 - a parameter
    (group,) = groups(*[judged(outcome)] * 9)
    assert group.folded is folded


def test_every_verdict_that_a_row_can_have_has_a_meaning() -> None:
    records = [*map(judged, Outcome), MEASURED, replace(UNMEASURED, error="deadlock")]
    assert {row.verdict for row in rows(session(*records))} <= MEANINGS.keys()
