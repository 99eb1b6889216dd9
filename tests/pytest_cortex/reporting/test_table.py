"""The pandas table and ``cortex.csv``."""

import csv as standard_csv
import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sample_records import CONTENDER, EXPLAINED, MEASURED, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, SessionRecord
from pytest_cortex.reporting.table import COLUMNS, ROUND_COLUMNS, Column, csv, frame, harmless, rounds_frame

FIRST = ["test", "name", "scenario", "workers", "modules", "speedup", "speedup_low", "speedup_high", "efficiency"]
FIRST += ["ceiling", "verdict", "rounds", "sequential_s", "parallel_s", "limit", "gate", "reason"]


def read(record: SessionRecord) -> list[dict[str, str]]:
    return list(standard_csv.DictReader(io.StringIO(csv(record).decode(), newline="")))


def test_columns_keep_their_order() -> None:
    assert list(frame(session(MEASURED)).columns)[: len(FIRST)] == FIRST


@pytest.mark.parametrize("measurements", [(UNMEASURED,), (MEASURED, UNMEASURED)], ids=["missing", "mixed"])
def test_types_are_the_same_as_for_no_measurement(measurements: tuple[MeasurementRecord, ...]) -> None:
    pd.testing.assert_series_equal(frame(session()).dtypes, frame(session(*measurements)).dtypes)


def test_row_holds_the_numbers_of_its_measurement() -> None:
    row = frame(session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),)))).iloc[0]
    assert (row["speedup"], row["workers"], row["sequential_s"], row["parallel_s"]) == (3.92, 4, 2.0, 0.51)
    assert (row["verdict"], row["limit"], row["gate"]) == ("PASS", 3.4, "min_speedup")


def test_warmups_are_counted_apart() -> None:
    row = frame(session(MEASURED)).iloc[0]
    assert (row["rounds"], row["warmups"]) == (1, 1)


def test_spoilt_rounds_are_counted_apart() -> None:
    """A spoilt warm-up is a warm-up as well: it would not have counted anyway."""
    warmup, counted = MEASURED.rounds
    spoilt = [replace(each, spoilt="run delay 9 %") for each in (warmup, counted, counted)]
    row = frame(session(replace(MEASURED, rounds=(warmup, counted, *spoilt)))).iloc[0]
    assert (row["rounds"], row["warmups"], row["spoilt_rounds"]) == (1, 2, 3)


def test_causes_stand_in_one_cell() -> None:
    """Sentences after each other, as with notes."""
    assert frame(session(EXPLAINED)).iloc[0]["causes"] == "a lock at a.py:7 start-up: 0.01 s"
    assert pd.isna(frame(session(MEASURED)).iloc[0]["causes"])


def test_contender_names_its_rival_and_has_no_efficiency() -> None:
    """Neither of the two is the other on one worker."""
    row = frame(session(CONTENDER)).iloc[0]
    assert (row["against"], row["speedup"]) == ("old", 3.92)
    assert pd.isna(row["efficiency"])


def test_gate_on_structure_has_no_limit_as_a_speedup() -> None:
    """A number of groups is no speedup."""
    groups = replace(verdict(Outcome.FAIL), gate="max_groups", limit=2, min_speedup=None)
    row = frame(session(replace(MEASURED, verdicts=(verdict(Outcome.PASS), groups)))).iloc[0]
    assert (row["gate"], row["limit"]) == ("max_groups", 2)
    assert pd.isna(row["min_speedup"])


def test_gate_without_a_limit_has_none() -> None:
    """Without a baseline there is nothing to take it from."""
    against = replace(verdict(Outcome.INCONCLUSIVE), gate="baseline", limit=None, min_speedup=None)
    row = frame(session(replace(MEASURED, verdicts=(against,)))).iloc[0]
    assert row["gate"] == "baseline"
    assert row[["limit", "min_speedup"]].isna().all()


def test_failed_gate_is_shown_when_another_passed() -> None:
    one = replace(MEASURED, verdicts=(verdict(Outcome.PASS, 3.9), verdict(Outcome.FAIL, 3.5, "too slow")))
    row = frame(session(one)).iloc[0]
    assert (row["verdict"], row["limit"], row["reason"], row["gates"]) == ("FAIL", 3.5, "too slow", 2)


def test_number_that_is_not_finite_is_missing() -> None:
    row = frame(session(replace(MEASURED, speedup=float("inf"), ceiling=float("nan")))).iloc[0]
    assert row[["speedup", "efficiency", "ceiling"]].isna().all()


def test_csv_has_only_a_heading_when_nothing_was_measured() -> None:
    assert csv(session()).decode() == ",".join(column.name for column in COLUMNS) + "\n"


def test_csv_gives_back_the_numbers_exactly() -> None:
    row = read(session(replace(MEASURED, speedup=1 / 3)))[0]
    assert float(row["speedup"]) == 1 / 3


def test_csv_has_one_line_per_measurement_when_a_name_has_line_ends() -> None:
    data = csv(session(replace(MEASURED, name="a\nb\r\nc"), MEASURED))
    assert data.count(b"\n") == 3
    assert b"\r" not in data


def test_csv_survives_quotes_commas_and_a_name_that_is_not_utf8() -> None:
    row = read(session(replace(MEASURED, name='say "a, b" \udcff')))[0]
    assert row["name"] == 'say "a, b" \\udcff'


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\uff1d1"])
def test_csv_disarms_what_a_spreadsheet_would_calculate(name: str) -> None:
    assert harmless(name)[0] in "'\\"


def test_csv_leaves_ordinary_names_alone() -> None:
    assert harmless("tests/test_a.py::test_b[x=1-y]") == "tests/test_a.py::test_b[x=1-y]"


def test_frame_leaves_hostile_names_as_they_are() -> None:
    assert frame(session(replace(MEASURED, name="=cmd()"))).iloc[0]["name"] == "=cmd()"


@pytest.mark.parametrize(
    ("heading", "columns"), [("## Columns of `cortex.csv`", COLUMNS), ("## Columns of rounds", ROUND_COLUMNS)]
)
def test_every_column_is_documented(heading: str, columns: tuple[Column, ...]) -> None:
    page = (Path(__file__).parents[3] / "reports" / "README.md").read_text("utf-8")
    section = page.partition(f"{heading}\n")[2].partition("\n## ")[0]
    documented = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert documented == [column.name for column in columns]


# Rounds ---------------------------------------------------------------------------------------------------------------


def test_rounds_have_a_row_each_in_order() -> None:
    table = rounds_frame(session(MEASURED, replace(MEASURED, name="other")))
    assert list(table["name"]) == ["small", "small", "other", "other"]
    assert list(table["round"]) == [0, 1, 0, 1]
    assert list(table["speedup"]) == [2.2 / 0.7, 4.0, 2.2 / 0.7, 4.0]


def test_round_says_whether_it_counts_and_why_not() -> None:
    spoilt = replace(MEASURED.rounds[1], spoilt="steal 9 %")
    table = rounds_frame(session(replace(MEASURED, rounds=(*MEASURED.rounds, spoilt))))
    assert list(table["counts"]) == [False, True, False]
    assert list(table["warmup"]) == [True, False, False]
    assert table["spoilt"].isna().tolist() == [True, True, False]
    assert list(table["first"]) == ["parallel", "sequential", "sequential"]


def test_rounds_that_count_give_the_median_that_is_shown() -> None:
    table = rounds_frame(session(MEASURED))
    assert table[table["counts"]]["speedup"].median() == 4.0


@pytest.mark.parametrize("parallel_s", [0.0, float("nan"), float("inf")])
def test_round_without_a_ratio_has_none(parallel_s: float) -> None:
    row = rounds_frame(session(replace(MEASURED, rounds=(replace(MEASURED.rounds[0], parallel_s=parallel_s),)))).iloc[0]
    assert pd.isna(row["speedup"]) == (parallel_s != float("inf"))


@pytest.mark.parametrize(
    "measurements", [(UNMEASURED,), (MEASURED,), (MEASURED, UNMEASURED)], ids=["missing", "measured", "mixed"]
)
def test_types_of_rounds_never_depend_on_the_values(measurements: tuple[MeasurementRecord, ...]) -> None:
    pd.testing.assert_series_equal(rounds_frame(session()).dtypes, rounds_frame(session(*measurements)).dtypes)
