"""The timeline: a bar per module, a track per worker, the critical path told apart without colour."""

import math
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from pictures import legend, written
from sample_charts import rich, run_of, spans

from orchestrator import Phase
from pytest_cortex.record import MeasurementRecord, SpanRecord
from pytest_cortex.reporting.charts.content.timeline import (
    MOST_PANELS,
    MOST_TRACKS,
    Timeline,
    Timelines,
    describe,
    timeline,
)
from pytest_cortex.reporting.charts.drawing.timeline import BAR, CRITICAL_BAR, TRACK, figure
from pytest_cortex.reporting.charts.theme import THEMES
from pytest_cortex.wording import PHASES

PLAIN = replace(rich(), critical_path=(), phases={})


def shown(*measurements: MeasurementRecord) -> Timelines:
    found = timeline(run_of(*measurements))
    assert found is not None
    return found


def only(one: MeasurementRecord) -> Timeline:
    (found,) = shown(one).timelines
    return found


def drawn(*measurements: MeasurementRecord) -> Figure:
    return figure(shown(*measurements), "subtitle", THEMES["light"])


def boxes(picture: Figure) -> list[PathPatch]:
    """All bars of one kind are one path."""
    return [one for one in picture.axes[0].patches if isinstance(one, PathPatch)]


def test_every_module_is_a_bar_on_its_workers_track() -> None:
    found = only(rich())
    assert found.tracks == ("calling thread", "worker 1", "worker 2", "worker 3")
    assert [(bar.module, bar.track) for bar in found.bars[3:6]] == [("module_3", 3), ("module_4", 0), ("module_5", 1)]
    assert found.bars[4].start_s == pytest.approx(0.03)
    assert found.end_s == pytest.approx(0.057)


def test_only_modules_on_the_critical_path_are_critical() -> None:
    assert [bar.module for bar in only(rich()).bars if bar.critical] == ["module_0", "module_4"]


def test_small_print_says_how_busy_the_workers_were_and_what_took_longest() -> None:
    assert only(rich()).detail == (
        "8 modules on 4 workers in 0.0570 s, workers busy 95% of the time, critical path module_0 → module_4"
    )


def test_long_critical_path_is_shortened() -> None:
    path = tuple(f"module_{number}" for number in range(8))
    assert only(replace(rich(), critical_path=path)).detail.endswith("module_0 → module_1 → … 5 more … → module_7")


def test_phases_are_those_of_the_orchestrator() -> None:
    assert tuple(phase.name.lower().replace("_", "-") for phase in Phase) == tuple(
        "pre-validation" if name == "pre-validation" else name for name in PHASES
    )


def test_phase_begins_with_its_first_module() -> None:
    assert only(rich()).phases == (("pre-validation", 0.0), ("preparation", 0.03))
    assert only(PLAIN).phases == ()


def test_phase_of_an_unknown_number_keeps_it() -> None:
    phases = dict.fromkeys(("module_0", "module_1"), 0) | {"module_4": 12}
    assert [name for name, _ in only(replace(rich(), phases=phases)).phases] == ["pre-validation", "phase 12"]


def test_measurement_that_was_not_seen_from_inside_has_no_timeline() -> None:
    broken = SpanRecord(module="a", worker=0, started_s=math.nan, duration_s=1.0)
    assert timeline(run_of(replace(rich(), timeline=()))) is None
    assert timeline(run_of(replace(rich(), timeline=(broken,)))) is None


def test_words_are_the_small_print() -> None:
    said = describe(run_of(PLAIN))
    assert said == (
        "Timeline of each parallel run of median length. "
        "small: 8 modules on 4 workers in 0.0570 s, workers busy 95% of the time."
    )


def test_workers_beyond_the_most_are_counted() -> None:
    found = only(replace(PLAIN, workers=64, timeline=spans(64, 64)))
    assert len(found.tracks) == MOST_TRACKS
    assert len(found.bars) == MOST_TRACKS
    assert found.detail.endswith("; 32 workers not shown")


def test_measurements_beyond_the_most_are_counted() -> None:
    found = shown(*(replace(PLAIN, name=f"{number}") for number in range(MOST_PANELS + 2)))
    assert len(found.timelines) == MOST_PANELS
    assert found.left_out.startswith("2 of 14 measurements are not shown")


def test_critical_path_is_hatched_and_higher_as_well_as_of_another_colour() -> None:
    """In grey, and where bars are too narrow for a hatch."""
    usual, critical = boxes(drawn(rich()))
    assert not usual.get_hatch()
    assert critical.get_hatch()
    assert usual.get_facecolor() != critical.get_facecolor()
    assert CRITICAL_BAR > BAR
    tops = [float(kind.get_path().get_extents().y0) for kind in (usual, critical)]
    assert tops == pytest.approx([1.5 * TRACK - BAR / 2, 0.5 * TRACK - CRITICAL_BAR / 2])


def test_names_are_written_where_they_fit() -> None:
    assert {"module_0", "module_7"} <= set(written(drawn(rich())))
    narrow = replace(PLAIN, timeline=spans(200, 2))
    assert not any(text.startswith("module_") for text in written(drawn(narrow)))


@pytest.mark.parametrize(("modules", "shortened"), [(4, True), (40, False)])
def test_long_name_is_shortened_on_a_wide_bar_only(modules: int, shortened: bool) -> None:  # noqa: FBT001 - a parameter
    """On a narrow one an ellipsis would be all that is left of it."""
    long = tuple(replace(span, module="download_" * 12) for span in spans(modules, 2))
    assert any("…" in text for text in written(drawn(replace(PLAIN, timeline=long)))) is shortened


def test_narrow_bars_without_a_visible_gap_are_one() -> None:
    """A picture cannot show a gap of a hundredth of a point, and the file would have every corner of it."""
    (crowded,) = boxes(drawn(replace(PLAIN, timeline=spans(4000, 2))))
    assert len(crowded.get_path()) == 2 * 5
    (apart,) = boxes(drawn(replace(PLAIN, timeline=spans(4000, 2)[::100])))
    assert len(apart.get_path()) == 40 * 5


def test_names_of_phases_are_written_where_they_begin() -> None:
    texts = written(drawn(rich()))
    assert {"pre-validation", "preparation"} <= set(texts)


def test_names_of_phases_do_not_run_into_each_other() -> None:
    """The second begins a thousandth of the run after the first, the last at its very end."""
    moments = {"a": (0.0, 0), "b": (0.001, 1), "c": (0.5, 2), "d": (0.999, 3)}
    run = tuple(
        SpanRecord(module=name, worker=0, started_s=start_s, duration_s=0.001) for name, (start_s, _) in moments.items()
    )
    one = replace(PLAIN, timeline=run, phases={name: place for name, (_, place) in moments.items()})
    texts = written(drawn(one))
    assert ("pre-validation" in texts, "preparation" in texts, "environment" in texts) == (True, False, True)
    assert "dependencies" not in texts


@pytest.mark.parametrize(("each_s", "unit"), [(10.0, " s"), (0.03, " ms"), (1e-5, " µs")])
def test_time_axis_names_its_unit(each_s: float, unit: str) -> None:
    axes = drawn(replace(PLAIN, timeline=spans(4, 2, each_s))).axes[0]
    assert axes.xaxis.get_major_formatter()(each_s).endswith(unit)


def test_module_that_takes_no_time_can_still_be_seen() -> None:
    run = (*spans(1, 1), SpanRecord(module="instant", worker=1, started_s=0.01, duration_s=0.0))
    (narrow, _wide) = boxes(drawn(replace(PLAIN, timeline=run)))
    assert narrow.get_path().get_extents().width > 0


def test_run_that_takes_no_time_at_all_is_drawn() -> None:
    run = (SpanRecord(module="instant", worker=0, started_s=0.0, duration_s=0.0),)
    assert "calling thread" in written(drawn(replace(PLAIN, timeline=run)))


def test_thousands_of_modules_are_two_paths() -> None:
    """One by one they would take seconds and megabytes."""
    crowded = replace(rich(), timeline=spans(2000, 4), phases={})
    assert len(boxes(drawn(crowded))) == 2


def test_legend_names_what_is_drawn_and_nothing_else() -> None:
    assert legend(drawn(rich())) == ["module", "module on the critical path", "a phase begins"]
    assert legend(drawn(PLAIN)) == ["module"]
    everything = replace(PLAIN, critical_path=tuple(f"module_{number}" for number in range(8)))
    assert legend(drawn(everything)) == ["module on the critical path"]
