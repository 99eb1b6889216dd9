"""The options, a table: each is one entry here, on the command line and in the ini file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pytest_cortex.settings.values import (
    LATEST,
    UNNAMED,
    read_count,
    read_duration,
    read_folder,
    read_limits,
    read_margin,
    read_mode,
    read_name,
    read_new_name,
    read_probability,
    read_scale,
    read_seconds,
    read_seed,
    read_switch,
)


# No dataclass: to make one takes as long as all else in this file, and every pytest run pays for it.
class Option(NamedTuple):
    """One option, on the command line as ``--cortex-…`` and in the ini file as ``cortex_…``.

    Attributes:
        name: Without the prefix, words joined by ``_``.
        help: For ``--help`` and ``--markers``.
        read: Turns a list of words into a value, or raises ``ValueError`` saying what would be right.
        default: The value if nobody says anything.
        metavar: Stands for the value in ``--help``; empty for a switch.
        many: True if it may be given several times.
        alone: The value of the option without one; None if it takes a value always.
    """

    name: str
    help: str
    read: Callable[[Sequence[str]], Any]
    default: Any
    metavar: str = ""
    many: bool = False
    alone: str | None = None

    @property
    def flag(self) -> str:
        """As written on the command line."""
        return "--cortex-" + self.name.replace("_", "-")

    @property
    def ini(self) -> str:
        """As written in the ini file."""
        return "cortex_" + self.name


OPTIONS = (
    Option(
        name="bench",
        help="measure the bench tests (without it they are skipped); in a folder without any, the built-in scenarios",
        read=read_switch,
        default=False,
    ),
    Option(
        name="min_speedup",
        metavar="[SCENARIO:]LIMIT",
        help="fail a bench test whose speedup is proven below LIMIT, for one scenario or for all; repeatable",
        read=read_limits("min_speedup"),
        default={},
        many=True,
    ),
    Option(
        name="min_efficiency",
        metavar="[SCENARIO:]LIMIT",
        help="the same for speedup / workers, a fraction up to 1; the built-in scenarios have 0.85 of themselves",
        read=read_limits("min_efficiency"),
        default={},
        many=True,
    ),
    Option(
        name="min_parallelism",
        metavar="[SCENARIO:]LIMIT",
        help="fail an operation whose graph allows less: work / critical path, without a clock, the same on every "
        "machine; repeatable",
        read=read_limits("min_parallelism"),
        default={},
        many=True,
    ),
    Option(
        name="max_groups",
        metavar="[SCENARIO:]N",
        help="fail an operation whose graph has more groups, one after another, than this; repeatable",
        read=read_limits("max_groups"),
        default={},
        many=True,
    ),
    Option(
        name="min_quality",
        metavar="[SCENARIO:]LIMIT",
        help="fail an operation whose schedule is worse: shortest possible / planned makespan, up to 1; repeatable",
        read=read_limits("min_quality"),
        default={},
        many=True,
    ),
    Option(
        name="min_peak_concurrency",
        metavar="[SCENARIO:]N",
        help="fail an operation of which fewer modules ever run at once by its schedule; repeatable",
        read=read_limits("min_peak_concurrency"),
        default={},
        many=True,
    ),
    Option(
        name="save",
        metavar="NAME",
        help="save what this run measures as a baseline; a name that exists is brought up to date, which is how a new "
        "baseline is accepted (alone: default)",
        read=read_new_name,
        default=None,
        alone=UNNAMED,
    ),
    Option(
        name="compare",
        metavar="NAME",
        help="fail what is proven slower than in this baseline of the same machine by more than the margin (alone: "
        "latest, the one saved last)",
        read=read_name,
        default=None,
        alone=LATEST,
    ),
    Option(
        name="baseline_dir",
        metavar="DIR",
        help="where baselines are kept, beside the ini file (default: .cortex/baselines)",
        read=read_folder,
        default=".cortex/baselines",
    ),
    Option(
        name="scenario",
        metavar="NAME|FILE",
        help="scenarios to run: small, medium, large, limited_workers, or a WfFormat file of a real workflow, which is "
        "replayed with sleeping modules; repeatable; by default the four built-in ones",
        read=tuple,
        default=(),
        many=True,
    ),
    Option(
        name="module_duration",
        metavar="SECONDS",
        help="how long each module of a built-in scenario takes (default: 0.03)",
        read=read_duration,
        default=0.03,
    ),
    Option(
        name="time_scale",
        metavar="FACTOR",
        help="factor from recorded to replayed seconds for workflow files (default: auto, all tasks together take 1 s)",
        read=read_scale,
        default=None,
    ),
    Option(
        name="workers",
        metavar="P",
        help="workers for scenarios from workflow files (default: 4)",
        read=read_count,
        default=4,
    ),
    Option(
        name="alpha",
        metavar="P",
        help="how often PASS and FAIL may each be wrong, per gate (default: 0.001, once in a thousand)",
        read=read_probability,
        default=0.001,
    ),
    Option(
        name="family_wise",
        help="share alpha among all gates of the run, so that it bounds the chance of any false alarm at all",
        read=read_switch,
        default=False,
    ),
    Option(
        name="margin",
        metavar="FRACTION",
        help="fraction of a limit that is forgiven (default: 0.02)",
        read=read_margin,
        default=0.02,
    ),
    Option(
        name="rounds",
        metavar="N",
        help="most rounds that count towards a verdict, its horizon (default: 60)",
        read=read_count,
        default=60,
    ),
    Option(
        name="time_budget",
        metavar="SECONDS",
        help="how long the counted rounds of one measurement should take at most, though never fewer rounds than a "
        "verdict needs, 16 by default (default: 10)",
        read=read_seconds,
        default=10.0,
    ),
    Option(
        name="strict",
        help="up to 90 rounds in 30 seconds, and INCONCLUSIVE fails; options that are given win",
        read=read_switch,
        default=False,
    ),
    Option(
        name="rounds_all",
        help="go on to the last round though the verdict has fallen; verdicts stay what they are",
        read=read_switch,
        default=False,
    ),
    Option(
        name="against_itself",
        help="measure each parallel arm against itself, with the true ratio 1 as the value tested: whatever FAILs then "
        "is a false alarm",
        read=read_switch,
        default=False,
    ),
    Option(
        name="time_limit",
        metavar="SECONDS",
        help="stop an arm that runs longer than this and show what its threads were doing (default: 60)",
        read=read_seconds,
        default=60.0,
    ),
    Option(
        name="inconclusive",
        metavar="MODE",
        help="what an INCONCLUSIVE gate does to its test: warn (shown as a category of its own), fail or skip "
        "(default: warn)",
        read=read_mode,
        default="warn",
    ),
    Option(
        name="max_inconclusive",
        metavar="N",
        help="fail a gate that was INCONCLUSIVE in N runs in a row (default: 5)",
        read=read_count,
        default=5,
    ),
    Option(
        name="seed",
        metavar="N",
        help="seed of the order within the rounds (default: a new one every run, shown in the header)",
        read=read_seed,
        default=None,
    ),
    Option(
        name="report_dir",
        metavar="DIR",
        help="where the reports are written (default: reports, beside the ini file, or here if there is none)",
        read=read_folder,
        default="reports",
    ),
)
