"""What is needed to judge or to repeat a run: totals, the machine, settings, commands, and what others have to say."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_cortex.reporting.summary import named_facts, value_text
from pytest_cortex.wording import printable

if TYPE_CHECKING:
    from pytest_cortex.record import SectionRecord, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and a value.

    Attributes:
        name: What it is.
        value: As text.
        mark: The sign that stands for it in the pictures; empty if it has none.
    """

    name: str
    value: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An option.

    Attributes:
        name: Of the option.
        value: As text.
        origin: Where the value comes from.
    """

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Text of somebody else, shown as it is.

    Attributes:
        title: Its heading.
        lines: Its lines.
    """

    title: str
    lines: tuple[str, ...]


def environment_of(session: SessionRecord) -> tuple[Fact, ...]:
    """Returns what is known of machine and versions."""
    return tuple(Fact(name=name, value=value_text(value)) for name, value in named_facts(session.environment))


def settings_of(session: SessionRecord) -> tuple[Setting, ...]:
    """Returns every option."""
    return tuple(
        Setting(name=name, value=value_text(setting.value), origin=setting.origin)
        for name, setting in session.settings.items()
    )


def command_for(test: str, seed: int) -> str:
    """Returns the command that measures one test alone; empty where the id cannot be given to pytest.

    A scenario that came without a test has such an id, and so has one with characters that no terminal shows.
    """
    file, colons, _name = test.partition("::")
    if not (colons and file.endswith(".py") and test == printable(test)):
        return ""
    return shlex.join(("python", "-m", "pytest", "--cortex-bench", test, f"--cortex-seed={seed}"))


def section_of(section: SectionRecord) -> Section:
    """Returns a section of another plugin, with the plugin's name, line by line."""
    return Section(title=f"{section.title} ({section.plugin})", lines=tuple(section.text.splitlines()))
