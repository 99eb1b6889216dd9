"""``index.html`` as text: the same bytes, whole, escaped, and made of whatever was recorded."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sample_records import LOCKED, MEASURED, full_session, many, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    Arm,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SectionRecord,
    SettingRecord,
    SpanRecord,
    StepRecord,
)
from pytest_cortex.reporting.complaints import complaints
from pytest_cortex.reporting.page.build import page_of
from pytest_cortex.reporting.page.rendering import encode, html
from pytest_cortex.reporting.summary import (
    DEFINITIONS,
    STEPS_EXPLAINED,
    command_of,
    result,
    scope,
    total_texts,
    totals,
)

WITHOUT_END = {"meta", "link", "input", "line", "rect", "use", "circle", "path"}


class Outline(HTMLParser):
    """Checks that every element is closed where it should be, and keeps what people read."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), (tag, names)
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in WITHOUT_END:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in WITHOUT_END:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text += data


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    parsed.close()
    assert parsed.open == []
    return parsed


def text(*measurements: MeasurementRecord, **fields: Any) -> str:
    return outline(encode(replace(session(*measurements), **fields)).decode()).text


# Whatever was recorded ------------------------------------------------------------------------------------------------

numbers = st.floats(min_value=0) | st.just(float("nan"))
known = st.none() | numbers
words = st.text(max_size=8)
rounds = st.builds(
    RoundRecord,
    sequential_s=numbers,
    parallel_s=numbers,
    first=st.sampled_from(Arm),
    warmup=st.booleans(),
    spoilt=st.none() | words | st.integers(0, 10**6).map("steal {} %".format),
)
verdicts = st.builds(replace, st.sampled_from([verdict(each) for each in Outcome]), limit=known, min_speedup=known)
measurements = st.builds(
    replace,
    st.just(MEASURED),
    name=words,
    workers=st.integers(1, 64),
    against=st.none() | words,
    speedup=known,
    speedup_low=known,
    speedup_high=known,
    sequential_s=known,
    parallel_s=known,
    ceiling=known,
    error=st.none() | words,
    rounds=st.lists(rounds, max_size=5).map(tuple),
    steps=st.lists(st.builds(StepRecord, name=words, speedup=numbers, because=words), max_size=3).map(tuple),
    timeline=st.lists(
        st.builds(SpanRecord, module=words, worker=st.integers(0, 3), started_s=numbers, duration_s=numbers), max_size=3
    ).map(tuple),
    critical_path=st.lists(words, max_size=3).map(tuple),
    modelled=st.lists(numbers, max_size=2).map(tuple),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
)
points = st.builds(
    ScalingPointRecord,
    workers=st.integers(1, 64),
    speedup=known,
    low=known,
    high=known,
    ceiling=known,
    karp_flatt=st.none() | st.floats(),
)
scalings = st.builds(
    ScalingRecord,
    test=words,
    name=words,
    points=st.lists(points, max_size=3).map(tuple),
    serial_fraction=st.none() | st.floats(),
    serial_low=st.none() | st.floats(),
    serial_high=st.none() | st.floats(),
    summary=words,
)


@given(st.lists(measurements, max_size=2), st.lists(scalings, max_size=2), st.none() | st.floats() | words)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_page_is_whole_whatever_was_recorded(
    records: list[MeasurementRecord], curves: list[ScalingRecord], cpus: object
) -> None:
    record = replace(session(*records, scalings=tuple(curves)), environment={"usable_cpus": cpus})
    page = encode(record).decode()
    outline(page)
    assert not re.search(r'="[^"]*\b(nan|inf)\b%', page)


@given(st.text())
@hypothesis_settings(max_examples=60, deadline=None)
def test_words_of_others_are_shown_and_not_interpreted(word: str) -> None:
    """Wherever they stand: in text, in attributes, in pictures."""
    word = f"<{word}"
    record = replace(
        session(replace(LOCKED, name=word, test=word, causes=(word,), notes=(word,), critical_path=(word,))),
        environment={word: word},
        settings={word: SettingRecord(value=word, origin=word)},
        command=(word,),
        sections=(SectionRecord(title=word, text=word, plugin=word),),
    )
    page = html(page_of(record))
    outline(page)
    assert all(char.isprintable() or char == "\n" for char in page)


# The page as a whole --------------------------------------------------------------------------------------------------


def test_same_record_gives_the_same_bytes() -> None:
    assert encode(full_session()) == encode(full_session())


def test_page_names_no_address_to_load_anything_from() -> None:
    page = encode(full_session()).decode()
    assert not re.findall(r"https?:|//[a-z]|@import|src=", page)
    assert set(re.findall(r'href="(.)', page)) == {"#", "d"}  # fragments, and the empty icon


def test_policy_allows_the_pages_own_script_and_no_other() -> None:
    page = encode(full_session()).decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_many_measurements_stay_small() -> None:
    """Less than 25 KB each, so that 200 of them stay under 5 MB."""
    assert len(encode(many(20))) < 20 * 25_000


def test_large_timeline_stays_small() -> None:
    big = replace(LOCKED, timeline=tuple(replace(LOCKED.timeline[n % 12], module=f"m{n}") for n in range(2000)))
    assert len(encode(session(big))) < 1_000_000


@pytest.mark.parametrize("complete", [True, False])
def test_interruption_is_said_only_when_there_was_one(complete: bool) -> None:  # noqa: FBT001 - a parameter
    assert ("The run was interrupted." in text(MEASURED, complete=complete)) is not complete


def test_page_says_what_the_summary_says() -> None:
    record = full_session()
    sums = totals(record)
    assert sums is not None
    sentences = [
        result(record),
        DEFINITIONS,
        STEPS_EXPLAINED,
        scope(record.created_at),
        command_of(record),
        *(value for _name, value in total_texts(sums)),
        *(each.reason for each in complaints(record)),
        *(cause for each in complaints(record) for cause in each.causes),
        *(note for one in record.measurements for note in one.notes),
    ]
    shown = outline(encode(record).decode()).text
    assert [sentence for sentence in sentences if sentence not in shown] == []


def test_environment_settings_command_and_seed_are_shown() -> None:
    shown = text(MEASURED)
    assert "3.11.9" in shown
    assert re.search(r"horizon\s*60\s*default", shown)
    assert "python -m pytest --cortex-bench 'tests/my test.py'" in shown
    assert "--cortex-seed=7" in shown


def test_sections_of_others_are_shown_line_by_line() -> None:
    section = SectionRecord(title="Mine <b>", text="# one\n\n<two>", plugin="theirs")
    page = html(page_of(replace(session(MEASURED), sections=(section,))))
    assert '<pre class="text" tabindex="0">\n# one\n\n&lt;two&gt;\n</pre>' in page
    assert page.count("Mine &lt;b&gt;") == 2


def test_views_need_no_template_engine() -> None:
    """Only the last step does, so everything before it is cheap to import and to test."""
    code = "import sys, pytest_cortex.reporting.page.build; print('jinja2' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
