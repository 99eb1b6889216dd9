"""The timeline shows every worker, and a large one stays small."""

from dataclasses import replace

import pytest
from sample_records import MEASURED, packed_timeline, session

from pytest_cortex.record import MeasurementRecord, SpanRecord
from pytest_cortex.reporting.page.measured import all_measured
from pytest_cortex.reporting.page.timelines import (
    FEWEST_BARS,
    FEWEST_ROWS,
    MOST_BARS,
    MOST_LANES,
    MOST_ROWS,
    Budget,
    Timeline,
    budget_for,
    timeline_of,
)

AMPLE = Budget(bars=1000, rows=1000)


def span(module: str, worker: int, started_s: float, duration_s: float) -> SpanRecord:
    return SpanRecord(module=module, worker=worker, started_s=started_s, duration_s=duration_s)


def ran(*spans: SpanRecord, path: tuple[str, ...] = (), workers: int = 2) -> MeasurementRecord:
    return replace(MEASURED, workers=workers, timeline=spans, critical_path=path)


def drawn(record: MeasurementRecord, budget: Budget = AMPLE) -> Timeline:
    shown = timeline_of(all_measured(session(record))[0], budget)
    assert shown is not None
    return shown


THREE = (span("a", 0, 0.0, 1.0), span("b", 1, 0.0, 0.5), span("c", 0, 1.0, 1.0))


def test_every_worker_has_a_lane_with_its_modules() -> None:
    lanes = drawn(ran(*THREE)).lanes
    assert [(lane.worker, [(block.name, block.at, block.width) for block in lane.blocks]) for lane in lanes] == [
        (0, [("a", 0, 50), ("c", 50, 50)]),
        (1, [("b", 0, 25)]),
    ]


def test_critical_path_is_marked_in_the_picture_in_the_table_and_in_words() -> None:
    shown = drawn(ran(*THREE, path=("a", "c")))
    assert [[block.critical for block in lane.blocks] for lane in shown.lanes] == [[True, True], [False]]
    assert [(run.module, run.critical) for run in shown.runs] == [("a", True), ("b", False), ("c", True)]
    assert shown.path == "a → c"
    assert "on the critical path" in shown.lanes[0].blocks[0].said


def test_long_critical_path_is_shortened_in_the_middle() -> None:
    path = tuple(f"link_{number}" for number in range(30))
    assert drawn(ran(*THREE, path=path)).path == (
        "link_0 → link_1 → link_2 → link_3 → link_4 → link_5 → … 18 more modules … → "
        "link_24 → link_25 → link_26 → link_27 → link_28 → link_29"
    )


def test_description_gives_the_numbers() -> None:
    assert drawn(ran(*THREE)).description == (
        "3 modules on 2 workers in 2.000 s; the workers were busy for 62% of that: worker 0 ran 2 modules for "
        "2.000 s, worker 1 ran 1 module for 0.500 s"
    )


def test_there_is_no_timeline_when_modules_were_not_seen() -> None:
    assert timeline_of(all_measured(session(MEASURED))[0], AMPLE) is None


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e200])
def test_module_without_a_time_is_left_out(broken: float) -> None:
    shown = drawn(ran(*THREE, span("d", 1, broken, 1.0), span("e", 1, 0.0, broken)))
    assert [run.module for run in shown.runs] == ["a", "b", "c"]


def test_name_is_written_only_where_there_is_room() -> None:
    long = span("a_module_with_a_rather_long_name", 1, 0.0, 0.1)
    (block,) = drawn(ran(span("a", 0, 0.0, 1.0), long)).lanes[1].blocks
    assert block.name == ""
    assert block.said.startswith("a_module_with_a_rather_long_name: 0.100 s from ")


def test_large_timeline_is_drawn_with_few_bars_and_says_so() -> None:
    record = replace(MEASURED, workers=4, timeline=packed_timeline(2000, 4))
    shown = drawn(record, Budget(bars=200, rows=50))
    assert 150 < sum(len(lane.blocks) for lane in shown.lanes) <= 2 * 200 + 4
    assert len(shown.runs) == 50
    assert shown.said == (
        "Neighbours that are too short to be told apart are drawn as one bar. The table has the 50 longest of 2000 "
        "modules; cortex.json has all."
    )


def test_bars_drawn_together_say_how_many_modules_they_are() -> None:
    record = ran(*(span(f"m{number}", 0, number / 100, 0.01) for number in range(100)))
    blocks = drawn(record, Budget(bars=10, rows=10)).lanes[0].blocks
    assert len(blocks) == 10
    assert {block.said.partition(":")[0] for block in blocks} == {"10 modules"}


def test_critical_path_is_never_drawn_together_with_others() -> None:
    record = ran(*(span(f"m{number}", 0, number / 100, 0.01) for number in range(100)), path=("m50",))
    blocks = drawn(record, Budget(bars=2, rows=10)).lanes[0].blocks
    assert [block.critical for block in blocks] == [False, True, False]


def test_longest_modules_are_in_the_table_by_start() -> None:
    record = ran(span("late", 0, 2.0, 3.0), span("short", 1, 1.0, 0.1), span("early", 1, 0.0, 0.5))
    assert [run.module for run in drawn(record, Budget(bars=99, rows=2)).runs] == ["early", "late"]


def test_many_workers_are_cut_off_and_it_is_said() -> None:
    record = ran(*(span(f"m{worker}", worker, 0.0, 1.0) for worker in range(50)), workers=50)
    shown = drawn(record)
    assert len(shown.lanes) == MOST_LANES
    assert shown.said == "The first 32 of 50 workers are drawn."
    assert shown.description.endswith("worker 7 ran 1 module for 1.000 s, …")


def test_modules_that_took_no_time_are_shown_nevertheless() -> None:
    shown = drawn(ran(span("a", 0, 0.0, 0.0)))
    assert shown.runs[0].duration == "0.00 s"


def test_timelines_of_a_page_share_what_is_allowed() -> None:
    assert budget_for(0) == budget_for(1) == Budget(bars=MOST_BARS, rows=MOST_ROWS)
    assert budget_for(10) == Budget(bars=MOST_BARS // 10, rows=MOST_ROWS // 10)
    assert budget_for(100_000) == Budget(bars=FEWEST_BARS, rows=FEWEST_ROWS)
