"""A file is replaced whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from pytest_cortex.reporting import write_atomically


class DiskFullError(OSError):
    """Stands for whatever ends a write in the middle."""


def fail(*_: object) -> None:
    raise DiskFullError("no space left")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_content_is_written_when_there_was_no_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_content_is_replaced_when_there_was_a_longer_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"much longer than new")
    write_atomically(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_old_file_is_intact_when_the_last_step_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DiskFullError):
        write_atomically(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_old_file_is_intact_when_writing_fails_half_way(tmp_path: Path) -> None:
    """Text where bytes belong fails after the temporary file was opened."""
    (tmp_path / "a.txt").write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a.txt", "text")  # type: ignore[arg-type] # the failure this test wants
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_no_temporary_file_is_left_when_the_user_interrupts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == []


def test_no_temporary_file_is_left_when_the_target_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match=r"a\.txt"):
        write_atomically(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_mode_is_that_of_an_ordinary_file(tmp_path: Path) -> None:
    """A file of ``tempfile`` would be readable by its owner alone."""
    (tmp_path / "ordinary").write_bytes(b"")
    write_atomically(tmp_path / "a.txt", b"new")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "a.txt")}
    assert len(modes) == 1
