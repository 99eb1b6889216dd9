"""The marker ``cortex``: what it asks of a test, and whether that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cortex.settings.marker import read_marker
from pytest_cortex.settings.values import SettingError

if TYPE_CHECKING:
    from pytest_cortex.record import GateName


def gates_of(node: pytest.Item | pytest.Collector) -> dict[GateName, float]:
    """Keywords of all ``cortex`` markers of a test, the closest one winning."""
    merged: dict[GateName, float] = {}
    for mark in node.iter_markers("cortex"):
        merged = {**read_marker(mark.args, mark.kwargs), **merged}
    return merged


def marker_problem(node: pytest.Item | pytest.Collector) -> str | None:
    """Returns what is wrong with the ``cortex`` marker that *node* has of its own.

    The marker of a class or a file may cover tests that measure nothing; a test's own marker means that test.
    """
    try:
        gates = gates_of(node)
    except SettingError as error:
        return f"{node.nodeid}: {error}"
    measures = {"cortex_bench", "request"} & set(getattr(node, "fixturenames", ()))
    if isinstance(node, pytest.Item) and gates and not measures:
        said = f"its gate {', '.join(gates)} guards nothing: the test does not take the fixture cortex_bench"
        return f"{node.nodeid}: {said}"
    return None
