"""The doctor: what it says to people and to programs, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_examination import BUSY, CALM, SOUND

from pytest_cortex.command import doctor, main
from pytest_cortex.command import examination as examinations
from pytest_cortex.command.doctor import document, text
from pytest_cortex.command.examination import Examination, examine


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """Makes the doctor find this; returns a list of whether it was to be quick."""

    def make(examination: Examination | BaseException) -> list[bool]:
        asked: list[bool] = []

        def find(_folder: Path, *, quick: bool) -> Examination:
            asked.append(quick)
            if isinstance(examination, BaseException):
                raise examination
            return examination

        monkeypatch.setattr(doctor, "examine", find)
        return asked

    return make


# How it ends ----------------------------------------------------------------------------------------------------------


def test_exit_code_says_whether_gates_can_work(
    found: Callable[..., list[bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    found(SOUND)
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("\nGates can work here.\n")
    found(replace(SOUND, tracer="tracer of pdb"))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.endswith(
        "\nTo be mended first\n"
        "  a tracer of pdb watches every line of Python, and gates stay INCONCLUSIVE under it: run without it\n"
    )


def test_quick_leaves_out_the_look(found: Callable[..., list[bool]]) -> None:
    asked = found(SOUND)
    main(["doctor"])
    main(["doctor", "--quick"])
    assert asked == [False, True]


def test_ctrl_c_ends_it(found: Callable[..., list[bool]], capsys: pytest.CaptureFixture[str]) -> None:
    found(KeyboardInterrupt())
    assert main(["doctor"]) == 130
    assert capsys.readouterr() == ("", "interrupted: nothing is known yet\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fast"], "no argument of this command: --fast\n"),
        (["--", "tests"], "no argument of this command: tests\n"),
        (["tests"], "no argument of this command: tests\n"),
        (["--json", "no/such/folder.json"], "'no/such/folder.json' cannot be written"),
    ],
)
def test_wrong_usage_examines_nothing(
    found: Callable[..., list[bool]], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = found(SOUND)
    assert main(["doctor", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert asked == []


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--help"]) == 0
    assert "exit codes: 0 gates can work here, 1 something has to be mended first, 2 wrong usage" in (
        capsys.readouterr().out
    )


# What it says ---------------------------------------------------------------------------------------------------------


def test_people_read_everything_that_was_found() -> None:
    assert text(SOUND).splitlines()[:23] == [
        "This machine",
        "  system              Linux x86_64",
        "  CPUs                4, of which 2 for this process, no quota",
        "  stolen by the host  0.1 % of the CPU time since the start",
        "  throttled           never, without a quota",
        "  disturbances read   run delay, steal",
        "  clock               moves in steps of 100 ns",
        "  sleep of 1 ms       60 µs too long as a rule, 200 µs at worst",
        "  thread              40 µs to start and to end one",
        "",
        "Right now",
        "  load                0.4 runnable on average over the last minute",
        "  pressure            3.0 % of the last ten seconds something waited for a CPU",
        "  waiting rounds      60 rounds, none disturbed; two equal runs: ratio 1.00 (0.99–1.01)",
        "  computing rounds    60 rounds, none disturbed; two equal runs: ratio 1.00 (0.90–1.10)",
        "",
        "Python",
        "  version             CPython 3.12.1",
        "  GIL                 on, the usual build",
        "  tracer              none",
        "  coverage            ctrace core, only when it is asked for",
        "  pytest-cortex       0.1.0",
        "  pytest              9.2.0",
    ]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"quota": 1.5, "throttled": 0.2}, "CPUs                4, of which 2 for this process, a quota of 1.5"),
        ({"quota": 1.5, "throttled": 0.2}, "throttled           20.0 % of the time"),
        ({"quota": 1.5}, "throttled           not told here"),
        ({"stolen": None}, "stolen by the host  not told here"),
        ({"load_average": None}, "load                not told here"),
        ({"pressure": None}, "pressure            not told here"),
        ({"readable": ()}, "disturbances read   none"),
        ({"gil": False, "free_threaded": True}, "GIL                 off, a free-threaded build"),
        ({"tracer": "tracer of pdb"}, "tracer              tracer of pdb"),
        ({"coverage_core": None}, "coverage            not installed"),
        ({"coverage_origin": "tox.ini"}, "coverage            ctrace core, in every run, by tox.ini"),
        ({"looks": (CALM, BUSY)}, "16 rounds, 15 disturbed by other programs on the CPUs 12, run delay 3"),
        ({"probes": replace(SOUND.probes, clock_step_s=None)}, "clock               stands still"),
    ],
)
def test_each_fact_has_its_words(facts: dict[str, Any], line: str) -> None:
    (shown,) = (each.strip() for each in text(replace(SOUND, **facts)).splitlines() if each.strip().endswith(line))
    assert line in shown


def test_colours_are_shown_on_demand_only() -> None:
    mended = replace(SOUND, tracer="tracer of pdb")
    assert "\x1b" not in text(mended)
    coloured = text(mended, colours=True)
    assert "\x1b[32m  I/O-bound fan-out: yes\x1b[0m" in coloured
    assert "\x1b[33m  CPU-bound Python code in threads: no," in coloured
    assert "\x1b[31m  a tracer of pdb " in coloured
    assert "\x1b[32mGates can work here.\x1b[0m" in text(SOUND, colours=True)


def test_programs_read_everything_from_a_file(
    found: Callable[..., list[bool]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(replace(SOUND, tracer="tracer of pdb"))
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--json", str(file)]) == 1
    written = json.loads(file.read_text(encoding="utf-8"))
    assert (written["schema"], written["healthy"], len(written["problems"])) == (1, False, 1)
    assert written["abilities"][0] == {"what": "I/O-bound fan-out", "works": True, "because": ""}
    assert written["found"]["probes"]["clock_step_s"] == 1e-7
    assert written["found"]["looks"][0]["ratio"] == 1.0
    assert "I/O-bound fan-out" in capsys.readouterr().out


def test_file_that_cannot_be_written_is_wrong_usage(
    found: Callable[..., list[bool]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was found is shown all the same."""

    def refuse(_path: Path, _data: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    found(SOUND)
    monkeypatch.setattr(doctor, "write_atomically", refuse)
    assert main(["doctor", "--json", str(tmp_path / "doctor.json")]) == 2
    out, err = capsys.readouterr()
    assert "Gates can work here." in out
    assert err.endswith("doctor.json was not written: [Errno 13] Permission denied\n")


# A real one -----------------------------------------------------------------------------------------------------------


def test_quick_examination_of_this_machine_is_json_and_makes_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --cov", encoding="utf-8")
    here = examine(tmp_path, quick=True)
    written = json.loads(json.dumps(document(here), allow_nan=False))
    assert written["found"]["versions"]["pytest"] == pytest.__version__
    assert (here.coverage_origin, here.looks) == ("pytest.ini", ())
    assert 0 < here.usable_cpus <= here.allowed_cpus <= here.cpus
    assert text(here).startswith("This machine\n")


def test_examination_looks_at_both_kinds_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same watch as a measurement; programs that take no time here."""
    seen = []

    def look(kind: str, _program: object, watch: Callable[[], Callable[[float], str | None]]) -> Any:
        assert callable(watch())
        seen.append(kind)
        return replace(CALM, kind=kind)

    monkeypatch.setattr(examinations, "look", look)
    assert [each.kind for each in examine(tmp_path, quick=False).looks] == seen == ["waiting", "computing"]


@pytest.mark.slow
def test_doctor_looks_at_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is to be mended; a calm one is not."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--json", str(file)]) in {0, 1}
    written = json.loads(file.read_text(encoding="utf-8"))
    assert [look["kind"] for look in written["found"]["looks"]] == ["waiting", "computing"]
    assert all(look["rounds"] >= 16 for look in written["found"]["looks"])
