"""The rounds: only those that count are drawn, the others are counted in words, and the tested value is marked."""

import math
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from pictures import legend, points, written
from sample_charts import made, rich, run_of
from sample_records import MEASURED, UNMEASURED, session

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SettingRecord
from pytest_cortex.reporting.charts.content.rounds import MOST_PANELS, Spread, Spreads, describe, rounds
from pytest_cortex.reporting.charts.drawing.rounds import figure
from pytest_cortex.reporting.charts.theme import THEMES


def shown(*measurements: MeasurementRecord) -> Spreads:
    found = rounds(run_of(*measurements))
    assert found is not None
    return found


def only(one: MeasurementRecord) -> Spread:
    (found,) = shown(one).spreads
    return found


def drawn(*measurements: MeasurementRecord) -> Figure:
    return figure(shown(*measurements), "subtitle", THEMES["light"])


def of(*speedups: float) -> MeasurementRecord:
    counted = [
        RoundRecord(sequential_s=speedup, parallel_s=1.0, first=Arm.PARALLEL, warmup=False) for speedup in speedups
    ]
    return replace(rich(speedup=speedups[0]), rounds=tuple(counted))


def test_only_rounds_that_count_are_shown_in_order_of_size() -> None:
    found = only(replace(rich(), rounds=(*made(3.5, 3), *of(4.0).rounds)))
    assert len(found.speedups) == 4
    assert list(found.speedups) == sorted(found.speedups)
    assert found.not_counted == "2 warm-ups and 1 disturbed"


@pytest.mark.parametrize(
    ("warmups", "spoilt", "text"),
    [(0, 0, ""), (1, 0, "1 warm-up"), (0, 3, "3 disturbed")],
    ids=["none", "one", "three"],
)
def test_rounds_that_do_not_count_are_counted(warmups: int, spoilt: int, text: str) -> None:
    assert only(replace(rich(), rounds=made(3.5, warmups=warmups, spoilt=spoilt))).not_counted == text


def test_tested_value_is_the_limit_less_the_margin() -> None:
    found = only(rich(workers=4))
    assert found.tested == pytest.approx(0.98 * 3.4)
    assert found.below == sum(speedup < 0.98 * 3.4 for speedup in found.speedups)


@pytest.mark.parametrize("value", [None, "2 %", 1.5])
def test_limit_itself_is_taken_when_the_margin_is_unknown(value: object) -> None:
    record = replace(run_of(rich()), settings={"margin": SettingRecord(value=value, origin="file")})
    found = rounds(record)
    assert found is not None
    assert found.spreads[0].tested == 3.4


def test_no_value_is_tested_without_a_gate() -> None:
    found = only(rich(outcome=None))
    assert (found.tested, found.below, found.counted_text) == (None, 0, "14 rounds")


def test_round_without_a_ratio_is_left_out() -> None:
    broken = [
        RoundRecord(sequential_s=one, parallel_s=other, first=Arm.PARALLEL, warmup=False)
        for one, other in ((1.0, 0.0), (math.nan, 1.0), (1.0, math.nan))
    ]
    assert only(replace(of(2.0), rounds=(*broken, *of(2.0).rounds))).speedups == (2.0,)


def test_there_is_no_chart_without_a_round_that_counts() -> None:
    assert rounds(session(UNMEASURED, replace(MEASURED, rounds=MEASURED.rounds[:1]))) is None


def test_words_say_where_the_rounds_lie() -> None:
    assert describe(run_of(of(3.0, 3.5, 4.0))) == (
        "Speedup round by round: small 3.00 to 4.00 (PASS) in 3 rounds, 1 below 3.33."
    )
    assert "not counted 2 warm-ups and 1 disturbed" in (describe(run_of(rich())) or "")


def test_measurements_beyond_the_most_are_counted() -> None:
    found = shown(*(replace(of(2.0), name=f"{number}") for number in range(MOST_PANELS + 1)))
    assert len(found.spreads) == MOST_PANELS
    assert found.left_out.startswith(f"1 of {MOST_PANELS + 1} measurements are not shown")


def test_curve_climbs_from_no_round_to_all() -> None:
    picture = drawn(of(3.0, 3.5, 4.0))
    climbed = points(picture.axes[0].lines[0])
    assert [(x, round(y, 2)) for x, y in climbed] == [(3, 0), (3, 0.33), (3.5, 0.67), (4, 1)]


def test_small_print_counts_the_rounds() -> None:
    texts = written(drawn(rich()))
    assert "not counted: 2 warm-ups and 1 disturbed" in texts
    assert any(text.startswith("14 rounds, ") for text in texts)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (5, 3)])
def test_panels_stand_side_by_side(count: int, columns: int) -> None:
    picture = drawn(*(replace(of(3.0, 3.5), name=f"{number}") for number in range(count)))
    assert len({round(axes.get_position().x0, 3) for axes in picture.axes}) == columns


def test_axis_has_room_when_all_rounds_are_alike() -> None:
    low, high = drawn(replace(of(2.0, 2.0), speedup_low=None, speedup_high=None, verdicts=())).axes[0].get_xlim()
    assert low < 2 < high


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    both = (rich(), rich("b", outcome=Outcome.FAIL))
    assert legend(drawn(*both)) == ["PASS", "FAIL", "interval of the median", "tested: limit less margin"]
    bare = replace(rich(outcome=None), speedup=None, speedup_low=None, speedup_high=None)
    assert legend(drawn(bare)) == ["no gate"]
