"""Laws that hold for every operation, checked on random ones with real threads.

Order is judged by the sequence in which things were written down, never by a clock.
"""

import operator
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import (
    Module,
    ModuleContext,
    Operation,
    OperationExecutionReport,
    Phase,
    Status,
    execute_operation,
    module,
)

Fate = Literal["succeeds", "fails", "unwanted", "refused"]


@pytest.fixture(autouse=True, scope="module")
def hurried_threads() -> Iterator[None]:
    """Threads take turns after 10 µs instead of 5 ms, so that many more interleavings are seen."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One module of a random operation."""

    number: int
    phase: Phase
    needs: tuple[int, ...]
    follows: tuple[int, ...]
    optional: bool
    fate: Fate

    @property
    def name(self) -> str:
        return f"m{self.number}"


@dataclass
class Run:
    """A random operation and what was seen of one run of it."""

    specs: list[Spec]
    events: list[tuple[str, int]] = field(default_factory=list)

    def execute(self, **options: Any) -> OperationExecutionReport:
        operation = Operation("random", [self._module(spec) for spec in self.specs])
        return execute_operation(operation, **{"grace_s": 60.0, **options})

    def _module(self, spec: Spec) -> Module:
        def work(context: ModuleContext) -> Mapping[str, Any]:
            self.events.append(("start", spec.number))
            seen = tuple(context.get("log", ()))
            self.events.append(("end", spec.number))
            if spec.fate == "fails":
                raise OSError(spec.name)
            return {spec.name: seen, "log": (spec.name,)}

        made = module(
            id=spec.name,
            phase=spec.phase,
            depends_on=[f"m{each}" for each in spec.needs],
            runs_after=[f"m{each}" for each in spec.follows],
            optional=spec.optional,
            condition=lambda _context: spec.fate != "unwanted",
            check=lambda _context: ["refused"] if spec.fate == "refused" else [],
            merge={"log": operator.add},
        )(work)
        made.rollback(lambda _context: self.events.append(("undo", spec.number)))
        return made

    def numbers(self, what: str) -> list[int]:
        return [number for event, number in self.events if event == what]

    def before(self, spec: Spec) -> set[int]:
        """What comes directly before a module, earlier phases included."""
        return {*spec.needs, *spec.follows, *(each.number for each in self.specs if each.phase < spec.phase)}


@st.composite
def operations(draw: st.DrawFn, fates: tuple[Fate, ...] = ("fails", "unwanted", "refused")) -> list[Spec]:
    """Up to nine modules in up to three phases; one in four meets a fate other than success."""
    size = draw(st.integers(0, 9))
    phases = sorted(draw(st.lists(st.sampled_from(list(Phase)[:3]), min_size=size, max_size=size)))
    specs: list[Spec] = []
    for number in range(size):
        earlier = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        optional = draw(st.booleans())
        needs = {each for each in earlier if optional or not specs[each].optional}
        fate: Fate = draw(st.just("succeeds") if draw(st.integers(0, 3)) else st.sampled_from(fates))
        specs.append(
            Spec(
                number=number,
                phase=phases[number],
                needs=tuple(sorted(needs)),
                follows=tuple(sorted(earlier - needs)),
                optional=optional,
                fate=fate,
            )
        )
    return specs


workers = st.integers(1, 4)
policies = st.sampled_from(["rollback", "continue", "stop"])
bounded = settings(max_examples=60, deadline=None)


@bounded
@given(operations(), workers, policies)
def test_every_planned_module_is_reported_exactly_once(specs: list[Spec], p: int, policy: str) -> None:
    report = Run(specs).execute(max_parallel_workers=p, on_failure=policy)
    parts = [*report.modules_succeeded, *report.modules_failed, *report.modules_skipped]
    assert sorted(parts) == sorted(report.module_results) == sorted(spec.name for spec in specs)


@bounded
@given(operations(), workers, policies)
def test_every_start_follows_the_end_of_all_that_comes_before(specs: list[Spec], p: int, policy: str) -> None:
    run = Run(specs)
    run.execute(max_parallel_workers=p, on_failure=policy)
    for spec in specs:
        if spec.number in run.numbers("start"):
            start = run.events.index(("start", spec.number))
            ran_before = run.before(spec).intersection(run.numbers("start"))
            assert all(run.events.index(("end", each)) < start for each in ran_before)


@bounded
@given(operations(), workers, policies)
def test_no_module_runs_twice(specs: list[Spec], p: int, policy: str) -> None:
    run = Run(specs)
    run.execute(max_parallel_workers=p, on_failure=policy)
    assert len(run.numbers("start")) == len(set(run.numbers("start")))


@bounded
@given(operations(), workers, policies)
def test_status_tells_what_happened(specs: list[Spec], p: int, policy: str) -> None:
    """Entered modules end as their fate says; the others are skipped, or failed a check before they were entered."""
    run = Run(specs)
    report = run.execute(max_parallel_workers=p, on_failure=policy)
    for spec in specs:
        result = report.module_results[spec.name]
        if spec.number in run.numbers("start"):
            assert result.status is (Status.FAILED if spec.fate == "fails" else Status.SUCCEEDED)
        else:
            assert result.started_s is None
            assert result.status in {Status.SKIPPED, Status.FAILED, Status.CANCELLED}
    fatal = any(not spec.optional and report.module_results[spec.name].status is Status.FAILED for spec in specs)
    assert report.success == (not fatal)


@bounded
@given(operations(), workers)
def test_outcome_and_context_do_not_depend_on_the_number_of_workers(specs: list[Spec], p: int) -> None:
    """With ``continue`` all that can run does run, so nothing is left to timing."""
    one = Run(specs).execute(max_parallel_workers=1, on_failure="continue")
    many = Run(specs).execute(max_parallel_workers=p, on_failure="continue")
    assert list(one.context.items()) == list(many.context.items())
    assert _fates(one) == _fates(many)


def _fates(report: OperationExecutionReport) -> list[tuple[Any, ...]]:
    return [(each.id, each.status, each.skip_reason, each.data) for each in report.module_results.values()]


@bounded
@given(operations(), workers)
def test_outcome_is_the_one_that_follows_from_the_graph(specs: list[Spec], p: int) -> None:
    """An oracle of five lines: a module runs if it is wanted, not refused, and all it needs has succeeded."""
    report = Run(specs).execute(max_parallel_workers=p, on_failure="continue")
    expected: dict[int, Status] = {}
    for spec in specs:
        if any(expected[each] is not Status.SUCCEEDED for each in spec.needs) or spec.fate == "unwanted":
            expected[spec.number] = Status.SKIPPED
        else:
            expected[spec.number] = Status.SUCCEEDED if spec.fate == "succeeds" else Status.FAILED
    assert {spec.name: expected[spec.number] for spec in specs} == {
        name: result.status for name, result in report.module_results.items()
    }


@bounded
@given(operations(), workers)
def test_module_sees_exactly_its_ancestors(specs: list[Spec], p: int) -> None:
    run = Run(specs)
    report = run.execute(max_parallel_workers=p, on_failure="continue")
    past: dict[int, set[int]] = {}
    for spec in specs:
        direct = run.before(spec)
        past[spec.number] = direct.union(*(past[each] for each in direct))
        if spec.name in report.modules_succeeded:
            seen = report.context[spec.name]
            assert set(seen) == {f"m{each}" for each in past[spec.number]}.intersection(report.modules_succeeded)
            assert len(seen) == len(set(seen))


@bounded
@given(operations(), workers, st.sampled_from(["rollback", "continue"]))
def test_rollback_covers_exactly_the_entered_each_once(specs: list[Spec], p: int, policy: str) -> None:
    run = Run(specs)
    report = run.execute(max_parallel_workers=p, on_failure=policy)
    failed_alone = {s.number for s in specs if s.optional and s.name in report.modules_failed}
    due = run.numbers("start") if not report.success else failed_alone.intersection(run.numbers("start"))
    assert sorted(run.numbers("undo")) == sorted(due)
    assert sorted(report.rollback_results) == sorted(f"m{each}" for each in due)


@bounded
@given(operations(fates=("fails",)), workers)
def test_rollback_goes_against_the_dependencies(specs: list[Spec], p: int) -> None:
    """Optional modules aside, which are undone on their own when they fail."""
    run = Run(specs)
    run.execute(max_parallel_workers=p)
    undone = [each for each in run.numbers("undo") if not specs[each].optional]
    for spec in specs:
        for each in run.before(spec):
            if spec.number in undone and each in undone:
                assert undone.index(spec.number) < undone.index(each)


@bounded
@given(operations(), workers, policies)
def test_numbers_of_a_real_report_keep_their_laws(specs: list[Spec], p: int, policy: str) -> None:
    report = Run(specs).execute(max_parallel_workers=p, on_failure=policy)
    assert 0 <= report.quality <= 1
    assert report.peak_concurrency <= p
    assert report.span_s <= report.makespan_s + 1e-9
    assert report.bound_s <= report.makespan_s + 1e-9
    assert report.makespan_s <= report.total_duration_seconds
