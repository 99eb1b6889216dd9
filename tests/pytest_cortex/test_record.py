"""Records: frozen, complete, and readable by other programs than this one."""

import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    SCHEMA_VERSION,
    Arm,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SessionRecord,
    SettingRecord,
    SpanRecord,
    StepRecord,
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
    steps=(StepRecord(name="graph", speedup=4.0, because=""),),
    timeline=(SpanRecord(module="a", worker=0, started_s=0.0, duration_s=1.0),),
)
POINT = ScalingPointRecord(workers=1, speedup=1.0, low=None, high=None, ceiling=1.0, karp_flatt=None)
SCALING = ScalingRecord(
    test="test_it.py::test_it",
    name="curve",
    points=(POINT,),
    serial_fraction=0.1,
    serial_low=None,
    serial_high=None,
    summary="so-so",
)
SESSION = SessionRecord(
    created_at="2025-01-01T00:00:00+00:00",
    command=("--cortex-bench",),
    seed=7,
    complete=True,
    environment={"cpus": 2},
    settings={"min_speedup": SettingRecord(value={"large": 3.5}, origin="ini")},
    measurements=(MEASUREMENT,),
    scalings=(SCALING,),
)


def test_efficiency_is_speedup_per_worker() -> None:
    assert MEASUREMENT.efficiency == 0.75


def test_efficiency_is_unknown_without_a_speedup() -> None:
    assert replace(MEASUREMENT, speedup=None).efficiency is None


def test_efficiency_is_unknown_between_contenders() -> None:
    """Neither of them is the other on one worker."""
    assert replace(MEASUREMENT, against="theirs").efficiency is None


@pytest.mark.parametrize(
    ("warmup", "spoilt", "counts"), [(False, None, True), (True, None, False), (False, "steal 9 %", False)]
)
def test_round_counts_unless_it_is_a_warm_up_or_spoilt(warmup: bool, spoilt: str | None, counts: bool) -> None:  # noqa: FBT001 - parameters
    """The verdict rests on these rounds and on no others."""
    assert replace(MEASUREMENT.rounds[0], warmup=warmup, spoilt=spoilt).counts is counts


@pytest.mark.parametrize(
    ("limit", "asked"), [(3.0, "min_efficiency=3"), (0.123456, "min_efficiency=0.1235"), (None, "min_efficiency")]
)
def test_verdict_says_what_was_asked(limit: float | None, asked: str) -> None:
    """The limit in four digits, and the gate alone where there was nothing to take a limit from."""
    assert replace(verdict(Outcome.PASS), limit=limit).asked == asked


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


@pytest.mark.parametrize(
    "record", [SESSION, MEASUREMENT, MEASUREMENT.rounds[0], MEASUREMENT.steps[0], SCALING, POINT, verdict(Outcome.PASS)]
)
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
    assert set(measurement["timeline"][0]) == {field.name for field in fields(SpanRecord)}
    assert set(measurement["steps"][0]) == {field.name for field in fields(StepRecord)}
    (scaling,) = document["scalings"]
    assert set(scaling) == {field.name for field in fields(ScalingRecord)}
    assert set(scaling["points"][0]) == {field.name for field in fields(ScalingPointRecord)}


def test_json_writes_derived_numbers_and_words_out() -> None:
    document = json.loads(json.dumps(to_json(SESSION)))
    (measurement,) = document["measurements"]
    assert (measurement["efficiency"], measurement["outcome"]) == (0.75, "PASS")
    assert measurement["rounds"] == [
        {"sequential_s": 3.0, "parallel_s": 1.0, "first": "parallel", "warmup": True, "spoilt": None}
    ]
    assert document["settings"] == {"min_speedup": {"value": {"large": 3.5}, "origin": "ini"}}


def test_json_says_which_layout_it_has() -> None:
    assert to_json(SESSION)["schema"] == SCHEMA_VERSION


def test_json_does_not_change_the_record() -> None:
    to_json(SESSION)["environment"]["cpus"] = 0
    assert SESSION.environment == {"cpus": 2}
