"""The contract of a verdict: what it says, what it depends on, and what is refused."""

import math
import pickle
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_cortex.judging.evidence import Decision
from pytest_cortex.judging.gate import Gate, InvalidRounds, Outcome, Verdict

MIRROR = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS, Outcome.INCONCLUSIVE: Outcome.INCONCLUSIVE}

times = st.lists(st.tuples(st.floats(0.5, 2.0), st.floats(0.5, 2.0)), max_size=70)
# Runs of one speedup, since independent draws around the limit hardly ever decide.
streaky_times = st.lists(st.tuples(st.floats(0.5, 2.0), st.integers(1, 25)), max_size=8).map(
    lambda runs: [(ratio, 1.0) for ratio, length in runs for _ in range(length)]
)


def decide(gate: Gate, pairs: Sequence[tuple[float, float]]) -> Verdict:
    return gate.decide(sequential_s=[a for a, _ in pairs], parallel_s=[b for _, b in pairs])


def constant(speedup: float, *, rounds: int = 60, **gate: Any) -> Verdict:
    return Gate(**{"min_speedup": 3.5, **gate}).decide(sequential_s=[speedup] * rounds, parallel_s=[1.0] * rounds)


def test_decide_when_the_speedup_holds() -> None:
    assert constant(4.0) == Verdict(
        outcome=Outcome.PASS,
        rounds=12,
        speedup=4.0,
        speedup_low=4.0,
        speedup_high=4.0,
        reason="speedup 4.00 (4.00 to 4.00) is proven not below 3.43 (3.50 less 2 %) after 12 rounds",
    )


def test_decide_when_the_speedup_is_lost() -> None:
    verdict = constant(1.0)
    assert (verdict.outcome, verdict.rounds) == (Outcome.FAIL, 12)
    assert verdict.reason == ("speedup 1.00 (1.00 to 1.00) is proven below 3.43 (3.50 less 2 %) after 12 rounds")


def test_decide_when_the_speedup_is_within_the_margin() -> None:
    assert constant(3.45).outcome is Outcome.PASS


def test_decide_when_the_margin_is_zero() -> None:
    verdict = constant(3.45, margin=0)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.endswith("is proven below 3.50 after 12 rounds")


def test_decide_when_every_round_hits_the_limit_exactly() -> None:
    assert constant(3.5, margin=0).outcome is Outcome.PASS


def test_decide_when_half_of_the_rounds_are_below() -> None:
    verdict = decide(Gate(min_speedup=1.0, margin=0), [(1.25, 1.0), (0.8, 1.0)] * 30)
    assert (verdict.outcome, verdict.rounds) == (Outcome.INCONCLUSIVE, 60)
    # 44 of 60 must be below; the 30 that are not all stand at 1.25, and lowering those by a fifth ties them.
    assert verdict.reason == (
        "speedup 1.00 (0.80 to 1.25) is proven neither below nor not below 1.00 after 60 of at most 60 rounds, "
        "30 of them below; with this noise, 0.79 or less would have been found (20.1 % lower)"
    )


def test_decide_when_rounds_drift_says_why_it_holds_back() -> None:
    drifting = [(math.exp(-0.1 + 0.005 * i), 1.0) for i in range(16)]
    verdict = decide(Gate(min_speedup=1.0, margin=0), drifting)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (
        "after 16 of at most 60 rounds, 16 of them below: enough if rounds were independent, "
        "but they may depend on each other or drift; "
    ) in verdict.reason


def test_decide_when_no_round_is_given() -> None:
    verdict = constant(4.0, rounds=0)
    assert (verdict.outcome, verdict.rounds, verdict.speedup) == (Outcome.INCONCLUSIVE, 0, None)
    assert verdict.reason == "speedup unknown: no round counted towards 3.43 (3.50 less 2 %)"


def test_decide_when_one_round_is_given() -> None:
    verdict = constant(4.0, rounds=1)
    assert (verdict.outcome, verdict.speedup, verdict.speedup_low) == (Outcome.INCONCLUSIVE, 4.0, None)
    assert verdict.reason.endswith(
        "after 1 of at most 60 rounds, 0 of them below; no drop could have been found in so few"
    )


def test_decide_when_the_horizon_is_too_short_to_prove_anything() -> None:
    verdict = constant(4.0, horizon=8)
    assert (verdict.outcome, verdict.rounds) == (Outcome.INCONCLUSIVE, 8)
    assert verdict.reason == "a horizon of 8 proves nothing at alpha 0.001; allow 11 rounds or more"


def test_decide_when_the_limit_is_an_efficiency() -> None:
    verdict = constant(3.0, min_speedup=None, min_efficiency=0.85, workers=4)
    assert verdict.outcome is Outcome.FAIL
    assert "is proven below 3.33 (efficiency 0.85 on 4 workers less 2 %)" in verdict.reason


def test_decide_counts_good_rounds_only() -> None:
    """A spoiled round is no evidence, neither for nor against."""
    verdict = Gate(min_speedup=2.0).decide([3.0, 1.0] * 12, [1.0] * 24, quality=[True, False] * 12)
    assert (verdict.outcome, verdict.rounds, verdict.speedup) == (Outcome.PASS, 12, 3.0)


def test_decide_when_rounds_were_left_out_says_so_if_they_are_missed() -> None:
    verdict = Gate(min_speedup=2.0).decide([3.0] * 12, [1.0] * 12, quality=[True, False] * 6)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason.endswith("; 6 of 12 rounds did not count")


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_decide_takes_every_kind_of_sequence(kind: Any) -> None:
    assert Gate(min_speedup=2.0).decide(kind([3.0] * 12), kind([1.0] * 12), kind([True] * 12)) == constant(
        3.0, min_speedup=2.0
    )


def test_decide_pairs_by_position_not_by_label() -> None:
    sequential = pd.Series([3.0] * 12, index=range(100, 112))
    assert Gate(min_speedup=2.0).decide(sequential, pd.Series([1.0] * 12)).outcome is Outcome.PASS


@given(pairs=streaky_times, more=times)
@example(pairs=[(2.0, 1.0)] * 12, more=[(0.5, 1.0)] * 60)
@example(pairs=[(0.5, 1.0)] * 12, more=[(2.0, 1.0)] * 60)
def test_decide_when_decided_is_the_same_whatever_comes_later(
    pairs: list[tuple[float, float]], more: list[tuple[float, float]]
) -> None:
    gate = Gate(min_speedup=1.0)
    verdict = decide(gate, pairs)
    if verdict.outcome is not Outcome.INCONCLUSIVE or verdict.rounds == gate.horizon:
        assert decide(gate, pairs[: verdict.rounds]) == decide(gate, pairs + more) == verdict


@given(pairs=streaky_times)
def test_decide_before_its_own_round_count_is_undecided(pairs: list[tuple[float, float]]) -> None:
    """``rounds`` is where the decision fell: one round less would not have decided."""
    gate = Gate(min_speedup=1.0)
    verdict = decide(gate, pairs)
    assert verdict.rounds == 0 or decide(gate, pairs[: verdict.rounds - 1]).outcome is Outcome.INCONCLUSIVE


@given(pairs=times | streaky_times)
def test_decide_is_the_fold_of_update(pairs: list[tuple[float, float]]) -> None:
    gate = Gate(min_speedup=1.0)
    evidence = gate.evidence()
    for sequential_s, parallel_s in pairs:
        if evidence.update(sequential_s=sequential_s, parallel_s=parallel_s) is not Decision.UNDECIDED:
            break
    assert gate.verdict(evidence) == decide(gate, pairs)


@given(pairs=streaky_times)
@example(pairs=[(1.5, 1.0)] * 12)
def test_decide_when_the_arms_change_places(pairs: list[tuple[float, float]]) -> None:
    """Limit 0.7 one way is limit 1 / 0.7 the other way, and PASS is FAIL.  No ratio drawn is likely to tie."""
    there = decide(Gate(min_speedup=0.7, margin=0), [pair for pair in pairs if abs(pair[0] - 0.7) > 1e-9])
    back = decide(Gate(min_speedup=1 / 0.7, margin=0), [(b, a) for a, b in pairs if abs(a - 0.7) > 1e-9])
    assert (back.outcome, back.rounds) == (MIRROR[there.outcome], there.rounds)


@given(pairs=streaky_times, exponent=st.integers(-30, 30))
def test_decide_when_the_clock_ticks_in_another_unit(pairs: list[tuple[float, float]], exponent: int) -> None:
    gate, unit = Gate(min_speedup=1.0), 2.0**exponent
    assert decide(gate, [(a * unit, b * unit) for a, b in pairs]) == decide(gate, pairs)


def test_decide_when_lengths_differ() -> None:
    with pytest.raises(
        InvalidRounds, match=r"must be equally long, one entry each per round, got \(2, 1, 2\)"
    ) as caught:
        Gate(min_speedup=2.0).decide([3.0, 3.0], [1.0])
    assert caught.value.index is None


def test_decide_when_quality_has_another_length() -> None:
    with pytest.raises(InvalidRounds, match=r"got \(2, 2, 3\)"):
        Gate(min_speedup=2.0).decide([3.0, 3.0], [1.0, 1.0], [True] * 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0, None, "1.0"])
def test_decide_when_a_time_is_no_time(bad: Any) -> None:
    with pytest.raises(InvalidRounds, match=r"^round 1: sequential_s must be a finite number of seconds above 0, got"):
        Gate(min_speedup=2.0).decide([3.0, bad, 3.0], [1.0, 1.0, 1.0])


def test_decide_when_the_verdict_fell_before_the_bad_time() -> None:
    """Broken data is broken: that it would not have been needed is no reason to swallow it."""
    with pytest.raises(InvalidRounds, match=r"^round 40: parallel_s"):
        Gate(min_speedup=2.0).decide([3.0] * 41, [1.0] * 40 + [math.nan])


def test_decide_when_a_round_that_does_not_count_has_a_bad_time() -> None:
    with pytest.raises(InvalidRounds, match=r"^round 1: parallel_s"):
        Gate(min_speedup=2.0).decide([3.0, 3.0], [1.0, math.nan], [True, False])


@pytest.mark.parametrize("bad", [0.03, None, "False"])
def test_decide_when_quality_is_no_truth_value(bad: Any) -> None:
    """A share of noise is not a judgement of it; as a truth value it would always count."""
    with pytest.raises(InvalidRounds, match=r"^round 0: quality must be True where the round counts, else False"):
        Gate(min_speedup=2.0).decide([3.0], [1.0], [bad])


def test_invalid_rounds_of_decide_survives_pickling() -> None:
    with pytest.raises(InvalidRounds) as caught:
        Gate(min_speedup=2.0).decide([3.0, -1.0], [1.0, 1.0])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.index, copy.value) == (InvalidRounds, str(caught.value), 1, -1.0)


def test_verdict_says_why_no_more_rounds_came() -> None:
    gate = Gate(min_speedup=2.0)
    assert gate.verdict(gate.evidence(), because="the time budget is spent").reason.endswith(
        "; the time budget is spent"
    )


def test_verdict_when_decided_needs_no_excuse() -> None:
    gate = Gate(min_speedup=2.0)
    evidence = gate.evidence()
    for _ in range(12):
        evidence.update(sequential_s=3.0, parallel_s=1.0)
    assert "budget" not in gate.verdict(evidence, because="the time budget is spent").reason


def test_verdict_when_the_evidence_is_another_gates() -> None:
    with pytest.raises(ValueError, match="the evidence must be this gate's"):
        Gate(min_speedup=2.0).verdict(Gate(min_speedup=3.0).evidence())


def test_gate_tests_the_limit_less_the_margin() -> None:
    gate = Gate(min_speedup=3.5, margin=0.1)
    assert gate.limit == 3.5
    assert gate.threshold == pytest.approx(3.15)


def test_gate_turns_an_efficiency_into_a_speedup() -> None:
    assert Gate(min_efficiency=0.85, workers=4).limit == pytest.approx(3.4)


def test_gate_takes_numbers_of_numpy() -> None:
    assert Gate(min_efficiency=np.float64(0.5), workers=np.int64(4), horizon=np.int64(20)).limit == 2.0  # type: ignore[arg-type]


def test_gate_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Gate(min_speedup=2.0).horizon = 5  # type: ignore[misc]


def test_gate_and_verdict_survive_pickling() -> None:
    gate = Gate(min_efficiency=0.85, workers=4)
    assert pickle.loads(pickle.dumps((gate, constant(4.0)))) == (gate, constant(4.0))


@pytest.mark.parametrize("limits", [{}, {"min_speedup": 2.0, "min_efficiency": 0.5, "workers": 4}])
def test_gate_when_there_is_not_exactly_one_limit(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a gate has exactly one limit, got min_speedup="):
        Gate(**limits)


def test_gate_when_an_efficiency_has_no_workers() -> None:
    with pytest.raises(ValueError, match=r"min_efficiency=0\.85 needs workers, got None; add e\.g\. workers=4"):
        Gate(min_efficiency=0.85)


def test_gate_when_an_efficiency_is_written_in_percent() -> None:
    with pytest.raises(ValueError, match=r"min_efficiency must be above 0 and at most 1, got 85; write 0\.85 for 85 %"):
        Gate(min_efficiency=85, workers=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("min_speedup", value) for value in (0, -1.0, math.nan, math.inf)),
        *(("margin", value) for value in (-0.01, 1, 2, math.nan)),
        *(("alpha", value) for value in (0, 0.5, -1, math.nan)),
        *(("horizon", value) for value in (0, -1)),
        *(("workers", value) for value in (0, -4)),
    ],
)
def test_gate_when_a_value_is_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .*, got {value!r}; "):
        Gate(**{"min_speedup": 2.0, name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, "2", [2], Decimal(2), 2j])
@pytest.mark.parametrize("name", ["min_speedup", "margin", "alpha", "horizon", "workers"])
def test_gate_when_a_value_is_no_number(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a (whole )?number"):
        Gate(**{"min_speedup": 2.0, name: value})


@pytest.mark.parametrize("name", ["horizon", "workers"])
def test_gate_when_a_count_is_no_whole_number(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name} must be a whole number, got 4\.0; "):
        Gate(**{"min_speedup": 2.0, name: 4.0})  # type: ignore[arg-type]


@pytest.mark.parametrize(("limit", "shown"), [(0.5, "0.50"), (0.001, "0.001"), (123456.0, "1.23e+05")])
def test_reason_shows_small_and_large_limits_legibly(limit: float, shown: str) -> None:
    assert f"below {shown} after" in constant(limit / 2, min_speedup=limit, margin=0).reason
