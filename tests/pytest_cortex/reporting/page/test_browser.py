"""The page in a real browser: it shows what is in ``cortex.json``, asks for nothing, and everybody can use it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from browsing import Show, Shown, contrast
from sample_records import SCALING, full_session, many, measured, session

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import SessionRecord, SettingRecord
from pytest_cortex.reporting.document import encode as encode_json
from pytest_cortex.reporting.page.rendering import encode
from pytest_cortex.wording import printable

PHONE = {"width": 360, "height": 740}
pytestmark = pytest.mark.slow  # a second each on a busy machine

TABLE = ".measurements"
HOSTILE = [
    "<script>window.owned = true; alert(1)</script>",
    "</details></section></main><h1>gone</h1>",
    '"><img src=x onerror="window.owned = true"> \' ` &amp; &lt;',
    "{{ 7 * 7 }} {% include 'x' %} ${7 * 7}",
    "rocket \U0001f680 and \u65e5\u672c and \u05e2\u05d1\u05e8\u05d9\u05ea",
    "mark \u202e reversed \u2066 and \x1b[31m red \udcff",
    "test_" + "long_" * 40 + "[param-7]",
]


def document(record: SessionRecord) -> Any:
    """What the same run writes into ``cortex.json``."""
    return json.loads(encode_json(record))


# What it shows --------------------------------------------------------------------------------------------------------


def test_page_asks_for_nothing_and_complains_of_nothing(full: Shown) -> None:
    assert full.requests == [full.page.url]
    assert full.complaints == []


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def test_table_shows_the_numbers_and_verdicts_of_the_record(full: Shown) -> None:
    written = document(full_session())["measurements"]
    assert full.column(TABLE, "Measurement") == [one["name"] for one in written]
    assert full.column(TABLE, "Workers") == [str(one["workers"]) for one in written]
    assert full.column(TABLE, "Efficiency") == [number(one["efficiency"]) for one in written]
    assert full.column(TABLE, "Ceiling") == [number(one["ceiling"]) for one in written]
    assert full.column(TABLE, "Speedup") == [
        "not measured"
        if one["speedup"] is None
        else f"{number(one['speedup'])} ({number(one['speedup_low'])}–{number(one['speedup_high'])})"
        for one in written
    ]
    without = ["ERROR" if one["error"] else "no gate" for one in written]
    assert full.column(TABLE, "Verdict") == [one["outcome"] or word for one, word in zip(written, without, strict=True)]


def test_verdicts_come_first_with_reason_and_cause(full: Shown) -> None:
    failed = next(one for one in document(full_session())["measurements"] if one["outcome"] == "FAIL")
    first, *_others = full.texts(".findings > li")
    assert failed["name"] in first
    assert failed["verdicts"][0]["reason"] in first
    assert f"why: {failed['causes'][0]}" in first
    assert [text.split()[1] for text in full.texts("section[aria-labelledby=verdicts] h3")] == [
        "FAIL", "ERROR", "INCONCLUSIVE", "WARNING", "PASS", "no",
    ]  # fmt: skip


def test_steps_of_the_first_picture_are_those_of_the_record(full: Shown) -> None:
    seen = [one for one in document(full_session())["measurements"] if one["steps"]]
    for place, heading in enumerate(("Graph", "Balance", "Contention", "Overhead", "Unexplained")):
        assert full.column(".bars", heading)[: len(seen)] == [number(one["steps"][place]["speedup"]) for one in seen]


def test_bars_are_as_long_as_the_speedups_they_stand_for(show: Show) -> None:
    record = session(measured("half", speedup=2.0, left=(4.0, 3.0, 3.0, 2.0, 2.0)))
    widths = show(record).ask(
        """() => {
            const bar = document.querySelector(".bars .bar");
            const whole = bar.getBoundingClientRect().width;
            return [...bar.querySelectorAll("rect")].map(r => r.getBBox().width / whole);
        }"""
    )
    assert widths == pytest.approx([0.5, 0.25, 0.25], abs=0.01)


def test_timeline_and_scaling_are_shown(full: Shown) -> None:
    assert full.page.locator("#m2 .timeline .block").count() == 12
    assert full.page.locator("#m2 .timeline .critical").count() == 3
    assert full.column("#s1 table", "Serial fraction (Karp–Flatt)") == ["–", "0.25"]


def test_page_of_nothing_says_so(show: Show) -> None:
    shown = show(session(complete=False))
    assert "Nothing was measured." in shown.texts("main")[0]
    assert "The run was interrupted." in shown.texts("header")[0]
    assert shown.complaints == []


# Sorting and filtering ------------------------------------------------------------------------------------------------


def heading(shown: Shown, name: str, table: str = TABLE) -> Any:
    return shown.page.locator(f"{table} thead th").filter(has_text=name)


def test_click_on_a_heading_sorts_and_says_how(show: Show) -> None:
    shown = show(full_session())
    button = heading(shown, "Efficiency").get_by_role("button")
    button.click()
    assert heading(shown, "Efficiency").get_attribute("aria-sort") == "ascending"
    ascending = shown.column(TABLE, "Efficiency")
    button.click()
    assert heading(shown, "Efficiency").get_attribute("aria-sort") == "descending"
    descending = shown.column(TABLE, "Efficiency")
    known = [text for text in ascending if text != "–"]
    assert known == sorted(known, key=float)
    assert [text for text in descending if text != "–"] == known[::-1]
    assert ascending[-2:] == descending[-2:] == ["–", "–"]


def test_keyboard_sorts_too(show: Show) -> None:
    shown = show(full_session())
    heading(shown, "Measurement").get_by_role("button").focus()
    shown.page.keyboard.press("Enter")
    names = shown.column(TABLE, "Measurement")
    assert names == sorted(names)
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Space")
    assert heading(shown, "Measurement").get_attribute("aria-sort") is None
    assert shown.column(TABLE, "Verdict") == ["FAIL", "ERROR", "INCONCLUSIVE", "PASS", "PASS", "no gate"]


def test_rows_keep_their_cells_when_sorted(show: Show) -> None:
    shown = show(full_session())
    before = dict(zip(shown.column(".bars", "Measurement"), shown.column(".bars", "Measured"), strict=True))
    heading(shown, "Measured", ".bars").get_by_role("button").click()
    after = dict(zip(shown.column(".bars", "Measurement"), shown.column(".bars", "Measured"), strict=True))
    assert after == before
    assert list(after.values()) == sorted(after.values(), key=float)


def test_filter_leaves_what_was_asked_for_in_tables_and_details(show: Show) -> None:
    shown = show(full_session())
    shown.page.get_by_label("Filter", exact=True).fill("CRAWL")
    assert shown.column(TABLE, "Measurement") == ["crawling"]
    assert shown.column(".bars", "Measurement") == ["crawling"]
    assert shown.page.locator("details.measurement:visible").count() == 1
    assert shown.page.get_by_role("status").inner_text() == "1 of 6 measurements shown"


def test_filter_by_verdict_works_with_the_keyboard(show: Show) -> None:
    shown = show(full_session())
    shown.page.get_by_label("Verdict", exact=True).focus()
    shown.page.keyboard.type("FAIL")
    assert shown.column(TABLE, "Verdict") == ["FAIL"]
    shown.page.get_by_label("Verdict", exact=True).select_option("all")
    assert len(shown.column(TABLE, "Verdict")) == 6


def test_all_details_can_be_opened_and_closed(show: Show) -> None:
    shown = show(full_session())
    shown.page.get_by_role("button", name="Open all").click()
    assert shown.page.locator("details.measurement[open]").count() == 6
    shown.page.get_by_role("button", name="Close all").click()
    assert shown.page.locator("details.measurement[open]").count() == 0


def test_link_to_details_opens_them_though_they_were_filtered_away(show: Show) -> None:
    shown = show(full_session())
    shown.page.get_by_role("button", name="Close all").click()
    shown.page.get_by_label("Filter", exact=True).fill("crawl")
    shown.page.locator(".findings a").first.click()
    assert shown.page.locator("details.measurement:has(#m2)").get_attribute("open") is not None
    assert len(shown.column(TABLE, "Measurement")) == 6


def test_address_of_details_opens_them(show: Show) -> None:
    shown = show(full_session(), fragment="#m1")
    assert shown.page.locator("#m1").is_visible()


def test_command_can_be_copied(show: Show) -> None:
    shown = show(full_session(), permissions=["clipboard-read", "clipboard-write"])
    button = shown.page.locator("section[aria-labelledby=reproduce]").get_by_role("button")
    button.click()
    shown.page.wait_for_function(
        "document.querySelector('section[aria-labelledby=reproduce] .copy').textContent != 'Copy'"
    )
    assert button.inner_text() == "Copied"
    assert shown.ask("navigator.clipboard.readText()") == "python -m pytest --cortex-bench 'tests/my test.py'"


# Names that want to be more than names --------------------------------------------------------------------------------


def hostile(name: str) -> SessionRecord:
    """A record with *name* wherever somebody else chooses the words."""
    base = measured("x", Outcome.FAIL, causes=("", name))
    verdicts = tuple(replace(verdict, reason=name, origin=name) for verdict in base.verdicts)
    spans = tuple(replace(span, module=f"{name} {number}") for number, span in enumerate(base.timeline))
    rounds = (*base.rounds, replace(base.rounds[-1], spoilt=name))
    steps = tuple(replace(step, because=name) for step in base.steps)
    one = replace(
        base, test=f"test_it.py::{name}", name=name, scenario=name, verdicts=verdicts, timeline=spans, rounds=rounds,
        steps=steps, critical_path=(spans[0].module,), notes=(name,), warnings=(name,),
    )  # fmt: skip
    return replace(
        session(
            one,
            replace(one, name="second", against=name, error=name),
            scalings=(replace(SCALING, name=name, summary=name),),
        ),
        command=(name,),
        environment={name: name, "versions": {name: name}},
        settings={name: SettingRecord(value=name, origin=name)},
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_shown_as_text_and_runs_nothing(show: Show, name: str) -> None:
    shown = show(hostile(name), viewport=PHONE)
    assert shown.complaints == []
    assert shown.requests == [shown.page.url]
    assert shown.ask("window.owned") is None
    assert [shown.page.locator(each).count() for each in ("h1", "script", "img", "details.measurement")] == [1, 1, 0, 2]
    written = printable(name)
    assert shown.ask("document.querySelector('.measurements tbody a').textContent") == written
    assert shown.ask("document.querySelector('.findings p').textContent") == written
    assert written in shown.ask("document.querySelector('.timeline .block title').textContent")
    assert shown.ask("document.documentElement.scrollWidth") <= PHONE["width"]


# Light, dark, small, on paper, without a script -----------------------------------------------------------------------

MARKS = [
    ".pass", ".fail", ".inconclusive", ".no-gate", ".interval", ".limit", ".ideal", ".ceiling", ".k-measured",
    ".k-ideal", ".c-graph", ".c-balance", ".c-contention", ".c-overhead", ".c-unexplained", ".k-unknown", ".block",
    ".critical", ".critical-line", ".rounds", ".round-warmup", ".round-spoilt", ".band", ".median", ".curve",
    ".line-measured", ".line-ideal", ".line-ceiling", ".line-fit", ".whisker", ".point", ".cpus",
]  # fmt: skip
COLOURS_OF_MARKS = """selectors => selectors.flatMap(selector =>
    [...document.querySelectorAll(`svg ${selector}`)].map(mark => {
        const style = getComputedStyle(mark);
        return [selector, style.fill, style.fillOpacity, style.stroke];
    }))"""
COLOURS_OF_TEXTS = """() => {
    const ground = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || element.closest("svg, script, style")) continue;
        found.push([element.className || element.tagName, getComputedStyle(element).color, ground(element)]);
    }
    return found;
}"""


def page_colour(shown: Shown) -> str:
    return str(shown.ask("getComputedStyle(document.body).backgroundColor"))


def test_dark_mode_is_dark(show: Show) -> None:
    light, dark = (show(full_session(), color_scheme=scheme) for scheme in ("light", "dark"))
    assert contrast(page_colour(light), "rgb(255, 255, 255)") == pytest.approx(1)
    assert contrast(page_colour(dark), "rgb(0, 0, 0)") < 1.5
    dark.page.emulate_media(color_scheme="light")
    assert page_colour(dark) == page_colour(light)


def strongest(mark: tuple[str, str, str, str], ground: str) -> float:
    """The contrast of a mark's filling or of its edge; what lets the page through does not count as a filling."""
    _selector, fill, opacity, stroke = mark
    colours = [stroke, *([fill] if opacity == "1" else [])]
    return max(contrast(colour, ground) for colour in colours if colour.startswith("rgb("))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_stands_out(show: Show, scheme: str) -> None:
    """At least 3:1 against the page, by its filling or its edge."""
    shown = show(full_session(), color_scheme=scheme)
    ground = page_colour(shown)
    marks = shown.ask(COLOURS_OF_MARKS, MARKS)
    assert {selector for selector, *_ in marks} == set(MARKS)
    weak = [mark for mark in marks if strongest(mark, ground) < 3]
    assert weak == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(show: Show, scheme: str) -> None:
    """At least 4.5:1 against what it stands on."""
    shown = show(full_session(), color_scheme=scheme)
    texts = shown.ask(COLOURS_OF_TEXTS)
    assert len(texts) > 200
    assert {
        (name, contrast(colour, ground)) for name, colour, ground in texts if contrast(colour, ground) < 4.5
    } == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_in_the_timeline_can_be_read(show: Show, scheme: str) -> None:
    shown = show(full_session(), color_scheme=scheme)
    names = shown.ask(
        "[...document.querySelectorAll('.timeline text')].map(text => getComputedStyle(text))"
        ".map(style => [style.fill, style.stroke])"
    )
    assert names
    assert min(contrast(fill, halo) for fill, halo in names) >= 4.5


@pytest.mark.parametrize("record", [full_session(), many(12)], ids=["full", "many"])
def test_nothing_sticks_out_of_a_narrow_screen(show: Show, record: SessionRecord) -> None:
    shown = show(record, viewport=PHONE)
    shown.page.get_by_role("button", name="Open all").click()
    assert shown.ask("document.documentElement.scrollWidth") <= PHONE["width"]


def test_paper_is_white_and_shows_what_was_closed(show: Show) -> None:
    shown = show(full_session(), color_scheme="dark")
    closed = shown.page.locator("details.measurement:not([open]) .facts")
    assert not any(each.is_visible() for each in closed.all())
    shown.page.emulate_media(media="print")
    assert closed.count() == 3
    assert all(each.is_visible() for each in closed.all())
    assert contrast(page_colour(shown), "rgb(255, 255, 255)") == pytest.approx(1)
    assert not any(each.is_visible() for each in shown.page.locator("nav, .tools, .copy").all())


def test_paper_is_wide_enough(show: Show) -> None:
    """A4 upright, with margins of 1 cm."""
    shown = show(full_session(), viewport={"width": 718, "height": 1000})
    shown.page.emulate_media(media="print")
    assert shown.ask("document.documentElement.scrollWidth") <= 718


def test_page_is_whole_without_a_script(show: Show) -> None:
    record = full_session()
    with_script, without = (show(record, java_script_enabled=enabled) for enabled in (True, False))
    assert without.page.locator("button:visible, input:visible, select:visible").count() == 0
    assert without.column(TABLE, "Speedup") == with_script.column(TABLE, "Speedup")
    assert without.texts(".findings > li") == with_script.texts(".findings > li")
    without.page.locator("details.measurement:not([open]) summary").first.click()
    assert without.page.locator("#m1 .stairs").is_visible()


# Everybody ------------------------------------------------------------------------------------------------------------


def test_every_picture_has_a_name_or_is_decoration(full: Shown) -> None:
    nameless = """() => [...document.querySelectorAll("svg")].filter(svg =>
        svg.getAttribute("aria-hidden") !== "true" && !svg.parentElement.closest("svg")
        && !(svg.getAttribute("role") === "img" && (svg.getAttribute("aria-label") || "").trim())
        && !(svg.getAttribute("aria-labelledby") || "").split(" ").every(
            id => document.getElementById(id)?.textContent.trim())
    ).map(svg => svg.outerHTML.slice(0, 80))"""
    assert full.ask(nameless) == []


def test_headings_lead_from_one_to_the_next(full: Shown) -> None:
    levels = full.ask("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_are_there_and_named(full: Shown) -> None:
    assert [full.page.get_by_role(role).count() for role in ("banner", "main", "contentinfo", "search")] == [
        1,
        1,
        1,
        1,
    ]
    assert full.page.get_by_role("navigation", name="On this page").count() == 1
    assert full.page.get_by_role("region", name="Verdicts").count() == 1


def test_every_table_says_what_it_is_and_what_its_headings_are_for(full: Shown) -> None:
    assert full.ask("[...document.querySelectorAll('table')].every(table => table.caption?.textContent.trim())")
    assert full.ask("[...document.querySelectorAll('th')].every(th => ['row', 'col'].includes(th.scope))")


def test_every_control_has_a_name(full: Shown) -> None:
    unnamed = """() => [...document.querySelectorAll("button, input, select, a")].filter(each =>
        !(each.labels?.length || each.textContent.trim() && each.tagName !== "SELECT")).map(each => each.outerHTML)"""
    assert full.ask(unnamed) == []


def test_ids_are_unique_and_every_link_leads_somewhere(full: Shown) -> None:
    ids = full.ask("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    links = full.ask(
        "[...document.querySelectorAll('a, use')].map(each => each.getAttribute('href'))"
        ".concat([...document.querySelectorAll('[aria-labelledby]')]"
        ".flatMap(each => each.getAttribute('aria-labelledby').split(' ').map(id => '#' + id)))"
    )
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_first_stop_of_the_keyboard_leads_past_the_navigation(show: Show) -> None:
    shown = show(full_session())
    shown.page.keyboard.press("Tab")
    assert shown.page.get_by_role("link", name="Skip to the verdicts").bounding_box()["x"] >= 0  # type: ignore[index] # it is visible
    assert shown.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    shown.page.keyboard.press("Enter")
    assert shown.ask("document.activeElement.id") == "main"


# Many -----------------------------------------------------------------------------------------------------------------


def test_two_hundred_measurements_stay_small_and_can_be_used(show: Show) -> None:
    record = many(200)
    assert len(encode(record)) < 5_000_000
    shown = show(record)
    assert shown.complaints == []
    assert len(shown.column(TABLE, "Measurement")) == 200
    shown.page.locator("#filter").fill("scenario_19")
    assert len(shown.column(TABLE, "Measurement")) == 11
    shown.page.locator(f"{TABLE} th button").nth(3).click()
    speedups = [float(text.split()[0]) for text in shown.column(TABLE, "Speedup")]
    assert speedups == sorted(speedups)
