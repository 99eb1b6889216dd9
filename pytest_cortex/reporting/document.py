"""``cortex.json``: the whole record, in a layout that ``cortex.schema.json`` describes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from pytest_cortex.record import to_json

if TYPE_CHECKING:
    from pytest_cortex.record import SessionRecord


def schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of ``cortex.json``."""
    text = resources.files("pytest_cortex.reporting").joinpath("cortex.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def encode(session: SessionRecord) -> bytes:
    """Returns the bytes of ``cortex.json``; a number that is not finite becomes null."""
    document = plain(to_json(session))
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (a command line argument that was not UTF-8) has no bytes in UTF-8.  Inside a JSON
    # string its backslash form is the escape JSON has for it.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def plain(value: object) -> Any:
    """Returns *value* made of what JSON knows; the environment and settings may hold anything."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case str() | int() | None:  # an int is also a bool
            return value
        case _:
            return str(value)
