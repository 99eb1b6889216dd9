"""Speedup and efficiency: a row per measurement."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from pictures import legend, points, written
from sample_charts import HOSTILE, many, run_of
from sample_records import CONTENDER, MEASURED, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting.charts.content.comparison import MOST_ROWS, Mark, Quantity, comparison, describe
from pytest_cortex.reporting.charts.drawing.comparison import figure
from pytest_cortex.reporting.charts.theme import LOOKS, THEMES


def drawn(record: SessionRecord, quantity: Quantity = "speedup") -> Figure:
    shown = comparison(record, quantity)
    assert shown is not None
    return figure(shown, "subtitle", THEMES["light"])


def marks(record: SessionRecord, quantity: Quantity = "speedup") -> tuple[Mark, ...]:
    shown = comparison(record, quantity)
    return () if shown is None else shown.marks


def test_labels_end_before_the_axes_begin() -> None:
    picture = drawn(session(*(replace(MEASURED, name=name) for name in HOSTILE)))
    picture.draw_without_rendering()
    ends = [text.get_window_extent().x1 for text in picture.texts if text.get_text().startswith(("W", "test_"))]
    assert len(ends) == 2
    assert max(ends) < picture.axes[0].get_window_extent().x0


@pytest.mark.parametrize(("quantity", "place"), [("speedup", 3.92), ("efficiency", 0.98)])
def test_dot_stands_at_the_median(quantity: Quantity, place: float) -> None:
    dots = [
        points(line)[0][0]
        for line in drawn(session(MEASURED), quantity).axes[0].lines
        if line.get_marker() == LOOKS["no gate"].marker
    ]
    assert dots == pytest.approx([place])


@pytest.mark.parametrize(("quantity", "ideal"), [("speedup", 4), ("efficiency", 1)])
def test_ideal_is_every_worker_busy_all_the_time(quantity: Quantity, ideal: float) -> None:
    assert marks(session(MEASURED), quantity)[0].ideal == ideal


def test_interval_reaches_from_low_to_high() -> None:
    (bar,) = drawn(session(MEASURED)).axes[0].patches
    box = bar.get_path().get_extents(bar.get_patch_transform())
    assert (box.x0, box.x1) == pytest.approx((3.9, 3.95))


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    assert legend(drawn(session(replace(MEASURED, ceiling=None)))) == ["no gate", "interval", "ideal (= workers)"]


def test_row_says_not_measured_when_there_is_no_speedup() -> None:
    assert "not measured" in written(drawn(session(replace(UNMEASURED, error="deadlock"))))


def test_axis_begins_at_zero_and_counts_in_whole_numbers() -> None:
    axes = drawn(session(MEASURED)).axes[0]
    assert axes.get_xlim()[0] == 0
    assert axes.get_xlabel() == "Speedup (sequential time / parallel time)"
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_efficiency_axis_reaches_one() -> None:
    assert drawn(session(replace(MEASURED, speedup=0.4)), "efficiency").axes[0].get_xlim()[1] >= 1


def test_contenders_have_no_efficiency() -> None:
    assert comparison(session(CONTENDER), "efficiency") is None
    assert len(marks(session(CONTENDER))) == 1


def test_words_have_every_number_and_verdict() -> None:
    judged = replace(MEASURED, verdicts=(verdict(Outcome.PASS),))
    assert describe(session(judged, UNMEASURED), "speedup") == (
        "Speedup per measurement: small · tests/test_pipeline.py::test_small 3.92 (PASS); "
        "small · tests/test_pipeline.py::test_small – (no gate)."
    )


def test_what_did_not_pass_stays_when_there_are_too_many_to_show() -> None:
    """A picture of a thousand rows would show nothing."""
    record = many(MOST_ROWS + 20)
    record = replace(record, measurements=(*record.measurements[1:4], *[record.measurements[0]] * MOST_ROWS))
    shown = comparison(record, "speedup")
    assert shown is not None
    assert [mark.verdict for mark in shown.marks[:3]] == ["FAIL", "INCONCLUSIVE", "no gate"]
    assert [len(shown.marks), shown.marks[-1].verdict] == [MOST_ROWS, "PASS"]
    assert shown.left_out == f"3 of {MOST_ROWS + 3} measurements are not shown: first come those that did not pass."
    assert shown.left_out in written(figure(shown, "subtitle", THEMES["light"]))
    assert (describe(record, "speedup") or "").endswith(shown.left_out)


def test_nothing_is_said_to_be_left_out_where_nothing_is() -> None:
    shown = comparison(run_of(MEASURED), "speedup")
    assert shown is not None
    assert shown.left_out == ""
