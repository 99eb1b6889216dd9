"""The measurements and their rounds as pandas tables, and as ``cortex.csv``.

Import this module late: it loads pandas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from pandas.api.extensions import ExtensionDtype

from pytest_cortex.reporting.rows import decisive
from pytest_cortex.wording import finite, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_cortex.record import MeasurementRecord, RoundRecord, SessionRecord, VerdictRecord

# Named, because the default depends on the pandas version and on what else is installed.
TEXT = pd.StringDtype("python")
NUMBER = pd.Float64Dtype()
COUNT = pd.Int64Dtype()
FLAG = pd.BooleanDtype()

# What a spreadsheet takes for the beginning of a formula, with the full-width forms some of them accept.
FORMULA_STARTS = tuple("=+-@＝＋－＠")  # noqa: RUF001 - the full-width signs are meant


@dataclass(frozen=True, slots=True)  # positional, because COLUMNS is a table
class Column:
    """One column: its name, its type, and where its values come from."""

    name: str
    dtype: ExtensionDtype
    read: Callable[[Any], object]


def _of_verdict(read: Callable[[VerdictRecord], object]) -> Callable[[MeasurementRecord], object]:
    def read_decisive(measurement: MeasurementRecord) -> object:
        verdict = decisive(measurement)
        return None if verdict is None else read(verdict)

    return read_decisive


def _rounds(measurement: MeasurementRecord, *, warmup: bool) -> int:
    return sum(one.warmup is warmup and (warmup or one.counts) for one in measurement.rounds)


COLUMNS = (
    Column("test", TEXT, lambda one: one.test),
    Column("name", TEXT, lambda one: one.name),
    Column("scenario", TEXT, lambda one: one.scenario),
    Column("workers", COUNT, lambda one: one.workers),
    Column("modules", COUNT, lambda one: one.modules),
    Column("speedup", NUMBER, lambda one: finite(one.speedup)),
    Column("speedup_low", NUMBER, lambda one: finite(one.speedup_low)),
    Column("speedup_high", NUMBER, lambda one: finite(one.speedup_high)),
    Column("efficiency", NUMBER, lambda one: finite(one.efficiency)),
    Column("ceiling", NUMBER, lambda one: finite(one.ceiling)),
    Column("verdict", TEXT, lambda one: one.outcome and one.outcome.name),
    Column("rounds", COUNT, lambda one: _rounds(one, warmup=False)),
    Column("sequential_s", NUMBER, lambda one: finite(one.sequential_s)),
    Column("parallel_s", NUMBER, lambda one: finite(one.parallel_s)),
    Column("limit", NUMBER, _of_verdict(lambda verdict: finite(verdict.limit))),
    Column("gate", TEXT, _of_verdict(lambda verdict: verdict.gate)),
    Column("reason", TEXT, _of_verdict(lambda verdict: verdict.reason)),
    Column("min_speedup", NUMBER, _of_verdict(lambda verdict: finite(verdict.min_speedup))),
    Column("origin", TEXT, _of_verdict(lambda verdict: verdict.origin)),
    Column("gates", COUNT, lambda one: len(one.verdicts)),
    Column("warmups", COUNT, lambda one: _rounds(one, warmup=True)),
    Column("cpu_bound", FLAG, lambda one: one.cpu_bound),
    Column("critical_path", TEXT, lambda one: " > ".join(one.critical_path) or None),
    Column("spoilt_rounds", COUNT, lambda one: sum(each.spoilt is not None for each in one.rounds)),
    Column("against", TEXT, lambda one: one.against),
    Column("causes", TEXT, lambda one: " ".join(one.causes) or None),
    Column("attempts", COUNT, lambda one: one.attempts),
    Column("notes", TEXT, lambda one: " ".join(one.notes) or None),
    Column("error", TEXT, lambda one: one.error),
)


class _Round(NamedTuple):
    """One round, its place among all of its measurement, and that measurement."""

    of: MeasurementRecord
    place: int
    times: RoundRecord


ROUND_COLUMNS = (
    Column("test", TEXT, lambda one: one.of.test),
    Column("name", TEXT, lambda one: one.of.name),
    Column("workers", COUNT, lambda one: one.of.workers),
    Column("round", COUNT, lambda one: one.place),
    Column("sequential_s", NUMBER, lambda one: finite(one.times.sequential_s)),
    Column("parallel_s", NUMBER, lambda one: finite(one.times.parallel_s)),
    Column("speedup", NUMBER, lambda one: _ratio(one.times)),
    Column("counts", FLAG, lambda one: one.times.counts),
    Column("warmup", FLAG, lambda one: one.times.warmup),
    Column("spoilt", TEXT, lambda one: one.times.spoilt),
    Column("first", TEXT, lambda one: one.times.first.value),
)


def _ratio(times: RoundRecord) -> float | None:
    return finite(times.sequential_s / times.parallel_s) if times.parallel_s else None


def frame(session: SessionRecord) -> pd.DataFrame:
    """Returns one row per measurement; the same columns and types also for none."""
    return _table(session.measurements, COLUMNS)


def rounds_frame(session: SessionRecord) -> pd.DataFrame:
    """Returns one row per round, in the order they were made; the same columns and types also for none."""
    rounds = (
        _Round(measurement, place, times)
        for measurement in session.measurements
        for place, times in enumerate(measurement.rounds)
    )
    return _table(rounds, ROUND_COLUMNS)


def _table(things: Iterable[object], columns: Sequence[Column]) -> pd.DataFrame:
    values = [[column.read(one) for column in columns] for one in things]
    # Through ``object``, so that no type is guessed from whatever values this session happens to have.
    untyped = pd.DataFrame(values, columns=[column.name for column in columns], dtype=object)
    return untyped.astype({column.name: column.dtype for column in columns})


def csv(session: SessionRecord) -> bytes:
    """Returns the bytes of ``cortex.csv``: UTF-8, one line per measurement, safe to open in a spreadsheet."""
    table = frame(session)
    for column in COLUMNS:
        if column.dtype == TEXT:
            table[column.name] = table[column.name].map(harmless, na_action="ignore").astype(TEXT)
    return table.to_csv(index=False, lineterminator="\n").encode()


def harmless(text: str) -> str:
    """Returns *text* on one line, and with an apostrophe before what a spreadsheet would calculate.

    Names come from test code, and on a pull request from anybody; ``cortex.json`` has them untouched.
    """
    line = printable(text)
    return f"'{line}" if line.lstrip().startswith(FORMULA_STARTS) else line
