"""``pytest-cortex doctor``: what this machine, this Python and this project allow, before anybody trusts a gate."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_cortex.command.diagnosis import abilities, clock_shown, problems, time_shown
from pytest_cortex.command.examination import Examination, examine
from pytest_cortex.command.look import Look
from pytest_cortex.command.output import PARSER_STYLE, coloured, has_colours, new_file, say, show
from pytest_cortex.files import write_atomically
from pytest_cortex.wording import estimate, plural

if TYPE_CHECKING:
    from pytest_cortex.command.console import Commands

SCHEMA_VERSION = 1

HEALTHY, TO_MEND, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION = """\
Says what can be gated on this machine, with this Python, in this project, and what cannot, before you trust a gate.

It reads what the system says of CPUs, quotas and load, measures clock, sleeps and threads, and looks for a few seconds
whether other programs would disturb rounds right now: a program that waits and one that computes are measured against
themselves.  Nothing is written, unless you name a file.
"""

_EPILOG = """\
exit codes: 0 gates can work here, 1 something has to be mended first, 2 wrong usage, 130 Ctrl-C
"""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Adds the subcommand's own parser."""
    parser = commands.add_parser(
        "doctor",
        usage="pytest-cortex doctor [--quick] [--json FILE]",
        help="see what can be gated on this machine, and what has to be mended first",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        **PARSER_STYLE,
    )
    parser.set_defaults(calls_pytest=False)
    parser.add_argument("--quick", action="store_true", help="leave out the look at what disturbs rounds right now")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write everything to this file as well")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Examines, and shows what was found.

    Returns:
        The exit code: 0 gates can work here, 1 something has to be mended first, 130 Ctrl-C.
    """
    try:
        found = examine(Path.cwd(), quick=arguments.quick)
    except KeyboardInterrupt:
        say("interrupted: nothing is known yet")
        return INTERRUPTED
    show(text(found, colours=has_colours(sys.stdout)))
    if arguments.json is not None and not _written(found, arguments.json):
        return WRONG_USAGE
    return TO_MEND if problems(found) else HEALTHY


def _written(found: Examination, file: Path) -> bool:
    try:
        write_atomically(file, f"{json.dumps(document(found), indent=2)}\n".encode())
    except OSError as error:
        say(f"{file} was not written: {error}")
        return False
    return True


def document(found: Examination) -> dict[str, Any]:
    """Returns everything for programs, as JSON values."""
    return {
        "schema": SCHEMA_VERSION,
        "healthy": not problems(found),
        "problems": list(problems(found)),
        "abilities": [asdict(ability) for ability in abilities(found)],
        "found": asdict(found),
    }


def text(found: Examination, *, colours: bool = False) -> str:
    """Returns everything for people.

    Args:
        found: What there is to say.
        colours: True to show what works and what does not in colours.
    """
    return "\n".join(_lines(found, colours=colours)) + "\n"


def _lines(found: Examination, *, colours: bool) -> Iterator[str]:
    def painted(line: str, colour: str) -> str:
        return coloured(line, colour) if colours else line

    for title, rows in (("This machine", _machine(found)), ("Right now", _now(found)), ("Python", _python(found))):
        yield painted(title, "bold")
        yield from (f"  {name:<20}{value}" for name, value in rows)
        yield ""
    yield painted("What can be gated here", "bold")
    for ability in abilities(found):
        yield painted(f"  {ability}", "green" if ability.works else "yellow")
    yield ""
    wrong = problems(found)
    if wrong:
        yield painted("To be mended first", "bold")
        yield from (painted(f"  {problem}", "red") for problem in wrong)
    else:
        yield painted("Gates can work here.", "green")


def _machine(found: Examination) -> Iterator[tuple[str, str]]:
    quota = "no quota" if found.quota is None else f"a quota of {found.quota:g}"
    probes = found.probes
    yield "system", found.system
    yield "CPUs", f"{found.cpus}, of which {found.allowed_cpus} for this process, {quota}"
    yield "stolen by the host", _share(found.stolen, "of the CPU time since the start")
    yield "throttled", _share(found.throttled, "of the time") if found.quota is not None else "never, without a quota"
    yield "disturbances read", ", ".join(found.readable) or "none"
    yield "clock", clock_shown(probes.clock_step_s)
    worst = time_shown(probes.worst_sleep_overshoot_s)
    yield "sleep of 1 ms", f"{time_shown(probes.sleep_overshoot_s)} too long as a rule, {worst} at worst"
    yield "thread", f"{time_shown(probes.thread_s)} to start and to end one"


def _now(found: Examination) -> Iterator[tuple[str, str]]:
    load = found.load_average
    yield "load", "not told here" if load is None else f"{load:.1f} runnable on average over the last minute"
    yield "pressure", _share(found.pressure, "of the last ten seconds something waited for a CPU")
    for look in found.looks:
        yield f"{look.kind} rounds", _look(look)


def _look(look: Look) -> str:
    by = ", ".join(f"{what} {count}" for what, count in look.disturbed.items())
    disturbed = f"{sum(look.disturbed.values())} disturbed by {by}" if by else "none disturbed"
    equal = "" if look.ratio is None else f"; two equal runs: ratio {estimate(look.ratio, look.low, look.high)}"
    return f"{plural(look.rounds, 'round')}, {disturbed}{equal}"


def _python(found: Examination) -> Iterator[tuple[str, str]]:
    yield "version", found.python
    kind = "a free-threaded build" if found.free_threaded else "the usual build"
    yield "GIL", f"{'on' if found.gil else 'off'}, {kind}"
    yield "tracer", found.tracer or "none"
    yield "coverage", _coverage(found)
    yield from found.versions.items()


def _coverage(found: Examination) -> str:
    if found.coverage_core is None:
        return "not installed"
    told = f"in every run, by {found.coverage_origin}" if found.coverage_origin else "only when it is asked for"
    return f"{found.coverage_core} core, {told}"


def _share(share: float | None, of_what: str) -> str:
    return "not told here" if share is None else f"{100 * share:.1f} % {of_what}"
