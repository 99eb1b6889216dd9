"""Rules and the court: who gets how much of alpha, how long to measure, and when shrugging ends."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cortex.bench.court import Court, Rules, rules_of
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.evidence import forgiving_horizon
from pytest_cortex.judging.gate import Gate, Outcome, Verdict
from pytest_cortex.measuring.rounds import Budget
from pytest_cortex.settings.settings import Limit, resolve

DEFAULT = rules_of(resolve({}, {}, seed=1), tests=1)
UNDECIDED = Verdict(
    outcome=Outcome.INCONCLUSIVE, rounds=60, speedup=3.5, speedup_low=None, speedup_high=None, reason="too noisy"
)


def rules_with(*, tests: int = 1, **options: str) -> Rules:
    """Returns what the options given on the command line set."""
    return rules_of(resolve({name: [word] for name, word in options.items()}, {}, seed=1), tests)


def court(rules: Rules = DEFAULT, streaks: Streaks | None = None) -> Court:
    return Court(test="test_it.py::test_it", rules=rules, streaks=streaks or Streaks({}))


def limit(gate: Any, value: float) -> Limit:
    return Limit(gate=gate, value=value, origin="marker")


# Rules ----------------------------------------------------------------------------------------------------------------


def test_rules_are_the_defaults_when_nobody_says_anything() -> None:
    assert rules_with() == Rules(
        alpha=0.001,
        margin=0.02,
        rounds=60,
        time_budget_s=10.0,
        family=None,
        to_the_end=False,
        against_itself=False,
        max_inconclusive=5,
    )


@pytest.mark.parametrize(
    ("option", "word", "changed"),
    [
        ("alpha", "0.01", {"alpha": 0.01}),
        ("margin", "0.1", {"margin": 0.1}),
        ("rounds", "90", {"rounds": 90}),
        ("time_budget", "2", {"time_budget_s": 2.0}),
        ("max_inconclusive", "3", {"max_inconclusive": 3}),
        ("against_itself", "true", {"against_itself": True}),
        ("rounds_all", "true", {"to_the_end": True}),
        ("save", "a-name", {"to_the_end": True}),
        ("compare", "a-name", {}),
        ("family_wise", "true", {"family": 7}),
    ],
)
def test_option_sets_its_rule_and_no_other(option: str, word: str, changed: dict[str, Any]) -> None:
    assert rules_with(tests=7, **{option: word}) == replace(DEFAULT, **changed)


def test_family_of_a_run_without_bench_tests_is_that_of_one() -> None:
    """Gates can be asked for in a test that no collection has counted."""
    assert rules_with(tests=0, family_wise="true").family == 1


# Shares of alpha ------------------------------------------------------------------------------------------------------


@given(place=st.integers(1, 100))
def test_every_gate_has_all_of_alpha_by_itself(place: int) -> None:
    assert replace(DEFAULT, alpha=0.01).share(place) == 0.01


@given(alpha=st.floats(1e-6, 0.49), tests=st.integers(1, 1000), gates=st.integers(1, 500))
def test_shares_of_a_family_stay_below_alpha_however_many_gates_there_are(alpha: float, tests: int, gates: int) -> None:
    rules = replace(DEFAULT, alpha=alpha, family=tests)
    of_one_test = sum(rules.share(place) for place in range(1, gates + 1))
    assert of_one_test * tests == pytest.approx(alpha * gates / (gates + 1))


def test_first_gate_of_a_test_has_the_largest_share_of_the_family() -> None:
    rules = replace(DEFAULT, alpha=0.12, family=2)
    assert [rules.share(place) for place in (1, 2, 3)] == pytest.approx([0.03, 0.01, 0.005])


def test_each_gate_of_a_test_gets_the_next_share() -> None:
    judge = court(replace(DEFAULT, alpha=0.12, family=1))
    assert [judge.next_alpha() for _gate in range(3)] == pytest.approx([0.06, 0.02, 0.01])


def test_every_test_begins_with_the_first_share() -> None:
    rules = replace(DEFAULT, family=2)
    assert court(rules).next_alpha() == court(rules).next_alpha() == 0.00025


# How long -------------------------------------------------------------------------------------------------------------


def test_budget_leaves_room_for_an_odd_round() -> None:
    assert DEFAULT.budget == Budget(seconds=10.0, fewest=16, most=60)


def test_budget_of_a_family_asks_for_more_rounds_as_each_gate_may_err_less() -> None:
    budget = replace(DEFAULT, family=100).budget
    assert budget.fewest == forgiving_horizon(0.001 / 100 / 2) > DEFAULT.budget.fewest


def test_budget_has_no_more_rounds_than_are_allowed() -> None:
    """Too few to prove anything, perhaps; but that is what was asked for."""
    assert replace(DEFAULT, rounds=5).budget == Budget(seconds=10.0, fewest=5, most=5)


# Gates ----------------------------------------------------------------------------------------------------------------


def test_gate_on_speedup_has_the_margin_of_the_run_and_the_alpha_given() -> None:
    gate = court(replace(DEFAULT, margin=0.1)).gate(limit("min_speedup", 3.5), 4, 0.01)
    assert gate == Gate(min_speedup=3.5, margin=0.1, alpha=0.01)


def test_gate_on_efficiency_knows_its_workers() -> None:
    gate = court(replace(DEFAULT, margin=0.1)).gate(limit("min_efficiency", 0.85), 4, 0.01)
    assert gate == Gate(min_efficiency=0.85, workers=4, margin=0.1, alpha=0.01)
    assert gate.limit == 3.4


# Streaks --------------------------------------------------------------------------------------------------------------


def test_gate_that_was_inconclusive_once_too_often_fails() -> None:
    streaks, outcomes = Streaks({}), []
    rules = replace(DEFAULT, max_inconclusive=3)
    for _run in range(3):
        streaks = Streaks(streaks.counts)
        outcomes.append(court(rules, streaks).streaked("it min_speedup", UNDECIDED).outcome)
    assert outcomes == [Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE, Outcome.FAIL]


def test_streaks_are_counted_by_test_and_gate() -> None:
    streaks = Streaks({})
    court(streaks=streaks).streaked("it min_speedup", UNDECIDED)
    court(streaks=streaks).streaked("it baseline", UNDECIDED)
    assert list(streaks.counts) == ["test_it.py::test_it it min_speedup", "test_it.py::test_it it baseline"]


def test_run_against_itself_counts_towards_no_streak() -> None:
    streaks = Streaks({})
    judge = court(replace(DEFAULT, against_itself=True, max_inconclusive=1), streaks)
    assert judge.streaked("it min_speedup", UNDECIDED) == UNDECIDED
    assert streaks.counts == {}
