"""A real browser: Debian's Chromium, driven by Playwright; the tests are skipped where one of the two is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import ARGUMENTS, Show, Shown, program
from sample_records import full_session

from pytest_cortex.record import SessionRecord
from pytest_cortex.reporting.page.rendering import encode

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module: starting it takes longer than most of what is done with it.

    Not for the whole session: while Playwright is active it has an event loop running in this thread, in which
    no other test could start one.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    path = program()
    if path is None:
        pytest.skip("needs Chromium on PATH, e.g. apt-get install chromium")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS])
        yield launched
        launched.close()


@contextmanager
def _opening(browser: Browser, folder: Path) -> Iterator[Show]:
    contexts: list[BrowserContext] = []

    def show(record: SessionRecord, *, fragment: str = "", **options: Any) -> Shown:
        file = folder / f"{len(contexts)}.html"
        file.write_bytes(encode(record))
        contexts.append(browser.new_context(**options))
        shown = Shown(page=contexts[-1].new_page())
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        shown.page.on("console", lambda message: shown.complaints.append(message.text))
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.page.on("dialog", shown.dismiss)
        shown.page.goto(file.as_uri() + fragment)
        return shown

    yield show
    for context in contexts:
        context.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Opens the page of a record from a file; further keywords are those of Playwright's ``new_context``."""
    with _opening(browser, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def full(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The page with one of everything, for tests that only look at it."""
    with _opening(browser, tmp_path_factory.mktemp("full")) as opened:
        yield opened(full_session())
