"""``pytest-cortex compare``: two runs of any kind side by side, and no claim beyond what they prove."""

import io
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_records import MEASURED, UNMEASURED, session

from pytest_cortex.baselines.comparison import entry_of
from pytest_cortex.baselines.machines import fingerprint
from pytest_cortex.baselines.store import BaselineStore
from pytest_cortex.command import main
from pytest_cortex.command.sides import NothingToCompare, side
from pytest_cortex.history.folder import save
from pytest_cortex.history.run import run_of
from pytest_cortex.measuring import machine
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SessionRecord, SettingRecord
from pytest_cortex.reporting import document

LAYOUTS = Path(__file__).parents[2] / "recorded" / "layouts"
FACTS: dict[str, Any] = {
    "cpu_model": "Fast 9000",
    "usable_cpus": 4.0,
    "system": "Linux",
    "machine": "x86_64",
    "implementation": "CPython",
    "python": "3.11.9",
    "gil": True,
}


def measured(speedup: float, *, name: str = "small", rounds: int = 16, **changed: Any) -> MeasurementRecord:
    one = RoundRecord(sequential_s=speedup, parallel_s=1.0, first=Arm.PARALLEL, warmup=False)
    numbers: dict[str, Any] = {
        "name": name,
        "rounds": (one,) * rounds,
        "speedup": speedup,
        "speedup_low": speedup - 0.1,
        "speedup_high": speedup + 0.1,
        "horizon": 60,
    }
    return replace(MEASURED, **(numbers | changed))


def record(*measurements: MeasurementRecord, **environment: Any) -> SessionRecord:
    return replace(session(*measurements), created_at="2026-01-31T12:00:00+00:00", environment={**FACTS, **environment})


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes a run into a folder of its own, and returns the name of its file."""

    def write(folder: str, found: SessionRecord) -> str:
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "cortex.json"
        path.write_bytes(document.encode(found))
        return str(path)

    return write


def cells_of(text: str) -> dict[str, list[str]]:
    """Returns the cells of each row of the table by its first."""
    rows = [line.split("  ") for line in text.partition("\n\n")[0].splitlines()]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


# What is shown --------------------------------------------------------------------------------------------------------


def test_both_speedups_stand_beside_each_other_with_what_is_proven(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = written("a", record(measured(4.0), measured(4.0, name="worse"), measured(4.0, name="better")))
    second = written("b", record(measured(4.0), measured(3.0, name="worse"), measured(5.0, name="better")))
    assert main(["compare", first, second]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = cells_of(out)
    assert list(found) == ["measurement", "small", "worse", "better"]
    assert found["small"] == ["4", "4.00 (3.90–4.10)", "4.00 (3.90–4.10)", "1.00 (0.95–1.05)", "no difference proven"]
    assert found["worse"] == ["4", "4.00 (3.90–4.10)", "3.00 (2.90–3.10)", "0.75 (0.71–0.79)", "slower"]
    assert found["better"][-1] == "faster"
    assert "Either answer is wrong at most once in 500 times, for independent rounds." in out
    assert "This holds for these two processes" in out
    assert "warning" not in out


def test_measurements_that_only_one_has_are_named(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = written("a", record(measured(4.0), measured(4.0, name="gone"), UNMEASURED))
    second = written("b", record(measured(4.0), *(measured(4.0, name=f"new {number}") for number in range(5))))
    main(["compare", first, second])
    out = capsys.readouterr().out
    assert f"only in A: {MEASURED.test} (gone, workers=4)\n" in out
    assert "only in B: " in out
    assert " and 2 more\n" in out


def test_runs_with_nothing_in_common_say_so(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written("a", record(measured(4.0))), written("b", record(measured(4.0, workers=8)))
    assert main(["compare", first, second]) == 0
    assert capsys.readouterr().out.startswith("no measurement is in both\n\nonly in A: ")


def test_measurements_of_one_name_are_told_apart_by_their_tests(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    both = record(measured(4.0, test="a.py::test_it"), measured(4.0, test="b.py::test_it"))
    main(["compare", written("a", both), written("b", both)])
    assert list(cells_of(capsys.readouterr().out))[1:] == ["small · a.py::test_it", "small · b.py::test_it"]


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"cpu_model": "Slow 80"}, "measured on different machines, so a difference may be theirs: A on Fast 9000, "),
        ({"cpu_model": None}, None),
        ({"python": "3.12.0"}, "measured on different machines"),
        ({"usable_cpus": "many"}, "whether both were measured on one kind of machine is not known: A on Fast 9000, 4"),
    ],
)
def test_different_machines_are_warned_of(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str], changed: dict[str, Any], warning: str | None
) -> None:
    environment = {key: value for key, value in {**FACTS, **changed}.items() if value is not None}
    other = replace(record(measured(4.0)), environment=environment)
    main(["compare", written("a", record(measured(4.0))), written("b", other)])
    expected = warning or "whether both were measured on one kind of machine is not known"
    assert f"warning: {expected}" in capsys.readouterr().out


def test_programs_against_themselves_are_warned_of(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    itself = replace(
        record(measured(1.0)), settings={"against_itself": SettingRecord(value=True, origin="command line")}
    )
    main(["compare", written("a", record(measured(4.0))), written("b", itself)])
    assert "warning: in B, programs were measured against themselves" in capsys.readouterr().out


def test_name_that_the_terminal_cannot_show_is_shown_nevertheless(
    written: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))
    both = record(measured(4.0, name="größe"))
    assert main(["compare", written("a", both), written("b", both)]) == 0
    assert rb"gr\xf6\xdfe" in shown.getvalue()


def test_too_few_rounds_are_said_to_prove_nothing(
    written: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three rounds have no interval either; they are shown and drawn."""
    both = record(measured(4.0, rounds=3, speedup_low=None, speedup_high=None))
    assert main(["compare", written("a", both), written("b", both), "--chart", str(tmp_path / "chart.svg")]) == 0
    out = capsys.readouterr().out
    assert cells_of(out)["small"] == ["4", "4.00", "4.00", "1.00", "no difference proven"]
    assert "Where there are too few rounds, nothing was tested.\n" in out
    assert "rounds of both" not in out


# What can be compared -------------------------------------------------------------------------------------------------


def test_folder_stands_for_the_record_in_it(written: Callable[..., str]) -> None:
    path = written("a", record(measured(4.0)))
    assert replace(side(str(Path(path).parent)), name="") == replace(side(path), name="")


def test_run_of_a_history_has_intervals_and_no_rounds(
    written: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(record(measured(4.0)), commit=None)
    assert run is not None
    main(["compare", str(save(tmp_path / "history", run)), written("b", record(measured(3.0)))])
    out = capsys.readouterr().out
    assert cells_of(out)["small"][-1] == "slower*"
    assert "* From the intervals alone, since the rounds are not there or too few" in out
    assert "Tested with the rounds of both" not in out
    assert "warning" not in out


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The baseline ``main`` of this machine, in the current folder."""
    monkeypatch.chdir(tmp_path)
    entry = entry_of(measured(4.0))
    assert entry is not None
    store = BaselineStore(tmp_path / ".cortex" / "baselines", machine.facts())
    return store.save("main", [entry], created_at="2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize("name", ["main", "latest"])
def test_baseline_is_found_by_its_name_or_its_file(
    baseline: Path, name: str, written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    second = written("b", record(measured(3.0), **machine.facts()))
    for given in (name, str(baseline)):
        assert main(["compare", given, second]) == 0
        out = capsys.readouterr().out
        assert cells_of(out)["small"][-1] == "slower"
        assert "warning" not in out


@pytest.mark.usefixtures("baseline")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("other", "there is no such file, and no baseline 'other' was saved on a machine like this one"),
        (".hidden", "there is no such file, and no baseline: '.hidden' is no name for a baseline"),
        ("no/such/file.json", "it cannot be read ("),
        ("broken.json", "this is no JSON ("),
        ("newer.json", "$.schema: this cortex.json has layout 99"),
        ("baseline.json", "it is no baseline"),
        ("20260131T120000Z-0123456789abcdef.json", "is no version; file of a history"),
    ],
)
def test_what_is_no_run_is_wrong_usage(given: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.json").write_text("{")
    Path("newer.json").write_text('{"schema": 99}')
    Path("baseline.json").write_text('{"schema": 1, "machine": {}}')
    Path("20260131T120000Z-0123456789abcdef.json").write_text("{}")
    assert main(["compare", "main", given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pytest-cortex compare: {given!r}: ")
    assert message in err


def test_files_of_the_first_layout_are_compared_by_their_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    """The first layout tells no horizon, without which its rounds prove nothing; nor does it name the processor."""
    assert main(["compare", str(LAYOUTS / "schema-1.json"), str(LAYOUTS / "schema-1.json")]) == 0
    out = capsys.readouterr().out
    assert [row[-1] for row in cells_of(out).values()][1:] == ["no difference proven*"] * 4
    assert "* From the intervals alone" in out
    assert "A on unknown CPU, 2 usable CPUs" in out


def test_error_survives_pickling() -> None:
    error = NothingToCompare("main", "there is none")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.given, copy.problem) == ("'main': there is none", "main", "there is none")


# Files ----------------------------------------------------------------------------------------------------------------


def test_numbers_go_to_a_file_on_demand(written: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "difference.json"
    first, second = written("a", record(measured(4.0))), written("b", record(measured(3.0)))
    assert main(["compare", first, second, "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["same_machine"] is True
    assert found["alpha"] == {"rounds": 0.002, "intervals": 0.1}
    assert found["a"] == {
        "name": first,
        "created_at": "2026-01-31T12:00:00+00:00",
        "machine": fingerprint(FACTS),
        "machine_name": "Fast 9000, 4 usable CPUs, Linux x86_64, CPython 3.11",
        "only_here": [],
    }
    (one,) = found["measurements"]
    assert (one["test"], one["name"], one["workers"]) == (MEASURED.test, "small", 4)
    assert (one["a"], one["b"]["speedup"]) == ({"speedup": 4.0, "low": 3.9, "high": 4.1}, 3.0)
    assert (one["direction"], one["basis"], one["ratio"]) == ("slower", "rounds", 0.75)


def test_chart_is_drawn_on_demand_and_its_bytes_repeat(written: Callable[..., str], tmp_path: Path) -> None:
    names = ("small", "$x$ <b>", "test_with_a_very_long_name[" + 90 * "x" + "]", "測試")
    first = written("a", record(*(measured(4.0, name=name) for name in names)))
    second = written("b", record(*(measured(3.0, name=name) for name in names)))
    for file in ("one.svg", "two.svg", "three.PNG"):
        assert main(["compare", first, second, "--chart", str(tmp_path / file)]) == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert b"B 3.00 (2.90\xe2\x80\x933.10) slower" in (tmp_path / "one.svg").read_bytes()
    assert (tmp_path / "three.PNG").read_bytes().startswith(b"\x89PNG")


def test_chart_of_nothing_in_common_is_drawn_too(written: Callable[..., str], tmp_path: Path) -> None:
    first, second = written("a", record()), written("b", record(measured(3.0)))
    assert main(["compare", first, second, "--chart", str(tmp_path / "chart.svg")]) == 0
    assert (tmp_path / "chart.svg").exists()


@pytest.mark.parametrize("option", ["--json", "--chart"])
def test_file_that_cannot_be_written_is_said_after_the_table(
    written: Callable[..., str], tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    both = record(measured(4.0))
    file = str(tmp_path / "no" / "such" / "folder.svg")
    assert main(["compare", written("a", both), written("b", both), option, file]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("measurement")
    assert err.startswith("pytest-cortex compare: not written: FileNotFoundError: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "a"], "the following arguments are required: B"),
        (["compare", "a", "b", "c"], "no argument of this command: c"),
        (["compare", "a", "b", "--chart", "chart.pdf"], "'chart.pdf' is no chart; a name ending in .svg or .png"),
    ],
)
def test_wrong_usage_says_what_is_wrong(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_help_says_what_is_tested_and_what_is_not_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--help"]) == 0
    out = capsys.readouterr().out
    assert "at most once in 500 comparisons" in out
    assert "which is wrong in 10 %\nof comparisons at most" in out
    assert "a difference is no proof that the program has changed" in out
