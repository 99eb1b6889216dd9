"""The speedup that the modules' own times allow: what is left of a measured one when the machine's load is taken out.

Load makes a thread wait for a CPU, and the kernel counts that wait apart from everything else.  So what a module would
have taken without it is nearly known even where it never ran undisturbed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator import Plan
from pytest_cortex.graphs.trace import RunTrace
from pytest_cortex.judging.gate import Gate, Outcome, Verdict


def modelled_speedups(plan: Plan, runs: Sequence[RunTrace], workers: int) -> tuple[float, ...]:
    """Models the speedup from parallel runs: the service times of the modules in a row / their makespan.

    A service time is what a module took less what its thread waited for a CPU, so time on the CPU plus time blocked.
    The makespan is that of the plan's own rule on *workers* workers that lose no time between modules.

    Load leaks into the time blocked: whoever waits for the GIL, or a lock, while its owner waits for a CPU, waits for
    a CPU as well, and no counter says so (5 ms at a stretch, by the interpreter's switch interval).  So each run is
    modelled twice, with the time blocked as it was and with the least that the module has shown so far, and the
    larger speedup counts.  Hashing for 2 to 4 ms beside two busy loops per CPU scatters by 18 % with the first alone
    and by 7 % with both.  Least alone would scatter by 3 %, but misrepresents modules that block now longer, now less.

    By construction the model is blind to whatever does not show in the length of a module: the runner's overhead and
    dependencies that the graph does not show; and as these lengthen the numerator along with the denominator, to
    locks, the GIL and fewer CPUs than workers.  It is an upper estimate: a low one tells, a high one proves nothing.

    Args:
        plan: The graph that was run; a module that did not run counts nothing.
        runs: Parallel runs of it, in the order they were made; what one models does not depend on later ones.
        workers: P of the model.

    Returns:
        One speedup per run; none for a run without any time, or with a module whose CPU time or run delay is unknown.
    """
    least_s: dict[str, float] = {}
    modelled = []
    for parts_s in filter(None, map(_parts_s, runs)):
        for name, (_cpu_s, blocked_s) in parts_s.items():
            least_s[name] = min(blocked_s, least_s.get(name, blocked_s))
        as_it_was = {name: sum(parts) for name, parts in parts_s.items()}
        at_least = {name: cpu_s + least_s[name] for name, (cpu_s, _blocked_s) in parts_s.items()}
        modelled.append(max(_speedup(plan, services_s, workers) for services_s in (as_it_was, at_least)))
    return tuple(filter(None, modelled))


def modelled_speedup(plan: Plan, run: RunTrace, workers: int) -> float | None:
    """The same for a single run, None if nothing can be modelled; of several, :func:`modelled_speedups` knows more."""
    return next(iter(modelled_speedups(plan, [run], workers)), None)


def judge_modelled(
    ratios: Sequence[float], *, limit: float, margin: float, alpha: float, horizon: int
) -> Verdict | None:
    """Judges modelled speedups by the same evidence as measured ones, and says FAIL or nothing.

    Never PASS: the model is blind to locks, to hidden dependencies and to the GIL (see :func:`modelled_speedups`), so
    a program that suffers from them models as well as a healthy one.  FAIL stands, also on a machine too loaded for
    measured rounds to count, as what the model leaves out only slows a program down.

    Seen on two CPUs, hashing for 2 to 4 ms beside one or two busy loops per CPU: a limit 5 % below what
    was modelled without the loops failed in 0 of 134 decisions, 2 of them undecided; one 15 % above, in 119 of 124.

    Args:
        ratios: ``(n_runs,)`` modelled speedups, one per parallel run, in the order they were made.
        limit: The speedup asked for.
        margin: Fraction of the limit that is forgiven.
        alpha: Error probability of FAIL.
        horizon: Runs after which nothing more is said.

    Returns:
        A FAIL; None if these runs prove none.

    Raises:
        InvalidRounds: If a ratio is not a finite number above 0.
    """
    gate = Gate(min_speedup=limit, margin=margin, alpha=alpha, horizon=horizon)
    verdict = gate.decide(sequential_s=ratios, parallel_s=[1.0] * len(ratios))
    if verdict.outcome is not Outcome.FAIL:
        return None
    return replace(
        verdict, reason=f"even the model, which knows no locks and no overhead, falls short: {verdict.reason}"
    )


def _parts_s(run: RunTrace) -> dict[str, tuple[float, float]] | None:
    """Seconds on the CPU and seconds blocked per module; None as soon as something is unknown."""
    parts_s = {}
    for name, module in run.modules.items():
        if module.cpu_s is None or module.delay_s is None:
            return None
        # The clocks are not read at one instant, so the parts can come out a hair longer than the whole.
        parts_s[name] = module.cpu_s, max(0.0, module.duration_s - module.delay_s - module.cpu_s)
    return parts_s


def _speedup(plan: Plan, services_s: Mapping[str, float], workers: int) -> float:
    makespan_s = plan.simulate(services_s, workers).makespan_s
    return sum(services_s.values()) / makespan_s if makespan_s else 0.0
