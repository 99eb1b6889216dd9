"""Driving a schedule with threads.

There is no scheduler thread.  The state belongs to whichever worker holds the lock: it settles the module it has just
run, takes the next one, wakes as many idle workers as there are further ready modules, and lets go.  So a worker that
completes a module goes straight on with a successor, and a hand-off between threads, the expensive thing here, happens
only when a second module really can run.

Worker 0 is the thread that called ``execute_operation``.  With one worker it is the only one: the sequential run is
this same code.
"""

from __future__ import annotations

import contextvars
import math
import reprlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from orchestrator.context import Ledger, ModuleContext
from orchestrator.errors import OperationCancelled, OperationTerminated
from orchestrator.graph import Graph
from orchestrator.interrupts import Interrupts
from orchestrator.report import RollbackResult, RollbackStatus, Status
from orchestrator.schedule import Schedule
from orchestrator.undo import roll_back, roll_back_all

S = TypeVar("S")
T = TypeVar("T")
OnFailure: TypeAlias = Literal["rollback", "continue", "stop"]

UNSAFE_AFTER_S = 2.0
"""How much longer than the grace period an abandoned module may take and still be rolled back, in seconds."""

LOOKS = 100
"""How often a worker looks whether the state is free before it queues up."""

LOOK_UP_S = 0.2
"""How long the caller sleeps at a stretch, in seconds: a signal just before a lock blocks does not end the blocking."""


class Outcome(NamedTuple):
    """What running one module came to.

    Attributes:
        status: How it ended.
        started_ns: When it was entered, None if it was not.
        finished_ns: When it ended.
        worker: Who ran it.
        data: What it returned.
        error: What it raised.
        undone: How its own rollback went, for an optional module that failed half-way.
    """

    status: Status
    started_ns: int | None
    finished_ns: int
    worker: int
    data: Mapping[str, Any] | None = None
    error: BaseException | None = None
    undone: RollbackResult | None = None


@dataclass(slots=True, eq=False)
class _Worker:
    """One execution slot.

    Attributes:
        number: 0 for the calling thread.
        baton: Held while there is nothing to do; released by whoever has work.
        node: What it is running.
        since_ns: Since when; None until the module is entered.
        thread: None for the calling thread.
    """

    number: int
    baton: threading.Lock = field(default_factory=threading.Lock)
    node: int | None = None
    since_ns: int | None = None
    thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.baton.acquire()

    def wake(self) -> None:
        """Wakes the worker; once too often does no harm, since it looks for itself whether there is work."""
        try:
            self.baton.release()
        except RuntimeError:  # it is awake
            return


class _Turn:
    """Takes the lock without queueing for it, as long as that goes well.

    A thread that blocks on a lock gets it while it still waits for the interpreter; the one that let it go then
    blocks in its turn, and from there on every module costs two switches between threads.  Who looks again instead
    leaves the interpreter to the owner, which goes on for its whole time slice.

    Args:
        lock: What is taken.
    """

    __slots__ = ("_acquire", "_lock")

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._acquire = lock.acquire

    def __enter__(self) -> None:
        for _attempt in range(LOOKS):
            if self._acquire(blocking=False):
                return
            time.sleep(0)
        self._acquire()

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()


class Runner:
    """Runs one graph once.

    Args:
        graph: What to run.
        workers: P, the most modules at once.
        initial: The caller's context.
        on_failure: What a failed required module means for the rest.
        grace_s: Seconds that running modules get to end once the operation is being stopped.

    Attributes:
        outcomes: Per node that was tried.
        errors: What went wrong, in order.
        rollbacks: Per node, in the order done.
        interrupts: Signals seen.
        start_ns: When it began, by the clock of all times here.
        failed: True once a required module failed or the operation was stopped.
        context: What the modules left behind, once they have ended.
    """

    def __init__(
        self, graph: Graph, *, workers: int, initial: Mapping[str, Any], on_failure: OnFailure, grace_s: float
    ) -> None:
        self.graph = graph
        self.ledger = Ledger(graph, initial)
        self.schedule = Schedule(graph)
        self.outcomes: dict[int, Outcome] = {}
        self.errors: list[BaseException] = []
        self.rollbacks: dict[int, RollbackResult] = {}
        self.failed = False
        self.start_ns = 0
        self.context: dict[str, Any] = {}
        self._on_failure = on_failure
        self._grace_s = min(grace_s, threading.TIMEOUT_MAX)  # infinity has no nanoseconds, and this is centuries
        self._limit = min(workers, len(graph))
        self._lock = threading.Lock()
        self._turn = _Turn(self._lock)
        self._stop = threading.Event()
        self._deadline_ns: int | None = None  # when those still running are given up
        self._caller = _Worker(0)
        self._workers = [self._caller]
        self._idle: list[_Worker] = []
        self._abandoned: set[int] = set()
        self._variables = contextvars.copy_context()
        self.interrupts = Interrupts(self._caller.wake)

    # The life of a run --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Runs everything that can run, then rolls back if that is due.  Called once."""
        self.start_ns = time.perf_counter_ns()
        with self.interrupts:
            try:
                self._work(self._caller)
            except BaseException:
                # Only somebody else's signal handler raises here.  Leave nothing running behind its back.
                with self._lock:
                    self._close()
                raise
            finally:
                self._dismiss()
            self._conclude()
            if self.failed and self._on_failure != "stop":
                self._roll_back()

    def _work(self, worker: _Worker) -> None:
        """What every worker does until there is nothing left to start."""
        outcome: Outcome | None = None
        while True:
            with self._turn:
                if outcome is not None and not self._settle(worker, outcome):
                    return
                if worker is self._caller and self.interrupts.count:
                    self._close()
                node = worker.node = self.schedule.take()
                woken: list[_Worker] = []
                if node is not None:
                    if self._idle or len(self._workers) < self._limit:
                        woken = self._wanted()
                elif self._is_over(worker):
                    return
                else:
                    self._idle.append(worker)
            if node is None:
                outcome = None
                self._wait(worker)
                continue
            for other in woken:
                self._rouse(other)
            outcome = self._execute(worker, node)

    def _wanted(self) -> list[_Worker]:
        """Takes as many idle workers off the list as there are ready modules, and new ones as far as allowed."""
        count = self.schedule.ready
        woken = [self._idle.pop() for _ in range(min(count, len(self._idle)))]
        for _ in range(min(count - len(woken), self._limit - len(self._workers))):
            woken.append(_Worker(len(self._workers)))
            self._workers.append(woken[-1])
        return woken

    def _rouse(self, worker: _Worker) -> None:
        """Wakes a worker, or starts its thread: a daemon, so that a stuck module cannot hold up interpreter exit."""
        if worker.thread is not None or worker is self._caller:
            worker.wake()
            return
        name = f"orchestrator-{worker.number}"
        worker.thread = threading.Thread(target=self._work, args=(worker,), name=name, daemon=True)
        try:
            worker.thread.start()
        except RuntimeError:  # the system gives no more threads: the workers there are do it all
            return

    def _is_over(self, worker: _Worker) -> bool:
        """True if *worker* may go: helpers when nothing will start any more, the caller when nothing runs either."""
        if not self.schedule.exhausted:
            return False
        return worker is not self._caller or not self.schedule.running

    def _wait(self, worker: _Worker) -> None:
        """Sleeps until woken; the caller also looks up now and then, and gives up what outstays its grace period."""
        if worker is not self._caller:
            worker.baton.acquire()
            return
        worker.baton.acquire(timeout=min(self._left_s(), LOOK_UP_S))
        with self._lock:
            if worker in self._idle:  # woken by a signal or by the clock, not by another worker
                self._idle.remove(worker)
            if not self._left_s():
                self._abandon_running()

    def _left_s(self) -> float:
        """Seconds that what still runs is given: for ever, as long as the operation is not being stopped."""
        if self._deadline_ns is None:
            return math.inf
        return max(0.0, (self._deadline_ns - time.perf_counter_ns()) / 1e9)

    def _dismiss(self) -> None:
        """Lets all helpers go, and waits for those that have nothing to do any more."""
        with self._lock:
            free = [worker for worker in self._workers if worker.node is None]
        for worker in free:
            worker.wake()
        for worker in free:
            if worker.thread and worker.thread.is_alive():
                worker.thread.join()

    # One module ---------------------------------------------------------------------------------------------------

    def _execute(self, worker: _Worker, node: int) -> Outcome:
        """Runs one module and says what came of it; never raises."""
        module = self.graph.modules[node]
        context = ModuleContext(self.ledger, node, self._stop)
        started_ns = None
        try:
            if node in self.graph.guarded:
                refusal = self._refused(worker, node, context)
                if refusal is not None:
                    return refusal
                context.check_cancelled()  # asking took its time; nothing is entered once the operation stops
            worker.since_ns = started_ns = time.perf_counter_ns()
            data = self._call(worker, module.run, context)
            finished_ns = time.perf_counter_ns()
            if data is not None:
                data = _checked(module.id, data)
        except BaseException as error:  # noqa: BLE001 - a module may raise anything, also SystemExit; it fails, no more
            return self._failure(worker, node, started_ns, error)
        return Outcome(Status.SUCCEEDED, started_ns, finished_ns, worker.number, data)

    def _refused(self, worker: _Worker, node: int, context: ModuleContext) -> Outcome | None:
        """Asks condition and check; returns an outcome if one of them says no."""
        module = self.graph.modules[node]
        now_ns = time.perf_counter_ns()
        if not self._call(worker, module.condition, context):
            return Outcome(Status.SKIPPED, None, now_ns, worker.number)
        problems = self._call(worker, lambda seen: _listed(module.check(seen)), context)
        if problems:
            error = RuntimeError(f"check of module {module.id!r} found: {'; '.join(map(str, problems))}")
            return Outcome(Status.FAILED, None, now_ns, worker.number, None, error)
        return None

    def _call(self, worker: _Worker, function: Callable[[S], T], subject: S) -> T:
        """Calls user code with a copy of the context variables; in the calling thread a signal may interrupt it."""
        run = self._variables.copy().run
        if worker is not self._caller:
            return run(function, subject)
        try:
            self.interrupts.in_user_code = True
            return run(function, subject)
        finally:
            self.interrupts.in_user_code = False

    def _failure(self, worker: _Worker, node: int, started_ns: int | None, error: BaseException) -> Outcome:
        """The outcome of a module that raised; an optional one is rolled back here and now, on its own."""
        finished_ns = time.perf_counter_ns()
        stopping = self._stop.is_set() or (worker is self._caller and self.interrupts.count > 0)
        stopped_by_us = stopping and isinstance(error, OperationCancelled | KeyboardInterrupt | OperationTerminated)
        status = Status.CANCELLED if stopped_by_us else Status.FAILED
        module = self.graph.modules[node]
        _note(error, f"in module {module.id!r}")
        alone = module.optional and started_ns is not None and not stopping
        undone = self._undo_alone(worker, node) if alone else None
        return Outcome(status, started_ns, finished_ns, worker.number, None, error, undone)

    def _settle(self, worker: _Worker, outcome: Outcome) -> bool:
        """Takes note of what came of the worker's module; false if nobody waits for it any more."""
        node = worker.node
        assert node is not None, "a worker settles what it has taken"  # noqa: S101 - for the type checker
        worker.node = worker.since_ns = None
        if node in self._abandoned:
            if outcome.undone is not None:  # the one late word that counts: it must not be undone twice
                self.rollbacks.setdefault(node, outcome.undone)
            return False
        outcome = self._committed(node, outcome)
        self.outcomes[node] = outcome
        if outcome.status is Status.SUCCEEDED:
            self.schedule.succeed(node)
        elif outcome.status is Status.SKIPPED:
            self.schedule.skip(node)
        else:
            self._note_failure(node, outcome)
        if self.schedule.exhausted:
            self._wake_all()
        return True

    def _committed(self, node: int, outcome: Outcome) -> Outcome:
        """Commits the module's data; if that fails, so does the module."""
        if not outcome.data:
            return outcome
        try:
            self.ledger.commit(node, outcome.data)
        except BaseException as error:  # noqa: BLE001 - a conflict, or a key of the user's own that raises when compared
            return outcome._replace(status=Status.FAILED, data=None, error=error)
        return outcome

    def _note_failure(self, node: int, outcome: Outcome) -> None:
        self.schedule.fail(node)
        assert outcome.error is not None, "whatever fails has a reason"  # noqa: S101 - for the type checker
        self.errors.append(outcome.error)
        if outcome.undone is not None:
            self.rollbacks[node] = outcome.undone
        # An optional module that failed has been undone by now, unless its data was refused: a fault of the program.
        harmless = self.graph.modules[node].optional and (outcome.undone is not None or outcome.started_ns is None)
        if outcome.status is Status.FAILED and not harmless:
            self.failed = True
            if self._on_failure != "continue":
                self._close()

    # Stopping -----------------------------------------------------------------------------------------------------

    def _conclude(self) -> None:
        """Puts the final context together; a reducer that raises fails the operation while it can be rolled back."""
        try:
            self.context = self._call(self._caller, Ledger.final, self.ledger)
        except BaseException as error:  # noqa: BLE001 - a user's reducer may raise anything; the report has to come out
            self.errors.append(error)
            self.failed = True

    def _close(self) -> None:
        """Decides that the operation stops: nothing starts after this, and what runs is told."""
        self.failed = True
        if not self.schedule.closed:
            self.schedule.close()
            self._deadline_ns = time.perf_counter_ns() + int(self._grace_s * 1e9)
            self._stop.set()
            self._wake_all()

    def _wake_all(self) -> None:
        """The last word of a run: everybody looks for himself whether to go."""
        idle, self._idle = self._idle, []
        for worker in idle:
            worker.wake()

    def _abandon_running(self) -> None:
        """Gives up the modules that did not end within the grace period; whatever they still bring is dropped."""
        now_ns = time.perf_counter_ns()
        for worker in self._workers:
            if worker.node is not None:
                # What was taken counts as entered, except while its condition or check is being asked.
                entered_ns = worker.since_ns or (None if worker.node in self.graph.guarded else now_ns)
                self._abandoned.add(worker.node)
                self.outcomes[worker.node] = Outcome(Status.ABANDONED, entered_ns, now_ns, worker.number)
                self.schedule.abandon()

    def _roll_back(self) -> None:
        """Undoes everything that was entered, in the calling thread."""
        self.interrupts.patience = max(1, self.interrupts.count)
        still_running = self._outlast_abandoned()
        entered = [node for node, each in self.outcomes.items() if each.started_ns is not None]
        due = [node for node in entered if node not in self.rollbacks]
        undo = partial(self._undo, self._caller)
        self.rollbacks.update(roll_back_all(self.graph, due, still_running, undo, self._insists))

    def _undo(self, worker: _Worker, node: int) -> RollbackResult:
        started_ns = time.perf_counter_ns()
        result = roll_back(self.graph, self.ledger, node, partial(self._call, worker))
        if result.status is RollbackStatus.NOT_DEFINED:
            return result
        started_s, duration_s = (started_ns - self.start_ns) / 1e9, (time.perf_counter_ns() - started_ns) / 1e9
        return replace(result, started_s=started_s, duration_s=duration_s, worker=worker.number)

    def _undo_alone(self, worker: _Worker, node: int) -> RollbackResult:
        """Undoes an optional module while others go on; as in any rollback, a first Ctrl-C does not cut it short."""
        if worker is self._caller:
            self.interrupts.patience = 1
        undone = self._undo(worker, node)
        if worker is self._caller:
            self.interrupts.patience = 0
        return undone

    def _insists(self) -> bool:
        return self.interrupts.count > self.interrupts.patience

    def _outlast_abandoned(self) -> set[int]:
        """Waits a little longer for abandoned modules; returns those that still run."""
        deadline_s = time.monotonic() + UNSAFE_AFTER_S
        for worker in self._workers:
            if worker.node in self._abandoned and worker.thread:
                worker.thread.join(max(0.0, deadline_s - time.monotonic()))
        return {w.node for w in self._workers if w.node is not None and w.thread and w.thread.is_alive()}


def _listed(problems: Iterable[str] | None) -> list[str]:
    """Returns what a check found as a list; a lone string is one problem, not a list of letters."""
    return [problems] if isinstance(problems, str) and problems else list(problems or ())


def _note(error: BaseException, text: str) -> None:
    """Adds a note for whoever reads the traceback: once, though one instance may be raised again and again."""
    try:
        if text not in getattr(error, "__notes__", ()):
            error.add_note(text)
    except Exception:  # noqa: BLE001 - an exception may be frozen, e.g. a dataclass; then it goes without a note
        return


def _checked(name: str, data: object) -> dict[str, Any]:
    """Returns a private copy of what a module returned.

    Raises:
        TypeError: If that is no mapping.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"module {name!r} returned {reprlib.repr(data)}: return a mapping of names to values, or None")
    return dict(data)
