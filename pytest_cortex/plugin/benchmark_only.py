"""Beside pytest-benchmark: what its options mean for bench tests.

Whether these are measured, ``--cortex-bench`` alone decides.  pytest-benchmark knows a benchmark by its own fixture, so
that ``--benchmark-only`` would skip every bench test, and a run that was to measure would pass without having measured
anything.  ``--benchmark-skip`` needs no help: it skips the tests that take its fixture, also beside ours.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def keep(bench: Iterable[pytest.Item]) -> None:
    """Takes the skip mark of ``--benchmark-only`` off bench tests; their other marks stay."""
    for item in bench:
        item.own_markers[:] = [mark for mark in item.own_markers if not _is_from_benchmark_only(mark)]


def _is_from_benchmark_only(mark: pytest.Mark) -> bool:
    return mark.name == "skip" and "--benchmark-only" in str(mark.kwargs.get("reason"))
