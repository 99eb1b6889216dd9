"""From the views to the bytes of ``index.html``.  Import this late: it loads Jinja2."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from pytest_cortex.reporting import summary
from pytest_cortex.reporting.page import losses, rounds
from pytest_cortex.reporting.page.build import Page, page_of
from pytest_cortex.wording import printable

if TYPE_CHECKING:
    from pytest_cortex.record import SessionRecord

_PACKAGE = "pytest_cortex.reporting.page"


def encode(session: SessionRecord) -> bytes:
    """Returns the bytes of ``index.html``."""
    return html(page_of(session)).encode()


def html(page: Page) -> str:
    """Returns the page as HTML.

    Whatever text comes in is shown as it is: escaped, and what cannot be printed as its Python escape.
    """
    words = {"losses": losses, "rounds": rounds, "summary": summary}
    return _environment().get_template("page.html.j2").render(page=page, script_hash=_script_hash(), **words)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters["look"] = _look
    return environment


def _shown(value: object) -> object:
    # Not what macros return, a subclass of str: that is HTML already.
    return printable(value) if type(value) is str else value


def _look(verdict: str) -> str:
    """Returns the name that a verdict has in the style sheet."""
    return verdict.lower().replace(" ", "-")


def _script_hash() -> str:
    """Returns what lets the page run its own script and no other, should a name ever get through as one."""
    script = _environment().get_template("script.js").render()
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
