"""What a project asks of every run of pytest, wherever it is written, and what coverage.py would do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cortex.command.project import (
    AddedOptions,
    added_options,
    coverage_core,
    measured_coverage,
    why_not_loaded,
)


def added(origin: str, *words: str) -> AddedOptions:
    return AddedOptions(origin=origin, words=words)


# Options that nobody types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytest.ini", "[pytest]\naddopts = --cov -k 'a b'"),
        (".pytest.ini", "[pytest]\naddopts =\n    --cov\n    -k 'a b'"),
        ("tox.ini", "[tox]\nx = 1\n[pytest]\naddopts = --cov -k 'a b'"),
        ("setup.cfg", "[metadata]\nversion = %(x)s\n[tool:pytest]\naddopts = --cov -k 'a b'"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"--cov -k 'a b'\""),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["--cov", "-k", "a b"]'),
        ("pyproject.toml", '[tool.pytest]\naddopts = ["--cov", "-k", "a b"]'),
        ("pytest.toml", '[pytest]\naddopts = ["--cov", "-k", "a b"]'),
        (".pytest.toml", '[pytest]\naddopts = ["--cov", "-k", "a b"]'),
    ],
)
def test_options_are_found_in_every_file_that_pytest_reads(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert added_options(tmp_path, {}) == (added(name, "--cov", "-k", "a b"),)


def test_file_that_pytest_prefers_hides_the_others(tmp_path: Path) -> None:
    """An empty pytest.ini counts, and so does a section without options."""
    (tmp_path / "tox.ini").write_text("[pytest]\naddopts = --cov", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("", encoding="utf-8")
    assert added_options(tmp_path, {}) == (added("pytest.ini"),)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[project]\nname = 'x'"),
        ("pyproject.toml", "not TOML at all ["),
        ("pyproject.toml", "tool = 3"),
        ("tox.ini", "[tox]"),
        ("setup.cfg", "no section here"),
    ],
)
def test_file_that_says_nothing_of_pytest_is_passed_over(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "below").mkdir()
    assert [each for each in added_options(tmp_path / "below", {}) if each.origin == name] == []


def test_options_are_found_from_a_folder_below(tmp_path: Path) -> None:
    below = tmp_path / "tests" / "bench"
    below.mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -x", encoding="utf-8")
    assert added_options(below, {}) == (added("pytest.ini", "-x"),)


def test_environment_comes_last(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -x", encoding="utf-8")
    assert added_options(tmp_path, {"PYTEST_ADDOPTS": "--no-cov -q"}) == (
        added("pytest.ini", "-x"),
        added("PYTEST_ADDOPTS", "--no-cov", "-q"),
    )


# What stands in the way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("-p", "no:cortex"), ("-pno:cortex",)])
def test_plugin_that_is_kept_out_says_by_whom(words: tuple[str, ...]) -> None:
    assert why_not_loaded([added("tox.ini", "-x", *words)], {}) == (
        "tox.ini has -p no:cortex, which keeps this plugin out: take it away"
    )


def test_plugin_is_loaded_when_nobody_keeps_it_out() -> None:
    assert why_not_loaded([added("tox.ini", "-p", "no:randomly", "--strict")], {}) is None


@pytest.mark.parametrize(
    ("words", "loaded"), [((), False), (("-p", "cortex"), True), (("-ppytest_cortex.plugin",), True)]
)
def test_plugins_that_nobody_loads_by_themselves_are_asked_for(words: tuple[str, ...], *, loaded: bool) -> None:
    why = why_not_loaded([added("tox.ini", *words)], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert (why is None) is loaded
    assert loaded or "unset it, or add -p cortex" in str(why)


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ([], None),
        ([added("tox.ini", "-x")], None),
        ([added("tox.ini", "--cov=src", "-x")], "tox.ini"),
        ([added("tox.ini", "--cov"), added("PYTEST_ADDOPTS", "--no-cov")], None),
        ([added("tox.ini", "--no-cov"), added("PYTEST_ADDOPTS", "--cov")], "PYTEST_ADDOPTS"),
        ([added("tox.ini", "--cov-report=html")], None),
    ],
)
def test_coverage_is_measured_when_the_last_word_says_so(given: list[AddedOptions], origin: str | None) -> None:
    assert measured_coverage(given) == origin


# coverage.py ----------------------------------------------------------------------------------------------------------


def installed(monkeypatch: pytest.MonkeyPatch, *, configured: str | None = None, version: Any = (7, 10, 0)) -> None:
    """Puts a coverage.py in place whose configuration asks for a core."""

    class Coverage:
        def get_option(self, name: str) -> str | None:
            assert name == "run:core"
            return configured

    monkeypatch.setitem(sys.modules, "coverage", SimpleNamespace(Coverage=Coverage, version_info=version))


@pytest.mark.parametrize(
    ("python", "version", "core"),
    [
        ((3, 11), (7, 10, 0), "ctrace"),
        ((3, 13), (7, 10, 0), "ctrace"),
        ((3, 14), (7, 10, 0), "sysmon"),
        ((3, 14), (7, 9, 0), "ctrace"),
    ],
)
def test_core_nobody_asked_for_is_the_default(
    monkeypatch: pytest.MonkeyPatch, python: tuple[int, ...], version: tuple[int, ...], core: str
) -> None:
    installed(monkeypatch, version=version)
    assert coverage_core({}, python) == core


@pytest.mark.parametrize(
    ("configured", "environ", "python", "core"),
    [
        ("sysmon", {}, (3, 12), "sysmon"),
        ("sysmon", {}, (3, 11), "ctrace"),
        ("sysmon", {"COVERAGE_CORE": "ctrace"}, (3, 14), "ctrace"),
        (None, {"COVERAGE_CORE": "pytrace"}, (3, 11), "pytrace"),
        (None, {"COVERAGE_CORE": "sysmon"}, (3, 13), "sysmon"),
    ],
)
def test_core_that_is_asked_for_is_taken_if_this_python_has_it(
    monkeypatch: pytest.MonkeyPatch,
    configured: str | None,
    environ: dict[str, str],
    python: tuple[int, ...],
    core: str,
) -> None:
    installed(monkeypatch, configured=configured)
    assert coverage_core(environ, python) == core


def test_core_is_none_without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coverage", None)
    assert coverage_core({}) is None


def test_core_of_the_coverage_that_is_installed_is_a_known_one() -> None:
    pytest.importorskip("coverage")
    assert coverage_core({}) in {"ctrace", "pytrace", "sysmon"}
