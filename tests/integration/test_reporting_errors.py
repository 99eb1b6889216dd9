"""What goes wrong in reporting is a line at the end, and never changes a verdict or the exit code."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_cortex import reporting
from pytest_cortex.baselines.comparison import Baselines
from pytest_cortex.history.keeping import History
from pytest_cortex.reporting import writing

Run: TypeAlias = Callable[..., pytest.RunResult]
BenchFile: TypeAlias = Callable[..., Path]
Record: TypeAlias = Callable[[], dict[str, Any]]


def exploding(*_: object, **__: object) -> Any:
    raise RuntimeError("no ink")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes every file that is written by us fail: ``disk(errno.ENOSPC)`` really writes to a device that is full."""
    original = Path.open

    def make(number: int) -> None:
        def open_(path: Path, mode: str = "r", *arguments: Any, **keywords: Any) -> Any:
            if mode != "xb":
                return original(path, mode, *arguments, **keywords)
            if number != errno.ENOSPC:
                raise OSError(number, os.strerror(number))
            path.touch(exist_ok=False)
            return original(Path("/dev/full"), "wb")

        monkeypatch.setattr(Path, "open", open_)

    return make


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_a_disk_that_takes_nothing_changes_no_exit_code(
    bench: Run,
    bench_file: BenchFile,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    disk: Callable[[int], None],
    number: int,
) -> None:
    """Every file is named, reports, history and baseline alike, and nothing half-written stays behind."""
    monkeypatch.setattr(reporting, "write", writing.write)
    monkeypatch.setattr(writing, "_MAKERS", {name: lambda _session: b"data" for name in ("cortex.json", "a.svg")})
    bench_file("healthy")
    disk(number)
    result = bench("--cortex-history", "--cortex-save=main")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1)
    why = os.strerror(number)
    result.stdout.fnmatch_lines(
        [
            *(f"*{name} was not written: *{why}*" for name in ("cortex.json", "a.svg", "summary.md")),
            f"baseline file *it cannot be written (*{why}*",
            f"history: this run was not saved in '*history': *{why}*",
            "reports: *",
        ]
    )
    left = [path for folder in ("reports", ".cortex") for path in (pytester.path / folder).rglob("*")]
    assert [path for path in left if path.is_file()] == []


def test_a_failed_gate_fails_the_run_also_where_nothing_can_be_written(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "write", exploding)
    bench_file("locked")
    result = bench()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["the reports were not written: RuntimeError: no ink", "reports: *"])


@pytest.mark.parametrize(
    ("owner", "name", "options", "note"),
    [
        (reporting, "write", (), "the reports were not written: RuntimeError: no ink"),
        (reporting, "lines", (), "the table cannot be shown: RuntimeError: no ink"),
        (Baselines, "save", ("--cortex-save",), "no baseline was saved: RuntimeError: no ink"),
        (History, "keep", ("--cortex-history",), "there is no history: RuntimeError: no ink"),
    ],
    ids=["write", "lines", "save", "keep"],
)
def test_an_error_that_nobody_foresaw_is_a_line_and_no_failure(
    bench: Run,
    bench_file: BenchFile,
    monkeypatch: pytest.MonkeyPatch,
    *,
    owner: object,
    name: str,
    options: tuple[str, ...],
    note: str,
) -> None:
    monkeypatch.setattr(owner, name, exploding)
    bench_file("healthy")
    result = bench(*options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([note, "reports: *"])


def test_a_record_that_cannot_be_made_is_a_line_and_no_failure(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    from pytest_cortex.bench.session import BenchSession  # noqa: PLC0415 - what the run imports anyway

    monkeypatch.setattr(BenchSession, "record", exploding)
    bench_file("healthy")
    result = bench()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["there are no reports: RuntimeError: no ink"])
    result.stdout.no_fnmatch_line("reports: *")
    assert not (pytester.path / "reports").exists()


def test_a_cache_that_cannot_be_written_is_no_failure_though_warnings_are_errors(
    bench: Run, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_(_cache: object, key: str, _value: object) -> None:
        if key.startswith("cortex/"):
            raise pytest.PytestCacheWarning("cache could not write path")

    monkeypatch.setattr(pytest.Cache, "set", set_)
    bench_file("healthy")
    result = bench("-W", "error")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["how often gates were INCONCLUSIVE was not kept: PytestCacheWarning: *", "reports: *"])


def test_a_broken_file_in_the_history_is_named_and_stays(
    bench: Run, bench_file: BenchFile, pytester: pytest.Pytester, record: Record, spread: tuple[str, ...]
) -> None:
    broken = pytester.path / "runs" / "20260101T120000Z-0123456789abcdef.json"
    broken.parent.mkdir()
    broken.write_text("half of i")
    bench_file("healthy")
    result = bench("--cortex-history=runs", *spread)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [f"history: '{broken}' was skipped: this is no JSON *", "history: this run was saved, 1 *"]
    )
    assert broken.read_text() == "half of i"
    assert [len(series["points"]) for series in record()["history"]] == [1]
