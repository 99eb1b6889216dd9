"""``pytest-cortex render``: the same files again, and the record that was read stays as it is."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import CONTENDER, EXPLAINED, MEASURED, SCALING, UNMEASURED, session, verdict

from pytest_cortex.command import main, render
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reading import load
from pytest_cortex.record import HistoryPoint, HistorySeries, SpanRecord
from pytest_cortex.reporting import Written, document, write
from pytest_cortex.reporting import writing as writing_module

LAYOUTS = Path(__file__).parents[2] / "recorded" / "layouts"

POINT = HistoryPoint(created_at="2026-01-30T12:00:00Z", speedup=3.5, low=3.4, high=3.6, limit=3.4, outcome=None)
RICH = replace(
    session(
        replace(
            EXPLAINED, verdicts=(verdict(Outcome.FAIL), replace(verdict(Outcome.PASS), gate="max_groups", limit=4))
        ),
        replace(MEASURED, name="seen", timeline=(SpanRecord(module="a", worker=0, started_s=0.0, duration_s=0.5),)),
        replace(MEASURED, name="broken", speedup=math.inf, speedup_low=math.nan, ceiling=math.nan),
        CONTENDER,
        UNMEASURED,
        scalings=(replace(SCALING, points=(replace(SCALING.points[0], speedup=math.nan), SCALING.points[1])),),
    ),
    history=(HistorySeries(test=MEASURED.test, name="seen", workers=4, machine="6a91", points=(POINT, POINT)),),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws nothing, where what is drawn does not matter."""
    makers = {name: make for name, make in writing_module._MAKERS.items() if name in {"cortex.json", "cortex.csv"}}
    monkeypatch.setattr(writing_module, "_MAKERS", makers)


def test_every_file_is_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also for numbers that were not finite, which are null in the file."""
    written = write(RICH, tmp_path / "run")
    assert written.problems == ()
    assert main(["render", str(tmp_path / "run" / "cortex.json"), "--into", str(tmp_path / "again")]) == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "run")
    assert capsys.readouterr() == (f"reports: {tmp_path / 'again'} ({len(written.paths)} files)\n", "")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("layout", ["schema-1", "schema-2"])
def test_file_that_was_read_stays_as_it_is(tmp_path: Path, layout: str) -> None:
    """Not even a newer layout is written over it."""
    data = (LAYOUTS / f"{layout}.json").read_bytes()
    (tmp_path / "cortex.json").write_bytes(data)
    before = (tmp_path / "cortex.json").stat()
    assert main(["render", str(tmp_path / "cortex.json")]) == 0
    after = (tmp_path / "cortex.json").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert contents(tmp_path).keys() == {"cortex.json", "cortex.csv", "summary.md"}


@pytest.mark.usefixtures("quick")
def test_older_layout_becomes_the_present_one_elsewhere(tmp_path: Path) -> None:
    old = LAYOUTS / "schema-1.json"
    assert main(["render", str(old), "--into", str(tmp_path)]) == 0
    assert load(tmp_path) == load(old)
    assert (tmp_path / "cortex.json").read_bytes() == document.encode(load(old))


@pytest.mark.usefixtures("quick")
def test_folder_stands_for_the_record_in_it_and_can_be_rendered_again_and_again(tmp_path: Path) -> None:
    write(RICH, tmp_path / "run")
    for _time in range(2):
        assert main(["render", str(tmp_path / "run"), "--into", str(tmp_path / "again")]) == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "run")


@pytest.mark.usefixtures("quick")
def test_record_of_another_run_is_never_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All other files can be made again, but not that."""
    write(RICH, tmp_path / "new")
    write(session(MEASURED), tmp_path / "old")
    before = contents(tmp_path / "new")
    assert main(["render", str(tmp_path / "old" / "cortex.json"), "--into", str(tmp_path / "new")]) == 2
    there = tmp_path / "new" / "cortex.json"
    assert capsys.readouterr().err == (
        f"pytest-cortex render: '{there}' is the record of another run, which would be lost: name another folder with "
        "--into\n"
    )
    assert contents(tmp_path / "new") == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "cortex.json': this is no JSON ("),
        (b'{"schema": 99}', "$.schema: this cortex.json has layout 99, and only versions 1 to "),
        (b'{"schema": 2}', "$.created_at: it is missing"),
        (None, "No such file or directory: '"),
    ],
)
def test_file_that_is_no_record_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, message: str
) -> None:
    if data is not None:
        (tmp_path / "cortex.json").write_bytes(data)
    assert main(["render", str(tmp_path / "cortex.json"), "--into", str(tmp_path / "new")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pytest-cortex render: ")
    assert message in err
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("quick")
def test_file_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(RICH, tmp_path / "run")
    (tmp_path / "again" / "cortex.csv").mkdir(parents=True)
    assert main(["render", str(tmp_path / "run"), "--into", str(tmp_path / "again")]) == 1
    out, err = capsys.readouterr()
    assert out == f"reports: {tmp_path / 'again'} (2 files)\n"
    assert err.startswith(f"pytest-cortex: {tmp_path / 'again' / 'cortex.csv'} was not written: ")


def test_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    source = str(LAYOUTS / "schema-2.json")
    assert main(["render", source, "--into", str(tmp_path / "file" / "deep")]) == 1
    assert "was not written: " in capsys.readouterr().err


def test_record_that_cannot_be_looked_at_is_left_to_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of that name, say: writing says what is wrong with it."""
    (tmp_path / "cortex.json").mkdir()
    refused: list[Path] = []

    def write_(_session: object, directory: Path, *, but: object) -> Written:
        refused.append(directory)
        assert but == ()
        return Written(paths=(), problems=())

    monkeypatch.setattr(render, "write", write_)
    assert main(["render", str(LAYOUTS / "schema-2.json"), "--into", str(tmp_path)]) == 0
    assert refused == [tmp_path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render"], "the following arguments are required: FILE"),
        (["render", "a", "b"], "no argument of this command: b"),
        (["render", "a", "--", "b"], "no argument of this command: b"),
        (["render", "a", "--in", "b"], "no argument of this command: --in b"),
    ],
)
def test_wrong_usage_says_what_is_wrong(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--help"]) == 0
    assert "exit codes: 0 done, 1 a file could not be written, 2 wrong usage" in capsys.readouterr().out
