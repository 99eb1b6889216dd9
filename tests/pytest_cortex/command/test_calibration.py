"""Calibration: what made-up processes are known to do is what it says of them."""

import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_cortex.command import calibration as room
from pytest_cortex.command.calibration import Calibration, TestCalibration, sentences, table, upper_bound
from pytest_cortex.judging.gate import Gate, Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SessionRecord, SettingRecord, to_json


def rounds_of(ratios: Iterable[float], *, warmup: bool = False, spoilt: str | None = None) -> tuple[RoundRecord, ...]:
    return tuple(
        RoundRecord(sequential_s=ratio, parallel_s=1.0, first=Arm.PARALLEL, warmup=warmup, spoilt=spoilt)
        for ratio in ratios
    )


def measured(rounds: tuple[RoundRecord, ...], test: str = "t.py::test_a", name: str = "test_a") -> MeasurementRecord:
    return MeasurementRecord(
        test=test,
        name=name,
        scenario=None,
        workers=4,
        modules=None,
        rounds=rounds,
        speedup=None,
        speedup_low=None,
        speedup_high=None,
        sequential_s=None,
        parallel_s=None,
    )


def document(*measurements: MeasurementRecord, itself: bool = False, alpha: float = 0.001) -> dict[str, Any]:
    chosen = {"margin": 0.02, "alpha": alpha, "against_itself": itself}
    session = SessionRecord(
        created_at="2026-01-31T12:00:00Z",
        command=(),
        seed=1,
        complete=True,
        environment={},
        settings={name: SettingRecord(value=value, origin="default") for name, value in chosen.items()},
        measurements=measurements,
    )
    return to_json(session)


def noise(rng: np.random.Generator, level: float, deviation: float, rounds: int = 30) -> list[float]:
    return [float(ratio) for ratio in level * np.exp(deviation * rng.standard_normal(rounds))]


def processes(levels: Sequence[float], *, within: float = 0.02, itself: bool = False) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    return [document(measured(rounds_of(noise(rng, level, within))), itself=itself) for level in levels]


def calibrate(documents: list[dict[str, Any]], *, variants: int = 2, seed: int = 0) -> Calibration:
    source = random.Random(seed)  # noqa: S311 - resampling, not a secret
    return room.calibrate(documents, source=source, variants=variants)


def only(calibration: Calibration) -> TestCalibration:
    (test,) = calibration.tests
    return test


LEVELS = [3.92, 3.95, 3.97, 3.99, 4.0, 4.01, 4.02, 4.04, 4.06, 4.08]


@pytest.fixture(scope="module")
def calibrated() -> TestCalibration:
    """Ten processes about a speedup of 4, and ten against themselves."""
    return only(calibrate([*processes(LEVELS), *processes([1.0] * 10, itself=True)], variants=10))


# The bound ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [1, 10, 60, 3000])
def test_bound_when_nothing_failed_is_the_closed_form(runs: int) -> None:
    assert upper_bound(0, runs) == pytest.approx(1 - 0.05 ** (1 / runs), rel=1e-9)


@settings(max_examples=20)
@given(failed=st.integers(0, 400), more=st.integers(1, 4000))
def test_bound_is_that_of_the_beta_distribution(failed: int, more: int) -> None:
    """Another way to the same number: scipy's."""
    assert upper_bound(failed, failed + more) == pytest.approx(stats.beta.ppf(0.95, failed + 1, more), rel=1e-6)


def test_bound_when_all_failed_or_nothing_ran_is_one() -> None:
    assert upper_bound(3, 3) == upper_bound(0, 0) == 1.0


@pytest.mark.parametrize(("failed", "runs"), [(-1, 3), (4, 3)])
def test_bound_when_the_numbers_do_not_go_together(failed: int, runs: int) -> None:
    with pytest.raises(ValueError, match=f"failed must be from 0 to runs=3, got {failed}"):
        upper_bound(failed, runs)


# Against itself -------------------------------------------------------------------------------------------------------


def test_against_itself_when_the_arms_are_equal_gives_no_false_alarm(calibrated: TestCalibration) -> None:
    itself = calibrated.itself
    assert (itself.runs, itself.failed) == (10, 0)
    assert itself.at_most == pytest.approx(0.2589, abs=1e-4)


def test_against_itself_when_the_measurement_is_biased_counts_false_alarms() -> None:
    """Arms that are the same must not differ by 10 %; where they do, every run is a false alarm."""
    itself = only(calibrate(processes([0.9] * 4, itself=True))).itself
    assert (itself.runs, itself.failed, itself.passed, itself.at_most) == (4, 4, 0, 1.0)


def test_against_itself_forgives_no_margin() -> None:
    """1 % too slow is within the margin of 2 %, and a false alarm nevertheless: what is tested is 1."""
    itself = only(calibrate(processes([0.99] * 3, itself=True, within=0.0001))).itself
    assert itself.failed == 3


def test_against_itself_when_there_are_several_tests_pools_them() -> None:
    pair = [measured(rounds_of([level] * 20), name=str(level)) for level in (0.9, 1.1)]
    calibration = calibrate([document(*pair, itself=True)] * 3)
    pooled = calibration.itself
    assert (pooled.runs, pooled.failed, pooled.passed) == (6, 3, 3)
    assert "All tests: Against itself 3 of 6 runs gave a false alarm" in "\n".join(sentences(calibration))


# How much the speedup moves -------------------------------------------------------------------------------------------


def test_spread_has_process_medians_and_both_deviations() -> None:
    """Levels one apart in logarithms of 1 %: their median deviation is 1 %, times 1.48."""
    spread = only(calibrate(processes([math.exp(i / 100) for i in range(5)], within=1e-9), variants=1)).spread
    assert spread is not None
    assert (spread.low, spread.speedup, spread.high) == pytest.approx((1.0, math.exp(0.02), math.exp(0.04)))
    assert spread.between == pytest.approx(0.014826, rel=1e-4)
    assert spread.within == pytest.approx(0.0, abs=1e-8)


def test_spread_when_one_process_is_odd_does_not_move() -> None:
    levels = [3.9, 3.95, 4.0, 4.05, 4.1]
    odd = only(calibrate(processes([*levels[:-1], 40.0], within=1e-9), variants=1)).spread
    usual = only(calibrate(processes(levels, within=1e-9), variants=1)).spread
    assert odd is not None
    assert usual is not None
    assert odd.between == pytest.approx(usual.between or 0.0)


def test_spread_is_read_from_counted_rounds_only() -> None:
    """Neither a warm-up nor a spoilt round counts."""
    rounds = rounds_of([9.0, 9.0], warmup=True) + rounds_of([4.0] * 20) + rounds_of([1.0] * 15, spoilt="steal")
    spread = only(calibrate([document(measured(rounds))])).spread
    assert spread is not None
    assert (spread.low, spread.high) == (4.0, 4.0)


def test_runs_when_rounds_are_too_few_for_any_verdict_are_left_out() -> None:
    short = document(measured(rounds_of([4.0] * 10)))
    calibration = calibrate([short, short])
    test = only(calibration)
    assert (test.spread, test.limits, test.recommended, test.too_short) == (None, (), None, 2)
    shown = "\n".join(table(calibration) + sentences(calibration))
    assert "2 runs left out: too few counted rounds for any verdict." in shown
    assert "No limit can be recommended: that takes two processes with enough rounds." in shown


def test_limit_when_there_is_one_process_is_not_recommended() -> None:
    """One process does not know how much processes move."""
    test = only(calibrate(processes([4.0])))
    assert test.recommended is None
    assert test.spread is not None
    assert test.spread.between is None


# Limits ---------------------------------------------------------------------------------------------------------------


def test_recommended_limit_would_fail_and_block_hardly_any_run(calibrated: TestCalibration) -> None:
    best = calibrated.limits[0]
    assert calibrated.recommended == best.limit
    assert best.failed <= 0.001
    assert best.passed >= 0.75
    assert (best.processes_failed, calibrated.replays) == (0, 10 + 10 * 10 * 10)


def test_recommended_limit_when_new_processes_come_keeps_its_word(calibrated: TestCalibration) -> None:
    """Processes of the same kind, 300 new ones: their levels move by 1.25 % here, as those of ``LEVELS`` do."""
    rng, outcomes = np.random.default_rng(11), list[Outcome]()
    for _ in range(300):
        ratios = noise(rng, 4.0 * math.exp(0.0125 * rng.standard_normal()), 0.02)
        gate = Gate(min_speedup=calibrated.recommended, horizon=30)
        outcomes.append(gate.decide(sequential_s=ratios, parallel_s=[1.0] * 30).outcome)
    assert outcomes.count(Outcome.FAIL) == 0
    assert outcomes.count(Outcome.PASS) >= 0.65 * 300


def test_limits_fail_ever_more_and_pass_ever_less(calibrated: TestCalibration) -> None:
    limits = calibrated.limits
    assert len(limits) >= 4
    assert [each.limit for each in limits] == sorted({each.limit for each in limits})
    assert [each.failed for each in limits] == sorted(each.failed for each in limits)
    assert [each.passed for each in limits] == sorted((each.passed for each in limits), reverse=True)
    assert limits[-1].failed == pytest.approx(0.25, abs=0.1)


def test_recommended_limit_when_processes_move_more_is_lower() -> None:
    calm = only(calibrate(processes([3.98, 3.99, 4.0, 4.01, 4.02]), variants=5)).recommended
    moving = only(calibrate(processes([3.6, 3.8, 4.0, 4.2, 4.4]), variants=5)).recommended
    assert calm is not None
    assert moving is not None
    assert moving < 0.9 * calm


def test_recommended_limit_when_one_process_was_slow_is_one_it_keeps() -> None:
    """A slow process does not move the robust deviation, but its own rounds are replayed."""
    recommended = only(calibrate(processes([3.0, *LEVELS[1:]]), variants=5)).recommended
    assert recommended is not None
    assert 2.5 < recommended < 3.1


def test_calibration_when_repeated_is_the_same() -> None:
    documents = processes(LEVELS[:3])
    assert calibrate(documents, variants=3) == calibrate(documents, variants=3)
    assert calibrate(documents, variants=3) != calibrate(documents, variants=3, seed=2)


@settings(max_examples=30)
@given(
    ratios=st.lists(st.floats(0.5, 2.0), min_size=16, max_size=40),
    limits=st.lists(st.floats(0.2, 4.0), min_size=1, max_size=5),
)
@example(ratios=[1.1**i for i in range(20)], limits=[0.5, 0.95, 2.0, 5.0])  # where even the lowest ratio is not passed
def test_replay_is_the_gate_under_every_limit(ratios: list[float], limits: list[float]) -> None:
    """What is searched for under a few limits holds for all: PASS below, FAIL above, undecided between."""
    gate = Gate(min_speedup=1.0, horizon=len(ratios))
    replay = room._replay(gate, ratios)
    for limit in limits:
        outcome = Gate(min_speedup=limit, horizon=len(ratios)).decide(ratios, [1.0] * len(ratios)).outcome
        if limit <= replay.passes:
            assert outcome is Outcome.PASS
        elif limit >= 1.001 * replay.survives:
            assert outcome is Outcome.FAIL
        elif 1.001 * replay.passes <= limit <= replay.survives:
            assert outcome is Outcome.INCONCLUSIVE


@settings(max_examples=50)
@given(length=st.integers(1, 80), source=st.randoms(use_true_random=False))
def test_resampled_rounds_keep_their_number_and_their_neighbours(length: int, source: random.Random) -> None:
    drawn = room._resampled([float(i) for i in range(length)], source)
    assert len(drawn) == length
    together = sum((b - a) % length == 1 % length for a, b in pairwise(drawn))
    assert together >= length - 1 - length / round(math.sqrt(length))


@pytest.mark.parametrize(("limit", "rounded"), [(3.456, 3.45), (0.999, 0.99), (0.0349, 0.034), (12.3456, 12.34)])
def test_limit_is_rounded_down(limit: float, rounded: float) -> None:
    assert room._rounded_down(limit) == rounded


# In words -------------------------------------------------------------------------------------------------------------


def test_sentences_say_what_the_limits_rest_on(calibrated: TestCalibration) -> None:
    text = "\n".join(sentences(Calibration(tests=(calibrated,), itself=calibrated.itself)))
    best = calibrated.limits[0]
    assert text.startswith("t.py::test_a:\n  The speedup is 4.0")
    failed, passed = f"{100 * best.failed:.2g} %", f"{100 * best.passed:.2g} %"
    assert f"min_speedup={best.limit:g} would have failed {failed} of runs here and passed {passed}; " in text
    assert (
        f"Recommended: min_speedup={best.limit:g}.  This rests on 1010 replays of the rounds of 10 processes, 0 of "
        "which fail it as they are; that alone proves no more than that at most 26 % of processes do." in text
    )
    assert "Against itself 0 of 10 runs gave a false alarm, so the rate is at most 26 %; stated: 0.1 %." in text
    assert text.endswith('"At most" is said with 95% confidence, and of this machine as it was meanwhile.')
    assert "All tests" not in text


def test_table_has_one_aligned_line_per_test(calibrated: TestCalibration) -> None:
    heading, line = table(Calibration(tests=(calibrated,), itself=calibrated.itself))
    assert heading.split("  ")[0] == "test"
    assert len(heading) == len(line)
    assert line.startswith("t.py::test_a        4     4.0")
    assert line.split("  ")[-1].strip() == f"{calibrated.recommended:g}"
    assert "0 of 10     26 %  " in line


def test_table_when_a_name_is_not_the_test_s_shows_both() -> None:
    """Several calls in one test are told apart; nothing that a terminal would obey gets through."""
    one = document(measured(rounds_of([1.0] * 20), name="large\x1b[2J"))
    assert table(calibrate([one]))[1].startswith(r"t.py::test_a large\x1b[2J  ")
