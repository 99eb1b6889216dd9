"""Hooks for others: each with the example from its own documentation, and everything that can go wrong in one."""

from __future__ import annotations

import inspect
import pickle
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex import reporting, scenarios
from pytest_cortex.plugin import hookspecs
from pytest_cortex.plugin.hooks import HookError
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting import Written, summary

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Notes: TypeAlias = Callable[[], list[tuple[str, str]]]

SCENARIOS = "pytest_cortex_scenarios"
FACTS = "pytest_cortex_machine_facts"
SECTIONS = "pytest_cortex_report_sections"
VERDICT = "pytest_cortex_verdict"
HOOKS = [SCENARIOS, FACTS, SECTIONS, VERDICT]

TAKES_SCENARIOS = "def test_it(cortex_scenario, cortex_bench): cortex_bench(cortex_scenario)"
IMPOSSIBLE = "--cortex-min-speedup=9"


def example(hook: str) -> str:
    """The code that the documentation of a hook shows."""
    text = inspect.getdoc(getattr(hookspecs, hook)) or ""
    return textwrap.dedent(text.partition("::\n")[2].partition("\nArgs:")[0])


def test_every_hook_has_an_example() -> None:
    announced = [name for name in vars(hookspecs) if name.startswith("pytest_")]
    assert announced == HOOKS
    assert [hook for hook in HOOKS if not example(hook).lstrip().startswith(f"def {hook}(")] == []


def test_every_hook_is_in_the_readme() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    generators = [name for name in scenarios.__all__ if name.islower() and not name.endswith("_module")]
    assert [name for name in [*HOOKS, *generators] if f"`{name}`" not in text] == []


# Scenarios ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_scenarios(pytester: pytest.Pytester) -> None:
    """The conftest.py of the example: "pictures", eight modules on four workers, and "nightly", a random graph."""
    pytester.makeconftest(example(SCENARIOS))


@pytest.mark.usefixtures("own_scenarios")
def test_own_scenarios_are_tests_like_the_built_in_ones(bench: Run) -> None:
    listed = [line for line in bench("--collect-only", "-q").outlines if line.startswith("cortex::")]
    assert listed[-2:] == ["cortex::pictures", "cortex::nightly"]
    assert len(listed) == 6


@pytest.mark.usefixtures("own_scenarios")
@pytest.mark.parametrize("option", [(), ("--cortex-bench",)], ids=["idle", "measuring"])
def test_cortex_scenario_stands_for_own_scenarios_too(
    run: Run, pytester: pytest.Pytester, option: tuple[str, ...]
) -> None:
    pytester.makepyfile(TAKES_SCENARIOS)
    names = [line.partition("::")[2] for line in run(*option, "--collect-only", "-q").outlines if "::" in line]
    assert names[-2:] == ["test_it[pictures]", "test_it[nightly]"]
    assert len(names) == 6


@pytest.mark.usefixtures("own_scenarios")
def test_own_scenarios_are_selected_by_name_and_judged_by_their_own_limits(
    bench: Run, pytester: pytest.Pytester, record: Record, spread: tuple[str, ...]
) -> None:
    pytester.makepyfile(TAKES_SCENARIOS)
    limits = ("--cortex-min-speedup=pictures:9", "--cortex-min-speedup=nightly:5")
    result = bench("--cortex-scenario=nightly", "--cortex-scenario=pictures", *limits, *spread)
    result.assert_outcomes(failed=2)
    measured = {each["name"]: each["verdicts"][0] for each in record()["measurements"]}
    assert {name: verdict["limit"] for name, verdict in measured.items()} == {"nightly": 5, "pictures": 9}
    assert "above 4.00, the most this graph allows on 4 workers" in measured["pictures"]["reason"]


@pytest.mark.usefixtures("own_scenarios")
def test_a_test_may_take_an_own_scenario_without_measuring_it(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(cortex_scenario): assert cortex_scenario.operation.modules")
    run("--cortex-scenario=pictures", "--cortex-scenario=small").assert_outcomes(passed=2)


@pytest.mark.usefixtures("own_scenarios")
@pytest.mark.parametrize("option", ["--cortex-scenario=pixtures", "--cortex-min-speedup=pixtures:2"])
def test_a_name_that_nobody_offers_is_refused_with_those_that_there_are(bench: Run, option: str) -> None:
    result = bench(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'pixtures'*small, medium, large, limited_workers, pictures, nightly*"])


@pytest.mark.usefixtures("own_scenarios")
def test_a_wrong_name_is_an_error_of_collection_where_nothing_is_measured(run: Run, pytester: pytest.Pytester) -> None:
    """Only there it is known that somebody wants scenarios at all."""
    pytester.makepyfile(TAKES_SCENARIOS)
    result = run("--cortex-scenario=pixtures")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["pytest-cortex: --cortex-scenario (command line): 'pixtures' is neither *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_failing_hook_is_an_error_of_collection_where_nothing_is_measured(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("def pytest_cortex_scenarios(): raise OSError('no such server')")
    pytester.makepyfile(TAKES_SCENARIOS)
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"pytest-cortex: {SCENARIOS} of conftest.py: OSError: no such server (conftest.py:1)"])


def test_scenarios_may_be_yielded(bench: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        def pytest_cortex_scenarios(config):
            from pytest_cortex.scenarios import chain
            yield chain("mine")
        """
    )
    bench("--collect-only", "-q", "--cortex-scenario=mine").stdout.fnmatch_lines(["cortex::mine"])


def test_a_chain_without_durations_is_still_known_to_be_one(bench: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from orchestrator import Operation
        from pytest_cortex.scenarios import Scenario, digesting_module

        def pytest_cortex_scenarios(config):
            modules = [digesting_module("a", 1), digesting_module("b", 1, ("a",))]
            return [Scenario(name="mine", operation=Operation("mine", modules), workers=4)]
        """
    )
    result = bench("--cortex-scenario=mine", "--cortex-min-speedup=1.5")
    result.stdout.fnmatch_lines(["mine: FAIL * above 1.00, the most this graph allows on 4 workers: *a → b*"])


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ("3", "it returned 3; a list of scenarios, or None, is wanted"),
        ("['mine']", "it offers 'mine'; a pytest_cortex.scenarios.Scenario is wanted"),
        ("[chain('small')]", "the name 'small' is taken by pytest-cortex: choose another"),
        ("[chain('mine'), chain('mine')]", "the name 'mine' is taken by conftest.py: choose another"),
        ("[chain('mine', modules=0)]", "ValueError: modules must be a whole number from 1 up, not 0 (conftest.py:3)"),
        ("(chain(1 / number) for number in [0])", "ZeroDivisionError: division by zero (conftest.py:3)"),
    ],
)
def test_scenarios_that_make_no_sense_end_the_run_before_the_first_test(
    bench: Run, pytester: pytest.Pytester, returned: str, problem: str
) -> None:
    pytester.makeconftest(
        f"""
        from pytest_cortex.scenarios import chain

        def pytest_cortex_scenarios(config): return {returned}
        """
    )
    result = bench()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {SCENARIOS} of conftest.py: {problem}"])


# Machine facts --------------------------------------------------------------------------------------------------------


def test_facts_are_kept_under_the_name_of_their_plugin(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(example(FACTS))
    bench_file("healthy")
    bench()
    environment = record()["environment"]
    assert environment["plugins"] == {"conftest.py": {"governor": "performance", "numa_nodes": 2}}
    assert environment["usable_cpus"] > 0


def test_facts_overwrite_none_of_ours_and_belong_to_no_fingerprint(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    """A baseline saved without them is found with them."""
    bench_file("healthy")
    bench("--cortex-save=main")
    pytester.makeconftest(
        "def pytest_cortex_machine_facts(): return {'python': '1.0', 'system': 'none', 'cpu_model': 'x'}"
    )
    bench("--cortex-compare=main").assert_outcomes(passed=1)
    assert record()["environment"]["python"].startswith("3.")
    assert record()["measurements"][0]["verdicts"][-1]["gate"] == "baseline"
    assert record()["measurements"][0]["verdicts"][-1]["outcome"] == "PASS"


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ("3", "it returned 3; a mapping, or None, is wanted"),
        ("{'a': object}", "it returned {'a': <class 'object'>}; JSON values are wanted: *"),
        ("{'a': float('nan')}", "it returned {'a': nan}; JSON values are wanted: *"),
        ("1 / 0", "ZeroDivisionError: division by zero (conftest.py:1)"),
    ],
)
def test_facts_that_make_no_sense_end_the_run_before_the_first_test(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, returned: str, problem: str
) -> None:
    pytester.makeconftest(f"def pytest_cortex_machine_facts(): return {returned}")
    bench_file("healthy")
    result = bench()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {FACTS} of conftest.py: {problem}"])


# Report sections ------------------------------------------------------------------------------------------------------


@pytest.fixture
def summarised(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the summaries that runs write; drawing takes longer than all the rest."""
    summaries: list[str] = []

    def write(session: SessionRecord, _directory: Path) -> Written:
        summaries.append(summary.markdown(session))
        return Written(paths=(), problems=())

    monkeypatch.setattr(reporting, "write", write)
    return summaries


def test_sections_are_shown_in_the_summary(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, summarised: list[str]
) -> None:
    pytester.makeconftest(example(SECTIONS))
    bench_file("healthy", "locked")
    bench()
    (text,) = summarised
    assert "## Slowest program (conftest.py)\n\n`test_locked` on 4 workers\n\n" in text


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ("3", "it returned 3; a mapping, or None, is wanted"),
        ("{'': 'text'}", "it returned a section '' with the text 'text'; two strings are wanted"),
        ("{'title': 3}", "it returned a section 'title' with the text 3; two strings are wanted"),
        ("1 / 0", "ZeroDivisionError: division by zero (broken.py:1)"),
    ],
)
def test_a_section_that_fails_is_named_and_costs_neither_verdict_nor_other_sections(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record, returned: str, problem: str
) -> None:
    pytester.makepyfile(broken=f"def pytest_cortex_report_sections(): return {returned}")
    pytester.makeconftest("def pytest_cortex_report_sections(): return {'Fine': 'text'}")
    pytester.syspathinsert()
    bench_file("healthy")
    result = bench("-p", "broken")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"{SECTIONS} of broken: {problem}", "reports: *"])
    assert record()["sections"] == [{"title": "Fine", "text": "text", "plugin": "conftest.py"}]


# Verdicts -------------------------------------------------------------------------------------------------------------


def test_an_objection_makes_a_verdict_inconclusive(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(example(VERDICT))
    bench_file("healthy", "locked")
    result = bench()
    assert result.parseoutcomes() == {"passed": 1, "inconclusive": 1}
    (verdict,) = record()["measurements"][1]["verdicts"]
    assert verdict["outcome"] == "INCONCLUSIVE"
    assert verdict["reason"].startswith(
        "this machine is shared by two teams (conftest.py); otherwise FAIL: speedup 0.89"
    )


def test_all_objections_are_told_with_their_plugins(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest(
        """
        class Warden:
            def pytest_cortex_verdict(self, verdict): return f"{verdict.outcome} at night"

        def pytest_configure(config): config.pluginmanager.register(Warden())
        def pytest_cortex_verdict(measurement): return f"{len(measurement.rounds)} rounds, {measurement.test}"
        """
    )
    bench_file("healthy")
    bench()
    reason = record()["measurements"][0]["verdicts"][0]["reason"]
    assert reason.startswith(
        "PASS at night (Warden); 14 rounds, test_bench.py::test_healthy (conftest.py); otherwise PASS: "
    )


def test_an_objection_counts_towards_being_inconclusive_too_often(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """And nobody is asked about what comes of that, or a gate could be silenced for good."""
    pytester.makeconftest("def pytest_cortex_verdict(): return 'never'")
    bench_file("healthy")
    outcomes = [bench("--cortex-max-inconclusive=2").parseoutcomes() for _ in range(2)]
    assert outcomes == [{"inconclusive": 1}, {"failed": 1}]


def test_nobody_is_asked_about_what_is_inconclusive_already(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("def pytest_cortex_verdict(): raise SystemError")
    bench_file("unsteady")
    assert bench().parseoutcomes() == {"inconclusive": 1}


def test_a_gate_on_structure_can_be_objected_to_as_well(bench: Run, pytester: pytest.Pytester, record: Record) -> None:
    pytester.makeconftest("def pytest_cortex_verdict(verdict): return verdict.gate")
    options = ("--cortex-scenario=small", "--cortex-max-groups=small:1", "--cortex-module-duration=0.001")
    assert bench(*options, IMPOSSIBLE).parseoutcomes() == {"inconclusive": 1}
    reasons = [verdict["reason"].partition(" ")[0] for verdict in record()["measurements"][0]["verdicts"]]
    assert reasons == ["min_speedup", "max_groups"]


@pytest.mark.parametrize("returned", ["'PASS'", "verdict.outcome", "verdict", "True", "''"])
def test_no_hook_can_ask_for_another_verdict(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record, returned: str
) -> None:
    """The stated error rate would be lost."""
    pytester.makeconftest(f"def pytest_cortex_verdict(verdict): return {returned}")
    bench_file("locked")
    result = bench()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{VERDICT} of conftest.py: it returned *; a reason, * or None is wanted*"])
    (measurement,) = record()["measurements"]
    assert measurement["verdicts"] == []
    assert measurement["error"].startswith(f"HookError: {VERDICT} of conftest.py: it returned ")


def test_an_error_in_a_verdict_hook_fails_the_test_and_says_whose_it_is(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("def pytest_cortex_verdict(): return {}['missing']")
    bench_file("healthy")
    result = bench()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{VERDICT} of conftest.py: KeyError: 'missing' (conftest.py:1)"])


# All of them ----------------------------------------------------------------------------------------------------------

ANSWERS = {SCENARIOS: [], FACTS: {"a": 1}, SECTIONS: {"Title": "text"}, VERDICT: "because"}
NOTING = "\n".join(f"def {hook}():\n    note({hook!r})\n    return {answer!r}" for hook, answer in ANSWERS.items())


def test_no_hook_is_called_in_an_idle_run(
    run: Run, bench_file: BenchFile, pytester: pytest.Pytester, notes: Notes
) -> None:
    pytester.makeconftest(f"from arms import note\n{NOTING}")
    pytester.syspathinsert()
    bench_file("healthy", extra="def test_ordinary(): pass")
    run().assert_outcomes(passed=1, skipped=1)
    assert notes() == []


def test_each_hook_is_called_by_the_controller_and_by_no_worker(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record, notes: Notes
) -> None:
    pytester.makeconftest(f"from arms import note\n{NOTING}")
    pytester.syspathinsert()
    bench_file("healthy", extra="def test_ordinary(): note('worker')")
    assert bench("-n2").parseoutcomes() == {"passed": 1, "inconclusive": 1}
    called = {name: process for name, process in notes() if name != "worker"}
    assert list(called) == [SCENARIOS, FACTS, VERDICT, SECTIONS]
    assert len(notes()) == 5
    assert not set(called.values()) & {process for name, process in notes() if name == "worker"}
    assert record()["environment"]["plugins"] == {"conftest.py": {"a": 1}}
    assert record()["sections"] == [{"title": "Title", "text": "text", "plugin": "conftest.py"}]


def test_nothing_changes_when_hooks_have_nothing_to_say(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeconftest("\n".join(f"def {hook}(): return None" for hook in HOOKS))
    bench_file("healthy")
    bench().assert_outcomes(passed=1)
    assert "plugins" not in record()["environment"]
    assert record()["sections"] == []


def test_a_hook_with_a_wrong_name_is_refused_by_pytest(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_cortex_scenario(config): pass")
    result = run()
    assert result.ret not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert "unknown hook 'pytest_cortex_scenario'" in f"{result.stdout}{result.stderr}"


def test_a_hook_may_be_there_without_the_plugin(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(optionalhook=True)
        def pytest_cortex_scenarios(config): raise SystemError
        """
    )
    assert run("-p", "no:cortex").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_hook_error_survives_pickling() -> None:
    error = HookError(FACTS, "mine", "it is wrong")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (HookError, f"{FACTS} of mine: it is wrong")
