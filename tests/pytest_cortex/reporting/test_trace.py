"""``trace.json``: what the viewers need, for timelines made by hand, drawn at random, and really run."""

import json
from dataclasses import replace

import trace_rules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_records import MEASURED, UNMEASURED, session

from orchestrator import Phase
from pytest_cortex.record import MeasurementRecord, SpanRecord
from pytest_cortex.reporting.trace import encode, trace_events
from pytest_cortex.wording import PHASES

# The machine may be busy; how fast examples come is not what is tested.
patient = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def span(module: str, worker: int, started_s: float, duration_s: float) -> SpanRecord:
    return SpanRecord(module=module, worker=worker, started_s=started_s, duration_s=duration_s)


SEEN = replace(
    MEASURED,
    timeline=(span("fetch", 0, 0.0, 0.1), span("list", 1, 0.0, 0.05), span("parse", 1, 0.1, 0.2)),
    dependencies=(("parse", "fetch"), ("parse", "list")),
    phases={"fetch": 1, "list": 1, "parse": 4},
    critical_path=("fetch", "parse"),
)


def test_module_is_a_bar_on_the_track_of_its_worker() -> None:
    events = list(trace_events(session(SEEN)))
    trace_rules.check(events)
    names = trace_rules.threads(events)
    shown = {bar["name"]: (names[bar["pid"], bar["tid"]], bar["ts"], bar["dur"]) for bar in trace_rules.bars(events)}
    assert shown == {
        "fetch": ("worker 0 (calling thread)", 0, 100_000),
        "list": ("worker 1", 0, 50_000),
        "parse": ("worker 1", 100_000, 200_000),
        "preparation": ("phases", 0, 100_000),
        "processing": ("phases", 100_000, 200_000),
    }


def test_critical_path_is_marked() -> None:
    marked = trace_rules.bars(list(trace_events(session(SEEN))), args={"critical_path": True})
    assert [bar["name"] for bar in marked] == ["fetch", "parse"]


def test_arrow_leads_from_each_module_to_those_that_wait_for_it() -> None:
    """Both ends lie a nanosecond inside their bars, and an arrow between other tracks than these would be wrong."""
    ends = [
        ((one["tid"], one["ts"]), (other["tid"], other["ts"]))
        for one, other in trace_rules.arrows(list(trace_events(session(SEEN))))
    ]
    assert ends == [((1, 99_999.999), (2, 100_000.001)), ((2, 49_999.999), (2, 100_000.001))]


def test_dependency_on_what_did_not_run_has_no_arrow() -> None:
    one = replace(SEEN, dependencies=(("parse", "skipped"), ("skipped", "fetch")))
    assert trace_rules.arrows(list(trace_events(session(one)))) == []


def test_every_measurement_is_a_process_of_its_own() -> None:
    events = list(trace_events(session(SEEN, UNMEASURED, replace(SEEN, name="other"))))
    trace_rules.check(events)
    names = {each["pid"]: each["args"]["name"] for each in events if each["name"] == "process_name"}
    assert names == {1: "small · tests/test_pipeline.py::test_small, 4 workers", 3: "other, 4 workers"}


def test_phases_have_the_names_that_the_orchestrator_gives_them() -> None:
    """The two are written down twice, since reporting does not know the orchestrator."""
    assert list(PHASES) == [phase.name.lower().replace("pre_", "pre-") for phase in Phase]


def test_phase_that_nobody_knows_has_a_number() -> None:
    events = list(trace_events(session(replace(SEEN, phases={"fetch": 9}))))
    assert [bar["name"] for bar in trace_rules.bars(events, cat="phase")] == ["phase 9"]


def test_span_without_a_time_is_left_out() -> None:
    broken = (span("a", 0, float("nan"), 1.0), span("b", 0, 0.0, float("inf")), span("c", 0, 0.0, 0.0))
    events = list(trace_events(session(replace(SEEN, timeline=broken, phases={}))))
    trace_rules.check(events)
    assert [bar["name"] for bar in trace_rules.bars(events)] == ["c"]


def test_file_holds_the_events_one_per_line() -> None:
    data = encode(session(SEEN))
    document = json.loads(data)
    assert document["traceEvents"] == list(trace_events(session(SEEN)))
    assert document["displayTimeUnit"] == "ms"
    assert data.count(b"\n") == len(document["traceEvents"]) + 2


def test_file_without_timelines_is_empty_and_still_one() -> None:
    """So that no former run's stays behind."""
    assert json.loads(encode(session(MEASURED)))["traceEvents"] == []


def test_hostile_names_stay_names() -> None:
    name = '<script>"\udcff\n'
    one = replace(SEEN, name=name, timeline=(span(name, 0, 0.0, 1.0),))
    events = json.loads(encode(session(one)))["traceEvents"]
    assert [bar["name"] for bar in trace_rules.bars(events)] == [name]


def test_large_graph_stays_a_small_file() -> None:
    """2,000 modules, each waiting for two others: under a megabyte, which every viewer opens at once."""
    names = [f"module_{number}" for number in range(2000)]
    timeline = tuple(span(name, number % 8, number // 8 / 100, 0.009) for number, name in enumerate(names))
    waits = tuple((names[n], names[m]) for n in range(8, 2000) for m in (n - 8, (n // 8 - 1) * 8))
    events = encode(session(replace(SEEN, timeline=timeline, dependencies=waits, phases=dict.fromkeys(names, 4))))
    assert len(json.loads(events)["traceEvents"]) > 2000 + 2 * 3900
    assert len(events) < 1_000_000


@st.composite
def timelines(draw: st.DrawFn) -> MeasurementRecord:
    """Modules one after another on each worker, in nanoseconds as the clock tells them, some without any duration."""
    spans = []
    for worker in range(draw(st.integers(1, 3))):
        now_ns = 0
        for place in range(draw(st.integers(0, 4))):
            start_ns = now_ns + draw(st.integers(0, 10**10))
            now_ns = start_ns + draw(st.sampled_from([0, 1, 2, 10**6]) | st.integers(0, 10**10))
            spans.append((f"{worker}.{place}", worker, start_ns, now_ns))
    pairs = [(later[0], sooner[0]) for later in spans for sooner in spans if sooner[3] < later[2]]
    return replace(
        MEASURED,
        timeline=tuple(span(name, worker, start / 1e9, (end - start) / 1e9) for name, worker, start, end in spans),
        dependencies=tuple(draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []),
    )


@patient
@given(st.lists(timelines(), max_size=2))
def test_rules_hold_whatever_was_run(measurements: list[MeasurementRecord]) -> None:
    events = list(trace_events(session(*measurements)))
    trace_rules.check(events)
    assert len(trace_rules.bars(events, cat="module")) == sum(len(each.timeline) for each in measurements)
    assert all(begin["ts"] <= end["ts"] for begin, end in trace_rules.arrows(events))
