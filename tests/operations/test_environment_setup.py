"""The built-in operation ``environment_setup``: true facts, one file, no hanging, and everything undone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import (
    ModuleContext,
    Operation,
    OperationExecutionReport,
    Phase,
    RollbackStatus,
    SkipReason,
    Status,
    execute_operation,
    module,
    plan,
)
from orchestrator.operations import machine, project
from orchestrator.operations.environment_setup import ENVIRONMENT_SETUP

PYPROJECT = """
[project]
name = "example"
dependencies = ["PyTest>=8", "no_such.Package", "not-here; python_version < '3'"]
[project.optional-dependencies]
extra = ["Hypo_thesis.Missing", "hypothesis"]
[tool.pytest.ini_options]
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A small project with dependencies, sources, tests, and folders that are none of its own."""
    root = tmp_path / "example"
    files = {
        "pyproject.toml": PYPROJECT,
        "package/code.py": "one = 1\ntwo = 2",
        "tests/test_code.py": "def test_one(): ...\n",
        ".hidden/secret.py": "1\n",
        "node_modules/thing/setup.py": "1\n",
        "env/pyvenv.cfg": "",
        "env/lib/installed.py": "1\n",
        "readme.txt": "no Python\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


Report: TypeAlias = OperationExecutionReport


def run(root: Path, profile: str = "standard", workers: int = 4, **context: object) -> Report:
    return execute_operation(
        "environment_setup",
        profile=profile,
        max_parallel_workers=workers,
        context={"project_root": root, **context},
    )


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def failure_of(name: str, report: Report) -> str:
    """The error of a module that failed first; what ran beside it may have been cancelled, or not."""
    result = report.module_results[name]
    assert result.status is Status.FAILED
    assert report.errors[0] is result.error
    return str(result.error)


# The operation as a whole


def test_groups_of_the_plan_when_standard() -> None:
    assert plan("environment_setup").groups == (
        ("project_validation", "python_runtime"),
        ("declared_dependencies", "machine_resources", "summary_target"),
        ("installed_packages", "source_files", "version_control"),
        ("test_layout",),
        ("summary",),
    )


def test_groups_of_the_plan_when_minimal() -> None:
    assert plan("environment_setup", "minimal").groups == (
        ("project_validation", "python_runtime"),
        ("summary_target",),
        ("summary",),
    )


def test_phases_of_the_modules() -> None:
    phases = [each.phase for each in ENVIRONMENT_SETUP.modules]
    assert phases == [Phase.PRE_VALIDATION] * 2 + [Phase.PREPARATION] * 3 + [Phase.PROCESSING] * 4 + [
        Phase.FINALIZATION
    ]


def test_modules_commit_what_they_promise(example: Path) -> None:
    report = run(example)
    for each in ENVIRONMENT_SETUP.modules:
        data = report.module_results[each.id].data
        assert data is None or set(data) == set(each.produces), each.id


@pytest.mark.parametrize("profile", ["minimal", "standard"])
def test_it_needs_no_context(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = execute_operation("environment_setup", profile=profile, max_parallel_workers=4)
    report.raise_for_failure()
    assert report.context["summary_path"] == tmp_path.resolve() / ".cortex" / "environment_setup.json"


@pytest.mark.parametrize("kind", [str, Path])
def test_project_root_may_be_text_or_path(kind: Callable[[Path], str | Path], example: Path) -> None:
    report = execute_operation("environment_setup", context={"project_root": kind(example)})
    assert report.context["project_validation"]["root"] == str(example.resolve())


@pytest.mark.parametrize("profile", ["minimal", "standard"])
def test_context_is_the_same_whatever_the_workers(profile: str, example: Path) -> None:
    """Apart from the free disk, which is somebody else's doing."""
    run(example, profile)  # so that both find a former summary
    alone, together = (dict(run(example, profile, workers).context) for workers in (1, 4))
    assert alone.pop("free_disk_bytes", None) is None or together.pop("free_disk_bytes") >= 0
    assert alone == together


@pytest.mark.parametrize("profile", ["minimal", "standard"])
def test_nothing_but_the_summary_is_written(profile: str, example: Path) -> None:
    before = files_below(example)
    run(example, profile).raise_for_failure()
    assert files_below(example) - before == {".cortex/environment_setup.json"}


def test_own_project_can_be_looked_at_without_touching_it(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    before = (root / ".cortex").exists()
    report = run(root, summary_path=tmp_path / "summary.json")
    report.raise_for_failure()
    assert report.context["project_validation"]["kind"] == "pyproject.toml"
    assert report.context["test_layout"]["pytest_configured_in"] == "pyproject.toml"
    assert (root / ".cortex").exists() is before


def test_import_is_cheap() -> None:
    """What only a running module needs is imported by it, not by whoever looks up an operation."""
    root = Path(project.__file__).parents[2]
    slow = "{'importlib.metadata', 'json', 'shutil', 'subprocess', 'tomllib'}"
    code = f"import sys; sys.path.insert(0, {str(root)!r}); old = {{*sys.modules}}; "
    code += f"import orchestrator.operations; print(sorted({slow} & ({{*sys.modules}} - old)))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# project_validation


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("pyproject.toml", ["pyproject.toml", "setup.py"]),
        ("setup.py", ["setup.py"]),
        ("plain", []),
    ],
)
def test_kind_of_project(kind: str, files: list[str], tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert run(tmp_path, "minimal").context["project_validation"]["kind"] == kind


def test_missing_root_fails_before_anything_is_written(tmp_path: Path) -> None:
    report = run(tmp_path / "nowhere")
    message = failure_of("project_validation", report)
    assert "nowhere" in message
    assert "give an existing folder" in message
    assert not files_below(tmp_path)


def test_root_that_is_a_file_fails(example: Path) -> None:
    assert "is not a folder" in failure_of("project_validation", run(example / "readme.txt"))


@pytest.mark.parametrize("nonsense", [5, None, "null\0character"])
def test_root_that_is_no_path_fails(nonsense: object) -> None:
    report = execute_operation("environment_setup", context={"project_root": nonsense})
    assert repr(nonsense) in failure_of("project_validation", report)


# python_runtime and machine_resources


def test_runtime_is_this_interpreter(tmp_path: Path) -> None:
    runtime = run(tmp_path, "minimal").context["python_runtime"]
    assert runtime["version"].startswith("{}.{}.{}".format(*sys.version_info[:3]))
    assert runtime["executable"] == sys.executable
    assert (runtime["virtual_environment"] is None) is (sys.prefix == sys.base_prefix)


def test_no_more_cpus_are_usable_than_there_are(tmp_path: Path) -> None:
    resources = run(tmp_path).context["machine_resources"]
    assert resources["cpus"] == os.cpu_count()
    assert resources["usable_cpus"] is None or 1 <= resources["usable_cpus"] <= resources["cpus"]


def cgroups(tmp_path: Path, membership: str, quotas: Mapping[str, str]) -> float | None:
    (tmp_path / "membership").write_text(membership)
    for folder, quota in quotas.items():
        (tmp_path / "mount" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mount" / folder / "cpu.max").write_text(quota)
    return machine.cgroup_cpus(tmp_path / "membership", tmp_path / "mount")


def test_smallest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    quotas = {"pod": "150000 100000\n", "pod/inner": "400000 100000\n", "other": "1 100000\n"}
    assert cgroups(tmp_path, "0::/pod/inner\n", quotas) == 1.5


def test_quota_of_the_root_group_counts(tmp_path: Path) -> None:
    assert cgroups(tmp_path, "0::/\n", {".": "50000 100000\n"}) == 0.5


@pytest.mark.parametrize("membership", ["0::/pod\n", "4:cpu:/pod\n", "0::/../../pod\n", ""])
def test_no_quota_when_none_can_be_read(membership: str, tmp_path: Path) -> None:
    assert cgroups(tmp_path, membership, {"pod": "max 100000\n"}) is None


# declared_dependencies and installed_packages


def test_declared_dependencies_are_listed(example: Path) -> None:
    declared = run(example).context["declared_dependencies"]
    assert declared["required"] == ["PyTest>=8", "no_such.Package", "not-here; python_version < '3'"]
    assert declared["optional"] == {"extra": ["Hypo_thesis.Missing", "hypothesis"]}
    assert not declared["dynamic"]


def test_missing_packages_are_named_in_normal_form(example: Path) -> None:
    installed = run(example).context["installed_packages"]
    assert installed["missing"] == ["no-such-package"]
    assert installed["missing_conditional"] == ["not-here"]
    assert installed["missing_optional"] == {"extra": ["hypo-thesis-missing"]}


def test_dynamic_dependencies_are_marked(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndynamic = ["version", "dependencies"]\n')
    assert run(tmp_path).context["declared_dependencies"]["dynamic"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (b"[project]\nname = \n", 2),
        (b"[project]\nname = 'x'\ndependencies = [", 3),
        (b"\n\n# caf\xe9\n", 3),
    ],
)
def test_broken_pyproject_names_file_and_line(broken: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(broken)
    place = f"{tmp_path.resolve() / 'pyproject.toml'}:{line}: "
    assert place in failure_of("declared_dependencies", run(tmp_path))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("project = 5", "[project] must be a table, not 5"),
        ("[project]\ndependencies = 'pytest'", "project.dependencies must be a list, not 'pytest'"),
        ("[project]\ndependencies = ['>=8']", "project.dependencies holds '>=8'"),
        ("[project.optional-dependencies]\ndev = [8]", "project.optional-dependencies.dev holds 8"),
        ("[project]\ndynamic = 5", "project.dynamic must be a list, not 5"),
    ],
)
def test_pyproject_with_the_wrong_content_says_where(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert complaint in failure_of("declared_dependencies", run(tmp_path))


def test_minimal_profile_does_not_mind_a_broken_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("broken")
    assert run(tmp_path, "minimal").success


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True)


@given(NAMES, st.sampled_from("-_."))
def test_spellings_of_a_name_are_one(name: str, separator: str) -> None:
    respelled = "".join(separator * 2 if letter in "-_." else letter.upper() for letter in name)
    assert project.requirement_name(f" {respelled}[extra] >= 1") == project.normalised(name)


# source_files and test_layout


def test_only_own_python_files_are_counted(example: Path) -> None:
    context = run(example).context
    assert context["python_paths"] == ("package/code.py", "tests/test_code.py")
    assert (context["source_files"]["files"], context["source_files"]["lines"]) == (2, 3)
    assert context["source_files"]["complete"]


def test_walk_does_not_follow_links_in_circles(example: Path) -> None:
    (example / "package" / "loop").symlink_to(example)
    assert run(example).context["source_files"]["files"] == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_not_waited_for(example: Path) -> None:
    """Opening a named pipe that nobody writes to would wait for ever."""
    os.mkfifo(example / "package" / "pipe.py")
    assert run(example).context["source_files"]["files"] == 2


@pytest.mark.parametrize(("limit", "expected"), [(2, (2, False)), (3, (3, True)), (4, (3, True))])
def test_walk_stops_at_limit(limit: int, expected: tuple[int, bool], tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.py").touch()
    walked = project.find_python_files(tmp_path, limit, lambda: None)
    assert (len(walked.paths), walked.complete) == expected


def test_walk_goes_on_over_folders_within_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "code.py").touch()
    assert not project.find_python_files(tmp_path, 2, lambda: None).complete
    assert project.find_python_files(tmp_path, 3, lambda: None).paths == ("a/b/code.py",)


def test_walk_goes_on_past_what_may_not_be_entered(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``/proc``, where even the administrator may not look into every folder."""

    def refuse(*arguments: object) -> None:
        raise PermissionError(*arguments)

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    assert "package/code.py" in project.find_python_files(example, 100, lambda: None).paths
    assert project.count_lines(example / "package" / "code.py", lambda: None) == 0


@pytest.mark.parametrize(
    ("content", "lines"),
    [(b"", 0), (b"\n", 1), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n" * 3_000_000, 3_000_000)],
)
def test_lines_are_counted_without_a_last_end(content: bytes, lines: int, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_bytes(content)
    assert project.count_lines(tmp_path / "code.py", lambda: None) == lines


FOLDERS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)


@settings(deadline=None, max_examples=50)  # a disk takes its time
@given(st.integers(0, 12), st.sets(FOLDERS, max_size=8))
def test_walk_finds_all_or_says_so(limit: int, folders: set[str]) -> None:
    """A finished walk has found every file; an unfinished one nothing else, and has looked at its limit."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / "code.py").touch()
        everything = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
        walked = project.find_python_files(root, limit, lambda: None)
        assert walked.complete is (len([*root.rglob("*")]) <= limit)
        assert set(walked.paths) <= set(everything)
        assert not walked.complete or len(walked.paths) == len(everything)


def test_walk_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    def cancelled() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.find_python_files(tmp_path, 10, cancelled)


def test_layout_of_tests(example: Path) -> None:
    layout = run(example).context["test_layout"]
    assert layout == {"test_files": 1, "folders": ["tests"], "pytest_configured_in": "pyproject.toml"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"tox.ini": "[tox]\n", "setup.cfg": "[metadata]\n"}, None),
        ({"tox.ini": "[tox]\n", "setup.cfg": "[tool:pytest]\n"}, "setup.cfg"),
        ({"tox.ini": "[pytest]\n", "setup.cfg": "[tool:pytest]\n"}, "tox.ini"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n", "tox.ini": "[pytest]\n"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n", "pytest.ini": ""}, "pytest.ini"),
    ],
)
def test_configuration_is_found_in_order(files: dict[str, str], expected: str | None, tmp_path: Path) -> None:
    """The order is pytest's own."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert run(tmp_path).context["test_layout"]["pytest_configured_in"] == expected


@pytest.mark.parametrize("path", ["test_a.py", "b/a_test.py"])
def test_tests_are_known_by_their_names(path: str) -> None:
    assert project.is_test_file(path)


@pytest.mark.parametrize("path", ["test_/a.py", "testing.py", "test_a.txt", "a_test/b.py"])
def test_other_files_are_no_tests(path: str) -> None:
    assert not project.is_test_file(path)


# version_control


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    environment = machine.git_environment(os.environ)
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)


@pytest.fixture
def repository(example: Path) -> Path:
    """The example, committed on the branch ``trunk``."""
    if shutil.which("git") is None:
        pytest.skip("there is no git program to ask")
    git(example, "init", "--initial-branch=trunk")
    git(example, "add", ".")
    git(example, "commit", "--message=all")
    return example


def test_clean_repository_stays_clean_although_the_summary_is_written(repository: Path) -> None:
    for _ in range(2):
        state = run(repository).context["version_control"]
        assert (state["branch"], state["dirty"]) == ("trunk", False)
        assert len(state["commit"]) == 40


def test_change_makes_a_repository_dirty(repository: Path) -> None:
    (repository / "new.txt").touch()
    assert run(repository).context["version_control"]["dirty"]


def test_detached_head_is_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    assert run(repository).context["version_control"]["branch"] is None


def test_looking_leaves_the_repository_alone(repository: Path) -> None:
    os.utime(repository / "readme.txt", (1, 1))  # git would like to note the other time in its index
    index = (repository / ".git" / "index").read_bytes()
    run(repository).raise_for_failure()
    assert (repository / ".git" / "index").read_bytes() == index


def test_repository_that_a_git_hook_works_on_is_not_taken_for_the_project(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "--initial-branch=other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert run(repository).context["version_control"]["branch"] == "trunk"


@pytest.mark.usefixtures("no_git")
def test_no_git_program_is_no_failure(example: Path) -> None:
    (example / ".git").mkdir()
    report = run(example)
    report.raise_for_failure()
    assert report.module_results["version_control"].skip_reason is SkipReason.CONDITION
    assert "version_control" not in report.context["summary"]


def test_no_repository_is_no_failure(example: Path) -> None:
    assert run(example).modules_skipped == ("version_control",)


def test_broken_repository_fails_only_its_optional_module(example: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git program to ask")
    (example / ".git").write_text("nonsense")
    report = run(example)
    assert report.success
    assert report.modules_failed == ("version_control",)
    assert "git status failed" in failure_of("version_control", report)


@pytest.mark.skipif(os.name == "nt", reason="the false git is a shell script")
def test_git_that_hangs_is_given_up(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(machine, "GIT_TIMEOUT_S", 0.1)
    (example / ".git").mkdir()
    report = run(example)
    assert report.success
    assert isinstance(report.module_results["version_control"].error, subprocess.TimeoutExpired)


# summary


def test_summary_holds_what_was_found(repository: Path) -> None:
    context = run(repository).context
    written = json.loads(context["summary_path"].read_bytes())
    assert written == context["summary"]
    inspecting = {each.id for each in ENVIRONMENT_SETUP.modules} - {"summary_target", "summary"}
    assert set(written) == {"operation", "schema_version"} | inspecting


def test_summary_of_the_minimal_profile_holds_less(example: Path) -> None:
    written = run(example, "minimal").context["summary"]
    assert list(written) == ["operation", "schema_version", "project_validation", "python_runtime"]


def test_summary_of_an_unchanged_project_does_not_change(repository: Path) -> None:
    paths = (run(repository, workers=workers).context["summary_path"] for workers in (1, 4))
    first, second = (path.read_bytes() for path in paths)
    assert first == second


def test_summary_overwrites_the_former_one(example: Path) -> None:
    run(example, "minimal")
    report = run(example)
    assert "source_files" in json.loads(report.context["summary_path"].read_bytes())


def test_summary_is_replaced_and_not_written_over(example: Path) -> None:
    """Whoever has the former file open goes on reading the former file, whole."""
    target = run(example, "minimal").context["summary_path"]
    former = target.read_bytes()
    (example / "opened").hardlink_to(target)
    run(example)
    assert (example / "opened").read_bytes() == former != target.read_bytes()


def test_write_that_fails_leaves_nothing_behind(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(*arguments)

    monkeypatch.setattr(Path, "replace", refuse)
    before = {*example.rglob("*")}
    assert run(example).modules_failed == ("summary",)
    assert {*example.rglob("*")} == before


def test_summary_path_may_lie_in_folders_yet_to_be_made(example: Path, tmp_path: Path) -> None:
    target = tmp_path / "one" / "two" / "summary.json"
    assert run(example, summary_path=str(target)).context["summary_path"] == target.resolve()
    assert target.is_file()
    assert not (example / ".cortex").exists()


@pytest.mark.parametrize(
    ("target", "complaint"),
    [("package", "not a regular file"), ("link", "not a regular file"), ("readme.txt/x", "not a folder")],
)
def test_summary_path_that_cannot_be_a_file_is_refused(target: str, complaint: str, example: Path) -> None:
    (example / "link").symlink_to(example / "readme.txt")
    report = run(example, summary_path=example / target)
    assert complaint in failure_of("summary_target", report)
    assert (example / "readme.txt").read_text() == "no Python\n"


def test_summary_path_that_is_no_path_is_refused(example: Path) -> None:
    report = run(example, summary_path=5)
    assert "summary_path must be a path, not 5" in failure_of("summary_target", report)


@module(phase=Phase.FINALIZATION, depends_on=["summary"])
def spoilsport(context: ModuleContext) -> None:
    raise RuntimeError("something after the summary")


def run_and_fail(context: Mapping[str, Any]) -> Report:
    spoiled = Operation("spoiled", [*ENVIRONMENT_SETUP.modules, spoilsport])
    report = execute_operation(spoiled, context=context)
    assert report.modules_failed == ("spoilsport",)
    assert report.rollback_results["summary"].status is RollbackStatus.ROLLED_BACK
    return report


@pytest.mark.parametrize("target", [".cortex/environment_setup.json", "one/two/summary.json"])
def test_rollback_removes_the_summary_and_its_folders(target: str, example: Path) -> None:
    before = {*example.rglob("*")}
    run_and_fail({"project_root": example, "summary_path": example / target})
    assert {*example.rglob("*")} == before


def test_rollback_brings_back_the_former_content(example: Path) -> None:
    target = example / ".cortex" / "environment_setup.json"
    target.parent.mkdir()
    target.write_bytes(b"former\xff")
    run_and_fail({"project_root": example})
    assert target.read_bytes() == b"former\xff"


def test_rollback_keeps_a_folder_that_others_use(example: Path) -> None:
    neighbour = example / ".cortex" / "neighbour"

    @module(phase=Phase.FINALIZATION, depends_on=["summary"])
    def spoilsport_and_neighbour(context: ModuleContext) -> None:
        neighbour.touch()
        raise RuntimeError("something after the summary")

    execute_operation(
        Operation("spoiled", [*ENVIRONMENT_SETUP.modules, spoilsport_and_neighbour]),
        context={"project_root": example},
    )
    assert [*neighbour.parent.iterdir()] == [neighbour]


def test_summary_that_fails_half_way_leaves_nothing(example: Path) -> None:
    """A fact that is no JSON value stops it after the folder was made."""
    before = {*example.rglob("*")}
    report = run(example, "minimal", source_files=object())
    assert report.modules_failed == ("summary",)
    assert {*example.rglob("*")} == before
