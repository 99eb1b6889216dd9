"""What the graph and the machine add to a verdict, and what they take from it."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_cortex.judging.conditions import Ceiling, Conditions, final_verdict, verdict_without_rounds
from pytest_cortex.judging.gate import Gate, Outcome, Verdict

CALM = Conditions(workers=4, usable_cpus=8, cpu_bound=False, tracer=None, load_average=None, ceiling=None)
GATE = Gate(min_speedup=3.5)
PASSED = GATE.decide(sequential_s=[4.0] * 60, parallel_s=[1.0] * 60)
FAILED = GATE.decide(sequential_s=[2.0] * 60, parallel_s=[1.0] * 60)
UNDECIDED = GATE.decide(sequential_s=[4.0, 2.0] * 30, parallel_s=[1.0, 1.0] * 30)


def ceiling(speedup: float) -> Ceiling:
    return Ceiling(speedup=speedup, because="a → b")


def conditions(**changes: Any) -> Conditions:
    return replace(CALM, **changes)


# Without rounds -------------------------------------------------------------------------------------------------------


def test_it_takes_rounds_when_neither_the_graph_nor_the_machine_has_decided() -> None:
    assert verdict_without_rounds(GATE, CALM) is None


def test_limit_above_the_ceiling_fails() -> None:
    verdict = verdict_without_rounds(GATE, conditions(ceiling=ceiling(3.0)))
    assert verdict == Verdict(
        outcome=Outcome.FAIL,
        rounds=0,
        speedup=None,
        speedup_low=None,
        speedup_high=None,
        reason="the limit 3.50 is above 3.00, the most this graph allows on 4 workers: a → b",
    )


@pytest.mark.parametrize("speedup", [3.5, 3.5 * (1 - 1e-12), 4.0])
def test_limit_at_or_below_the_ceiling_takes_rounds_to_judge(speedup: float) -> None:
    assert verdict_without_rounds(GATE, conditions(ceiling=ceiling(speedup))) is None


def test_limit_of_an_efficiency_gate_is_compared_as_a_speedup() -> None:
    gate = Gate(min_efficiency=0.9, workers=4)
    assert verdict_without_rounds(gate, conditions(ceiling=ceiling(3.7))) is None
    assert verdict_without_rounds(gate, conditions(ceiling=ceiling(3.5))) is not None


def test_tracer_makes_it_inconclusive_and_is_named() -> None:
    verdict = verdict_without_rounds(GATE, conditions(tracer="tracer of coverage"))
    assert verdict is not None
    assert (verdict.outcome, verdict.rounds) == (Outcome.INCONCLUSIVE, 0)
    assert verdict.reason.startswith("a tracer of coverage is active and slows Python code many times over")
    assert "--no-cov" in verdict.reason


def test_tracer_does_not_hide_a_limit_above_the_ceiling() -> None:
    verdict = verdict_without_rounds(GATE, conditions(tracer="tracer of coverage", ceiling=ceiling(3.0)))
    assert verdict is not None
    assert verdict.outcome is Outcome.FAIL


# With rounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [PASSED, FAILED, UNDECIDED], ids=lambda verdict: verdict.outcome)
def test_verdict_stays_what_it_is_in_calm_conditions(verdict: Verdict) -> None:
    assert final_verdict(GATE, verdict, CALM) == verdict


def test_failure_is_inconclusive_for_a_cpu_bound_program_with_fewer_cpus_than_workers() -> None:
    verdict = final_verdict(GATE, FAILED, conditions(cpu_bound=True, usable_cpus=1.5))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason == (
        f"{FAILED.reason}; but the program is CPU-bound, and 1.5 usable CPUs for 4 workers cannot be expected to show "
        "a speedup of 3.50"
    )


def test_failure_stands_when_even_the_few_cpus_would_do_for_the_limit() -> None:
    """Threads that wait for each other's GIL are to blame for it, not the machine."""
    modest = Gate(min_speedup=1.5)
    assert final_verdict(modest, FAILED, conditions(cpu_bound=True, usable_cpus=2.0)) == FAILED


@pytest.mark.parametrize(
    "changes", [{"cpu_bound": True, "usable_cpus": 4}, {"usable_cpus": 1}, {"cpu_bound": None, "usable_cpus": 1}]
)
def test_failure_stands_when_cpus_are_not_what_is_missing(changes: dict[str, Any]) -> None:
    assert final_verdict(GATE, FAILED, conditions(**changes)) == FAILED


@pytest.mark.parametrize(("usable_cpus", "outcome"), [(4.0, Outcome.INCONCLUSIVE), (5.0, Outcome.FAIL)])
def test_failure_stands_when_there_are_cpus_enough_for_the_limit_though_not_for_the_workers(
    usable_cpus: float, outcome: Outcome
) -> None:
    few = conditions(workers=8, cpu_bound=True, usable_cpus=usable_cpus)
    assert final_verdict(GATE, FAILED, few).outcome is outcome


def test_pass_stands_although_there_are_fewer_cpus_than_workers() -> None:
    assert final_verdict(GATE, PASSED, conditions(cpu_bound=True, usable_cpus=1)) == PASSED


NEAR = "the limit is 97% of the graph's ceiling 3.60, which leaves little room for overhead and uneven shares"


@pytest.mark.parametrize("verdict", [PASSED, FAILED, UNDECIDED], ids=lambda verdict: verdict.outcome)
def test_limit_near_the_ceiling_is_judged_as_usual_and_said_so(verdict: Verdict) -> None:
    final = final_verdict(GATE, verdict, conditions(ceiling=ceiling(3.6)))
    assert final == replace(verdict, reason=f"{verdict.reason}; {NEAR}")


@pytest.mark.parametrize("verdict", [PASSED, FAILED], ids=lambda verdict: verdict.outcome)
def test_limit_near_the_ceiling_is_all_that_is_said_where_something_was_decided(verdict: Verdict) -> None:
    busy = conditions(ceiling=ceiling(3.6), spoilt=("steal 5 %",), load_average=2.0)
    assert final_verdict(GATE, verdict, busy).reason == f"{verdict.reason}; {NEAR}"


def test_limit_near_the_ceiling_does_not_hide_what_else_kept_it_from_being_decided() -> None:
    busy = conditions(ceiling=ceiling(3.6), spoilt=("steal 5 %",), load_average=2.0)
    assert final_verdict(GATE, UNDECIDED, busy) == replace(
        UNDECIDED,
        reason=f"{UNDECIDED.reason}; {NEAR}; 1 round was disturbed from outside and did not count, e.g. steal 5 %; "
        "load average 2.0",
    )


def test_limit_with_room_below_the_ceiling_needs_no_remark() -> None:
    assert final_verdict(GATE, PASSED, conditions(ceiling=ceiling(4.0))) == PASSED


def test_load_is_told_where_nothing_could_be_decided() -> None:
    assert final_verdict(GATE, UNDECIDED, conditions(load_average=2.34)).reason.endswith("; load average 2.3")


@pytest.mark.parametrize("verdict", [PASSED, FAILED], ids=lambda verdict: verdict.outcome)
def test_load_is_not_told_where_something_was_decided(verdict: Verdict) -> None:
    assert final_verdict(GATE, verdict, conditions(load_average=2.34)) == verdict


def test_disturbed_rounds_are_told_with_an_example_where_nothing_could_be_decided() -> None:
    verdict = final_verdict(GATE, UNDECIDED, conditions(spoilt=("steal 5 %", "throttled")))
    assert verdict.reason == (
        f"{UNDECIDED.reason}; 2 rounds were disturbed from outside and did not count, e.g. steal 5 %"
    )


def test_a_single_disturbed_round_is_told_as_one() -> None:
    verdict = final_verdict(GATE, UNDECIDED, conditions(spoilt=("steal 5 %",)))
    assert verdict.reason.endswith("; 1 round was disturbed from outside and did not count, e.g. steal 5 %")


def test_disturbed_rounds_are_told_before_the_load() -> None:
    reason = final_verdict(GATE, UNDECIDED, conditions(spoilt=("steal 5 %",), load_average=2.0)).reason
    assert reason.endswith("e.g. steal 5 %; load average 2.0")


@pytest.mark.parametrize("verdict", [PASSED, FAILED], ids=lambda verdict: verdict.outcome)
def test_disturbed_rounds_neither_move_a_verdict_nor_are_told_with_it(verdict: Verdict) -> None:
    assert final_verdict(GATE, verdict, conditions(spoilt=("steal 5 %",) * 30)) == verdict


def test_disturbed_rounds_decide_nothing_before_there_is_a_verdict() -> None:
    assert verdict_without_rounds(GATE, conditions(spoilt=("steal 5 %",) * 30)) is None
