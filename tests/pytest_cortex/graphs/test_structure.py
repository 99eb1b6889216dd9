"""Gates on structure: no clock, the same answer everywhere, and what keeps the value where it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import CallError, Operation, Phase, Plan, module, plan
from pytest_cortex.graphs.structure import judge_structure, structure_of
from pytest_cortex.judging.gate import Outcome, Verdict


def graph(dependencies: dict[str, str], phases: dict[str, Phase] | None = None) -> Plan:
    """A plan from ids to the letters of what each depends on."""
    modules = [
        module(id=name, depends_on=list(before), phase=(phases or {}).get(name, Phase.PROCESSING))(lambda context: None)
        for name, before in dependencies.items()
    ]
    return plan(Operation("any", modules))


CHAIN = graph({"a": "", "b": "a", "c": "b"})
DIAMOND = graph({"a": "", "b": "a", "c": "a", "d": "bc"})
FIVE = graph(dict.fromkeys("abcde", ""))
NOTHING = graph({})


def judge(gate: str, limit: float, made: Plan, workers: int = 4, **durations: float) -> Verdict:
    return judge_structure(gate, limit, structure_of(made, durations, workers))


def test_each_module_counts_1_where_no_duration_is_known() -> None:
    facts = structure_of(DIAMOND, {}, 4)
    assert facts.durations == dict.fromkeys("abcd", 1.0)
    assert (facts.parallelism, facts.groups, facts.quality, facts.peak_concurrency) == (4 / 3, 3, 1.0, 2)


def test_each_module_counts_1_where_the_durations_say_nothing() -> None:
    assert structure_of(CHAIN, {"a": 0.0, "elsewhere": 3.0}, 4).durations == dict.fromkeys("abc", 1.0)


def test_durations_known_by_design_count() -> None:
    assert structure_of(DIAMOND, {"a": 1.0, "b": 5.0, "c": 5.0, "d": 1.0}, 4).parallelism == pytest.approx(12 / 7)


def test_structure_of_nothing_is_neutral() -> None:
    facts = structure_of(NOTHING, {}, 4)
    assert (facts.parallelism, facts.groups, facts.quality, facts.peak_concurrency) == (0.0, 0, 1.0, 0)


def test_structure_needs_a_worker() -> None:
    with pytest.raises(CallError, match="not 0"):
        structure_of(CHAIN, {}, 0)


def test_verdict_has_no_rounds_and_no_speedup() -> None:
    verdict = judge("max_groups", 3, CHAIN)
    assert (verdict.rounds, verdict.speedup, verdict.speedup_low, verdict.speedup_high) == (0, None, None, None)


def test_too_little_parallelism_names_the_critical_path_and_its_costliest_dependency() -> None:
    verdict = judge("min_parallelism", 2, CHAIN, a=1.0, b=2.0, c=3.0)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == (
        "parallelism 1 is below the limit 2: its critical path takes 100 % of the work: a → b → c; "
        "without the dependency of 'c' on 'b' it would allow 2.00"
    )


def test_parallelism_does_not_depend_on_the_workers() -> None:
    assert {judge("min_parallelism", 5, FIVE, workers).outcome for workers in (1, 2, 8)} == {Outcome.PASS}


def test_too_many_groups_name_one_module_of_each() -> None:
    verdict = judge("max_groups", 2, DIAMOND)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "number of groups 3 is above the limit 2: one module per group along a → b → d"


def test_groups_of_several_phases_are_said_to_come_one_after_another() -> None:
    phased = graph({"a": "", "b": "", "c": "b"}, {"a": Phase.PREPARATION})
    reason = judge("max_groups", 3, phased).reason
    assert reason == (
        "number of groups 3 is within the limit 3: one module per group along a → b → c, 2 phases one after another"
    )


def test_low_quality_names_the_module_that_finishes_last_and_the_idle_workers() -> None:
    verdict = judge("min_quality", 0.9, FIVE)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == (
        "schedule quality 0.62 is below the limit 0.90: unbalanced split: 'e' finishes last and takes 20 % of the "
        "work, so that 4 workers have nothing to do 38 % of the time"
    )


def test_perfect_quality_is_said_to_be_so() -> None:
    verdict = judge("min_quality", 1.0, FIVE, 5)
    assert verdict.reason == "schedule quality 1 is within the limit 1: no schedule on 5 workers is shorter"


def test_low_peak_names_the_workers_where_they_are_few() -> None:
    verdict = judge("min_peak_concurrency", 3, FIVE, 2)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "peak concurrency 2 is below the limit 3: 2 workers"


def test_low_peak_names_the_dependencies_where_the_graph_is_narrow() -> None:
    assert "no more than 2 of its 4 modules can ever run at once" in judge("min_peak_concurrency", 3, DIAMOND).reason


def test_low_peak_says_so_where_modules_could_run_at_once_but_are_never_ready_together() -> None:
    """Three modules exclude one another in no way, but x has ended long before b and c become ready."""
    verdict = judge("min_peak_concurrency", 3, graph({"a": "", "b": "a", "c": "a", "x": ""}))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.endswith("its dependencies never make more of its 4 modules ready while others run")


@pytest.mark.parametrize(
    ("gate", "limit", "outcome"),
    [
        ("min_quality", 0.625 * (1 + 1e-10), Outcome.PASS),
        ("min_quality", 0.625 * (1 + 1e-8), Outcome.FAIL),
        ("max_groups", 1 - 1e-10, Outcome.PASS),
        ("max_groups", 1 - 1e-8, Outcome.FAIL),
    ],
)
def test_limit_that_equals_the_value_passes(gate: str, limit: float, outcome: Outcome) -> None:
    assert judge(gate, limit, FIVE).outcome is outcome


@pytest.mark.parametrize("gate", ["min_parallelism", "max_groups", "min_quality", "min_peak_concurrency"])
def test_graph_without_modules_is_judged_like_any_other(gate: str) -> None:
    assert judge(gate, 1, NOTHING).reason.endswith("the limit 1: it has no modules")


def test_unknown_gate_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'min_width'; write one of min_parallelism, max_groups, min_quality, min_"):
        judge("min_width", 1, CHAIN)


@given(
    st.lists(st.floats(0.0, 9.0), min_size=1, max_size=6),
    st.integers(1, 4),
    st.sampled_from(["min_parallelism", "max_groups", "min_quality", "min_peak_concurrency"]),
    st.floats(0.1, 6.0),
)
def test_every_graph_is_judged_the_same_twice(lengths: list[float], workers: int, gate: str, limit: float) -> None:
    durations = {f"m{place}": length for place, length in enumerate(lengths)}
    made = [graph(dict.fromkeys(durations, "")) for _ in range(2)]
    one, two = (judge(gate, limit, each, workers, **durations) for each in made)
    assert one == two
    assert one.outcome in (Outcome.PASS, Outcome.FAIL)
