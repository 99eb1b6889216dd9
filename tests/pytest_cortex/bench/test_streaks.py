"""A gate that never decides guards nothing, so one day it fails."""

import json

from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.judging.gate import Outcome, Verdict


def verdict(outcome: Outcome) -> Verdict:
    return Verdict(outcome=outcome, rounds=60, speedup=2.0, speedup_low=1.0, speedup_high=3.0, reason="too noisy")


UNDECIDED = verdict(Outcome.INCONCLUSIVE)


def next_run(streaks: Streaks) -> Streaks:
    """What the next run reads is what went through a JSON file."""
    return Streaks(json.loads(json.dumps(streaks.counts)))


def outcomes(*said: Outcome, most: int) -> list[Outcome]:
    streaks, found = Streaks({}), []
    for each in said:
        found.append(streaks.judged("gate", verdict(each), most=most).outcome)
        streaks = next_run(streaks)
    return found


def test_third_inconclusive_run_in_a_row_fails_when_three_are_too_many() -> None:
    undecided = Outcome.INCONCLUSIVE
    assert outcomes(undecided, undecided, undecided, undecided, most=3) == [
        undecided,
        undecided,
        Outcome.FAIL,
        Outcome.FAIL,
    ]


def test_decision_ends_the_streak() -> None:
    said = [Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.INCONCLUSIVE]
    assert outcomes(*said, most=2) == said


def test_first_inconclusive_run_fails_when_one_is_too_many() -> None:
    assert outcomes(Outcome.INCONCLUSIVE, most=1) == [Outcome.FAIL]


def test_failure_says_what_it_is_about_and_keeps_the_numbers() -> None:
    failed = Streaks({"gate": {"streak": 4, "inconclusive": 9, "runs": 20}}).judged("gate", UNDECIDED, most=5)
    assert failed.reason == (
        "INCONCLUSIVE in 5 runs in a row (--cortex-max-inconclusive=5), so the gate guards nothing; "
        "this time: too noisy"
    )
    assert (failed.rounds, failed.speedup, failed.speedup_low, failed.speedup_high) == (60, 2.0, 1.0, 3.0)


def test_everything_is_counted() -> None:
    streaks = Streaks({})
    for outcome in (Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE):
        streaks = next_run(streaks)
        streaks.judged("gate", verdict(outcome), most=5)
    assert streaks.counts == {"gate": {"streak": 2, "inconclusive": 3, "runs": 4}}


def test_attempts_within_one_run_are_one_run() -> None:
    """What a plugin runs again is not undecided for days on end; the last attempt counts."""
    streaks = Streaks({"gate": {"streak": 3, "inconclusive": 3, "runs": 3}})
    said = [streaks.judged("gate", UNDECIDED, most=5).outcome for _attempt in range(4)]
    assert said == [Outcome.INCONCLUSIVE] * 4
    assert streaks.counts == {"gate": {"streak": 4, "inconclusive": 4, "runs": 4}}
    streaks.judged("gate", verdict(Outcome.PASS), most=5)
    assert streaks.counts == {"gate": {"streak": 0, "inconclusive": 3, "runs": 4}}


def test_gates_are_counted_apart() -> None:
    streaks = Streaks({"one": {"streak": 1, "inconclusive": 1, "runs": 1}})
    assert streaks.judged("other", UNDECIDED, most=2).outcome is Outcome.INCONCLUSIVE
    assert streaks.judged("one", UNDECIDED, most=2).outcome is Outcome.FAIL


def test_what_was_stored_is_not_changed() -> None:
    stored = {"gate": {"streak": 1, "inconclusive": 1, "runs": 1}}
    Streaks(stored).judged("gate", UNDECIDED, most=5)
    assert stored == {"gate": {"streak": 1, "inconclusive": 1, "runs": 1}}
