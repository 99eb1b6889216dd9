"""An examination with nothing wrong in it, for tests to spoil one fact at a time."""

from __future__ import annotations

from pytest_cortex.command.examination import Examination
from pytest_cortex.command.look import Look
from pytest_cortex.measuring.probes import Probes

CALM = Look(kind="waiting", rounds=60, disturbed={}, ratio=1.0, low=0.99, high=1.01)
BUSY = Look(
    kind="computing",
    rounds=16,
    disturbed={"other programs on the CPUs": 12, "run delay": 3},
    ratio=None,
    low=None,
    high=None,
)

SOUND = Examination(
    system="Linux x86_64",
    cpus=4,
    allowed_cpus=2,
    quota=None,
    usable_cpus=2.0,
    load_average=0.4,
    stolen=0.001,
    pressure=0.03,
    throttled=None,
    readable=("run delay", "steal"),
    python="CPython 3.12.1",
    gil=True,
    free_threaded=False,
    versions={"pytest-cortex": "0.1.0", "pytest": "9.2.0"},
    tracer=None,
    coverage_core="ctrace",
    coverage_origin=None,
    not_loaded=None,
    probes=Probes(clock_step_s=1e-7, sleep_overshoot_s=6e-5, worst_sleep_overshoot_s=2e-4, thread_s=4e-5),
    looks=(CALM, Look(kind="computing", rounds=60, disturbed={}, ratio=1.0, low=0.9, high=1.1)),
)
