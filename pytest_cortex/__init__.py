"""Keeps parallel code parallel: a pytest plugin that gates speedups with a stated error rate.

The fixtures and options come with the plugin itself, ``pytest --cortex-bench``; here is what can be used without it::

    from pytest_cortex import Gate

    verdict = Gate(min_speedup=3.5).decide(sequential_s=[...], parallel_s=[...])
"""

from pytest_cortex.judging.gate import Gate, InvalidRounds, Outcome, Verdict

__all__ = ["Gate", "InvalidRounds", "Outcome", "Verdict"]
