"""What a history keeps: never more than the cap, the latest all, of the others ever fewer, however often it drops."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_cortex.history.retention import Retention

# The machine may be busy; how fast examples come is not what is tested.
patient = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

START = datetime(2026, 1, 1, tzinfo=UTC)
Run = tuple[str, datetime]

moments = st.integers(0, 400).map(lambda days: START + timedelta(days=days))
run_lists = st.dictionaries(st.text("0123456789abcdef", min_size=4, max_size=4), moments, max_size=30).map(
    lambda runs: list(runs.items())
)
retentions = st.builds(
    Retention, cap=st.integers(1, 12), half_life_days=st.sampled_from([1e-300, 0.1, 1.0, 30.0, 1e300])
)


def daily(days: int, per_day: int = 1) -> list[Run]:
    return [(f"run-{day}-{n}", START + timedelta(days=day, hours=n)) for day in range(days) for n in range(per_day)]


def days_kept(runs: list[Run], names: frozenset[str]) -> list[int]:
    return sorted((moment - START).days for name, moment in runs if name in names)


@patient
@given(run_lists, retentions)
def test_never_more_than_the_cap_and_always_the_latest(runs: list[Run], retention: Retention) -> None:
    kept = retention.kept(runs)
    assert len(kept) == min(len(runs), retention.cap)
    latest = sorted(runs, key=lambda run: (run[1], run[0]))[-((retention.cap + 1) // 2) :]
    assert kept >= {name for name, _moment in latest}


@patient
@given(run_lists, retentions)
def test_dropping_twice_drops_nothing_more(runs: list[Run], retention: Retention) -> None:
    kept = retention.kept(runs)
    assert retention.kept([run for run in runs if run[0] in kept]) == kept


@patient
@given(run_lists, retentions, st.randoms(use_true_random=False))
def test_order_of_the_files_makes_no_difference(runs: list[Run], retention: Retention, random: Random) -> None:
    shuffled = list(runs)
    random.shuffle(shuffled)
    assert retention.kept(shuffled) == retention.kept(runs)


@patient
@given(run_lists, retentions, st.integers(1, 5))
def test_it_makes_no_difference_how_often_runs_are_dropped(runs: list[Run], retention: Retention, every: int) -> None:
    """After every run, after some, or once at the end: the same runs are left."""
    left: list[Run] = []
    for count, run in enumerate(sorted(runs, key=lambda run: (run[1], run[0])), start=1):
        left.append(run)
        if count % every == 0:
            names = retention.kept(left)
            left = [each for each in left if each[0] in names]
    assert retention.kept(left) == retention.kept(runs)


@patient
@given(run_lists, retentions)
def test_two_who_drop_at_once_leave_the_latest(runs: list[Run], retention: Retention) -> None:
    """Each with its own run, and without that of the other: what both drop is gone."""
    mine, other = ("mine", START + timedelta(days=500)), ("other", START + timedelta(days=500))
    mine_kept, others_kept = retention.kept([*runs, mine]), retention.kept([*runs, other])
    assert "mine" in mine_kept
    assert "other" in others_kept


def test_nothing_is_dropped_below_the_cap_however_old() -> None:
    runs = [("new", START + timedelta(days=10_000)), ("old", START)]
    assert Retention(cap=2, half_life_days=1).kept(runs) == {"new", "old"}


def test_older_runs_become_fewer_by_half_with_every_half_life() -> None:
    """Twelve runs a day for two years; counted from the oldest of the latest half, which stays whole."""
    runs = daily(730, per_day=12)
    kept = days_kept(runs, Retention(cap=800, half_life_days=60).kept(runs))
    assert len(kept) == 800
    older = kept[:400]
    ages = [(730 - 400 / 12 - day) / 60 for day in older]
    per_half_life = [sum(place <= age < place + 1 for age in ages) for place in range(5)]
    assert per_half_life == pytest.approx([200, 100, 50, 25, 12], abs=30)
    assert per_half_life == sorted(per_half_life, reverse=True)


def test_longer_half_life_keeps_older_runs() -> None:
    runs = daily(730)
    oldest = [min(days_kept(runs, Retention(cap=50, half_life_days=days).kept(runs))) for days in (5, 50, 500)]
    assert oldest == sorted(oldest, reverse=True)
    assert oldest[0] > oldest[-1]
