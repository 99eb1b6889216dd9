"""Naming the cause: from looks made by hand, and from programs into which a cause was put."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_looks import COMPUTING, FREE, HEALTHY, SEQUENTIAL, look, samples
from sick_programs import (
    chained,
    compute,
    nap,
    nap_for,
    nap_under_lock,
    nap_unevenly,
    pooled,
    sequential_nap,
    slow_to_start,
)

from pytest_cortex.explaining.causes import Facts, causes_of_program
from pytest_cortex.explaining.sampling import CALLER, Samples, watch


def first(facts: Facts, parallel: Samples | None = None) -> str:
    return next(iter(causes_of_program(facts if parallel is None else replace(facts, parallel=parallel))), "nothing")


# From times alone -----------------------------------------------------------------------------------------------------


def test_nothing_is_said_where_nothing_stands_out() -> None:
    assert causes_of_program(FREE) == ()


def test_ceiling_that_was_reached_is_named() -> None:
    assert first(replace(FREE, ceiling=1.05)) == "the graph itself allows no more than 1.05×, and 1.00× was reached"


def test_ceiling_that_is_far_is_not() -> None:
    assert causes_of_program(replace(FREE, ceiling=4.0)) == ()


def test_sequential_program_that_is_parallel_already_is_named() -> None:
    """A library with threads of its own leaves less to gain."""
    assert "already used 1.9 CPUs" in first(replace(COMPUTING, sequential_cpu_s=1.9, parallel_cpu_s=1.9))


def test_too_few_cpus_are_named_for_computing_only() -> None:
    assert first(replace(COMPUTING, usable_cpus=1)).endswith("4 workers were asked for, and this process may use 1 CPU")
    assert causes_of_program(replace(FREE, usable_cpus=1)) == ()


def test_too_few_cpus_are_not_named_if_some_stayed_free() -> None:
    """Whatever held the program back, it was not the CPUs."""
    assert causes_of_program(replace(COMPUTING, usable_cpus=2)) == ()


def test_too_few_cpus_for_child_processes_are_named() -> None:
    """Their CPU time is unknown, but the machine is not."""
    parallel = samples((20, "m"), children=4)
    assert "too few CPUs" in first(replace(COMPUTING, usable_cpus=2, parallel_cpu_s=0.01), parallel)


def test_cpu_time_that_grew_is_named() -> None:
    facts = replace(COMPUTING, parallel_s=0.7, parallel_cpu_s=2.5)
    assert "cost 2.5 times the CPU time in parallel (2.5 s instead of 1 s)" in first(facts)


# From looks made by hand ----------------------------------------------------------------------------------------------


def test_healthy_pool_names_nothing() -> None:
    assert causes_of_program(replace(FREE, parallel=HEALTHY, sequential=SEQUENTIAL)) == ()


def test_too_few_looks_name_nothing() -> None:
    assert causes_of_program(replace(FREE, parallel=samples((7, "mlllw")))) == ()


def test_lock_is_named_with_its_line_and_its_share() -> None:
    sentence = first(FREE, samples((80, "mlllw"), (20, "mw---")))
    assert sentence == (
        "a lock: for 80% of the run 3.0 threads or tasks on average waited at work.py:2 `with lock:`, while work went "
        "on at work.py:1 `compute(item)`"
    )


def test_end_of_the_queue_before_a_lock_is_no_imbalance() -> None:
    parallel = samples((25, "mwlll"), (25, "m-wll"), (25, "m--wl"), (25, "m---w"))
    assert len(causes_of_program(replace(FREE, parallel=parallel))) == 1


def test_semaphore_that_lets_some_pass_is_named_while_as_many_wait() -> None:
    assert first(FREE, samples((50, "mwwll"), (50, "mllww"))).startswith("a lock: for 100% of the run 2.0 threads")


def test_lock_that_few_wait_for_is_not_named() -> None:
    assert causes_of_program(replace(FREE, parallel=samples((50, "mwwwl"), (50, "mlwww")))) == ()


def test_event_loop_that_is_held_is_named_with_the_line_that_holds_it() -> None:
    sentence = first(FREE, samples((50, "mwqqq"), (50, "m-wqq")))
    assert sentence.startswith("a blocked event loop: for 100% of the run tasks were ready, but the loop was held at")
    assert "`compute(item)`" in sentence


def test_chain_is_named_with_the_line_where_workers_wait() -> None:
    sentence = first(FREE, samples((25, "mwnnn"), (25, "m-wnn"), (25, "m--wn"), (25, "m---w")))
    assert sentence.startswith("a hidden dependency, by the look of it: 4 workers took turns, and for 75% of the run")
    assert sentence.endswith("while others waited at work.py:3 `previous.result()`")


def test_threads_that_are_used_one_after_the_other_are_named_with_the_callers_line() -> None:
    sentence = first(FREE, samples((25, "mw"), (25, "m w"), (25, "m  w"), (25, "m   w")))
    assert sentence.startswith("a hidden dependency, by the look of it: 4 workers took turns, and for 100%")
    assert sentence.endswith("while others waited at work.py:5 `list(pool.map(f, items))`")


def test_pool_that_is_smaller_than_asked_is_named() -> None:
    sentence = first(FREE, samples((100, "mw")))
    assert sentence.startswith("too few workers at work: no more than 1 worker (threads or tasks) took part, 4 were")
    assert sentence.endswith("the calling thread waited at work.py:5 `list(pool.map(f, items))`")


def test_caller_counts_as_a_worker_where_it_works_beside_others() -> None:
    assert causes_of_program(replace(FREE, workers=2, parallel=samples((100, "ww")))) == ()


def test_pool_of_processes_that_is_smaller_than_asked_is_named() -> None:
    assert "no more than 2 workers (child processes) took part" in first(FREE, samples((100, "m"), children=2))


def test_threads_that_run_processes_are_counted_neither_way() -> None:
    assert causes_of_program(replace(FREE, parallel=samples((100, "mw"), children=1))) == ()


def test_processes_that_compute_more_than_there_was_to_do_are_named() -> None:
    parallel = samples((100, "m"), children=4, children_started=4, children_cpu_s=2.0)
    assert "the run started 4 of its own, which used 2 s of CPU time" in first(FREE, parallel)


def test_processes_that_computed_the_work_are_not() -> None:
    parallel = samples((100, "m"), children=4, children_started=4, children_cpu_s=1.1)
    assert causes_of_program(replace(COMPUTING, parallel=parallel)) == ()


def test_gil_is_named_where_threads_compute_on_one_cpu() -> None:
    parallel = samples((90, "mwwww"), (10, "mw---"), on_cpu_s=dict.fromkeys(range(1, 5), 0.25))
    sentence = first(COMPUTING, parallel)
    assert sentence.startswith(
        "looks like the GIL: up to 4 threads computed side by side for 90% of the run, mostly at"
    )
    assert "the process used only 1.0 of 4 CPUs" in sentence


@pytest.mark.parametrize(
    "facts",
    [
        replace(COMPUTING, parallel=replace(HEALTHY, gil=False)),
        replace(COMPUTING, parallel=HEALTHY, parallel_cpu_s=1.6),
        replace(COMPUTING, parallel=HEALTHY, parallel_cpu_s=0.1),
        replace(COMPUTING, parallel=replace(HEALTHY, on_cpu_s={1: 0.97, 2: 0.01, 3: 0.01, 4: 0.01})),
        replace(FREE, parallel=HEALTHY),
    ],
    ids=["there is none", "two CPUs were used", "hardly one was", "one computes, the others sleep", "nobody computes"],
)
def test_gil_is_not_named_where(facts: Facts) -> None:
    assert "GIL" not in "".join(causes_of_program(facts))


def test_worker_that_is_left_over_is_no_loss_under_the_gil() -> None:
    parallel = samples((70, "mwwww"), (30, "mw---"))
    assert len(causes_of_program(replace(COMPUTING, parallel=parallel))) == 1
    assert "unbalanced" in first(FREE, parallel)


def test_unbalanced_split_is_named_with_the_line_that_is_left_over() -> None:
    sentence = first(FREE, samples((20, "mwwww"), (80, "mw---")))
    assert sentence == (
        "an unbalanced split: for 80% of the run only one of 4 workers still worked at work.py:1 `compute(item)`; "
        "the others had nothing to do"
    )


def test_start_up_before_the_first_worker_is_named_with_the_callers_line() -> None:
    sentence = first(FREE, samples((50, "s"), (1, "b"), (49, "mwwww")))
    assert sentence.startswith("start-up: 51% of the run passed before the first worker worked")
    assert sentence.endswith("the calling thread was mostly at work.py:4 `connect()`")


def test_starting_threads_that_end_at_once_is_named() -> None:
    assert first(FREE, samples(*[(1, "b"), (1, "mw"), (3, "bw"), (3, "b-w"), (3, "b--w")] * 5)).startswith("start-up")


def test_start_up_of_each_worker_is_named_by_the_line_the_sequential_program_never_saw() -> None:
    parallel = samples((50, "mssss"), (50, "mwwww"))
    assert first(replace(FREE, sequential=SEQUENTIAL), parallel) == (
        "work that only the parallel program does, such as start-up: 50% of the workers' time was spent at "
        "work.py:4 `connect()`, where the sequential program was never seen"
    )


@pytest.mark.parametrize(
    "sequential", [samples((20, "c")), samples((7, "w")), None], ids=["other lines", "few looks", "none"]
)
def test_lines_are_not_compared_with_a_program_that_is(sequential: Samples | None) -> None:
    parallel = samples((50, "mssss"), (50, "mwwww"))
    assert causes_of_program(replace(FREE, sequential=sequential, parallel=parallel)) == ()


def test_sequential_part_of_the_calling_thread_is_named() -> None:
    sentence = first(FREE, samples((60, "mwwww"), (40, "s----")))
    assert sentence == "a sequential part: for 40% of the run only the calling thread worked at work.py:4 `connect()`"


def test_program_without_any_parallelism_is_named() -> None:
    sentence = first(FREE, SEQUENTIAL)
    assert sentence.startswith("nothing ran in parallel: in 20 looks at the parallel program")
    assert sentence.endswith("mostly at work.py:1 `compute(item)`")


@pytest.mark.parametrize(
    "facts",
    [
        replace(COMPUTING, sequential_s=2.0, parallel_cpu_s=1.9, parallel=SEQUENTIAL),
        replace(FREE, parallel=samples((20, "m"))),
        replace(FREE, workers=1, parallel=samples((20, "w"), children=1)),
    ],
    ids=["more than one CPU", "a caller that waits for what cannot be seen", "a child process"],
)
def test_parallelism_is_not_denied_where_there_may_be(facts: Facts) -> None:
    """Threads that a C library keeps to itself are in no look, but in the CPU time."""
    assert not any(sentence.startswith("nothing ran") for sentence in causes_of_program(facts))


def test_line_that_is_unknown_is_left_out() -> None:
    assert first(FREE, samples((100, "c"))).endswith("beside the calling thread")


def test_greatest_cause_comes_first() -> None:
    lock, left_over = (60, "mwlll"), (20, "mw---")
    parallel = samples((20, "s"), lock, left_over)
    assert [sentence.split(":")[0] for sentence in causes_of_program(replace(FREE, parallel=parallel))] == [
        "a lock",
        "start-up",
    ]


def test_looks_that_came_late_stand_for_more_time() -> None:
    """Busy threads keep the sampler waiting: looks must not be counted as if they were evenly spaced."""
    rows = [(float(at_s), "mwwww") for at_s in range(1, 11)] + [(20.0, "mw---"), (30.0, "mw---")]
    parallel = Samples(looks=tuple(look(at_s, row) for at_s, row in rows))
    assert first(FREE, parallel).startswith("an unbalanced split: for 50% of the run")


LETTERS = st.text(alphabet="wslnmbqc-", min_size=1, max_size=5)


@given(
    rows=st.lists(LETTERS, max_size=30),
    children=st.integers(0, 3),
    facts=st.sampled_from([FREE, COMPUTING]),
    sequential=st.sampled_from([None, SEQUENTIAL]),
)
def test_whatever_was_seen_is_told_in_whole_sentences(
    rows: Iterable[str], children: int, facts: Facts, sequential: Samples | None
) -> None:
    """No cause twice, no share above the whole, nothing but text."""
    parallel = samples(*((1, row) for row in rows), children=children)
    sentences = causes_of_program(replace(facts, sequential=sequential, parallel=parallel))
    assert len({sentence.split(":")[0] for sentence in sentences}) == len(sentences)
    assert not any("None" in sentence or "nan" in sentence for sentence in sentences)


# From programs into which a cause was put -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "program", "cause"),
    [
        (FREE, pooled(nap_under_lock), "a lock"),
        (FREE, chained, "a hidden dependency"),
        (COMPUTING, pooled(compute), "looks like the GIL"),
        (FREE, pooled(nap_for, workers=1), "too few workers at work"),
        (FREE, pooled(nap_unevenly), "an unbalanced split"),
        (FREE, slow_to_start, "start-up"),
        (FREE, sequential_nap, "nothing ran in parallel"),
        (FREE, pooled(lambda _item: nap(0.05)), "nothing"),
    ],
    ids=["lock", "chain", "gil", "one worker", "unbalanced", "start-up", "identical", "healthy"],
)
def test_cause_that_was_put_in_is_named_first(facts: Facts, program: Callable[[], object], cause: str) -> None:
    """The looks are real, the times those of a quiet machine."""
    facts = replace(facts, sequential=watch(sequential_nap), parallel=watch(program))
    assert first(facts).startswith(cause)


@pytest.mark.slow
def test_lock_is_named_by_the_line_that_takes_it() -> None:
    sentence = first(replace(FREE, parallel=watch(pooled(nap_under_lock))))
    assert f"sick_programs.py:{nap_under_lock.__code__.co_firstlineno + 1} `with ONLY_ONE:`" in sentence
    assert CALLER not in watch(pooled(nap_under_lock)).workers
