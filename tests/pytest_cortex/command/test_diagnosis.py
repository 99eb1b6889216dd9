"""From facts to sentences: what can be gated here, and what has to be mended first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_examination import BUSY, CALM, SOUND

from pytest_cortex.command.diagnosis import abilities, problems, time_shown
from pytest_cortex.command.examination import Examination
from pytest_cortex.judging.conditions import Conditions, final_verdict, verdict_of
from pytest_cortex.judging.gate import Gate, Outcome


def said(found: Examination) -> list[str]:
    return [str(ability) for ability in abilities(found)]


def about(found: Examination, start: str) -> str:
    (sentence,) = (each for each in said(found) if each.startswith(start))
    return sentence


# What has to be mended ------------------------------------------------------------------------------------------------


def test_nothing_is_to_be_mended_where_all_is_well() -> None:
    assert problems(SOUND) == ()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"not_loaded": "tox.ini has -p no:cortex"}, "tox.ini has -p no:cortex"),
        ({"versions": {"pytest": "8.3.5"}}, "pytest 8.3.5: version 8.4 or later is wanted"),
        ({"versions": {}}, "pytest is missing: version 8.4 or later is wanted"),
        ({"tracer": "tracer of pydevd"}, "a tracer of pydevd watches every line of Python"),
        ({"coverage_origin": "tox.ini"}, "every run measures coverage (tox.ini has --cov)"),
        ({"coverage_origin": "tox.ini", "coverage_core": "pytrace"}, "under coverage's tracer in Python"),
        ({"probes": replace(SOUND.probes, clock_step_s=0.015)}, "the clock moves in steps of 15 ms"),
        ({"probes": replace(SOUND.probes, clock_step_s=None)}, "the clock stands still"),
        ({"looks": (replace(BUSY, kind="waiting"),)}, "15 of 16 rounds were disturbed (other programs on the CPUs 12"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(wrong: dict[str, Any], problem: str) -> None:
    (found,) = problems(replace(SOUND, **wrong))
    assert problem in found
    assert ":" in found or wrong.keys() == {"not_loaded"}


@pytest.mark.parametrize(
    "harmless",
    [
        {"versions": {"pytest": "10.0.0rc1"}},
        {"coverage_origin": "tox.ini", "coverage_core": "sysmon"},
        {"coverage_core": None},
        {"usable_cpus": 1.0},
        {"looks": ()},
        {"looks": (CALM, BUSY)},
        {"looks": (replace(BUSY, kind="waiting", disturbed={"steal": 12}),)},  # three of four, and no more
        {"readable": ()},
        {"gil": False, "free_threaded": True},
    ],
)
def test_what_only_restricts_gates_is_no_reason_to_mend_anything(harmless: dict[str, Any]) -> None:
    assert problems(replace(SOUND, **harmless)) == ()


# What can be gated ----------------------------------------------------------------------------------------------------


def test_healthy_machine_can_gate_what_waits_and_what_computes() -> None:
    assert said(SOUND)[:4] == [
        "I/O-bound fan-out: yes",
        "CPU-bound with up to 2 workers, in processes: yes",
        "CPU-bound with more than 2 workers and a limit above 1.5: no, 2 usable CPUs: a FAIL becomes INCONCLUSIVE",
        "CPU-bound Python code in threads: no, the GIL lets one of them run at a time: use processes",
    ]


def test_busy_machine_cannot_gate_what_computes_right_now() -> None:
    assert about(replace(SOUND, looks=(CALM, BUSY)), "CPU-bound with up to").endswith(
        "no, not right now: 15 of 16 rounds were disturbed (other programs on the CPUs 12, run delay 3)"
    )


@pytest.mark.parametrize(("disturbed", "longer"), [(15, False), (16, True), (45, True)])
def test_machine_that_is_not_quite_calm_can_gate_and_takes_longer(disturbed: int, *, longer: bool) -> None:
    noisy = replace(SOUND, looks=(replace(CALM, disturbed={"steal": disturbed}),))
    because = f", though it takes longer: {disturbed} of 60 rounds were disturbed (steal {disturbed})"
    assert said(noisy)[0] == "I/O-bound fan-out: yes" + because * longer


def test_one_cpu_cannot_gate_anything_that_computes() -> None:
    one = replace(SOUND, usable_cpus=1.0)
    assert about(one, "CPU-bound with 2 workers or more") == (
        "CPU-bound with 2 workers or more: no, 1 usable CPU cannot run two of them at once"
    )
    assert "limit above 0.75: no, 1 usable CPU:" in about(one, "CPU-bound with more than 1 worker")


def test_quota_counts_as_cpus() -> None:
    assert "more than 1.5 workers and a limit above 1.125" in about(
        replace(SOUND, usable_cpus=1.5, quota=1.5), "CPU-bound with more"
    )


def test_threads_are_fine_without_the_gil() -> None:
    assert about(replace(SOUND, gil=False), "CPU-bound Python code in threads") == (
        "CPU-bound Python code in threads: yes, this Python runs without the GIL"
    )


def test_graphs_can_always_be_gated_and_coverage_never() -> None:
    busy = replace(SOUND, looks=(BUSY,), usable_cpus=1.0)
    assert "gates on the graph of an operation (min_parallelism and others): yes, any time" in said(busy)
    assert about(busy, "PASS or FAIL under coverage's C tracer").endswith(
        "no, run without it (--no-cov), or with COVERAGE_CORE=sysmon from Python 3.12 on"
    )


def test_arms_shorter_than_a_hundred_steps_of_the_clock_cannot_be_gated() -> None:
    assert about(SOUND, "programs that take less") == (
        "programs that take less than 10 µs: no, the clock moves in steps of 100 ns"
    )


@pytest.mark.parametrize(
    ("readable", "how"),
    [(("run delay", "steal"), "yes, by run delay, steal"), ((), "yes, roughly: by a short spin after each run")],
)
def test_how_disturbed_rounds_are_told_is_said(readable: tuple[str, ...], how: str) -> None:
    assert how in about(replace(SOUND, readable=readable), "telling rounds")


@pytest.mark.parametrize("usable_cpus", [1.0, 1.5, 2.0, 6.0])
def test_limit_that_is_named_is_where_fail_really_becomes_inconclusive(usable_cpus: float) -> None:
    """The sentence is about another part of the program, which may change."""
    sentence = about(replace(SOUND, usable_cpus=usable_cpus), "CPU-bound with more than")
    workers, limit = sentence.partition(":")[0].split(" and a limit above ")
    assert float(workers.split()[-2]) == usable_cpus
    conditions = Conditions(
        workers=int(usable_cpus) + 1,
        usable_cpus=usable_cpus,
        cpu_bound=True,
        tracer=None,
        load_average=None,
        ceiling=None,
    )
    fail = verdict_of(Outcome.FAIL, "slow")
    outcomes = [
        final_verdict(Gate(min_speedup=float(limit) * factor), fail, conditions).outcome for factor in (1.0, 1.001)
    ]
    assert outcomes == [Outcome.FAIL, Outcome.INCONCLUSIVE]


@pytest.mark.parametrize(
    ("value_s", "text"), [(2.0, "2 s"), (0.0155, "15.5 ms"), (6.2e-5, "62 µs"), (1e-7, "100 ns"), (0.0, "0 ns")]
)
def test_time_has_the_unit_that_suits_it(value_s: float, text: str) -> None:
    assert time_shown(value_s) == text
