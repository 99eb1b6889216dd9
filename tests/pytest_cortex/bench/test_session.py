"""A run: which scenarios it has, what it keeps of each test, and what it leaves behind."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_cortex.baselines.comparison import Baselines
from pytest_cortex.bench import allowance
from pytest_cortex.bench.fixture import CortexBench
from pytest_cortex.bench.result import GateFailed
from pytest_cortex.bench.session import BenchSession, load_scenarios
from pytest_cortex.bench.streaks import Streaks
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.measuring.rounds import undisturbed
from pytest_cortex.record import SessionRecord
from pytest_cortex.settings.settings import Settings, resolve
from pytest_cortex.settings.values import SettingError

Programs = Callable[..., dict[str, Callable[[], Any]]]


def settings(ini: dict[str, list[str]] | None = None, **command_line: list[str]) -> Settings:
    return resolve(command_line, ini or {}, seed=5)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchSession:
    """A session on a machine where nothing else runs."""
    monkeypatch.setattr(Monitor, "watch", lambda _monitor: undisturbed())
    return session_with(settings(), tmp_path)


def session_with(options: Settings, folder: Path) -> BenchSession:
    return BenchSession(
        settings=options,
        scenarios=load_scenarios(options),
        report_dir=folder,
        command=("--cortex-bench",),
        streaks=Streaks({}),
        baselines=Baselines.from_settings(options, folder),
    )


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[..., str]:
    """Writes a workflow of one task and returns its path."""

    def write(name: str = "flow.json", runtime: object = 2.0) -> str:
        path = tmp_path / name
        tasks = [{"id": "a", "parents": [], "runtimeInSeconds": runtime}]
        path.write_text(json.dumps({"workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": tasks}}}))
        return str(path)

    return write


# Scenarios ------------------------------------------------------------------------------------------------------------


def test_scenarios_are_those_named_in_their_order(workflow: Callable[..., str]) -> None:
    path = workflow()
    loaded = load_scenarios(settings(scenario=["large", path], workers=["3"], time_scale=["2"]))
    assert list(loaded) == ["large", "flow"] == [scenario.name for scenario in loaded.values()]
    assert (loaded["flow"].workers, loaded["flow"].durations) == (3, {"a": 4.0})


def test_built_in_scenarios_take_the_duration_that_is_set() -> None:
    (small,) = load_scenarios(settings(scenario=["small"], module_duration=["0.5"])).values()
    assert set(small.durations.values()) == {0.5}


def test_unusable_workflow_is_refused_with_its_reason(workflow: Callable[..., str]) -> None:
    path = workflow(runtime=-1)
    with pytest.raises(SettingError) as caught:
        load_scenarios(settings(scenario=[path]))
    assert str(caught.value).startswith(f"--cortex-scenario (command line): workflow file '{path}': task 'a' has ")


def test_session_knows_the_built_in_scenarios_although_others_are_selected(
    session: BenchSession, workflow: Callable[..., str]
) -> None:
    options = settings(scenario=[workflow()])
    session.settings, session.scenarios = options, load_scenarios(options)
    assert session.scenario("flow") is session.scenarios["flow"]
    assert (session.scenario("small").name, len(session.scenario("small").durations)) == ("small", 4)


# Measurements ---------------------------------------------------------------------------------------------------------


def kept(session: BenchSession) -> list[tuple[str, str, int]]:
    return [(each.test, each.name, each.attempts) for each in session.record().measurements]


def measure(bench: CortexBench, both: dict[str, Callable[[], Any]], name: str | None = None) -> None:
    bench(sequential=both["sequential"], parallel=both["parallel"], workers=4, name=name)


def run_test(session: BenchSession, test: str, both: dict[str, Callable[[], Any]], *names: str | None) -> None:
    bench = session.open(test, test.rpartition("::")[2], {})
    for name in names or (None,):
        measure(bench, both, name)
    session.close(bench)


def test_measurements_are_kept_in_the_order_they_were_made(session: BenchSession, programs: Programs) -> None:
    run_test(session, "b.py::test_b", programs(0.04, 0.01), "x", "y")
    run_test(session, "a.py::test_a", programs(0.04, 0.01))
    assert kept(session) == [("b.py::test_b", "x", 1), ("b.py::test_b", "y", 1), ("a.py::test_a", "test_a", 1)]


def test_measurements_of_one_name_are_all_kept(session: BenchSession, programs: Programs) -> None:
    run_test(session, "a.py::test_a", programs(0.04, 0.01), "x", "x")
    assert kept(session) == [("a.py::test_a", "x", 1), ("a.py::test_a", "x#2", 1)]


def test_test_that_is_run_again_replaces_its_measurements(session: BenchSession, programs: Programs) -> None:
    run_test(session, "a.py::test_a", programs(0.01, 0.01))
    run_test(session, "b.py::test_b", programs(0.04, 0.01))
    run_test(session, "a.py::test_a", programs(0.04, 0.01))
    assert kept(session) == [("b.py::test_b", "test_b", 1), ("a.py::test_a", "test_a", 2)]
    assert session.record().measurements[1].speedup == 4.0


def test_nothing_is_left_of_an_attempt_that_got_further_than_the_last(
    session: BenchSession, programs: Programs
) -> None:
    run_test(session, "a.py::test_a", programs(0.04, 0.01), "x", "y")
    run_test(session, "a.py::test_a", programs(0.04, 0.01), "x")
    assert kept(session) == [("a.py::test_a", "x", 2)]


def test_measurement_that_only_the_last_attempt_reached_counts_all_attempts(
    session: BenchSession, programs: Programs
) -> None:
    run_test(session, "a.py::test_a", programs(0.04, 0.01), "x")
    run_test(session, "a.py::test_a", programs(0.04, 0.01), "x", "y")
    assert kept(session) == [("a.py::test_a", "x", 2), ("a.py::test_a", "y", 2)]


def test_test_that_measured_nothing_leaves_nothing(session: BenchSession) -> None:
    session.close(session.open("a.py::test_a", "test_a", {}))
    assert session.record().measurements == ()


def test_bench_is_closed_once(session: BenchSession, programs: Programs) -> None:
    bench = session.open("a.py::test_a", "test_a", {})
    measure(bench, programs(0.04, 0.01))
    session.close(bench)
    session.close(bench)
    assert kept(session) == [("a.py::test_a", "test_a", 1)]


def test_benches_may_be_closed_in_any_order(session: BenchSession, programs: Programs) -> None:
    first, second = session.open("a.py::test_a", "test_a", {}), session.open("b.py::test_b", "test_b", {})
    measure(first, programs(0.04, 0.01))
    measure(second, programs(0.04, 0.01))
    session.close(second)
    session.close(first)
    assert kept(session) == [("b.py::test_b", "test_b", 1), ("a.py::test_a", "test_a", 1)]


def test_record_holds_also_a_test_that_was_interrupted(session: BenchSession, programs: Programs) -> None:
    measure(session.open("a.py::test_a", "test_a", {}), programs(0.04, 0.01))
    assert kept(session) == [("a.py::test_a", "test_a", 1)]
    assert kept(session) == [("a.py::test_a", "test_a", 1)]


def test_marker_gates_what_the_test_measures(session: BenchSession, programs: Programs) -> None:
    bench = session.open("a.py::test_a", "test_a", {"min_speedup": 5.0})
    with pytest.raises(GateFailed):
        measure(bench, programs(0.04, 0.01))
    session.close(bench)
    assert session.record().measurements[0].outcome == "FAIL"


def test_session_watches_what_disturbs_its_rounds(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One monitor for the whole run, asked before and after every run of an arm."""
    monkeypatch.setattr(Monitor, "watch", lambda _monitor: lambda _seconds: "steal 9 %")
    session = session_with(settings(), tmp_path)
    run_test(session, "a.py::test_a", programs(0.04, 0.01))
    (measurement,) = session.record().measurements
    assert {each.spoilt for each in measurement.rounds} == {"steal 9 %"}
    assert measurement.speedup is None


def test_alpha_is_shared_among_the_tests_of_the_run_on_demand(tmp_path: Path) -> None:
    """By those that were selected, known once all are collected."""
    session = session_with(settings(family_wise=["1"]), tmp_path)
    session.expected |= {"a", "b", "c", "d"}
    assert session.open("a", "a", {})._court.next_alpha() == pytest.approx(0.001 / 4 / 2)


def test_scalings_are_kept_with_their_test_and_replaced_with_it(
    session: BenchSession, advance: Callable[..., None]
) -> None:
    """A test that is run again leaves one curve and not two."""
    for _ in range(2):
        bench = session.open("a.py::test_a", "test_a", {})
        bench.scale(lambda workers: advance(0.1 / workers), workers=[1, 2])
        session.close(bench)
    (scaling,) = session.record().scalings
    assert (scaling.test, scaling.name) == ("a.py::test_a", "test_a")
    assert kept(session) == [("a.py::test_a", "test_a[2]", 2)]


@pytest.mark.usefixtures("session")
def test_measurements_are_compared_with_the_baseline_of_the_run(tmp_path: Path, programs: Programs) -> None:
    """What one session saves, the next one finds."""
    first = session_with(settings(save=["main"]), tmp_path)
    run_test(first, "a.py::test_a", programs(0.04, 0.01))
    assert len(first.baselines.save(first.record())) == 1
    second = session_with(settings(compare=["main"]), tmp_path)
    with pytest.raises(GateFailed, match="baseline main"):
        run_test(second, "a.py::test_a", programs(0.04, 0.02))


# The record -----------------------------------------------------------------------------------------------------------


def test_run_is_complete_when_every_test_expected_has_finished(session: BenchSession) -> None:
    assert session.record().complete
    session.expected |= {"a", "b"}
    session.finished |= {"a"}
    assert not session.record().complete
    assert session.record().unfinished == ("b",)
    session.finished |= {"b"}
    assert session.record().complete


def test_record_tells_how_the_run_was_made(session: BenchSession) -> None:
    record = session.record()
    assert isinstance(record, SessionRecord)
    assert (record.command, record.seed) == (("--cortex-bench",), 5)
    assert record.settings["seed"].origin == "random"
    assert record.environment["usable_cpus"] > 0


def test_record_tells_when_the_run_began_with_the_time_zone(session: BenchSession) -> None:
    began = datetime.fromisoformat(session.record().created_at)
    assert began.utcoffset() == datetime.now(UTC).utcoffset()
    assert session.record().created_at == session.record().created_at


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(advance: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The clock that times rounds times the bench as well."""
    monkeypatch.setattr(allowance, "time", rounds.time)  # type: ignore[attr-defined]  # the fake one, by now
    return advance


def test_bench_takes_as_long_as_its_tests_are_open(
    session: BenchSession, programs: Programs, timed: Callable[..., None]
) -> None:
    """With what they do besides measuring, and without what lies between them."""
    for test in ("a.py::test_a", "b.py::test_b"):
        bench = session.open(test, "test", {})
        timed(1.0)
        measure(bench, programs(0.04, 0.01))  # 17 rounds of 0.05 s
        session.close(bench)
        timed(100.0)
    record = session.record()
    assert record.took_s == pytest.approx(2 * 1.85)
    assert [each.took_s for each in record.measurements] == pytest.approx([0.85, 0.85])


def test_time_of_a_test_that_was_interrupted_counts(session: BenchSession, timed: Callable[..., None]) -> None:
    session.open("a.py::test_a", "test_a", {})
    timed(3.0)
    assert session.record().took_s == pytest.approx(3.0)
    timed(3.0)
    assert session.record().took_s == pytest.approx(3.0)


def test_time_budget_is_shared_among_the_tests_that_have_not_finished(
    tmp_path: Path, timed: Callable[..., None]
) -> None:
    session = session_with(settings(total_budget=["30"]), tmp_path)
    session.expected |= {"a", "b", "c"}
    first = session.open("a", "a", {})
    assert first._court.budget.seconds == 10.0
    timed(6.0)
    session.close(first)
    session.finished.add("a")
    assert session.open("b", "b", {})._court.budget.seconds == 10.0  # 24 for two, but no more than one may have
    timed(20.0)
    assert session.open("c", "c", {})._court.budget.seconds == 2.0


def test_test_that_runs_again_has_a_share_although_it_has_finished_before(
    tmp_path: Path, timed: Callable[..., None]
) -> None:
    session = session_with(settings(total_budget=["6"]), tmp_path)
    session.expected |= {"a"}
    session.finished |= {"a"}
    timed(1.0)
    assert session.open("a", "a", {})._court.budget.seconds == 6.0
