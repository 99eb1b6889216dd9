"""What a call of ``cortex_bench`` returns: numbers to look at, and gates to ask for.

Every gate is judged on the rounds that are there already; where those do not suffice, more are made.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from orchestrator import OperationTerminated
from pytest_cortex.baselines.changes import changes
from pytest_cortex.baselines.comparison import Comparison, entry_of
from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.baselines.proof import TooFewRounds, baseline_limit, stale
from pytest_cortex.baselines.store import NoBaseline
from pytest_cortex.bench.allowance import Stopwatch
from pytest_cortex.bench.court import Court
from pytest_cortex.bench.diagnosis import Diagnosis, diagnosis_of_graph, diagnosis_of_programs
from pytest_cortex.bench.subject import Subject
from pytest_cortex.graphs.modelled import judge_modelled
from pytest_cortex.graphs.structure import judge_structure, structure_of
from pytest_cortex.judging.conditions import Conditions, final_verdict, verdict_of, verdict_without_rounds
from pytest_cortex.judging.estimate import Estimate, estimate_speedup
from pytest_cortex.judging.evidence import RESERVE, smallest_horizon
from pytest_cortex.judging.gate import Gate, Outcome, Verdict
from pytest_cortex.measuring import machine
from pytest_cortex.measuring.rounds import PairedRounds, Rounds
from pytest_cortex.record import GateName, MeasurementRecord, RoundRecord, StepRecord, VerdictRecord
from pytest_cortex.settings.settings import Limit
from pytest_cortex.settings.values import STRUCTURE_GATES
from pytest_cortex.wording import plural

# Without a gate, rounds are made for the interval only, which takes seven; fifteen are enough.
_FEWEST_ROUNDS = 7
_ROUNDS_WITHOUT_GATE = 15

# Larger graphs are not written down module by module.
_MOST_MODULES_RECORDED = 2000

# How the notes begin that say of an error that it was raised around an arm and not in it.
_AROUND_AN_ARM = ("in setup=", "in teardown=", "in the end of")


class GateFailed(AssertionError):
    """A gate's verdict is FAIL.

    Attributes:
        name: What was measured.
        verdict: The verdict.
        causes: Sentences on why it is no faster, the weightiest first, as far as the data show it.
    """

    def __init__(self, name: str, verdict: VerdictRecord, causes: tuple[str, ...] = ()) -> None:
        super().__init__(name, verdict, causes)
        self.name = name
        self.verdict = verdict
        self.causes = causes

    def __str__(self) -> str:
        verdict = self.verdict
        said = f"{self.name}: FAIL {verdict.asked} ({verdict.origin}): {verdict.reason}"
        return "\n".join([said, *(f"  why: {cause}" for cause in self.causes)])


class BenchResult:
    """What was measured.  Its numbers are plain floats: fine to print, unguarded to assert on.

    Attributes:
        name: How reports call it.
        workers: P of the parallel arm.
        against: The contender it is held against; None where that is its own sequential twin.
        verdicts: Every gate's verdict so far.
    """

    def __init__(self, court: Court, subject: Subject, rounds: Rounds) -> None:
        self._court = court
        self._subject = subject
        self._rounds = PairedRounds(rounds, subject.reference, subject.contender)
        self._diagnosis: Diagnosis | None = None
        self._changes: tuple[str, ...] = ()
        self._warnings: list[str] = []
        self._stopwatch = Stopwatch()
        self._no_time: str | None = None
        self._leftovers: tuple[str, ...] = ()
        self._looked_for_them_after = 0  # rounds
        self.name = subject.name
        self.workers = subject.workers
        self.against = subject.against
        self.verdicts: list[VerdictRecord] = []
        self.error: str | None = None

    def __repr__(self) -> str:
        return f"<BenchResult {self.name}: speedup {self.speedup:.2f} on {self.workers} workers>"

    # Numbers ----------------------------------------------------------------------------------------------------------

    @property
    def rounds(self) -> tuple[RoundRecord, ...]:
        """The counted rounds."""
        return tuple(self._rounds.counted)

    @property
    def not_measured(self) -> str | None:
        """Why no round counts, though some were to be made; None if one does."""
        spoilt = self._rounds.shared.spoilt
        if self._rounds.counted or not (self._no_time or spoilt):
            return None
        return self._no_time or f"of {plural(len(spoilt), 'round')} all were disturbed from outside, e.g. {spoilt[0]}"

    @property
    def speedup(self) -> float:
        """Median of sequential / parallel over the counted rounds; NaN if there are none."""
        speedup = self._estimate().speedup
        return math.nan if speedup is None else speedup

    @property
    def efficiency(self) -> float:
        """Speedup / workers."""
        return self.speedup / self.workers

    @property
    def ceiling(self) -> float | None:
        """The most speedup the graph allows; None where there is no graph."""
        ceiling = self._subject.ceiling
        return None if ceiling is None else ceiling.speedup

    @property
    def causes(self) -> tuple[str, ...]:
        """Sentences on why it is no faster, the weightiest first, as far as the data show it."""
        return self._causes_in(self._known_diagnosis())

    def _causes_in(self, diagnosis: Diagnosis | None) -> tuple[str, ...]:
        return self._changes + (() if diagnosis is None else diagnosis.causes)

    def _estimate(self) -> Estimate:
        return estimate_speedup(self._rounds.ratios)

    # Gates ------------------------------------------------------------------------------------------------------------

    def assert_speedup(self, limit: float) -> None:
        """Gates the speedup, with the same evidence and error rate as a marker.

        Raises:
            GateFailed: If the true speedup is proven below *limit* less the margin.
            ValueError: If *limit* is no speedup.
        """
        __tracebackhide__ = True
        self.judge(Limit(gate="min_speedup", value=limit, origin="assert_speedup"))

    def assert_efficiency(self, limit: float) -> None:
        """Gates the efficiency, speedup / workers; as ``assert_speedup``."""
        __tracebackhide__ = True
        self.judge(Limit(gate="min_efficiency", value=limit, origin="assert_efficiency"))

    def judge(self, limit: Limit) -> None:
        """Makes as many rounds as the gate needs, and notes its verdict.

        Raises:
            GateFailed: If the verdict is FAIL.
            TypeError: If the gate is on structure and there is no graph.
        """
        __tracebackhide__ = True
        if limit.gate in STRUCTURE_GATES:
            with self._noting_errors():
                verdict = self._verdict_on_structure(limit)
            self._settle(limit, None, verdict)
        else:
            self._settle_by(self._court.gate(limit, self.workers, self._court.next_alpha()), limit)

    def judge_as_speedup(self, limit: Limit, speedup: float) -> None:
        """Judges a gate of another kind by the speedup that its limit stands for.

        Raises:
            GateFailed: If the verdict is FAIL.
        """
        __tracebackhide__ = True
        by_speedup = Limit(gate="min_speedup", value=speedup, origin=limit.origin)
        self._settle_by(self._court.gate(by_speedup, self.workers, self._court.next_alpha()), limit)

    def _settle_by(self, gate: Gate, limit: Limit) -> None:
        __tracebackhide__ = True
        with self._noting_errors():
            verdict = self._verdict(gate)
        self._settle(limit, gate.limit, verdict)

    def judge_against(self, baseline: Comparison) -> None:
        """Judges whether the speedup is worse than in *baseline*; what has changed since then may be a cause of it.

        Raises:
            GateFailed: If the verdict is FAIL.
        """
        __tracebackhide__ = True
        limit = Limit(gate="baseline", value=math.nan, origin=f"baseline {baseline.name}")
        with self._noting_errors():
            entry = baseline.entry(self._court.test, self.name, self.workers)
            if isinstance(entry, NoBaseline):
                verdict = verdict_of(Outcome.INCONCLUSIVE, entry.reason)
            else:
                limit, verdict = self._judged_against(entry, limit)
                self._compare_with(entry, baseline.name)
        self._settle(limit, _known(limit.value), verdict)

    def _judged_against(self, entry: BaselineEntry, limit: Limit) -> tuple[Limit, Verdict]:
        """The baseline is uncertain too, so it gets half of the error rate, and the gate the other half."""
        __tracebackhide__ = True
        alpha = self._court.next_alpha() / 2
        try:
            limit = replace(limit, value=baseline_limit(entry, alpha=alpha))
        except TooFewRounds as error:
            self.measure_without_gate()
            return limit, verdict_of(Outcome.INCONCLUSIVE, str(error))
        gate = self._court.gate(limit, self.workers, alpha)
        verdict = self._verdict(gate)
        if verdict.outcome is Outcome.INCONCLUSIVE:
            verdict = self._modelled_against(entry, gate) or verdict
        return limit, verdict

    def _modelled_against(self, entry: BaselineEntry, gate: Gate) -> Verdict | None:
        """The modelled speedup has a baseline of its own."""
        try:
            value = baseline_limit(entry, alpha=gate.alpha * RESERVE, modelled=True)
        except TooFewRounds:
            return None
        return self._verdict_by_model(replace(gate, min_speedup=value, horizon=self._rounds.shared.horizon))

    def _compare_with(self, entry: BaselineEntry, name: str) -> None:
        """Notes what has changed since the baseline."""
        now = entry_of(self.record())
        if now is not None:
            self._changes = changes(entry, now)
            self._warnings += filter(None, [stale(entry, now, name=name, alpha=self._court.rules.alpha)])

    def _settle(self, limit: Limit, min_speedup: float | None, verdict: Verdict) -> None:
        """Writes a verdict down.

        Raises:
            GateFailed: If it is FAIL.
        """
        __tracebackhide__ = True
        self._look_for_leftovers()
        verdict = self._court.streaked(self._key(limit.gate), self._uncontested(limit, min_speedup, verdict))
        self.verdicts.append(_written(limit, min_speedup, verdict))
        if verdict.outcome is not Outcome.PASS:
            with self._stopwatch:
                self._diagnose(min_speedup)
        if verdict.outcome is Outcome.FAIL:
            raise GateFailed(self.name, self.verdicts[-1], self.causes)

    def _uncontested(self, limit: Limit, min_speedup: float | None, verdict: Verdict) -> Verdict:
        """Returns *verdict*, or INCONCLUSIVE if somebody objects to PASS or FAIL."""
        __tracebackhide__ = True
        if verdict.outcome is Outcome.INCONCLUSIVE:
            return verdict
        with self._noting_errors():
            why = self._court.objection(self.record, _written(limit, min_speedup, verdict))
        if why is None:
            return verdict
        return replace(
            verdict, outcome=Outcome.INCONCLUSIVE, reason=f"{why}; otherwise {verdict.outcome}: {verdict.reason}"
        )

    def _key(self, gate: GateName) -> str:
        """Names the gate from run to run."""
        alike = sum(former.gate == gate for former in self.verdicts)
        return f"{self.name} {gate}#{alike + 1}" if alike else f"{self.name} {gate}"

    def _verdict_on_structure(self, limit: Limit) -> Verdict:
        subject = self._subject
        if subject.plan is None:
            raise TypeError(
                f"{limit.gate} ({limit.origin}) is a gate on a graph of modules, and {self.name!r} has none: it is for "
                "operations and scenarios"
            )
        structure = structure_of(subject.plan, subject.designed, self.workers)
        return judge_structure(limit.gate, limit.value, structure)

    def _verdict(self, gate: Gate) -> Verdict:
        __tracebackhide__ = True
        immediate = verdict_without_rounds(gate, self._conditions())
        if immediate is None:
            return self._verdict_by_rounds(gate)
        if immediate.outcome is Outcome.INCONCLUSIVE and not self._rounds.counted:
            self.measure_without_gate()  # no verdict can come of it, but people want to see the numbers
        return immediate

    def _verdict_by_rounds(self, gate: Gate) -> Verdict:
        __tracebackhide__ = True
        if self._out_of_time(smallest_horizon(gate.alpha)):
            return verdict_of(Outcome.INCONCLUSIVE, self._no_time or "")
        shared = self._rounds.shared
        gate = replace(gate, horizon=shared.horizon)
        evidence = gate.evidence()
        for made in self._rounds_in_time():
            evidence.update(sequential_s=made.sequential_s, parallel_s=made.parallel_s)
            shared.spaced = shared.spaced or evidence.held_back
            if evidence.settled and not self._court.rules.to_the_end:
                break
        cut_short = evidence.rounds < gate.horizon
        verdict = gate.verdict(evidence, because=self._court.allowance.spent if cut_short else None)
        verdict = final_verdict(gate, verdict, self._conditions())
        if verdict.outcome is not Outcome.INCONCLUSIVE:
            return verdict
        return self._verdict_by_model(gate) or verdict

    def _verdict_by_model(self, gate: Gate) -> Verdict | None:
        """FAIL if even the model cannot reach the limit; it gets the part of alpha that the rounds never spend."""
        modelled = self._subject.modelled
        return judge_modelled(
            modelled, limit=gate.limit, margin=gate.margin, alpha=gate.alpha * RESERVE, horizon=gate.horizon
        )

    def _conditions(self) -> Conditions:
        return Conditions(
            workers=self.workers,
            usable_cpus=machine.usable_cpus(),
            cpu_bound=self._rounds.cpu_bound,
            tracer=machine.active_tracer(),
            load_average=machine.load_average(),
            ceiling=self._subject.certain_ceiling,
            spoilt=tuple(self._rounds.shared.spoilt),
        )

    def measure_without_gate(self) -> None:
        """Makes enough rounds for an interval."""
        __tracebackhide__ = True
        rules = self._court.rules
        with self._noting_errors():
            if self._out_of_time(_FEWEST_ROUNDS):
                return
            budget_s, spent_s = self._court.budget.seconds, 0.0
            most = None if rules.to_the_end else _ROUNDS_WITHOUT_GATE
            for number, made in enumerate(islice(self._rounds_in_time(), most), start=1):
                spent_s += made.sequential_s + made.parallel_s
                if number >= _FEWEST_ROUNDS and spent_s >= budget_s:
                    break
        self._look_for_leftovers()

    def _look_for_leftovers(self) -> None:
        """Notes threads and processes that most runs have left behind, once they have had time to go."""
        shared = self._rounds.shared
        if len(shared.made) > self._looked_for_them_after:
            self._leftovers = shared.leftovers.complaints((self._subject.reference, self._subject.contender))
            self._looked_for_them_after = len(shared.made)

    def _out_of_time(self, fewest: int) -> bool:
        """True if the bench has no time for so many rounds; the warm-ups tell how long one takes."""
        __tracebackhide__ = True
        allowance, shared = self._court.allowance, self._rounds.shared
        self._no_time = None
        if allowance.total_s is None or shared.counted:
            return False
        self._no_time = allowance.spent
        if self._no_time is None and shared.horizon:  # the warm-ups are made now, at the latest
            round_s = statistics.median(made.seconds for made in shared.made)
            self._no_time = allowance.spent or allowance.too_little_for(fewest, round_s)
        return self._no_time is not None

    def _rounds_in_time(self) -> Iterator[RoundRecord]:
        """All counted rounds there are already, then new ones, as long as the bench has time for them."""
        __tracebackhide__ = True
        known = len(self._rounds.counted)
        for number, made in enumerate(self._rounds.stream(), start=1):
            yield made
            if number >= known and self._court.allowance.spent:
                break

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        __tracebackhide__ = True
        try:
            with self._stopwatch:
                yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt | OperationTerminated)
            self.error = "interrupted" if interrupted else _in_one_line(error)
            raise
        finally:
            self._rounds.shared.rest()

    # Where the missing speedup went -----------------------------------------------------------------------------------

    def _diagnose(self, min_speedup: float | None) -> None:
        """Looks closer at what fell short of its limit: programs are run once more, and watched."""
        measured = bool(self._rounds.counted) and self.against is None
        if self._diagnosis is None and measured and self.speedup < (min_speedup or 0.0):
            self._diagnosis = self._known_diagnosis() or diagnosis_of_programs(self._subject, self._rounds)

    def _known_diagnosis(self) -> Diagnosis | None:
        """What is known without another run; rounds that were all disturbed explain nothing."""
        return self._diagnosis or (diagnosis_of_graph(self._subject) if self._rounds.counted else None)

    def record(self) -> MeasurementRecord:
        """The measurement as it is written down."""
        subject, counted, estimate = self._subject, self._rounds.counted, self._estimate()
        scenario, graph = subject.scenario, subject.plan
        diagnosis = self._known_diagnosis()
        small = graph is not None and len(graph) <= _MOST_MODULES_RECORDED
        return MeasurementRecord(
            test=self._court.test,
            name=self.name,
            scenario=None if scenario is None else scenario.name,
            workers=self.workers,
            modules=None if graph is None else len(graph),
            rounds=tuple(self._rounds.records),
            speedup=estimate.speedup,
            speedup_low=estimate.low,
            speedup_high=estimate.high,
            sequential_s=_median([each.sequential_s for each in counted]),
            parallel_s=_median([each.parallel_s for each in counted]),
            ceiling=self.ceiling,
            critical_path=subject.critical_path,
            cpu_bound=self._rounds.cpu_bound,
            against=subject.against,
            modelled=subject.modelled,
            durations=dict(subject.durations) if small else {},
            dependencies=subject.dependencies if small else (),
            phases=subject.phases if small else {},
            timeline=subject.timeline if small else (),
            horizon=self._rounds.shared.fixed_horizon,
            steps=() if diagnosis is None else _ending_at(estimate.speedup, diagnosis.steps),
            causes=self._causes_in(diagnosis),
            verdicts=tuple(self.verdicts),
            batch=self._rounds.shared.batch,
            notes=tuple(self._notes()),
            warnings=(*self._warnings, *self._leftovers),
            error=self.error,
            took_s=self._stopwatch.seconds,
        )

    def _notes(self) -> Iterator[str]:
        scenario, batch = self._subject.scenario, self._rounds.shared.batch
        if scenario is not None and scenario.note:
            yield scenario.note
        if batch > 1:
            yield (
                f"each time is that of {batch} runs in a row divided by their number: one alone is too short to time"
            )
        if self.not_measured is not None:
            yield f"not measured: {self.not_measured}"


def _written(limit: Limit, min_speedup: float | None, verdict: Verdict) -> VerdictRecord:
    return VerdictRecord(
        gate=limit.gate,
        limit=_known(limit.value),
        min_speedup=min_speedup,
        origin=limit.origin,
        outcome=verdict.outcome,
        rounds=verdict.rounds,
        reason=verdict.reason,
    )


def _ending_at(speedup: float | None, steps: tuple[StepRecord, ...]) -> tuple[StepRecord, ...]:
    """Leads the last step to the speedup that is reported: what others explain of medians of times differs a little."""
    return (*steps[:-1], replace(steps[-1], speedup=speedup)) if steps and speedup is not None else steps


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _in_one_line(error: BaseException) -> str:
    """Type and first line of a message, for a table; of a group also its first error, and where it was raised."""
    text = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if isinstance(error, BaseExceptionGroup):
        text = f"{text}: {_in_one_line(error.exceptions[0])}"
    where = next((note for note in getattr(error, "__notes__", ()) if note.startswith(_AROUND_AN_ARM)), None)
    return text if where is None else f"{text} ({where})"
