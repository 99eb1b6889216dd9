"""Keeps parallel code parallel: a pytest plugin that gates speedups with a stated error rate.

The fixtures and options come with the plugin itself, ``pytest --cortex-bench``; here is what can be used without it::

    from pytest_cortex import Gate

    verdict = Gate(min_speedup=3.5).decide(sequential_s=[...], parallel_s=[...])
"""

from typing import TYPE_CHECKING

__all__ = ["Gate", "InvalidRounds", "Outcome", "Verdict"]

if TYPE_CHECKING:
    from pytest_cortex.judging.gate import Gate, InvalidRounds, Outcome, Verdict
else:

    def __getattr__(name: str) -> object:
        """Imports what is asked for: every pytest run imports this package, and most do not judge anything."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pytest_cortex.judging import gate  # noqa: PLC0415 - that is the point

        return getattr(gate, name)
