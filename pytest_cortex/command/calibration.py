"""What a machine's own noise does to verdicts: from the records of many fresh processes, per test, to a limit.

A verdict speaks of one process.  The next one has another memory layout, another place on the machine and another
neighbour, so its speedup is another; how much another, only processes can show.  Documents (the content of
``cortex.json``) come in, numbers and sentences go out: no clock, no test, no file.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_cortex.judging.evidence import Decision, forgiving_horizon, paired_ratio
from pytest_cortex.judging.gate import Gate
from pytest_cortex.wording import MISSING, plural, printable

if TYPE_CHECKING:
    from random import Random

CONFIDENCE = 0.95
# A recommended limit fails no more replays than this …
MOST_FAILED = 0.001
# … and passes all but this share: a gate that was INCONCLUSIVE five times in a row fails as well, by default, which for
# one in four happens as rarely: 0.25 to the fifth is 0.1 %.
MOST_NOT_PASSED = 0.25
# Beside it, limits are shown that fail about these shares, so that people see where it gets steep.
_SHOWN_FAILED = (MOST_FAILED, 0.01, 0.05, 0.25)

VARIANTS = 100
# Each variant is moved several times, because that costs nothing: a run moved by a factor fails limits moved by it.
_MOVES = 10
# Limits are shown with two decimals, and so sought a little finer.
_PRECISION = 1.0005
# The median absolute deviation of a bell curve times this is its standard deviation.
_DEVIATIONS = 1.4826

Key: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """What the gate said in runs of the parallel arm against itself, the tested value being the true ratio, 1.

    Attributes:
        runs: Runs with enough rounds for a verdict.
        failed: Those with FAIL: false alarms, in the place where they are likeliest.
        passed: Those with PASS.
        at_most: With 95 % confidence the true rate of false alarms is not above this; 1 without runs.
    """

    runs: int
    failed: int
    passed: int
    at_most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much the speedup moves.

    Attributes:
        processes: Processes with enough rounds for a verdict.
        speedup: Median of the processes' median speedups.
        low: Lowest median of a process.
        high: Highest median of a process.
        between: Robust standard deviation of the logarithms of the processes' medians; None for one process.
        within: The same over the rounds of a process, the middle one of all processes.
    """

    processes: int
    speedup: float
    low: float
    high: float
    between: float | None
    within: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitShare:
    """A limit, and what it would have done here.

    Attributes:
        limit: As in ``min_speedup``.
        failed: Share of the replays that FAIL it.
        passed: Share of the replays that PASS it.
        processes_failed: Processes whose own rounds, as they were, FAIL it.
        at_most: With 95 % confidence no larger share of processes would FAIL it, by these alone.
    """

    limit: float
    failed: float
    passed: float
    processes_failed: int
    at_most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCalibration:
    """One measurement of one test, over all processes.

    Attributes:
        test: The pytest node id.
        name: What was measured.
        workers: P.
        alpha: The stated rate of false alarms.
        itself: Verdicts against itself.
        spread: How much the speedup moves; None if no process had enough rounds for a verdict.
        limits: Ascending; the first is the recommended one.  Empty if one process or none has enough rounds.
        replays: How many replays the shares rest on.
        too_short: Runs that had too few counted rounds for any verdict, and are left out.
    """

    __test__ = False  # no test of pytest's, in spite of its name

    test: str
    name: str
    workers: int
    alpha: float
    itself: FalseAlarms
    spread: Spread | None
    limits: tuple[LimitShare, ...]
    replays: int
    too_short: int

    @property
    def recommended(self) -> float | None:
        """The highest limit that fails at most 0.1 % of the replays and passes at least 75 %; None without any."""
        return self.limits[0].limit if self.limits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What all processes together show.

    Attributes:
        tests: In the order of their first appearance.
        itself: The verdicts against itself of all tests; its bound holds if they are independent.
    """

    tests: tuple[TestCalibration, ...]
    itself: FalseAlarms


def calibrate(documents: Iterable[Mapping[str, Any]], *, source: Random, variants: int = VARIANTS) -> Calibration:
    """Returns what the records of several processes show about the verdicts of each test.

    Verdicts are not read from the documents but made again from their rounds, so that the gates a test happens to
    have play no part.

    Args:
        documents: Contents of ``cortex.json``, one per process.  Where the setting ``against_itself`` is on, the
            true ratio is 1.
        source: Of the resampling; the same seed gives the same numbers.
        variants: Resampled variants per process.
    """
    groups: dict[Key, list[_Run]] = {}
    for document in documents:
        for key, run in _runs(document):
            groups.setdefault(key, []).append(run)
    tests = tuple(_calibrated(key, runs, variants, source) for key, runs in groups.items())
    return Calibration(tests=tests, itself=_pooled([test.itself for test in tests]))


def upper_bound(failed: int, runs: int, confidence: float = CONFIDENCE) -> float:
    """Returns the exact upper bound of a rate of which *failed* of *runs* were seen.

    It is the rate at which so few, or fewer, are seen with the probability 1 − *confidence*: without any failure,
    1 − (1 − confidence)^(1 / runs), which for 10 runs is 26 %.

    Raises:
        ValueError: If *failed* is not from 0 to *runs*.

    Source:
        Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
        Biometrika 26(4), 1934; one-sided.
    """
    if not 0 <= failed <= runs:
        raise ValueError(f"failed must be from 0 to runs={runs!r}, got {failed!r}")
    if failed == runs:
        return 1.0
    low, high = failed / runs, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        if _chance_of_at_most(failed, runs, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _chance_of_at_most(most: int, runs: int, rate: float) -> float:
    """Returns the lower tail of the binomial distribution; by logarithms, since its terms overflow."""
    return math.fsum(
        math.exp(
            math.lgamma(runs + 1)
            - math.lgamma(seen + 1)
            - math.lgamma(runs - seen + 1)
            + seen * math.log(rate)
            + (runs - seen) * math.log1p(-rate)
        )
        for seen in range(most + 1)
    )


# From documents to runs -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The counted rounds of one measurement in one process, with a gate that has all but its limit from there."""

    ratios: tuple[float, ...]
    gate: Gate
    against_itself: bool

    @property
    def median(self) -> float:
        return _median(self.ratios)

    @property
    def long_enough(self) -> bool:
        """True if there are rounds enough for any verdict: equal ones all, they would give one."""
        return _decision(self.gate, [1.0] * len(self.ratios)) is not Decision.UNDECIDED


def _runs(document: Mapping[str, Any]) -> Iterator[tuple[Key, _Run]]:
    settings = {name: setting["value"] for name, setting in document["settings"].items()}
    for measurement in document["measurements"]:
        ratios = tuple(_ratios(measurement["rounds"]))
        gate = Gate(
            min_speedup=1.0,
            margin=settings["margin"],
            alpha=settings["alpha"],
            horizon=max(len(ratios), forgiving_horizon(settings["alpha"])),
        )
        run = _Run(ratios=ratios, gate=gate, against_itself=settings["against_itself"])
        yield (measurement["test"], measurement["name"], measurement["workers"]), run


def _ratios(rounds: Iterable[Mapping[str, Any]]) -> Iterator[float]:
    for index, each in enumerate(rounds):
        if not each["warmup"] and each["spoilt"] is None:
            yield paired_ratio(each["sequential_s"], each["parallel_s"], index=index)


def _decision(gate: Gate, ratios: Iterable[float]) -> Decision:
    """Returns what *gate* decides on *ratios*; as ``Gate.decide`` but without the words, which take the time."""
    evidence = gate.evidence()
    for ratio in ratios:
        if evidence.update(sequential_s=ratio, parallel_s=1.0) is not Decision.UNDECIDED:
            break
    return evidence.decision


# From runs to numbers -------------------------------------------------------------------------------------------------


def _calibrated(key: Key, runs: Sequence[_Run], variants: int, source: Random) -> TestCalibration:
    test, name, workers = key
    judged = [run for run in runs if run.long_enough]
    normal = [run for run in judged if not run.against_itself]
    spread = _spread(normal) if normal else None
    own, replays = list[_Replay](), list[_Replay]()
    if spread is not None and spread.between is not None:
        own = [_replay(run.gate, run.ratios) for run in normal]
        replays = [*own, *_made_up(normal, spread.between, variants, source)]
    return TestCalibration(
        test=test,
        name=name,
        workers=workers,
        alpha=runs[0].gate.alpha,
        itself=_false_alarms([run for run in judged if run.against_itself]),
        spread=spread,
        limits=_limits(own, replays) if replays else (),
        replays=len(replays),
        too_short=len(runs) - len(judged),
    )


def _false_alarms(runs: Sequence[_Run]) -> FalseAlarms:
    decisions = [_decision(replace(run.gate, margin=0.0), run.ratios) for run in runs]
    failed = decisions.count(Decision.BELOW)
    return FalseAlarms(
        runs=len(runs),
        failed=failed,
        passed=decisions.count(Decision.NOT_BELOW),
        at_most=upper_bound(failed, len(runs)),
    )


def _pooled(several: Sequence[FalseAlarms]) -> FalseAlarms:
    runs, failed = sum(each.runs for each in several), sum(each.failed for each in several)
    passed = sum(each.passed for each in several)
    return FalseAlarms(runs=runs, failed=failed, passed=passed, at_most=upper_bound(failed, runs))


def _spread(runs: Sequence[_Run]) -> Spread:
    medians = [run.median for run in runs]
    return Spread(
        processes=len(runs),
        speedup=_median(medians),
        low=min(medians),
        high=max(medians),
        between=_deviation(medians) if len(runs) > 1 else None,
        within=statistics.median(_deviation(run.ratios) for run in runs),
    )


def _median(ratios: Sequence[float]) -> float:
    return math.exp(statistics.median(map(math.log, ratios)))


def _deviation(ratios: Sequence[float]) -> float:
    """Returns the standard deviation of the logarithms, by their median deviation: one odd run does not move it."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.median(logs)
    return _DEVIATIONS * statistics.median(abs(log - middle) for log in logs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """One run, judged under every limit: PASS up to the one, FAIL above the other, and undecided between.

    It is that simple, because under a higher limit more rounds are below, so that a FAIL is easier and a PASS harder.
    """

    passes: float
    survives: float

    def moved(self, factor: float) -> _Replay:
        """Returns the run with every ratio multiplied by *factor*."""
        return _Replay(passes=self.passes * factor, survives=self.survives * factor)


def _replay(gate: Gate, ratios: Sequence[float]) -> _Replay:
    def decision(limit: float) -> Decision:
        return _decision(replace(gate, min_speedup=limit), ratios)

    return _Replay(
        passes=_highest(ratios, lambda limit: decision(limit) is Decision.NOT_BELOW),
        survives=_highest(ratios, lambda limit: decision(limit) is not Decision.BELOW),
    )


def _highest(ratios: Sequence[float], holds: Callable[[float], bool]) -> float:
    """Returns the highest limit that *holds*, where all below it do and none above."""
    held, lost = min(ratios), max(ratios)
    while not holds(held):
        held /= 2
    while holds(lost):
        lost *= 2
    while lost > _PRECISION * held:
        middle = math.sqrt(held * lost)
        held, lost = (middle, lost) if holds(middle) else (held, middle)
    return held


def _made_up(runs: Sequence[_Run], between: float, variants: int, source: Random) -> Iterator[_Replay]:
    """Yields runs as there might have been: resampled rounds, moved as processes move.

    A variant starts from the level of its own process, which has moved already; moving it once more counts the
    movement twice.  That is meant: ten processes do not know their own spread well.  At the 0.1 % the two together
    reach 1.41 · 3.09 = 4.4 deviations, where the prediction from ten values of a bell curve (t with 9 degrees of
    freedom, 4.30 · √1.1) asks for 4.5.
    """
    for run in runs:
        for _ in range(variants):
            replay = _replay(run.gate, _resampled(run.ratios, source))
            for _ in range(_MOVES):
                yield replay.moved(math.exp(between * source.gauss(0.0, 1.0)))


def _resampled(ratios: Sequence[float], source: Random) -> list[float]:
    """Returns as many rounds, drawn in blocks of about √n neighbours, so that they depend on each other as before.

    Source:
        The circular block bootstrap, Politis & Romano, in: Exploring the Limits of Bootstrap, Wiley, 1992.
    """
    n = len(ratios)
    block = round(math.sqrt(n))
    starts = [source.randrange(n) for _ in range(0, n, block)]
    return [ratios[(start + step) % n] for start in starts for step in range(block)][:n]


def _limits(own: Sequence[_Replay], replays: Sequence[_Replay]) -> tuple[LimitShare, ...]:
    passes = sorted(replay.passes for replay in replays)
    survives = sorted(replay.survives for replay in replays)
    wanted = {_rounded_down(_quantile(survives, share)) for share in _SHOWN_FAILED}
    recommended = min(*wanted, _rounded_down(_quantile(passes, MOST_NOT_PASSED)))
    return tuple(_limit_share(limit, own, passes, survives) for limit in sorted({recommended, *wanted}))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Returns the highest value that no more than *share* of all lie below."""
    return ordered[math.floor(share * len(ordered))]


def _limit_share(
    limit: float, own: Sequence[_Replay], passes: Sequence[float], survives: Sequence[float]
) -> LimitShare:
    processes_failed = sum(replay.survives < limit for replay in own)
    return LimitShare(
        limit=limit,
        failed=bisect_left(survives, limit) / len(survives),
        passed=1 - bisect_left(passes, limit) / len(passes),
        processes_failed=processes_failed,
        at_most=upper_bound(processes_failed, len(own)),
    )


def _rounded_down(limit: float) -> float:
    """Returns *limit* with two decimals, or two digits where that would leave fewer."""
    decimals = max(2, 1 - math.floor(math.log10(limit)))
    return math.floor(limit * 10.0**decimals) / 10.0**decimals


# In words -------------------------------------------------------------------------------------------------------------

_HEADINGS = ("test", "workers", "speedup", "processes", "between", "within", "false alarms", "at most", "min_speedup")


def table(calibration: Calibration) -> list[str]:
    """Returns a plain table: the headings, and one line per test."""
    rows = [_HEADINGS, *map(_row, calibration.tests)]
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))])
        for row in rows
    ]


def _row(test: TestCalibration) -> tuple[str, ...]:
    spread, itself = test.spread, test.itself
    return (
        _label(test),
        str(test.workers),
        MISSING if spread is None else f"{spread.speedup:.2f}",
        "0" if spread is None else str(spread.processes),
        _percent(None if spread is None else spread.between),
        _percent(None if spread is None else spread.within),
        f"{itself.failed} of {itself.runs}",
        _percent(itself.at_most if itself.runs else None),
        MISSING if test.recommended is None else f"{test.recommended:g}",
    )


def sentences(calibration: Calibration) -> list[str]:
    """Returns what the numbers mean and what they rest on, for people."""
    return [line for test in calibration.tests for line in _about(test)] + list(_about_all(calibration))


def _about(test: TestCalibration) -> Iterator[str]:
    yield f"{_label(test)}:"
    if test.too_short:
        yield f"  {plural(test.too_short, 'run')} left out: too few counted rounds for any verdict."
    if test.spread is not None:
        yield f"  {_moving(test.spread)}"
    if test.limits:
        yield f"  {_failing(test.limits)}"
        yield f"  {_recommending(test)}"
    else:
        yield "  No limit can be recommended: that takes two processes with enough rounds."
    if test.itself.runs:
        yield f"  {_alarms(test.itself)}; stated: {_percent(test.alpha)}."


def _moving(spread: Spread) -> str:
    moves = "" if spread.between is None else f"{_percent(spread.between)} from process to process and "
    return (
        f"The speedup is {spread.speedup:.2f} (processes: {spread.low:.2f} to {spread.high:.2f}); it moves by "
        f"{moves}{_percent(spread.within)} from round to round."
    )


def _failing(limits: Sequence[LimitShare]) -> str:
    (limit, failed, passed), *others = [(f"{e.limit:g}", _percent(e.failed), _percent(e.passed)) for e in limits]
    first = f"min_speedup={limit} would have failed {failed} of runs here and passed {passed}"
    return "; ".join([first, *(f"{limit} {failed} and {passed}" for limit, failed, passed in others)]) + "."


def _recommending(test: TestCalibration) -> str:
    limit, processes = test.limits[0], 0 if test.spread is None else test.spread.processes
    return (
        f"Recommended: min_speedup={limit.limit:g}.  This rests on {test.replays} replays of the rounds of {processes} "
        f"processes, {limit.processes_failed} of which fail it as they are; that alone proves no more than that at "
        f"most {_percent(limit.at_most)} of processes do."
    )


def _alarms(itself: FalseAlarms) -> str:
    return (
        f"Against itself {itself.failed} of {plural(itself.runs, 'run')} gave a false alarm, so the rate is at most "
        f"{_percent(itself.at_most)}"
    )


def _about_all(calibration: Calibration) -> Iterator[str]:
    if len(calibration.tests) > 1 and calibration.itself.runs:
        yield f"All tests: {_alarms(calibration.itself)}, if the runs are independent."
    yield f'"At most" is said with {CONFIDENCE:.0%} confidence, and of this machine as it was meanwhile.'


def _label(test: TestCalibration) -> str:
    return printable(test.test if test.test.endswith(test.name) else f"{test.test} {test.name}")


def _percent(share: float | None) -> str:
    """Returns two digits; more only where they stand before the point."""
    if share is None:
        return MISSING
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"
