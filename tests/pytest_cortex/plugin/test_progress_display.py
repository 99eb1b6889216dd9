"""The status in the terminal: how often it is written, where it fits, and what becomes of it when that fails."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from screen import screen

from pytest_cortex.measuring.rounds import Progress
from pytest_cortex.plugin.progress import ProgressDisplay

HALF = Progress(made=16, counted=14, spoilt=0, horizon=60, speedup=3.912, spent_s=2.74, left_s=7.3)


class Terminal:
    """Stands in for pytest's config, reporter and terminal writer: a line of which something is written already."""

    def __init__(self, *, width: int = 80, written: str = "test_it.py ") -> None:
        self.fullwidth = width
        self.width_of_current_line = len(written)
        self.told: list[str] = []
        self.now_s = 0.0
        self.pluginmanager = SimpleNamespace(get_plugin=lambda _name: None)

    def get_terminal_writer(self) -> Terminal:
        return self

    def write_ensure_prefix(self, line: str) -> None:
        self.told.append(line)

    def flush(self) -> None:
        pass

    def display(self, *, live: bool = True, lines: bool = False) -> ProgressDisplay:
        this: Any = self
        return ProgressDisplay(this, this, live=live, lines=lines, clock_s=lambda: self.now_s)


def test_status_is_written_five_times_in_a_second_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    display = terminal.display()
    for tick in range(301):
        terminal.now_s = tick / 100
        display.on_round("small", replace(HALF, made=2 + tick, counted=tick))
    assert 15 <= capsys.readouterr().out.count("small: round") <= 16


def test_first_status_comes_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().display().on_round("small", replace(HALF, made=1, counted=0, horizon=0, speedup=None))
    assert capsys.readouterr().out == " small: warming up"


def test_shorter_status_leaves_nothing_of_a_longer_one(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    display = terminal.display()
    display.on_round("small", HALF)
    terminal.now_s = 1.0
    display.on_round("small", replace(HALF, speedup=None))
    assert screen("test_it.py " + capsys.readouterr().out) == ["test_it.py  small: round 14 of at most 60, 8 s left"]


@pytest.mark.parametrize("hook", ["pytest_runtest_logreport", "pytest_keyboard_interrupt", "on_round"])
def test_status_is_taken_back_before_others_write(hook: str, capsys: pytest.CaptureFixture[str]) -> None:
    display = Terminal().display()
    display.on_round("small", HALF)
    getattr(display, hook)(*(["small", None] if hook == "on_round" else []))
    written = "test_it.py " + capsys.readouterr().out
    assert screen(f"{written}.") == ["test_it.py ."]
    getattr(display, hook)(*(["small", None] if hook == "on_round" else []))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("written", ["x" * 70, "x" * 790, "x" * 79, "x" * 80])
def test_status_never_reaches_the_edge_of_the_terminal(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a line would begin that backspaces cannot leave."""
    Terminal(written=written).display().on_round("small", HALF)
    (line,) = screen(written + capsys.readouterr().out)
    assert len(line) // 80 == len(written) // 80 or len(line) == len(written)


def test_name_that_the_terminal_cannot_show_is_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "__stdout__", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    Terminal().display().on_round("größe", HALF)
    assert capsys.readouterr().out.startswith(r" gr\xf6\xdfe: round 14 ")


def test_without_a_terminal_only_lines_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    display = terminal.display(live=False, lines=True)
    display.on_round("one", replace(HALF, made=1, counted=0, horizon=0, speedup=None))
    display.on_round("one", HALF)
    assert terminal.told == []
    display.on_round("two", replace(HALF, made=1, counted=0))
    assert terminal.told == ["  one: 14 rounds in 2.7 s, speedup 3.91"]
    display.on_round("two", HALF)
    display.pytest_runtest_logfinish()
    display.pytest_runtest_logfinish()
    assert terminal.told[1:] == ["  two: 14 rounds in 2.7 s, speedup 3.91"]
    assert capsys.readouterr().out == ""


def test_terminal_that_went_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that has come this far is not to end by what only shows it."""

    class Closed(io.StringIO):
        calls = 0

        def write(self, _text: str, /) -> int:
            Closed.calls += 1
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    terminal = Terminal()
    display = terminal.display(lines=True)
    display.on_round("small", HALF)
    terminal.now_s = 1.0
    display.on_round("small", HALF)
    display.pytest_runtest_logreport()
    display.pytest_runtest_logfinish()
    assert (Closed.calls, terminal.told) == (1, [])
