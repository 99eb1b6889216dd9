"""Long work shows itself: in a terminal while it goes on, under -v when a measurement is over, in a log not at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from screen import screen

from pytest_cortex.plugin import progress

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]

# pytest asks its output whether it is a terminal, and these runs write into a buffer.
TERMINAL = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.isatty = lambda: True  # some versions call it, some do not
"""

TWICE = """
def test_twice(cortex_bench):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
    cortex_bench(sequential=serial, parallel=healthy, workers=8)
"""

INTERRUPTED = """
import signal

def interrupting():
    CLOCK.spend(2)
    interrupting.calls += 1
    if interrupting.calls == 6:
        signal.raise_signal(signal.SIGINT)

interrupting.calls = 0

def test_interrupted(cortex_bench):
    cortex_bench(sequential=serial, parallel=interrupting, workers=4)
"""


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every round is shown, in an ordinary terminal."""
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def terminal(eager: None, pytester: pytest.Pytester) -> None:
    """Runs write to what pytest takes for a terminal."""
    pytester.makeconftest(TERMINAL)


def of_tests(lines: list[str]) -> list[str]:
    """Lines about tests and measurements, as far as the first heading below them."""
    start = next(number for number, line in enumerate(lines) if line.startswith("test_bench.py"))
    rest = lines[start:]
    return rest[: next(number for number, line in enumerate(rest) if line.startswith(("===", "!!!")))]


def told(lines: list[str]) -> list[str]:
    """The same without blank lines, and without what is said of collecting, which a terminal sees otherwise."""
    return [line.rstrip() for line in of_tests(lines) if line.startswith(("test_bench.py", "  test_"))]


def after_the_name(lines: list[str]) -> list[str]:
    """Lines without the blanks before a percentage, which depend on the terminal's width, and without seconds."""
    return [re.sub(r"in \d+\.\d s", "in N s", re.sub(r" +\[", " [", line)) for line in of_tests(lines) if line]


# In a terminal --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_every_measurement_going_on(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", "locked")
    written = str(bench().stdout)
    for status in (
        "test_healthy: warming up",
        "test_healthy: round 1 of at most 60, speedup 4.00, 1 s left",
        "test_healthy: round 12 of at most 60, speedup 4.00, 1 s left",
        "test_locked: round 12 of at most 60, speedup 0.89, 1 s left",
    ):
        assert status in written


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("arguments", [(), ("-v",), ("-n2", "-v")], ids=["short", "verbose", "xdist"])
def test_nothing_of_it_stays(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    """The terminal shows in the end what a log does."""
    bench_file("healthy", "locked", extra=TWICE + "def test_ordinary(): print('caught')\n")
    in_a_log = told(bench(*arguments).outlines)
    pytester.makeconftest(TERMINAL)
    written = str(bench(*arguments).stdout)
    assert "\b" in written
    assert told(screen(written)) == in_a_log


@pytest.mark.usefixtures("terminal")
def test_nothing_of_it_stays_after_ctrl_c(bench: Run, bench_file: BenchFile) -> None:
    bench_file(extra=INTERRUPTED)
    written = str(bench(no_reraise_ctrlc=True).stdout)
    assert "round 3 of at most 60" in written
    assert of_tests(screen(written))[0] == "test_bench.py"
    assert "round 3" not in "".join(screen(written))


@pytest.mark.usefixtures("terminal")
def test_what_a_test_prints_past_the_capture_stands_alone(bench: Run, bench_file: BenchFile) -> None:
    """Between two measurements nothing is shown, so that there is nothing to be mixed up with."""
    bench_file(
        extra="""
def test_it(cortex_bench, capsys):
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
    with capsys.disabled():
        print("aloud")
    cortex_bench(sequential=serial, parallel=healthy, workers=4)
"""
    )
    shown = screen(str(bench().stdout))
    assert [line.split() for line in shown if "aloud" in line] == [["test_bench.py", "aloud"]]
    assert not any(re.search(r"round \d+ of at most", line) for line in shown)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("arguments", ["--color=no", "--capture=sys", "-p no:logging"])
def test_a_terminal_without_colours_shows_it_as_well(bench: Run, bench_file: BenchFile, arguments: str) -> None:
    bench_file("healthy")
    written = str(bench(*arguments.split()).stdout)
    assert "round 12 of at most 60" in written
    assert "\x1b" not in written


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "arguments", ["-q", "-s", "--capture=tee-sys", "-p no:terminal", "-o log_cli=true", "--log-cli-level=INFO"]
)
def test_nothing_is_shown_where_others_write_or_nobody_wants_it(
    bench: Run, bench_file: BenchFile, arguments: str
) -> None:
    bench_file("healthy")
    result = bench(*arguments.split())
    assert result.ret == pytest.ExitCode.OK
    assert "\b" not in str(result.stdout)
    assert "at most 60," not in str(result.stdout)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "true"), ("BUILD_NUMBER", "7")])
def test_nothing_is_shown_where_the_terminal_is_none(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Some services give their jobs a terminal, and keep a log of what it showed."""
    monkeypatch.setenv(name, value)
    bench_file("healthy")
    assert "\b" not in str(bench().stdout)


@pytest.mark.usefixtures("eager")
def test_nothing_is_shown_by_a_reporter_that_is_not_pytests(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester
) -> None:
    """A plugin's own may move the cursor as it likes."""
    pytester.makeconftest(
        TERMINAL
        + """
class Another(pytest.TerminalReporter):
    pass

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    former = config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(Another(config), "terminalreporter")
"""
    )
    bench_file("healthy")
    result = bench()
    result.assert_outcomes(passed=1)
    assert "\b" not in str(result.stdout)


# In a log -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager")
def test_a_log_shows_nothing(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", extra=TWICE)
    written = str(bench().stdout)
    assert "\b" not in written
    assert "12 rounds in" not in written


def test_a_verbose_log_has_one_line_per_measurement(bench: Run, bench_file: BenchFile) -> None:
    """Below the test's own; of several in one test, each as soon as the next begins."""
    bench_file("healthy", "locked", extra=TWICE)
    assert after_the_name(bench("-v").outlines) == [
        "test_bench.py::test_healthy PASSED [ 33%]",
        "  test_healthy: 12 rounds in N s, speedup 4.00",
        "test_bench.py::test_locked FAILED [ 66%]",
        "  test_locked: 12 rounds in N s, speedup 0.89",
        "test_bench.py::test_twice ",
        "  test_twice: 15 rounds in N s, speedup 4.00",
        "test_bench.py::test_twice PASSED [100%]",
        "  test_twice#2: 15 rounds in N s, speedup 4.00",
    ]


def test_a_verbose_log_leaves_no_gap_between_tests(bench: Run, bench_file: BenchFile) -> None:
    bench_file("healthy", "locked", extra="def test_ordinary(): pass\n")
    assert [bool(line) for line in of_tests(bench("-v").outlines)] == [True] * 5 + [False]


def test_a_measurement_that_never_made_a_round_has_no_line(bench: Run, bench_file: BenchFile) -> None:
    bench_file(
        extra="""
def broken(): raise ValueError

def test_broken(cortex_bench):
    cortex_bench(sequential=broken, parallel=broken, workers=4)
"""
    )
    assert after_the_name(bench("-v").outlines) == ["test_bench.py::test_broken FAILED [100%]"]


# A real terminal ------------------------------------------------------------------------------------------------------

UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor
from pytest_cortex.plugin import progress

Monitor.watch = lambda _monitor: rounds.undisturbed()
progress._EVERY_S = 0.0
"""


def in_a_terminal(folder: Path, *arguments: str) -> tuple[str, int]:
    """Runs pytest in a pseudo-terminal of 90 columns; returns what it wrote, and its exit code."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 90))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], cwd=folder, stdin=its, stdout=its, stderr=subprocess.STDOUT
    )
    os.close(its)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how Linux says that nobody writes any more
        pass
    finally:
        os.close(ours)
    return written.decode(), process.wait()


@pytest.mark.usefixtures("subprocess_run")
def test_a_real_terminal_shows_it_and_keeps_nothing_of_it(
    pytester: pytest.Pytester, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    pytester.makeconftest(UNWATCHED)
    bench_file("healthy", "locked", extra="def test_ordinary(): print('caught')\n")
    written, status = in_a_terminal(pytester.path, "--cortex-bench")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "test_healthy: round 12 of at most 60, speedup 4.00, 1 s left" in written
    assert of_tests(screen(written))[0].split() == ["test_bench.py", ".F.", "[100%]"]
    assert "at most" not in "\n".join(screen(written)).partition("= FAILURES =")[0].partition("collected")[2]
