"""Computes the error rates that are published: of the gate against its goals, and of other rules beside it.

    python tests/benchmarks/goals.py                  # some minutes on two CPUs
    python tests/benchmarks/goals.py --runs 2000      # the same, smaller
    python tests/benchmarks/goals.py --replay         # new recordings, wording or live rates: simulates nothing again

It writes ``error-rates.json``, all counts, and ``error-rates.md``, which is made of that file alone and of
``live-rates.json`` if there is one: goals measured on running programs, as a list of objects with the texts "goal",
"target", "reached" and "met".
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pytest_cortex import Gate
from pytest_cortex.testing import (
    Autocorrelated,
    Bias,
    Bursts,
    Drift,
    Floats,
    Independent,
    Noise,
    Rates,
    operating_characteristic,
    rate_at_least,
    rate_at_most,
    replay,
    simulate,
)

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "recorded"
SEED = 2026
PROCESSES = 2

Counted: TypeAlias = Literal["failed", "passed", "decided"]
Counts: TypeAlias = dict[str, int]
Row: TypeAlias = dict[str, Any]

LIMIT = 2.0
GATE = Gate(min_speedup=LIMIT)

# True speedups as multiples of the limit.  A limit with 5 % headroom stands 5 % below the healthy speedup.
TESTED = 1 - GATE.margin
HEADROOM = 1.05
BEFORE = 1 / 0.95
TEN_PERCENT_LOST = 0.90 * BEFORE
TWENTY_PERCENT_LOST = 0.80 * BEFORE

TRUTHS = {
    TESTED: "at the tested value",
    HEADROOM: "5 % headroom",
    TEN_PERCENT_LOST: "10 % regression",
    TWENTY_PERCENT_LOST: "20 % regression",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Measurements of one kind.

    Attributes:
        what: The noise, for people.
        noise: The noise.
        truth: True speedup as a multiple of the limit.
        rounds: Rounds that each measurement has.
        rare: True where a rate near 0.1 % is asked about, which takes five times as many measurements.
    """

    what: str
    noise: Noise
    truth: float
    rounds: int = GATE.horizon
    rare: bool = True

    @property
    def healthy(self) -> bool:
        """True where FAIL is wrong, False where PASS is."""
        return self.truth >= TESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What one cell should show.

    Attributes:
        name: For people.
        counted: Which outcomes are counted.
        target: Fraction of the measurements.
        cell: The measurements.
    """

    name: str
    counted: Counted
    target: float
    cell: Cell

    @property
    def at_most(self) -> bool:
        """True where the target is not to be exceeded, False where it is to be reached."""
        return self.target < 0.5


def false_fails(what: str, noise: Noise, *, tested: float, headroom: float) -> list[Goal]:
    """Returns the goals at the tested value and at 5 % headroom."""
    name = "false FAIL"
    targets = ((TESTED, tested), (HEADROOM, headroom))
    cells = ((Cell(what=what, noise=noise, truth=truth), target) for truth, target in targets)
    return [Goal(name=name, counted="failed", target=target, cell=cell) for cell, target in cells]


def found(sd: float, *, truth: float, rounds: int) -> Goal:
    """Returns the goal that a regression fails within so many independent rounds."""
    cell = Cell(what=independent(sd), noise=Independent(sd=sd), truth=truth, rounds=rounds, rare=False)
    return Goal(name=f"FAIL within {rounds} rounds", counted="failed", target=0.99, cell=cell)


def wrong_pass(what: str, noise: Noise) -> Goal:
    """Returns the goal that a regression of 10 % does not pass."""
    cell = Cell(what=what, noise=noise, truth=TEN_PERCENT_LOST)
    return Goal(name="wrong PASS", counted="passed", target=0.001, cell=cell)


def independent(sd: float) -> str:
    """Names independent rounds for people."""
    return f"independent, sd {100 * sd:g} %"


NEIGHBOURS = "autocorrelation 0.5, sd 5 %", Autocorrelated(sd=0.05, correlation=0.5)
CLINGING = "autocorrelation 0.7, sd 15 %", Autocorrelated(sd=0.15, correlation=0.7)
BURSTS = Cell(
    what="bursts of 30 % in a tenth of the rounds, sd 5 %",
    noise=Bursts(share=0.1, size=0.3, sd=0.05),
    truth=HEADROOM,
    rare=False,
)

GOALS: list[Goal] = [
    *(
        goal
        for sd in (0.01, 0.05, 0.30)
        for goal in false_fails(independent(sd), Independent(sd=sd), tested=0.001, headroom=0.001)
    ),
    *false_fails(*NEIGHBOURS, tested=0.01, headroom=0.001),
    *(
        goal
        for kind in ("ramp", "wave", "walk")
        for goal in false_fails(
            f"drift of 3 % ({kind}), sd 5 %", Drift(kind=kind, size=0.03, sd=0.05), tested=0.01, headroom=0.001
        )
    ),
    *false_fails(*CLINGING, tested=0.03, headroom=0.005),
    *(found(sd, truth=TEN_PERCENT_LOST, rounds=30) for sd in (0.005, 0.015)),
    *(found(sd, truth=TWENTY_PERCENT_LOST, rounds=15) for sd in (0.015, 0.03)),
    *(wrong_pass(independent(sd), Independent(sd=sd)) for sd in (0.015, 0.05, 0.15)),
    wrong_pass(*NEIGHBOURS),
    Goal(name="decided", counted="decided", target=0.95, cell=BURSTS),
]

# No goals: what a user should know that no count of rounds in a row can cure.
BEYOND = [
    Cell(what="drift of 3 % (wave), sd 1.5 %", noise=Drift(kind="wave", size=0.03, sd=0.015), truth=TESTED, rare=False),
    Cell(
        what="bias of −10 %, sd 5 %", noise=Independent(sd=0.05) + Bias(size=math.log(0.9)), truth=HEADROOM, rare=False
    ),
]
CELLS = [*(goal.cell for goal in GOALS), *BEYOND]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The rounds of all measurements of a cell.

    Attributes:
        logs: ``(runs, rounds)`` logarithms of ratio / tested value.
        parallel_s: ``(runs, rounds)`` seconds.
        slower: How many times as long as before the regression the parallel run takes; 1 without one.
    """

    logs: Floats
    parallel_s: Floats
    slower: float


def one_round(trace: Trace) -> Counts:
    """``assert ratio > limit`` on the first round."""
    return _always_decided(trace.logs[:, 0] < 0)


def median_of_5(trace: Trace) -> Counts:
    """The same assertion on the median of the first five rounds."""
    return _always_decided(np.median(trace.logs[:, :5], axis=1) < 0)


def min_10_percent(trace: Trace) -> Counts:
    """A block of parallel runs fails if its fastest is over 10 % slower than that of an earlier, healthy block."""
    half = trace.parallel_s.shape[1] // 2
    reference = trace.parallel_s[:, :half].min(axis=1) / trace.slower
    return _always_decided(trace.parallel_s[:, half:].min(axis=1) > 1.10 * reference)


def bootstrap(trace: Trace) -> Counts:
    """A percentile-bootstrap 99 % interval of the median of ten rounds, all of it on one side of the tested value."""
    ordered = np.sort(trace.logs[:, :10], axis=1)
    # The median of a resample lies between the 5th and the 6th of ten ranks, which need drawing only once for all.
    ranks = np.sort(np.random.default_rng(SEED).integers(0, 10, (20_000, 10)), axis=1)[:, 4:6]
    pairs, counts = np.unique(ranks, axis=0, return_counts=True)
    below = np.zeros(len(ordered))
    for (low, high), count in zip(pairs, counts / len(ranks), strict=True):
        below += count * (ordered[:, low] + ordered[:, high] < 0)
    return {"failed": int((below >= 0.995).sum()), "passed": int((below <= 0.005).sum())}


def _always_decided(failed: Any) -> Counts:
    fails = int(failed.sum())
    return {"failed": fails, "passed": len(failed) - fails}


RULES: dict[str, Callable[[Trace], Counts]] = {
    "one round": one_round,
    "median of 5": median_of_5,
    "min:10%": min_10_percent,
    "bootstrap": bootstrap,
}


# The others always say PASS or FAIL.
UNDECIDED_AT_TIMES = ("gate", "bootstrap")


def of_cell(number: int, *, runs: int) -> Row:
    """Returns the counts of every rule for a cell, all of them on the same rounds."""
    cell, seed = CELLS[number], (SEED, number)
    runs = runs if cell.rare else max(runs // 5, 1)
    speedup = cell.truth * LIMIT
    (rates,) = operating_characteristic(
        GATE, cell.noise, true_speedups=[speedup], runs=runs, rounds=cell.rounds, seed=seed
    ).rows
    sequential_s, parallel_s = simulate(cell.noise, true_speedup=speedup, rounds=cell.rounds, runs=runs, seed=seed)
    slower = 1.0 if cell.healthy else BEFORE / cell.truth
    trace = Trace(logs=np.log(sequential_s / parallel_s / GATE.threshold), parallel_s=parallel_s, slower=slower)
    return {
        "noise": cell.what,
        "truth": TRUTHS[cell.truth],
        "healthy": cell.healthy,
        "decisions": runs,
        "rounds": rates.rounds,
        "rules": _by_all_rules(rates, trace),
    }


def simulated(*, runs: int) -> Row:
    """Returns the counts of every rule for all cells."""
    with ProcessPoolExecutor(PROCESSES, initializer=os.nice, initargs=(19,)) as pool:
        rows = list(pool.map(partial(of_cell, runs=runs), range(len(CELLS))))
    return {
        "gate": {"margin": GATE.margin, "alpha": GATE.alpha, "horizon": GATE.horizon},
        "seed": SEED,
        "goals": [
            {"goal": goal.name, "target": goal.target, "at_most": goal.at_most, "counted": goal.counted, **row}
            for goal, row in zip(GOALS, rows, strict=False)
        ],
        "beyond": rows[len(GOALS) :],
    }


def replayed() -> Iterator[Row]:
    """Yields the counts of every rule on each recording, the limit standing 5 % below what the program shows quiet."""
    for path in sorted(RECORDED.glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        quiet = json.loads((RECORDED / f"{recording['program']}-0-busy.json").read_text(encoding="utf-8"))
        speedup = float(np.median(np.divide(quiet["sequential_s"], quiet["parallel_s"])))
        gate = Gate(min_speedup=speedup / HEADROOM)
        known = {key: recording[key] for key in ("program", "what", "busy_loops")}
        known["load_before"] = recording["machine"]["load_average"]
        for truth, scale in (("5 % headroom", 1.0), ("10 % regression", 0.9)):
            yield {**known, "truth": truth, **of_recording(recording, gate, scale=scale, quiet=speedup)}


def of_recording(recording: Row, gate: Gate, *, scale: float, quiet: float) -> Row:
    """Returns the counts of every rule on the stretches of a recording, its speedup changed to *scale* times."""
    rates = replay(gate, recording["sequential_s"], recording["parallel_s"], scale=scale)
    parallel_s = np.array(recording["parallel_s"]) / scale
    logs = np.log(recording["sequential_s"] / parallel_s / gate.threshold)
    logs, parallel_s = (sliding_window_view(values, gate.horizon) for values in (logs, parallel_s))
    trace = Trace(logs=logs, parallel_s=parallel_s, slower=1 / scale)
    return {
        "noise": f"replayed: {recording['program']}, busy loops: {recording['busy_loops']}",
        "speedup_to_quiet": rates.true_speedup / scale / quiet,
        "healthy": scale == 1.0,
        "decisions": rates.runs,
        "rounds": rates.rounds,
        "rules": _by_all_rules(rates, trace),
        "clean": of_clean_rounds(recording, gate, scale=scale),
    }


def of_clean_rounds(recording: Row, gate: Gate, *, scale: float) -> Row:
    """Returns the counts of the gate where disturbed rounds do not count, as in the plugin."""
    clean = np.flatnonzero(np.array(recording["disturbed"]) == 0)
    known = {"share": len(clean) / len(recording["disturbed"])}
    if not len(clean):
        return {**known, "decisions": 0, "failed": 0, "passed": 0, "rounds": 0}
    times = (np.array(recording[arm])[clean] for arm in ("sequential_s", "parallel_s"))
    rates = replay(gate, *times, scale=scale)
    counts = {"decisions": rates.runs, "failed": rates.failed, "passed": rates.passed}
    return {**known, **counts, "rounds": rates.rounds}


def _by_all_rules(rates: Rates, trace: Trace) -> dict[str, Counts]:
    gate = {"failed": rates.failed, "passed": rates.passed}
    return {"gate": gate, **{name: rule(trace) for name, rule in RULES.items()}}


def rendered(rates: Row, live: list[dict[str, str]]) -> str:
    """Returns the page for people.

    Args:
        rates: What :func:`simulated` returned, and the ``replays``.
        live: Goals measured on running programs.
    """
    rows, gate = [*rates["goals"], *rates["beyond"]], rates["gate"]
    goals = [*map(_goal_cells, rates["goals"]), *_replayed_goals(rates["replays"])]
    rules = "|".join(["gate", *RULES])
    return PAGE.format(
        alpha=f"{100 * gate['alpha']:g} %",
        margin=f"{100 * gate['margin']:g} %",
        horizon=gate["horizon"],
        goals=_table(GOALS_HEADER, [*goals, *map(_live_cells, live)]),
        unmet=f"{_unmet(rates['goals'])} {_missed_in_replay(rates['replays'])}",
        beyond=_table("Rounds|True speedup|False FAIL|Decided", map(_beyond_cells, rates["beyond"])),
        healthy=_table(f"Rounds|True speedup|{rules}", (_compared(row) for row in rows if row["healthy"])),
        regressed=_table(f"Rounds|True speedup|{rules}", (_compared(row) for row in rows if not row["healthy"])),
        references=_references(rates["replays"]),
        replays=_table(f"{REPLAYS_HEADER}|{rules}", map(_replay_cells, rates["replays"])),
    )


GOALS_HEADER = "Goal|True speedup|Rounds|Target|Reached (bound)|Decided (bound)|Median rounds|Decisions|Met"
REPLAYS_HEADER = "Program|Busy loops|Load before|Speedup / quiet|Clean|True speedup|gate, clean rounds"

PAGE = """\
# Error rates

How often a gate errs and how often it decides, since a gate that never decides has no errors. The gate is the default
one: α = {alpha}, margin {margin}, {horizon} rounds at most. `Gate.decide` itself judged every simulated measurement.

- **False FAIL**: the true speedup is not below the tested value, which is the limit less the margin, and the gate says
  FAIL. **Wrong PASS**: the true speedup is below it, and the gate says PASS. **Decided**: PASS or FAIL.
- **True speedup**: *5 % headroom* is 1.05 times the limit. For a regression, the limit stands 5 % below the speedup
  that was there before.
- **Rounds**: the noise of the log ratio of one round (5 % is 0.05), and how rounds depend on each other.
- **Bounds**, in brackets, are exact (Clopper–Pearson), each wrong once in 1000.
- **Met**: *yes* if the bound meets the target, *not shown* if only the rate does, *no* if neither does. Replayed
  measurements overlap, and a recording holds few separate ones: it can miss a goal, but never show that it is met.

## Goals

{goals}

{unmet}

## Beyond the goals

A drift that is larger than the noise, and a load that slows one arm more than the other, look like a change of the
program; the first until it turns, the second for good. More rounds in a row do not help. The goals for drift are met
with noise of 5 % about it, as above; with noise of 1.5 % the same drift fails far more often than they allow.

{beyond}

## Other rules on the same rounds

Each entry is errors (bound) / decided (bound), in percent. The rules:

- **gate**: this one. **one round**: `assert ratio > limit`. **median of 5**: the same on the median of five rounds.
- **min:10%**: like `--benchmark-compare-fail=min:10%` of pytest-benchmark, the fastest of a block of parallel runs
  against the fastest of an earlier, healthy block. Here both are halves of the same rounds, so that a bias is in
  both, and the parallel run carries half of the noise of the ratio: kinder than two runs of a real benchmark.
- **bootstrap**: a percentile-bootstrap 99 % interval of the median of ten rounds, all on one side of the tested value.

All but min:10%, which knows no limit, test the same value as the gate: the margin is given to them as well. For
min:10%, *at the tested value* and *5 % headroom* are the same question: nothing has changed.

### Healthy: an error is a false FAIL

{healthy}

### Regressed: an error is a wrong PASS

{regressed}

## Recorded rounds

Real programs, replayed: every stretch of {horizon} rounds in a row is one measurement. The limit stands 5 % below the
speedup that the same program showed without a busy loop; *load before* is the load average at the start, which others
on the machine had a part in. *Clean* is the share of rounds that other programs did not disturb. In the column *gate,
clean rounds* only these count; in the others every round does. Each entry is errors / decided, in percent; at *5 %
headroom* the program has not changed, and FAIL is the error. {references}

{replays}

## To reproduce

    python tests/recorded/record_noise.py     # new recordings, of your machine
    python tests/benchmarks/goals.py          # this page; --runs makes it smaller

All counts are in `error-rates.json`. The seed is fixed, so the same code gives the same counts.
"""


def _table(header: str, rows: Iterable[Iterable[str]]) -> str:
    names = header.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _goal_cells(row: Row) -> list[str]:
    side = "≤" if row["at_most"] else "≥"
    return [
        row["goal"],
        row["truth"],
        row["noise"],
        f"{side} {100 * row['target']:g} %",
        _percent_bounded(row, "gate", row["counted"], at_most=row["at_most"]),
        _percent_bounded(row, "gate", "decided", at_most=False),
        f"{row['rounds']:g}",
        f"{row['decisions']:,}",
        _met(row),
    ]


def _replayed_goals(replays: list[Row]) -> Iterator[list[str]]:
    """Yields the goals that real noise answers: what clean rounds of unchanged programs lead to."""
    most = max(row["busy_loops"] for row in replays)
    for row in (row for row in replays if row["healthy"]):
        if row["program"] == "waiting" and row["busy_loops"] <= 1:
            yield _replayed_goal("decided", row, counted="decided", target=0.99)
        if row["program"] != "waiting" and row["busy_loops"] == most:
            yield _replayed_goal("false FAIL", row, counted="failed", target=0.005)


def _replayed_goal(goal: str, row: Row, *, counted: Counted, target: float) -> list[str]:
    clean, at_most = row["clean"], target < 0.5
    known = [goal, row["truth"], f"{row['noise']}, clean rounds", f"{'≤' if at_most else '≥'} {100 * target:g} %"]
    if not clean["decisions"]:
        return [*known, "no clean round", "0 %", "", "0", "not shown"]
    decided = (clean["failed"] + clean["passed"]) / clean["decisions"]
    reached = decided if counted == "decided" else clean[counted] / clean["decisions"]
    # Stretches overlap: a few hundred rounds hold a few separate measurements, which can miss a rate, not show it.
    met = "not shown" if (reached <= target if at_most else reached >= target) else "**no**"
    shares = [f"{_percent(share)} %" for share in (reached, decided)]
    return [*known, *shares, f"{clean['rounds']:g}", f"{clean['decisions']:,}", met]


def _missed_in_replay(replays: list[Row]) -> str:
    missed = [
        f"{goal}, {truth}, {noise}" for goal, truth, noise, *_, met in _replayed_goals(replays) if met == "**no**"
    ]
    return f"Missed on recorded rounds: {'; '.join(missed)}." if missed else "No recording misses its goal."


def _live_cells(row: dict[str, str]) -> list[str]:
    return [row["goal"], "live", "", row["target"], row["reached"], "", "", "", row["met"]]


def _met(row: Row) -> str:
    seen, bound = _rate(row, "gate", row["counted"]), _bound(row, "gate", row["counted"], at_most=row["at_most"])
    reached = (value <= row["target"] if row["at_most"] else value >= row["target"] for value in (seen, bound))
    return {(True, True): "yes", (True, False): "not shown"}.get(tuple(reached), "**no**")


def _unmet(goals: list[Row]) -> str:
    missed = [f"{row['goal']}, {row['truth']}, {row['noise']}" for row in goals if _met(row) != "yes"]
    if not missed:
        return "Every simulated goal is met."
    return f"Missed or not shown, {len(missed)} of {len(goals)} simulated goals: {'; '.join(missed)}."


def _beyond_cells(row: Row) -> list[str]:
    failed = _percent_bounded(row, "gate", "failed", at_most=True)
    return [row["noise"], row["truth"], failed, _percent_bounded(row, "gate", "decided", at_most=False)]


def _compared(row: Row) -> list[str]:
    return [row["noise"], row["truth"], *(_errors_and_decided(row, rule) for rule in row["rules"])]


def _errors_and_decided(row: Row, rule: str) -> str:
    errors = _bounded(row, rule, _wrong(row), at_most=True)
    return f"{errors} / {_bounded(row, rule, 'decided', at_most=False) if rule in UNDECIDED_AT_TIMES else '100'}"


def _replay_cells(row: Row) -> list[str]:
    known = [row["what"], str(row["busy_loops"]), f"{row['load_before']:.1f}", f"{row['speedup_to_quiet']:.2f}"]
    clean = row["clean"]
    rates = ((_rate(row, rule, _wrong(row)), _rate(row, rule, "decided")) for rule in row["rules"])
    return [
        *known,
        f"{100 * clean['share']:.0f} %",
        row["truth"],
        _of_clean_rounds(clean, _wrong(row)),
        *(f"{_percent(wrong)} / {_percent(decided)}" for wrong, decided in rates),
    ]


def _of_clean_rounds(clean: Row, wrong: Counted) -> str:
    if not clean["decisions"]:
        return "– / 0"
    errors, decided = (count / clean["decisions"] for count in (clean[wrong], clean["failed"] + clean["passed"]))
    return f"{_percent(errors)} / {_percent(decided)}"


def _references(replays: list[Row]) -> str:
    """Says which recordings that limits were taken from were not quiet after all."""
    quiet = [row for row in replays if row["healthy"] and not row["busy_loops"]]
    disturbed = [f"{row['program']} ({100 - 100 * row['clean']['share']:.0f} % of the rounds)" for row in quiet]
    named = [name for name, row in zip(disturbed, quiet, strict=True) if row["clean"]["share"] < 0.9]
    if not named:
        return "No recording that a limit was taken from was disturbed in more than a tenth of its rounds."
    return (
        f"Others disturbed the recording that the limit was taken from, though no busy loop ran: {', '.join(named)}. "
        "So that limit is not the one of a quiet machine, and errors against it are not the gate's alone."
    )


def _wrong(row: Row) -> Counted:
    return "failed" if row["healthy"] else "passed"


def _count(row: Row, rule: str, counted: Counted) -> int:
    counts: Counts = row["rules"][rule]
    return sum(counts.values()) if counted == "decided" else counts[counted]


def _rate(row: Row, rule: str, counted: Counted) -> float:
    return _count(row, rule, counted) / int(row["decisions"])


def _bound(row: Row, rule: str, counted: Counted, *, at_most: bool) -> float:
    bound = rate_at_most if at_most else rate_at_least
    return bound(_count(row, rule, counted), runs=row["decisions"])


def _bounded(row: Row, rule: str, counted: Counted, *, at_most: bool, unit: str = "") -> str:
    """Returns the rate in percent and its bound, rounded away from the rate."""
    bound = _percent(_bound(row, rule, counted, at_most=at_most), math.ceil if at_most else math.floor)
    return f"{_percent(_rate(row, rule, counted))}{unit} ({'≤' if at_most else '≥'} {bound}{unit})"


_percent_bounded = partial(_bounded, unit=" %")


def _percent(fraction: float, rounding: Callable[[float], int] = round) -> str:
    """Returns *fraction* in percent: three decimals near 0 and 100 %, where they matter, else one."""
    unit = 1000 if min(fraction, 1 - fraction) < 0.01 else 10
    return f"{rounding(100 * unit * fraction) / unit:g}"


def write(folder: Path) -> None:
    """Writes the page from the counts in *folder*, and from the live rates if they are there."""
    live = folder / "live-rates.json"
    rows = json.loads(live.read_text(encoding="utf-8")) if live.exists() else []
    rates = json.loads((folder / "error-rates.json").read_text(encoding="utf-8"))
    (folder / "error-rates.md").write_text(rendered(rates, rows), encoding="utf-8")


def main() -> None:
    """Computes the counts and writes them and the page."""
    arguments = argparse.ArgumentParser(description="Compute the error rates that are published.")
    arguments.add_argument("--runs", type=int, default=100_000, help="measurements per cell where errors are rare")
    arguments.add_argument("--into", type=Path, default=ROOT / "reports", help="folder to write to")
    arguments.add_argument("--replay", action="store_true", help="keep what was simulated, do only the rest again")
    given = arguments.parse_args()
    path = given.into / "error-rates.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if given.replay else simulated(runs=given.runs)
    counts = json.dumps({**kept, "replays": list(replayed())}, indent=1)
    path.write_text(counts + "\n", encoding="utf-8")
    write(given.into)


if __name__ == "__main__":
    main()
