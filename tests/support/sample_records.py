"""Records as a run would leave them, for the tests of everything that reads records."""

from dataclasses import replace

from pytest_cortex.gate import Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord, SessionRecord, SettingRecord, VerdictRecord

MEASURED = MeasurementRecord(
    test="tests/test_pipeline.py::test_small",
    name="small",
    scenario="small",
    workers=4,
    modules=4,
    rounds=(
        RoundRecord(sequential_s=2.2, parallel_s=0.7, first=Arm.PARALLEL, warmup=True),
        RoundRecord(sequential_s=2.0, parallel_s=0.5, first=Arm.SEQUENTIAL, warmup=False),
    ),
    speedup=3.92,
    speedup_low=3.9,
    speedup_high=3.95,
    sequential_s=2.0,
    parallel_s=0.51,
    ceiling=4.0,
)

UNMEASURED = replace(
    MEASURED, rounds=(), speedup=None, speedup_low=None, speedup_high=None, sequential_s=None, parallel_s=None
)


def verdict(outcome: Outcome, limit: float = 3.4, reason: str = "because") -> VerdictRecord:
    return VerdictRecord(
        gate="min_speedup",
        limit=limit,
        min_speedup=limit,
        origin="marker",
        outcome=outcome,
        rounds=1,
        reason=reason,
    )


def session(*measurements: MeasurementRecord, complete: bool = True) -> SessionRecord:
    return SessionRecord(
        created_at="2026-01-31T12:00:00Z",
        command=("--cortex-bench", "tests/my test.py"),
        seed=7,
        complete=complete,
        environment={"python": "3.11.9", "load": [0.5, 1.0]},
        settings={"horizon": SettingRecord(value=60, origin="default")},
        measurements=measurements,
    )
