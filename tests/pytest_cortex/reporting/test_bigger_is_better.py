"""``bigger-is-better.json`` is what github-action-benchmark takes with the tool ``customBiggerIsBetter``."""

import json
import math
from dataclasses import replace
from typing import Any

from sample_records import CONTENDER, MEASURED, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord
from pytest_cortex.reporting.bigger_is_better import encode


def entries(*measurements: MeasurementRecord) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(encode(session(*measurements)))
    return found


def test_an_entry_has_name_unit_value_range_and_extra() -> None:
    gated = replace(MEASURED, verdicts=(verdict(Outcome.PASS, reason="as fast\nas it has to be"),))
    assert entries(gated) == [
        {
            "name": "tests/test_pipeline.py::test_small::small",
            "unit": "x",
            "value": 3.92,
            "range": "3.90–3.95",
            "extra": "4 workers, 1 round\nPASS min_speedup=3.4: as fast\\nas it has to be",
        }
    ]


def test_a_contender_says_against_whom() -> None:
    assert entries(CONTENDER)[0]["extra"].startswith("against old, 1 round\n")


def test_what_has_no_gate_says_so() -> None:
    assert entries(MEASURED)[0]["extra"].endswith("\nno gate")


def test_what_has_no_speedup_is_left_out() -> None:
    """A point at zero would be a fall that nobody measured."""
    assert entries(UNMEASURED, replace(MEASURED, speedup=math.nan), replace(MEASURED, speedup=math.inf)) == []


def test_an_interval_that_is_not_known_is_empty() -> None:
    assert entries(replace(MEASURED, speedup_low=None, speedup_high=math.nan))[0]["range"] == ""


def test_a_name_does_not_depend_on_what_else_was_measured() -> None:
    """The chart goes by it from commit to commit; the label in a table gets longer when another test has the name."""
    other = replace(MEASURED, test="other.py::test_small")
    assert entries(MEASURED)[0]["name"] == entries(MEASURED, other)[0]["name"]
    assert len({entry["name"] for entry in entries(MEASURED, other)}) == 2
