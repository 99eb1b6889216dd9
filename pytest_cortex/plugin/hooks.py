"""Asks the plugins that implement a hook of ``hookspecs``, one by one, so that whatever goes wrong has a name."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cortex.plugin.stash import OFFERED_KEY
from pytest_cortex.record import SectionRecord

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SessionRecord, VerdictRecord
    from pytest_cortex.scenarios.scenario import Scenario

SCENARIOS = "pytest_cortex_scenarios"
FACTS = "pytest_cortex_machine_facts"
SECTIONS = "pytest_cortex_report_sections"
VERDICT = "pytest_cortex_verdict"


class HookError(RuntimeError):
    """A hook of somebody else raised, or gave an answer that makes no sense.

    Attributes:
        hook: Its name.
        plugin: Whose it is.
        problem: What went wrong, and what would be right.
    """

    def __init__(self, hook: str, plugin: str, problem: str) -> None:
        super().__init__(hook, plugin, problem)
        self.hook = hook
        self.plugin = plugin
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.hook} of {self.plugin}: {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One plugin that implements a hook.

    Attributes:
        hook: The hook's name.
        plugin: The plugin's name, for people.
        call: Calls its implementation and no other; returns a list of its answer, or of nothing.
    """

    hook: str
    plugin: str
    call: Callable[..., list[Any]]

    def answers(self, **arguments: object) -> list[Any]:
        """Asks.

        Raises:
            HookError: If the plugin raises an error.
        """
        try:
            # What a generator yields is asked for here, where its errors are still those of its plugin.
            return [tuple(each) if isinstance(each, Iterator) else each for each in self.call(**arguments)]
        except Exception as error:
            raise self.error(_told(error)) from error

    def mappings(self, **arguments: object) -> list[Mapping[Any, Any]]:
        """Asks for a mapping.

        Raises:
            HookError: If the plugin raises an error, or returns something else.
        """
        for answer in (answers := self.answers(**arguments)):
            if not isinstance(answer, Mapping):
                raise self.error(f"it returned {answer!r}; a mapping, or None, is wanted")
        return answers

    def error(self, problem: str) -> HookError:
        """Returns the error that tells of a problem with this plugin."""
        return HookError(self.hook, self.plugin, problem)


def implementers(config: pytest.Config, hook: str) -> list[Asked]:
    """The plugins that implement *hook*, in the order in which pytest calls them."""
    plugins = [each.plugin for each in reversed(getattr(config.hook, hook).get_hookimpls())]
    return [
        Asked(
            hook=hook,
            plugin=_name(config, plugin),
            call=config.pluginmanager.subset_hook_caller(hook, [each for each in plugins if each is not plugin]),
        )
        for plugin in plugins
    ]


def _name(config: pytest.Config, plugin: object) -> str:
    """A plugin's name; for a conftest.py the path from the root, for an object without a name its class."""
    name = config.pluginmanager.get_name(plugin) or ""
    if name.isdigit():  # the object's id, by which nobody would know it
        return type(plugin).__qualname__
    path = Path(name)
    return path.relative_to(config.rootpath).as_posix() if path.is_relative_to(config.rootpath) else name


def _told(error: Exception) -> str:
    """Type and message of an error, and the line of the hook, since most are shown without a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [each for each in frames if each.filename != __file__ and "pluggy" not in Path(each.filename).parts]
    place = (places or frames)[0]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


# Scenarios ------------------------------------------------------------------------------------------------------------


def offered_scenarios(config: pytest.Config) -> Mapping[str, Scenario]:
    """Returns the scenarios of other plugins by name; they are asked once.

    Raises:
        HookError: If a plugin fails, or two scenarios have one name.
    """
    if OFFERED_KEY not in config.stash:
        asked = implementers(config, SCENARIOS)
        config.stash[OFFERED_KEY] = _offered(config, asked) if asked else {}
    return config.stash[OFFERED_KEY]


def _offered(config: pytest.Config, asked: list[Asked]) -> dict[str, Scenario]:
    from pytest_cortex.scenarios.scenario import BUILT_IN_NAMES, Scenario  # noqa: PLC0415 - not for an idle run

    by_whom = dict.fromkeys(BUILT_IN_NAMES, "pytest-cortex")
    offered = {}
    for each in asked:
        for scenario in _several(each, config):
            if not isinstance(scenario, Scenario):
                raise each.error(f"it offers {scenario!r}; a pytest_cortex.scenarios.Scenario is wanted")
            if scenario.name in by_whom:
                raise each.error(f"the name {scenario.name!r} is taken by {by_whom[scenario.name]}: choose another")
            by_whom[scenario.name] = each.plugin
            offered[scenario.name] = scenario
    return offered


def _several(asked: Asked, config: pytest.Config) -> list[object]:
    found: list[object] = []
    for answer in asked.answers(config=config):
        if not isinstance(answer, Iterable):
            raise asked.error(f"it returned {answer!r}; a list of scenarios, or None, is wanted")
        found += answer
    return found


# Machine facts --------------------------------------------------------------------------------------------------------


def machine_facts(config: pytest.Config) -> dict[str, dict[str, Any]]:
    """Returns the facts that other plugins know, by plugin.

    Raises:
        HookError: If a plugin fails, or a fact is no JSON value.
    """
    facts: dict[str, dict[str, Any]] = {}
    for asked in implementers(config, FACTS):
        for known in asked.mappings(config=config):
            try:
                facts[asked.plugin] = json.loads(json.dumps(dict(known), allow_nan=False))
            except (TypeError, ValueError) as error:
                raise asked.error(f"it returned {known!r}; JSON values are wanted: {error}") from error
    return facts


# Report sections ------------------------------------------------------------------------------------------------------


def with_sections(config: pytest.Config, session: SessionRecord) -> tuple[SessionRecord, list[str]]:
    """Returns the record with the sections of other plugins, and what went wrong, which costs no other section."""
    sections: list[SectionRecord] = []
    problems: list[str] = []
    for asked in implementers(config, SECTIONS):
        try:
            for answer in asked.mappings(config=config, session=session):
                sections += [_section(asked, title, text) for title, text in answer.items()]
        except HookError as error:
            problems.append(str(error))
    return replace(session, sections=tuple(sections)), problems


def _section(asked: Asked, title: object, text: object) -> SectionRecord:
    if not (isinstance(title, str) and title.strip() and isinstance(text, str)):
        raise asked.error(f"it returned a section {title!r} with the text {text!r}; two strings are wanted")
    return SectionRecord(title=title, text=text, plugin=asked.plugin)


# Verdicts -------------------------------------------------------------------------------------------------------------


def objection(config: pytest.Config, measured: Callable[[], MeasurementRecord], verdict: VerdictRecord) -> str | None:
    """Returns why other plugins object to a verdict, and who does; None if nobody does.

    Args:
        config: pytest's configuration.
        measured: Makes the record of the measurement, for those who want to see it.
        verdict: What the gate says.

    Raises:
        HookError: If a plugin fails, or asks for anything but INCONCLUSIVE.
    """
    plugins = implementers(config, VERDICT)
    if not plugins:
        return None
    measurement = measured()
    reasons = [
        f"{_reason(asked, answer)} ({asked.plugin})"
        for asked in plugins
        for answer in asked.answers(config=config, measurement=measurement, verdict=verdict)
    ]
    return "; ".join(reasons) or None


def _reason(asked: Asked, answer: object) -> str:
    if isinstance(answer, str) and answer.strip() and answer not in {"PASS", "FAIL", "INCONCLUSIVE"}:
        return answer
    raise asked.error(
        f"it returned {answer!r}; a reason, which makes the verdict INCONCLUSIVE, or None is wanted: PASS and FAIL "
        "come from the rounds alone, or their error rate would be lost"
    )
