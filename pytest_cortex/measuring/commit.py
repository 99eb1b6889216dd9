"""Which commit was measured, as far as git tells."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

_PATIENCE_S = 10.0


def commit(folder: Path) -> dict[str, Any] | None:
    """Returns the commit that *folder* is at, as JSON values; None outside a repository, or if git gives no answer.

    Returns:
        ``id``, ``time`` and ``author_time`` (ISO 8601), ``dirty`` (True if a file that git knows has changed since),
        ``project`` (the name of the repository's folder) and ``branch``.
    """
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    if root is None:
        return None
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        identity, time, author_time = _git(root, "log", "-1", "--no-show-signature", "--format=%H%n%cI%n%aI").split()
        return {
            "id": identity,
            "time": time,
            "author_time": author_time,
            "dirty": bool(_git(root, "status", "--porcelain", "--untracked-files=no")),
            "project": root.name,
            "branch": _git(root, "rev-parse", "--abbrev-ref", "HEAD"),
        }
    return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words
        ["git", "--no-optional-locks", *arguments],  # noqa: S607 - whichever git the user has
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE_S,
        check=True,
    )
    return done.stdout.decode("utf-8", "replace").strip()
