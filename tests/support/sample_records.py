"""Records as a run would leave them, for the tests of everything that reads records."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from statistics import median

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    Arm,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SessionRecord,
    SettingRecord,
    SpanRecord,
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


# Whole reports, as full as a run could leave them ---------------------------------------------------------------------

STEP_NAMES = ("graph", "balance", "contention", "overhead", "unexplained")


def noisy_rounds(
    speedup: float, *, count: int = 15, spread: float = 0.01, spoilt: Sequence[str] = (), seed: int = 1
) -> tuple[RoundRecord, ...]:
    """Two warm-ups, *count* rounds that count and one for each of *spoilt*, in a drawn order that repeats."""
    draw = Random(seed)  # noqa: S311 - noise, no secret
    kinds: list[str | None] = [*spoilt, *[None] * count]
    draw.shuffle(kinds)
    made = []
    for number, what in enumerate([None, None, *kinds]):
        parallel_s = 0.08 * (1.3 if number == 0 or what else 1) * math.exp(draw.gauss(0, spread))
        sequential_s = 0.08 * speedup * math.exp(draw.gauss(0, spread))
        first = draw.choice(list(Arm))
        made.append(
            RoundRecord(sequential_s=sequential_s, parallel_s=parallel_s, first=first, warmup=number < 2, spoilt=what)
        )
    return tuple(made)


def packed_timeline(modules: int, workers: int, *, longest_s: float = 0.03) -> tuple[SpanRecord, ...]:
    """Modules of uneven length, each on the worker that is free first."""
    draw = Random(modules)  # noqa: S311 - as above
    free = [0.0002 * worker for worker in range(workers)]
    spans = []
    for number in range(modules):
        worker = free.index(min(free))
        took_s = longest_s * draw.uniform(0.4, 1)
        spans.append(
            SpanRecord(module=f"module_{number + 1}", worker=worker, started_s=free[worker], duration_s=took_s)
        )
        free[worker] += took_s + 0.0003
    return tuple(spans)


def measured(
    name: str,
    outcome: Outcome | None = Outcome.PASS,
    *,
    speedup: float = 3.9,
    workers: int = 4,
    modules: int = 12,
    count: int = 15,
    spread: float = 0.01,
    spoilt: Sequence[str] = (),
    left: Sequence[float] = (4.0, 3.97, 3.95, 3.9, 3.91),
    causes: tuple[str, ...] = (),
) -> MeasurementRecord:
    """An operation that was seen from inside, with rounds around *speedup*."""
    rounds = noisy_rounds(speedup, count=count, spread=spread, spoilt=spoilt, seed=len(name))
    counted = [each for each in rounds if each.counts]
    ratios = sorted(each.sequential_s / each.parallel_s for each in counted)
    timeline = packed_timeline(modules, workers)
    because = dict(zip(STEP_NAMES, ("", *causes), strict=False))
    reasons = {
        Outcome.PASS: f"speedup {speedup:.2f} is proven not below 3.33 (3.40 less 2 %) after {count} rounds",
        Outcome.FAIL: f"speedup {speedup:.2f} is proven below 3.33 (3.40 less 2 %) after {count} rounds",
        Outcome.INCONCLUSIVE: f"neither is proven after {count} rounds; {len(spoilt)} rounds were disturbed",
    }
    return replace(
        MEASURED,
        test=f"tests/test_pipeline.py::test_{name}",
        name=name,
        scenario=None,
        workers=workers,
        modules=modules,
        rounds=rounds,
        speedup=median(ratios),
        speedup_low=ratios[1],
        speedup_high=ratios[-2],
        sequential_s=median(each.sequential_s for each in counted),
        parallel_s=median(each.parallel_s for each in counted),
        ceiling=float(workers),
        critical_path=tuple(span.module for span in timeline if span.worker == 0),
        cpu_bound=False,
        timeline=timeline,
        durations={span.module: span.duration_s for span in timeline},
        horizon=60,
        steps=tuple(
            StepRecord(name=step, speedup=value, because=because.get(step, ""))
            for step, value in zip(STEP_NAMES, left, strict=True)
        ),
        causes=tuple(filter(None, causes)),
        verdicts=() if outcome is None else (verdict(outcome, reason=reasons[outcome]),),
    )


LOCKED = measured(
    "resizing behind a lock",
    Outcome.FAIL,
    speedup=1.02,
    left=(4.0, 3.9, 1.1, 1.03, 1.02),
    causes=("", "modules take longer beside each other ('module_1' 3.9 times): so they share a lock or a pool"),
)
UNSURE = replace(
    measured(
        "crawling",
        Outcome.INCONCLUSIVE,
        speedup=3.4,
        spread=0.12,
        spoilt=("run delay 12 %", "run delay 31 %", "steal 9 %"),
        left=(4.0, 3.8, 3.7, 3.3, 3.4),
    ),
    notes=("2 CPUs for 4 workers",),
    warnings=("the limit is 40 % below the baseline main: raise it to 3.1",),
)
FROM_OUTSIDE = replace(
    measured("thumbnails", Outcome.PASS, speedup=3.7),
    modules=None,
    ceiling=None,
    critical_path=(),
    timeline=(),
    durations={},
    steps=(),
)
STOPPED = replace(
    UNMEASURED, name="deadlocked", error="ArmStopped: the parallel arm ran longer than 60 s", verdicts=(), scenario=None
)
RIVAL = replace(measured("parsing[ours]", None, speedup=1.3, workers=1), against="theirs", steps=(), timeline=())
WIDE_SCALING = ScalingRecord(
    test="tests/test_pipeline.py::test_crawl",
    name="crawl",
    points=tuple(
        ScalingPointRecord(
            workers=workers,
            speedup=speedup,
            low=speedup * 0.97,
            high=speedup * 1.03,
            ceiling=float(min(workers, 6)),
            karp_flatt=None if workers == 1 else (1 / speedup - 1 / workers) / (1 - 1 / workers),
        )
        for workers, speedup in ((1, 1.0), (2, 1.85), (4, 3.1), (8, 4.4))
    ),
    serial_fraction=0.1,
    serial_low=0.08,
    serial_high=0.12,
    summary="about 10.0 % of the work is serial, so no number of workers makes it more than 10 times as fast",
)


def full_session() -> SessionRecord:
    """One of everything: verdicts of each kind, an error, a warning, contenders, a scaling."""
    healthy = measured("pictures")
    return replace(
        session(healthy, LOCKED, UNSURE, FROM_OUTSIDE, STOPPED, RIVAL, scalings=(SCALING, WIDE_SCALING)),
        environment={
            "python": "3.12.4",
            "gil": True,
            "usable_cpus": 4.0,
            "load_average": 0.31,
            "versions": {"pytest": "9.2.0", "pandas": "3.1.1"},
        },
    )


def many(count: int) -> SessionRecord:
    """So many measurements, of each verdict in turn, with 60 rounds and twelve modules each."""
    outcomes = [*Outcome, Outcome.PASS, Outcome.PASS]
    return session(
        *(
            measured(
                f"scenario_{number}",
                outcomes[number % len(outcomes)],
                speedup=1 + 0.0145 * (number * 37 % count) * 200 / count,
                count=60,
                left=(4.0, 3.9, 3.7, 3.2, 1 + 0.0145 * (number * 37 % count) * 200 / count),
            )
            for number in range(count)
        )
    )
