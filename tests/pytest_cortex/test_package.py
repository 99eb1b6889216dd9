"""What the package offers without pytest: its names, and the table for users of pandas."""

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sample_records import CONTENDER, MEASURED, UNMEASURED, session, verdict

import pytest_cortex
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting import document, table

RECORD = session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),)), CONTENDER, UNMEASURED)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cortex.json"
    path.write_bytes(document.encode(RECORD))
    return path


def test_public_names_are_sorted_and_documented() -> None:
    assert pytest_cortex.__all__ == sorted(pytest_cortex.__all__)
    assert all(inspect.getdoc(getattr(pytest_cortex, name)) for name in pytest_cortex.__all__)


def test_public_names_are_complete() -> None:
    """Whatever the package has at its top is meant for users; its rooms are not."""
    visible = {name for name, value in vars(pytest_cortex).items() if not name.startswith("_")}
    others = {"TYPE_CHECKING", "annotations"}
    rooms = {name for name in visible if inspect.ismodule(getattr(pytest_cortex, name))}
    assert visible - rooms - others <= set(pytest_cortex.__all__)


def test_importing_everything_loads_nothing_heavy() -> None:
    heavy = ["pandas", "matplotlib", "numpy", "pytest", "orchestrator", "pytest_cortex.reading"]
    code = f"import json, sys\nfrom pytest_cortex import *\nprint(json.dumps([n for n in {heavy} if n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_frame_has_a_row_per_measurement(file: Path) -> None:
    found = pytest_cortex.frame(file)
    pd.testing.assert_frame_equal(found, table.frame(RECORD))
    assert list(found["speedup"].isna()) == [False, False, True]


def test_frame_has_a_row_per_round_on_demand(file: Path) -> None:
    pd.testing.assert_frame_equal(pytest_cortex.frame(str(file), rounds=True), table.rounds_frame(RECORD))


def test_frame_of_a_report_folder_is_that_of_its_record(file: Path) -> None:
    pd.testing.assert_frame_equal(pytest_cortex.frame(file.parent), pytest_cortex.frame(file))


@pytest.mark.parametrize("rounds", [False, True])
def test_frame_of_nothing_can_be_put_together_with_others(file: Path, *, rounds: bool) -> None:
    """Types never depend on the values, so nothing turns into objects when runs are concatenated."""
    empty = file.with_name("empty.json")
    empty.write_bytes(document.encode(session()))
    nothing, something = (pytest_cortex.frame(each, rounds=rounds) for each in (empty, file))
    together = pd.concat([nothing, something, nothing])
    pd.testing.assert_series_equal(together.dtypes, something.dtypes)
    assert object not in set(together.dtypes)


def test_file_that_is_none_is_a_value_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"other\.json': \[\] stands where the record of a run"):
        pytest_cortex.frame(path)


def test_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pytest_cortex.frame(tmp_path / "nothing.json")


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_cortex' has no attribute 'Gates'"):
        pytest_cortex.Gates  # type: ignore[attr-defined]  # noqa: B018 - the access is what is tested


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, pytest_cortex; assert 'pytest_cortex.judging' not in sys.modules; pytest_cortex.Gate"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
