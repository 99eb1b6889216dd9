"""Measures the goals that no simulation can show: verdicts on running programs, quiet and disturbed.

    python tests/benchmarks/live.py                # on a machine that does nothing else; about a quarter of an hour
    python tests/benchmarks/live.py --runs 20

It writes ``live-rates.json``; ``goals.py --replay`` then takes it into ``error-rates.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from controls import (  # noqa: E402 - found only now
    CONTROLS,
    HEALTHY,
    HEALTHY_CPU,
    Control,
    busy_loops,
    one_cpu,
    speedup_of,
    tally,
    traced,
)

from pytest_cortex.judging.gate import Outcome  # noqa: E402 - the same
from pytest_cortex.testing import rate_at_least, rate_at_most  # noqa: E402 - the same

HEADROOM = 1.05


def main(arguments: list[str] | None = None) -> None:
    """Measures, and writes row by row, so that an interrupted run leaves what it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=300, help="measurements of a healthy program; a fifth of each control"
    )
    parser.add_argument("--into", type=Path, default=ROOT / "reports", help="folder for live-rates.json")
    chosen = parser.parse_args(arguments)
    rows = []
    for row in measured(chosen.runs):
        sys.stdout.write(f"{json.dumps(row, ensure_ascii=False)}\n")
        sys.stdout.flush()
        rows.append(row)
        text = json.dumps(rows, indent=1, ensure_ascii=False)
        (chosen.into / "live-rates.json").write_text(f"{text}\n", encoding="utf-8")


def measured(runs: int) -> Iterator[dict[str, str]]:
    """Yields one row per goal."""
    fewer, few = max(1, runs // 5), max(1, runs // 25)  # where nothing can be measured, finding that out takes seconds
    limit = speedup_of(HEALTHY) / HEADROOM
    yield healthy("quiet", HEALTHY, runs, limit, nullcontext())
    for control in CONTROLS:
        yield failing(control, fewer)
    yield healthy("one busy loop", HEALTHY, fewer, limit, busy_loops(1))
    cpu_limit = speedup_of(HEALTHY_CPU) / HEADROOM
    yield healthy("quiet", HEALTHY_CPU, fewer, cpu_limit, nullcontext())
    yield undisturbed("2× load", HEALTHY, few, limit, busy_loops(4))
    yield undisturbed("2× load", HEALTHY_CPU, few, cpu_limit, busy_loops(4))
    yield undisturbed("a tracer", HEALTHY, fewer, limit, traced())
    yield undisturbed("one CPU", HEALTHY_CPU, few, cpu_limit, one_cpu())
    for circumstances, around in (("2× load", busy_loops(4)), ("a tracer", traced()), ("one CPU", one_cpu())):
        yield never_passing(circumstances, max(1, few // 6), around)


def healthy(
    circumstances: str, control: Control, runs: int, limit: float, around: AbstractContextManager[None]
) -> dict[str, str]:
    """A healthy program is not failed, and the gate decides."""
    with around:
        counts = tally(control, runs, limit=limit)
    decided = counts[Outcome.PASS] + counts[Outcome.FAIL]
    met = counts[Outcome.FAIL] == 0 and decided >= 0.99 * runs
    return row(
        f"{control.name}, {circumstances}, 5 % headroom",
        "no FAIL, ≥ 99 % decided",
        f"{_counted(counts)}; decided at least {rate_at_least(decided, runs=runs):.1%}",
        met=met,
    )


def undisturbed(
    circumstances: str, control: Control, runs: int, limit: float, around: AbstractContextManager[None]
) -> dict[str, str]:
    """A healthy program is not failed, whatever goes on around it."""
    with around:
        counts = tally(control, runs, limit=limit)
    reached = f"{_counted(counts)}; FAIL at most {rate_at_most(counts[Outcome.FAIL], runs=runs):.1%}"
    return row(f"{control.name}, {circumstances}", "no FAIL", reached, met=counts[Outcome.FAIL] == 0)


def failing(control: Control, runs: int) -> dict[str, str]:
    """What is not parallel is found."""
    counts = tally(control, runs)
    reached = f"{_counted(counts)}; FAIL at least {rate_at_least(counts[Outcome.FAIL], runs=runs):.1%}"
    return row(f"{control.name}, quiet", "FAIL ≥ 99 %", reached, met=counts[Outcome.FAIL] >= 0.99 * runs)


def never_passing(circumstances: str, runs: int, around: AbstractContextManager[None]) -> dict[str, str]:
    """What is not parallel does not pass, whatever goes on around it."""
    totals = dict.fromkeys(Outcome, 0)
    with around:
        for control in CONTROLS:
            for outcome, number in tally(control, runs).items():
                totals[outcome] += number
    return row(f"all controls, {circumstances}", "no PASS", _counted(totals), met=totals[Outcome.PASS] == 0)


def row(goal: str, target: str, reached: str, *, met: bool) -> dict[str, str]:
    """One line of the table."""
    return {"goal": goal, "target": target, "reached": reached, "met": "yes" if met else "**no**"}


def _counted(counts: dict[Outcome, int]) -> str:
    return (
        ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number) + f" of {sum(counts.values())}"
    )


if __name__ == "__main__":
    main()
