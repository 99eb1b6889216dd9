"""With every version of pytest, and every Python found here, that is supported: each in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import pytest_cortex

BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]
Run: TypeAlias = Callable[..., pytest.RunResult]

ROOT = Path(__file__).parents[2]
PYTESTS = ("8.4", "9.0", "9.1", "9.2")
PYTHONS = ("3.12", "3.13")
SHARED = ("pytest-cortex", "pytest-xdist", "pluggy", "pandas", "matplotlib", "psutil")
"""Distributions whose folders an environment for another pytest shares with this one."""

STRICT = ("-W", "error", "--strict-markers", "--strict-config")

pytestmark = pytest.mark.slow


def succeeds(*command: str | Path) -> str | None:
    """Runs *command*; returns None, or the last thing it said if it failed."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False)
    return None if done.returncode == 0 else (done.stderr or done.stdout or str(done.returncode)).strip()[-200:]


def interpreter_of(environment: Path) -> Path:
    return environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def environment_with_pytest(version: str, folder: Path) -> Path:
    """Makes an environment with another pytest and everything else of this one; returns its interpreter."""
    venv.create(folder, with_pip=False)
    here = {str(metadata.distribution(name).locate_file("")) for name in SHARED}
    here.add(str(Path(pytest_cortex.__file__).parents[1]))  # where it is installed as a link to its sources
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (packages / "shared.pth").write_text("\n".join(sorted(here)), encoding="utf-8")
    python = interpreter_of(folder)
    wanted = f"pytest=={version}.*"
    pip = (sys.executable, "-m", "pip", "--python", python, "--retries", "1")
    problem = succeeds(*pip, "install", "--quiet", "--no-deps", wanted)
    if problem:
        pytest.skip(f"{wanted} cannot be installed here: {problem}")
    return python


def interpreter(version: str) -> Path | None:
    """Finds another Python; what pyenv puts on the PATH may be a stand-in that runs none."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    if on_path is not None:
        candidates.insert(0, Path(on_path))
    return next((each for each in candidates if succeeds(each, "-c", "pass") is None), None)


def environment_with_python(version: str, folder: Path) -> Path:
    """Makes an environment of another Python with the project installed; returns its interpreter."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        pytest.skip(f"Python {version} is the one that runs all the other tests")
    found = interpreter(version)
    if found is None:
        pytest.skip(f"no python{version} that runs is on the PATH, nor among the versions of pyenv")
    problem = succeeds(found, "-m", "venv", folder)
    if problem:
        pytest.skip(f"python{version} makes no environment: {problem}")
    python = interpreter_of(folder)
    needed = ["pytest-cov", *(each for each in metadata.requires("pytest-cortex") or () if "extra ==" not in each)]
    problem = succeeds(python, "-m", "pip", "--retries", "1", "install", "--quiet", *needed)
    if problem:
        pytest.skip(f"what the project needs cannot be installed for Python {version}: {problem}")
    assert succeeds(python, "-m", "pip", "install", "--quiet", "--no-deps", ROOT) is None
    return python


@pytest.fixture
def suite(apart: Run, bench_file: BenchFile, pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite with a test for each verdict and an ordinary one."""
    bench_file("healthy", "locked", "unsteady", extra="def test_ordinary(): pass")
    return pytester


def check(python: Path, suite: pytest.Pytester, record: Record, *options: str) -> None:
    """Idle, measuring, and measuring beside workers: no warning, and every verdict what it should be."""
    suite.run(python, "-m", "pytest", *STRICT, *options).assert_outcomes(passed=1, skipped=3)
    for spread in ((), ("-n2",)):
        measuring = ("-p", "undisturbed", "--cortex-bench", *spread)
        result = suite.run(python, "-m", "pytest", *STRICT, *options, *measuring)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert result.parseoutcomes() == {"passed": 2, "failed": 1, "inconclusive": 1}
        found = {each["name"]: each["outcome"] for each in record()["measurements"]}
        assert found == {"test_healthy": "PASS", "test_locked": "FAIL", "test_unsteady": "INCONCLUSIVE"}


@pytest.mark.parametrize("version", PYTESTS)
def test_every_supported_pytest_shows_every_verdict(
    suite: pytest.Pytester, record: Record, tmp_path: Path, version: str
) -> None:
    python = environment_with_pytest(version, tmp_path / "environment")
    suite.run(python, "-m", "pytest", "--version").stdout.fnmatch_lines([f"pytest {version}.*"])
    check(python, suite, record)


@pytest.mark.parametrize("version", PYTHONS)
def test_every_supported_python_shows_every_verdict(
    suite: pytest.Pytester,
    record: Record,
    beside: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: str,
) -> None:
    """From 3.12 on also under coverage by ``sys.monitoring``, which hears of each line once and is out of the way."""
    python = environment_with_python(version, tmp_path / "environment")
    check(python, suite, record)
    beside("pytest_cov")
    monkeypatch.setenv("COVERAGE_CORE", "sysmon")
    check(python, suite, record, "--cov=test_bench")
