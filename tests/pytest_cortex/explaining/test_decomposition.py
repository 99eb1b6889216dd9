"""Where the missing speedup went: every injected cause is the first one named, and a healthy run has none."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import Operation, Phase, Plan, module, plan
from pytest_cortex.explaining.decomposition import Decomposition, Step, causes_of, decompose
from pytest_cortex.graphs.trace import ModuleTrace, RunTrace


def graph(dependencies: dict[str, str], phases: dict[str, Phase] | None = None) -> Plan:
    """A plan from ids to the letters of what each depends on."""
    modules = [
        module(id=name, depends_on=list(before), phase=(phases or {}).get(name, Phase.PROCESSING))(lambda context: None)
        for name, before in dependencies.items()
    ]
    return plan(Operation("any", modules))


FAN = graph(dict.fromkeys("abcd", ""))


def ran(start: float, end: float, worker: int = 0, cpu: float | None = 0.0, delay: float | None = 0.0) -> ModuleTrace:
    return ModuleTrace(started_s=start, duration_s=end - start, worker=worker, cpu_s=cpu, delay_s=delay)


def run(modules: dict[str, ModuleTrace], seconds: float | None = None) -> RunTrace:
    """A run that ends with its last module, unless told otherwise."""
    ends = [trace.started_s + trace.duration_s for trace in modules.values()]
    return RunTrace(workers=4, seconds=max(ends, default=0.0) if seconds is None else seconds, modules=modules)


def in_a_row(durations: dict[str, float], cpu_share: float | None = 0.0, delay: float | None = 0.0) -> RunTrace:
    """A sequential run without any gap."""
    modules, now_s = {}, 0.0
    for name, length_s in durations.items():
        cpu = None if cpu_share is None else cpu_share * length_s
        modules[name] = ran(now_s, now_s + length_s, cpu=cpu, delay=delay)
        now_s += length_s
    return run(modules)


def side_by_side(ends: Iterable[float], cpu: float | None = 0.0, delay: float | None = 0.0) -> RunTrace:
    """A parallel run of modules that all start at once, each on a worker of its own."""
    return run(
        {name: ran(0.0, end, worker, cpu, delay) for worker, (name, end) in enumerate(zip("abcd", ends, strict=True))}
    )


def decomposed(
    parallel: Sequence[RunTrace], sequential: RunTrace | None = None, made: Plan = FAN, usable_cpus: float = 8.0
) -> Decomposition:
    alone = in_a_row(dict.fromkeys("abcd", 1.0)) if sequential is None else sequential
    return decompose(made, [alone], parallel, 4, usable_cpus)


def step(found: Decomposition, name: str) -> Step:
    return next(each for each in found.steps if each.name == name)


COMPUTING = in_a_row(dict.fromkeys("abcd", 1.0), cpu_share=1.0)


# The way down ---------------------------------------------------------------------------------------------------------


def test_healthy_run_has_no_cause() -> None:
    found = decomposed([side_by_side([1.02, 1.01, 1.0, 1.03])])
    assert causes_of(found) == ()
    assert {each.because for each in found.steps} == {""}


def test_steps_lead_from_the_ideal_speedup_down_to_the_measured_one() -> None:
    """Worked out by hand: two chains, modules slowed down from 1 to 1.25 s, and 0.5 s before the first of them."""
    made = graph({"a": "", "b": "a", "c": "", "d": "", "e": ""})
    sequential = in_a_row(dict.fromkeys("abcde", 1.0))
    ends = {"a": (0.5, 0), "c": (0.5, 1), "d": (0.5, 2), "e": (0.5, 3), "b": (1.75, 0)}
    parallel = run({name: ran(start, start + 1.25, worker) for name, (start, worker) in ends.items()})
    found = decomposed([parallel], sequential, made)
    assert [each.name for each in found.steps] == ["graph", "balance", "contention", "overhead", "unexplained"]
    assert [each.speedup for each in found.steps] == pytest.approx([2.5, 2.5, 2.0, 5 / 3, 5 / 3])
    assert [each.lost for each in found.steps] == pytest.approx([1.5, 0.0, 0.5, 1 / 3, 0.0])


def test_medians_over_runs_keep_an_outlier_out() -> None:
    parallel = [side_by_side([1.0] * 4), side_by_side([9.0] * 4), side_by_side([1.0] * 4)]
    assert causes_of(decomposed(parallel)) == ()


def test_causes_come_with_the_largest_loss_first() -> None:
    """Contention halves 4 to 2; start-up takes that to 1.67, although it is named by a later step of its own."""
    slow = {name: ran(0.4, 2.4, worker, 2.0) for worker, name in enumerate("abcd")}
    first, second = causes_of(decomposed([run(slow)], COMPUTING))
    assert "their CPU time itself grows" in first
    assert second == "start-up: 0.4 s go by before the first module starts"


SECONDS = st.integers(0, 50).map(lambda tenths: tenths / 10)
UNKNOWN = st.none() | SECONDS
TRACES = st.builds(
    ModuleTrace, started_s=SECONDS, duration_s=SECONDS, worker=st.integers(0, 3), cpu_s=UNKNOWN, delay_s=UNKNOWN
)
RUNS = st.lists(
    st.builds(run, st.dictionaries(st.sampled_from("abcdz"), TRACES), SECONDS),  # z is not in the plan
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)  # each draws up to thirty modules, which takes longer than decomposing them
@given(
    RUNS,
    RUNS,
    st.sampled_from([FAN, graph({"a": "", "b": "a", "c": "a", "d": "bc"}), graph({})]),
    st.integers(1, 5),
)
def test_whatever_ran_the_losses_add_up(
    sequential: list[RunTrace], parallel: list[RunTrace], made: Plan, workers: int
) -> None:
    """Also for no time at all, modules that never ran, and numbers that do not fit together."""
    found = decompose(made, sequential, parallel, workers, 2.0)
    speedups = [float(workers), *(each.speedup for each in found.steps)]
    assert [each.lost for each in found.steps] == [before - after for before, after in pairwise(speedups)]
    causes = [cause for each in found.steps for cause in each.causes]
    assert all(cause.lost > 0 for cause in causes)
    assert len(causes_of(found)) == len(causes)


@given(st.floats(0.01, 99.0), st.floats(0.01, 99.0))
def test_last_step_is_the_measured_speedup(sequential_s: float, parallel_s: float) -> None:
    sequential = run(dict(COMPUTING.modules), sequential_s)
    found = decomposed([run(dict(COMPUTING.modules), parallel_s)], sequential)
    assert found.steps[-1].speedup == sequential_s / parallel_s


@pytest.mark.parametrize(("sequential", "parallel"), [(0, 1), (1, 0)])
def test_arm_without_a_run_is_refused(sequential: int, parallel: int) -> None:
    message = f"got {sequential} sequential and {parallel} parallel ones; trace both"
    with pytest.raises(ValueError, match=message):
        decompose(FAN, [COMPUTING] * sequential, [COMPUTING] * parallel, 4, 4.0)


def test_no_time_at_all_loses_nothing() -> None:
    found = decomposed([run({})], run({}))
    assert [each.speedup for each in found.steps] == [4.0] * 5
    assert causes_of(found) == ()


def test_module_seen_in_one_arm_only_counts_in_the_other_as_well() -> None:
    """The condition of d was false in the sequential run: it lengthens neither contention nor the work."""
    found = decomposed([side_by_side([1.0] * 4)], in_a_row(dict.fromkeys("abc", 1.0)))
    assert step(found, "contention").speedup == 4.0


# The graph and the schedule -------------------------------------------------------------------------------------------


def test_long_chain_is_named_with_its_costliest_dependency() -> None:
    made = graph({"a": "", "b": "a", "c": "b", "d": "c"})
    alone = in_a_row(dict.fromkeys("abcd", 1.0))
    assert causes_of(decomposed([alone], alone, made))[0] == (
        "dependencies: the critical path takes 4 s of 4 s of work: a → b → c → d; "
        "without the dependency of 'c' on 'b' it would allow 2.00"
    )


def test_phases_on_the_critical_path_are_named() -> None:
    made = graph(dict.fromkeys("abcd", ""), {"a": Phase.PREPARATION, "b": Phase.PREPARATION})
    times = {"a": ran(0, 1, 0), "b": ran(0, 1, 1), "c": ran(1, 2, 0), "d": ran(1, 2, 1)}
    assert "a → c, through 2 phases that come one after another" in causes_of(decomposed([run(times)], made=made))[0]


def test_module_longer_than_its_share_is_an_unbalanced_split() -> None:
    lengths = {"a": 6.2, "b": 1.3, "c": 1.3, "d": 1.2}
    found = decomposed([side_by_side(lengths.values())], in_a_row(lengths))
    assert causes_of(found) == ("unbalanced split: 'a' alone takes 62 % of the work",)
    assert step(found, "graph").because == causes_of(found)[0]


def test_modules_that_do_not_fill_the_workers_are_an_unbalanced_split() -> None:
    made = graph(dict.fromkeys("abcde", ""))
    parallel = side_by_side([1.0] * 4)
    last = run({**parallel.modules, "e": ran(1.0, 2.0)})
    assert causes_of(decomposed([last], in_a_row(dict.fromkeys("abcde", 1.0)), made))[0] == (
        "unbalanced split: 'e' finishes last and takes 20 % of the work, "
        "so that 4 workers have nothing to do 38 % of the time"
    )


def test_fewer_modules_than_workers_are_named() -> None:
    times = {"a": ran(0, 1, 0), "b": ran(0, 1, 1)}
    found = decomposed([run(times)], in_a_row({"a": 1.0, "b": 1.0}), graph({"a": "", "b": ""}))
    assert causes_of(found) == ("too few modules: 4 workers share 2 that take time",)


# Modules beside each other --------------------------------------------------------------------------------------------


def queue(order: str) -> RunTrace:
    """All start at once, and get on one after another."""
    return run({name: ran(0.0, order.index(name) + 1.0, worker) for worker, name in enumerate("abcd")})


def test_lock_is_named_where_modules_get_on_in_changing_order() -> None:
    first = causes_of(decomposed([queue("abcd"), queue("dcba"), queue("cadb"), queue("bdac")]))[0]
    assert first == (
        "modules take longer beside each other ('a' 2.5 times, 'b' 2.5 times, 'c' 2.5 times and 1 more): they get on "
        "one after another, in changing order (once 'b' got on only after 'a' ended, 'c' got on only after 'b' ended, "
        "'d' got on only after 'c' ended), so they share a lock or a pool"
    )


def test_lock_in_changing_order_is_not_taken_for_gaps() -> None:
    """Medians per module would lose most of the waiting: in each run another one is last."""
    contention = step(decomposed([queue("abcd"), queue("dabc"), queue("cdab"), queue("bcda")]), "contention")
    assert contention.speedup == 1.0


def test_queue_in_the_same_order_every_time_may_be_a_lock_or_a_hidden_dependency() -> None:
    first = causes_of(decomposed([queue("abcd")] * 3))[0]
    assert "'d' got on only after 'c' ended, so there is a hidden dependency, or a lock they share" in first


def test_hidden_dependency_is_named_with_both_its_ends() -> None:
    parallel = [side_by_side([1.0 + noise, 1.0, 2.0 + noise, 1.01]) for noise in (0.0, 0.01, 0.02)]
    alone = in_a_row({"a": 1.0, "b": 0.6, "c": 1.0, "d": 0.6}, cpu_share=None, delay=None)
    slight = [run({**each.modules, "b": ran(0, 0.61, 1), "d": ran(0, 0.62, 3)}) for each in parallel]
    assert causes_of(decomposed(slight, alone))[0] == (
        "modules take longer beside each other ('c' 2.0 times): "
        "'c' got on only after 'a' ended, so there is a hidden dependency, or a lock they share"
    )


def test_everyone_who_may_have_been_waited_for_is_named() -> None:
    """The runs do not show whether c waited for a, b or d."""
    first = causes_of(decomposed([side_by_side([1.0, 1.0, 2.0, 1.0])]))[0]
    assert "'c' got on only after 'a' or 'b' or 'd' ended" in first


def test_many_who_may_have_been_waited_for_are_cut_short() -> None:
    made = graph(dict.fromkeys("abcde", ""))
    ends = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "e": 2.0}
    parallel = run({name: ran(0.0, end, worker) for worker, (name, end) in enumerate(ends.items())})
    found = decompose(made, [in_a_row(dict.fromkeys("abcde", 1.0))], [parallel], 5, 8.0)
    assert "'e' got on only after 'a' or 'b' or 'c' or another ended" in causes_of(found)[0]


def test_gil_is_named_also_where_its_holder_must_queue_for_a_cpu() -> None:
    """Another program takes half of the CPU time; the others still wait for the holder of the GIL."""
    first = causes_of(decomposed([side_by_side([7.9, 8.0, 8.0, 7.9], cpu=1.0, delay=1.0)], COMPUTING))[0]
    assert "Python's GIL" in first


def test_computing_modules_that_share_one_cpu_hold_the_gil() -> None:
    """They take turns every few milliseconds, so all of them end late and none waits for another's end."""
    parallel = [side_by_side([3.9, 4.0, 4.0, 3.95], cpu=1.0, delay=0.05)] * 3
    assert causes_of(decomposed(parallel, COMPUTING, usable_cpus=4.0))[0] == (
        "modules take longer beside each other ('b' 4.0 times, 'c' 4.0 times, 'd' 4.0 times and 1 more): they only "
        "compute and yet together want no more than 1.1 CPUs, so they hold Python's GIL, or a lock while they compute"
    )


def test_gil_is_told_from_a_queue_also_where_modules_differ_in_length() -> None:
    """Fair turns: 1, 2, 3 and 4 s end after 4, 7, 9 and 10 s."""
    alone = in_a_row({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, cpu_share=1.0)
    ends = {"a": 4.0, "b": 7.0, "c": 9.0, "d": 10.0}
    parallel = run({name: ran(0, end, w, w + 1.0) for w, (name, end) in enumerate(ends.items())})
    assert "Python's GIL" in "".join(causes_of(decomposed([parallel], alone)))


def test_modules_that_wait_without_computing_share_something() -> None:
    first = causes_of(decomposed([side_by_side([2.5] * 4)]))[0]
    assert first.endswith("they wait for 6 s, for a lock or something else that they share")


def test_computing_modules_that_use_several_cpus_do_not_hold_the_gil() -> None:
    first = causes_of(decomposed([side_by_side([1.6] * 4, cpu=1.0)], COMPUTING))[0]
    assert first.endswith("they wait for 2.4 s, for a lock or something else that they share")


def test_grown_cpu_time_is_memory_caches_or_shared_cores() -> None:
    assert causes_of(decomposed([side_by_side([2.0, 1.5, 1.5, 1.5], cpu=2.0)], COMPUTING))[0] == (
        "modules take longer beside each other ('a' 2.0 times, 'b' 1.5 times, 'c' 1.5 times and 1 more): "
        "their CPU time itself grows by 2.5 s, so they share memory, caches or cores"
    )


def test_ready_modules_without_a_cpu_name_the_number_of_cpus() -> None:
    parallel = [side_by_side([2.0] * 4, cpu=1.0, delay=1.0)]
    first = causes_of(decomposed(parallel, COMPUTING, usable_cpus=2.0))[0]
    assert first.endswith("they are ready to run for 4 s and have no CPU, since 4 run at once on 2 usable CPUs")


def test_ready_modules_without_a_cpu_mean_a_busy_machine_where_cpus_are_enough() -> None:
    parallel = [side_by_side([2.0] * 4, cpu=1.0, delay=1.0)]
    first = causes_of(decomposed(parallel, COMPUTING, usable_cpus=4.0))[0]
    assert first.endswith("have no CPU, since other programs keep the machine busy")


def test_number_of_cpus_is_named_also_where_the_system_counts_no_delay() -> None:
    alone = in_a_row(dict.fromkeys("abcd", 1.0), cpu_share=1.0, delay=None)
    parallel = [side_by_side([2.0] * 4, cpu=1.0, delay=None)]
    first = causes_of(decomposed(parallel, alone, usable_cpus=2.0))[0]
    assert first.endswith("together they use 2.0 CPUs, since 4 run at once on 2 usable CPUs")


def test_nothing_is_guessed_where_cpu_time_is_unknown() -> None:
    alone = in_a_row(dict.fromkeys("abcd", 1.0), cpu_share=None, delay=None)
    first = causes_of(decomposed([side_by_side([2.5] * 4, cpu=None, delay=None)], alone))[0]
    assert first.endswith("for 6 s more, and whether they compute or wait is not known here")


# Time around and between modules --------------------------------------------------------------------------------------


def test_pool_with_too_few_workers_is_named() -> None:
    assert causes_of(decomposed([in_a_row(dict.fromkeys("abcd", 1.0))])) == (
        "the pool is smaller than asked: modules ran on 1 of 4 workers",
    )


def test_pool_that_never_runs_enough_at_once_is_named() -> None:
    """Four threads behind a semaphore of two."""
    times = {"a": ran(0, 1, 0), "b": ran(0, 1, 1), "c": ran(1, 2, 2), "d": ran(1, 2, 3)}
    assert causes_of(decomposed([run(times)])) == (
        "the pool is smaller than asked, or hands out modules late: never more than 2 ran at once, where 4 could",
    )


def test_time_before_the_first_module_is_start_up() -> None:
    late = run({name: ran(0.5, 1.5, worker) for worker, name in enumerate("abcd")})
    assert causes_of(decomposed([late])) == ("start-up: 0.5 s go by before the first module starts",)


def test_time_after_the_last_module_is_clean_up() -> None:
    late = run(dict(side_by_side([1.0] * 4).modules), seconds=1.5)
    assert causes_of(decomposed([late])) == ("clean-up: 0.5 s go by after the last module has ended",)


def test_workers_that_start_one_after_another_are_start_up() -> None:
    late = run({name: ran(0.2 * worker, 0.2 * worker + 1, worker) for worker, name in enumerate("abcd")})
    assert causes_of(decomposed([late]))[0] == (
        "start-up: workers get their first module 0.3 s later than they could, on average"
    )


def test_time_between_modules_is_gaps() -> None:
    made = graph({"a": "", "b": "", "c": "", "d": "", **dict.fromkeys("efgh", "")})
    first = {name: ran(0.0, 1.0, worker) for worker, name in enumerate("abcd")}
    second = {name: ran(1.5, 2.5, worker) for worker, name in enumerate("efgh")}
    sequential = in_a_row(dict.fromkeys("abcdefgh", 1.0))
    assert causes_of(decomposed([run({**first, **second})], sequential, made)) == (
        "gaps between modules: all of them take 2.5 s, without gaps 2 s",
    )


# The rest -------------------------------------------------------------------------------------------------------------


def test_sequential_overhead_is_a_gain_that_is_said_and_no_cause() -> None:
    found = decomposed([side_by_side([1.0] * 4)], run(dict(COMPUTING.modules), seconds=5.0))
    assert causes_of(found) == ()
    assert (step(found, "unexplained").lost, step(found, "unexplained").because) == (-1.0, "1.00 gained, not lost")


def test_sequential_run_shorter_than_its_modules_is_unexplained() -> None:
    found = decomposed([side_by_side([1.0] * 4)], run(dict(COMPUTING.modules), seconds=3.0))
    assert causes_of(found) == ("unexplained: the sequential run differs by -1 s from its modules on their own",)
