"""Records as a run would leave them, for the tests of everything that reads records."""

from dataclasses import replace

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    Arm,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SessionRecord,
    SettingRecord,
    StepRecord,
    VerdictRecord,
)

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

EXPLAINED = replace(
    MEASURED,
    steps=(
        StepRecord(name="graph", speedup=4.0, because=""),
        StepRecord(name="left", speedup=3.92, because="clean-up: 0.01 s"),
    ),
    causes=("a lock at a.py:7", "start-up: 0.01 s"),
)

CONTENDER = replace(MEASURED, name="test_it[ours]", scenario=None, modules=None, ceiling=None, workers=1, against="old")

SCALING = ScalingRecord(
    test="tests/test_pipeline.py::test_curve",
    name="curve",
    points=(
        ScalingPointRecord(workers=1, speedup=1.0, low=1.0, high=1.0, ceiling=1.0, karp_flatt=None),
        ScalingPointRecord(workers=2, speedup=1.6, low=1.5, high=1.7, ceiling=2.0, karp_flatt=0.25),
    ),
    serial_fraction=0.25,
    serial_low=0.2,
    serial_high=0.3,
    summary="25 % is serial",
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


def session(
    *measurements: MeasurementRecord, complete: bool = True, scalings: tuple[ScalingRecord, ...] = ()
) -> SessionRecord:
    return SessionRecord(
        created_at="2026-01-31T12:00:00Z",
        command=("--cortex-bench", "tests/my test.py"),
        seed=7,
        complete=complete,
        environment={"python": "3.11.9", "load": [0.5, 1.0]},
        settings={"horizon": SettingRecord(value=60, origin="default")},
        measurements=measurements,
        scalings=scalings,
    )
