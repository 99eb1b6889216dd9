"""The way from the ideal down to the measured adds up, side by side and step by step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import CONTENDER, EXPLAINED, MEASURED, STEP_NAMES, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, StepRecord
from pytest_cortex.reporting.page.losses import OUTSIDE, Bars, Stairs, bars_of, stairs_of
from pytest_cortex.reporting.page.measured import all_measured


def bars(*records: MeasurementRecord) -> Bars:
    return bars_of(all_measured(session(*records)))


def stairs(record: MeasurementRecord) -> Stairs | None:
    return stairs_of(all_measured(session(record))[0])


def seen(*speedups: float, names: tuple[str, ...] = STEP_NAMES, workers: int = 4) -> MeasurementRecord:
    """A measurement with these speedups left after each step."""
    steps = tuple(StepRecord(name=name, speedup=left, because="") for name, left in zip(names, speedups, strict=True))
    return replace(MEASURED, workers=workers, speedup=speedups[-1], steps=steps)


def pieces(record: MeasurementRecord) -> list[tuple[str, float, float]]:
    (bar,) = bars(record).bars
    return [(piece.kind, piece.at, round(piece.at + piece.width, 2)) for piece in bar.segments]


def test_bar_reaches_from_the_measured_through_every_loss_to_the_ideal() -> None:
    assert pieces(seen(3.8, 3.6, 3.0, 2.4, 2.0)) == [
        ("measured", 0, 50),
        ("unexplained", 50, 60),
        ("overhead", 60, 75),
        ("contention", 75, 90),
        ("balance", 90, 95),
        ("graph", 95, 100),
    ]


def test_gain_is_taken_off_the_loss_before_it() -> None:
    """Otherwise the pieces would overlap: they would add up to more than is missing."""
    assert pieces(seen(4, 3, 2, 2.5, 2.5)) == [("measured", 0, 62.5), ("contention", 62.5, 75), ("balance", 75, 100)]


def test_gain_larger_than_the_loss_before_it_takes_off_the_next() -> None:
    assert pieces(seen(3, 2.5, 2, 2.8, 2.8)) == [("measured", 0, 70), ("balance", 70, 75), ("graph", 75, 100)]


def test_whole_bar_is_measured_when_nothing_is_missing() -> None:
    assert pieces(seen(4, 4, 4, 4, 4)) == [("measured", 0, 100)]


def test_more_than_the_ideal_makes_room_for_itself() -> None:
    """The ideals of all rows stay below each other."""
    record = bars(seen(4, 4, 4, 4, 5), seen(4, 4, 4, 4, 2))
    assert [piece.width for bar in record.bars for piece in bar.segments] == [100, 40, 40]
    assert record.ticks[-1].at == 80


@given(st.lists(st.floats(0, 6), min_size=5, max_size=5))
def test_pieces_neither_overlap_nor_leave_a_gap(speedups: list[float]) -> None:
    shown = pieces(seen(*speedups))
    ends = [end for _kind, _at, end in shown]
    assert [at for _kind, at, _end in shown] == pytest.approx([0, *ends[:-1]], abs=0.02)
    assert ends[-1] >= 66


def test_rest_is_unknown_when_modules_were_not_seen() -> None:
    record = bars(replace(MEASURED, speedup=3.0))
    assert pieces(replace(MEASURED, speedup=3.0)) == [("measured", 0, 75), ("unknown", 75, 100)]
    assert [(kind, name) for kind, name, _meaning in record.legend] == [
        ("measured", "measured"),
        ("unknown", "not looked into"),
    ]


def test_rest_is_unknown_when_a_step_has_no_number() -> None:
    assert pieces(replace(seen(4, 4, 4, 4, float("nan")), speedup=2.0)) == [("measured", 0, 50), ("unknown", 50, 100)]


def test_every_row_has_a_cell_for_every_step() -> None:
    shown = bars(EXPLAINED, seen(4, 3.9, 3.8, 3.7, 3.6), replace(MEASURED, name="outside"))
    assert shown.steps == ("graph", "left", "balance", "contention", "overhead", "unexplained")
    assert [bar.lefts for bar in shown.bars] == [
        ("4.00", "3.92", "–", "–", "–", "–"),
        ("4.00", "–", "3.90", "3.80", "3.70", "3.60"),
        ("–",) * 6,
    ]


def test_bar_says_what_it_shows_for_those_who_cannot_see_it() -> None:
    (bar,) = bars(seen(4, 3.9, 3.8, 3.7, 3.6)).bars
    assert bar.description == (
        "ideal 4, after graph 4.00, after balance 3.90, after contention 3.80, after overhead 3.70, "
        "after unexplained 3.60, measured 3.60"
    )


def test_contenders_and_what_was_not_measured_are_left_out_and_counted() -> None:
    shown = bars(CONTENDER, UNMEASURED, MEASURED)
    assert [bar.label for bar in shown.bars] == [MEASURED.name + " · " + MEASURED.test]
    assert shown.left_out == (
        "Contenders (1) are left out: neither of two is the other on one worker.",
        "What was not measured (1) is left out.",
    )


def test_bars_are_none_when_nothing_was_measured() -> None:
    assert bars().bars == ()


def test_stairs_lead_from_the_ideal_to_the_measured() -> None:
    shown = stairs(seen(4, 3, 2.5, 2.6, 2.6))
    assert shown is not None
    assert [(stair.name, stair.left, stair.change) for stair in shown.stairs] == [
        ("ideal", "4.00", ""),
        ("graph", "4.00", "0"),
        ("balance", "3.00", "−1.00"),
        ("contention", "2.50", "−0.50"),
        ("overhead", "2.60", "+0.10"),
        ("unexplained", "2.60", "0"),
        ("measured", "2.60", ""),
    ]
    assert [(stair.at, stair.width) for stair in shown.stairs[2:5]] == [(75, 25), (62.5, 12.5), (62.5, 2.5)]
    assert shown.note == ""


def test_stairs_have_two_steps_and_say_so_when_modules_were_not_seen() -> None:
    shown = stairs(MEASURED)
    assert shown is not None
    assert [stair.name for stair in shown.stairs] == ["ideal", "measured"]
    assert shown.note == OUTSIDE


@pytest.mark.parametrize("record", [CONTENDER, UNMEASURED])
def test_there_are_no_stairs_without_an_ideal_or_a_speedup(record: MeasurementRecord) -> None:
    assert stairs(record) is None


def test_step_that_the_page_does_not_know_looks_unexplained() -> None:
    shown = stairs(EXPLAINED)
    assert shown is not None
    assert [stair.kind for stair in shown.stairs] == ["ideal", "graph", "unexplained", "measured"]


def test_verdict_of_the_row_is_there_to_filter_by() -> None:
    (bar,) = bars(replace(MEASURED, verdicts=(verdict(Outcome.FAIL),))).bars
    assert bar.verdict == "FAIL"
