"""A scaling is a curve between the ideal, the ceiling and the fit, and a table."""

from dataclasses import replace

import pytest
from sample_records import SCALING, WIDE_SCALING, session

from pytest_cortex.record import ScalingRecord
from pytest_cortex.reporting.page.curves import Curve, curves_of


def drawn(scaling: ScalingRecord, **environment: object) -> Curve:
    (curve,) = curves_of(replace(session(scalings=(scaling,)), environment=environment))
    return curve


def test_points_stand_at_their_workers_and_speedups() -> None:
    one, two, four, eight = drawn(WIDE_SCALING).points
    assert [round(two.x / one.x, 2), round(four.x / one.x, 2), round(eight.x / one.x, 2)] == [2, 4, 8]
    assert one.y is not None
    assert two.y is not None
    assert (100 - two.y) / (100 - one.y) == pytest.approx(1.85, abs=0.01)


def test_interval_reaches_from_low_to_high() -> None:
    curve = drawn(SCALING)
    two = curve.points[1]
    assert two.y is not None
    assert two.top is not None
    assert two.top < two.y < two.top + two.height


def test_table_has_the_cells_of_the_summary() -> None:
    assert drawn(SCALING).points[1].texts == ("2", "1.60 (1.50–1.70)", "0.80", "2.00", "0.25")


def test_all_lines_are_drawn() -> None:
    assert drawn(WIDE_SCALING).lines.keys() == {"ideal", "ceiling", "fit", "measured"}


def test_lines_that_are_not_known_are_not_drawn() -> None:
    points = tuple(replace(point, ceiling=None, speedup=None, low=None, high=None) for point in SCALING.points)
    curve = drawn(replace(SCALING, points=points, serial_fraction=None, serial_low=None, serial_high=None))
    assert curve.lines.keys() == {"ideal"}
    assert [(point.y, point.top) for point in curve.points] == [(None, None)] * 2
    assert curve.fraction == "not measured"


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("inf")])
def test_fraction_that_is_none_has_no_fit(fraction: float) -> None:
    """More than linear speedup, or a slowdown: Amdahl's law has no curve for it."""
    assert "fit" not in drawn(replace(SCALING, serial_fraction=fraction)).lines


def test_distant_ideal_does_not_flatten_the_curve() -> None:
    points = (SCALING.points[0], replace(SCALING.points[1], workers=64, ceiling=64.0))
    assert float(drawn(replace(SCALING, points=points)).y_ticks[-1].text) < 5


@pytest.mark.parametrize(
    ("environment", "inside", "text"),
    [
        ({"usable_cpus": 1.5}, True, "1.5"),
        ({"usable_cpus": 64}, False, "64"),
        ({}, False, ""),
        ({"usable_cpus": "?"}, False, ""),
    ],
)
def test_cpus_are_drawn_where_they_are_known_and_inside(
    environment: dict[str, object],
    inside: bool,  # noqa: FBT001 - a parameter
    text: str,
) -> None:
    curve = drawn(SCALING, **environment)
    assert (curve.cpus is not None) is inside
    assert curve.cpus_text == text


def test_numbers_of_workers_do_not_overlap_at_the_axis() -> None:
    points = tuple(replace(SCALING.points[1], workers=workers) for workers in (1, 2, 3, 64))
    assert [tick.text for tick in drawn(replace(SCALING, points=points)).x_ticks] == ["1", "64"]


def test_description_gives_the_numbers() -> None:
    assert drawn(SCALING).description == "Speedup by number of workers: 1.00 on 1, 1.60 on 2."


def test_summary_begins_like_a_sentence() -> None:
    assert drawn(replace(SCALING, summary="about a tenth is serial")).summary == "About a tenth is serial"


def test_scaling_without_points_is_no_error() -> None:
    assert drawn(replace(SCALING, points=())).points == ()
