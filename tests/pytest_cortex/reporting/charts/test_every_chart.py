"""What holds for every chart: it repeats to the byte, clips nothing, covers nothing, interprets no name."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from pictures import clipped, overlapping
from sample_charts import HOSTILE, curve, many, rich, run_of, saved, saved_with

from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting.charts import encoding
from pytest_cortex.reporting.charts.catalogue import SOURCE, TITLES, alternative, charts_of
from pytest_cortex.reporting.charts.encoding import Format, draw, encode
from pytest_cortex.reporting.charts.theme import THEMES, ThemeName

TWO = many(2)


def encoded_anew(name: str, format_: Format, theme: ThemeName = "light") -> bytes:
    return encode(TWO, name, format_, theme=theme)


encoded: Callable[..., bytes] = cache(encoded_anew)


def picture(record: SessionRecord, name: str) -> Figure:
    return draw(record, name, THEMES["light"])


def picture_of_history(*names: str, count: int = 5) -> Figure:
    return picture(saved_with(*(saved(name, count) for name in names)), "history")


def test_there_is_data_for_every_chart_in_these_tests() -> None:
    """Guards all tests below."""
    assert charts_of(TWO) == tuple(TITLES)


# Bytes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("format_", ["svg", "png"])
def test_bytes_repeat_whatever_the_users_settings(name: str, format_: Format) -> None:
    theirs = {
        "font.size": 30,
        "axes.facecolor": "red",
        "svg.fonttype": "none",
        "text.usetex": True,
        "hatch.color": "red",
    }
    with mpl.rc_context(theirs):  # type: ignore[arg-type] # the stub wants every key spelt out
        assert encoded_anew(name, format_) == encoded(name, format_)


def test_users_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    encode(TWO, "speedup", "png")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", TITLES)
def test_svg_is_well_formed_has_no_date_and_says_whose_it_is(name: str) -> None:
    data = encoded(name, "svg").decode()
    ET.fromstring(data)  # noqa: S314 - our own drawing
    assert "<dc:date>" not in data
    assert "<dc:creator>" not in data
    assert f"<dc:source>{SOURCE}</dc:source>" in data


@pytest.mark.parametrize("name", TITLES)
def test_png_says_whose_it_is(name: str) -> None:
    assert f"Source\0{SOURCE}".encode() in encoded(name, "png")


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("theme", THEMES)
def test_paper_is_opaque_and_of_the_themes_colour(name: str, theme: ThemeName) -> None:
    corner = imread(io.BytesIO(encoded(name, "png", theme)))[0, 0]
    assert "#" + "".join(f"{round(255 * channel):02x}" for channel in corner[:3]) == THEMES[theme].paper
    assert corner[3] == 1


def test_resolution_gives_way_when_there_are_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rasteriser refuses 65,536 pixels, the height of a thousand rows."""
    monkeypatch.setattr(encoding, "MOST_PIXELS", 300)
    data = encode(TWO, "speedup", "png")
    assert 290 <= int.from_bytes(data[20:24]) <= 300


# Room -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("count", [1, 4])
def test_nothing_is_clipped_and_no_text_runs_into_another(name: str, count: int) -> None:
    shown = picture(many(count), name)
    assert not clipped(shown)
    assert overlapping(shown) == []


@pytest.mark.parametrize("name", TITLES)
def test_nothing_is_clipped_when_there_are_forty(name: str) -> None:
    assert not clipped(picture(many(40), name))


@pytest.mark.parametrize("name", TITLES)
def test_names_of_any_kind_fit(name: str) -> None:
    run = run_of(*map(rich, HOSTILE), scalings=tuple(map(curve, HOSTILE[4:])))
    shown = picture(saved_with(*map(saved, HOSTILE), run=run), name)
    assert not clipped(shown)
    assert overlapping(shown) == []


@pytest.mark.parametrize("name", ["missing-speedup", "speedup", "efficiency", "rounds"])
@pytest.mark.parametrize("speedups", [(1e-9, 0.01), (123.456, 1e9)], ids=["tiny", "huge"])
def test_numbers_of_any_size_fit(name: str, speedups: tuple[float, ...]) -> None:
    assert not clipped(picture(run_of(*(rich(f"{speedup}", speedup) for speedup in speedups)), name))


@pytest.mark.parametrize("count", [1, 2, 300])
def test_history_of_any_length_fits(count: int) -> None:
    shown = picture_of_history("small", count=count)
    assert not clipped(shown)
    assert overlapping(shown) == []


# Words ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["missing-speedup", "speedup"])
def test_svg_runs_nothing_when_names_are_hostile(name: str) -> None:
    data = encode(run_of(*map(rich, HOSTILE)), name, "svg").decode()
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(data).iter()}  # noqa: S314 - our own drawing
    assert "script" not in tags
    assert "<script" not in data


def test_dollar_signs_stay_dollar_signs() -> None:
    shown = picture(run_of(rich("$x^2$"), rich()), "missing-speedup")
    label = next(text for text in shown.texts if text.get_text() == "$x^2$")
    assert label.get_parse_math() is False


@pytest.mark.parametrize("name", TITLES)
def test_chart_says_in_words_what_it_shows(name: str) -> None:
    """Those who cannot see it get every name with its numbers, in the picture's own file as well."""
    said = alternative(name, TWO)
    assert said is not None
    assert ("program 1" if name == "scaling" else "scenario 1") in said
    assert said.partition(":")[0] in encoded(name, "svg").decode()


# What cannot be drawn -------------------------------------------------------------------------------------------------


def test_no_chart_has_data_when_nothing_was_measured() -> None:
    assert charts_of(run_of()) == ()


@pytest.mark.parametrize("name", TITLES)
def test_chart_without_data_says_what_to_do_instead(name: str) -> None:
    with pytest.raises(ValueError, match=f"nothing to show in the chart {name!r}: ask charts_of"):
        encode(run_of(), name, "svg")


@pytest.mark.parametrize("ask", [alternative, lambda name, record: encode(record, name, "svg")])
def test_unknown_chart_is_an_error(ask: Callable[[str, SessionRecord], object]) -> None:
    with pytest.raises(KeyError):
        ask("pie", TWO)
