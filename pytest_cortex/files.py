"""Writing a file so that a reader sees the old one or the new one, never half of either."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Makes *data* the content of *path*, or leaves *path* as it was.

    Args:
        path: A file in an existing folder; replaced if it exists.
        data: The whole content.

    Raises:
        OSError: If the folder cannot be written, or *path* is a folder.
    """
    # In the same folder, because a rename is atomic only within one file system.  ``open`` rather than
    # ``tempfile``, whose files are readable by their owner alone: a report is an ordinary file.
    temporary = path.with_name(f".{path.name}.{token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
