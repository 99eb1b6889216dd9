"""Records with something to show in every chart, and names that try to break one."""

import random
from collections.abc import Sequence
from dataclasses import replace

from sample_records import MEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import (
    Arm,
    HistoryPoint,
    HistorySeries,
    MeasurementRecord,
    RoundRecord,
    ScalingPointRecord,
    ScalingRecord,
    SessionRecord,
    SettingRecord,
    SpanRecord,
    StepRecord,
)

STEPS = ("graph", "balance", "contention", "overhead", "unexplained")

HOSTILE = [
    "$x^2$ and $\\frac{1}{2}$",
    "<script>alert(1)</script> --> &amp;",
    "rocket \U0001f680 and \u65e5\u672c",
    "quotes \" ' `",
    "line\nbreak\r\x00\x1b[31m \udcff \u202e",
    "W" * 100,
    "test_" + "long_" * 20 + "[param-7]",
    "",
]


def way(*levels: float, because: str = "") -> tuple[StepRecord, ...]:
    """Steps with what is left after each; *because* is said of the one that lost most before the last."""
    return tuple(
        StepRecord(name=name, speedup=level, because=because) for name, level in zip(STEPS, levels, strict=True)
    )


def made(speedup: float, count: int = 14, *, warmups: int = 2, spoilt: int = 1) -> tuple[RoundRecord, ...]:
    """Rounds around a speedup: warm-ups and disturbed ones first, both far off."""
    chance = random.Random(7)  # noqa: S311 - a picture is no secret
    off = RoundRecord(sequential_s=2.0, parallel_s=8.0 / speedup, first=Arm.PARALLEL, warmup=True)
    disturbed = replace(off, warmup=False, spoilt="other programs")
    counted = [
        RoundRecord(
            sequential_s=2.0,
            parallel_s=2.0 / speedup * chance.uniform(0.97, 1.03),
            first=Arm.SEQUENTIAL,
            warmup=False,
        )
        for _ in range(count)
    ]
    return (*[off] * warmups, *[disturbed] * spoilt, *counted)


def spans(modules: int, workers: int, each_s: float = 0.03) -> tuple[SpanRecord, ...]:
    """A run of modules that are shared out evenly."""
    return tuple(
        SpanRecord(
            module=f"module_{number}",
            worker=number % workers,
            started_s=number // workers * each_s,
            duration_s=0.9 * each_s,
        )
        for number in range(modules)
    )


def rich(
    name: str = "small", speedup: float = 3.5, *, workers: int = 4, outcome: Outcome | None = Outcome.PASS
) -> MeasurementRecord:
    """A measurement that is in every chart but that of scaling."""
    ideal = float(workers)
    return replace(
        MEASURED,
        name=name,
        workers=workers,
        modules=8,
        speedup=speedup,
        speedup_low=0.99 * speedup,
        speedup_high=1.01 * speedup,
        rounds=made(speedup),
        steps=way(ideal, ideal, (ideal + speedup) / 2, speedup - 0.01, speedup, because="a lock at a.py:7"),
        timeline=spans(8, workers),
        critical_path=("module_0", "module_4"),
        phases={f"module_{number}": number // 4 for number in range(8)},
        verdicts=() if outcome is None else (verdict(outcome, 0.85 * workers),),
    )


def curve(name: str = "crawl", workers: Sequence[int] = (1, 2, 4), serial: float = 0.1) -> ScalingRecord:
    """A program with a serial part."""
    speedups = {count: 1 / (serial + (1 - serial) / count) for count in workers}
    return ScalingRecord(
        test="tests/test_pipeline.py::test_curve",
        name=name,
        points=tuple(
            ScalingPointRecord(
                workers=count,
                speedup=speedup,
                low=0.97 * speedup,
                high=1.03 * speedup,
                ceiling=float(count),
                karp_flatt=None if count == 1 else serial,
            )
            for count, speedup in speedups.items()
        ),
        serial_fraction=serial,
        serial_low=0.9 * serial,
        serial_high=1.1 * serial,
        summary="the serial fraction is 10.0 % (9.0 % to 11.0 %), which allows a speedup of 10 at most",
    )


def run_of(*measurements: MeasurementRecord, scalings: tuple[ScalingRecord, ...] = ()) -> SessionRecord:
    """A session on two CPUs, with the default margin."""
    bare = session(*measurements, scalings=scalings)
    return replace(
        bare,
        environment={**bare.environment, "usable_cpus": 2.0},
        settings={**bare.settings, "margin": SettingRecord(value=0.02, origin="default")},
    )


def many(count: int) -> SessionRecord:
    """So many measurements with every outcome in turn, and up to ten programs at several numbers of workers."""
    outcomes = [*Outcome, None]
    run = run_of(
        *(rich(f"scenario {number}", 1 + number % 4 * 0.8, outcome=outcomes[number % 4]) for number in range(count)),
        scalings=tuple(curve(f"program {number}") for number in range(min(count, 10))),
    )
    return saved_with(*(saved(f"scenario {number}") for number in range(count)), run=run)


def saved_with(*series: HistorySeries, run: SessionRecord | None = None) -> SessionRecord:
    """A session with a history; by default one that measured nothing."""
    return replace(run or run_of(), history=series)


def saved(name: str = "small", count: int = 5, outcome: Outcome | None = Outcome.PASS) -> HistorySeries:
    """A program that was saved so many times, once a day; of the first run no interval and no limit is known."""
    return HistorySeries(
        test="tests/test_pipeline.py::test_small",
        name=name,
        workers=4,
        machine="Linux x86_64, 2 CPUs, CPython 3.11",
        points=tuple(
            HistoryPoint(
                created_at=f"2026-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00+00:00",
                speedup=3.8 + day % 3 * 0.1,
                low=3.7 if day else None,
                high=4.1 if day else None,
                limit=3.4 if day else None,
                outcome=outcome if day else None,
            )
            for day in range(count)
        ),
    )
