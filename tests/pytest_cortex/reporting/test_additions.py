"""What other plugins add stays within its section, and says whose it is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import MEASURED, session

from pytest_cortex.record import SectionRecord
from pytest_cortex.reporting.additions import tamed
from pytest_cortex.reporting.summary import markdown


def lines(text: str) -> list[str]:
    return list(tamed(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** and [a link](https://example.org)", ["**bold** and [a link](https://example.org)"]),
        ("# Large\n## Less\n### Small", ["### Large", "### Less", "### Small"]),
        ("#hashtag\n#", ["#hashtag", "###"]),
        ("<script>alert(1)</script>", ["&lt;script>alert(1)&lt;/script>"]),
        ("`a < b` < `` c ` < d ``", ["`a < b` &lt; `` c ` < d ``"]),
        ("`open < end", ["`open &lt; end"]),
        ("```html\n<b>\n# no heading\n```\n<b>", ["```html", "<b>", "# no heading", "```", "&lt;b>"]),
        ("~~~\n```\nstill code", ["~~~", "```", "still code", "~~~"]),
        ("````\n```\n````", ["````", "```", "````"]),
        ("``` word ` ``` <b>", ["``` word ` ``` &lt;b>"]),
        ("a\tb\r\nc\x00", ["a   b", "c\\x00"]),
        ("", []),
    ],
)
def test_text_is_tamed(text: str, shown: list[str]) -> None:
    assert lines(text) == shown


@given(st.text(alphabet="`~# <>ab\n", max_size=40))
def test_code_that_begins_in_a_section_ends_in_it(text: str) -> None:
    """Otherwise the rest of the report would be code."""
    once = lines(text)
    assert lines("".join(f"{line}\n" for line in once)) == once


def test_section_is_shown_with_its_plugin() -> None:
    section = SectionRecord(title="GPU <b>", text="*idle*", plugin="conftest.py")
    text = markdown(replace(session(MEASURED), sections=(section,)))
    assert "## GPU &lt;b&gt; (conftest.py)\n\n*idle*\n\n## Environment" in text


def test_section_without_a_text_is_left_out() -> None:
    empty = SectionRecord(title="Nothing", text="", plugin="x")
    assert "Nothing" not in markdown(replace(session(MEASURED), sections=(empty,)))


def test_facts_of_plugins_are_shown_with_their_names() -> None:
    known = replace(
        session(MEASURED), environment={"python": "3.11", "plugins": {"gpu": {"model": "A|B", "n": [1, 2]}}}
    )
    text = markdown(known)
    assert "| python | 3.11 |\n| model (gpu) | A\\|B |\n| n (gpu) | 1, 2 |" in text
