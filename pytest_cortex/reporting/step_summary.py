"""The summary of a step of GitHub Actions: ``summary.md`` without its charts, no longer than GitHub takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cortex.reporting.summary import markdown

if TYPE_CHECKING:
    from pytest_cortex.record import SessionRecord

MOST_BYTES = 1024 * 1024 - 1
"""Of a whole step; GitHub refuses a longer summary as a whole."""

TRIMMED = (
    "\n\n> **Cut off here:** GitHub shows 1024 KiB of a step's summary. The whole is in the reports: `summary.md`.\n"
)


def append_step_summary(session: SessionRecord, path: Path) -> str | None:
    """Adds the summary to what the step has written already.

    Args:
        session: What was measured.
        path: The file that ``GITHUB_STEP_SUMMARY`` names.

    Returns:
        Why it was not added, for people; None if it was.  No ``Exception`` leaves this function.
    """
    try:
        before = path.stat().st_size if path.exists() else 0
        gap = "\n\n" if before else ""
        text = trimmed(markdown(session), MOST_BYTES - before - len(gap))
        if not text:
            return f"nothing was added to the step summary {path}: it has {before} bytes, and GitHub takes no more"
        with path.open("ab") as file:
            file.write(f"{gap}{text}".encode())
    except Exception as error:  # noqa: BLE001 - whatever it dies of, the verdicts stand
        return f"nothing was added to the step summary {path}: {type(error).__name__}: {error}"
    return None


def trimmed(text: str, most_bytes: int) -> str:
    """Returns *text* if it is short enough, or its first lines and one that says so; empty if not even that fits."""
    data = text.encode()
    if len(data) <= most_bytes:
        return text
    room = most_bytes - len(TRIMMED.encode())
    lines = data[: max(room, 0)].rpartition(b"\n")[0].decode()
    return _without_open_fence(lines) + TRIMMED if room >= 0 else ""


def _without_open_fence(lines: str) -> str:
    """Returns what stands before a block of code that was cut in the middle; in it, nothing would be read as a note."""
    fences = list(re.finditer("^```+", lines, re.MULTILINE))
    return lines[: fences[-1].start()].rstrip() if len(fences) % 2 else lines
