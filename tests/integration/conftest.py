"""Runs of pytest inside tests: in this process where that is enough, because it is five times as fast."""

from __future__ import annotations

import json
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import pytest_cortex.bench.session  # noqa: F401 - imported here, it is not imported anew by every run inside this process
from pytest_cortex import reporting
from pytest_cortex.bench import allowance
from pytest_cortex.measuring import interference, machine, rounds
from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting import Written, document, write_atomically

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]

ARMS = Path(__file__).with_name("arms.py")
UNDISTURBED = Path(__file__).with_name("undisturbed.py")

CI_VARIABLES = ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")
"""What tells pytest that nobody is watching, so that its last lines are as long as can be, and us where to report."""

OTHERS = {
    "anyio": "anyio",
    "asyncio": "pytest_asyncio",
    "benchmark": "pytest_benchmark",
    "codspeed": "pytest_codspeed",
    "hypothesispytest": "hypothesis",
    "pytest_cov": "pytest_cov",
    "randomly": "pytest_randomly",
    "rerunfailures": "pytest_rerunfailures",
    "timeout": "pytest_timeout",
}
"""Plugins that may be there, by the name pytest has for them, with the package that must be there for them."""

SWEEPERS = "-p no:unraisableexception -p no:threadexception"
"""Parts of pytest that would collect garbage five times after every run; those of the outer run see the same."""


def without_others(*wanted: str) -> str:
    """Options that leave out plugins: most play no part here, and take longer to import than the runs take."""
    return " ".join([SWEEPERS, *(f"-p no:{name}" for name in OTHERS if name not in wanted)])


WITHOUT = without_others()

BENCH_TEST = """
@pytest.mark.cortex(min_speedup=3)
def test_{arm}(cortex_bench):
    cortex_bench(sequential=serial, parallel={arm}, workers=4)
"""


@pytest.fixture(autouse=True)
def without_ci_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs inside tests print the same on a developer's machine and in CI."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def write_record(session: SessionRecord, directory: Path, *, but: Collection[str] = ()) -> Written:
    """Stands in for the reports in most runs, since drawing takes longer than all the rest."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "cortex.json"
    write_atomically(path, document.encode(session))
    return Written(paths=(path,), problems=())


@pytest.fixture(params=[pytest.param((), id="serial"), pytest.param(("-n2",), id="xdist", marks=pytest.mark.slow)])
def spread(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """A run in one process, and one that pytest-xdist spreads over two workers."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture(params=[(), ("-n1",)], ids=["serial", "xdist"])
def spread_to_one(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The same with one worker, which starts sooner, for what takes no second one."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture(params=[(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["serial", "xdist"])
def spread_if_slow(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The same, where what a worker could change is unlikely to change."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture
def subprocess_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest in a process of its own, and draws everything."""
    monkeypatch.setenv("PYTEST_ADDOPTS", WITHOUT)
    return pytester.runpytest_subprocess


@pytest.fixture
def apart(subprocess_run: Run, pytester: pytest.Pytester) -> Run:
    """Runs ``pytest --cortex-bench`` in a process of its own, disturbed by nothing; draws nothing."""
    shutil.copy(UNDISTURBED, pytester.path)

    def run_apart(*arguments: str) -> pytest.RunResult:
        return subprocess_run("-p", "undisturbed", "--cortex-bench", *arguments)

    return run_apart


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets other plugins take part in the runs that follow: ``beside("timeout")``; skips the test without them."""

    def let_in(*plugins: str) -> None:
        for plugin in plugins:
            pytest.importorskip(OTHERS[plugin], reason=f"{OTHERS[plugin]} is not installed, so nothing runs beside it")
        monkeypatch.setenv("PYTEST_ADDOPTS", without_others(*plugins))

    return let_in


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest in this process, which is the controller where there are workers; draws nothing."""
    monkeypatch.setattr(machine, "active_tracer", lambda: None)  # a coverage run's tracer must not decide anything
    monkeypatch.setattr(rounds, "time", time)  # what ``arms`` puts in its place goes away with the test
    monkeypatch.setattr(allowance, "time", time)  # the same
    monkeypatch.setattr(reporting, "write", write_record)
    monkeypatch.setattr(interference.Monitor, "watch", lambda _monitor: rounds.undisturbed())
    monkeypatch.setenv("PYTEST_ADDOPTS", WITHOUT)
    shutil.copy(ARMS, pytester.path)
    return pytester.runpytest_inprocess


@pytest.fixture
def bench(run: Run) -> Run:
    """Runs ``pytest --cortex-bench``."""

    def run_bench(*arguments: str, **options: bool) -> pytest.RunResult:
        return run("--cortex-bench", *arguments, **options)

    return run_bench


@pytest.fixture
def bench_file(pytester: pytest.Pytester) -> BenchFile:
    """Writes ``arms`` and a file with one bench test per program of ``arms``, ``bench_file("healthy", "locked")``.

    Each has the limit 3; ``healthy`` has a speedup of 4, ``locked`` one below 1, ``unsteady`` now this and now that.
    """

    def write(*arms: str, extra: str = "", name: str = "test_bench") -> Path:
        shutil.copy(ARMS, pytester.path)
        source = "import pytest\nfrom arms import *\n" + "".join(BENCH_TEST.format(arm=arm) for arm in arms) + extra
        return pytester.makepyfile(**{name: source})

    return write


@pytest.fixture
def record(pytester: pytest.Pytester) -> Callable[[], dict[str, Any]]:
    """Reads what the last run wrote."""

    def read(folder: str = "reports") -> dict[str, Any]:
        text = (pytester.path / folder / "cortex.json").read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
        return document

    return read


@pytest.fixture
def junit(pytester: pytest.Pytester) -> Callable[[], dict[str, ET.Element]]:
    """Reads ``junit.xml``: test cases by name."""

    def read() -> dict[str, ET.Element]:
        root = ET.parse(pytester.path / "junit.xml").getroot()  # noqa: S314 - pytest has just written it
        return {case.attrib["name"]: case for case in root.iter("testcase")}

    return read


@pytest.fixture
def notes(pytester: pytest.Pytester) -> Callable[[], list[tuple[str, str]]]:
    """Reads what tests noted with ``arms.note``: words and process ids, in order."""

    def read() -> list[tuple[str, str]]:
        file = pytester.path / "notes.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [(word, process) for word, _space, process in (line.partition(" ") for line in lines)]

    return read
