"""Any record there can be: hypothesis strategies read off the fields, so that a field somebody adds is drawn too."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeAlias

from hypothesis import strategies as st

from pytest_cortex.record import SCHEMA_VERSION, SessionRecord

Strategy: TypeAlias = st.SearchStrategy[Any]

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=4)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)
PLAIN: Mapping[Any, Strategy] = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(0, 99),
    Any: JSON_VALUES,
    type(None): st.none(),
}


def any_of(kind: Any, *, numbers: Strategy = FINITE) -> Strategy:
    """Returns a strategy for values of a type that a field of a record may have.

    Args:
        kind: The type.
        numbers: What is drawn for a float.
    """
    if kind is float:
        return numbers
    if kind in PLAIN:
        return PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        named = {each.name: _field(each.name, hints[each.name], numbers) for each in dataclasses.fields(kind)}
        return st.builds(typing.cast("type", kind), **named)
    return _composed(kind, numbers)


def _composed(kind: Any, numbers: Strategy) -> Strategy:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal or origin is None:  # the words of a literal, or of an enum
        return st.sampled_from(arguments or kind)
    if origin is Mapping:
        return st.dictionaries(TEXTS, any_of(arguments[1], numbers=numbers), max_size=2)
    inner = [any_of(each, numbers=numbers) for each in arguments if each is not ...]
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*inner)
    return st.lists(inner[0], max_size=2).map(tuple) if ... in arguments else st.tuples(*inner)


def _field(name: str, hint: Any, numbers: Strategy) -> Strategy:
    strategy = any_of(hint, numbers=numbers)
    if name == "schema":
        return st.just(SCHEMA_VERSION)
    if name in {"workers", "attempts"}:
        return strategy.map(lambda value: value + 1)
    if name.endswith("_s"):  # seconds are never negative
        return strategy.map(lambda value: value if value is None or math.isnan(value) else abs(value))
    return strategy


SESSIONS: st.SearchStrategy[SessionRecord] = any_of(SessionRecord)
SESSIONS_WITH_BROKEN_NUMBERS: st.SearchStrategy[SessionRecord] = any_of(SessionRecord, numbers=st.floats())
