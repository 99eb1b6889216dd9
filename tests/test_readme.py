"""Everything the README shows is run: each block of code, each command, and each option it names."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ci_files import commands, parsed

from pytest_cortex.settings.options import OPTIONS
from pytest_cortex.settings.values import GATES

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
FILES = {
    match[1]: code for language, code in BLOCKS if language == "python" and (match := re.match(r"# (\w+\.py)\n", code))
}
IN_RECIPES = TEXT.partition("\n## Recipes\n")[2].partition("\n## ")[0]
RECIPES = {name: code for name, code in FILES.items() if code in IN_RECIPES}
TEST_FILES = {name: code for name, code in FILES.items() if name not in RECIPES}
SCRIPTS = [code for language, code in BLOCKS if language == "python" and code not in FILES.values()]
SHELL = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]
SET_UPS = [line for line in SHELL if "venv" in line]
IN_YAML = [
    command
    for language, code in BLOCKS
    if language == "yaml"
    for command in commands(parsed(code))
    if command.startswith("pytest ")
]
INLINE = re.findall(r"`(pytest -[^`]+)`", TEXT)
COMMANDS = list(dict.fromkeys([line for line in SHELL if line not in SET_UPS] + IN_YAML + INLINE))


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs *command* with the ``pytest`` of this environment."""
    if os.name == "nt":
        pytest.skip("the README's commands are for a POSIX shell")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("PYTEST_XDIST_WORKER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):  # this run is none of theirs
        environment.pop(name, None)
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project with the files that the README shows, and the workflow file that it mentions."""
    for name, code in TEST_FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    tasks = [{"id": name, "parents": parents} for name, parents in (("a", []), ("b", ["a"]), ("c", ["a"]))]
    times = [{"id": name, "runtimeInSeconds": 10.0} for name in "abc"]
    workflow = {"specification": {"tasks": tasks}, "execution": {"tasks": times}}
    (tmp_path / "montage.json").write_text(json.dumps({"workflow": workflow}), encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "benchmarks", tmp_path / "tests" / "benchmarks")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\nnorecursedirs = tests\n", encoding="utf-8")
    return tmp_path


def test_readme_shows_what_this_file_runs() -> None:
    """Guards the patterns above: a README that they no longer match would be tested by nothing."""
    assert len(TEST_FILES) == 4
    assert len(RECIPES) == 7
    assert len(SCRIPTS) == 3
    assert len(SET_UPS) == 2
    assert len(COMMANDS) >= 6


@pytest.mark.slow
def test_readme_test_files_pass(project: Path) -> None:
    done = in_shell(
        "pytest --cortex-bench --cortex-module-duration=0.01 --cortex-min-efficiency=0.3 --cortex-time-budget=2",
        project,
    )
    assert done.returncode == 0, done.stdout
    assert (project / "reports" / "cortex.json").exists()


# Recipes --------------------------------------------------------------------------------------------------------------


# So that every round counts, and a busy machine needs no more of them than a quiet one.
UNWATCHED = """
from pytest_cortex.measuring import rounds
from pytest_cortex.measuring.interference import Monitor

Monitor.watch = lambda _monitor: rounds.undisturbed()
"""


def missing_in(code: str) -> list[str]:
    """Libraries that *code* imports and that are not installed."""
    names = re.findall(r"^(?:from|import) (\w+)", code, flags=re.MULTILINE)
    return [name for name in names if f"{name}.py" not in RECIPES and importlib.util.find_spec(name) is None]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What all recipes measured whose libraries are installed, by the name of their files."""
    folder = tmp_path_factory.mktemp("recipes")
    for name, code in RECIPES.items():
        if not missing_in(code):
            (folder / name).write_text(code, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (folder / "conftest.py").write_text(UNWATCHED, encoding="utf-8")
    done = in_shell("pytest --cortex-bench -p no:asyncio -p no:anyio", folder)
    assert done.returncode == 0, done.stdout
    document = json.loads((folder / "reports" / "cortex.json").read_text(encoding="utf-8"))
    return {each["test"].partition("::")[0]: each for each in document["measurements"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("test_")])
def test_readme_recipe_measures_what_it_says(name: str, measured: dict[str, dict[str, Any]]) -> None:
    """Eight waits of 5 ms, one after the other and four at once, cannot take less; how much more is the machine's."""
    if missing := missing_in(RECIPES[name]):
        pytest.skip(f"{', '.join(missing)} is not installed; the extra dev has it")
    one = measured[name]
    assert (one["workers"], one["error"], one["warnings"]) == (4, None, [])
    assert one["sequential_s"] >= 8 * 0.005
    assert one["parallel_s"] >= 2 * 0.005


# The rest -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", SCRIPTS)
def test_readme_script_runs(code: str, tmp_path: Path) -> None:
    """In a folder with the reports of a run."""
    shutil.copytree(ROOT / "reports" / "example", tmp_path / "reports")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_runs(command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On real time, with the README's own limits, so as a user would see it; only the many rounds are cut short."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--cortex-time-budget=2")
    done = in_shell(command, project)
    assert done.returncode == 0, done.stdout
    assert "reports: " in done.stdout


@pytest.mark.slow
def test_readme_first_command_sets_itself_up(tmp_path: Path) -> None:
    """In a fresh copy of the repository, with nothing installed."""
    clone = tmp_path / "clone"
    ignored = shutil.ignore_patterns(".git", ".venv*", "build", "dist", ".*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, clone, ignore=ignored)
    done = in_shell(SET_UPS[0], clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (clone / "reports" / "summary.md").exists()


def test_readme_second_command_is_what_ci_runs() -> None:
    """It cannot run itself; CI runs it, word for word."""
    assert SET_UPS[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_readme_names_every_option_and_no_other() -> None:
    named = set(re.findall(r"--cortex-[a-z-]+", TEXT))
    assert named == {option.flag for option in OPTIONS}


@pytest.mark.parametrize(
    "name",
    [
        "cortex_bench",
        "cortex_scenario",
        "cortex_small",
        "cortex_medium",
        "cortex_large",
        "cortex_limited_workers",
        *GATES,
    ],
)
def test_readme_names_every_fixture_and_gate(name: str) -> None:
    assert name in TEXT
