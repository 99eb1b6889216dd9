"""What can be gated on a machine, and what has to be mended before anything can: facts come in, sentences go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cortex.command.examination import Examination
from pytest_cortex.command.look import Look
from pytest_cortex.judging.conditions import SHARE_OF_CPUS

OLDEST_PYTEST = (8, 4)

# Measuring gives up where it is disturbed more often than this …
_BUSY = 0.75

# … and takes noticeably longer from here on.
_NOISY = 0.25

# A clock this coarse has shown nothing but its own step for an arm of a tenth of a second.
_COARSEST_CLOCK_S = 0.001

# A run should take so many steps of the clock at least, or the step is noise of a hundredth.
_STEPS = 100

_MENDING_COVERAGE = "run without it (--no-cov), or with COVERAGE_CORE=sysmon from Python 3.12 on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """One kind of gate.

    Attributes:
        what: The kind.
        works: True if such gates can work here.
        because: Why not; or what there is to know about it.
    """

    what: str
    works: bool
    because: str = ""

    def __str__(self) -> str:
        answer = "yes" if self.works else "no"
        return f"{self.what}: {answer}, {self.because}" if self.because else f"{self.what}: {answer}"


# First things first ---------------------------------------------------------------------------------------------------


def problems(found: Examination) -> tuple[str, ...]:
    """Returns what has to be mended before any gate on a speedup can work: what it is, and what to do."""
    return tuple(_problems(found))


def _problems(found: Examination) -> Iterator[str]:
    if found.not_loaded is not None:
        yield found.not_loaded
    version = found.versions.get("pytest", "")
    if _numbers(version) < OLDEST_PYTEST:
        oldest = ".".join(map(str, OLDEST_PYTEST))
        yield f"pytest {version or 'is missing'}: version {oldest} or later is wanted, so install or upgrade it"
    if found.tracer is not None:
        yield f"a {found.tracer} watches every line of Python, and gates stay INCONCLUSIVE under it: run without it"
    if found.coverage_origin is not None and _slow(found.coverage_core):
        yield (
            f"every run measures coverage ({found.coverage_origin} has --cov), and gates stay INCONCLUSIVE under "
            f"coverage's {_named(found.coverage_core)}: {_MENDING_COVERAGE}"
        )
    step_s = found.probes.clock_step_s
    if step_s is None or step_s > _COARSEST_CLOCK_S:
        yield f"the clock {clock_shown(step_s)}: too coarse to time rounds with, so measure on another machine"
    waiting = _look(found, "waiting")
    if waiting is not None and waiting.disturbed_share > _BUSY:
        yield f"this machine is too busy, {_disturbances(waiting)}: end what else runs, or measure later"


def _slow(core: str | None) -> bool:
    return core in {"ctrace", "pytrace"}


def _named(core: str | None) -> str:
    return "C tracer" if core == "ctrace" else "tracer in Python"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


# What can be gated ----------------------------------------------------------------------------------------------------


def abilities(found: Examination) -> tuple[Ability, ...]:
    """Returns which kinds of gates can work on this machine."""
    return (
        _waiting(found),
        _processes(found),
        _beyond_the_cpus(found),
        _threads(found),
        _short_arms(found),
        Ability(what="gates on the graph of an operation (min_parallelism and others)", works=True, because="any time"),
        Ability(what="PASS or FAIL under coverage's C tracer", works=False, because=_MENDING_COVERAGE),
        _telling(found),
    )


def _waiting(found: Examination) -> Ability:
    return _unless_busy("I/O-bound fan-out", _look(found, "waiting"))


def _processes(found: Examination) -> Ability:
    what = f"CPU-bound with up to {found.usable_cpus:g} workers, in processes"
    if found.usable_cpus < 2:
        because = f"{_cpus(found.usable_cpus)} cannot run two of them at once"
        return Ability(what="CPU-bound with 2 workers or more", works=False, because=because)
    return _unless_busy(what, _look(found, "computing"))


def _unless_busy(what: str, seen: Look | None) -> Ability:
    if seen is None or seen.disturbed_share <= _NOISY:
        return Ability(what=what, works=True)
    if seen.disturbed_share <= _BUSY:
        return Ability(what=what, works=True, because=f"though it takes longer: {_disturbances(seen)}")
    return Ability(what=what, works=False, because=f"not right now: {_disturbances(seen)}")


def _beyond_the_cpus(found: Examination) -> Ability:
    most = SHARE_OF_CPUS * found.usable_cpus
    return Ability(
        what=f"CPU-bound with more than {found.usable_cpus:g} workers and a limit above {most:g}",
        works=False,
        because=f"{_cpus(found.usable_cpus)}: a FAIL becomes INCONCLUSIVE",
    )


def _threads(found: Examination) -> Ability:
    what = "CPU-bound Python code in threads"
    if found.gil:
        because = "the GIL lets one of them run at a time: use processes"
        return Ability(what=what, works=False, because=because)
    return Ability(what=what, works=True, because="this Python runs without the GIL")


def _short_arms(found: Examination) -> Ability:
    step_s = found.probes.clock_step_s
    least = "anything" if step_s is None else time_shown(_STEPS * step_s)
    because = f"the clock {clock_shown(step_s)}"
    return Ability(what=f"programs that take less than {least}", works=False, because=because)


def _telling(found: Examination) -> Ability:
    what = "telling rounds that other programs disturb"
    if "run delay" in found.readable:
        return Ability(what=what, works=True, because=f"by {', '.join(found.readable)}")
    return Ability(what=what, works=True, because="roughly: by a short spin after each run, which looks for gaps")


def _look(found: Examination, kind: str) -> Look | None:
    return next((each for each in found.looks if each.kind == kind), None)


def _disturbances(seen: Look) -> str:
    by = ", ".join(f"{what} {count}" for what, count in seen.disturbed.items())
    return f"{sum(seen.disturbed.values())} of {seen.rounds} rounds were disturbed ({by})"


def _cpus(count: float) -> str:
    return "1 usable CPU" if count == 1 else f"{count:g} usable CPUs"


def clock_shown(step_s: float | None) -> str:
    """Returns what a clock does whose smallest step this is."""
    return "stands still" if step_s is None else f"moves in steps of {time_shown(step_s)}"


def time_shown(value_s: float) -> str:
    """Returns a duration with the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value_s >= factor:
            return f"{value_s / factor:.3g} {unit}"
    return f"{value_s * 1e9:.3g} ns"
