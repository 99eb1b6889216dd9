"""Baselines, contenders, curves, gates on structure, and the options that a verdict's trust rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex.bench import result as result_module
from pytest_cortex.bench.diagnosis import Diagnosis
from pytest_cortex.measuring.interference import Monitor

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Notes: TypeAlias = Callable[[], list[tuple[str, str]]]

PLAIN = "def test_it(cortex_bench): cortex_bench(sequential=taking(8), parallel=taking({ms}), workers=4)\n"


def verdicts(record: Record) -> list[tuple[str, str, str]]:
    """Name, gate and outcome of every verdict."""
    return [
        (measurement["name"], each["gate"], each["outcome"])
        for measurement in record()["measurements"]
        for each in measurement["verdicts"]
    ]


def rounds_made(record: Record) -> list[int]:
    """Rounds per measurement, without warm-ups."""
    return [sum(not each["warmup"] for each in one["rounds"]) for one in record()["measurements"]]


# Baselines ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(bench: Run, bench_file: BenchFile) -> pytest.RunResult:
    """A run that saves the baseline ``main`` of a test with a speedup of 4 and no gate."""
    bench_file(extra=PLAIN.format(ms=2))
    return bench("--cortex-save=main")


def test_saving_says_where_the_baseline_is(saved: pytest.RunResult, pytester: pytest.Pytester) -> None:
    """Beside the ini file or, without one, where pytest was started; and the last line stays the reports'."""
    (path,) = (pytester.path / ".cortex" / "baselines").glob("*/main.json")
    saved.stdout.fnmatch_lines([f"baseline 'main' saved: {path} (measurements: 1)", "reports: *"])


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("option", ["--cortex-compare=main", "--cortex-compare"])
def test_what_is_as_fast_as_its_baseline_passes(bench: Run, record: Record, option: str) -> None:
    """By the baseline's name, or against the one saved last."""
    result = bench(option)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert verdicts(record) == [("test_it", "baseline", "PASS")]


@pytest.mark.usefixtures("saved")
def test_what_is_slower_than_its_baseline_fails_and_names_it(
    bench: Run, bench_file: BenchFile, spread: tuple[str, ...]
) -> None:
    """Though nobody wrote a limit into the test; 2.67 instead of 4."""
    bench_file(extra=PLAIN.format(ms=3))
    result = bench("--cortex-compare=main", *spread)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAIL test_it (baseline=4 from baseline main): speedup 2.67 * is proven below 3.92 *"])


def test_without_a_baseline_the_test_is_inconclusive_and_says_how_to_get_one(bench: Run, bench_file: BenchFile) -> None:
    """A new machine must not fail for being new, nor pass for it."""
    bench_file(extra=PLAIN.format(ms=2))
    result = bench("--cortex-compare=main")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"inconclusive": 1}
    result.stdout.fnmatch_lines(
        ["INCONCLUSIVE test_it (baseline from baseline main): no baseline 'main' was saved * --cortex-save=main"]
    )


@pytest.mark.usefixtures("saved")
def test_a_test_that_the_baseline_does_not_know_is_inconclusive(bench: Run, bench_file: BenchFile) -> None:
    """The others are compared."""
    bench_file(extra=PLAIN.format(ms=2) + PLAIN.replace("test_it", "test_new").format(ms=2))
    assert bench("--cortex-compare").parseoutcomes() == {"passed": 1, "inconclusive": 1}


@pytest.mark.usefixtures("saved")
def test_a_broken_baseline_ends_the_run_before_the_first_test(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, notes: Notes
) -> None:
    """It would otherwise come out after all the measuring."""
    (path,) = pytester.path.rglob("main.json")
    path.write_text("{", encoding="utf-8")
    bench_file(extra='note("collected")\n' + PLAIN.format(ms=2))
    result = bench("--cortex-compare=main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: pytest-cortex: --cortex-compare (command line): baseline file '{path}': it is no JSON *"]
    )
    assert notes() == []


@pytest.mark.usefixtures("saved")
def test_what_became_much_faster_passes_with_a_warning(bench: Run, bench_file: BenchFile) -> None:
    """The limit is stale, and the line says how to raise it."""
    bench_file(extra=PLAIN.format(ms=1))
    result = bench("--cortex-compare=main")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["WARNING test_it: speedup 8.00 is proven more than 10 % above the 4.00 of baseline *"])


@pytest.mark.usefixtures("saved")
def test_saving_again_accepts_the_new_speed(bench: Run, bench_file: BenchFile) -> None:
    """One option accepts it; comparing in the same run is still with the old one."""
    bench_file(extra=PLAIN.format(ms=3))
    bench("--cortex-save=main").assert_outcomes(passed=1)
    bench("--cortex-compare=main").assert_outcomes(passed=1)


@pytest.mark.usefixtures("saved")
def test_what_failed_against_its_baseline_does_not_replace_it(bench: Run, bench_file: BenchFile) -> None:
    """Comparing and saving at once must not make a regression the new normal."""
    bench_file(extra=PLAIN.format(ms=3))
    both = bench("--cortex-compare=main", "--cortex-save=main")
    both.stdout.fnmatch_lines(["no baseline was saved: *"])
    bench("--cortex-compare=main").assert_outcomes(failed=1)


# Contenders and curves ------------------------------------------------------------------------------------------------

CONTENDERS = """
@pytest.mark.cortex(min_speedup={limit})
def test_it(cortex_bench):
    found = cortex_bench.compare({{"ours": taking(2), "theirs": taking(5)}}, baseline="theirs")
    assert found["ours"].speedup == 2.5
"""


@pytest.mark.parametrize(("limit", "outcome"), [(2, "PASS"), (3, "FAIL")])
def test_contenders_are_gated_by_the_marker(
    bench: Run, bench_file: BenchFile, record: Record, limit: int, outcome: str
) -> None:
    """It says how many times as fast as the baseline the others have to be."""
    bench_file(extra=CONTENDERS.format(limit=limit))
    assert bench().ret == (pytest.ExitCode.OK if outcome == "PASS" else pytest.ExitCode.TESTS_FAILED)
    assert verdicts(record) == [("test_it[ours]", "min_speedup", outcome)]
    (measurement,) = record()["measurements"]
    assert (measurement["against"], measurement["efficiency"]) == ("theirs", None)


CURVE = """
def half_serial(workers): taking(4 + 4 // workers)()

@pytest.mark.cortex(min_speedup=1.5)
def test_it(cortex_bench):
    scaling = cortex_bench.scale(half_serial, workers=[1, 2, 4])
    scaling.assert_speedup(1.3, workers=2)
    scaling.assert_serial_fraction({limit})
"""


def test_a_curve_has_a_row_per_number_of_workers_and_a_line(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """The marker's gate is judged at the most workers."""
    bench_file(extra=CURVE.format(limit=0.6))
    result = bench()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["test_it[[]2] * 1.33 *", "test_it[[]4] * 1.60 *", "scaling of test_it: the serial fraction is 50.0 % *"]
    )
    assert verdicts(record) == [
        ("test_it[2]", "min_speedup", "PASS"),
        ("test_it[4]", "min_speedup", "PASS"),
        ("test_it[4]", "max_serial_fraction", "PASS"),
    ]
    (scaling,) = record()["scalings"]
    assert [point["workers"] for point in scaling["points"]] == [1, 2, 4]


def test_a_curve_that_is_too_flat_fails_and_is_shown_all_the_same(bench: Run, bench_file: BenchFile) -> None:
    """Half of it is serial; a quarter was allowed."""
    bench_file(extra=CURVE.format(limit=0.25))
    result = bench()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["scaling of test_it: *", "FAIL test_it[[]4] (max_serial_fraction=0.25 from assert_serial_fraction): *"]
    )


# Structure ------------------------------------------------------------------------------------------------------------

CHAIN = """
from orchestrator import Operation, module

@pytest.mark.cortex({gate})
def test_chain(cortex_bench):
    first = module(id="first")(lambda context: note("ran"))
    then = module(id="then", depends_on=["first"])(lambda context: None)
    cortex_bench(Operation("chain", [first, then]), workers=2)
"""


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("min_parallelism=2", "parallelism 1 is below the limit 2"),
        ("max_groups=1", "number of groups 2 is above the limit 1"),
        ("min_peak_concurrency=2", "peak concurrency 1 is below the limit 2"),
    ],
)
def test_a_gate_on_structure_fails_without_a_clock(
    bench: Run, bench_file: BenchFile, notes: Notes, gate: str, said: str
) -> None:
    """The same on every machine: nothing ran."""
    bench_file(extra=CHAIN.format(gate=gate))
    result = bench()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"FAIL test_chain ({gate} from marker): {said}: *first → then*"])
    assert notes() == []


def test_a_gate_on_structure_for_the_run_leaves_plain_programs_alone(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    """It means the graphs in it."""
    bench_file("healthy", extra=CHAIN.format(gate="max_groups=9"))
    assert bench("--cortex-max-groups=1").ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(record) == [("test_healthy", "min_speedup", "PASS"), ("test_chain", "max_groups", "FAIL")]


def test_a_gate_on_structure_in_the_marker_of_plain_programs_is_an_error(bench: Run, bench_file: BenchFile) -> None:
    """It could guard nothing, so that saying nothing would be a lie."""
    call = "cortex_bench(sequential=serial, parallel=healthy, workers=4)"
    bench_file(extra=f"@pytest.mark.cortex(max_groups=1)\ndef test_it(cortex_bench): {call}")
    result = bench()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*TypeError: max_groups (marker) is a gate on a graph of modules, and 'test_it' has *"]
    )


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "claim"),
    [
        ([], "once in 1 000 verdicts (limit less 2 %, up to 60 independent rounds; *"),
        (["--cortex-alpha=0.01"], "once in 100 verdicts *"),
        (["--cortex-margin=0.1"], "*(limit less 10 %, *"),
        (["--cortex-rounds=30"], "*up to 30 independent rounds*"),
        (["--cortex-strict"], "*up to 90 independent rounds*"),
        (["--cortex-strict", "--cortex-rounds=70"], "*up to 70 independent rounds*"),
        (["--cortex-family-wise"], "once in 1 000 runs, whatever the number of gates *"),
    ],
    ids=" ".join,
)
def test_the_header_states_the_claim(bench: Run, bench_file: BenchFile, options: list[str], claim: str) -> None:
    """Whoever reads a verdict can read there what it means."""
    bench_file("healthy")
    bench(*options).stdout.fnmatch_lines([f"cortex: PASS and FAIL are each wrong at most {claim}"])


def test_a_larger_alpha_needs_fewer_rounds_and_a_shared_one_more(
    bench: Run, bench_file: BenchFile, record: Record
) -> None:
    """Proof has its price."""
    bench_file("healthy", "locked")
    needed = []
    for options in (["--cortex-alpha=0.1"], [], ["--cortex-family-wise"]):
        bench(*options)
        needed.append(rounds_made(record)[0])
    assert needed[0] < needed[1] < needed[2]


@pytest.mark.parametrize(("margin", "outcomes"), [("0.02", {"failed": 1}), ("0.2", {"passed": 1})])
def test_the_margin_forgives_what_it_says(
    bench: Run, bench_file: BenchFile, margin: str, outcomes: dict[str, int]
) -> None:
    """A speedup of 4 under a limit of 4.5."""
    bench_file("healthy")
    assert bench("--cortex-min-speedup=4.5", f"--cortex-margin={margin}").parseoutcomes() == outcomes


@pytest.mark.parametrize(("options", "most"), [([], 60), (["--cortex-rounds=20"], 20), (["--cortex-strict"], 90)])
def test_rounds_end_at_the_horizon(
    bench: Run, bench_file: BenchFile, record: Record, options: list[str], most: int
) -> None:
    """An undecided gate takes all of them."""
    bench_file("unsteady")
    bench(*options)
    assert rounds_made(record) == [most]


def test_strict_makes_inconclusive_fail_unless_the_command_line_says_otherwise(
    bench: Run, bench_file: BenchFile
) -> None:
    """What is given wins over what strict stands for."""
    bench_file("unsteady")
    assert bench("--cortex-strict").parseoutcomes() == {"failed": 1}
    assert bench("--cortex-strict", "--cortex-inconclusive=warn").parseoutcomes() == {"inconclusive": 1}


@pytest.mark.parametrize(
    "option",
    [
        "--cortex-alpha=0",
        "--cortex-alpha=0.5",
        "--cortex-margin=1",
        "--cortex-margin=-0.1",
        "--cortex-rounds=0",
        "--cortex-rounds=5",
        "--cortex-min-quality=90",
        "--cortex-max-groups=2.5",
        "--cortex-min-parallelism=0",
        "--cortex-save=a/b",
        "--cortex-compare=a/b",
        "--cortex-baseline-dir=",
    ],
)
def test_a_wrong_value_ends_the_run_before_anything_is_collected(
    bench: Run, bench_file: BenchFile, notes: Notes, option: str
) -> None:
    """With the option's name and where it stands."""
    bench_file("healthy", extra='note("collected")')
    result = bench(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-cortex: {option.partition('=')[0]} (command line): *"])
    assert notes() == []


def test_a_file_after_save_is_not_taken_for_its_name(bench: Run, bench_file: BenchFile) -> None:
    """``--cortex-save test_bench.py`` would otherwise measure everything and save it under that name."""
    bench_file("healthy")
    result = bench("--cortex-save", "test_bench.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--cortex-save (command line): 'test_bench.py' is a file or folder*"])


def test_each_parallel_arm_can_be_measured_against_itself(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """The ratio is 1 then and so is the value tested, whatever gates the tests have."""
    bench_file("healthy", "locked")
    bench("--cortex-against-itself").assert_outcomes(passed=2)
    assert [each["speedup"] for each in record()["measurements"]] == [1.0, 1.0]
    assert {each["origin"] for one in record()["measurements"] for each in one["verdicts"]} == {"against itself"}


def test_all_rounds_change_no_verdict(bench: Run, bench_file: BenchFile, record: Record) -> None:
    """They are made for the record; each verdict still rests on the rounds up to its decision."""
    bench_file("healthy", "locked", "unsteady")
    said = []
    for options in ([], ["--cortex-rounds-all"]):
        result = bench("--cortex-seed=7", *options)
        assert result.parseoutcomes() == {"passed": 1, "failed": 1, "inconclusive": 1}
        verdicts_of = [one["verdicts"][0] for one in record()["measurements"]]
        said.append([(each["outcome"], each["rounds"], each["reason"].partition(";")[0]) for each in verdicts_of])
    assert said[0] == said[1]
    assert rounds_made(record) == [60, 60, 60]


# Causes and disturbances ----------------------------------------------------------------------------------------------


def test_causes_follow_the_failure_in_the_test_and_in_the_section(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where people look first, and where they look at the end; those of what passed are nowhere."""
    found = Diagnosis(causes=("a lock at pool.py:7",))
    monkeypatch.setattr(result_module, "diagnosis_of_programs", lambda _subject, _rounds: found)
    bench_file("healthy", "locked")
    result = bench()
    result.stdout.fnmatch_lines(
        [
            "E * test_locked: FAIL min_speedup=3 (marker): *",
            "E *  why: a lock at pool.py:7",
            "FAIL test_locked (min_speedup=3 from marker): *",
            "  why: a lock at pool.py:7",
        ]
    )
    assert str(result.stdout).count("why: a lock") == 2


def test_spoilt_rounds_do_not_count(
    bench: Run, bench_file: BenchFile, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept, with what spoilt them; where all are, nothing is known."""
    monkeypatch.setattr(Monitor, "watch", lambda _monitor: lambda _seconds: "steal 9 %")
    bench_file("locked")
    assert bench().parseoutcomes() == {"inconclusive": 1}
    (measurement,) = record()["measurements"]
    assert {each["spoilt"] for each in measurement["rounds"]} == {"steal 9 %"}
    assert (measurement["speedup"], measurement["verdicts"][0]["rounds"]) == (None, 0)
    assert "disturbed from outside and did not count, e.g. steal 9 %" in measurement["verdicts"][0]["reason"]
