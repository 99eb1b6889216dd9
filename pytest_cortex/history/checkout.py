"""What is checked out, as far as git tells."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

_PATIENCE_S = 10.0


def checked_out(folder: Path) -> str | None:
    """Returns the commit that *folder* is at, twelve digits, with ``-dirty`` behind it if files have changed since.

    None if *folder* is in no checkout, or git is not there or gives no answer.
    """
    # No tags, which would move; no lock, since somebody may be committing.
    words = ("git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        done = subprocess.run(  # noqa: S603 - fixed words, and whichever git the user has
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=True
        )
        return done.stdout.decode("ascii").strip() or None
    return None
