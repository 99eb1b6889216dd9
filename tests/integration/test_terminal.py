"""What people read: the header, the section at the end, and pytest's own lists of options, markers and fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex.settings.options import OPTIONS
from pytest_cortex.settings.values import GATES

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]


# The header -----------------------------------------------------------------------------------------------------------


def test_the_header_shows_values_by_origin(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ncortex_workers = 3")
    bench_file("healthy")
    result = bench("--cortex-time-limit=30", "--cortex-seed=7", "-o", "cortex_rounds=20")
    result.stdout.fnmatch_lines(
        [
            "cortex: measuring bench tests one at a time",
            "cortex: command line: time_limit=30.0, seed=7",
            "cortex: -o: rounds=20",
            "cortex: tox.ini: workers=3",
            f"cortex: {len(OPTIONS) - 5} other options by default (-v shows them)",
            f"cortex: reports in {pytester.path / 'reports'}",
        ],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("cortex: default: *")


def test_the_header_shows_defaults_to_those_who_want_to_know(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    result = bench("-v")
    result.stdout.fnmatch_lines(["cortex: default: min_speedup=none, *max_inconclusive=5, *"])
    result.stdout.no_fnmatch_line("*by default (-v*")


def test_the_header_says_what_comes_from_addopts(bench: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --cortex-rounds=20")
    bench_file("healthy")
    bench("--cortex-seed=7").stdout.fnmatch_lines(["cortex: command line: seed=7", "cortex: addopts: rounds=20"])


def test_limits_of_markers_are_shown_once_they_are_collected(
    bench: Run, bench_file: BenchFile, spread: tuple[str, ...]
) -> None:
    other = "@pytest.mark.cortex(min_efficiency=0.1)\ndef test_it(cortex_bench): cortex_bench(sequential=serial, "
    bench_file("healthy", "locked", extra=f"{other}parallel=healthy, workers=4)")
    shown = bench(*spread)
    shown.stdout.fnmatch_lines(["cortex: marker: min_speedup=3 (2 tests), min_efficiency=0.1 (1 test)"])
    overruled = bench("--cortex-min-speedup=2")
    overruled.stdout.fnmatch_lines(["cortex: marker: min_speedup=3 (2 tests, overruled by the command line), *"])


def test_nothing_is_said_of_markers_where_there_are_none(bench: Run, bench_file: BenchFile) -> None:
    bench_file(extra="def test_it(cortex_bench): cortex_bench(sequential=serial, parallel=healthy, workers=4)")
    bench().stdout.no_fnmatch_line("cortex: marker:*")


def test_the_header_shows_limits_of_both_origins_since_both_count(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\ncortex_min_speedup = small:2")
    bench_file("healthy")
    result = bench("--cortex-min-speedup=large:3")
    result.stdout.fnmatch_lines_random(
        ["cortex: tox.ini: min_speedup=small:2", "cortex: command line: min_speedup=large:3"]
    )


def test_the_seed_in_the_header_is_the_one_in_the_record(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file("healthy")
    result = bench()
    result.stdout.fnmatch_lines([f"cortex: random: seed={record()['seed']}"])


# The section at the end -----------------------------------------------------------------------------------------------


def section(result: pytest.RunResult) -> list[str]:
    """The lines below the heading "cortex", up to pytest's next heading."""
    start = next(number for number, line in enumerate(result.outlines) if line.strip("= ") == "cortex")
    rest = result.outlines[start + 1 :]
    return rest[: next(number for number, line in enumerate(rest) if line.startswith("==="))]


def test_the_last_line_of_the_section_is_the_path(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, spread: tuple[str, ...]
) -> None:
    bench_file("healthy", "locked", "unsteady")
    assert section(bench(*spread))[-1] == f"reports: {pytester.path / 'reports'}"


def test_the_section_begins_with_the_table(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    heading, row = section(bench())[:2]
    assert heading.split() == ["measurement", "workers", "speedup", "efficiency", "ceiling", "limit", "verdict"]
    assert row.split()[0] == "test_healthy"
    assert row.split()[-1] == "PASS"


def test_there_is_no_colour_where_there_is_no_terminal(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", "locked", "unsteady")
    assert "\x1b" not in str(bench().stdout)


def test_verdicts_are_coloured_on_demand(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", "locked")
    lines = bench("--color=yes").outlines
    assert any(line.startswith("\x1b[32mtest_healthy ") for line in lines)
    assert any(line.startswith("\x1b[31mtest_locked ") for line in lines)


def test_inconclusive_has_a_letter_and_a_word_of_its_own(bench: Run, bench_file: BenchFile) -> None:
    bench_file("unsteady")
    bench().stdout.fnmatch_lines(["test_bench.py I *"])
    bench("-v").stdout.fnmatch_lines(["test_bench.py::test_unsteady INCONCLUSIVE *"])


def test_quiet_is_quiet(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy")
    bench("-q").stdout.no_fnmatch_line("cortex: *")


# Help -----------------------------------------------------------------------------------------------------------------


def test_help_shows_every_option_and_every_ini_key(run: Run) -> None:
    text = str(run("--help").stdout)
    assert [option.flag for option in OPTIONS if f"  {option.flag}" not in text] == []
    assert [option.ini for option in OPTIONS if f"  {option.ini}" not in text] == []


def test_markers_describes_ours(run: Run) -> None:
    keywords = ", ".join(f"{gate}=LIMIT" for gate in GATES)
    told = "gates for everything the test measures with cortex_bench; of several markers the nearest counts, *"
    run("--markers").stdout.fnmatch_lines([f"@pytest.mark.cortex({keywords}): {told}"])


def test_fixtures_describes_ours(run: Run) -> None:
    text = str(run("--fixtures").stdout)
    names = ["bench", "scenario", "small", "medium", "large", "limited_workers"]
    assert [name for name in names if f"cortex_{name} --" not in text] == []
    ours = text.partition("cortex_bench --")[2].partition("\n-----")[0]
    assert "no docstring available" not in ours
    assert "cortex_bench(sequential=f, parallel=g, workers=4), or (operation, workers=4), or (scenario)." in ours


def test_help_says_what_it_is_for_and_who_wins(run: Run) -> None:
    text = " ".join(str(run("--help").stdout).split())
    assert "Two functions and a limit: a bench test calls the fixture cortex_bench" in text
    assert "the command line wins over markers, markers over the ini file" in text
