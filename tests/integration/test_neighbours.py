"""Other kinds of tests, test ids meant to break things, and callers that are not the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "\U0001f600",
    "'single' \"double\" `back`",
    "two\nlines",
    "\x1b[31mred",
    "a::b",
    "[x]",
    "$x$ {0} %s \\",
    "\u202egnp",
    "=1+1",
]

HOSTILE_TESTS = """
@pytest.mark.parametrize("name", {names!r})
@pytest.mark.cortex(min_speedup=3)
def test_it(cortex_bench, name):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""

# The clock of these tests stands still while other programs on the machine run, so these disturb nothing.
UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""

RAW_IDS = "disable_test_id_escaping_and_forfeit_all_rights_to_community_support"


def test_hostile_names_break_no_report(
    subprocess_run: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record
) -> None:
    pytester.makeini(f"[pytest]\n{RAW_IDS} = true")
    pytester.makeconftest(UNWATCHED)
    bench_file(extra=HOSTILE_TESTS.format(names=HOSTILE))
    result = subprocess_run("--cortex-bench", "--junitxml=junit.xml")
    result.assert_outcomes(passed=len(HOSTILE))
    result.stdout.no_fnmatch_line("*was not written*")
    assert [measurement["name"] for measurement in record()["measurements"]] == [f"test_it[{name}]" for name in HOSTILE]


def test_hostile_names_stay_apart_when_pytest_escapes_them(bench: Run, bench_file: BenchFile, record: Record) -> None:
    bench_file(extra=HOSTILE_TESTS.format(names=HOSTILE))
    bench().assert_outcomes(passed=len(HOSTILE))
    assert len({measurement["name"] for measurement in record()["measurements"]}) == len(HOSTILE)


def test_hostile_names_do_not_reach_the_terminal_in_the_section(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")  # in a narrow terminal the names are shortened, and this is not about that
    bench_file(extra=HOSTILE_TESTS.format(names=["\x1b[31mred", "two\nlines"]))
    shown = str(bench("-o", f"{RAW_IDS}=true").stdout).partition("= cortex =")[2]
    assert "\x1b" not in shown
    assert "two\\nlines" in shown


def test_unittest_and_doctest_go_on_as_ever(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, spread: tuple[str, ...]
) -> None:
    bench_file("healthy")
    pytester.makepyfile(
        test_unit="""
        import unittest

        class TestOld(unittest.TestCase):
            def test_it(self):
                self.assertTrue(True)

            @unittest.skip("later")
            def test_later(self): ...

            @unittest.expectedFailure
            def test_wrong(self):
                self.fail()
        """,
        documented='''
        def two():
            """
            >>> two()
            2
            """
            return 2
        ''',
    )
    result = bench("--doctest-modules", "--ignore=arms.py", *spread)
    result.assert_outcomes(passed=3, skipped=1, xfailed=1)


def test_arguments_may_be_paths(pytester: pytest.Pytester, bench_file: BenchFile) -> None:
    bench_file("healthy")
    script = pytester.makepyfile(
        call="""
        from pathlib import Path

        import pytest

        from pytest_cortex import reporting

        def write(session, directory):
            print("command:", session.command)
            return reporting.Written(paths=(), problems=())

        reporting.write = write
        pytest.main(["--cortex-bench", Path("test_bench.py")])
        """
    )
    pytester.runpython(script).stdout.fnmatch_lines(["*command: ('--cortex-bench', 'test_bench.py')"])
