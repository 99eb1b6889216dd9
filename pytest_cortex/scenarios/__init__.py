"""Named workloads: the four built-in ones, real workflows from files, and makers for your own.

What is listed here is for the hook ``pytest_cortex_scenarios``, and for a test to hand to ``cortex_bench``::

    from pytest_cortex.scenarios import layered

    def test_a_random_graph(cortex_bench):
        cortex_bench(layered("random", layers=4, width=6, workers=4, seed=7)).assert_efficiency(0.5)
"""

from pytest_cortex.scenarios.generators import chain, cpu_bound, digesting_module, fork_join, layered, mixed
from pytest_cortex.scenarios.scenario import Scenario, sleeping_module

__all__ = [
    "Scenario",
    "chain",
    "cpu_bound",
    "digesting_module",
    "fork_join",
    "layered",
    "mixed",
    "sleeping_module",
]
