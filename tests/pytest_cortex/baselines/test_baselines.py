"""A run is held against an earlier one of a machine like this: its file, its limit, and what changed since."""

import json
import math
import pickle
import platform
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from orchestrator import Operation, Phase, module, plan
from pytest_cortex.baselines.changes import _span_s, changes
from pytest_cortex.baselines.entry import BaselineEntry, Key
from pytest_cortex.baselines.machines import describe, fingerprint, speed_facts
from pytest_cortex.baselines.proof import TooFewRounds, baseline_limit, stale
from pytest_cortex.baselines.store import Baseline, BaselineError, BaselineStore, NoBaseline, baseline_name
from pytest_cortex.judging.evidence import boundary
from pytest_cortex.judging.gate import Gate, Outcome
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.machine import cpu_model

FACTS = {
    "cpu_model": "Fast 9000",
    "usable_cpus": 4.0,
    "system": "Linux",
    "machine": "x86_64",
    "implementation": "CPython",
    "python": "3.11.9",
    "gil": True,
    "load_average": 0.3,
}
OTHER_FACTS = {**FACTS, "cpu_model": "Slow 80"}
EARLIER, LATER = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"


def entry(test: str = "test_it.py::test_it", **changed: Any) -> BaselineEntry:
    numbers: dict[str, Any] = {
        "name": "test_it",
        "workers": 4,
        "horizon": 60,
        "ratios": (3.0,) * 20,
        "speedup": 3.0,
        "speedup_low": 3.0,
        "speedup_high": 3.0,
        "sequential_s": 3.0,
        "parallel_s": 1.0,
    }
    return BaselineEntry(test=test, **(numbers | changed))


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baselines", FACTS)


def opened(store: BaselineStore, name: str) -> Baseline:
    found = store.open(name)
    assert isinstance(found, Baseline)
    return found


def reason(found: object) -> str:
    assert isinstance(found, NoBaseline)
    return found.reason


# Machines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed", [{"load_average": 9.0}, {"python": "3.11.10"}, {"usable_cpus": 4}, {"release": "6.8"}], ids=str
)
def test_fingerprint_stays_when_nothing_that_decides_speed_changes(changed: dict[str, Any]) -> None:
    assert fingerprint({**FACTS, **changed}) == fingerprint(FACTS)


@pytest.mark.parametrize(
    "changed",
    [
        {"cpu_model": "Slow 80"},
        {"usable_cpus": 1.5},
        {"system": "Darwin"},
        {"machine": "arm64"},
        {"implementation": "PyPy"},
        {"python": "3.12.9"},
        {"gil": False},
    ],
    ids=str,
)
def test_fingerprint_changes_with_whatever_decides_speed(changed: dict[str, Any]) -> None:
    assert fingerprint({**FACTS, **changed}) != fingerprint(FACTS)


def test_fingerprint_is_the_same_in_every_process() -> None:
    """Files are found again only if it depends on no hash seed."""
    assert fingerprint(FACTS) == "6a919e99aeed"


def test_facts_of_this_machine_have_a_fingerprint() -> None:
    """What ``machine.facts`` says is enough, and what was kept of it gives the same fingerprint again."""
    facts = machine.facts()
    assert fingerprint(speed_facts(facts)) == fingerprint(facts)


def test_machine_is_described_for_people() -> None:
    assert describe(FACTS) == "Fast 9000, 4 usable CPUs, Linux x86_64, CPython 3.11"
    assert describe({**FACTS, "gil": False}).endswith("CPython 3.11 without GIL")


def test_cpu_model_is_the_first_that_linux_names(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Fast: 9000\n\nmodel name\t: Other\n")
    assert cpu_model(info) == "Fast: 9000"


@pytest.mark.parametrize(("known", "name"), [("arm", "arm"), ("", "unknown CPU")])
def test_cpu_model_is_what_python_knows_when_linux_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str, name: str
) -> None:
    monkeypatch.setattr(platform, "processor", lambda: known)
    (tmp_path / "cpuinfo").write_text("processor: 0\n")
    assert cpu_model(tmp_path / "cpuinfo") == cpu_model(tmp_path / "missing") == name


# Entries --------------------------------------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
ratio_lists = st.lists(st.floats(min_value=1e-300, max_value=1e300), max_size=5).map(tuple)
entries = st.builds(
    BaselineEntry,
    test=st.text(),
    name=st.text(),
    workers=st.integers(1, 99),
    horizon=st.integers(5, 99),
    ratios=ratio_lists,
    speedup=finite,
    speedup_low=st.none() | finite,
    speedup_high=st.none() | finite,
    sequential_s=finite,
    parallel_s=finite,
    modelled_ratios=ratio_lists,
    ceiling=st.none() | finite,
    critical_path=st.lists(st.text()).map(tuple),
    durations=st.dictionaries(st.text(), finite),
    dependencies=st.lists(st.tuples(st.text(), st.text())).map(tuple),
    phases=st.dictionaries(st.text(), st.integers(0, 7)),
)


@given(entries)
def test_entry_is_equal_after_the_round_trip_through_json(original: BaselineEntry) -> None:
    assert BaselineEntry.from_json(json.loads(json.dumps(original.to_json()))) == original


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workers", "4"),
        ("workers", True),
        ("ratios", [2.0, True]),
        ("ratios", 2.0),
        ("ratios", [0.0]),
        ("ratios", [float("inf")]),
        ("ratios", [2.0] * 61),
        ("modelled_ratios", [-1.0]),
        ("horizon", 0),
        ("speedup", None),
        ("speedup_low", float("nan")),
        ("durations", [1.0]),
        ("durations", {"a": "1"}),
        ("phases", {"a": 0.5}),
        ("dependencies", [["a", "b", "c"]]),
        ("critical_path", "ab"),
    ],
)
def test_entry_refuses_what_a_field_never_holds(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"should|must be|cannot hold|unpack"):
        BaselineEntry.from_json({**entry().to_json(), field: value})


def test_entry_names_the_field_it_lacks() -> None:
    document = entry().to_json()
    del document["ratios"]
    with pytest.raises(ValueError, match="lacks the field 'ratios'"):
        BaselineEntry.from_json(document)


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["main", "v1.2", "a-b_c", "_", "7", "x" * 100])
def test_name_may_be_a_plain_file_name(word: str) -> None:
    assert baseline_name(word) == word


@pytest.mark.parametrize(
    "word", ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "é", "a\n", "x" * 101, "latest"]
)
def test_name_that_could_lead_elsewhere_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"no name for a baseline|give another name"):
        baseline_name(word)


def test_saved_measurement_is_found(store: BaselineStore) -> None:
    saved = entry()
    path = store.save("main", [saved], created_at=EARLIER)
    assert path.name == "main.json"
    assert path.parent.name == fingerprint(FACTS)
    assert store.find("main", saved.key) == saved


def test_saving_again_replaces_what_was_measured_and_keeps_the_rest(store: BaselineStore) -> None:
    store.save("main", [entry("a"), entry("b")], created_at=EARLIER)
    store.save("main", [entry("b", speedup=9.0), entry("c")], created_at=LATER)
    saved = opened(store, "main")
    assert {key.test: each.speedup for key, each in saved.entries.items()} == {"a": 3.0, "b": 9.0, "c": 3.0}
    assert saved.created_at == LATER


def test_worker_counts_and_names_are_measurements_of_their_own(store: BaselineStore) -> None:
    saved = [entry(workers=2), entry(workers=4), entry(name="test_it#2")]
    store.save("main", saved, created_at=EARLIER)
    assert [store.find("main", each.key) for each in saved] == saved


def test_file_does_not_depend_on_the_order_of_saving(tmp_path: Path) -> None:
    """A diff in version control shows what changed and nothing else."""
    one_way = [entry("b", durations={"y": 1.0, "x": 2.0}), entry("a")]
    other_way = [entry("a"), entry("b", durations={"x": 2.0, "y": 1.0})]
    first = BaselineStore(tmp_path / "1", FACTS).save("main", one_way, created_at=EARLIER)
    second = BaselineStore(tmp_path / "2", FACTS).save("main", other_way, created_at=EARLIER)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text().count("\n") > 50
    assert first.read_text().endswith("}\n")


def test_nothing_but_the_baseline_is_left_in_the_folder(store: BaselineStore) -> None:
    path = store.save("main", [entry()], created_at=EARLIER)
    assert list(path.parent.iterdir()) == [path]


def test_graph_is_left_out_when_it_is_too_large_for_a_file_to_read(store: BaselineStore) -> None:
    def chain_of(length: int) -> BaselineEntry:
        ids = [f"m{place}" for place in range(length)]
        return entry(
            f"chain of {length}",
            ceiling=1.0,
            durations=dict.fromkeys(ids, 1.0),
            dependencies=tuple((after, before) for before, after in pairwise(ids)),
            critical_path=tuple(ids),
            phases=dict.fromkeys(ids, 0),
        )

    kept, cut = chain_of(2_000), chain_of(2_001)
    store.save("main", [kept, cut], created_at=EARLIER)
    assert store.find("main", kept.key) == kept
    assert store.find("main", cut.key) == entry("chain of 2001", ceiling=1.0)


def test_latest_is_the_one_saved_last(store: BaselineStore) -> None:
    """The time counts, not the name, nor the hour that a time zone shows."""
    store.save("new", [entry()], created_at="2026-01-02T01:00:00+00:00")
    store.save("old", [entry()], created_at="2026-01-02T02:00:00+02:00")
    assert opened(store, "latest").name == "new"


def test_latest_is_told_by_name_when_the_time_is_the_same(store: BaselineStore) -> None:
    store.save("b", [entry()], created_at=EARLIER)
    store.save("a", [entry()], created_at=EARLIER.removesuffix("+00:00"))
    assert opened(store, "latest").name == "b"


def test_latest_is_not_taken_from_another_machine(store: BaselineStore, tmp_path: Path) -> None:
    store.save("mine", [entry()], created_at=EARLIER)
    BaselineStore(tmp_path / "baselines", OTHER_FACTS).save("theirs", [entry()], created_at=LATER)
    assert opened(store, "latest").name == "mine"


def test_saving_needs_a_time_that_can_be_compared(store: BaselineStore) -> None:
    with pytest.raises(ValueError, match="yesterday"):
        store.save("main", [entry()], created_at="yesterday")


def test_missing_name_is_answered_with_what_there_is(store: BaselineStore, tmp_path: Path) -> None:
    other = BaselineStore(tmp_path / "baselines", OTHER_FACTS)
    other.save("main", [entry()], created_at=EARLIER)
    other.save("else", [entry()], created_at=EARLIER)
    for name in "abcd":
        store.save(name, [entry()], created_at=EARLIER)
    assert reason(store.find("main", entry().key)) == (
        "no baseline 'main' was saved on a machine like this one (Fast 9000, 4 usable CPUs, Linux x86_64, CPython "
        "3.11); there is 'a', 'b', 'c' and 1 more; there is one of Slow 80, 4 usable CPUs, Linux x86_64, CPython 3.11; "
        "save one with --cortex-save=main"
    )


def test_missing_latest_is_answered_with_other_machines(store: BaselineStore, tmp_path: Path) -> None:
    BaselineStore(tmp_path / "baselines", OTHER_FACTS).save("main", [entry()], created_at=EARLIER)
    assert reason(store.open("latest")) == (
        "no baseline was saved on a machine like this one (Fast 9000, 4 usable CPUs, Linux x86_64, CPython 3.11); "
        "there is one of Slow 80, 4 usable CPUs, Linux x86_64, CPython 3.11; save one with --cortex-save"
    )


def test_first_run_of_all_is_told_how_to_save(store: BaselineStore) -> None:
    assert reason(store.open("main")).endswith("CPython 3.11); save one with --cortex-save=main")


def test_unreadable_file_of_another_machine_is_named_by_its_folder(store: BaselineStore, tmp_path: Path) -> None:
    broken = tmp_path / "baselines" / "abc" / "main.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    assert "there is one of abc;" in reason(store.open("main"))


def test_missing_measurement_is_answered_with_the_baselines_that_hold_it(store: BaselineStore) -> None:
    store.save("main", [entry("a")], created_at=EARLIER)
    store.save("old", [entry("b")], created_at=EARLIER)
    store.save("unreadable", [entry("b")], created_at=EARLIER).write_text("{")
    assert reason(store.find("main", entry("b").key)) == (
        "baseline 'main' does not hold b (test_it, workers=4); it is in 'old'; add it with --cortex-save=main"
    )
    assert reason(store.find("main", entry("c").key)) == (
        "baseline 'main' does not hold c (test_it, workers=4); add it with --cortex-save=main"
    )


def saved_document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def with_wrong_entry(document: dict[str, Any]) -> object:
    return {**document, "measurements": [{**document["measurements"][0], "speedup": "fast"}]}


FOREIGN: Mapping[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a list": (lambda document: [document], "stands where a dict should"),
    "another schema": (lambda document: {**document, "schema": 2}, "its schema is 2, 1 is wanted"),
    "no schema": (lambda document: {"name": "web app"}, "its schema is None, 1 is wanted"),
    "no machine": (lambda document: {"schema": 1}, "KeyError('machine')"),
    "machine is text": (lambda document: {**document, "machine": "fast"}, "AttributeError"),
    "moved": (
        lambda document: {**document, "machine": OTHER_FACTS},
        "of another machine than its folder says: Slow 80",
    ),
    "no time": (lambda document: {**document, "created_at": "soon"}, "soon"),
    "wrong entry": (with_wrong_entry, "'fast' stands where"),
    "entry is a number": (lambda document: {**document, "measurements": [1]}, "1 stands where a dict should"),
    "number too large": (
        lambda document: {**document, "measurements": [{**document["measurements"][0], "speedup": 10**400}]},
        "OverflowError",
    ),
}


@pytest.mark.parametrize(("spoil", "problem"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_file_is_named_with_what_is_wrong(
    store: BaselineStore, spoil: Callable[[dict[str, Any]], object], problem: str
) -> None:
    path = store.save("main", [entry()], created_at=EARLIER)
    path.write_text(json.dumps(spoil(saved_document(path))))
    with pytest.raises(BaselineError) as caught:
        store.find("main", entry().key)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"baseline file '{path}': it is no baseline")
    assert "delete it and save it again" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\udcff"], ids=["empty", "half", "deep", "not UTF-8"])
def test_file_that_is_no_json_is_neither_read_nor_overwritten(store: BaselineStore, text: str) -> None:
    path = store.save("main", [entry()], created_at=EARLIER)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for use in (lambda: store.open("latest"), lambda: store.save("main", [entry()], created_at=LATER)):
        with pytest.raises(BaselineError, match="it is no JSON"):
            use()
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_baseline_that_cannot_be_read_says_so(store: BaselineStore) -> None:
    path = store.save("main", [entry()], created_at=EARLIER)
    path.unlink()
    path.mkdir()
    with pytest.raises(BaselineError, match=r"it cannot be read \(.*make it readable"):
        store.open("main")


def test_baseline_that_cannot_be_written_says_so(store: BaselineStore, tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("a file where the folder should be")
    with pytest.raises(BaselineError, match=r"it cannot be written \(.*make its folder writable"):
        store.save("main", [entry()], created_at=EARLIER)


@pytest.mark.parametrize("error", [BaselineError(Path("a.json"), "it is gone"), TooFewRounds(9, 13)])
def test_error_survives_pickling(error: ValueError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# Judging --------------------------------------------------------------------------------------------------------------


def proven_not_below(ratios: tuple[float, ...], threshold: float) -> bool:
    """What the signs of all these rounds together say of a threshold."""
    needed = boundary(60, 0.01)[len(ratios) - 1]
    return needed is not None and sum(ratio >= threshold for ratio in ratios) >= needed


@given(st.lists(st.floats(min_value=0.5, max_value=20), min_size=10, max_size=60).map(tuple))
def test_limit_is_the_highest_speedup_that_the_rounds_prove(ratios: tuple[float, ...]) -> None:
    limit = baseline_limit(entry(ratios=ratios), alpha=0.01)
    assert proven_not_below(ratios, limit)
    assert not proven_not_below(ratios, math.nextafter(limit, math.inf))


def test_limit_of_the_modelled_speedup_comes_from_its_own_rounds() -> None:
    both = entry(ratios=(3.0,) * 20, modelled_ratios=(2.0,) * 20)
    assert baseline_limit(both, alpha=0.001, modelled=True) == 2.0
    assert baseline_limit(both, alpha=0.001) == 3.0


@pytest.mark.parametrize("rounds", [0, 9, 12])
def test_too_few_rounds_say_how_many_it_takes(rounds: int) -> None:
    with pytest.raises(TooFewRounds) as caught:
        baseline_limit(entry(ratios=(3.0,) * rounds), alpha=0.0005)
    assert str(caught.value) == (
        f"the baseline was saved from only {rounds} rounds, and fewer than 13 prove nothing: "
        "save it again with --cortex-save"
    )


def test_fewest_rounds_that_prove_anything_are_enough() -> None:
    assert baseline_limit(entry(ratios=(3.0,) * 13), alpha=0.0005) == 3.0


def test_too_short_a_horizon_says_how_many_rounds_it_takes() -> None:
    with pytest.raises(TooFewRounds, match="fewer than 12 prove nothing"):
        baseline_limit(entry(ratios=(3.0,) * 9, horizon=9), alpha=0.0005)


def test_same_program_passes_against_its_baseline_and_a_slower_one_fails() -> None:
    """The limit, the margin and the gate work together as the docstring shows."""
    gate = Gate(min_speedup=baseline_limit(entry(), alpha=0.0005), alpha=0.0005)
    assert gate.decide([3.0] * 20, [1.0] * 20).outcome is Outcome.PASS
    assert gate.decide([2.7] * 20, [1.0] * 20).outcome is Outcome.FAIL


@pytest.fixture(scope="module")
def wrong_fails() -> dict[str, int]:
    """Counts FAILs of 1,000 unchanged programs: against what the baseline proves, and against its median."""
    alpha, noise = 0.02, np.random.default_rng(20260101)
    logs = noise.normal(scale=0.05, size=(1_000, 12 + 60))
    failed = {"proven": 0, "median": 0}
    for rounds in np.exp(logs):
        saved = entry(ratios=tuple(rounds[:12]))
        limits = {
            "proven": Gate(min_speedup=baseline_limit(saved, alpha=alpha / 2), alpha=alpha / 2, margin=0),
            "median": Gate(min_speedup=float(np.median(rounds[:12])), alpha=alpha, margin=0),
        }
        for name, gate in limits.items():
            failed[name] += gate.decide(rounds[12:], np.ones(60)).outcome is Outcome.FAIL
    return failed


def test_unchanged_program_fails_no_more_often_than_alpha(wrong_fails: dict[str, int]) -> None:
    """Counts as shown only if even the upper bound of the rate, wrong once in 1000, is below alpha."""
    assert binomtest(wrong_fails["proven"], 1_000).proportion_ci(0.998).high < 0.02


def test_unchanged_program_fails_more_often_than_alpha_against_the_median(wrong_fails: dict[str, int]) -> None:
    """This is why the baseline's own uncertainty has to be counted."""
    assert binomtest(wrong_fails["median"], 1_000).proportion_ci(0.998).low > 0.02


def faster(factor: float, rounds: int = 20) -> BaselineEntry:
    return entry(ratios=(3.0 * factor,) * rounds, speedup=3.0 * factor)


def test_much_faster_program_is_told_that_its_limit_is_stale() -> None:
    assert stale(entry(), faster(1.2), name="main") == (
        "speedup 3.60 is proven more than 10 % above the 3.00 of baseline 'main': it became much faster, so the limit "
        "is stale; accept the new baseline with --cortex-save=main, or raise the limit"
    )


def test_program_is_not_called_faster_when_it_is_not_much_faster() -> None:
    assert stale(entry(), faster(1.09), name="main") is None
    assert stale(entry(), faster(1.09), name="main", by=0.05) is not None


def test_program_is_not_called_faster_when_noise_may_explain_it() -> None:
    """The upper bound of the baseline counts, not its middle."""
    noisy = entry(ratios=(3.0,) * 15 + (4.0,) * 5)
    assert stale(noisy, faster(1.2), name="main") is None


def test_program_is_not_called_faster_after_too_few_rounds() -> None:
    assert stale(entry(), faster(2.0, rounds=9), name="main") is None


# What changed ---------------------------------------------------------------------------------------------------------


def graph(durations: Mapping[str, float], *dependencies: str, path: str = "", **changed: Any) -> BaselineEntry:
    """An entry with modules of one letter; ``"ba"`` is the dependency of b on a."""
    pairs = tuple((each[0], each[1]) for each in dependencies)
    return entry(durations=durations, dependencies=pairs, critical_path=tuple(path), **changed)


THREE = {"a": 1.0, "b": 2.0, "c": 1.0}


def test_new_dependency_is_named_with_what_it_costs() -> None:
    before, after = graph(THREE, "ca"), graph(THREE, "ca", "ba", path="ab")
    assert changes(before, after) == ("the critical path is 1 s (50 %) longer because 'b' now depends on 'a'",)


def test_new_dependency_is_not_blamed_when_the_path_stays_as_long() -> None:
    assert changes(graph(THREE), graph(THREE, "ca", path="b")) == ()


def test_new_dependency_is_not_blamed_for_what_a_phase_enforces_anyway() -> None:
    phases = {"a": 0, "b": 1, "c": 1}
    before, after = graph(THREE, phases=phases), graph(THREE, "ba", path="ab", phases=phases)
    assert changes(before, after) == ()


def test_only_new_dependencies_on_the_path_are_blamed() -> None:
    after = graph(THREE, "ba", "ca", path="ab")
    assert changes(graph(THREE), after) == ("the critical path is 1 s (50 %) longer because 'b' now depends on 'a'",)


def test_all_new_dependencies_are_blamed_when_none_lies_on_the_recorded_path() -> None:
    after = graph({"a": 1.0, "b": 1.0, "c": 1.0}, "ba", "ca", path="")
    (sentence,) = changes(graph({"a": 1.0, "b": 1.0, "c": 1.0}), after)
    assert sentence.endswith("(100 %) longer because 'b' now depends on 'a', 'c' now depends on 'a'")


def test_new_dependency_through_a_skipped_module_counts() -> None:
    """A module that was skipped has no duration, but what depends on it still waits."""
    before = graph({"a": 1.0, "s": 1.0, "b": 1.0, "c": 1.0}, "bs")
    after = graph({"a": 1.0, "b": 1.0, "c": 1.0}, "bs", "sa", path="asb")
    assert changes(before, after) == ("the critical path is 1 s (100 %) longer because 's' now depends on 'a'",)


def test_new_modules_are_counted_and_named() -> None:
    assert changes(graph(THREE), graph({**THREE, "d": 0.5}, "da")) == ("1 module is new, 0.5 s of work: 'd'",)
    more = dict.fromkeys("defgh", 0.5)
    assert changes(graph(THREE), graph(THREE | more)) == ("5 modules are new, 2.5 s of work: 'd', 'e', 'f' and 2 more",)


def test_dependencies_of_new_modules_are_not_told_apart_from_them() -> None:
    """The module that is new is the cause; that something leads to it and away from it goes without saying."""
    before, after = graph({"a": 1.0, "b": 1.0}), graph({"a": 1.0, "b": 1.0, "d": 1.0}, "da", "bd", path="adb")
    assert changes(before, after) == ("1 module is new, 1 s of work: 'd'",)


def test_three_slowest_modules_are_named_by_the_time_they_lost() -> None:
    before = graph({"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.001, "e": 1.0, "gone": 1.0, "z": 0.0})
    after = graph({"a": 1.2, "b": 3.0, "c": 1.5, "d": 0.01, "e": 1.19, "z": 1.0})
    assert changes(before, after) == (
        "module 'b' takes 3 times as long as before, 3 s instead of 1 s",
        "module 'c' takes 1.5 times as long as before, 1.5 s instead of 1 s",
        "module 'a' takes 1.2 times as long as before, 1.2 s instead of 1 s",
    )


def test_lowered_ceiling_is_told_also_without_a_graph() -> None:
    assert changes(entry(ceiling=4.0), entry(ceiling=2.0)) == (
        "the most speedup that the graph allows went down from 4.00 to 2.00",
    )


@pytest.mark.parametrize(("old", "new"), [(4.0, 3.95), (4.0, 5.0), (None, 2.0), (4.0, None)])
def test_ceiling_is_not_mentioned_when_it_did_not_fall(old: float | None, new: float | None) -> None:
    assert changes(entry(ceiling=old), entry(ceiling=new)) == ()


def test_modules_are_not_called_new_when_the_baseline_has_no_graph() -> None:
    assert changes(entry(), graph(THREE)) == ()


@given(st.data())
def test_path_is_as_long_as_the_orchestrator_says(data: st.DataObject) -> None:
    """With phases and any dependencies; both rooms walk the same graph in their own way."""
    ids = [f"m{place}" for place in range(data.draw(st.integers(1, 7)))]
    phases = sorted(data.draw(st.lists(st.sampled_from(list(Phase)), min_size=len(ids), max_size=len(ids))))
    edges = [pair for pair in ((b, a) for b in ids for a in ids if a < b) if data.draw(st.booleans())]
    durations = {each: data.draw(st.floats(0, 10)) for each in ids}
    modules = [
        module(id=each, phase=phase, depends_on=[a for b, a in edges if b == each])(lambda _context: None)
        for each, phase in zip(ids, phases, strict=True)
    ]
    kept = entry(
        durations=durations,
        dependencies=tuple(edges),
        phases={each: list(Phase).index(phase) for each, phase in zip(ids, phases, strict=True)},
    )
    assert _span_s(kept) == pytest.approx(plan(Operation("op", modules)).span_s(durations))


def test_key_reads_as_one_measurement() -> None:
    assert str(Key(test="t.py::test_x", name="small", workers=2)) == "t.py::test_x (small, workers=2)"
