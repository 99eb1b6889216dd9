"""``benchmark.json``: the times in pytest-benchmark's layout, so that its ``compare`` and histograms read them.

One entry per program, with the seconds of its counted rounds; the i-th of both programs are of the same round.  The
statistics are those that pytest-benchmark defines, computed here, because it need not be installed where this runs.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

from pytest_cortex.record import Arm
from pytest_cortex.reporting.document import plain
from pytest_cortex.reporting.rows import lasting_name
from pytest_cortex.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_cortex.record import MeasurementRecord, SessionRecord

LAYOUT_OF = "5.3.1"
"""The version of pytest-benchmark whose layout this is."""

# What pytest-benchmark writes of the machine, and the fact it is here.  The host's name is left empty: it says nothing
# about speed, and reports are passed on.
_MACHINE_INFO = {
    "processor": "processor",
    "machine": "machine",
    "python_compiler": "python_compiler",
    "python_implementation": "implementation",
    "python_implementation_version": "python",
    "python_version": "python",
    "python_build": "python_build",
    "release": "release",
    "system": "system",
}
_NO_COMMIT = {"id": "unversioned", "time": None, "author_time": None, "dirty": False, "project": "", "branch": ""}
_TUKEY = 1.5  # beyond so many interquartile ranges from the quartiles, a datum is an outlier


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """One program of one measurement.

    Attributes:
        test: The pytest node id.
        base: What both programs of the measurement are called.
        arm: Which of them this is.
        workers: How many workers it was allowed.
        seconds: By counted round.
        measurement: Where it is from; None where several measurements share it.
    """

    test: str
    base: str
    arm: str
    workers: int
    seconds: tuple[float, ...]
    measurement: MeasurementRecord | None

    @property
    def name(self) -> str:
        """As pytest names a test with a parameter."""
        return f"{self.base}[{self.arm}]"


def encode(session: SessionRecord) -> bytes:
    """Returns the bytes of ``benchmark.json``."""
    programs = _programs(session)
    group = _groups(programs)
    document = {
        "machine_info": _machine_info(session.environment),
        "commit_info": {**_NO_COMMIT, **(session.environment.get("commit") or {})},
        "benchmarks": [_entry(each, group(each), session) for each in programs],
        "datetime": session.created_at,
        "version": LAYOUT_OF,
    }
    return f"{json.dumps(plain(document), indent=2, allow_nan=False)}\n".encode()


def _machine_info(environment: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: environment.get(fact, "") for name, fact in _MACHINE_INFO.items()}
    return {"node": "", **facts, "cpu": {"count": environment.get("cpus")}}


# Programs -------------------------------------------------------------------------------------------------------------


def _programs(session: SessionRecord) -> list[_Program]:
    """Every program that has a counted round, once."""
    scaled = {(each.test, f"{each.name}[{point.workers}]") for each in session.scalings for point in each.points}
    found: dict[tuple[str, str], _Program] = {}
    for measurement in session.measurements:
        for program in _pair(measurement, scaled=(measurement.test, measurement.name) in scaled):
            found.setdefault((program.test, program.name), program)
    return [program for program in found.values() if program.seconds]


def _pair(measurement: MeasurementRecord, *, scaled: bool) -> Iterator[_Program]:
    """The two programs of a measurement; contenders and numbers of workers share the one they are held against."""
    base, reference, other = measurement.name, Arm.SEQUENTIAL.value, Arm.PARALLEL.value
    shared = scaled or measurement.against is not None
    if shared:
        base, _bracket, other = measurement.name.removesuffix("]").rpartition("[")
        reference = measurement.against or "1"
    times = [(each.sequential_s, each.parallel_s) for each in measurement.rounds if each.counts]
    whole = [pair for pair in times if all(map(math.isfinite, pair))]
    for place, (arm, workers) in enumerate(((reference, 1), (other, measurement.workers))):
        yield _Program(
            test=measurement.test,
            base=base,
            arm=arm,
            workers=workers,
            seconds=tuple(pair[place] for pair in whole),
            measurement=None if shared and arm == reference else measurement,
        )


def _groups(programs: Sequence[_Program]) -> Callable[[_Program], str]:
    """Returns what names a program's group: with the test's id where several tests measure something of one name."""
    tests: defaultdict[str, set[str]] = defaultdict(set)
    for program in programs:
        tests[program.base].add(program.test)

    def group(program: _Program) -> str:
        alone = len(tests[program.base]) == 1
        return printable(f"cortex:{program.base}" if alone else f"cortex:{program.base} · {program.test}")

    return group


# Entries --------------------------------------------------------------------------------------------------------------


def _entry(program: _Program, group: str, session: SessionRecord) -> dict[str, Any]:
    return {
        "group": group,
        "name": printable(program.name),
        "fullname": lasting_name(program.test, program.name),
        "params": {"program": program.arm, "workers": program.workers},
        "param": printable(program.arm),
        "extra_info": {"cortex": _ours(program, session.schema)},
        "options": _options(session),
        "stats": statistics_of(program.seconds),
    }


def _ours(program: _Program, schema: int) -> dict[str, Any]:
    """What pytest-benchmark has no place for."""
    known = {"schema": schema, "test": program.test, "program": program.arm, "workers": program.workers}
    measurement = program.measurement
    if measurement is None:
        return known
    names = ("name", "against", "speedup", "speedup_low", "speedup_high", "efficiency", "ceiling", "outcome")
    verdicts = [asdict(verdict) for verdict in measurement.verdicts]
    return {**known, **{name: getattr(measurement, name) for name in names}, "verdicts": verdicts}


def _options(session: SessionRecord) -> dict[str, Any]:
    budget = session.settings.get("time_budget")
    return {
        "disable_gc": False,
        "timer": "perf_counter_ns",
        "min_rounds": 1,
        "max_time": None if budget is None else budget.value,
        "min_time": 0.0,
        "precision": None,
        "confidence": None,
        "warmup": True,
    }


def statistics_of(seconds: Sequence[float]) -> dict[str, Any]:
    """Returns the statistics that pytest-benchmark keeps.

    Args:
        seconds: ``(n_rounds,)`` finite seconds of one program, at least one.
    """
    ordered = sorted(seconds)
    mean, deviation = fmean(ordered), stdev(ordered) if len(ordered) > 1 else 0.0
    low, high = _quartiles(ordered)
    fences = low - _TUKEY * (high - low), high + _TUKEY * (high - low)
    strays, outliers = _outside(ordered, mean - deviation, mean + deviation), _outside(ordered, *fences)
    total = math.fsum(ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(ordered),
        "median": median(ordered),
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": outliers,
        "stddev_outliers": strays,
        "outliers": f"{strays};{outliers}",
        "ld15iqr": min((each for each in ordered if each >= fences[0]), default=ordered[0]),
        "hd15iqr": max((each for each in ordered if each <= fences[1]), default=ordered[-1]),
        "ops": len(ordered) / total if total else 0.0,
        "total": total,
        "data": list(seconds),
        "iterations": 1,
    }


def _outside(values: Sequence[float], low: float, high: float) -> int:
    return sum(not low <= value <= high for value in values)


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    """The medians of the two halves; of an odd number, each weighted with its neighbour, a quarter to three quarters.

    Source:
        The second and third of the four methods that Wikipedia lists under "Quartile", as in pytest-benchmark.
    """
    half, odd = divmod(len(ordered), 2)
    if not odd:
        return median(ordered[:half]), median(ordered[half:])
    if not half:
        return ordered[0], ordered[0]
    place = len(ordered) // 4
    near, far = (place, place - 1) if half % 2 == 0 else (place, place + 1)
    low = 0.75 * ordered[near] + 0.25 * ordered[far]
    high = 0.75 * ordered[-1 - near] + 0.25 * ordered[-1 - far]
    return low, high
