"""A page in a real browser, for the tests that look at it as people do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(kw_only=True)
class Shown:
    """A page in the browser.

    Attributes:
        page: Playwright's.
        requests: Addresses that it asked for.
        complaints: What it wrote to the console, its errors, and windows that it opened.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def dismiss(self, dialog: Dialog) -> None:
        """Notes a window that the page opened, and closes it."""
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def ask(self, script: str, argument: object = None) -> Any:
        """What a JavaScript expression or function returns."""
        return self.page.evaluate(script, argument)

    def texts(self, selector: str) -> list[str]:
        """What is written in every element that *selector* finds."""
        found: list[str] = self.ask(
            "selector => [...document.querySelectorAll(selector)].map(each => each.innerText.trim())", selector
        )
        return found

    def column(self, table: str, heading: str) -> list[str]:
        """The cells below *heading* in rows that can be seen, from top to bottom.

        Not with Playwright's own selectors, which take seconds on a large page.
        """
        headings = [text.rstrip(" ↕↑↓") for text in self.texts(f"{table} thead > tr > *")]
        cells: list[str] = self.ask(
            """([table, place]) => [...document.querySelector(`${table} tbody`).rows]
                .filter(row => row.checkVisibility()).map(row => row.cells[place].innerText.trim())""",
            [table, headings.index(heading)],
        )
        return cells


Show: TypeAlias = Callable[..., Shown]


def program() -> str | None:
    """The browser's path; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def contrast(one: str, other: str) -> float:
    """How far two colours, as the browser gives them, are apart: from 1 to 21.

    Source:
        W3C, "Web Content Accessibility Guidelines 2.2", the definition of contrast ratio.
    """
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
