"""The measurements as a pandas table, and as ``cortex.csv``.

Import this module late: it loads pandas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from pytest_cortex.reporting.rows import decisive
from pytest_cortex.reporting.wording import finite, printable

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SessionRecord, VerdictRecord

# Named, because the default depends on the pandas version and on what else is installed.
TEXT = pd.StringDtype("python")
NUMBER = pd.Float64Dtype()
COUNT = pd.Int64Dtype()
FLAG = pd.BooleanDtype()

# What a spreadsheet takes for the beginning of a formula, with the full-width forms some of them accept.
FORMULA_STARTS = tuple("=+-@＝＋－＠")  # noqa: RUF001 - the full-width signs are meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name, its type, and where its values come from."""

    name: str
    dtype: pd.api.extensions.ExtensionDtype
    read: Callable[[MeasurementRecord], object]


def _column(
    name: str, dtype: pd.api.extensions.ExtensionDtype, read: Callable[[MeasurementRecord], object]
) -> Column:
    return Column(name=name, dtype=dtype, read=read)


def _of_verdict(read: Callable[[VerdictRecord], object]) -> Callable[[MeasurementRecord], object]:
    def read_decisive(measurement: MeasurementRecord) -> object:
        verdict = decisive(measurement)
        return None if verdict is None else read(verdict)

    return read_decisive


def _rounds(measurement: MeasurementRecord, *, warmup: bool) -> int:
    return sum(one.warmup is warmup for one in measurement.rounds)


COLUMNS = (
    _column("test", TEXT, lambda one: one.test),
    _column("name", TEXT, lambda one: one.name),
    _column("scenario", TEXT, lambda one: one.scenario),
    _column("workers", COUNT, lambda one: one.workers),
    _column("modules", COUNT, lambda one: one.modules),
    _column("speedup", NUMBER, lambda one: finite(one.speedup)),
    _column("speedup_low", NUMBER, lambda one: finite(one.speedup_low)),
    _column("speedup_high", NUMBER, lambda one: finite(one.speedup_high)),
    _column("efficiency", NUMBER, lambda one: finite(one.efficiency)),
    _column("ceiling", NUMBER, lambda one: finite(one.ceiling)),
    _column("verdict", TEXT, lambda one: one.outcome and one.outcome.name),
    _column("rounds", COUNT, lambda one: _rounds(one, warmup=False)),
    _column("sequential_s", NUMBER, lambda one: finite(one.sequential_s)),
    _column("parallel_s", NUMBER, lambda one: finite(one.parallel_s)),
    _column("limit", NUMBER, _of_verdict(lambda verdict: finite(verdict.limit))),
    _column("gate", TEXT, _of_verdict(lambda verdict: verdict.gate)),
    _column("reason", TEXT, _of_verdict(lambda verdict: verdict.reason)),
    _column("min_speedup", NUMBER, _of_verdict(lambda verdict: finite(verdict.min_speedup))),
    _column("origin", TEXT, _of_verdict(lambda verdict: verdict.origin)),
    _column("gates", COUNT, lambda one: len(one.verdicts)),
    _column("warmups", COUNT, lambda one: _rounds(one, warmup=True)),
    _column("cpu_bound", FLAG, lambda one: one.cpu_bound),
    _column("critical_path", TEXT, lambda one: " > ".join(one.critical_path) or None),
    _column("attempts", COUNT, lambda one: one.attempts),
    _column("notes", TEXT, lambda one: " ".join(one.notes) or None),
    _column("error", TEXT, lambda one: one.error),
)


def frame(session: SessionRecord) -> pd.DataFrame:
    """Returns one row per measurement; the same columns and types also for none."""
    return pd.DataFrame(
        {
            column.name: pd.array([column.read(one) for one in session.measurements], dtype=column.dtype)
            for column in COLUMNS
        }
    )


def csv(session: SessionRecord) -> bytes:
    """Returns the bytes of ``cortex.csv``: UTF-8, one line per measurement, safe to open in a spreadsheet."""
    table = frame(session)
    for name in table.select_dtypes(TEXT).columns:
        table[name] = table[name].map(harmless, na_action="ignore").astype(TEXT)
    return table.to_csv(index=False, lineterminator="\n").encode()


def harmless(text: str) -> str:
    """Returns *text* on one line, and with an apostrophe before what a spreadsheet would calculate.

    Names come from test code, and on a pull request from anybody; ``cortex.json`` has them untouched.
    """
    line = printable(text)
    return f"'{line}" if line.lstrip().startswith(FORMULA_STARTS) else line
