"""How a speedup went from run to run, in the summary: where the last one lies, and no claim beyond it."""

from dataclasses import replace

import pytest
from sample_records import MEASURED, session

from pytest_cortex.record import HistoryPoint, HistorySeries, SessionRecord
from pytest_cortex.reporting.summary import markdown
from pytest_cortex.reporting.trends import Trend, trends


def series(*speedups: float, name: str = "small", machine: str = "Fast 9000, 4 usable CPUs") -> HistorySeries:
    points = [
        HistoryPoint(
            created_at=f"2026-01-{day:02}T12:00:00+00:00",
            speedup=speedup,
            low=speedup - 0.1,
            high=speedup + 0.1,
            limit=None,
            outcome=None,
        )
        for day, speedup in enumerate(speedups, start=1)
    ]
    return HistorySeries(
        test=MEASURED.test, name=name, workers=4, machine="6a919e99aeed", machine_name=machine, points=tuple(points)
    )


def recorded(*found: HistorySeries) -> SessionRecord:
    return replace(session(MEASURED), history=found)


def test_last_speedup_stands_beside_the_median_of_the_earlier_ones() -> None:
    assert trends(recorded(series(3.9, 4.0, 3.8, 3.51))) == (
        Trend(
            label="small",
            workers=4,
            last="3.51 (3.41–3.61)",
            earlier="3.90 (3 runs)",
            change="-10.0 %",
            place="below all earlier ones",
            machine="Fast 9000, 4 usable CPUs",
        ),
    )


@pytest.mark.parametrize(
    ("speedups", "change", "place"),
    [
        ((4.0,), "–", "the first"),
        ((4.0, 4.4), "+10.0 %", "above all earlier ones"),
        ((4.0, 4.0), "+0.0 %", "among the earlier ones (4.00–4.00)"),
        ((3.8, 4.2, 4.0), "+0.0 %", "among the earlier ones (3.80–4.20)"),
        ((0.0, 4.0), "–", "above all earlier ones"),
    ],
)
def test_last_speedup_is_placed_among_the_earlier_ones(speedups: tuple[float, ...], change: str, place: str) -> None:
    (trend,) = trends(recorded(series(*speedups)))
    assert (trend.change, trend.place) == (change, place)


def test_series_without_a_number_is_left_out() -> None:
    assert trends(recorded(series(float("nan")), series())) == ()


def test_summary_shows_a_row_per_program_and_machine() -> None:
    shown = markdown(recorded(series(4.0, 3.0), series(2.0, machine="<b>Slow</b> | 80")))
    section = shown.partition("## History\n\n")[2].partition("\n\n")[0].splitlines()
    assert section[0] == "| Measurement | Workers | Last | Median of the earlier | Change | The last is | Machine |"
    assert section[2] == (
        "| small | 4 | 3.00 (2.90–3.10) | 4.00 (1 run) | -25.0 % | below all earlier ones | Fast 9000, 4 usable CPUs |"
    )
    assert section[3].endswith(r"| the first | &lt;b&gt;Slow&lt;/b&gt; \| 80 |")


def test_summary_has_no_such_section_where_no_history_is_kept() -> None:
    assert "## History" not in markdown(session(MEASURED))


def test_program_of_another_run_is_named_as_it_was() -> None:
    """A history in a record that somebody has cut may hold what the record does not."""
    (trend,) = trends(recorded(series(4.0, name="gone\n")))
    assert trend.label == "gone\\n"
