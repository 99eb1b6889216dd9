"""The recipes of the README and this repository's own workflows: they parse, and what they name exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ci_files import EXPRESSION, arguments_of_pytest, commands, parsed, steps

from pytest_cortex.settings.options import OPTIONS

ROOT = Path(__file__).parent.parent
RECIPES = {
    name: parsed(text)
    for name, text in re.findall(
        r"^```yaml\n# (\S+).*?\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}
WORKFLOWS = {path.name: parsed(path.read_text("utf-8")) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
FILES = {**{f"README: {name}": recipe for name, recipe in RECIPES.items()}, **WORKFLOWS}
COMMANDS = sorted({command for document in FILES.values() for command in commands(document)})
PYTEST = [arguments for command in COMMANDS if (arguments := arguments_of_pytest(command)) is not None]
MEASURING = [arguments for arguments in PYTEST if "--cortex-bench" in arguments]


def test_the_files_are_found() -> None:
    """Guards the patterns above: what they do not find is tested by nothing."""
    assert set(RECIPES) == {".github/workflows/bench.yml", ".gitlab-ci.yml"}
    assert set(WORKFLOWS) == {"bench.yml", "tests.yml"}
    assert len(MEASURING) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_exists(command: str) -> None:
    assert set(re.findall(r"--cortex-[a-z-]+", command)) <= {option.flag for option in OPTIONS}


@pytest.mark.parametrize("arguments", PYTEST, ids=" ".join)
def test_pytest_takes_the_arguments(arguments: list[str], pytester: pytest.Pytester) -> None:
    """All plugins read and check theirs, as at the beginning of a run."""
    pytester.makeini("[pytest]\nmarkers = slow: as here")
    pytester.parseconfigure("-p", "no:asyncio", *arguments)  # which would warn of an option that nobody here needs


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="no shell to ask")
def test_a_shell_can_read_every_command() -> None:
    script = "\n".join(EXPRESSION.sub("x", command) for command in COMMANDS)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("document", FILES.values(), ids=FILES)
def test_nothing_is_fetched_from_an_address_in_the_file(document: dict[str, Any]) -> None:
    assert "://" not in str(document)
    assert not re.findall(r"--(?:extra-)?index-url|\s-i\s", str(document))


# The baseline ---------------------------------------------------------------------------------------------------------


def baseline_names(arguments: list[str]) -> tuple[str | None, str | None]:
    """What is compared with, and what is saved."""
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    return named.get("--cortex-compare"), named.get("--cortex-save")


@pytest.mark.parametrize("name", ["README: .github/workflows/bench.yml", "README: .gitlab-ci.yml", "bench.yml"])
def test_every_run_compares_and_only_main_saves(name: str) -> None:
    """A pull request that saved its own speed would be compared with itself the next time."""
    runs = [arguments for command in commands(FILES[name]) if (arguments := arguments_of_pytest(command)) is not None]
    assert [baseline_names(arguments) for arguments in runs] == [("main", None), ("main", "main")]


@pytest.mark.parametrize("document", [RECIPES[".github/workflows/bench.yml"], WORKFLOWS["bench.yml"]])
def test_github_restores_the_latest_baseline_and_keeps_what_main_saved(document: dict[str, Any]) -> None:
    found = {step["uses"].split("@")[0]: step for step in steps(document, "bench") if "uses" in step}
    restore, save = found["actions/cache/restore"], found["actions/cache/save"]
    assert restore["with"]["path"] == save["with"]["path"] == ".cortex/baselines"
    assert restore["with"]["key"] == save["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert "github.event_name == 'push'" in save["if"]
    assert document["on"]["push"] == {"branches": ["main"]}


def test_gitlab_lets_merge_requests_read_the_baseline_and_main_write_it() -> None:
    merge_request, main = RECIPES[".gitlab-ci.yml"]["bench"], RECIPES[".gitlab-ci.yml"]["bench-main"]
    assert merge_request["cache"]["paths"] == [".cortex/baselines"]
    assert (merge_request["cache"]["policy"], main["cache"]["policy"]) == ("pull", "pull-push")
    assert merge_request["cache"]["unprotect"] is True
    assert main["extends"] == "bench"
    assert "merge_request_event" in merge_request["rules"][0]["if"]
    assert main["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]


def test_our_own_bench_job_is_the_recipe() -> None:
    """What people are told to use is used."""

    def without_files(step: dict[str, Any]) -> dict[str, Any]:
        return {key: re.sub(r" tests/\S+", "", value) if key == "run" else value for key, value in step.items()}

    ours, recipe = WORKFLOWS["bench.yml"], RECIPES[".github/workflows/bench.yml"]
    assert [without_files(step) for step in steps(ours, "bench")] == steps(recipe, "bench")
    assert ours["on"] == recipe["on"]


# Our own tests --------------------------------------------------------------------------------------------------------


def test_the_matrix_has_every_system_and_every_version_promised() -> None:
    matrix = WORKFLOWS["tests.yml"]["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "windows-latest", "macos-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14", "3.14t"]
    assert [each["pytest"] for each in matrix["include"]] == ["==8.4.*", "==9.0.*", "==9.1.*", "==9.2.*"]
    assert {(each["os"], each["python"]) for each in matrix["include"]} == {("ubuntu-latest", "3.12")}


def test_what_ci_checks_on_one_machine_is_checked_there_too() -> None:
    here = {line.removeprefix(".venv/bin/") for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()}
    assert {"pytest -m slow", "ruff check", "ruff format --check", "mypy", "lint-imports"} <= here
    assert {"pytest -m slow", "ruff check", "ruff format --check", "mypy", "lint-imports"} <= set(COMMANDS)


@pytest.mark.parametrize("document", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_may_only_read(document: dict[str, Any]) -> None:
    assert document["permissions"] == {"contents": "read"}
