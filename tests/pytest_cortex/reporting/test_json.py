"""``cortex.json`` follows its schema, whatever was recorded."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sample_records import CONTENDER, EXPLAINED, MEASURED, SCALING, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    SCHEMA_VERSION,
    GateName,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SessionRecord,
    SettingRecord,
    SpanRecord,
    StepRecord,
    VerdictRecord,
)
from pytest_cortex.reporting import schema
from pytest_cortex.reporting.document import encode, plain

VALIDATOR = Draft202012Validator(schema())

# Any number that a clock or a division may come up with, the broken ones included.
numbers = st.floats(min_value=0) | st.just(math.nan)
texts = st.text(max_size=8)
rounds = st.builds(RoundRecord, sequential_s=numbers, parallel_s=numbers)
verdicts = st.builds(
    VerdictRecord,
    limit=st.none() | numbers,
    min_speedup=st.none() | numbers,
    rounds=st.integers(0, 90),
    reason=texts,
)
spans = st.builds(SpanRecord, worker=st.integers(0, 9), started_s=numbers, duration_s=numbers)
steps = st.builds(StepRecord, speedup=numbers)
fractions = st.none() | st.floats()
points = st.builds(
    ScalingPointRecord,
    workers=st.integers(1, 64),
    speedup=st.none() | numbers,
    low=st.none() | numbers,
    high=st.none() | numbers,
    ceiling=st.none() | numbers,
    karp_flatt=fractions,
)
scalings = st.builds(
    ScalingRecord,
    points=st.lists(points, max_size=2).map(tuple),
    serial_fraction=fractions,
    serial_low=fractions,
    serial_high=fractions,
)
measurements = st.builds(
    MeasurementRecord,
    workers=st.integers(1, 64),
    modules=st.none() | st.integers(0, 99),
    rounds=st.lists(rounds, max_size=3).map(tuple),
    speedup=st.none() | numbers,
    speedup_low=st.none() | numbers,
    speedup_high=st.none() | numbers,
    sequential_s=st.none() | numbers,
    parallel_s=st.none() | numbers,
    ceiling=st.none() | numbers,
    against=st.none() | texts,
    modelled=st.lists(numbers, max_size=2).map(tuple),
    durations=st.dictionaries(texts, numbers, max_size=2),
    phases=st.dictionaries(texts, st.integers(0, 9), max_size=2),
    timeline=st.lists(spans, max_size=2).map(tuple),
    horizon=st.integers(0, 90),
    batch=st.integers(1, 9),
    steps=st.lists(steps, max_size=2).map(tuple),
    causes=st.lists(texts, max_size=2).map(tuple),
    warnings=st.lists(texts, max_size=2).map(tuple),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
    attempts=st.integers(1, 3),
    file=st.none() | texts,
    line=st.none() | st.integers(1, 9999),
)
facts = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | st.floats() | texts | st.lists(texts))
sessions = st.builds(
    SessionRecord,
    environment=facts,
    settings=st.dictionaries(texts, st.builds(SettingRecord, value=st.floats() | texts, origin=texts), max_size=2),
    measurements=st.lists(measurements, max_size=3).map(tuple),
    scalings=st.lists(scalings, max_size=2).map(tuple),
    schema=st.just(SCHEMA_VERSION),
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def decoded(record: SessionRecord) -> Any:
    return json.loads(encode(record).decode(), parse_constant=refuse)


def test_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(schema())


@given(sessions)
def test_document_follows_the_schema_whatever_was_recorded(record: SessionRecord) -> None:
    VALIDATOR.validate(decoded(record))


@given(sessions)
def test_finite_numbers_and_names_come_back_as_they_were(record: SessionRecord) -> None:
    for written, one in zip(decoded(record)["measurements"], record.measurements, strict=True):
        assert (written["test"], written["name"]) == (one.test, one.name)
        assert written["speedup"] == (one.speedup if one.speedup is not None and math.isfinite(one.speedup) else None)


def test_schema_refuses_a_field_that_nobody_documented() -> None:
    document = decoded(session(MEASURED))
    document["measurements"][0]["surprise"] = 1
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("field", ["test", "speedup", "rounds", "verdicts", "outcome"])
def test_schema_refuses_a_measurement_when_a_field_is_missing(field: str) -> None:
    document = decoded(session(MEASURED))
    del document["measurements"][0][field]
    assert not VALIDATOR.is_valid(document)


def test_schema_knows_every_outcome() -> None:
    assert schema()["$defs"]["outcome"]["enum"] == list(Outcome)


def test_schema_knows_every_gate() -> None:
    """A verdict of a gate that the schema does not list would make the whole document wrong."""
    assert schema()["$defs"]["verdict"]["properties"]["gate"]["enum"] == list(get_args(GateName))


def test_schema_refuses_the_layout_of_another_version() -> None:
    """What was written under version 1 means something else: its rounds all counted."""
    document = decoded(session(MEASURED))
    assert VALIDATOR.is_valid(document)
    assert not VALIDATOR.is_valid({**document, "schema": SCHEMA_VERSION - 1})


def test_everything_that_a_run_may_record_follows_the_schema() -> None:
    """Steps and causes, contenders, scalings, and a spoilt round."""
    spoilt = replace(MEASURED, rounds=(replace(MEASURED.rounds[1], spoilt="steal 9 %"),), dependencies=(("b", "a"),))
    document = decoded(session(EXPLAINED, CONTENDER, spoilt, scalings=(SCALING,)))
    VALIDATOR.validate(document)
    assert document["measurements"][1]["efficiency"] is None
    assert document["measurements"][2]["rounds"][0]["spoilt"] == "steal 9 %"
    assert document["measurements"][2]["dependencies"] == [["b", "a"]]
    assert document["scalings"][0]["points"][1]["karp_flatt"] == 0.25


def test_efficiency_and_outcome_are_written_for_other_readers() -> None:
    written = decoded(session(replace(MEASURED, verdicts=(verdict(Outcome.FAIL),))))["measurements"][0]
    assert written["efficiency"] == pytest.approx(0.98)
    assert written["outcome"] == "FAIL"


def test_raw_rounds_are_kept_with_their_warmups() -> None:
    written = decoded(session(MEASURED))["measurements"][0]["rounds"]
    assert [one["warmup"] for one in written] == [True, False]


def test_argument_that_is_not_utf8_survives() -> None:
    """Python hands it over as a lone surrogate, which has no bytes in UTF-8."""
    record = replace(session(), command=("\udcff",))
    assert decoded(record)["command"] == ["\udcff"]


def test_unmeasured_session_follows_the_schema() -> None:
    VALIDATOR.validate(decoded(session(UNMEASURED)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("reports"), "reports"),
        (MappingProxyType({1: (math.inf, 2)}), {"1": [None, 2]}),
        (Outcome.PASS, "PASS"),
        (True, True),
    ],
)
def test_setting_of_any_type_becomes_plain(value: object, expected: object) -> None:
    assert plain(value) == expected
