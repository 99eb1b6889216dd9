"""The marker ``cortex``: what it asks of a test, checked while the test is collected."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cortex.settings.marker import read_marker
from pytest_cortex.settings.values import SettingError

if TYPE_CHECKING:
    from pytest_cortex.record import GateName


def gates_of(item: pytest.Item) -> dict[GateName, float]:
    """Keywords of all ``cortex`` markers of a test, the closest one winning."""
    merged: dict[GateName, float] = {}
    for mark in item.iter_markers("cortex"):
        merged = {**read_marker(mark.args, mark.kwargs), **merged}
    return merged


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Checks markers while the test is collected, so that a wrong one is an error before anything runs."""
    made = yield
    for item in made if isinstance(made, list) else [made]:
        problem = _marker_problem(item) if isinstance(item, pytest.Item) else None
        if problem:
            raise pytest.Collector.CollectError(f"{item.nodeid}: {problem}")
    return made


def _marker_problem(item: pytest.Item) -> str | None:
    """A marker of a class or a file may cover tests that measure nothing; a test's own marker means that test."""
    try:
        gates = gates_of(item)
    except SettingError as error:
        return str(error)
    own = any(mark.name == "cortex" for mark in item.own_markers)
    if gates and own and not {"cortex_bench", "request"} & set(getattr(item, "fixturenames", ())):
        return f"its gate {', '.join(gates)} guards nothing: the test does not take the fixture cortex_bench"
    return None
