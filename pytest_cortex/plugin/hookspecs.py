"""Hooks of pytest-cortex: what other plugins, and your own ``conftest.py``, may add to a run that measures.

They are implemented like any hook of pytest: a function of that name, with those of the arguments that it needs.  Where
pytest-cortex may not be installed, mark it with ``@pytest.hookimpl(optionalhook=True)``.  A run that measures nothing
calls none of them; only ``pytest_cortex_scenarios`` is asked there as well, if a test takes ``cortex_scenario``.  Under
pytest-xdist the controller asks, since it measures; so do the workers, for the scenarios of such a test.

An exception in a hook, and an answer that makes no sense, is told with the name of the plugin it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    import pytest

    from pytest_cortex.record import MeasurementRecord, SessionRecord, VerdictRecord
    from pytest_cortex.scenarios import Scenario


def pytest_cortex_scenarios(config: pytest.Config) -> Iterable[Scenario] | None:
    """Offers scenarios beside the four built-in ones.

    Each then works like those: ``cortex_scenario`` stands for it too, ``--cortex-scenario=NAME`` chooses it, and
    ``--cortex-min-speedup=NAME:LIMIT`` sets its limit.  It is asked once per process; what it returns must not depend
    on chance, or the workers of pytest-xdist would not agree on the tests there are.

    An operation of your own, and a graph that is drawn from a seed::

        def pytest_cortex_scenarios(config):
            from orchestrator import Operation, module
            from pytest_cortex.scenarios import Scenario, layered

            def resize(context):
                context.sleep(0.01)  # your work

            pictures = Operation("pictures", [module(id=f"picture_{n}")(resize) for n in range(8)])
            return [
                Scenario(name="pictures", operation=pictures, workers=4, min_efficiency=0.5),
                layered("nightly", layers=3, width=4, workers=4, seed=7),
            ]

    Args:
        config: pytest's configuration.

    Returns:
        Scenarios; their names differ from all others.
    """


def pytest_cortex_machine_facts(config: pytest.Config) -> Mapping[str, Any] | None:
    """Adds facts about the machine to the record of the run.

    They are kept under the plugin's own name, ``environment.plugins`` in ``cortex.json``, so that they cannot overwrite
    anything, and are shown in ``summary.md``.  The fingerprint that baselines go by is not made of them: otherwise
    every new fact would make all baselines those of another machine.

    ::

        def pytest_cortex_machine_facts(config):
            return {"governor": "performance", "numa_nodes": 2}

    Args:
        config: pytest's configuration.

    Returns:
        JSON values by name.
    """


def pytest_cortex_report_sections(config: pytest.Config, session: SessionRecord) -> Mapping[str, str] | None:
    """Adds sections to the report, once everything is measured.

    ::

        def pytest_cortex_report_sections(config, session):
            slowest = max(session.measurements, key=lambda one: one.parallel_s or 0.0)
            return {"Slowest program": f"`{slowest.name}` on {slowest.workers} workers"}

    Args:
        config: pytest's configuration.
        session: All that was measured.

    Returns:
        Markdown by title.  HTML in it is shown as text, and headings are those of parts of a section.
    """


def pytest_cortex_verdict(config: pytest.Config, measurement: MeasurementRecord, verdict: VerdictRecord) -> str | None:
    """Objects to a verdict, PASS or FAIL, which thereby becomes INCONCLUSIVE.

    For what only you can know: that the machine was throttled, that a server beside it was down.  There is no way to
    turn a verdict into PASS or FAIL, because these come from the rounds alone, with a stated error rate.  INCONCLUSIVE
    is for ``--cortex-inconclusive`` to decide, and too often in a row it fails (``--cortex-max-inconclusive``).

    ::

        def pytest_cortex_verdict(config, measurement, verdict):
            if verdict.outcome == "FAIL" and measurement.workers > 2:
                return "this machine is shared by two teams"

    Args:
        config: pytest's configuration.
        measurement: What was measured so far; its ``test`` is the node id, its ``verdicts`` are the earlier ones.
        verdict: What the gate says.

    Returns:
        The reason, one sentence for people; None to let the verdict stand.
    """
