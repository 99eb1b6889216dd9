"""Records: frozen, complete, and readable by other programs than this one."""

import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from pytest_cortex.gate import Outcome
from pytest_cortex.record import (
    SCHEMA_VERSION,
    Arm,
    MeasurementRecord,
    RoundRecord,
    SessionRecord,
    SettingRecord,
    VerdictRecord,
    to_json,
)


def verdict(outcome: Outcome) -> VerdictRecord:
    return VerdictRecord(
        gate="min_efficiency", limit=0.5, min_speedup=2.0, origin="marker", outcome=outcome, rounds=12, reason="because"
    )


MEASUREMENT = MeasurementRecord(
    test="test_it.py::test_it",
    name="test_it",
    scenario=None,
    workers=4,
    modules=None,
    rounds=(RoundRecord(sequential_s=3.0, parallel_s=1.0, first=Arm.PARALLEL, warmup=True),),
    speedup=3.0,
    speedup_low=None,
    speedup_high=None,
    sequential_s=3.0,
    parallel_s=1.0,
    verdicts=(verdict(Outcome.PASS),),
)
SESSION = SessionRecord(
    created_at="2025-01-01T00:00:00+00:00",
    command=("--cortex-bench",),
    seed=7,
    complete=True,
    environment={"cpus": 2},
    settings={"min_speedup": SettingRecord(value={"large": 3.5}, origin="ini")},
    measurements=(MEASUREMENT,),
)


def test_efficiency_is_speedup_per_worker() -> None:
    assert MEASUREMENT.efficiency == 0.75


def test_efficiency_is_unknown_without_a_speedup() -> None:
    assert replace(MEASUREMENT, speedup=None).efficiency is None


@pytest.mark.parametrize(
    ("said", "worst"),
    [
        ([], None),
        ([Outcome.PASS], Outcome.PASS),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], Outcome.INCONCLUSIVE),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.PASS], Outcome.FAIL),
    ],
)
def test_outcome_is_the_worst_verdict(said: list[Outcome], worst: Outcome | None) -> None:
    assert replace(MEASUREMENT, verdicts=tuple(map(verdict, said))).outcome is worst


@pytest.mark.parametrize("record", [SESSION, MEASUREMENT, MEASUREMENT.rounds[0], verdict(Outcome.PASS)])
def test_record_cannot_be_changed(record: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(record, fields(record)[0].name, None)


def test_json_holds_everything_there_is() -> None:
    document = json.loads(json.dumps(to_json(SESSION)))
    assert list(document) == [field.name for field in fields(SessionRecord)]
    (measurement,) = document["measurements"]
    assert set(measurement) == {field.name for field in fields(MeasurementRecord)} | {"efficiency", "outcome"}
    assert set(measurement["rounds"][0]) == {field.name for field in fields(RoundRecord)}
    assert set(measurement["verdicts"][0]) == {field.name for field in fields(VerdictRecord)}


def test_json_writes_derived_numbers_and_words_out() -> None:
    document = json.loads(json.dumps(to_json(SESSION)))
    (measurement,) = document["measurements"]
    assert (measurement["efficiency"], measurement["outcome"]) == (0.75, "PASS")
    assert measurement["rounds"] == [{"sequential_s": 3.0, "parallel_s": 1.0, "first": "parallel", "warmup": True}]
    assert document["settings"] == {"min_speedup": {"value": {"large": 3.5}, "origin": "ini"}}


def test_json_says_which_layout_it_has() -> None:
    assert to_json(SESSION)["schema"] == SCHEMA_VERSION


def test_json_does_not_change_the_record() -> None:
    to_json(SESSION)["environment"]["cpus"] = 0
    assert SESSION.environment == {"cpus": 2}
