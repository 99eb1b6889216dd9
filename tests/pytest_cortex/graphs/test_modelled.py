"""The modelled speedup: what the modules' own times allow, load taken out; it may fail a gate and never pass one."""

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ModuleContext, Operation, Plan, execute_operation, module, plan
from pytest_cortex.graphs.modelled import judge_modelled, modelled_speedup, modelled_speedups
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace
from pytest_cortex.graphs.tracing import Tracer
from pytest_cortex.judging.gate import Gate, InvalidRounds, Outcome, Verdict


def graph(**dependencies: list[str]) -> Plan:
    modules = [module(id=name, depends_on=before)(lambda context: None) for name, before in dependencies.items()]
    return plan(Operation("any", modules))


FAN = graph(a=[], b=[], c=[], d=[])
CHAIN = graph(a=[], b=["a"], c=["b"])


def run_of(
    services_s: dict[str, float], *, blocked_s: dict[str, float] | None = None, delays_s: dict[str, float] | None = None
) -> RunTrace:
    """A run in which each module took its service time, some of it blocked, and waited for a CPU besides."""
    modules = {}
    for name, service_s in services_s.items():
        delay_s = (delays_s or {}).get(name, 0.0)
        cpu_s = service_s - (blocked_s or {}).get(name, 0.0)
        modules[name] = ModuleTrace(
            started_s=0.0, duration_s=service_s + delay_s, worker=0, cpu_s=cpu_s, delay_s=delay_s
        )
    return RunTrace(workers=2, seconds=1.0, modules=modules)


def unknown(run: RunTrace, name: str, field: str) -> RunTrace:
    changes: dict[str, Any] = {field: None}
    return replace(run, modules={**run.modules, name: replace(run.modules[name], **changes)})


def judged(ratios: Sequence[float], limit: float = 2.0) -> Verdict | None:
    return judge_modelled(ratios, limit=limit, margin=0.02, alpha=0.001, horizon=60)


# The model ------------------------------------------------------------------------------------------------------------


def test_equal_modules_model_as_many_times_faster_as_there_are_workers() -> None:
    assert modelled_speedup(FAN, run_of(dict.fromkeys("abcd", 1.0)), 2) == pytest.approx(2.0)


def test_chain_models_no_speedup() -> None:
    assert modelled_speedup(CHAIN, run_of({"a": 1.0, "b": 2.0, "c": 3.0}), 2) == pytest.approx(1.0)


def test_uneven_modules_model_what_the_plan_makes_of_them() -> None:
    """One module of 3 s beside three of 1 s: 6 s of work, and no schedule ends before 3 s."""
    assert modelled_speedup(FAN, run_of({"a": 3.0, "b": 1.0, "c": 1.0, "d": 1.0}), 4) == pytest.approx(2.0)


def test_waiting_for_a_cpu_is_taken_out() -> None:
    run = run_of(dict.fromkeys("abcd", 1.0), delays_s={"a": 4.0, "c": 1.0})
    assert modelled_speedup(FAN, run, 4) == pytest.approx(4.0)


def test_time_blocked_is_part_of_the_service() -> None:
    """A module that sleeps for 3 s is as long as one that works for 3 s."""
    run = run_of({"a": 3.0, "b": 1.0, "c": 1.0, "d": 1.0}, blocked_s={"a": 3.0})
    assert modelled_speedup(FAN, run, 4) == pytest.approx(2.0)


def test_parts_that_seem_longer_than_the_whole_leave_no_time_blocked() -> None:
    delayed = ModuleTrace(started_s=0.0, duration_s=1.0, worker=0, cpu_s=1.0, delay_s=0.1)
    run = RunTrace(workers=2, seconds=1.0, modules=dict.fromkeys("ab", delayed))
    assert modelled_speedup(FAN, run, 2) == pytest.approx(2.0)


def test_module_blocked_for_once_does_not_lower_the_model() -> None:
    """It waited for the GIL, say, whose owner waited for a CPU; in an earlier run it did not."""
    even = dict.fromkeys("abcd", 1.0)
    quiet, leaked = run_of(even), run_of({**even, "a": 3.0}, blocked_s={"a": 2.0})
    assert modelled_speedup(FAN, leaked, 4) == pytest.approx(2.0)
    assert modelled_speedups(FAN, [quiet, leaked], 4) == pytest.approx((4.0, 4.0))


def test_least_time_blocked_does_not_lower_the_model_either() -> None:
    """Three modules that blocked for 1 s before and for 3 s now, beside 3 s of work: now they are as long as it."""
    short, long = {"a": 3.0, "b": 1.0, "c": 1.0, "d": 1.0}, dict.fromkeys("abcd", 3.0)
    blocked = [run_of(each, blocked_s={name: each[name] for name in "bcd"}) for each in (short, long)]
    assert modelled_speedups(FAN, blocked, 4) == pytest.approx((2.0, 4.0))


def test_what_a_run_models_does_not_depend_on_later_ones() -> None:
    """So a verdict on them, once fallen, stays."""
    even = dict.fromkeys("abcd", 1.0)
    runs = [run_of({**even, "a": 3.0 - wait}, blocked_s={"a": 2.0 - wait}) for wait in (0.0, 1.0, 2.0)]
    made = modelled_speedups(FAN, runs, 4)
    assert [modelled_speedups(FAN, runs[:count], 4) for count in (1, 2)] == [made[:1], made[:2]]


def test_module_that_did_not_run_counts_nothing() -> None:
    assert modelled_speedup(FAN, run_of({"a": 1.0, "b": 1.0}), 4) == pytest.approx(2.0)


@pytest.mark.parametrize("field", ["cpu_s", "delay_s"])
def test_run_with_something_unknown_models_nothing(field: str) -> None:
    known = run_of(dict.fromkeys("abcd", 1.0))
    assert modelled_speedup(FAN, unknown(known, "c", field), 2) is None
    assert modelled_speedups(FAN, [known, unknown(known, "c", field), known], 2) == (2.0, 2.0)


@pytest.mark.parametrize("services_s", [{}, {"a": 0.0, "b": 0.0}])
def test_run_without_any_time_models_nothing(services_s: dict[str, float]) -> None:
    assert modelled_speedup(FAN, run_of(services_s), 2) is None


SERVICES = st.fixed_dictionaries({name: st.floats(0.001, 10.0) for name in "abcd"})
PLANS = st.sampled_from([FAN, graph(a=[], b=["a"], c=["a"], d=["b", "c"]), graph(a=[], b=[], c=["a"], d=["b"])])


@given(PLANS, SERVICES, st.integers(1, 5))
def test_model_stays_between_one_and_what_graph_and_workers_allow(
    planned: Plan, services_s: dict[str, float], workers: int
) -> None:
    modelled = modelled_speedup(planned, run_of(services_s), workers)
    assert modelled is not None
    assert 1 - 1e-9 <= modelled <= min(workers, planned.parallelism(services_s)) * (1 + 1e-9)


@given(PLANS, st.fixed_dictionaries({name: st.integers(1, 64) for name in "abcd"}), SERVICES)
def test_model_is_the_same_however_long_modules_waited_for_a_cpu(
    planned: Plan, services_s: dict[str, float], delays_s: dict[str, float]
) -> None:
    """Whole seconds and 64ths, so that no rounding decides which of two modules ends first."""
    exact_s = {name: round(64 * delay_s) / 64 for name, delay_s in delays_s.items()}
    quiet, loaded = run_of(services_s), run_of(services_s, delays_s=exact_s)
    assert modelled_speedup(planned, loaded, 2) == modelled_speedup(planned, quiet, 2)


@given(PLANS, SERVICES, st.sampled_from([2.0, 8.0]))
def test_model_is_blind_to_what_lengthens_all_modules_alike(
    planned: Plan, services_s: dict[str, float], factor: float
) -> None:
    """Such as the GIL: this is why a modelled speedup proves nothing by being high."""
    slowed = run_of({name: factor * seconds for name, seconds in services_s.items()})
    assert modelled_speedup(planned, slowed, 2) == pytest.approx(modelled_speedup(planned, run_of(services_s), 2))


# The judge ------------------------------------------------------------------------------------------------------------


def test_runs_that_model_too_low_fail() -> None:
    verdict = judged([1.5, 1.51, 1.49] * 7)
    assert verdict is not None
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith(
        "even the model, which knows no locks and no overhead, falls short: speedup 1.50 (1.49 to 1.51) is proven "
        "below 1.96 (2.00 less 2 %) after "
    )


def test_runs_that_model_high_prove_nothing() -> None:
    """The gate would say PASS of the same numbers."""
    ratios = [2.5] * 30
    assert Gate(min_speedup=2.0).decide(ratios, [1.0] * 30).outcome is Outcome.PASS
    assert judged(ratios) is None


@pytest.mark.parametrize("ratios", [[], [1.5] * 5, [1.9, 2.1] * 30])
def test_runs_that_are_too_few_or_undecided_prove_nothing(ratios: list[float]) -> None:
    assert judged(ratios) is None


@pytest.mark.parametrize("ratio", [math.nan, 0.0, math.inf])
def test_what_is_no_speedup_is_refused(ratio: float) -> None:
    with pytest.raises(InvalidRounds, match="round 1"):
        judged([1.5, ratio])


@given(st.lists(st.floats(1.8, 2.1), max_size=60))
def test_model_fails_exactly_where_the_gate_would(ratios: list[float]) -> None:
    """Same evidence, same error rate; and never a PASS."""
    gated, verdict = Gate(min_speedup=2.0).decide(ratios, [1.0] * len(ratios)), judged(ratios)
    assert (verdict is None) is (gated.outcome is not Outcome.FAIL)
    if verdict is not None:
        assert (verdict.outcome, verdict.rounds, verdict.speedup) == (Outcome.FAIL, gated.rounds, gated.speedup)


# Under load -----------------------------------------------------------------------------------------------------------


def hashing(modules: int) -> Operation:
    """CPU-bound work that lets go of the GIL, a few milliseconds each."""

    def derive(context: ModuleContext) -> None:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 20_000)

    return Operation("hashing", [module(id=f"m{number}")(derive) for number in range(modules)])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="needs Linux's schedstat")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two CPUs")
def test_load_scatters_the_model_less_than_the_measured_speedup() -> None:
    tracer = Tracer(hashing(6))
    planned = plan(tracer.operation)

    def run(workers: int) -> RunTrace:
        report = execute_operation(tracer.operation, max_parallel_workers=workers)
        return tracer.trace(report, report.total_duration_seconds)

    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        rounds = [(run(1), run(2)) for _ in range(30)]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    raw = [sequential.seconds / parallel.seconds for sequential, parallel in rounds]
    modelled = modelled_speedups(planned, [parallel for _sequential, parallel in rounds], 2)
    assert len(modelled) == len(raw)
    assert stdev(map(math.log, modelled)) < stdev(map(math.log, raw))
    assert judged(modelled, limit=1.5) is None
