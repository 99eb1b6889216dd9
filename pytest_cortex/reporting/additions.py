"""Markdown that other plugins add to the report, kept within its own section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_cortex.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

# Backticks with another one further on are not the beginning of a block but a word of code.
_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}(?=[^`]*$)|~{3,})(?P<rest>.*)")
_LARGE_HEADING = re.compile(r"^( {0,3})#{1,2}(?=\s|$)")
_CODE_OR_TAG = re.compile(r"(?P<code>(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))|<")


def tamed(text: str) -> Iterator[str]:
    """Yields the lines of *text*: its headings are those of parts, its HTML is shown as text, its code blocks end."""
    fence = ""
    for line in map(printable, text.expandtabs(4).splitlines()):
        found = _FENCE.match(line)
        if fence:
            yield line
            ends = found is not None and found["marks"].startswith(fence) and not found["rest"].strip()
            fence = "" if ends else fence
        elif found is not None:
            yield line
            fence = found["marks"]
        else:
            yield _without_tags(_LARGE_HEADING.sub(r"\1###", line))
    if fence:
        yield fence


def _without_tags(line: str) -> str:
    """Escapes what would begin a tag, but not inside code, which is shown as it is written."""
    return _CODE_OR_TAG.sub(lambda found: found["code"] or "&lt;", line)
