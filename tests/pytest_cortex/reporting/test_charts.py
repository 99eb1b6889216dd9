"""The charts repeat to the byte, clip nothing and interpret no name."""

import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import cast

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from sample_records import MEASURED, UNMEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting import charts
from pytest_cortex.reporting.canvas import LOOKS, figure, visible
from pytest_cortex.reporting.chart_rows import Quantity, chart
from pytest_cortex.reporting.charts import Format, encode
from pytest_cortex.reporting.rows import rows

HOSTILE = [
    "$x^2$ and $\\frac{1}{2}$",
    "<script>alert(1)</script> --> &amp;",
    "rocket \U0001f680 and \u65e5\u672c",
    "quotes \" ' `",
    "line\nbreak\r\x00\x1b[31m \udcff \u202e",
    "W" * 100,
    "test_" + "long_" * 20 + "[param-7]",
    "",
]


def drawn(record: SessionRecord, quantity: Quantity = "speedup") -> Figure:
    return figure(chart(rows(record), quantity), "subtitle")


def written(picture: Figure) -> list[str]:
    return [text.get_text() for text in picture.findobj(Text)]


def clipped(picture: Figure) -> bool:
    """Whether anything drawn sticks out of the paper."""
    width, height = picture.get_size_inches()
    box = picture.get_tightbbox()
    return bool(box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height)


def mixed(count: int) -> SessionRecord:
    outcomes = [*Outcome] * count
    many = [replace(MEASURED, name=f"s{i}", verdicts=(verdict(outcomes[i]),)) for i in range(count)]
    return session(*many)


@pytest.mark.parametrize("quantity", ["speedup", "efficiency"])
@pytest.mark.parametrize("format_", ["svg", "png"])
def test_bytes_repeat(quantity: Quantity, format_: Format) -> None:
    record = mixed(3)
    assert encode(record, quantity, format_) == encode(record, quantity, format_)


def test_bytes_do_not_depend_on_the_users_settings() -> None:
    plain = encode(mixed(3), "speedup", "svg")
    theirs = {"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none", "text.usetex": True}
    with mpl.rc_context(theirs):  # type: ignore[arg-type] # the stub wants every key spelt out
        assert encode(mixed(3), "speedup", "svg") == plain


def test_users_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    encode(mixed(3), "speedup", "png")
    assert dict(mpl.rcParams) == before


def test_svg_has_no_date_and_no_version() -> None:
    data = encode(mixed(1), "speedup", "svg").decode()
    assert "<dc:date>" not in data
    assert "<dc:creator>" not in data


def test_svg_says_what_it_shows_for_those_who_cannot_see_it() -> None:
    assert "Speedup per measurement: s0 3.92 (PASS)." in encode(mixed(1), "speedup", "svg").decode()


def test_svg_is_well_formed_and_runs_nothing_when_names_are_hostile() -> None:
    data = encode(session(*(replace(MEASURED, name=name) for name in HOSTILE)), "speedup", "svg").decode()
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(data).iter()}  # noqa: S314 - our own drawing
    assert "script" not in tags
    assert "<script" not in data


@pytest.mark.parametrize("count", [0, 1, 4, 40])
@pytest.mark.parametrize("quantity", ["speedup", "efficiency"])
def test_nothing_is_clipped(count: int, quantity: Quantity) -> None:
    assert not clipped(drawn(mixed(count), quantity))


def test_nothing_is_clipped_when_names_are_hostile() -> None:
    assert not clipped(drawn(session(*(replace(MEASURED, name=name) for name in HOSTILE))))


@pytest.mark.parametrize("speedup", [1e-9, 0.0, 123.456, 1e9])
def test_nothing_is_clipped_when_numbers_are_extreme(speedup: float) -> None:
    one = replace(MEASURED, speedup=speedup, speedup_low=speedup / 2, speedup_high=speedup * 2)
    assert not clipped(drawn(session(one)))


def test_labels_end_before_the_axes_begin() -> None:
    picture = drawn(session(*(replace(MEASURED, name=name) for name in HOSTILE)))
    picture.draw_without_rendering()
    axes = picture.axes[0]
    ends = [text.get_window_extent().x1 for text in axes.texts if text.get_position()[0] < 0.5]
    assert max(ends) < axes.get_window_extent().x0


def test_dollar_signs_stay_dollar_signs() -> None:
    picture = drawn(session(replace(MEASURED, name="$x^2$")))
    label = next(text for text in picture.axes[0].texts if text.get_text() == "$x^2$")
    assert label.get_parse_math() is False


def test_character_that_the_font_lacks_becomes_a_box() -> None:
    assert visible("a\U0001f680b") == "a□b"


@pytest.mark.parametrize(("quantity", "place"), [("speedup", 3.92), ("efficiency", 0.98)])
def test_dot_stands_at_the_median(quantity: Quantity, place: float) -> None:
    dots = [
        float(cast("list[float]", line.get_xdata())[0])
        for line in drawn(session(MEASURED), quantity).axes[0].lines
        if line.get_marker() == LOOKS["no gate"].marker
    ]
    assert dots == pytest.approx([place])


@pytest.mark.parametrize(("quantity", "ideal"), [("speedup", 4), ("efficiency", 1)])
def test_ideal_is_every_worker_busy_all_the_time(quantity: Quantity, ideal: float) -> None:
    assert chart(rows(session(MEASURED)), quantity).marks[0].ideal == ideal


def test_interval_reaches_from_low_to_high() -> None:
    (bar,) = drawn(session(MEASURED)).axes[0].patches
    box = bar.get_path().get_extents(bar.get_patch_transform())
    assert (box.x0, box.x1) == pytest.approx((3.9, 3.95))


def test_verdicts_differ_in_colour_and_in_shape() -> None:
    assert len({look.colour for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    picture = drawn(session(replace(MEASURED, ceiling=None)))
    names = [text.get_text() for text in picture.legends[0].get_texts()]
    assert names == ["no gate", "interval", "ideal (= workers)"]


def test_legend_does_not_cover_the_data() -> None:
    picture = drawn(mixed(3))
    picture.draw_without_rendering()
    assert not picture.legends[0].get_window_extent().overlaps(picture.axes[0].get_window_extent())


def test_row_says_not_measured_when_there_is_no_speedup() -> None:
    assert "not measured" in written(drawn(session(replace(UNMEASURED, error="deadlock"))))


def test_axis_begins_at_zero_and_counts_in_whole_numbers() -> None:
    axes = drawn(session(MEASURED)).axes[0]
    assert axes.get_xlim()[0] == 0
    assert axes.get_xlabel() == "Speedup (sequential time / parallel time)"
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_efficiency_axis_reaches_one() -> None:
    assert drawn(session(replace(MEASURED, speedup=0.4)), "efficiency").axes[0].get_xlim()[1] >= 1


def test_resolution_gives_way_when_there_are_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rasteriser refuses 65,536 pixels, the height of a thousand rows."""
    monkeypatch.setattr(charts, "MOST_PIXELS", 300)
    data = encode(mixed(4), "speedup", "png")
    assert 290 <= int.from_bytes(data[20:24]) <= 300


def test_background_is_opaque_on_light_and_dark_pages() -> None:
    pixels = imread(io.BytesIO(encode(mixed(1), "speedup", "png")))
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]
