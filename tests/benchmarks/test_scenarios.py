"""The built-in scenarios, or those that ``--cortex-scenario`` names, against their own limits."""

from typing import Any


def test_scenario(cortex_scenario: Any, cortex_bench: Any) -> None:
    cortex_bench(cortex_scenario)
