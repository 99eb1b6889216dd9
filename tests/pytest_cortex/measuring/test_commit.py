"""Which commit was measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_cortex.measuring import commit as commit_module
from pytest_cortex.measuring.commit import commit

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on the branch ``work``."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set where tests are run by one of git's hooks
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "checkout", "--quiet", "-b", "work")
    (folder / "file").write_text("one\n")
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@needs_git
def test_it_is_told_with_its_times_and_branch(repository: Path) -> None:
    found = commit(repository)
    assert found is not None
    assert found["id"] == git(repository, "rev-parse", "HEAD")
    assert (found["branch"], found["project"], found["dirty"]) == ("work", "project", False)
    assert found["time"] == git(repository, "log", "-1", "--format=%cI")
    assert json.loads(json.dumps(found)) == found


@needs_git
def test_a_change_since_makes_it_dirty_and_an_unknown_file_does_not(repository: Path) -> None:
    """A run writes its reports into the project; that changes nothing of what was measured."""
    (repository / "unknown").write_text("new\n")
    found = commit(repository)
    assert found is not None
    assert found["dirty"] is False
    (repository / "file").write_text("two\n")
    found = commit(repository)
    assert found is not None
    assert found["dirty"] is True


@needs_git
def test_a_folder_inside_is_at_the_same_commit(repository: Path) -> None:
    (repository / "inside").mkdir()
    assert commit(repository / "inside") == commit(repository)


def test_outside_a_repository_git_is_not_even_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> str:
        raise AssertionError("asked")

    monkeypatch.setattr(commit_module, "_git", refuse)
    assert commit(tmp_path) is None


@needs_git
def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert commit(tmp_path) is None


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10), subprocess.CalledProcessError(1, "git")]
)
def test_where_git_gives_no_answer_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(subprocess, "run", fail)
    assert commit(tmp_path) is None
