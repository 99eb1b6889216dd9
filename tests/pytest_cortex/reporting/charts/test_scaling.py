"""Speedup against workers: points, ideal, ceiling, CPUs, and Amdahl's law with its fraction in words."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from pictures import legend, written
from sample_charts import curve, rich, run_of
from sample_records import SCALING

from pytest_cortex.judging.scaling import speedup_for
from pytest_cortex.record import ScalingRecord
from pytest_cortex.reporting.charts.content.scaling import (
    MOST_CURVES,
    Curve,
    Curves,
    describe,
    percent,
    sampled,
    scaling,
    usable_cpus,
)
from pytest_cortex.reporting.charts.drawing.scaling import figure
from pytest_cortex.reporting.charts.theme import THEMES

UNKNOWN = replace(SCALING.points[1], speedup=None, low=None, high=None, ceiling=None, karp_flatt=None)
BARE = replace(SCALING, serial_fraction=None, points=(replace(UNKNOWN, workers=1), replace(UNKNOWN, speedup=1.5)))


def shown(*scalings: ScalingRecord) -> Curves:
    found = scaling(run_of(rich(), scalings=scalings))
    assert found is not None
    return found


def only(one: ScalingRecord) -> Curve:
    (found,) = shown(one).curves
    return found


def drawn(*scalings: ScalingRecord) -> Figure:
    return figure(shown(*scalings), "subtitle", THEMES["light"])


@pytest.mark.parametrize("workers", [1, 2, 8, 100])
def test_fitted_curve_is_amdahls(workers: int) -> None:
    assert only(curve(serial=0.1)).fitted(workers) == pytest.approx(speedup_for(0.1, workers))


def test_fitted_curve_ends_where_no_finite_speedup_is_expected() -> None:
    """A fraction below 0 expects more than linear speedup, and from some number of workers on an infinite one."""
    superlinear = only(replace(curve(workers=(1, 4, 16)), serial_fraction=-0.1))
    points = sampled(superlinear)
    assert points[0] == pytest.approx((1, 1))
    assert 10 < points[-1][0] < 11.1


def test_there_is_no_curve_without_a_fraction() -> None:
    assert sampled(only(BARE)) == []


def test_there_is_no_chart_without_a_point() -> None:
    assert scaling(run_of(rich())) is None
    assert scaling(run_of(rich(), scalings=(replace(SCALING, points=(UNKNOWN,)),))) is None


def test_words_have_the_points_and_the_fraction() -> None:
    assert describe(run_of(rich(), scalings=(SCALING,))) == (
        "Speedup against workers. curve: 1.00 on 1 worker, 1.60 on 2 workers; "
        "Amdahl's serial fraction 25.0 % (20.0 % to 30.0 %)."
    )
    assert "serial fraction unknown" in (describe(run_of(rich(), scalings=(BARE,))) or "")


def test_picture_has_karp_and_flatts_fraction_of_each_point_and_what_was_fitted() -> None:
    texts = written(drawn(SCALING))
    assert {"Karp–Flatt", "25.0 %", "1.60 (1.50–1.70)", "0.80", "25 % is serial", "curve"} <= set(texts)
    assert "tests/test_pipeline.py::test_curve · 2 usable CPUs" in texts


@pytest.mark.parametrize(("value", "cpus"), [(2, 2.0), (1.5, 1.5), (None, None), ("two", None), (0, None)])
def test_cpus_are_those_of_the_environment(value: object, cpus: float | None) -> None:
    assert usable_cpus(replace(run_of(), environment={"usable_cpus": value})) == cpus


def test_cpus_are_marked_as_far_as_the_axis_reaches() -> None:
    assert "usable CPUs" in legend(drawn(curve(workers=(1, 2, 4))))
    many_cpus = replace(run_of(scalings=(SCALING,)), environment={"usable_cpus": 64})
    found = scaling(many_cpus)
    assert found is not None
    assert "usable CPUs" not in legend(figure(found, "subtitle", THEMES["light"]))


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    assert legend(drawn(curve())) == [
        "median",
        "95 % interval",
        "Amdahl's law, fitted",
        "ceiling of the graph",
        "ideal (= workers)",
        "usable CPUs",
    ]
    assert legend(drawn(BARE)) == ["median", "ideal (= workers)", "usable CPUs"]


def test_ticks_are_the_measured_numbers_of_workers() -> None:
    axes = drawn(curve(workers=(1, 2, 3, 4))).axes[0]
    assert sorted(axes.get_xticks()) == [1, 2, 3, 4]
    assert all(float(tick).is_integer() for tick in axes.get_yticks())
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("linear", "Workers", "Speedup over one worker")


def test_ticks_that_would_run_into_each_other_are_left_out() -> None:
    ticks = sorted(drawn(curve(workers=[1, *range(100, 120)])).axes[0].get_xticks())
    assert ticks[-1] == 119
    assert 1 in ticks
    assert len(ticks) < 6


def test_many_workers_are_shown_on_a_logarithmic_scale() -> None:
    axes = drawn(curve(workers=(1, 8, 64))).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "Workers (log scale)"


def test_table_beside_the_curve_leaves_out_its_middle_when_it_is_long() -> None:
    texts = written(drawn(curve(workers=range(1, 15))))
    assert "…" in texts
    assert {"1", "4", "11", "14"} <= set(texts)


def test_programs_beyond_the_most_are_counted() -> None:
    found = shown(*(curve(f"{number}") for number in range(MOST_CURVES + 3)))
    assert len(found.curves) == MOST_CURVES
    assert found.left_out == "3 of 23 programs are not shown: summary.md has all of them."


@pytest.mark.parametrize(("fraction", "text"), [(0.125, "12.5 %"), (-0.1, "−10.0 %"), (None, "–")])
def test_fraction_is_shown_in_percent(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text
