"""Colours stand out from the paper, and nothing is told by colour alone."""

import pytest

from pytest_cortex.reporting.charts.drawing.timeline import CRITICAL, MODULE
from pytest_cortex.reporting.charts.theme import LOOKS, LOSSES, THEMES, Theme, look_of


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines relative luminance."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_the_one_that_wcag_defines() -> None:
    """Guards the tests below."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> Theme:
    return THEMES[request.param]


def test_text_stands_out(theme: Theme) -> None:
    assert min(contrast(colour, theme.paper) for colour in (theme.ink, theme.muted)) >= 4.5


def test_marks_stand_out(theme: Theme) -> None:
    marks = [*(look.colour for look in LOOKS.values()), *(fill.colour for fill in LOSSES.values())]
    marks += [theme.measured.colour, theme.ink, theme.muted, MODULE.colour, CRITICAL.colour]
    assert min(contrast(colour, theme.paper) for colour in marks) >= 3


def test_verdicts_differ_in_colour_and_in_shape() -> None:
    assert len({look.colour for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


def test_losses_differ_in_colour_and_in_hatch(theme: Theme) -> None:
    fills = [*LOSSES.values(), theme.measured]
    assert len({fill.colour for fill in fills}) == len(fills)
    assert len({fill.hatch for fill in fills}) == len(fills)


def test_measurement_that_stopped_looks_like_one_without_a_gate() -> None:
    assert look_of("ERROR") is LOOKS["no gate"]
    assert look_of("FAIL") is LOOKS["FAIL"]
