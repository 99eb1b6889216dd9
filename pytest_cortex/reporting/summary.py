"""``summary.md``: the result, the table, the totals, and what is needed to judge or repeat them."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting.additions import tamed
from pytest_cortex.reporting.charts.catalogue import alternative
from pytest_cortex.reporting.complaints import Complaint, complaints, ending
from pytest_cortex.reporting.document import plain
from pytest_cortex.reporting.rows import Row, cell_texts, labels_of, point_texts, rows
from pytest_cortex.reporting.trends import trends
from pytest_cortex.wording import MISSING, finite, plural, printable, ratio, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_cortex.record import MeasurementRecord, SessionRecord

DEFINITIONS = (
    "Speedup is sequential time / parallel time: the median over the rounds, with its interval. Efficiency"
    " is speedup / workers. The ceiling is the most speedup the dependency graph allows; the limit is the"
    " gate's, as a speedup."
)
INTERRUPTED = ("The run was interrupted.", "Bench tests after the last row were not measured.")
STEPS_EXPLAINED = "Each column is the speedup that is left after that step; the last is the one measured."
TOTALS_EXPLAINED = "Times are sums of each measurement's median; the average is the mean of the speedups."
POINT_HEADINGS = ("Workers", "Speedup", "Efficiency", "Ceiling", "Serial fraction (Karp–Flatt)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the measurements that have a speedup and both times.

    Attributes:
        count: How many measurements that are.
        speedup: Arithmetic mean of their speedups.
        sequential_s: Sum of their median sequential times.
        parallel_s: Sum of their median parallel times.
    """

    count: int
    speedup: float
    sequential_s: float
    parallel_s: float

    @property
    def saved_s(self) -> float:
        """Sequential less parallel time; negative where parallel was slower."""
        return self.sequential_s - self.parallel_s

    @property
    def saved(self) -> float:
        """The part of the sequential time that was saved."""
        return self.saved_s / self.sequential_s if self.sequential_s else 0.0


def encode(session: SessionRecord, *, charts: Sequence[str] = ()) -> bytes:
    """Returns the bytes of ``summary.md``."""
    return markdown(session, charts=charts).encode()


def markdown(session: SessionRecord, *, charts: Sequence[str] = ()) -> str:
    """Returns the summary as GitHub-flavoured Markdown.

    Args:
        session: What was measured.
        charts: File names of the charts to show, relative to the summary; a step summary or a comment has
            no files beside it and shows none.
    """
    shown = rows(session)
    blocks = (
        "# Speedup report",
        f"**{result(session)}**",
        *_ending(session),
        _table(shown),
        *(_image(name, session) for name in charts),
        _scope(session),
        *_section("Totals", _totals(totals(session), len(shown))),
        *_section("What did not run to the end", (f"- {escape(test)}" for test in session.unfinished)),
        *_section("What did not pass", map(_complaint, complaints(session))),
        *_section("Where the missing speedup went", _missing(session)),
        *_section("Scaling", _scalings(session)),
        *_section("History", _history(session)),
        *_section("Notes", _notes(session)),
        *_additions(session),
        *_section("How long it took", _times(session)),
        *_section("Environment", _facts(session)),
        *_section("Settings", _settings(session)),
        *_section("How to reproduce", _reproduction(session)),
    )
    return "\n\n".join(block for block in blocks if block) + "\n"


def result(session: SessionRecord) -> str:
    """Returns the run in one line: how many passed, failed, were inconclusive, or had no gate."""
    measured = session.measurements
    counts = Counter(one.outcome for one in measured)
    parts = [f"{counts[outcome]} {outcome.name}" for outcome in Outcome]
    parts.append(f"{counts[None]} without a gate")
    stopped = sum(one.error is not None for one in measured)
    parts += [f"{stopped} stopped by an error"] * bool(stopped)
    return f"{plural(len(measured), 'measurement')}: {', '.join(parts)}"


def totals(session: SessionRecord) -> Totals | None:
    """Returns the sums, or None if nothing was measured."""
    times = [numbers for one in session.measurements if (numbers := _numbers(one)) is not None]
    if not times:
        return None
    speedups, sequential_s, parallel_s = zip(*times, strict=True)
    return Totals(count=len(times), speedup=fmean(speedups), sequential_s=sum(sequential_s), parallel_s=sum(parallel_s))


def escape(text: str) -> str:
    """Returns *text* on one line, such that Markdown shows it and does not interpret it."""
    text = printable(text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore inside a word stays: GitHub does not read it as emphasis, and test names are full of them.
    return re.sub(r"[\\`*\[\]|~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\\g<0>", text)


def _numbers(one: MeasurementRecord) -> tuple[float, float, float] | None:
    speedup, sequential_s, parallel_s = map(finite, (one.speedup, one.sequential_s, one.parallel_s))
    if speedup is None or sequential_s is None or parallel_s is None:
        return None
    return speedup, sequential_s, parallel_s


def _ending(session: SessionRecord) -> Iterator[str]:
    said = ending(session)
    if said is not None:
        yield f"> **{said[0].upper()}{said[1:]}.**"


def _table(shown: Sequence[Row]) -> str:
    if not shown:
        return "Nothing was measured."
    return _grid(
        ("Measurement", "Workers", "Speedup", "Efficiency", "Ceiling", "Limit", "Verdict"),
        "lrrrrrl",
        map(_cells, shown),
    )


def _cells(row: Row) -> tuple[str, ...]:
    label, *numbers = cell_texts(row)
    return (escape(label), *numbers)


def _grid(headings: Sequence[str], alignments: str, body: Iterable[Sequence[str]]) -> str:
    ruler = [{"l": "---", "r": "--:"}[alignment] for alignment in alignments]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ruler, *body))


def _image(name: str, session: SessionRecord) -> str:
    said = alternative(name.partition(".")[0], session)
    return "" if said is None else f"![{escape(said)}]({name})"


def _scope(session: SessionRecord) -> str:
    return f"{DEFINITIONS}\n\n{scope(escape(session.created_at))}"


def scope(created_at: str) -> str:
    """Returns what intervals and verdicts speak of."""
    return (
        f"Intervals and verdicts hold for this process on this machine at this time ({created_at}). They say nothing"
        " about another machine, or about this one on another day."
    )


def _section(title: str, content: Iterable[str]) -> Iterator[str]:
    if text := "\n".join(content):
        yield f"## {title}"
        yield text


def _totals(sums: Totals | None, measurements: int) -> Iterator[str]:
    if sums is None:
        return
    yield _grid((f"Over {sums.count} of {plural(measurements, 'measurement')}", "Value"), "lr", total_texts(sums))
    yield f"\n{TOTALS_EXPLAINED}"


def total_texts(sums: Totals) -> tuple[tuple[str, str], ...]:
    """Returns the sums as names and values."""
    return (
        ("Average speedup", ratio(sums.speedup)),
        ("Total sequential time", seconds(sums.sequential_s)),
        ("Total parallel time", seconds(sums.parallel_s)),
        ("Time saved", f"{seconds(sums.saved_s)} ({sums.saved:.1%} of the sequential time)"),
    )


def _complaint(complaint: Complaint) -> str:
    gate = f" ({escape(complaint.gate)})" if complaint.gate else ""
    said = f"- **{complaint.verdict}** {escape(complaint.label)}{gate}: {escape(complaint.reason)}"
    return "\n".join([said, *(f"  - why: {escape(cause)}" for cause in complaint.causes)])


def _missing(session: SessionRecord) -> Iterator[str]:
    """A table of what is left after each step, for the measurements that were seen from inside."""
    seen = [(label, one) for label, one in zip(labels_of(session), session.measurements, strict=True) if one.steps]
    if seen:
        names = [step.name for step in seen[0][1].steps]
        body = [
            (escape(label), str(one.workers), *(ratio(finite(step.speedup)) for step in one.steps))
            for label, one in seen
        ]
        yield _grid(("Measurement", "Ideal", *map(str.capitalize, names)), "lr" + "r" * len(names), body)
        yield f"\n{STEPS_EXPLAINED}"


def _scalings(session: SessionRecord) -> Iterator[str]:
    for scaling in session.scalings:
        yield f"**{escape(scaling.name)}**: {escape(scaling.summary)}\n"
        yield _grid(POINT_HEADINGS, "rrrrr", map(point_texts, scaling.points))
        yield ""


def _history(session: SessionRecord) -> Iterator[str]:
    """The last speedup beside those of the runs saved before, per kind of machine."""
    body = [
        (escape(each.label), str(each.workers), each.last, each.earlier, each.change, each.place, escape(each.machine))
        for each in trends(session)
    ]
    if body:
        yield _grid(
            ("Measurement", "Workers", "Last", "Median of the earlier", "Change", "The last is", "Machine"),
            "lrrrrll",
            body,
        )
        yield (
            "\nSpeedups move from day to day and from process to process. Whether a program became slower is for a gate"
            " on a baseline to prove (`--cortex-compare`)."
        )


def _notes(session: SessionRecord) -> Iterator[str]:
    for label, measurement in zip(labels_of(session), session.measurements, strict=True):
        for note in measurement.notes:
            yield f"- {escape(label)}: {escape(note)}"


def _additions(session: SessionRecord) -> Iterator[str]:
    """The sections of other plugins, each with its plugin's name, so that nobody takes them for ours."""
    for section in session.sections:
        yield from _section(f"{escape(section.title)} ({escape(section.plugin)})", tamed(section.text))


def _times(session: SessionRecord) -> Iterator[str]:
    if session.took_s is None:
        return
    body = [
        (escape(label), str(len(one.rounds)), MISSING if one.took_s is None else seconds(one.took_s))
        for label, one in zip(labels_of(session), session.measurements, strict=True)
    ]
    body.append(("All bench tests", "", seconds(session.took_s)))
    yield _grid(("Measurement", "Rounds made", "Took"), "lrr", body)
    budget = session.settings.get("total_budget")
    if budget is not None and budget.value is not None:
        yield f"\nThe time budget of the bench is {budget.value:g} s (`--cortex-total-budget`)."


def _facts(session: SessionRecord) -> Iterator[str]:
    body = [(escape(name), escape(value_text(value))) for name, value in named_facts(session.environment)]
    if body:
        yield _grid(("Fact", "Value"), "ll", body)


def named_facts(environment: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What other plugins know comes last, with their names."""
    yield from ((str(name), value) for name, value in environment.items() if name != "plugins")
    match environment.get("plugins"):
        case dict(plugins):
            for plugin, facts in plugins.items():
                yield from ((f"{name} ({plugin})", value) for name, value in facts.items())


def _settings(session: SessionRecord) -> Iterator[str]:
    body = [
        (escape(name), escape(value_text(setting.value)), escape(setting.origin))
        for name, setting in session.settings.items()
    ]
    if body:
        yield _grid(("Setting", "Value", "From"), "lll", body)


def value_text(value: object) -> str:
    """Returns a fact or a setting of any shape on one line."""
    match plain(value):
        case str(text):
            return text
        case dict(items):
            return ", ".join(f"{key} {value_text(item)}".lstrip() for key, item in items.items()) or MISSING
        case list(items):
            return ", ".join(map(value_text, items)) or MISSING
        case None:
            return MISSING
        case number:
            return json.dumps(number)


def command_of(session: SessionRecord) -> str:
    """Returns the command that the run was started with, to be pasted into a shell."""
    return printable(shlex.join(("python", "-m", "pytest", *session.command)))


def _reproduction(session: SessionRecord) -> Iterator[str]:
    command = command_of(session)
    # A fence is longer than every run of backticks inside it, or the command could end it.
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`*", command)))
    yield f"{fence}sh\n{command}\n{fence}\n"
    yield f"The order within the rounds was drawn with seed {session.seed} (`--cortex-seed={session.seed}`)."
