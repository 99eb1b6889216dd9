"""The arguments of ``@pytest.mark.cortex(…)``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_cortex.settings.values import GATES, SettingError, read_limit

if TYPE_CHECKING:
    from pytest_cortex.record import GateName


def read_marker(positional: Sequence[object], keywords: Mapping[str, object]) -> dict[GateName, float]:
    """Reads the arguments of ``@pytest.mark.cortex(...)``.

    Raises:
        SettingError: If a keyword is unknown or a limit makes no sense.
    """
    if positional:
        raise SettingError("cortex", "marker", f"it takes keywords only, not {positional[0]!r}: write min_speedup=3.5")
    return {(gate := _gate(name)): _marker_limit(gate, value) for name, value in keywords.items()}


def _marker_limit(gate: GateName, value: object) -> float:
    try:
        return read_limit(gate, str(value))
    except ValueError as error:
        raise SettingError(f"cortex({gate}=…)", "marker", str(error)) from error


def _gate(name: str) -> GateName:
    for gate in GATES:
        if name == gate:
            return gate
    close = difflib.get_close_matches(name, GATES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise SettingError("cortex", "marker", f"unknown keyword {name!r}{hint} Known keywords: {', '.join(GATES)}")
