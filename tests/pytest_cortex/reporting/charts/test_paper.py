"""Text on paper: what the font lacks, what does not fit, and how much room a legend takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.lines import Line2D

from pytest_cortex.reporting.charts.drawing.paper import (
    HEAD,
    LEGEND_LINE,
    SMALL,
    beginning,
    fitted,
    head_height,
    inches,
    visible,
    wrapped,
)


def test_character_that_the_font_lacks_becomes_a_box() -> None:
    assert visible("a\U0001f680b") == "a□b"


@settings(max_examples=30)
@given(text=st.text(max_size=60), width=st.floats(0.3, 4))
def test_text_is_made_to_fit(text: str, width: float) -> None:
    for made in (fitted(text, width, SMALL), beginning(text, width, SMALL), *wrapped(text, width, SMALL, most=2)):
        assert inches(made, SMALL) <= width


@given(text=st.text(alphabet="ab ", max_size=80), most=st.integers(1, 4))
def test_wrapped_text_keeps_every_word_or_says_that_it_does_not(text: str, most: int) -> None:
    lines = wrapped(text, 0.6, SMALL, most=most)
    assert len(lines) <= most
    assert " ".join(lines) == " ".join(text.split()) or any("…" in line for line in lines)


def test_sentence_that_is_too_long_keeps_its_beginning() -> None:
    cut = beginning("a lock at a.py:7, where all of them waited", 1.0, SMALL)
    assert cut.startswith("a lock at")
    assert cut.endswith("…")
    assert beginning("short", 1.0, SMALL) == "short"


@pytest.mark.parametrize(("labels", "lines"), [([], 0), (["a"], 1), (["short"] * 4, 1), (["x" * 50] * 5, 3)])
def test_legend_takes_as_many_lines_as_its_names_need(labels: list[str], lines: int) -> None:
    handles = [Line2D((), (), label=label) for label in labels]
    assert head_height(handles) == pytest.approx(HEAD + lines * LEGEND_LINE)


def test_name_that_is_wider_than_the_paper_has_a_line_of_its_own() -> None:
    handles = [Line2D((), (), label="x" * 300), Line2D((), (), label="y")]
    assert head_height(handles) == pytest.approx(HEAD + 2 * LEGEND_LINE)
