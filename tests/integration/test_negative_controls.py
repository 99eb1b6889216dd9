"""What is not parallel never passes, and what is never fails, on real threads and real time.

How often, over hundreds of measurements, is in ``reports/error-rates.md``; here each is seen once or twice, on whatever
machine this is: a disturbed one may leave anything INCONCLUSIVE.
"""

from contextlib import AbstractContextManager
from typing import Any

import pytest
from controls import CONTROLS, HEALTHY, Control, busy_loops, judged, one_cpu, traced

from pytest_cortex.judging.gate import Outcome

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_control_never_passes(control: Control) -> None:
    """And where the machine lets it be measured, it fails."""
    verdict = judged(control, seed=1)
    assert verdict.outcome is not Outcome.PASS
    assert verdict.outcome is Outcome.FAIL or "did not count" in verdict.reason or verdict.rounds < 60


@pytest.mark.parametrize("around", [busy_loops(4), traced(), one_cpu()], ids=["load", "tracer", "one CPU"])
def test_no_circumstances_make_a_control_pass(around: AbstractContextManager[Any]) -> None:
    with around:
        verdicts = [judged(control, seed=2) for control in CONTROLS]
    assert Outcome.PASS not in {verdict.outcome for verdict in verdicts}


@pytest.mark.parametrize("around", [busy_loops(4), traced(), one_cpu()], ids=["load", "tracer", "one CPU"])
def test_no_circumstances_make_a_healthy_program_fail(around: AbstractContextManager[Any]) -> None:
    """With ample headroom: 4 workers that only wait, and a limit of 3."""
    with around:
        verdict = judged(HEALTHY, seed=3)
    assert verdict.outcome is not Outcome.FAIL


def test_a_tracer_is_named() -> None:
    with traced():
        verdict = judged(HEALTHY, seed=4)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "tracer" in verdict.reason
