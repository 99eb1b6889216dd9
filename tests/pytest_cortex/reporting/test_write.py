"""The report folder: what is written, what is left alone, and what happens when a file fails."""

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib.figure
import matplotlib.textpath
import pytest
from sample_charts import many
from sample_records import MEASURED, session, verdict

from pytest_cortex.judging.gate import Outcome
from pytest_cortex.reporting import Problem, Written, write
from pytest_cortex.reporting import document as json_document
from pytest_cortex.reporting.charts.catalogue import SOURCE, TITLES
from pytest_cortex.reporting.page import rendering

DRAWN = ["missing-speedup", "speedup", "efficiency", "rounds"]
FILES = [
    "cortex.json",
    "cortex.csv",
    "benchmark.json",
    "bigger-is-better.json",
    "trace.json",
    "index.html",
    *(f"{name}.{format_}" for name in DRAWN for format_ in ("svg", "png")),
    "summary.md",
]

NOT_DRAWN = [name for name in FILES if not name.endswith((".svg", ".png"))]


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no canvas")


def loaded_by(code: str) -> set[str]:
    """Returns the packages that a fresh interpreter has loaded after *code*."""
    program = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}}, *sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_every_file_is_written_the_record_first(tmp_path: Path) -> None:
    written = write(session(MEASURED), tmp_path / "new" / "folder")
    assert written == Written(paths=tuple(tmp_path / "new" / "folder" / name for name in FILES), problems=())
    assert all(path.stat().st_size for path in written.paths)


def test_charts_without_data_are_not_written(tmp_path: Path) -> None:
    written = write(session(), tmp_path)
    assert [path.name for path in written.paths] == NOT_DRAWN
    assert written.problems == ()


def test_every_chart_is_written_where_there_is_data_for_it(tmp_path: Path) -> None:
    names = {path.name for path in write(many(1), tmp_path).paths}
    assert {f"{name}.{format_}" for name in TITLES for format_ in ("svg", "png")} < names


OURS = f"<svg><dc:source>{SOURCE}</dc:source></svg>"


def test_chart_of_an_earlier_run_goes_when_this_one_has_no_data_for_it(tmp_path: Path) -> None:
    """It would lie beside data that it was not made from."""
    (tmp_path / "scaling.svg").write_text(OURS)
    (tmp_path / "scaling.png").write_bytes(f"PNG Source\0{SOURCE}".encode())
    assert write(session(), tmp_path).problems == ()
    assert {path.name for path in tmp_path.iterdir()} == set(NOT_DRAWN)


def test_file_that_only_has_the_name_of_a_chart_stays(tmp_path: Path) -> None:
    """Whoever drew it by hand wants to keep it."""
    (tmp_path / "scaling.svg").write_text("<svg>mine</svg>")
    (tmp_path / "timeline.png").mkdir()
    assert write(session(), tmp_path).problems == ()
    assert (tmp_path / "scaling.svg").read_text() == "<svg>mine</svg>"
    assert (tmp_path / "timeline.png").is_dir()


def test_chart_that_cannot_be_removed_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scaling.svg").write_text(OURS)

    def refuse(_path: Path) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "unlink", refuse)
    (problem,) = write(session(), tmp_path).problems
    assert str(problem).endswith("that of an earlier run could not be removed: read-only")


def test_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    record = session(replace(MEASURED, verdicts=(verdict(Outcome.PASS),)))
    first, second = (write(record, tmp_path / folder).paths for folder in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_nothing_else_in_the_folder_is_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    (tmp_path / "history").mkdir()
    write(session(MEASURED), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep me"
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "mine.txt", "history"}


def test_data_is_written_when_every_chart_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", broken)
    written = write(session(MEASURED), tmp_path)
    assert [path.name for path in written.paths] == NOT_DRAWN
    assert [problem.path.name for problem in written.problems] == [name for name in FILES if name not in NOT_DRAWN]


def test_missing_font_costs_the_charts_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError("DejaVuSans.ttf")

    monkeypatch.setattr(matplotlib.textpath, "get_font", missing)
    written = write(session(MEASURED), tmp_path)
    assert {path.name for path in written.paths} == {path.name for path in tmp_path.iterdir()}
    assert {"cortex.json", "cortex.csv", "summary.md"} <= {path.name for path in written.paths}
    assert {problem.path.suffix for problem in written.problems} <= {".svg", ".png"}
    assert written.problems
    assert all("FileNotFoundError: DejaVuSans.ttf" in str(problem) for problem in written.problems)


def test_rest_is_written_when_the_page_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "page_of", broken)
    written = write(session(MEASURED), tmp_path)
    assert [path.name for path in written.paths] == [name for name in FILES if name != "index.html"]
    assert [problem.path.name for problem in written.problems] == ["index.html"]


def test_summary_shows_only_the_charts_that_exist(tmp_path: Path) -> None:
    (tmp_path / "speedup.svg").mkdir()
    write(session(MEASURED), tmp_path)
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert "](speedup.svg)" not in summary
    assert "](efficiency.svg)" in summary
    assert summary.index("](missing-speedup.svg)") < summary.index("](efficiency.svg)")


def test_rest_is_written_when_the_record_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "to_json", broken)
    written = write(session(MEASURED), tmp_path)
    assert [path.name for path in written.paths] == FILES[1:]
    assert str(written.problems[0]) == f"{tmp_path / 'cortex.json'} was not written: RuntimeError: no canvas"


def test_problem_is_reported_when_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    written = write(session(MEASURED), tmp_path / "file")
    assert written.paths == ()
    assert [type(problem) for problem in written.problems] == [Problem]
    assert (tmp_path / "file").read_text() == "in the way"


def test_warning_inside_a_library_costs_no_file_when_warnings_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = matplotlib.figure.Figure.savefig

    def deprecated(*args: object, **kwargs: object) -> None:
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        original(*args, **kwargs)  # type: ignore[arg-type] # passed through as they come

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", deprecated)
    assert write(session(MEASURED), tmp_path).problems == ()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"pandas", "matplotlib", "numpy", "jinja2", "pytest", "orchestrator"}
    assert not loaded_by("import pytest_cortex.reporting") & heavy


def test_terminal_table_loads_nothing_heavy() -> None:
    code = (
        "from pytest_cortex.record import SessionRecord\nfrom pytest_cortex.reporting import lines\n"
        "lines(SessionRecord(created_at='', command=(), seed=1, complete=True, environment={}, settings={},"
        " measurements=()))"
    )
    assert not loaded_by(code) & {"pandas", "matplotlib", "numpy", "jinja2"}


def test_charts_never_load_pyplot() -> None:
    """It keeps global state, and may open a window or refuse to load where there is no screen."""
    found = loaded_by("import pytest_cortex.reporting.charts.encoding")
    assert "matplotlib.figure" in found
    assert "matplotlib.pyplot" not in found
