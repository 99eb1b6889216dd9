"""Keeps parallel code parallel: a pytest plugin that gates speedups with a stated error rate.

The fixtures and options come with the plugin itself, ``pytest --cortex-bench``; here is what can be used without it::

    from pytest_cortex import Gate, frame

    verdict = Gate(min_speedup=3.5).decide(sequential_s=[...], parallel_s=[...])
    table = frame("reports/cortex.json")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Gate", "InvalidRounds", "Outcome", "Verdict", "frame"]

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from pytest_cortex.judging.gate import Gate, InvalidRounds, Outcome, Verdict
else:

    def __getattr__(name: str) -> object:
        """Imports what is asked for: every pytest run imports this package, and most do not judge anything."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pytest_cortex.judging import gate  # noqa: PLC0415 - that is the point

        return getattr(gate, name)


def frame(path: str | PathLike[str], *, rounds: bool = False) -> pd.DataFrame:
    """Returns what a run measured as a pandas table.

    Columns and units are listed in ``reports/README.md``: those of ``cortex.csv``, and with *rounds* those of rounds.
    Their types never depend on the values, so that tables of several runs can be put together.

    Args:
        path: A ``cortex.json``, or the report folder it is in.
        rounds: True for one row per round, warm-ups and spoilt ones among them; else there is one per measurement.

    Raises:
        OSError: If there is no such file, or it cannot be read.
        ValueError: If it is no ``cortex.json``, or that of a newer pytest-cortex.
    """
    from pytest_cortex.reading import load  # noqa: PLC0415 - only those pay who ask
    from pytest_cortex.reporting import table  # noqa: PLC0415 - loads pandas

    session = load(path)
    return table.rounds_frame(session) if rounds else table.frame(session)
