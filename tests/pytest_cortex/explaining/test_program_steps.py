"""From the ideal to the measured, for anybody's programs: from looks made by hand, each with a cause put in."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_looks import COMPUTING, FREE, HEALTHY, SEQUENTIAL, samples
from sick_programs import (
    chained,
    compute,
    nap_for,
    nap_under_lock,
    nap_unevenly,
    pooled,
    sequential_nap,
    slow_to_start,
)

from pytest_cortex.explaining.causes import Facts
from pytest_cortex.explaining.program_steps import NO_GRAPH, NOT_SEEN, steps_of_program
from pytest_cortex.explaining.sampling import Samples, watch

NAMES = ("graph", "balance", "contention", "overhead", "unexplained")


def left(facts: Facts, parallel: Samples | None = None) -> list[float]:
    """What is left after each step."""
    facts = facts if parallel is None else replace(facts, parallel=parallel)
    return [round(step.speedup, 2) for step in steps_of_program(facts)]


def lost_to(facts: Facts, parallel: Samples) -> list[str]:
    """The steps that lost something."""
    levels = [float(facts.workers), *left(facts, parallel)]
    return [name for name, (before, after) in zip(NAMES, pairwise(levels), strict=True) if before - after > 0.01]


def because(facts: Facts, parallel: Samples) -> dict[str, str]:
    return {step.name: step.because for step in steps_of_program(replace(facts, parallel=parallel))}


# With a cause put in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parallel", "speedup", "step"),
    [
        (samples((80, "mlllw"), (20, "mw---")), 1.0, "contention"),
        (samples((25, "mwlll"), (25, "m-wll"), (25, "m--wl"), (25, "m---w")), 1.0, "contention"),
        (samples((50, "mwqqq"), (50, "m-wqq")), 1.0, "contention"),
        (samples((25, "mwnnn"), (25, "m-wnn"), (25, "m--wn"), (25, "m---w")), 1.0, "contention"),
        (samples((25, "mw"), (25, "m w"), (25, "m  w"), (25, "m   w")), 1.0, "contention"),
        (samples((20, "mwwww"), (80, "mw---")), 1.6, "balance"),
        (samples((60, "mwwww"), (40, "s----")), 2.8, "balance"),
        (samples((50, "mwww-"), (50, "m-www")), 3.0, "balance"),
        (SEQUENTIAL, 1.0, "balance"),
        (samples((50, "-"), (50, "mwwww")), 2.0, "overhead"),
        (samples((100, "mw")), 1.0, "overhead"),
        (samples((100, "mww")), 2.0, "overhead"),
    ],
    ids=[
        "lock", "end of the queue before a lock", "event loop", "chain", "threads in turn", "unbalanced",
        "sequential part", "one idles", "nothing in parallel", "start-up", "one worker", "two workers",
    ],
)  # fmt: skip
def test_all_is_lost_to_the_step_of_the_cause(parallel: Samples, speedup: float, step: str) -> None:
    """The looks account for all that is missing, and to nothing else."""
    facts = replace(FREE, speedup=speedup)
    assert lost_to(facts, parallel) == [step]
    assert left(facts, parallel)[-1] == speedup


def test_semaphore_that_few_wait_for_is_contention_beside_balance() -> None:
    """Of four workers two work, one waits and one has nothing to do."""
    assert left(replace(FREE, speedup=2.0), samples((50, "mwwl-"), (50, "m-lww"))) == [4, 2.67, 2, 2, 2]


def test_threads_that_share_the_gil_lose_to_contention() -> None:
    """They seem to work side by side, but use one CPU all together; that some have nothing to do costs nothing."""
    parallel = samples((70, "mwwww"), (20, "mww--"), (10, "mw---"), on_cpu_s=dict.fromkeys(range(1, 5), 0.25))
    assert lost_to(COMPUTING, parallel) == ["contention"]
    assert because(COMPUTING, parallel)["contention"].startswith("looks like the GIL")


def test_threads_on_too_few_cpus_lose_to_contention() -> None:
    parallel = samples((100, "mwwww"), gil=False)
    facts = replace(COMPUTING, speedup=2.0, sequential_s=2.0, sequential_cpu_s=2.0, parallel_cpu_s=2.0, usable_cpus=2)
    assert lost_to(facts, parallel) == ["contention"]
    assert because(facts, parallel)["contention"].startswith("too few CPUs")


def test_waiting_that_the_sequential_program_does_too_is_not_lost_to_the_gil() -> None:
    """Four threads compute in turn for 60 % of the work and wait beside each other for the rest."""
    parallel = samples((100, "mwwww"))
    facts = replace(COMPUTING, speedup=1.5, sequential_s=1.5, sequential_cpu_s=0.9, parallel_cpu_s=0.9)
    levels = left(facts, parallel)
    assert levels[2] == pytest.approx(1.5, abs=0.01)


def test_processes_on_too_few_cpus_lose_to_contention() -> None:
    """What they did cannot be seen, but four that compute cannot all have got on."""
    parallel = samples((100, "m"), children=4)
    facts = replace(COMPUTING, speedup=2.0, usable_cpus=2, parallel_cpu_s=0.01)
    assert lost_to(facts, parallel) == ["contention"]


def test_processes_that_are_fewer_than_asked_lose_to_overhead() -> None:
    assert lost_to(replace(FREE, speedup=2.0), samples((100, "m"), children=2)) == ["overhead"]


def test_processes_that_compute_more_than_there_was_to_do_lose_to_overhead() -> None:
    """Each of four spent half of the run on starting up."""
    parallel = samples((100, "m"), children=4, children_started=4, children_cpu_s=2.01)
    facts = replace(FREE, speedup=2.0)
    assert lost_to(facts, parallel) == ["overhead"]
    assert "start-up of processes" in because(facts, parallel)["overhead"]


def test_work_that_only_the_parallel_program_does_is_overhead() -> None:
    """Each worker connects for as long as it works."""
    parallel = samples((50, "mssss"), (50, "mwwww"))
    assert lost_to(replace(FREE, speedup=2.0, sequential=SEQUENTIAL), parallel) == ["overhead"]


def test_graph_loses_what_its_ceiling_says_before_anything_else() -> None:
    """Of an operation whose modules are too short to be watched: that two workers idle is the graph's doing."""
    assert left(replace(FREE, speedup=2.0, ceiling=2.0), samples((100, "mww--"))) == [2, 2, 2, 2, 2]
    assert left(replace(FREE, speedup=1.5, ceiling=2.0), samples((100, "mww--"))) == [2, 2, 2, 1.5, 1.5]


# What is not known ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [FREE, replace(FREE, parallel=samples((7, "mlllw")))],
    ids=["no watched run", "too few looks"],
)
def test_nothing_is_said_without_enough_looks(facts: Facts) -> None:
    assert steps_of_program(facts) == ()


@pytest.mark.parametrize(
    "parallel",
    [HEALTHY, samples((100, "m")), samples((100, "m"), children=4), samples((100, "m-"))],
    ids=["all seem to work", "nobody does", "child processes", "pool has nothing to do"],
)
def test_what_no_look_shows_is_unexplained(parallel: Samples) -> None:
    """Where the system does not show child processes, for one, nobody seems to work."""
    facts = replace(FREE, speedup=2.0)
    assert lost_to(facts, parallel)[-1] == "unexplained"
    assert left(facts, parallel)[3] > 3.7
    assert because(facts, parallel)["unexplained"] == NOT_SEEN


def test_threads_out_of_sight_are_not_called_idle() -> None:
    """A C library's own: only the calling thread is seen, but it used more than one CPU."""
    facts = replace(COMPUTING, speedup=1.8, sequential_s=1.8, sequential_cpu_s=1.8, parallel_cpu_s=2.4)
    assert lost_to(facts, SEQUENTIAL) == ["unexplained"]


def test_sequential_program_that_is_parallel_already_is_a_reason_for_what_is_unexplained() -> None:
    facts = replace(COMPUTING, speedup=2.0, sequential_s=2.0, sequential_cpu_s=3.8, parallel_cpu_s=3.8)
    assert "already used 1.9 CPUs" in because(facts, HEALTHY)["unexplained"]


# What always holds ----------------------------------------------------------------------------------------------------


def test_program_has_no_graph_and_the_step_says_so() -> None:
    reasons = because(FREE, HEALTHY)
    assert reasons["graph"] == NO_GRAPH
    assert because(replace(FREE, ceiling=4.0), HEALTHY)["graph"] == ""


def test_step_that_lost_little_gives_no_reason() -> None:
    reasons = because(replace(FREE, speedup=1.0), samples((80, "mlllw"), (20, "mw---")))
    assert [name for name, said in reasons.items() if said] == ["graph", "contention"]


def test_more_than_one_per_worker_is_a_gain() -> None:
    steps = steps_of_program(replace(FREE, speedup=5.0, parallel=HEALTHY))
    assert [step.speedup for step in steps] == [4, 4, 4, 4, 5]
    assert steps[-1].because == "1.00 gained, not lost"


def test_looks_that_show_more_than_is_missing_are_shrunk_to_it() -> None:
    """They are of another run, which may have gone a little worse."""
    assert left(replace(FREE, speedup=3.9), samples((50, "mlllw"), (50, "mwwww"))) == [4, 4, 3.9, 3.9, 3.9]


@given(
    rows=st.lists(st.text(alphabet="wslnmbqc-", min_size=1, max_size=6), min_size=8, max_size=30),
    children=st.integers(0, 3),
    facts=st.sampled_from([FREE, COMPUTING, replace(COMPUTING, usable_cpus=2), replace(FREE, ceiling=2.5)]),
    speedup=st.floats(0.01, 9),
    sequential=st.sampled_from([None, SEQUENTIAL]),
)
def test_steps_lead_from_the_ideal_to_the_measured_whatever_was_seen(
    rows: Iterable[str], children: int, facts: Facts, speedup: float, sequential: Samples | None
) -> None:
    """Nothing is gained on the way but at the very end, where more than one per worker was measured."""
    parallel = samples(*((1, row) for row in rows), children=children)
    steps = steps_of_program(replace(facts, speedup=speedup, sequential=sequential, parallel=parallel))
    assert tuple(step.name for step in steps) == NAMES
    levels = [facts.workers, *(step.speedup for step in steps)]
    assert levels[-1] == speedup
    assert all(after <= before + 1e-9 for before, after in pairwise(levels[:-1]))
    assert levels[-2] >= min(speedup, facts.workers) - 1e-9


# From programs into which a cause was put -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "program", "step"),
    [
        (FREE, pooled(nap_under_lock), "contention"),
        (FREE, chained, "contention"),
        (COMPUTING, pooled(compute), "contention"),
        (FREE, pooled(nap_for, workers=1), "overhead"),
        (FREE, pooled(nap_unevenly), "balance"),
        (FREE, slow_to_start, "overhead"),
        (FREE, sequential_nap, "balance"),
    ],
    ids=["lock", "chain", "gil", "one worker", "unbalanced", "start-up", "identical"],
)
def test_most_is_lost_to_the_cause_that_was_put_in(facts: Facts, program: Callable[[], object], step: str) -> None:
    """The looks are real, the times those of a quiet machine."""
    facts = replace(facts, sequential=watch(sequential_nap), parallel=watch(program))
    levels = [float(facts.workers), *(each.speedup for each in steps_of_program(facts))]
    lost = dict(zip(NAMES, (before - after for before, after in pairwise(levels)), strict=True))
    assert max(NAMES[:-1], key=lost.__getitem__) == step
