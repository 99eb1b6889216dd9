"""The history: a panel per program and kind of machine, its runs in the order of time."""

import math
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from pictures import legend, points, written
from sample_charts import saved, saved_with

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import HistorySeries
from pytest_cortex.reporting.charts.content.history import MOST_PANELS, MOST_RUNS, Trends, describe, history
from pytest_cortex.reporting.charts.drawing.history import MOST_MARKS, figure
from pytest_cortex.reporting.charts.theme import LOOKS, THEMES


def shown(*series: HistorySeries) -> Trends:
    found = history(saved_with(*series))
    assert found is not None
    return found


def drawn(*series: HistorySeries) -> Figure:
    return figure(shown(*series), "subtitle", THEMES["light"])


def test_there_is_a_panel_per_series_with_a_run() -> None:
    found = shown(saved("a"), replace(saved("b"), points=()), saved("c"))
    assert [trend.label for trend in found.trends] == ["a on 4 workers", "c on 4 workers"]
    assert found.trends[0].detail == "tests/test_pipeline.py::test_small · Linux x86_64, 2 CPUs, CPython 3.11"
    assert history(saved_with()) is None


def test_run_that_measured_nothing_is_left_out() -> None:
    points = saved(count=3).points
    broken = replace(saved(), points=(replace(points[0], speedup=math.nan), *points[1:]))
    assert len(shown(broken).trends[0].runs) == 2


def test_oldest_runs_go_when_there_are_too_many() -> None:
    trend = shown(saved(count=MOST_RUNS + 7)).trends[0]
    assert (len(trend.runs), trend.earlier) == (MOST_RUNS, 7)
    assert trend.runs[0].day == "2026-01-08"
    assert any("7 earlier runs not shown" in text for text in written(drawn(saved(count=MOST_RUNS + 7))))


def test_what_fails_now_stays_when_there_are_too_many_programs() -> None:
    passed = [saved(f"{number}") for number in range(MOST_PANELS)]
    found = shown(*passed, saved("failed", outcome=Outcome.FAIL))
    assert len(found.trends) == MOST_PANELS
    assert found.trends[-1].label == "failed on 4 workers"
    assert found.left_out.startswith("1 of 41 programs are not shown")


def test_words_have_first_last_and_range() -> None:
    assert describe(saved_with(saved())) == (
        "Speedup from run to run: small on 4 workers (tests/test_pipeline.py::test_small · Linux x86_64, 2 CPUs, "
        "CPython 3.11): 5 runs from 2026-01-01 12:00 to 2026-01-05 12:00, the last 3.90 (PASS), all from 3.80 to 4.00."
    )
    assert describe(saved_with()) is None


def test_date_of_any_form_is_shown() -> None:
    points = (replace(saved().points[0], created_at="yesterday"),)
    assert "yesterday" in written_after_drawing(drawn(replace(saved(), points=points)))


def written_after_drawing(picture: Figure) -> list[str]:
    """Ticks get their labels when they are drawn."""
    picture.draw_without_rendering()
    return written(picture)


def test_dates_are_written_as_far_as_there_is_room() -> None:
    axes = drawn(saved(count=300)).axes[0]
    ticks = [int(tick) for tick in axes.get_xticks()]
    assert (ticks[0], ticks[-1]) == (0, 299)
    assert len(ticks) <= 7


def test_limit_is_a_line_with_gaps_where_there_was_none() -> None:
    limit = next(line for line in drawn(saved(count=3)).axes[0].lines if line.get_color() == THEMES["light"].ink)
    assert [x for x, _ in points(limit)] == [-0.5, 0.5, 0.5, 1.5, 1.5, 2.5]
    assert [math.isnan(y) for _, y in points(limit)] == [True, True, False, False, False, False]


def test_everything_is_within_the_axis() -> None:
    low, high = drawn(saved()).axes[0].get_ylim()
    assert low < 3.4
    assert high > 4.1


@pytest.mark.parametrize(("count", "marked"), [(MOST_MARKS, True), (MOST_MARKS + 1, False)])
def test_marks_of_passes_go_when_there_are_many_runs(count: int, marked: bool) -> None:  # noqa: FBT001 - a parameter
    lines = drawn(saved(count=count)).axes[0].lines
    assert any(line.get_marker() == LOOKS["PASS"].marker for line in lines) is marked


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    assert legend(drawn(saved())) == ["PASS", "no gate", "interval", "limit"]
    assert legend(drawn(saved(count=1))) == ["no gate"]
