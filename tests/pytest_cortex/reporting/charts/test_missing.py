"""Where the missing speedup went: bars that add up, gains shown as gains, and nothing invented."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pictures import legend, written
from sample_charts import rich, run_of, way
from sample_records import CONTENDER, EXPLAINED, MEASURED, UNMEASURED, session

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import MeasurementRecord, StepRecord
from pytest_cortex.reporting.charts.content.missing import MOST_ROWS, NOT_LOOKED_INTO, Missing, Way, describe, missing
from pytest_cortex.reporting.charts.drawing.missing import FURTHEST, figure
from pytest_cortex.reporting.charts.theme import THEMES

LOCKED = replace(rich("locked", 1.0, outcome=Outcome.FAIL), steps=way(4, 4, 1.1, 1, 1, because="a lock at a.py:7"))
GAINED = replace(rich("gained", 3.6), steps=way(4, 4, 3.0, 3.2, 3.6))
OTHER = replace(MEASURED, name="other")


def shown(*measurements: MeasurementRecord) -> Missing:
    found = missing(run_of(*measurements))
    assert found is not None
    return found


def only(measurement: MeasurementRecord) -> Way:
    (found,) = shown(measurement).ways
    return found


def drawn(*measurements: MeasurementRecord) -> Figure:
    return figure(shown(*measurements), "subtitle", THEMES["light"])


def bars(picture: Figure) -> list[tuple[float, float, float]]:
    """Where each bar begins and ends, and how high it is."""
    boxes = [bar.get_path().get_extents(bar.get_patch_transform()) for bar in picture.axes[0].patches]
    return [(round(box.x0, 4), round(box.x1, 4), round(box.height, 2)) for box in boxes]


# What is shown --------------------------------------------------------------------------------------------------------


def test_losses_lead_from_the_ideal_to_the_measured() -> None:
    losses = only(LOCKED).losses
    assert [(loss.name, round(loss.lost, 2)) for loss in losses] == [
        ("graph", 0),
        ("balance", 0),
        ("contention", 2.9),
        ("overhead", 0.1),
        ("unexplained", 0),
    ]


@given(
    levels=st.lists(st.floats(0.01, 500), min_size=5, max_size=5),
    speedup=st.floats(0.01, 500),
    workers=st.integers(1, 64),
)
def test_sum_of_all_losses_is_what_is_missing(levels: list[float], speedup: float, workers: int) -> None:
    """Whatever the steps say, also those of a record that ends a little beside its speedup."""
    found = only(replace(rich(speedup=speedup, workers=workers), steps=way(*levels)))
    assert sum(loss.lost for loss in found.losses) == pytest.approx(workers - speedup, abs=1e-6)
    assert found.losses[-1].after == pytest.approx(speedup)


def test_gain_is_a_negative_loss() -> None:
    found = only(GAINED)
    assert [round(loss.lost, 2) for loss in found.losses] == [0, 0, 1.0, -0.2, -0.4]
    assert found.gained == pytest.approx(0.6)
    assert found.in_words == "contention −1.00, overhead +0.20, unexplained +0.40"


def test_largest_loss_says_why() -> None:
    assert only(LOCKED).in_words == "contention −2.90, overhead −0.10 · a lock at a.py:7"


@pytest.mark.parametrize("steps", [(), way(4, 4, 3.9, math.nan, 3.5)], ids=["none", "not finite"])
def test_program_that_was_not_looked_into_says_so(steps: tuple[StepRecord, ...]) -> None:
    """A single bar from the ideal to the measured: more is not known."""
    found = only(replace(rich(), steps=steps))
    assert [(loss.name, loss.lost) for loss in found.losses] == [(NOT_LOOKED_INTO, 0.5)]
    assert found.in_words == "not looked into −0.50"


def test_step_of_another_name_is_unexplained() -> None:
    """A chart has five colours; a record may come from anywhere."""
    assert [loss.name for loss in only(EXPLAINED).losses] == ["graph", "unexplained"]


def test_nothing_is_missing_where_nothing_is() -> None:
    assert only(replace(rich(speedup=4.0), steps=way(4, 4, 4, 4, 4))).in_words == "nothing is missing"


def test_contenders_have_no_ideal_to_miss() -> None:
    assert missing(run_of(CONTENDER)) is None
    assert [found.label for found in shown(CONTENDER, rich()).ways] == ["small"]


def test_there_is_no_chart_when_no_speedup_was_measured() -> None:
    assert missing(run_of(UNMEASURED)) is None


def test_words_tell_the_whole_way() -> None:
    said = describe(run_of(LOCKED, replace(UNMEASURED, name="stopped")))
    assert said == (
        "Where the missing speedup went, from the ideal down to the measured: "
        "locked 1.00 of 4: contention −2.90, overhead −0.10 · a lock at a.py:7; stopped not measured."
    )


def test_those_that_miss_most_stay_when_there_are_too_many_to_show() -> None:
    measurements = [replace(MEASURED, name=f"{number}", speedup=1 + 0.01 * number) for number in range(MOST_ROWS + 5)]
    found = missing(session(*measurements))
    assert found is not None
    assert [found.ways[0].label, found.ways[-1].label] == ["0", f"{MOST_ROWS - 1}"]
    assert found.left_out.startswith(
        f"5 of {MOST_ROWS + 5} measurements are not shown: first come those that did not pass, then"
    )


# How it is drawn ------------------------------------------------------------------------------------------------------


def test_bar_adds_up_to_the_ideal() -> None:
    """From the left what was measured, then the last loss, and the first one ends at the ideal."""
    assert bars(drawn(LOCKED, UNMEASURED)) == [(0, 0.25, 0.24), (0.25, 0.275, 0.24), (0.275, 1, 0.24)]


def test_gains_are_drawn_beyond_the_ideal_above_the_bar() -> None:
    """Measured and lost are as much as ideal and gained."""
    assert bars(drawn(GAINED, UNMEASURED)) == [(0, 0.9, 0.24), (0.9, 1.15, 0.24), (1, 1.05, 0.09), (1.05, 1.15, 0.09)]


def test_bar_that_reaches_too_far_is_cut_and_marked() -> None:
    """A speedup of 500 on four workers would leave no room for the rest."""
    picture = drawn(rich(speedup=500.0), OTHER)
    axes = picture.axes[0]
    assert axes.get_xlim()[1] == pytest.approx(1.02 * FURTHEST)
    assert max(end for _, end, _ in bars(picture)) <= axes.get_xlim()[1]
    assert [line.get_marker() for line in axes.lines] == [">"]
    assert "500 of 4" in written(picture)


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    assert legend(drawn(LOCKED, UNMEASURED)) == ["measured", "overhead", "contention", "ideal"]
    gains = ["measured", "unexplained", "overhead", "contention", "not looked into", "gained (above)", "ideal"]
    assert legend(drawn(GAINED, OTHER)) == gains


def test_one_measurement_is_shown_step_by_step() -> None:
    """With room for the reason of each."""
    picture = drawn(LOCKED)
    assert bars(picture) == [(0, 4, 0.24), (1.1, 4, 0.24), (1, 1.1, 0.24), (0, 1, 0.24)]
    texts = written(picture)
    assert "Where the missing speedup went: locked" in texts
    assert texts.count("a lock at a.py:7") == 5
    assert {"ideal", "graph", "balance", "contention", "overhead", "unexplained", "measured"} <= set(texts)
    assert {"−2.90", "−0.10", "0"} <= set(texts)
    assert all(float(tick).is_integer() for tick in picture.axes[0].get_xticks())


def test_gain_step_by_step_goes_back_up() -> None:
    assert (3.2, 3.6, 0.24) in bars(drawn(GAINED))
    assert "+0.40" in written(drawn(GAINED))


def test_one_measurement_that_was_not_looked_into_is_a_single_bar() -> None:
    assert bars(drawn(replace(rich(), steps=()))) == [(0, 0.875, 0.24), (0.875, 1, 0.24)]


def test_gain_of_a_program_that_was_not_looked_into_is_shown_too() -> None:
    assert bars(drawn(replace(rich(speedup=5.0), steps=()))) == [(0, 1.25, 0.24), (1, 1.25, 0.09)]
